/** The list: entries with facets and reasons; what moved slides to its place, what is new lights up. */

import { ICONS, at, h, icon, state } from "./dom.js";
import { ago, has, number, onLanguage, t } from "./i18n.js";
import { slide } from "./motion.js";
import { store } from "./session.js";
import { item, learn } from "./titles.js";

const SOURCES = ["content", "covisit", "popular", "explore"];
const MOST_VALUES = 4; // of the first facet
const MOST_CHIPS = 5;
const SHORT = 8; // entries that a narrow screen shows at first
const NAMED = 2; // of what is gone
/** @type {Set<string>} items whose reasons somebody looks at */
const unfolded = new Set();
/** @type {Set<string>} facets that are not shown */
let dull = new Set();
/** @type {(what: string, id: string, more?: object) => void} */
let act = () => {};

/** @param {(what: string, id: string, more?: object) => void} onAction of an item */
export function startList(onAction) {
  act = onAction;
  store.on(["list", "phase", "problem"], draw);
  onLanguage(draw);
  setInterval(about, 5000);
  at("more").addEventListener("click", () => {
    at("list").classList.add("all");
    at("more").hidden = true;
    at("list").children[SHORT]?.querySelector("button")?.focus();
  });
  draw();
}

/** Once titles are known: ids tell nobody anything, and would flash by. */
async function draw() {
  const { list } = known();
  /** @type {any[]} */
  const entries = list?.items ?? [];
  const gone = store.get("changes")?.gone ?? [];
  await learn([...entries.map((each) => each.item_id), ...gone]).catch(() => false);
  if (store.get("list") !== list) return; // a newer one is being drawn
  about();
  drawState(known().phase, list);
  drawEntries(entries);
  say(gone);
}

/** @returns {{ list: any, phase: string }} */
function known() {
  return { list: store.get("list"), phase: store.get("phase") };
}

function about() {
  const { list, phase } = known();
  const made = list ? ago(Date.parse(list.generated_at)) : "";
  const path = phase === "unknown" && list ? "trending" : list?.path;
  at("list-about").replaceChildren(
    ...(list ? [h("span", { class: `path ${path}`, title: t(`path_${path}_why`) }, t(`path_${path}`)), ` ${made}`] : []),
  );
}

/** Above the entries what changed, for the eye and for a screen reader. @param {string[]} gone */
function say(gone) {
  const counts = store.get("changes")?.counts;
  const parts = counts ? ["new", "moved", "gone"].filter((each) => counts[each]) : [];
  const words = parts.map((each) => t(`changed_${each}`, { n: counts[each] })).join(t("comma"));
  const shown = at("list-changes");
  const names = gone.slice(0, NAMED).map((id) => h("s", {}, item(id).title));
  shown.replaceChildren(h("span", {}, words || (counts ? t("changed_nothing") : many())));
  if (names.length) shown.append(h("span", { class: "gone" }, ...names, gone.length > NAMED && `+${gone.length - NAMED}`));
  at("said").textContent = words ? `${t("list_changed")}: ${words}` : "";
}

/** How long the list is. */
function many() {
  const count = store.get("list")?.items.length;
  return count ? t("best_first", { n: count }) : "";
}

/** @param {string} phase @param {any} list */
function drawState(phase, list) {
  const place = at("list-state");
  /** @type {Record<string, () => any>} */
  const words = {
    loading: () => state("loading", t("loading")),
    unknown: () => state("hint", t(list ? "unknown_trending" : "unknown_empty")),
    erased: () => state("hint", t("erased")),
    failed: () => state("failed", store.get("problem")?.status === 0 ? t("away") : store.get("problem")?.message ?? ""),
  };
  const draw = phase === "known" && !list.items.length ? () => state("hint", t("list_empty")) : words[phase];
  place.replaceChildren(...(draw ? [draw()] : []));
  at("list").setAttribute("aria-busy", String(phase === "loading"));
  at("more").hidden = (list?.items.length ?? 0) <= SHORT || at("list").classList.contains("all");
  at("more").textContent = t("show_all", { n: list?.items.length ?? 0 });
}

/** @param {any[]} entries */
function drawEntries(entries) {
  const box = at("list");
  const moves = store.get("changes")?.moves;
  dull = dullOf(entries);
  const active = /** @type {HTMLElement | null} */ (document.activeElement);
  const focused = /** @type {HTMLElement | null | undefined} */ (active?.closest("[data-item]"));
  const focus = focused && { id: focused.dataset.item, action: active?.dataset.action };
  slide(box, () => {
    box.replaceChildren(...entries.map((each, place) => drawEntry(each, place, moves?.get(each.item_id))));
  });
  if (focus?.action) box.querySelector(`[data-item="${CSS.escape(focus.id ?? "")}"] [data-action="${focus.action}"]`)?.focus();
}

/** @param {any} entry @param {number} place @param {number | "new" | undefined} move */
function drawEntry(entry, place, move) {
  const { title, facets } = item(entry.item_id);
  return h("li", { class: `entry${move === "new" ? " fresh" : ""}`, data: { item: entry.item_id } },
    h("div", { class: "place" }, h("span", { class: "rank" }, place + 1), moved(move)),
    h("div", { class: "about-item" },
      h("h3", {}, title),
      h("p", { class: "facets" }, chips(facets).map(([name, value]) => h("span", { class: "chip", title: name }, value))),
      why(entry)),
    actions(entry, place, title));
}

/** @param {number | "new" | undefined} move */
export function moved(move) {
  if (!move) return null;
  if (move === "new") return h("span", { class: "move new" }, t("new"));
  const words = t(move > 0 ? "moved_up" : "moved_down", { n: Math.abs(move) });
  return h("span", { class: `move ${move > 0 ? "up" : "down"}` },
    h("span", { "aria-hidden": "true" }, `${move > 0 ? "▲" : "▼"} ${Math.abs(move)}`), h("span", { class: "hidden" }, words));
}

/** A reason in words; behind it all of them, each with its share of the points. @param {any} entry */
function why(entry) {
  const rows = entry.reasons.map((/** @type {any} */ each) => h("li", {},
    h("span", { class: "share" }, `${Math.round(each.share * 100)} %`), each.words));
  const source = SOURCES.includes(entry.source) && has(`source_${entry.source}`) ? t(`source_${entry.source}`) : entry.source;
  const first = entry.reasons.find((/** @type {any} */ each) => each.event_id) ?? entry.reasons[0]; // what they did, if anything
  const opened = unfolded.has(entry.item_id);
  const fold = (/** @type {any} */ event) => unfolded[event.target.open ? "add" : "delete"](entry.item_id);
  return h("details", { class: "why", open: opened, ontoggle: fold }, h("summary", {}, first ? first.words : source),
    h("ul", {}, rows), h("p", {}, t("points", { n: number(entry.score, 2) }), " · ", source));
}

/**
 * Facets' values as they are shown: some of the first facet, one of each other, a few in all.
 * @param {Record<string, string | string[]>} facets
 */
function chips(facets) {
  const told = Object.entries(facets).filter(([name]) => !dull.has(name));
  const found = told.flatMap(([name, values], place) =>
    [values].flat().slice(0, place ? 1 : MOST_VALUES).map((value) => [name, String(value)]));
  return found.slice(0, MOST_CHIPS);
}

/** Facets that tell nothing here: all entries have the same single value. @param {any[]} entries */
function dullOf(entries) {
  const [first, ...others] = entries.map((each) => item(each.item_id).facets);
  if (!others.length) return new Set();
  return new Set(Object.keys(first).filter((name) => typeof first[name] === "string" &&
    others.every((each) => each[name] === first[name])));
}

/** @param {any} entry @param {number} place @param {string} title */
function actions(entry, place, title) {
  const position = place + 1;
  const button = (/** @type {string} */ what, /** @type {string} */ path) => h("button", {
    type: "button", class: "quiet", data: { action: what }, title: t(what), "aria-label": `${t(what)}: ${title}`,
    onclick: () => act(what, entry.item_id, { position }),
  }, icon(path));
  const stars = h("select", {
    class: "quiet", data: { action: "rate" }, title: t("rate"), "aria-label": `${t("rate")}: ${title}`,
    onchange: (/** @type {any} */ event) => act("rate", entry.item_id, { position, value: Number(event.target.value) }),
  }, h("option", { value: "" }, "★"), [5, 4, 3, 2, 1].map((each) => h("option", { value: String(each) }, "★".repeat(each))));
  return h("div", { class: "actions" }, button("click", ICONS.open), button("like", ICONS.like), stars,
    button("dismiss", ICONS.dismiss));
}
