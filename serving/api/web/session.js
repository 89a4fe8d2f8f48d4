/** One user followed: their list as it comes, interests and history after each, and what is sent for them. */

import { Refusal, get, ofUser, post } from "./api.js";
import { changesBetween } from "./changes.js";
import { current } from "./i18n.js";
import { makeStore } from "./store.js";
import { follow } from "./stream.js";

const REFRESH_MS = 120; // lists may come many a second, of which each changes a little
const MOST_WAITS = 200;
const AGAIN_MS = 3000;
const NOTHING = { missing: true };

/**
 * list: the message, null if there is none. changes: since the version before. phase: of the list: loading, known,
 * unknown, erased, failed. problem: why. samples: milliseconds from event to list, oldest first.
 */
export const store = makeStore({
  user: "", list: null, changes: null, phase: "loading", problem: null, connection: "connecting",
  interests: null, history: null, samples: [],
});

/** Events on their way: id -> when they were sent. @type {Map<string, number>} */
const sent = new Map();
/** What was written here, by event id: the history has only the words that were looked up. @type {Map<string, string>} */
export const written = new Map();
let stop = () => {};
let refreshing = 0;

/** Follow somebody from now on. @param {string} user */
export function open(user) {
  stop();
  sent.clear();
  store.set({ user, list: null, changes: null, phase: "loading", problem: null, interests: null, history: null });
  localStorage.setItem("penchant.user", user);
  load(user);
  stop = follow(ofUser(user, "events"), {
    event(name, data) {
      if (store.get("user") !== user) return;
      if (name === "list") take(data);
      if (name === "erased") forget();
    },
    state(connection, problem) {
      if (store.get("user") !== user) return;
      const before = store.get("connection");
      store.set({ connection, problem: problem ?? null });
      if (connection === "live" && before === "away") load(user);
    },
  });
}

/** The list that stands; what trends for whom there is none. @param {string} user */
async function load(user) {
  try {
    const list = await get(ofUser(user, "recommendations?fallback=trending"));
    if (store.get("user") !== user) return;
    if (list.user_id === user) take(list);
    else if (!store.get("list") || store.get("phase") !== "known") store.set({ list, changes: null, phase: "unknown" });
    refresh();
  } catch (error) {
    if (store.get("user") !== user || !(error instanceof Refusal)) return;
    store.set(error.status === 404 ? { list: null, phase: "unknown" } : { phase: "failed", problem: error });
    if (error.passes) setTimeout(() => store.get("user") === user && load(user), AGAIN_MS);
  }
}

/** A list of the user's. @param {any} list */
function take(list) {
  const before = store.get("list");
  const same = store.get("phase") === "known" && before?.user_id === list.user_id;
  if (same && before.version >= list.version) return;
  measure(list);
  // Their first list is told apart from what trended, which is what one saw.
  const seen = same || (before && store.get("phase") === "unknown");
  store.set({ list, changes: seen ? changesBetween(before, list) : null, phase: "known", problem: null });
  refresh();
}

function forget() {
  sent.clear();
  store.set({ list: null, changes: null, phase: "erased", interests: NOTHING, history: NOTHING });
}

/** Which of our events this list names. @param {any} list */
function measure(list) {
  const now = performance.now();
  const fresh = [];
  for (const { event_id: id, waiting } of list.folded) {
    const at = sent.get(id);
    if (at === undefined || waiting) continue;
    fresh.push(now - at);
    sent.delete(id);
  }
  if (fresh.length) store.set({ samples: [...store.get("samples"), ...fresh].slice(-MOST_WAITS) });
}

/** Interests and history anew, soon. */
export function refresh() {
  clearTimeout(refreshing);
  refreshing = setTimeout(async () => {
    const user = store.get("user");
    // Of whom there is no list there is nothing else either.
    if (store.get("phase") === "unknown") return store.set({ interests: NOTHING, history: NOTHING });
    const found = await Promise.all([known(ofUser(user, "interests")), known(ofUser(user, "history"))]);
    if (store.get("user") === user && store.get("phase") !== "erased") {
      store.set({ interests: found[0], history: found[1] });
      if (found.some((each) => each.failed)) setTimeout(refresh, AGAIN_MS);
    }
  }, REFRESH_MS);
}

/** @param {string} path */
async function known(path) {
  try {
    return await get(path);
  } catch (error) {
    return error instanceof Refusal && error.status === 404 ? NOTHING : { failed: true };
  }
}

/** Send an event of the user's; resolves once the broker has it. @param {Record<string, unknown>} event */
export async function send(event) {
  const id = String(event.event_id ?? crypto.randomUUID());
  const list = store.get("list");
  const about = list && list.user_id === store.get("user") ? { list_version: list.version } : {};
  if (!sent.has(id)) sent.set(id, performance.now());
  if (typeof event.text === "string") written.set(id, event.text);
  const context = { language: current() };
  await post("/v1/events", { event_id: id, user_id: store.get("user"), ...about, source: "page", context, ...event });
  return id;
}

/** Send a command about the user. @param {Record<string, unknown>} command */
export async function order(command) {
  const id = crypto.randomUUID();
  if (command.type !== "erase") sent.set(id, performance.now());
  await post("/v1/commands", { command_id: id, user_id: store.get("user"), ...command });
}

/** Have an event that is sent in another way measured, and its words remembered. @param {string} text @returns {string} its id */
export function announce(text) {
  const id = crypto.randomUUID();
  sent.set(id, performance.now());
  written.set(id, text);
  return id;
}
