/** The last events of the user, newest first, what each counts, and what can be done about it. */

import { ICONS, at, h, icon, state } from "./dom.js";
import { ago, has, number, onLanguage, t } from "./i18n.js";
import { slide } from "./motion.js";
import { store, written } from "./session.js";
import { item } from "./titles.js";

/** @type {Record<string, string>} */
const SHAPES = { click: ICONS.open, view: ICONS.open, like: ICONS.like, dismiss: ICONS.dismiss, rate: ICONS.rate,
  statement: ICONS.say, review: ICONS.say };
/** @type {{ retract: (id: string) => void, without: (event: any, words: string) => void }} */
let told;

/** @param {{ retract: (id: string) => void, without: (event: any, words: string) => void }} actions */
export function startTimeline(actions) {
  told = actions;
  store.on(["history", "phase"], draw);
  onLanguage(draw);
  setInterval(draw, 30_000);
  draw();
}

function draw() {
  const history = store.get("history");
  const box = at("timeline");
  at("timeline-about").textContent = history?.count ? t("events_in_all", { n: history.count }) : "";
  if (store.get("phase") === "erased") return box.replaceChildren(state("hint", t("nothing_left")));
  if (!history) return box.replaceChildren(state("loading", t("loading")));
  if (history.failed) return box.replaceChildren(state("failed", t("part_failed")));
  if (!history.events?.length) return box.replaceChildren(state("hint", t("timeline_empty")));
  let list = box.querySelector("ol");
  if (!list) {
    list = h("ol", { class: "events" });
    box.replaceChildren(list);
  }
  slide(list, () => list.replaceChildren(...history.events.map(drawEvent)));
  if (history.waiting) list.append(h("li", { class: "about" }, t("waiting", { n: history.waiting })));
}

/** What an event was about, in words. @param {any} event */
export function wordsOf(event) {
  const said = written.get(event.event_id);
  if (said) return `“${said}”`;
  if (event.item_id) return event.title ?? item(event.item_id).title;
  return event.words?.length ? event.words.join(" · ") : event.event_id;
}

/** @param {any} event */
function drawEvent(event) {
  const words = wordsOf(event);
  const kind = has(`kind_${event.kind}`) ? t(`kind_${event.kind}`) : event.kind;
  const sign = event.points > 0 ? "for" : event.points < 0 ? "against" : "";
  const points = h("span", { class: `points ${sign}` }, `${event.points > 0 ? "+" : ""}${number(event.points, 2)}`);
  const buttons = event.retracted ? h("span", { class: "about" }, t("retracted")) : h("span", { class: "actions" },
    h("button", { type: "button", class: "quiet", "aria-label": `${t("without")}: ${words}`, title: t("without_why"),
      onclick: () => told.without(event, words) }, t("without")),
    h("button", { type: "button", class: "quiet", data: { action: "retract" }, "aria-label": `${t("retract")}: ${words}`,
      title: t("retract_why"), onclick: () => told.retract(event.event_id) }, t("retract")));
  return h("li", { class: event.retracted ? "retracted" : "", data: { item: event.event_id, kind: event.kind } },
    icon(SHAPES[event.kind] ?? ICONS.other),
    h("div", {}, h("p", { class: "what" }, words), h("p", { class: "about" }, kind, " · ", ago(Date.parse(event.event_time)))),
    points, buttons);
}
