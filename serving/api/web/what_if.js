/** What if: the list as it would be, had one event not happened. */

import { Refusal, get, ofUser } from "./api.js";
import { changesBetween } from "./changes.js";
import { button, show } from "./dialogs.js";
import { h, state } from "./dom.js";
import { t } from "./i18n.js";
import { moved } from "./list_view.js";
import { store } from "./session.js";
import { item, learn } from "./titles.js";

const TRIES = 15;
const AGAIN_MS = 1000;

/** @param {any} event of the history @param {string} words what it was */
export async function whatIf(event, words) {
  const list = store.get("list");
  const about = list?.items[0]?.item_id;
  const body = h("div", { class: "what-if", "aria-busy": "true" }, state("loading", t("loading")));
  const shown = show(t("without_title"), [h("p", { class: "about" }, words), body], [button("", t("close"))]);
  try {
    if (!about) throw new Refusal(404, "unknown_user", t("list_empty"));
    const path = `explain/${encodeURIComponent(about)}?without=${encodeURIComponent(event.event_id)}`;
    const { list_without: other } = await told(ofUser(store.get("user"), path));
    await learn([...other.items, ...list.items].map((/** @type {any} */ each) => each.item_id));
    body.replaceChildren(...comparison(list, other));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const missing = error.status === 404 && error.reason === "not_found";
    body.replaceChildren(state("failed", missing ? t("without_missing") : error.message));
  }
  body.removeAttribute("aria-busy");
  await shown;
}

/** The first question of all has the API read what it needs: then it says to come again. @param {string} path */
async function told(path) {
  for (let tries = TRIES; ; tries--) {
    try {
      return await get(path);
    } catch (error) {
      if (!tries || !(error instanceof Refusal) || error.status !== 503) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/** @param {any} list @param {any} other */
function comparison(list, other) {
  const { moves, gone, counts } = changesBetween(list, other);
  const kinds = /** @type {const} */ (["new", "moved", "gone"]);
  const words = kinds.filter((each) => counts[each]).map((each) => t(`changed_${each}`, { n: counts[each] }));
  return [
    h("p", {}, words.length ? words.join(t("comma")) : t("without_same")),
    h("ol", { class: "compact" }, other.items.map((/** @type {any} */ each) => h("li", {},
      h("span", {}, item(each.item_id).title), moved(moves.get(each.item_id))))),
    gone.length ? h("p", { class: "gone" }, `${t("without_gone")} `, ...gone.flatMap((id, place) =>
      [place ? t("comma") : "", h("s", {}, item(id).title)])) : null,
  ].filter(Boolean);
}
