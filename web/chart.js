// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A chart over time: uPlot with this page's looks. It draws what it is given; the pointer and a zoom are
 * told to whoever made it, and come back from there for all charts at once.
 *
 * Colours are the style sheet's. What is drawn as one series has a line of its own besides its colour, and
 * is named in the legend (legend.js).
 */
import uPlot from "./uPlot.js";
import { make } from "./dom.js";
import { axis, axisTime } from "./format.js";
import { OTHERS } from "./metrics.js";
import { stacked } from "./series.js";

const DRAWN = "first chart"; // how long that takes is there to be measured
const N_COLOURS = 8;
const FONT = "12px system-ui, sans-serif";
const Y_AXIS_PX = 56;
const X_AXIS_PX = 28;
const LABEL_PX = 22; // half of a time
const FILL = "33%"; // of the colour of the line above it
const MINUTE = 60, HOUR = 3600, DAY = 86400;
/* From one time at the axis to the next. uPlot's own steps go from one minute to five, and leave a small chart without. */
const TIME_STEPS = [
	1, 2, 5, 10, 15, 30,
	...[1, 2, 5, 10, 15, 30].map((n) => n * MINUTE),
	...[1, 2, 3, 4, 6, 12].map((n) => n * HOUR),
	...[1, 2, 4, 7, 14].map((n) => n * DAY),
];
const DASHES = [[], [6, 3], [2, 2]]; // of series beyond the palette, which begins anew

/** @returns {string} the style sheet's variable for a series */
export function colourOf(place) {
	return place === OTHERS ? "--series-others" : `--series-${place % N_COLOURS}`;
}

const SERIES = [OTHERS, ...Array(N_COLOURS).keys()].map(colourOf);
const COLOURS = ["--quiet", "--grid", "--mark", ...SERIES].map((name) => `var(${name})`);
const FILLS = SERIES.map(fillOf);
let palette = null;

/* On the panel's ground, and not seen through: what lies on what needs no clipping then, which takes long. */
function fillOf(name) {
	return `color-mix(in srgb, var(${name}) ${FILL}, var(--panel))`;
}

/* What the style sheet's variables are in the theme of now: they themselves do not tell. */
function paletteOfNow() {
	const probes = [...COLOURS, ...FILLS].map((colour) => {
		const probe = make("span");

		probe.style.color = colour;
		return [colour, probe];
	});
	const all = make("span", { hidden: "" }, ...probes.map(([, probe]) => probe));
	document.body.append(all);
	const found = probes.map(([colour, probe]) => [colour, getComputedStyle(probe).color]);
	all.remove();
	return new Map(found);
}

function seen(colour) {
	palette ??= paletteOfNow();
	return palette.get(colour);
}

function css(name) {
	return seen(`var(${name})`);
}

/** @returns {number[]} lengths of dashes, none of the first series of a colour */
export function dashOf(place) {
	return DASHES[Math.max(0, Math.floor(place / N_COLOURS)) % DASHES.length];
}

/* Zero is always there; each direction has as much room as it needs, on one scale. */
function rangeOf(_, low, high) {
	const bottom = Math.min(low ?? 0, 0) * 1.05;
	const top = Math.max(high ?? 0, 0) * 1.05;

	return bottom === top ? [0, 1] : [bottom, top];
}

function secondsOfPixel(u) {
	return ((u.scales.x.max - u.scales.x.min) * devicePixelRatio) / u.bbox.width;
}

function axisLooks() {
	return {
		stroke: () => css("--quiet"),
		grid: { stroke: () => css("--grid"), width: 1 },
		ticks: { stroke: () => css("--grid"), width: 1, size: 4 },
		font: FONT,
	};
}

/* A time that would be cut off at the right edge is left out. */
function timeAxis() {
	return {
		...axisLooks(),
		size: X_AXIS_PX,
		space: 72,
		incrs: TIME_STEPS,
		values: (u, splits, _axis, _space, step) => splits.map((at) =>
			(at > u.scales.x.max - LABEL_PX * secondsOfPixel(u) ? "" : axisTime(at, step))),
	};
}

function valueAxis() {
	return {
		...axisLooks(),
		size: Y_AXIS_PX,
		space: 36,
		values: (_, splits) => splits.map(axis),
	};
}

function seriesOf({ colour }, isStacked) {
	const filled = isStacked ? { fill: () => seen(fillOf(colourOf(colour))), fillTo: 0 } : {};

	return {
		stroke: () => css(colourOf(colour)),
		width: 1.5,
		dash: dashOf(colour),
		points: { show: false, filter: lonely, size: 4, fill: () => css(colourOf(colour)) },
		...filled,
	};
}

/* A value without neighbours makes no line: it is shown as a dot. */
function lonely(u, index) {
	const values = u.data[index];
	const unknown = (i) => (values[i] ?? null) === null;
	const found = [];

	values.forEach((value, i) => {
		if (value !== null && unknown(i - 1) && unknown(i + 1))
			found.push(i);
	});
	return found.length ? found : null;
}

/* A line for each moment at which counters began anew. */
function drawMarks(u, marks) {
	const { ctx, bbox } = u;

	ctx.save();
	ctx.strokeStyle = css("--mark");
	ctx.lineWidth = Math.round(devicePixelRatio);
	ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
	for (const { time } of marks) {
		const x = Math.round(u.valToPos(time, "x", true)) + (ctx.lineWidth % 2) / 2; // sharp
		if (x < bbox.left || x > bbox.left + bbox.width)
			continue;
		ctx.beginPath();
		ctx.moveTo(x, bbox.top);
		ctx.lineTo(x, bbox.top + bbox.height);
		ctx.stroke();
	}
	ctx.restore();
}

/**
 * @typedef {object} Drawing
 * @property {number[]} times
 * @property {(import("./metrics.js").Series & {values: (number|null)[]})[]} series
 * @property {boolean} isStacked
 * @property {Map<1|-1, (number|null)[]>} known of each direction: null where there is a gap
 * @property {{time: number, reason: string}[]} marks
 * @property {number} from Unix seconds
 * @property {number} to
 */

/*
 * uPlot's columns: edges of the stacks, or the values; what is sent goes downwards. Each area is filled down to zero,
 * and those that are drawn behind it are nearer to that: so the highest is the first.
 */
function columns({ times, series, isStacked, known }) {
	const place = new Map(series.map((one, i) => [one, i]));
	const drawn = series.map(({ values }) => values);

	for (const sign of [1, -1]) {
		const side = series.filter((one) => one.sign === sign);
		const edges = isStacked ? stacked(side.map(({ values }) => values), known.get(sign) ?? [], sign)
			: side.map(({ values }) => values.map((value) => (value === null ? null : value * sign)));

		side.forEach((one, i) => { drawn[place.get(one)] = edges[i]; });
	}
	return [times, ...(isStacked ? drawn.reverse() : drawn)];
}

export class Chart {
	/**
	 * @param {HTMLElement} element its size is that which style.css gives it
	 * @param {object} [on]
	 * @param {(time: number|null) => void} [on.point] the pointer is at a sample, or at none
	 * @param {(from: number, to: number) => void} [on.zoom]
	 */
	constructor(element, on = {}) {
		this.element = element;
		this.on = on;
		this.marks = [];
		this.kind = "";
		this.resized = new ResizeObserver(() => this.resize());
		this.resized.observe(element);
	}

	/* What makes another chart of it, and not only another picture. */
	static kindOf({ series, isStacked }) {
		return JSON.stringify([isStacked, series.map(({ id, colour, sign }) => [id, colour, sign])]);
	}

	options(drawing) {
		const { isStacked } = drawing;
		const series = drawing.series.map((one) => seriesOf(one, isStacked));

		return {
			width: this.element.clientWidth,
			height: this.element.clientHeight,
			legend: { show: false },
			padding: [8, 8, 0, 0],
			cursor: {
				y: false,
				points: { size: 7, width: 2 },
				drag: { x: true, y: false, setScale: false, dist: 8 },
				focus: { prox: -1 },
			},
			scales: { x: { time: true }, y: { range: rangeOf } },
			axes: [timeAxis(), valueAxis()],
			drawOrder: ["series", "axes"], // the grid is seen on what is filled
			series: [{}, ...isStacked ? series.reverse() : series],
			hooks: {
				draw: [(u) => drawMarks(u, this.marks)],
				setCursor: [(u) => this.on.point?.(u.data[0][u.cursor.idx] ?? null)],
				setSelect: [(u) => this.selected(u)],
			},
		};
	}

	selected(u) {
		const { left, width } = u.select;

		if (width > 0)
			this.on.zoom?.(u.posToVal(left, "x"), u.posToVal(left + width, "x"));
		u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
	}

	/** @param {Drawing} drawing */
	draw(drawing) {
		const kind = Chart.kindOf(drawing);
		const data = columns(drawing);

		if (!this.element.clientWidth)
			return;
		this.marks = drawing.marks;
		const picture = (plot, fill) => plot.batch(() => { // one for all of it
			fill();
			plot.setScale("x", { min: drawing.from, max: drawing.to });
		});
		if (kind !== this.kind) {
			this.plot?.destroy();
			this.plot = new uPlot(this.options(drawing), data, (plot, begin) => {
				this.element.append(plot.root);
				picture(plot, begin);
			});
			this.kind = kind;
		} else {
			picture(this.plot, () => this.plot.setData(data, false));
		}
		if (data[0].length && !performance.getEntriesByName(DRAWN).length)
			performance.mark(DRAWN);
		this.point(this.pointed ?? null);
	}

	/** Show the pointer at a time, or nowhere. */
	point(time) {
		const x = time === null ? -10 : this.plot?.valToPos(time, "x");

		this.pointed = time;
		this.plot?.setCursor({ left: x, top: time === null ? -10 : 0 }, false);
	}

	/** Draw again, in the colours of now. */
	repaint() {
		palette = null;
		this.plot?.redraw(false, true);
	}

	resize() {
		const { clientWidth: width, clientHeight: height } = this.element;

		if (width && height && (width !== this.plot?.width || height !== this.plot?.height))
			this.plot?.setSize({ width, height });
	}

	remove() {
		this.resized.disconnect();
		this.plot?.destroy();
	}
}
