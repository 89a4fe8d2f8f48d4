/** The box to write in, and the question that comes back where what was written may mean two things. */

import { Refusal, get, ofUser, post } from "./api.js";
import { at, h } from "./dom.js";
import { current, onLanguage, t } from "./i18n.js";
import { announce, send, store } from "./session.js";

/** @type {any} the question that stands */
let question = null;
/** Whether this API has conversations: an older one is not asked, for what it refuses stands in the console. */
let talks = /** @type {Promise<boolean> | null} */ (null);
const CONVERSATION = "/v1/users/{id}/conversation";
const LATE_MS = 1500;

/** @param {(error: unknown) => void} onFailure */
export function startTalk(onFailure) {
  const field = at("statement");
  at("say").addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const text = field.value.trim();
    if (!text) return field.focus();
    field.value = "";
    try {
      await say(text);
    } catch (error) {
      field.value = text;
      onFailure(error);
    }
  });
  store.on(["user"], () => ask(null));
  onLanguage(draw);

  /** @param {string} text */
  async function say(text) {
    ask(null);
    talks ??= get("/openapi.json").then((told) => CONVERSATION in told.paths);
    if (!(await talks)) return send({ text });
    const user = store.get("user");
    const id = announce(text); // its list may be here before the answer is
    // Under its id what is said counts once: it need not wait for an API that has to read what it needs first.
    const late = setTimeout(() => send({ text, event_id: id }).catch(onFailure), LATE_MS);
    try {
      const told = await post(ofUser(user, "conversation"), { text, event_id: id, language: current() });
      if (store.get("user") === user) ask(told.question ?? null);
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 503) throw error;
      await send({ text, event_id: id }); // it cannot ask yet, or ever
    } finally {
      clearTimeout(late);
    }
  }

  /** @param {any} next */
  function ask(next) {
    question = next;
    draw();
  }

  function draw() {
    const box = at("question");
    box.hidden = !question;
    if (!question) return box.replaceChildren();
    const choices = question.choices.map((/** @type {any} */ each) => h("button", {
      type: "button", class: "choice", onclick: () => answer(each),
    }, each.label));
    box.replaceChildren(h("p", { role: "status" }, question.text), h("div", { class: "field", role: "group",
      "aria-label": t("choices") }, choices, h("button", { type: "button", class: "quiet", onclick: () => ask(null) }, t("neither"))));
  }

  /** @param {any} choice */
  async function answer(choice) {
    ask(null);
    try {
      for (const event of choice.events) await send(event);
    } catch (error) {
      onFailure(error);
    }
  }
}
