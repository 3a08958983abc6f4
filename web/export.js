// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is shown, to take along: as a file, or as a command for a shell.
 */
import { byId } from "./dom.js";

/**
 * Have the browser keep a file.
 *
 * @param {string} name
 * @param {string} text
 * @param {string} type
 */
export function download(name, text, type) {
	const url = URL.createObjectURL(new Blob([text], { type }));
	const link = document.createElement("a");

	link.href = url;
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/**
 * Copy a command; where the browser lets no page copy (it does so only over HTTPS and from localhost), show it.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it is copied
 */
export async function copy(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const dialog = byId("command");

		dialog.querySelector("textarea").value = text;
		dialog.showModal();
		dialog.querySelector("textarea").select();
		return false;
	}
}
