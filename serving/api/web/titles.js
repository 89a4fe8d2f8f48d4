/** Titles and facets of items, asked for once and remembered. */

import { get } from "./api.js";

/** @typedef {{ title: string, facets: Record<string, string | string[]> }} Known */

const AT_ONCE = 100;
/** @type {Map<string, Known>} */
const known = new Map();

/** @param {string} id @returns {Known} with the id for a title that is not known (yet) */
export function item(id) {
  return known.get(id) ?? { title: id, facets: {} };
}

/** Ask for those that are not known yet. @param {string[]} ids @returns {Promise<boolean>} whether there was any */
export async function learn(ids) {
  const wanted = [...new Set(ids)].filter((id) => !known.has(id));
  for (let first = 0; first < wanted.length; first += AT_ONCE) {
    const query = wanted.slice(first, first + AT_ONCE).map((id) => `id=${encodeURIComponent(id)}`);
    const { items } = await get(`/v1/items?${query.join("&")}`);
    for (const each of items) known.set(each.item_id, { title: each.title || each.item_id, facets: each.facets });
  }
  return wanted.length > 0;
}
