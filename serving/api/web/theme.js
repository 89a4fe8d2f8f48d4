/** Light or dark: as the system has it, until somebody chooses. */

import { onLanguage, t } from "./i18n.js";
import { at } from "./dom.js";

const KEY = "penchant.theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
/** @type {Set<() => void>} */
const followers = new Set();

/** Whether it is dark now. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : dark.matches;
}

/** Have something drawn again when colours change. @param {() => void} draw */
export function onTheme(draw) {
  followers.add(draw);
}

export function startTheme() {
  const chosen = localStorage.getItem(KEY);
  if (chosen) document.documentElement.dataset.theme = chosen;
  const button = at("theme");
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem(KEY, next);
    changed();
  });
  dark.addEventListener("change", changed);
  onLanguage(name);
  name();

  function name() {
    button.textContent = t(isDark() ? "to_light" : "to_dark");
  }

  function changed() {
    name();
    for (const each of followers) each();
  }
}

/** A colour of the style sheet, for canvases. @param {string} name of the custom property */
export function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
