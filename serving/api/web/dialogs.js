/** The one dialog: asks for a key or a confirmation, or shows something. Closes with Escape. */

import { Refusal, onKeyNeeded, useKey } from "./api.js";
import { at, h } from "./dom.js";
import { t } from "./i18n.js";

/**
 * Show it; resolves with the value of the button that closed it, "" for Escape.
 * @param {string} title
 * @param {any[]} content
 * @param {any[]} buttons
 * @returns {Promise<string>}
 */
export function show(title, content, buttons) {
  const dialog = /** @type {HTMLDialogElement} */ (at("dialog"));
  if (dialog.open) dialog.close("");
  dialog.returnValue = "";
  dialog.replaceChildren(h("form", { method: "dialog" }, h("h2", { id: "dialog-title" }, title), ...content,
    h("div", { class: "buttons" }, ...buttons)));
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue), { once: true });
  });
}

/** @param {string} value @param {string} words @param {string} [look] */
export function button(value, words, look = "quiet") {
  if (value) return h("button", { type: "submit", value, class: look }, words);
  // Of a form's submit buttons the first is what Enter presses: this must be none.
  return h("button", { type: "button", class: look, onclick: () => at("dialog").close("") }, words);
}

/** Whether a person means it. @param {string} title @param {string} words @param {string} yes */
export async function confirmed(title, words, yes) {
  return (await show(title, [h("p", {}, words)], [button("", t("cancel")), button("yes", yes, "danger")])) === "yes";
}

/** One question at a time, however many requests wait for the key. @type {Promise<boolean> | null} */
let asking = null;

export function startKeys() {
  onKeyNeeded((refusal) => {
    asking ??= ask(refusal).finally(() => { asking = null; });
    return asking;
  });
}

/** @param {Refusal} refusal */
async function ask(refusal) {
  const field = h("input", { id: "key", type: "password", autocomplete: "off", required: true });
  const content = [h("p", {}, t("key_why")), h("label", { for: "key" }, t("key")), field,
    h("p", { class: "about" }, refusal.message)];
  const answer = await show(t("key_title"), content, [button("", t("cancel")), button("use", t("key_use"), "strong")]);
  if (answer !== "use" || !field.value) return false;
  useKey(field.value.trim());
  return true;
}
