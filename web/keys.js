// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The keyboard: one key for each thing that the page can do. Single letters may get in the way of those who
 * speak their input, so they can be switched off; what is typed into a field is never one.
 */
import { keep, kept } from "./store.js";

const KEPT = "sampler-keys";

/**
 * @param {KeyboardEvent} event
 * @returns {string} as in index.html's help: "Shift+ArrowLeft", "?", "Space"
 */
export function nameOf({ key, shiftKey }) {
	if (key === " ")
		return "Space";
	return shiftKey && key.length > 1 ? `Shift+${key}` : key;
}

/* Space and Enter press what has the focus; arrows move within a field. */
function isTaken({ key, target }) {
	if (target.closest("input, textarea, select, dialog"))
		return true;
	return (key === " " || key === "Enter") && target.closest("button, a, summary") !== null;
}

/**
 * @param {Record<string, (event: KeyboardEvent) => void>} actions by nameOf()
 * @param {HTMLInputElement} switchBox whether they are heard
 */
export function listen(actions, switchBox) {
	switchBox.checked = kept(KEPT) !== "off";
	switchBox.addEventListener("change", () =>
		keep(KEPT, switchBox.checked ? "on" : "off"));
	document.addEventListener("keydown", (event) => {
		const name = nameOf(event);

		if (event.ctrlKey || event.altKey || event.metaKey || isTaken(event))
			return;
		if (!Object.hasOwn(actions, name) || (name.length === 1 && name !== "?" && !switchBox.checked))
			return;
		event.preventDefault();
		actions[name](event);
	});
}
