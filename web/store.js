// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What this browser keeps of a reader's choices. One may forbid to keep anything: then they last until the page
 * is left.
 */

/** The key of what login.js keeps while there is a login to end: scripts do not see the cookie. */
export const LOGIN = "sampler-login";

/**
 * @param {string} key
 * @returns {string|null} null: nothing is kept
 */
export function kept(key) {
	try {
		return localStorage.getItem(key);
	} catch {
		return null;
	}
}

/**
 * @param {string} key
 * @param {string} value
 */
export function keep(key, value) {
	try {
		localStorage.setItem(key, value);
	} catch {
		// see above
	}
}

/** @param {string} key */
export function forget(key) {
	try {
		localStorage.removeItem(key);
	} catch {
		// see above
	}
}
