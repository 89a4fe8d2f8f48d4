/** The page put together: which view the address names, and what buttons do. */

import { Refusal } from "./api.js";
import { confirmed, startKeys } from "./dialogs.js";
import { at, h } from "./dom.js";
import { current, onLanguage, speak, t, translatePage } from "./i18n.js";
import { startInterests } from "./interests_view.js";
import { startLatency } from "./latency_view.js";
import { startList } from "./list_view.js";
import { startMap } from "./map_view.js";
import { showOperators } from "./operators.js";
import { open, order, send, store } from "./session.js";
import { startTalk } from "./talk.js";
import { startTheme } from "./theme.js";
import { startTimeline } from "./timeline_view.js";
import { item } from "./titles.js";
import { whatIf } from "./what_if.js";
import { somebody, startWho } from "./who.js";

const NOTICE_MS = 6000;
let noticed = 0;

/** Say something in passing; a problem stays a while. @param {string} words @param {string} [kind] */
function notice(words, kind = "") {
  clearTimeout(noticed);
  at("notice").replaceChildren(h("p", { class: `notice ${kind}` }, words));
  noticed = setTimeout(() => at("notice").replaceChildren(), NOTICE_MS);
}

/** What could not be done. @param {unknown} error */
function failed(error) {
  if (!(error instanceof Refusal)) throw error;
  const words = { 0: t("away"), 401: t("no_key"), 403: t("forbidden") }[error.status];
  notice(words ?? error.message, "bad");
}

/** Do something that may be refused. @param {() => Promise<unknown>} work @param {string} [done] what to say then */
async function attempt(work, done) {
  try {
    await work();
    if (done) notice(done);
  } catch (error) {
    failed(error);
  }
}

/** @param {string} what @param {string} id of an item @param {object} [more] */
function act(what, id, more) {
  attempt(() => send({ item_id: id, type: what, ...more }), t(`did_${what}`, { title: item(id).title }));
}

function startWhole() {
  at("merge").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const field = at("anonymous");
    const other = field.value.trim();
    const user = store.get("user");
    if (!other || !(await confirmed(t("merge"), t("merge_why", { other, user }), t("merge")))) return;
    field.value = "";
    attempt(() => order({ type: "merge", anonymous_id: other }), t("did_merge", { other }));
  });
  at("erase").addEventListener("click", async () => {
    const user = store.get("user");
    if (!(await confirmed(t("erase"), t("erase_why", { user }), t("erase")))) return;
    attempt(() => order({ type: "erase" }), t("did_erase"));
  });
}

function connection() {
  const state = store.get("connection");
  const shown = at("connection");
  if (shown.dataset.state === `${state} ${current()}`) return; // else it would be read out again
  shown.dataset.state = `${state} ${current()}`;
  shown.className = `connection ${state}`;
  shown.textContent = t(`connection_${state}`);
}

/** The view that the address names: `#/users/ID`, `#/operators`. */
async function route() {
  const operators = location.hash.startsWith("#/operators");
  at("person").hidden = operators;
  at("operators").hidden = !operators;
  at("to-person").toggleAttribute("aria-current", !operators);
  at("to-operators").toggleAttribute("aria-current", operators);
  showOperators(operators);
  if (operators) return;
  const [, id] = /^#\/users\/(.+)$/.exec(location.hash) ?? [];
  const user = id === undefined ? store.get("user") || (await somebody()) : decoded(id);
  if (user !== store.get("user")) open(user);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // somebody wrote the address by hand
  }
}

function start() {
  translatePage();
  startTheme();
  startKeys();
  startWho();
  startTalk(failed);
  startList(act);
  startInterests();
  startLatency();
  startTimeline({
    retract: (id) => attempt(() => order({ type: "retract", event_id: id }), t("did_retract")),
    without: whatIf,
  });
  startWhole();
  store.on(["connection"], connection);
  onLanguage(connection);
  connection();
  const language = at("language");
  const name = () => { language.textContent = t("other_language"); language.lang = current() === "zh" ? "en" : "zh-Hans"; };
  language.addEventListener("click", () => speak(current() === "zh" ? "en" : "zh"));
  onLanguage(name);
  name();
  addEventListener("hashchange", route);
  route();
  startMap();
}

start();
