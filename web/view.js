// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is looked at, as it stands in the address behind the #, so that a page can be linked to, marked
 * and gone back to. Pure.
 *
 * @typedef {object} View
 * @property {string} reference the interface, "" for all (of one alone: that one)
 * @property {string} range name of RANGES, of which the newest end is now
 * @property {{from: number, to: number}|null} fixed a stretch of time instead, in Unix seconds
 * @property {"bits"|"packets"} unit of the charts
 * @property {string[]} hidden series that the charts leave out, as "panel.series"
 */

/** The ranges there are, by name, in seconds; the shortest first. */
export const RANGES = new Map([
	["1m", 60], ["5m", 300], ["15m", 900], ["1h", 3600],
	["6h", 21600], ["24h", 86400], ["7d", 604800], ["14d", 1209600],
]);

const DEFAULT_RANGE = "5m";
const SHORTEST_S = 1; // of a stretch that is fixed
const LAST_S = 253402300800; // the year 10000: no time is later

function fixedOf(parameters) {
	const from = Number(parameters.get("from") || NaN);
	const to = Number(parameters.get("to") || NaN);

	return from >= 0 && to <= LAST_S && to - from >= SHORTEST_S ? { from, to } : null;
}

/**
 * @param {string} hash of the address; what is no view in it is as if it were not there
 * @returns {View}
 */
export function viewOf(hash) {
	const parameters = new URLSearchParams(hash.replace(/^#/, ""));
	const range = parameters.get("range");

	return {
		reference: parameters.get("interface") ?? "",
		range: RANGES.has(range) ? range : DEFAULT_RANGE,
		fixed: fixedOf(parameters),
		unit: parameters.get("unit") === "packets" ? "packets" : "bits",
		hidden: (parameters.get("hide") ?? "").split(",").filter((name) => name !== ""),
	};
}

/**
 * @param {View} view
 * @returns {string} the hash that viewOf() makes it of again; "#" for the view that needs no words
 */
export function hashOf({ reference, range, fixed, unit, hidden }) {
	const parameters = new URLSearchParams();

	if (reference)
		parameters.set("interface", reference);
	if (range !== DEFAULT_RANGE)
		parameters.set("range", range);
	if (fixed) {
		parameters.set("from", String(fixed.from));
		parameters.set("to", String(fixed.to));
	}
	if (unit !== "bits")
		parameters.set("unit", unit);
	if (hidden.length)
		parameters.set("hide", hidden.join(","));
	return `#${parameters}`;
}

/**
 * @param {View} view
 * @param {number} now the server's time in Unix seconds
 * @returns {{from: number, to: number}} what the charts show
 */
export function windowOf(view, now) {
	return view.fixed ?? { from: now - RANGES.get(view.range), to: now };
}

/**
 * @param {string} range
 * @param {number} by how many ranges longer
 * @returns {string} a range, the longest or shortest at the ends
 */
export function otherRange(range, by) {
	const names = [...RANGES.keys()];
	const at = names.indexOf(range) + by;

	return names[Math.max(0, Math.min(at, names.length - 1))];
}

/**
 * @param {string[]} hidden
 * @param {string} name
 * @returns {string[]} with it, or without where it was in it
 */
export function toggled(hidden, name) {
	return hidden.includes(name) ? hidden.filter((other) => other !== name) : [...hidden, name];
}
