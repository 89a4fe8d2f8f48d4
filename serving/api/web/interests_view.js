/** Interests as bars that fade while one looks, by the half-life that the API tells. Time can be let run faster. */

import { at, h, state } from "./dom.js";
import { number, onLanguage, t } from "./i18n.js";
import { store } from "./session.js";

const MOST = 9;
const DAY_MS = 86_400_000;
/** Days that pass in a second. */
const SPEEDS = [0, 1, 7];
const DRAW_MS = 100;

let speed = 0;
let ahead = 0; // days let pass
let drawn = performance.now();
/** @type {{ interest: any, bar: HTMLElement, value: HTMLElement }[]} */
let rows = [];

export function startInterests() {
  store.on(["interests"], draw);
  onLanguage(draw);
  setInterval(fade, DRAW_MS);
  draw();
}

function draw() {
  const box = at("interests");
  const told = store.get("interests");
  rows = [];
  if (!told) return box.replaceChildren(state("loading", t("loading")));
  if (told.failed) return box.replaceChildren(state("failed", t("part_failed")));
  const shown = (told.interests ?? []).slice(0, MOST);
  if (!shown.length) return box.replaceChildren(state("hint", t("interests_empty")));
  const list = h("ul", { class: "bars" }, shown.map(drawRow));
  box.replaceChildren(list, clock());
  fade();
}

/** @param {any} interest */
function drawRow(interest) {
  const bar = h("span", { class: `bar${interest.weight < 0 ? " against" : ""}` });
  const value = h("span", { class: "value" });
  rows.push({ interest, bar, value });
  const evidence = t("evidence", { n: interest.evidence.length });
  return h("li", { title: evidence },
    h("span", { class: "name" }, interest.name, interest.facet ? h("small", {}, interest.facet) : h("small", {}, t("written"))),
    value, h("span", { class: "rail" }, bar));
}

/** Buttons for how fast time passes. */
function clock() {
  const choice = (/** @type {number} */ days) => h("button", {
    type: "button", class: "quiet", "aria-pressed": String(days === speed), data: { speed: days },
    onclick: () => { speed = days; if (!days) ahead = 0; draw(); },
  }, t(`speed_${days}`));
  return h("div", { class: "clock", role: "group", "aria-label": t("speed") }, SPEEDS.map(choice),
    h("output", { id: "ahead", class: "about" }));
}

/** Weights as they are by now. */
function fade() {
  const now = performance.now();
  ahead += (speed * (now - drawn)) / 1000;
  drawn = now;
  const told = store.get("interests");
  if (!rows.length || !told?.as_of) return;
  const days = (Date.now() - Date.parse(told.as_of)) / DAY_MS + ahead;
  const most = Math.max(...rows.map(({ interest }) => Math.abs(interest.weight)));
  for (const { interest, bar, value } of rows) {
    const weight = interest.weight * 2 ** (-Math.max(days, 0) / interest.half_life_days);
    bar.style.width = `${(100 * Math.abs(weight)) / most}%`;
    value.textContent = number(weight, 3);
  }
  at("interests-about").textContent = t("half_life", { n: number(told.interests[0].half_life_days) });
  const output = document.getElementById("ahead");
  if (output) output.textContent = speed ? t("days_ahead", { n: number(ahead) }) : "";
}
