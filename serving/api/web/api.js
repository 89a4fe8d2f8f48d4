/** Requests to the API; what it refuses is a `Refusal` with the problem's words. */

const KEY = "penchant.key";
/** @type {(refusal: Refusal) => Promise<boolean>} */
let askForKey = async () => false;

export class Refusal extends Error {
  /** @param {number} status 0: nobody answers @param {string} reason @param {string} detail */
  constructor(status, reason, detail) {
    super(detail);
    this.status = status;
    this.reason = reason;
  }

  /** Whether it passes by itself. */
  get passes() {
    return this.status === 0 || this.status === 503 || this.status === 429;
  }
}

/** Who asks a person for a key where one is needed; answers whether there is one now. */
export function onKeyNeeded(/** @type {(refusal: Refusal) => Promise<boolean>} */ ask) {
  askForKey = ask;
}

/** @param {string} key */
export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

/** What every request carries. @returns {Record<string, string>} */
export function headers() {
  const key = sessionStorage.getItem(KEY);
  return key ? { Authorization: `Bearer ${key}` } : {};
}

/**
 * A response that is no refusal.
 * @param {string} path
 * @param {RequestInit} [options]
 */
export async function request(path, options = {}) {
  const carried = headers();
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: { ...carried, ...options.headers } });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Refusal(0, "away", String(error));
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  const refusal = new Refusal(answer.status, problem.reason ?? "unknown", problem.detail ?? answer.statusText);
  // One that set out before the key was given comes back refused after it: it goes again, and nobody is asked twice.
  const changed = headers().Authorization !== carried.Authorization;
  if (answer.status === 401 && (changed || (await askForKey(refusal)))) return request(path, options);
  throw refusal;
}

/** @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
export async function get(path, options) {
  return (await request(path, options)).json();
}

/** @param {string} path @param {object} body @returns {Promise<any>} */
export async function post(path, body) {
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  return (await request(path, options)).json();
}

/** The path of a user's. @param {string} id @param {string} rest */
export function ofUser(id, rest) {
  return `/v1/users/${encodeURIComponent(id)}/${rest}`;
}
