// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A line chart in SVG. It is drawn anew for each sample, one unit of the drawing to one pixel of
 * the screen; colours and dashes are in style.css (.line-0 and so on). A null ends a line; a value
 * between two nulls is a dot. Nothing moves but by new samples.
 */
import { bits, hour, short } from "./format.js";

const NAMESPACE = "http://www.w3.org/2000/svg";

const MARGIN = { top: 14, right: 4, bottom: 20, left: 4 };
const MOST_STEPS = 4; // of the vertical scale
const LEAST_TOP = 1000; // bit/s: an idle link draws no mountains
const MINUTE_S = 60;
const LABEL_PX = 60; // that a label of the time scale needs

/**
 * @typedef {object} Frame where values and times lie in the drawing
 * @property {number} width pixels
 * @property {number} height
 * @property {number} from Unix seconds at the left end
 * @property {number} to and at the right end
 * @property {number} top the value at the upper end
 * @property {number} step between two lines of the scale
 */

function shape(tag, attributes, text) {
	const element = document.createElementNS(NAMESPACE, tag);

	for (const [name, value] of Object.entries(attributes))
		element.setAttribute(name, String(value));
	if (text !== undefined)
		element.textContent = text;
	return element;
}

/* The least of 1, 2 or 5 times a power of ten that is not below value. */
function round(value) {
	const power = 10 ** Math.floor(Math.log10(value));

	return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= value * 0.999999);
}

function scale(rows) {
	const values = rows.flatMap((row) => row.values).filter((value) => value !== null);
	const highest = Math.max(LEAST_TOP, ...values);
	const step = round(highest / MOST_STEPS);

	return { step, top: Math.ceil(highest / step) * step };
}

function x(frame, time) {
	const inner = frame.width - MARGIN.left - MARGIN.right;

	return MARGIN.left + ((time - frame.from) / (frame.to - frame.from)) * inner;
}

function y(frame, value) {
	const inner = frame.height - MARGIN.top - MARGIN.bottom;

	return MARGIN.top + (1 - value / frame.top) * inner;
}

function steps(frame) {
	const n = Math.round(frame.top / frame.step);

	return Array.from({ length: n + 1 }, (_, i) => i * frame.step);
}

function drawScale(svg, frame) {
	for (const value of steps(frame)) {
		const d = `M0 ${y(frame, value).toFixed(1)}H${frame.width}`;

		svg.append(shape("path", { class: "grid", d }));
	}
}

/* Above the lines, so that they stay legible. */
function drawLabels(svg, frame) {
	for (const value of steps(frame).slice(1)) {
		const place = { x: MARGIN.left, y: y(frame, value) - 3 };

		svg.append(shape("text", place, short(bits(value))));
	}
}

function drawTimes(svg, frame) {
	const first = Math.ceil(frame.from / MINUTE_S) * MINUTE_S;

	for (let time = first; time <= frame.to; time += MINUTE_S) {
		const at = x(frame, time).toFixed(1);

		svg.append(shape("path", { class: "grid", d: `M${at} ${y(frame, 0)}v4` }));
		if (at > LABEL_PX / 2 && at < frame.width - LABEL_PX / 2)
			svg.append(shape("text", { class: "time", x: at, y: frame.height - 4 },
				hour(new Date(time * 1000))));
	}
}

/* "M" begins a line, also after a gap; "h0" makes a dot of a value that has no neighbour. */
function path(frame, rows, line) {
	let d = "";
	let drawing = false;

	for (const row of rows) {
		const value = row.values[line];

		if (value === null) {
			drawing = false;
			continue;
		}
		const at = `${x(frame, row.time).toFixed(1)} ${y(frame, value).toFixed(1)}`;
		d += drawing ? `L${at}` : `M${at}h0`;
		drawing = true;
	}
	return d;
}

/**
 * Draw.
 *
 * @param {SVGSVGElement} svg its size is that which style.css gives it
 * @param {import("./series.js").Row[]} rows by time
 * @param {{from: number, to: number}} range Unix seconds
 */
export function drawChart(svg, rows, range) {
	const { clientWidth: width, clientHeight: height } = svg;
	const inside = rows.filter((row) => row.time >= range.from && row.time <= range.to);
	const frame = { width, height, ...range, ...scale(inside) };

	if (!width || !height)
		return;
	svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
	svg.replaceChildren();
	drawScale(svg, frame);
	drawTimes(svg, frame);
	for (const line of (inside[0]?.values ?? []).keys())
		svg.append(shape("path", { class: `line-${line}`, d: path(frame, inside, line) }));
	drawLabels(svg, frame);
}
