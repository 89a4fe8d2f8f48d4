/** Milliseconds from sending an event here to the list that names it being here, as a histogram. */

import { at, h, state } from "./dom.js";
import { number, onLanguage, t } from "./i18n.js";
import { store } from "./session.js";

const ENDS = [10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 500, Infinity];

export function startLatency() {
  store.on(["samples"], draw);
  onLanguage(draw);
  draw();
}

function draw() {
  const samples = store.get("samples");
  const box = at("latency");
  if (!samples.length) {
    at("latency-about").textContent = "";
    return box.replaceChildren(state("hint", t("latency_empty")));
  }
  const last = samples[samples.length - 1];
  const sorted = [...samples].sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  at("latency-about").textContent = t("latency_about", { n: samples.length, median: number(median) });
  const counts = ENDS.map((end, place) => samples.filter((/** @type {number} */ each) => each < end && each >= (ENDS[place - 1] ?? 0)).length);
  const current = ENDS.findIndex((end) => last < end);
  box.replaceChildren(
    h("p", { class: "figure" }, h("strong", {}, number(last)), " ms ", h("small", {}, t("latency_last"))),
    histogram(counts, ENDS.map((end) => (end === Infinity ? "∞" : String(end))), current, "ms"),
  );
}

/**
 * Bars of counts, each with the upper end of its bucket, and the same as a sentence for screen readers.
 * @param {number[]} counts
 * @param {string[]} ends
 * @param {number} marked the bucket of the newest; -1 for none
 * @param {string} unit
 */
export function histogram(counts, ends, marked, unit) {
  const most = Math.max(...counts, 1);
  const words = counts.map((each, place) => each && t("bucket", { n: number(each), end: ends[place], unit })).filter(Boolean);
  const bars = counts.map((each, place) => {
    const bar = h("span", { class: `column${place === marked ? " marked" : ""}` });
    bar.style.height = `${(100 * each) / most}%`;
    return h("span", { class: "bucket" }, h("span", { class: "shaft" }, bar), h("small", {}, ends[place]));
  });
  return h("div", { class: "histogram", role: "img", "aria-label": words.join(t("comma")) }, bars);
}
