/** Words in English or Chinese: remembered, else as the browser prefers. */

import { en } from "./words_en.js";
import { zh } from "./words_zh.js";

/** @type {Record<string, Record<string, string>>} */
const WORDS = { en, zh };
const KEY = "penchant.language";
/** @type {Set<() => void>} */
const followers = new Set();

let language = localStorage.getItem(KEY) ?? preferred(navigator.languages);

/** @param {readonly string[]} languages */
function preferred(languages) {
  const known = languages.map((each) => each.slice(0, 2)).find((each) => each in WORDS);
  return known ?? "en";
}

/** @returns {string} "en" or "zh" */
export function current() {
  return language;
}

/** @param {string} next */
export function speak(next) {
  language = next;
  localStorage.setItem(KEY, next);
  translatePage();
  for (const each of followers) each();
}

/** Have a part drawn again when the language changes. @param {() => void} draw */
export function onLanguage(draw) {
  followers.add(draw);
}

/**
 * Words by their name; `{name}` in them is filled in. A number `n` of 1 takes the words under `name_one` if there are.
 * @param {string} name
 * @param {Record<string, string | number>} [filled]
 */
export function t(name, filled = {}) {
  const words = WORDS[language];
  const found = (filled.n === 1 ? words[`${name}_one`] : undefined) ?? words[name] ?? WORDS.en[name] ?? name;
  return found.replace(/\{(\w+)\}/g, (_, key) => String(filled[key] ?? ""));
}

/** Whether there are words of this name. @param {string} name */
export function has(name) {
  return name in WORDS.en;
}

/** A number as people of the language write it. @param {number} value @param {number} [digits] */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** How long ago. @param {number} ms since 1970 */
export function ago(ms) {
  const seconds = (Date.now() - ms) / 1000;
  const format = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  if (seconds < 45) return t("just_now");
  if (seconds < 3600) return format.format(-Math.round(seconds / 60), "minute");
  if (seconds < 86400) return format.format(-Math.round(seconds / 3600), "hour");
  return format.format(-Math.round(seconds / 86400), "day");
}

/** Put words where the page's own markup names them. */
export function translatePage() {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const each of marked("t")) each.textContent = t(each.dataset.t);
  for (const each of marked("t-label")) each.setAttribute("aria-label", t(each.dataset.tLabel));
  for (const each of marked("t-placeholder")) each.placeholder = t(each.dataset.tPlaceholder);
}

/** @param {string} name of a data attribute @returns {any[]} the elements that have it */
function marked(name) {
  return [...document.querySelectorAll(`[data-${name}]`)];
}
