// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A table as comma-separated values (RFC 4180): times as RFC 3339, numbers with all their digits, nothing
 * for what is unknown. Pure.
 */

function field(value) {
	if (value === null || value === undefined)
		return "";
	const text = String(value);
	return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {import("./series.js").Table} table
 * @param {{from: number, to: number}} range the rows that are wanted, Unix seconds
 * @returns {string}
 */
export function csvOf(table, range) {
	const [first, end] = table.rows(range);
	const lines = [["time", ...table.names]];

	for (let row = first; row < end; row++) {
		const time = new Date(Math.round(table.times[row] * 1000)).toISOString();
		lines.push([time, ...table.columns.map((column) => column[row])]);
	}
	return lines.map((line) => `${line.map(field).join(",")}\r\n`).join("");
}
