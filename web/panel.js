// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A chart with all that belongs to it: the legend with the values at the pointer, the chart in words, and
 * as a table for those who want figures or do not see charts.
 */
import { captionOf } from "./caption.js";
import { Chart } from "./chart.js";
import { make, setText } from "./dom.js";
import { bits, packets, time } from "./format.js";
import { Legend } from "./legend.js";
import { extremes, nearest, totalsBySign, valuesOf } from "./series.js";

const FORMATS = { bits, packets };
const AXES = { bits: "bit/s", packets: "packets/s" };
const MAX_ROWS = 120; // of the table; the CSV has them all

/* What is 0 all the time would lie on the line below it, in a stack, and hide that; what is sent needs no place then. */
function drawnOf(series, isStacked) {
	const some = series.filter(({ values, sign }) => (sign > 0 && !isStacked) || values.some((value) => value > 0));

	return some.length ? some : series;
}

export class Panel {
	/**
	 * @param {HTMLElement} element a section as index.html has them
	 * @param {object} on
	 * @param {(time: number|null) => void} on.point
	 * @param {(from: number, to: number) => void} on.zoom
	 * @param {(series: string) => void} on.toggle
	 */
	constructor(element, on) {
		const part = (name) => element.querySelector(`.${name}`);

		this.element = element;
		this.chart = new Chart(part("chart"), on);
		this.legend = new Legend(part("legend"), on.toggle);
		this.at = part("at");
		this.axis = part("axis");
		this.caption = part("caption");
		this.button = part("as-table");
		this.scroll = part("scroll");
		this.button.addEventListener("click", () => this.toggleTable());
	}

	toggleTable() {
		const open = this.scroll.hidden;

		this.scroll.hidden = !open;
		this.button.setAttribute("aria-expanded", String(open));
		this.tabulate();
	}

	/**
	 * @param {object} shown
	 * @param {import("./metrics.js").Panel} shown.panel
	 * @param {import("./series.js").Table} shown.table
	 * @param {string[]} shown.hidden ids of series
	 * @param {{from: number, to: number}} shown.range
	 * @param {{time: number, reason: string}[]} shown.marks
	 */
	show(shown) {
		const { panel, table, hidden, range, marks } = shown;
		const series = panel.series.map((one) => ({ ...one, values: valuesOf(table, one) }));

		this.shown = { ...shown, series, format: FORMATS[panel.unit] };
		this.chart.draw({ // before anything is changed, of which its size would have to be found
			times: table.times,
			series: drawnOf(series.filter(({ id }) => !hidden.includes(id)), panel.stacked),
			isStacked: panel.stacked,
			known: totalsBySign(table, panel.total),
			marks,
			...range,
		});
		this.legend.show(series, hidden);
		setText(this.axis, AXES[panel.unit]);
		this.describe();
		this.point(this.pointed ?? null);
		this.tabulate();
	}

	/* Of flags there is no sum that would say anything. */
	describe() {
		const { panel, table, range, marks, format } = this.shown;
		const inside = marks.filter((mark) => mark.time >= range.from && mark.time <= range.to);
		const seen = [...totalsBySign(table, panel.total).values()]
			.map((values) => extremes(table.times, values, range));

		if (panel.stacked)
			setText(this.caption, captionOf(seen, format, inside));
	}

	/** The values at a time; null: the newest. */
	point(at) {
		const { table, series, format, range } = this.shown ?? {};

		this.pointed = at;
		if (!table)
			return;
		const [first, end] = table.rows(range);
		const row = at === null ? end - 1 : nearest(table.times, at);
		const known = end > first && row >= first;
		this.chart.point(at);
		this.legend.fill(series.map(({ values }) => (known ? values[row] : null)), format);
		setText(this.at, known ? time(table.times[row] * 1000) : "");
	}

	/* The newest first; of many rows as many as can be read, at equal distances. */
	tabulate() {
		if (this.scroll.hidden || !this.shown)
			return;
		const { table, series, range, format } = this.shown;
		const [first, end] = table.rows(range);
		const step = Math.max(1, Math.ceil((end - first) / MAX_ROWS));
		const { times } = table;
		const kind = JSON.stringify([series.map(({ plus }) => plus), first, end, times[first], times[end - 1]]);

		if (this.scroll.dataset.kind === kind && this.scroll.firstChild)
			return;
		this.scroll.dataset.kind = kind;
		const body = make("tbody");

		for (let row = end - 1; row >= first; row -= step) {
			const at = new Date(table.times[row] * 1000).toISOString();
			body.append(make("tr", {},
				make("th", { scope: "row" }, make("time", { datetime: at }, time(at))),
				...series.map(({ values }) =>
					make("td", {}, make("data", { value: String(values[row] ?? "") }, format(values[row]))))));
		}
		const names = ["Time", ...series.map(({ label }) => label)];
		const head = make("thead", {},
			make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name))));
		const words = step > 1 ? `Each ${step}th of ${end - first} rows; the CSV has them all.` : "";
		this.scroll.replaceChildren(
			make("table", {}, make("caption", {}, words), head, body));
	}

	/** Draw again, in the colours of now. */
	repaint() {
		this.chart.repaint();
	}
}
