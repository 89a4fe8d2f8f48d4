/** Paints the map: items once, on a canvas of their own, and over them what changes. */

import { colour } from "./theme.js";

const MARGIN = 0.94; // of the radius that the disc takes
const GROUPS = 12;

/** @param {HTMLCanvasElement} canvas @returns {number} its side in pixels of the screen */
function fit(canvas) {
  const side = Math.round(canvas.clientWidth * devicePixelRatio);
  if (canvas.width !== side || canvas.height !== side) canvas.width = canvas.height = side;
  return side;
}

/** @param {number} side @returns {(place: [number, number]) => [number, number]} */
function scaled(side) {
  const half = side / 2;
  return ([x, y]) => [half + x * half * MARGIN, half - y * half * MARGIN];
}

/**
 * @param {HTMLCanvasElement} shown whose size it takes
 * @param {{ x: number[], y: number[], group: number[] }} map
 */
export function paintItems(shown, map) {
  const side = fit(shown);
  const made = document.createElement("canvas");
  made.width = made.height = side;
  const pen = /** @type {CanvasRenderingContext2D} */ (made.getContext("2d"));
  const at = scaled(side);
  const unit = devicePixelRatio;
  const radius = unit * Math.max(0.9, Math.min(2.6, 70 / Math.sqrt(map.x.length)));
  pen.fillStyle = colour("--map-disc");
  circle(pen, [side / 2, side / 2], side / 2);
  pen.fill();
  const shades = Array.from({ length: GROUPS }, (_, number) => colour(`--group-${number}`));
  const plain = colour("--group-none");
  pen.globalAlpha = 0.75;
  map.x.forEach((x, place) => {
    pen.fillStyle = shades[map.group[place]] ?? plain;
    circle(pen, at([x, map.y[place]]), radius);
    pen.fill();
  });
  pen.globalAlpha = 1;
  return made;
}

/**
 * Names of groups, commonest first; one that would lie on another is left out.
 * @param {CanvasRenderingContext2D} pen
 * @param {{ name: string, place: [number, number] }[]} named
 * @param {number} unit
 */
function labels(pen, named, unit) {
  const size = 11 * unit;
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  pen.lineWidth = 3.5 * unit;
  /** @type {[number, number, number, number][]} */
  const taken = [];
  for (const { name, place: [x, y] } of named) {
    const wide = pen.measureText(name).width / 2 + 3 * unit;
    const box = /** @type {[number, number, number, number]} */ ([x - wide, y - size, x + wide, y + size]);
    if (taken.some((each) => each[0] < box[2] && box[0] < each[2] && each[1] < box[3] && box[1] < each[3])) continue;
    taken.push(box);
    pen.strokeStyle = colour("--map-disc");
    pen.strokeText(name, x, y);
    pen.fillStyle = colour("--ink");
    pen.fillText(name, x, y);
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLCanvasElement} items
 * @param {{ listed: [number, number][], past: { place: [number, number], points: number, text: boolean }[],
 *           steps: [number, number][], share: number, labels: { name: string, x: number, y: number }[] }} shown
 */
export function paint(canvas, items, shown) {
  const side = fit(canvas);
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const at = scaled(side);
  const unit = devicePixelRatio;
  pen.clearRect(0, 0, side, side);
  pen.globalAlpha = shown.steps.length ? 0.55 : 1;
  pen.drawImage(items, 0, 0);
  pen.globalAlpha = 1;
  const [accent, warm, ink] = [colour("--accent"), colour("--warm"), colour("--surface")];
  for (const { place, points, text } of shown.past) {
    pen.strokeStyle = points < 0 ? colour("--bad") : accent;
    pen.lineWidth = 1.5 * unit;
    const reach = unit * (3.500 + 2.500 * Math.min(Math.abs(points), 2));
    if (text) square(pen, at(place), reach);
    else circle(pen, at(place), reach);
    pen.stroke();
  }
  pen.fillStyle = accent;
  for (const place of shown.listed) {
    circle(pen, at(place), 3 * unit);
    pen.fill();
  }
  labels(pen, shown.labels.map((each) => ({ name: each.name, place: at([each.x, each.y]) })), unit);
  trail(pen, shown.steps.map(at), shown.share, { unit, warm, ink });
}

/**
 * Where the user came from, and where they are.
 * @param {CanvasRenderingContext2D} pen
 * @param {[number, number][]} steps
 * @param {number} share
 * @param {{ unit: number, warm: string, ink: string }} look
 */
function trail(pen, steps, share, { unit, warm, ink }) {
  const last = steps[steps.length - 1];
  if (!last) return;
  const from = steps[steps.length - 2] ?? last;
  const now = /** @type {[number, number]} */ ([from[0] + (last[0] - from[0]) * share, from[1] + (last[1] - from[1]) * share]);
  const path = [...steps.slice(0, -1), now];
  pen.strokeStyle = pen.fillStyle = warm;
  pen.lineWidth = 2 * unit;
  for (let each = 1; each < path.length; each++) {
    pen.globalAlpha = (0.85 * each) / path.length;
    pen.beginPath();
    pen.moveTo(...path[each - 1]);
    pen.lineTo(...path[each]);
    pen.stroke();
  }
  pen.globalAlpha = 0.18;
  circle(pen, now, 15 * unit);
  pen.fill();
  pen.globalAlpha = 1;
  circle(pen, now, 6.5 * unit);
  pen.fill();
  pen.lineWidth = 2 * unit;
  pen.strokeStyle = ink;
  pen.stroke();
}

/** @param {CanvasRenderingContext2D} pen @param {[number, number]} place @param {number} radius */
function circle(pen, [x, y], radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
}

/** @param {CanvasRenderingContext2D} pen @param {[number, number]} place @param {number} reach */
function square(pen, [x, y], reach) {
  pen.beginPath();
  pen.rect(x - reach, y - reach, 2 * reach, 2 * reach);
}
