// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Light or dark: as the reader's system has it, or as chosen here, which this browser then keeps. The choice
 * is an attribute of the page, of which style.css knows; it is set before anything is drawn.
 */
import { keep, kept } from "./store.js";

const KEY = "sampler-theme";
const THEMES = ["auto", "light", "dark"];

function set(theme) {
	document.documentElement.dataset.theme = theme;
}

/** @returns {string} "auto", "light" or "dark" */
export function theme() {
	return document.documentElement.dataset.theme ?? "auto";
}

/** Take the next one. */
export function nextTheme() {
	const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length];

	set(next);
	keep(KEY, next);
}

/** @param {() => void} changed is called when the colours are others */
export function watchTheme(changed) {
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
	new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}

set(THEMES.includes(kept(KEY)) ? kept(KEY) : "auto");
