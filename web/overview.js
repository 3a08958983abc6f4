// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * All interfaces at once, each a small chart on the same time; those who look for more follow its name.
 */
import { captionOf } from "./caption.js";
import { Chart } from "./chart.js";
import { make, setFigure, setText } from "./dom.js";
import { bits, packets, time } from "./format.js";
import { linkTo } from "./interfaces.js";
import { panelsOf } from "./metrics.js";
import { extremes, nearest, valuesOf } from "./series.js";
import { linkText } from "./tables.js";

const FORMATS = { bits, packets };

/** The series of a small chart: what an interface receives, and sends if that is counted. */
export function seriesOf(unit, directions) {
	const field = unit === "bits" ? "bits_per_s" : "packets_per_s";

	return directions.map((direction, i) => ({
		id: direction, label: direction === "rx" ? "received" : "sent", colour: i,
		sign: direction === "rx" ? 1 : -1, plus: [`${direction}.${field}`],
	}));
}

/** @returns {string[]} the columns that it needs */
export function columnsOfAll(unit, directions) {
	return panelsOf([], unit, directions)[0].total;
}

class Card {
	constructor(target, on) {
		const link = make("a", { href: linkTo(target.reference) }, target.label);

		this.health = make("span", { class: "chip" });
		this.link = make("p", { class: "note" });
		this.value = make("data");
		this.at = make("span", { class: "at" });
		this.area = make("div", { class: "chart small", role: "img" });
		this.element = make("li", { class: "card" },
			make("div", { class: "head" }, make("h3", {}, link), this.health),
			make("p", { class: "value" }, this.value), this.at, this.link, this.area);
		this.chart = new Chart(this.area, on);
		this.anchor = link;
	}

	show(target, { table, series, range, marks, format }) {
		const { state } = target.data.health;
		const [received] = series;

		this.shown = { table, series, range, format };
		this.anchor.href = linkTo(target.reference);
		this.health.className = `chip health-${state}`;
		setText(this.health, state === "ok" ? "healthy" : state);
		setText(this.link, linkText({ ...target.data, vlan_stripped: false }));
		this.chart.draw({
			times: table.times, series, isStacked: true, known: received.values, marks, ...range,
		});
		this.area.setAttribute("aria-label", `${target.label}: ` +
			captionOf(extremes(table.times, received.values, range), format, []));
		this.point(this.pointed ?? null);
	}

	point(at) {
		this.pointed = at;
		if (!this.shown)
			return;
		const { table, series, range, format } = this.shown;
		const [first, end] = table.rows(range);
		const row = at === null ? end - 1 : nearest(table.times, at);
		const known = end > first;
		this.chart.point(at);
		setFigure(this.value, known ? series[0].values[row] : null, format);
		setText(this.at, known && at !== null ? time(table.times[row] * 1000) : "");
	}

	/* What the chart shows, as a row. */
	row() {
		const { table, series, range, format } = this.shown;
		const seen = extremes(table.times, series[0].values, range);
		const figure = (value) => make("td", {},
			make("data", { value: String(value ?? "") }, format(value)));

		return make("tr", {}, make("th", { scope: "row" }, this.anchor.textContent),
			figure(seen?.mean), figure(seen?.highest),
			make("td", {}, time(seen ? seen.at * 1000 : null)), figure(seen?.lowest));
	}
}

const COLUMNS = ["Interface", "Mean", "Highest", "At", "Lowest"];

export class Overview {
	/**
	 * @param {HTMLElement} element a section as index.html has it
	 * @param {object} on as a Chart's
	 */
	constructor(element, on) {
		const button = element.querySelector(".as-table");

		this.list = element.querySelector("ul");
		this.scroll = element.querySelector(".scroll");
		this.on = on;
		this.cards = new Map();
		button.addEventListener("click", () => {
			this.scroll.hidden = !this.scroll.hidden;
			button.setAttribute("aria-expanded", String(!this.scroll.hidden));
			this.tabulate();
		});
	}

	tabulate() {
		if (this.scroll.hidden)
			return;
		const head = make("tr", {}, ...COLUMNS.map((name) => make("th", { scope: "col" }, name)));
		const rows = [...this.cards.values()].map((card) => card.row());

		this.scroll.replaceChildren(
			make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
	}

	/**
	 * @param {import("./interfaces.js").Listed[]} targets
	 * @param {Map<string, import("./recording.js").Recording>} recordings
	 * @param {{unit: "bits"|"packets", directions: string[], range: {from: number, to: number}}} what
	 */
	show(targets, recordings, { unit, directions, range }) {
		this.keep(targets.map(({ reference }) => reference));
		for (const target of targets) {
			const recording = recordings.get(target.reference);
			if (!recording)
				continue;
			const { table, marks } = recording;
			const series = seriesOf(unit, directions).map((one) =>
				({ ...one, values: valuesOf(table, one) }));
			if (!this.cards.has(target.reference)) {
				this.cards.set(target.reference, new Card(target, this.on));
				this.list.append(this.cards.get(target.reference).element);
			}
			this.cards.get(target.reference).show(target,
				{ table, series, range, marks, format: FORMATS[unit] });
		}
		this.tabulate();
	}

	keep(references) {
		for (const [reference, card] of this.cards) {
			if (references.includes(reference))
				continue;
			card.chart.remove();
			card.element.remove();
			this.cards.delete(reference);
		}
	}

	/** The pointer is at a time. */
	point(at) {
		this.cards.forEach((card) => card.point(at));
	}

	/** Draw again, in the colours of now. */
	repaint() {
		this.cards.forEach((card) => card.chart.repaint());
	}
}
