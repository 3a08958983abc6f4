// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A small line beside a figure: how it came there. It has no scale and no name of its own; the figure has
 * both, and the charts have the values.
 */

const WIDTH = 120; // of the view box, in index.html
const HEIGHT = 28;
const POINTS = 60;

/* The mean of each piece of the range, null where nothing of it is known. */
function pieces(times, values, { from, to }) {
	const sums = new Array(POINTS).fill(0);
	const counts = new Array(POINTS).fill(0);

	times.forEach((time, row) => {
		const piece = Math.min(POINTS - 1, Math.floor(((time - from) / (to - from)) * POINTS));
		if (piece < 0 || time > to || values[row] === null)
			return;
		sums[piece] += values[row];
		counts[piece]++;
	});
	return sums.map((sum, i) => (counts[i] ? sum / counts[i] : null));
}

/**
 * @param {number[]} times
 * @param {(number|null)[]} values
 * @param {{from: number, to: number}} range
 * @returns {string} a path; steps of the history that are longer than a piece are joined
 */
export function sparkPath(times, values, range) {
	const all = pieces(times, values, range);
	const top = Math.max(...all.map((value) => value ?? 0)) || 1;
	const rows = times.filter((time) => time >= range.from && time <= range.to).length;
	const reach = Math.ceil(POINTS / Math.max(1, rows)) + 1; // pieces without a value, in a line
	let last = -Infinity;
	let path = "";

	all.forEach((value, i) => {
		if (value === null)
			return;
		const x = ((i / (POINTS - 1)) * WIDTH).toFixed(1);
		const y = (HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1);
		path += i - last > reach ? `M${x} ${y}h0` : `L${x} ${y}`;
		last = i;
	});
	return path;
}

/**
 * @param {string} path of sparkPath()
 * @returns {string} what is below it
 */
export function areaBelow(path) {
	const pieces = path.split("M").slice(1);

	return pieces.map((piece) => `M${piece}V${HEIGHT}H${piece.split(" ", 1)}Z`).join("");
}

/**
 * @param {SVGElement} svg with two paths in it: for the area, and for the line
 * @param {number[]} times
 * @param {(number|null)[]} values
 * @param {{from: number, to: number}} range
 */
export function showSpark(svg, times, values, range) {
	const path = sparkPath(times, values, range);

	svg.firstElementChild.setAttribute("d", areaBelow(path));
	svg.lastElementChild.setAttribute("d", path);
}
