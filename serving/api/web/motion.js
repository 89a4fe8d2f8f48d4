/** Movement: what stays in a box slides from where it was to where it is. Nothing moves for whoever wants it so. */

const still = matchMedia("(prefers-reduced-motion: reduce)");
const TIMING = { duration: 520, easing: "cubic-bezier(.2,.7,.2,1)" };

/** Whether things may move. */
export function moves() {
  return !still.matches;
}

/**
 * Draw a box anew: children with the same `data-item` slide, others fade in.
 * @param {HTMLElement} box
 * @param {() => void} draw
 */
export function slide(box, draw) {
  const before = new Map(items(box).map((each) => [each.dataset.item, each.getBoundingClientRect().top]));
  draw();
  if (!moves() || !before.size) return;
  for (const each of items(box)) {
    const was = before.get(each.dataset.item);
    if (was === undefined) {
      each.animate([{ opacity: 0, transform: "translateX(12px)" }, { opacity: 1, transform: "none" }], TIMING);
      continue;
    }
    const by = was - each.getBoundingClientRect().top;
    if (Math.abs(by) > 1) each.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], TIMING);
  }
}

/** @param {HTMLElement} box @returns {HTMLElement[]} */
function items(box) {
  return /** @type {HTMLElement[]} */ ([...box.children]).filter((each) => each.dataset.item);
}
