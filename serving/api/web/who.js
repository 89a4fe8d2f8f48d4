/** Who is looked at: known users while one types, or somebody new. */

import { Refusal, get } from "./api.js";
import { at, h } from "./dom.js";
import { open, store } from "./session.js";

const TYPED_MS = 200;

export function startWho() {
  const field = at("user");
  let timer = 0;
  at("who").addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    const id = field.value.trim();
    if (id) go(id);
  });
  at("fresh").addEventListener("click", () => {
    go(`guest-${crypto.randomUUID().slice(0, 8)}`);
    at("statement").focus();
  });
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => suggest(field.value.trim()), TYPED_MS);
  });
  field.addEventListener("focus", () => suggest(""), { once: true });
  store.on(["user"], () => { field.value = store.get("user"); });
}

/** Put the user into the address, so that it can be linked to; the address is what is followed. @param {string} id */
function go(id) {
  const address = `#/users/${encodeURIComponent(id)}`;
  if (location.hash === address) open(id);
  else location.hash = address;
}

/** @param {string} like a part of an id */
async function suggest(like) {
  try {
    const { users } = await get(`/v1/operator/users?like=${encodeURIComponent(like)}`);
    at("users").replaceChildren(...users.map((/** @type {any} */ each) => h("option", { value: each.user_id })));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error; // who may not list users can still name one
  }
}

/** Who is looked at when the address names nobody: whom one saw last, else whose list is newest, else somebody new. */
export async function somebody() {
  const last = localStorage.getItem("penchant.user");
  if (last) return last;
  try {
    const { users } = await get("/v1/operator/users");
    if (users.length) return users[0].user_id;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
  }
  return `guest-${crypto.randomUUID().slice(0, 8)}`;
}
