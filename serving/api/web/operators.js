/** The view for operators: what workers count, second by second, and the dead letters. */

import { Refusal, get } from "./api.js";
import { at, h, state } from "./dom.js";
import { number, onLanguage, t } from "./i18n.js";
import { histogram } from "./latency_view.js";
import { store } from "./session.js";
import { drawLetters, startLetters } from "./operators_letters.js";

const EVERY_MS = 2000;
const KEPT = 60;

/** @type {{ at: number, counts: any }[]} the last looks, oldest first */
let looks = [];
/** @type {any} */
let told = null;
/** @type {Refusal | null} */
let problem = null;
let shown = false;
let timer = 0;
let started = false;

/** @param {boolean} visible */
export function showOperators(visible) {
  shown = visible;
  clearTimeout(timer);
  if (!visible) return;
  if (!started) {
    started = true;
    onLanguage(() => shown && layOut());
  }
  layOut();
  look();
}

async function look() {
  try {
    told = await get("/v1/operator/workers");
    problem = null;
    connected("live");
    if (told.counts) looks = [...looks, { at: Date.parse(told.as_of), counts: told.counts }].slice(-KEPT);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    problem = error;
    connected("away");
  }
  if (!shown) return;
  draw();
  timer = setTimeout(look, EVERY_MS);
}

/** Where nobody is followed, this tells whether the API answers. @param {string} connection */
function connected(connection) {
  if (!store.get("user")) store.set({ connection });
}

function layOut() {
  at("operators").replaceChildren(
    h("h2", { class: "page-title" }, t("operators")),
    h("div", { id: "ops" }),
    h("section", { class: "card", "aria-labelledby": "letters-title" },
      h("div", { class: "head" }, h("h3", { id: "letters-title" }, t("letters")), h("p", { id: "letters-about", class: "about" })),
      h("div", { id: "letters" })));
  draw();
  drawLetters();
  startLetters();
}

function draw() {
  const box = at("ops");
  if (problem) return box.replaceChildren(state("failed", problem.status === 0 ? t("away") : problem.message));
  if (!told) return box.replaceChildren(state("loading", t("loading")));
  if (!told.workers.length) return box.replaceChildren(state("hint", t("no_workers_named")));
  const down = told.workers.filter((/** @type {any} */ each) => each.problem);
  const troubles = down.map((/** @type {any} */ each) => state("failed", `${each.address}: ${each.problem}`));
  if (!told.counts) return box.replaceChildren(...troubles);
  box.replaceChildren(...troubles, tiles(told.counts), h("div", { class: "panels" }, ...panels(told.counts)));
}

/** @param {any} counts */
function tiles(counts) {
  const trials = sum(counts.variants, "trials");
  const hits = sum(counts.variants, "hits");
  const texts = counts.encoder_cached + counts.encoder_read;
  return h("div", { class: "tiles" },
    tile(t("lag"), number(counts.lag), t("lag_about"), series((each) => each.lag)),
    tile(t("per_second"), number(rate(looks.at(-2), looks.at(-1)), 1), t("rate_about", { n: number(total(counts.records)) }), rates()),
    tile(t("to_list"), quantile(counts.event_to_list, 0.5), t("to_list_about", { end: quantile(counts.event_to_list, 0.9) }), null),
    tile(t("hit_rate"), trials ? `${number((100 * hits) / trials, 1)} %` : "–", t("hit_rate_about", { n: trials === 1 ? 1 : number(trials) }), null),
    tile(t("cache"), texts ? `${number((100 * counts.encoder_cached) / texts)} %` : "–", t("cache_about", { n: number(texts) }), null),
    tile(t("items"), number(counts.items), t("items_about", { n: told.workers.length - down(told.workers), p: counts.partitions }), null));
}

/** @param {string} name @param {string} value @param {string} about @param {number[] | null} line */
function tile(name, value, about, line) {
  return h("section", { class: "card tile" }, h("h3", {}, name), h("p", { class: "figure" }, h("strong", {}, value)),
    line && line.length > 1 ? spark(line) : null, h("p", { class: "about" }, about));
}

/** @param {any} counts */
function panels(counts) {
  const { le, counts: times } = counts.event_to_list;
  const first = Math.max(times.findIndex((/** @type {number} */ each) => each) - 1, 0); // few are as fast as the first buckets
  const ends = le.slice(first).map((/** @type {number | null} */ each) => endOf(each));
  return [
    panel(t("to_list_histogram"), histogram(times.slice(first), ends, -1, "")),
    panel(t("quality"), quality(counts)),
    panel(t("paths"), shares(counts.lists, (name) => t(`path_${name}`))),
    panel(t("outcomes"), shares(counts.events, (name) => t(`outcome_${name}`))),
  ];
}

/** @param {string} title @param {any} content */
function panel(title, content) {
  return h("section", { class: "card" }, h("h3", {}, title), content);
}

/** @param {Record<string, number>} counts @param {(name: string) => string} named */
function shares(counts, named) {
  const all = total(counts);
  const rows = Object.entries(counts).filter(([, count]) => count).sort((a, b) => b[1] - a[1]);
  if (!rows.length) return state("hint", t("nothing_counted"));
  return h("ul", { class: "bars" }, rows.map(([name, count]) => {
    const bar = h("span", { class: "bar" });
    bar.style.width = `${(100 * count) / all}%`;
    return h("li", {}, h("span", { class: "name" }, named(name)), h("span", { class: "value" }, number(count)),
      h("span", { class: "rail" }, bar));
  }));
}

/** Hit rates by variant, coverage and Gini. @param {any} counts */
function quality(counts) {
  const rows = counts.variants.map((/** @type {any} */ each) => h("tr", {},
    h("th", { scope: "row" }, each.experiment ? `${each.experiment}: ${each.variant}` : t("all_lists")),
    h("td", {}, number(each.trials)), h("td", {}, each.trials ? `${number((100 * each.hits) / each.trials, 1)} %` : "–")));
  const more = [[t("coverage"), counts.coverage], [t("gini"), counts.gini]].filter(([, value]) => value !== null);
  return h("div", {},
    rows.length ? h("table", {}, h("thead", {}, h("tr", {}, ["experiment", "trials", "hit_rate"].map((each) =>
      h("th", { scope: "col" }, t(each))))), h("tbody", {}, rows)) : state("hint", t("no_trials")),
    h("dl", {}, more.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, number(value, 3))])));
}

/** @param {{ at: number, counts: any } | undefined} before @param {{ at: number, counts: any } | undefined} after */
function rate(before, after) {
  if (!before || !after || after.at <= before.at) return 0;
  return Math.max((1000 * (total(after.counts.records) - total(before.counts.records))) / (after.at - before.at), 0);
}

const rates = () => looks.slice(1).map((each, place) => rate(looks[place], each));
const series = (/** @type {(counts: any) => number} */ of) => looks.map((each) => of(each.counts));
const total = (/** @type {Record<string, number>} */ counts) => Object.values(counts).reduce((all, each) => all + each, 0);
const sum = (/** @type {any[]} */ rows, /** @type {string} */ name) => rows.reduce((all, each) => all + each[name], 0);
const down = (/** @type {any[]} */ workers) => workers.filter((each) => each.problem).length;

/** The end of a bucket, ms, or seconds with their unit. @param {number | null} seconds */
function endOf(seconds) {
  if (seconds === null) return "∞";
  return seconds < 1 ? String(seconds * 1000) : `${seconds} s`;
}

/**
 * In how many ms a share was there: the end of its bucket.
 * @param {{ le: (number | null)[], counts: number[] }} told
 * @param {number} share
 */
function quantile({ le, counts }, share) {
  const all = counts.reduce((sum, each) => sum + each, 0);
  if (!all) return "–";
  let below = 0;
  const place = counts.findIndex((each) => (below += each) >= share * all);
  return le[place] === null ? `> ${number(Number(le.at(-2)) * 1000)} ms` : `≤ ${number(Number(le[place]) * 1000)} ms`;
}

/** A line of the last looks. @param {number[]} values */
function spark(values) {
  const space = "http://www.w3.org/2000/svg";
  const most = Math.max(...values, 1);
  const drawn = document.createElementNS(space, "svg");
  drawn.setAttribute("viewBox", "0 0 100 24");
  drawn.setAttribute("preserveAspectRatio", "none");
  drawn.setAttribute("class", "spark");
  drawn.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "polyline");
  line.setAttribute("points", values.map((each, place) =>
    `${(100 * place) / (values.length - 1)},${23 - (21 * each) / most}`).join(" "));
  drawn.append(line);
  return drawn;
}
