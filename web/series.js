// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the chart draws: rows of rates over time, from the recorded history and from the samples
 * that came since. Pure: nothing here knows the page.
 *
 * A rate that is unknown is null and stays null: in a sum with other interfaces, too. Times are the
 * server's, so that a wrong clock at the reader's moves nothing.
 *
 * @typedef {object} Row
 * @property {number} time Unix seconds, at which the interval ends
 * @property {number} span seconds of it
 * @property {(number|null)[]} values one for each line
 */

/* Two samples further apart than this many of the sampler's intervals have a gap between them. */
const GAP_INTERVALS = 2.5;

/**
 * @param {{step_ms: number, data: (number|null)[][]}} answer of getHistory(), the time first
 * @returns {Row[]}
 */
export function fromHistory(answer) {
	const [times, ...columns] = answer.data;

	return times.map((time, i) => ({
		time,
		span: answer.step_ms / 1000,
		values: columns.map((column) => column[i] ?? null),
	}));
}

function plus(a, b) {
	return a === null || b === null ? null : a + b;
}

/* By the millisecond: the same time has the same key in each list. */
function key(row) {
	return Math.round(row.time * 1000);
}

/* The API's rows begin with an interface's history: what is unknown at first is before its records. */
function firstTime(list, from) {
	const begun = list[0].time <= from;

	return (begun ? list[0] : list.find((row) => row.values[0] !== null))?.time ?? Infinity;
}

function add(total, list) {
	const found = new Map(list.map((row) => [key(row), row.values]));
	const first = firstTime(list, total[0].time);

	return total.map((row) => {
		const other = found.get(key(row));
		const values = row.values.map((value, i) => plus(value, other?.[i] ?? null));
		return row.time < first ? row : { ...row, values };
	});
}

/**
 * @param {Row[][]} lists one for each interface, on the same grid of times
 * @returns {Row[]} their sum; null where one of them is unknown, but for those that have no record
 *	yet
 */
export function sum(lists) {
	const told = lists.filter((list) => list.length).sort((a, b) => a[0].time - b[0].time);

	return told.length ? told.slice(1).reduce(add, told[0]) : [];
}

/* A rate over a gap may be known, but nobody saw how it went meanwhile. */
function withGaps(rows, before, interval) {
	return rows.flatMap((row, i) => {
		const last = rows[i - 1] ?? before;
		const longest = GAP_INTERVALS * Math.max(interval, i ? 0 : last?.span ?? 0);

		if (!last || row.time - last.time <= longest)
			return [row];
		const nothing = row.values.map(() => null);
		return [{ time: (row.time + last.time) / 2, span: 0, values: nothing }, row];
	});
}

/**
 * @param {Row[]} history as recorded, with rows of nulls where it has gaps
 * @param {Row[]} live samples seen since
 * @param {number} interval of the sampler, in seconds
 * @returns {Row[]} the history as far as it knows, then what is newer, with gaps as rows of nulls
 */
export function merge(history, live, interval) {
	const last = history.findLast((row) => row.values[0] !== null);
	const recorded = history.filter((row) => row.time <= (last?.time ?? -Infinity));
	const newer = live.filter((row) => !last || row.time > last.time + row.span / 2);

	return [...recorded, ...withGaps(newer, last, interval)];
}

/**
 * @param {Row[]} rows
 * @returns {{lowest: number, highest: number, at: number, span: number}|null} of the first line;
 *	null where nothing is known
 */
export function extremes(rows) {
	const all = rows.filter((row) => row.values[0] !== null);

	if (!all.length)
		return null;
	const top = all.reduce((best, row) => (row.values[0] > best.values[0] ? row : best));
	const lowest = all.reduce((least, row) => Math.min(least, row.values[0]), Infinity);
	return { lowest, highest: top.values[0], at: top.time, span: top.span };
}
