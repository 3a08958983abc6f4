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

function textOf(lines) {
	return lines.map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

function rowsOf(table, names, range) {
	const [first, end] = table.rows(range);
	const columns = names.map((name) => table.column(name));

	return table.times.slice(first, end).map((time, i) =>
		[new Date(Math.round(time * 1000)).toISOString(), ...columns.map((column) => column[first + i])]);
}

/**
 * @param {import("./series.js").Table} table
 * @param {{from: number, to: number}} range the rows that are wanted, Unix seconds
 * @returns {string}
 */
export function csvOf(table, range) {
	return textOf([["time", ...table.names], ...rowsOf(table, table.names, range)]);
}

/**
 * @param {{reference: string, table: import("./series.js").Table}[]} recordings one after the other; a column
 *	that one of them does not have is unknown of it
 * @param {{from: number, to: number}} range
 * @returns {string} whose first column names the interface
 */
export function csvOfAll(recordings, range) {
	const names = [...new Set(recordings.flatMap(({ table }) => table.names))];

	return textOf([["interface", "time", ...names], ...recordings.flatMap(({ reference, table }) =>
		rowsOf(table, names, range).map((row) => [reference, ...row]))]);
}
