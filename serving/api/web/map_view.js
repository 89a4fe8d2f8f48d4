/** The map of items, and on it the user: what they did, what their list has, where they stand and where they came from. */

import { Refusal, get } from "./api.js";
import { at, h, state } from "./dom.js";
import { number, onLanguage, t } from "./i18n.js";
import { paint, paintItems } from "./map_paint.js";
import { moves } from "./motion.js";
import { store } from "./session.js";
import { onTheme } from "./theme.js";
import { item, learn } from "./titles.js";

const MOST_STEPS = 12;
const GLIDE_MS = 700;
const REACH = 10; // pixels around a dot that count as on it

/** @type {any} */
let map = null;
/** @type {Map<string, number>} */
let index = new Map();
/** @type {HTMLCanvasElement | null} */
let canvas = null;
/** @type {HTMLCanvasElement | null} */
let items = null;
/** @type {[number, number][]} places of the user, oldest first */
let steps = [];
let user = "";
let glide = 0;

export async function startMap() {
  store.on(["history", "list", "user", "phase"], update);
  onLanguage(update);
  onTheme(() => { items = null; draw(1); });
  new ResizeObserver(() => { items = null; draw(1); }).observe(at("map"));
  await load();
}

async function load() {
  const box = at("map");
  if (!map) box.replaceChildren(state("loading", t("loading")));
  try {
    map = await get("/v1/map");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    box.replaceChildren(state("failed", error.status === 0 ? t("away") : error.message));
    if (error.passes) setTimeout(load, 3000);
    return;
  }
  index = new Map(map.items.map((/** @type {string} */ id, /** @type {number} */ place) => [id, place]));
  items = null;
  if (!map.items.length) {
    box.replaceChildren(state("hint", t("map_empty")));
    setTimeout(load, 3000);
    return;
  }
  canvas = h("canvas", { role: "img", id: "map-canvas" });
  const tip = h("p", { class: "tip", hidden: true });
  box.replaceChildren(canvas, tip);
  canvas?.addEventListener("pointermove", (event) => hover(event, tip));
  canvas?.addEventListener("pointerleave", () => { tip.hidden = true; });
  update();
}

function update() {
  const history = store.get("history");
  if (store.get("user") !== user || store.get("phase") === "erased") {
    user = store.get("user");
    steps = [];
  }
  const place = history?.place;
  const last = steps[steps.length - 1];
  if (place && (!last || Math.hypot(last[0] - place[0], last[1] - place[1]) > 1e-3)) {
    steps = [...steps, place].slice(-MOST_STEPS);
    animate();
  } else draw(1);
  describe();
}

/** The user's dot glides to its new place. */
function animate() {
  cancelAnimationFrame(glide);
  if (!moves() || steps.length < 2) return draw(1);
  const began = performance.now();
  const frame = (/** @type {number} */ now) => {
    const share = Math.min((now - began) / GLIDE_MS, 1);
    draw(1 - (1 - share) ** 3);
    if (share < 1) glide = requestAnimationFrame(frame);
  };
  glide = requestAnimationFrame(frame);
}

/** @param {number} share of the last step that is done */
function draw(share) {
  if (!canvas?.clientWidth || !map?.items.length) return;
  items ??= paintItems(canvas, map);
  const listed = (store.get("list")?.items ?? []).map((/** @type {any} */ each) => spot(each.item_id)).filter(Boolean);
  const events = (store.get("history")?.events ?? []).filter((/** @type {any} */ each) => !each.retracted && each.points);
  const past = events.map((/** @type {any} */ each) => {
    const place = each.place ?? spot(each.item_id);
    return place && { place, points: each.points, text: Boolean(each.place) };
  }).filter(Boolean);
  paint(canvas, items, { listed, past, steps, share, labels: map.labels });
}

/** @param {string} id @returns {[number, number] | null} */
function spot(id) {
  const place = index.get(id);
  return place === undefined ? null : [map.x[place], map.y[place]];
}

/** In words what the map shows, for who cannot see it. */
function describe() {
  if (!map?.items.length) return;
  at("map-about").textContent = t("map_about", { n: number(map.items.length) });
  const last = steps[steps.length - 1];
  const near = last && [...map.labels].sort((a, b) =>
    Math.hypot(a.x - last[0], a.y - last[1]) - Math.hypot(b.x - last[0], b.y - last[1])).slice(0, 3);
  const words = near ? t("map_near", { names: near.map((each) => each.name).join(t("comma")) }) : t("map_nowhere");
  canvas?.setAttribute("aria-label", `${t("map_about", { n: number(map.items.length) })}. ${words}`);
}

/** @param {PointerEvent} event @param {HTMLElement} tip */
async function hover(event, tip) {
  if (!canvas) return;
  const box = canvas.getBoundingClientRect();
  const scale = box.width / 2;
  const [x, y] = [(event.clientX - box.left) / scale - 1, 1 - (event.clientY - box.top) / scale];
  let [best, nearest] = [-1, (REACH / scale) ** 2];
  map.x.forEach((/** @type {number} */ each, /** @type {number} */ place) => {
    const apart = (each * 0.94 - x) ** 2 + (map.y[place] * 0.94 - y) ** 2;
    if (apart < nearest) [best, nearest] = [place, apart];
  });
  tip.hidden = best < 0;
  if (best < 0) return;
  const id = map.items[best];
  const show = () => { tip.textContent = item(id).title; };
  show();
  tip.style.left = `${event.clientX - box.left}px`;
  tip.style.top = `${event.clientY - box.top}px`;
  if (await learn([id]).catch(() => false)) show();
}
