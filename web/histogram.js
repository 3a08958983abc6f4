// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * How long frames are: a table whose rows are bars, so that it is its own alternative. Of the shown time, or
 * of the sample that the pointer is at.
 */
import { make, setFigure } from "./dom.js";
import { packets, percent } from "./format.js";
import { sizeColumns, SIZES } from "./metrics.js";
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
 * @param {string} direction
 * @returns {(number|null)[]} packets a second by SIZES
 */
export function sizesOf(table, range, at, direction) {
	const [first, end] = table.rows(range);
	const columns = sizeColumns(direction).map((name) => table.column(name));

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
 * @param {HTMLTableSectionElement} body of one direction, in the page's table
 * @param {(number|null)[]} sizes of sizesOf()
 */
export function showHistogram(body, sizes) {
	const sum = sizes.reduce((total, value) => total + (value ?? 0), 0);
	const top = Math.max(...sizes.map((value) => value ?? 0));

	if (!body.querySelector("data"))
		body.append(...SIZES.map(makeRow));
	const rows = body.querySelectorAll("tr:not(.group)");
	sizes.forEach((value, i) => {
		const [share, rate] = rows[i].querySelectorAll("data");
		const known = value !== null && sum > 0;

		rows[i].querySelector(".bar").style.width = `${top > 0 ? ((value ?? 0) / top) * 100 : 0}%`;
		setFigure(share, known ? (value / sum) * 100 : null, percent);
		setFigure(rate, value, packets);
	});
}
