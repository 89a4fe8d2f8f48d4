/** What is different between two lists. Nothing of the page: plain values in and out. */

/**
 * @typedef {{ item_id: string }} Entry
 * @typedef {{ moves: Map<string, number | "new">, gone: string[], counts: { new: number, moved: number, gone: number } }} Changes
 * moves: places gained (less than 0: lost) of each item that is listed now, 0 for none.
 */

/**
 * @param {{ items: Entry[] }} before
 * @param {{ items: Entry[] }} after
 * @returns {Changes}
 */
export function changesBetween(before, after) {
  const places = new Map(before.items.map((each, place) => [each.item_id, place]));
  /** @type {Map<string, number | "new">} */
  const moves = new Map();
  after.items.forEach((each, place) => {
    const was = places.get(each.item_id);
    moves.set(each.item_id, was === undefined ? "new" : was - place);
  });
  const gone = before.items.map((each) => each.item_id).filter((id) => !moves.has(id));
  const values = [...moves.values()];
  const counts = {
    new: values.filter((each) => each === "new").length,
    moved: values.filter((each) => each !== "new" && each !== 0).length,
    gone: gone.length,
  };
  return { moves, gone, counts };
}
