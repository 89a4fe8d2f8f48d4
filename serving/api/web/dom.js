/** Elements made by hand: whatever comes from outside becomes text, so nothing of it can be markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * An element. `class`, `on…` handlers, `data` (an object) and properties of the element are set as such; any other name
 * is an attribute.
 * @param {string} tag
 * @param {Record<string, any>} [given]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, given = {}, ...children) {
  const made = /** @type {any} */ (document.createElement(tag));
  for (const [name, value] of Object.entries(given)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((each) => each || each === 0).map(asNode));
  return made;
}

/** @param {Child} child */
function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

/**
 * An icon, hidden from screen readers: what it means stands beside it.
 * @param {string} path in a square of 24 units
 */
export function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(space, "svg");
  drawn.setAttribute("viewBox", "0 0 24 24");
  drawn.setAttribute("aria-hidden", "true");
  drawn.setAttribute("class", "icon");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  drawn.append(line);
  return drawn;
}

export const ICONS = {
  open: "M5 12h13M13 6l6 6-6 6",
  like: "M12 20s-7-4.6-7-10a4 4 0 0 1 7-2.6A4 4 0 0 1 19 10c0 5.4-7 10-7 10z",
  dismiss: "M6 6l12 12M18 6L6 18",
  rate: "M12 4l2.5 5.2 5.7.7-4.2 4 1.1 5.7-5.1-2.8-5.1 2.8L8 13.900l-4.200-4 5.700-.7z",
  say: "M4 5h16v11H10l-5 4v-4H4z",
  retract: "M8 5L4 9l4 4M4 9h9a6 6 0 0 1 0 12h-3",
  other: "M12 6v6l4 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z",
};

/** @param {string} id @returns {any} the element of the page that must be there */
export function at(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`this is a bug: the page has no #${id}`);
  return found;
}

/** A state of a part that has nothing to show: loading, empty, or an error; in words, and maybe what to do. */
export function state(/** @type {string} */ kind, /** @type {string} */ words, /** @type {Child[]} */ ...more) {
  return h("div", { class: `state ${kind}` }, h("p", {}, words), ...more);
}
