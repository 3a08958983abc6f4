// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * All interfaces at once, each a small chart on the same time; those who look for more follow its name.
 */
import { captionOf } from "./caption.js";
import { Chart } from "./chart.js";
import { make, setFigure, setText } from "./dom.js";
import { bits, packets, time } from "./format.js";
import { linkText, linkTo } from "./interfaces.js";
import { totalsOf } from "./metrics.js";
import { extremes, nearest, totalsBySign, valuesOf } from "./series.js";

const FORMATS = { bits, packets };

/** The series of a small chart: what an interface receives, and sends if that is counted. */
export function seriesOf(unit, directions) {
	const columns = totalsOf(unit, directions);

	return directions.map((direction, i) => ({
		id: direction, label: direction === "rx" ? "received" : "sent", colour: i,
		sign: direction === "rx" ? 1 : -1, plus: [columns[i]],
	}));
}

class Card {
	constructor(target, on) {
		const link = make("a", { href: linkTo(target.reference) }, target.label);

		this.health = make("span", { class: "chip" });
		this.link = make("p", { class: "note" });
		this.values = [make("data"), make("data")]; // received, and sent
		this.sent = make("span", { class: "also", hidden: "" }, this.values[1], " sent");
		this.at = make("span", { class: "at" });
		this.area = make("div", { class: "chart small", role: "img" });
		this.element = make("li", { class: "card" },
			make("div", { class: "head" }, make("h3", {}, link), this.health),
			make("p", { class: "value" }, this.values[0], " ", this.sent),
			make("div", { class: "below" }, this.link, this.at), this.area);
		this.chart = new Chart(this.area, on);
		this.anchor = link;
	}

	show(target, { table, series, range, marks, format }) {
		const { state } = target.data.health;
		const known = totalsBySign(table, series.map(({ plus }) => plus[0]));

		this.shown = { table, series, range, format };
		this.sent.hidden = series.length === 1;
		this.anchor.href = linkTo(target.reference);
		this.health.className = `chip health-${state}`;
		setText(this.health, state === "ok" ? "healthy" : state);
		setText(this.link, linkText({ ...target.data, vlan_stripped: false }));
		this.chart.draw({ times: table.times, series, isStacked: true, known, marks, ...range });
		this.area.setAttribute("aria-label", `${target.label}: ${captionOf(this.seen(), format, [])}`);
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
		series.forEach(({ values }, i) => setFigure(this.values[i], known ? values[row] : null, format));
		setText(this.at, known && at !== null ? time(table.times[row] * 1000) : "");
	}

	/* Of each direction. */
	seen() {
		const { table, series, range } = this.shown;

		return series.map(({ values }) => extremes(table.times, values, range));
	}

	/** What the chart shows, as a row of so many directions. */
	row(n) {
		const { format } = this.shown;
		const seen = this.seen();
		const figure = (value) => make("td", {},
			make("data", { value: String(value ?? "") }, format(value)));
		const cells = Array.from({ length: n }, (_, i) => seen[i]).flatMap((one) => [
			figure(one?.mean), figure(one?.highest), make("td", {}, time(one ? one.at * 1000 : null)), figure(one?.lowest),
		]);

		return make("tr", {}, make("th", { scope: "row" }, this.anchor.textContent), ...cells);
	}

	get nDirections() {
		return this.shown.series.length;
	}
}

const COLUMNS = ["Mean", "Highest", "At", "Lowest"];

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
		const cards = [...this.cards.values()];
		const n = Math.max(1, ...cards.map(({ nDirections }) => nDirections));
		const names = ["Interface", ...COLUMNS, ...n > 1 ? COLUMNS.map((name) => `${name}, sent`) : []];
		const head = make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)));
		const rows = cards.map((card) => card.row(n));

		this.scroll.replaceChildren(
			make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
	}

	/**
	 * @param {import("./interfaces.js").Listed[]} targets
	 * @param {Map<string, import("./recording.js").Recording>} recordings
	 * @param {object} what
	 * @param {"bits"|"packets"} what.unit
	 * @param {(target: import("./interfaces.js").Listed) => string[]} what.directionsOf
	 * @param {{from: number, to: number}} what.range
	 */
	show(targets, recordings, { unit, directionsOf, range }) {
		this.keep(targets.map(({ reference }) => reference));
		for (const target of targets) {
			const recording = recordings.get(target.reference);
			if (!recording)
				continue;
			const { table, marks } = recording;
			const series = seriesOf(unit, directionsOf(target)).map((one) =>
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
