/** Dead letters: how many of which reason, the newest, and sending them back. */

import { Refusal, get, post } from "./api.js";
import { confirmed } from "./dialogs.js";
import { at, h, state } from "./dom.js";
import { ago, number, t } from "./i18n.js";

/** @type {any} */
let told = null;
/** @type {string} */
let problem = "";
let result = "";

/** Ask for them; each look reads all of them, so it is not done by itself again. */
export async function startLetters() {
  try {
    told = await get("/v1/operator/dead-letters");
    problem = "";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problem = error.status === 0 ? t("away") : error.message;
  }
  drawLetters();
}

export function drawLetters() {
  const box = document.getElementById("letters");
  if (!box) return;
  if (problem) return box.replaceChildren(state("failed", problem, again()));
  if (!told) return box.replaceChildren(state("loading", t("loading")));
  if (!told.letters.length) return box.replaceChildren(state("hint", t("no_letters"), again()));
  const all = told.letters.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.letters, 0);
  at("letters-about").textContent = t("letters_about", { n: all });
  box.replaceChildren(...[
    told.erasures ? state("failed", t("letters_erasures", { n: told.erasures })) : null,
    result ? h("p", { role: "status" }, result) : null,
    h("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": t("letters") }, table()),
    h("div", { class: "buttons" }, again(),
      h("button", { type: "button", onclick: () => redrive({}, t("redrive_all")) }, t("redrive_all"))),
    h("details", { class: "newest" }, h("summary", {}, t("newest_letters")), h("ul", {}, told.newest.map(letter))),
  ].filter(Boolean));
}

function again() {
  return h("button", { type: "button", class: "quiet", onclick: startLetters }, t("look_again"));
}

function table() {
  const columns = ["topic", "reason", "letters_n", "redriven", "last", ""].map((each) =>
    h("th", { scope: "col" }, each ? t(`column_${each}`) : h("span", { class: "hidden" }, t("redrive"))));
  return h("table", {}, h("thead", {}, h("tr", {}, columns)), h("tbody", {}, told.letters.map((/** @type {any} */ each) => h("tr", {},
    h("td", {}, each.topic), h("th", { scope: "row" }, h("code", {}, each.reason || "?")), h("td", {}, number(each.letters)),
    h("td", {}, number(each.redriven)), h("td", {}, ago(Date.parse(each.last))),
    h("td", {}, each.redriven < each.letters && each.reason ? h("button", { type: "button", class: "quiet",
      "aria-label": `${t("redrive")}: ${each.reason}, ${each.topic}`,
      onclick: () => redrive({ topic: each.topic, reason: each.reason }, `${each.reason}, ${each.topic}`) }, t("redrive")) : null)))));
}

/** @param {any} each */
function letter(each) {
  return h("li", {}, h("p", {}, h("code", {}, each.reason || "?"), " ", each.message),
    h("p", { class: "about" }, `${each.topic} ${each.partition ?? ""}·${each.offset ?? ""} · `, ago(Date.parse(each.time)),
      each.redriven ? ` · ${t("column_redriven")}` : ""),
    each.value === null ? null : h("pre", { tabIndex: 0 }, each.value));
}

/** @param {object} wanted @param {string} words */
async function redrive(wanted, words) {
  if (!(await confirmed(t("redrive"), t("redrive_why", { words }), t("redrive")))) return;
  try {
    const done = await post("/v1/operator/dead-letters/redrive", wanted);
    result = t("redriven", { n: done.total }) + (done.left ? ` ${t("redrive_left", { left: done.left })}` : "");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    result = error.message;
  }
  await startLetters();
}
