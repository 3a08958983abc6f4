// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How long frames are: a table whose rows are bars, so that it is its own alternative. Of the shown time, or
 * of the sample that the pointer is at.
 */
import { make, setFigure, setText } from "./dom.js";
import { packets, percent, time } from "./format.js";
import { SIZES } from "./metrics.js";
import { nearest } from "./series.js";

/** "61-123" is "61 to 123"; "1515-" has no end. */
export function sizeName(key) {
	const [from, to] = key.split("-");

	return to ? `${from} to ${to}` : `${from} and more`;
}

function mean(values, first, end) {
	const known = values.slice(first, end).filter((value) => value !== null);

	return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : null;
}

/**
 * @param {import("./series.js").Table} table
 * @param {{from: number, to: number}} range
 * @param {number|null} at of the pointer
 * @returns {(number|null)[]} packets a second by SIZES
 */
export function sizesOf(table, range, at) {
	const [first, end] = table.rows(range);
	const columns = SIZES.map((size) => table.column(`rx.sizes.${size}.packets_per_s`));

	if (at === null)
		return columns.map((column) => mean(column, first, end));
	const row = nearest(table.times, at);
	return columns.map((column) => column[row] ?? null);
}

function makeRow(size) {
	const bar = make("span", { class: "bar" });

	return make("tr", {}, make("th", { scope: "row" }, sizeName(size)),
		make("td", { class: "bars", "aria-hidden": "true" }, bar),
		make("td", {}, make("data")), make("td", {}, make("data")));
}

/**
 * @param {HTMLTableElement} table of the page
 * @param {HTMLElement} when says of which time it is
 * @param {(number|null)[]} sizes of sizesOf()
 * @param {number|null} at
 */
export function showHistogram(table, when, sizes, at) {
	const [body] = table.tBodies;
	const sum = sizes.reduce((total, value) => total + (value ?? 0), 0);
	const top = Math.max(...sizes.map((value) => value ?? 0));

	if (!body.rows.length)
		body.append(...SIZES.map(makeRow));
	sizes.forEach((value, i) => {
		const [share, rate] = body.rows[i].querySelectorAll("data");
		const known = value !== null && sum > 0;

		body.rows[i].querySelector(".bar").style.width = `${top > 0 ? ((value ?? 0) / top) * 100 : 0}%`;
		setFigure(share, known ? (value / sum) * 100 : null, percent);
		setFigure(rate, value, packets);
	});
	setText(when, at === null ? "mean of the shown time" : `at ${time(at * 1000)}`);
}
