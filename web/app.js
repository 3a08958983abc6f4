// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The page: knows what is looked at (view.js), what is known (source.js), and draws its charts; what stands around
 * them is around.js's, and what a reader does (controls.js) makes another view of it.
 *
 * Figures are kept when the server is silent, and shown as old; they are given up when another interface is
 * chosen, since they were not its own. A pause holds still all that is shown, while samples are still taken.
 */
import { again, source } from "./live.js";
import { byId } from "./dom.js";
import { Panel } from "./panel.js";
import { Table } from "./series.js";
import { Source } from "./source.js";
import { watchTheme } from "./theme.js";
import { hashOf, toggled, viewOf, windowOf } from "./view.js";

const PANELS = ["services", "protocols", "flags"];
const RETRY_MS = 1000;
const PICTURE_MS = 200; // from one to the next
const NOTHING = new Table([]);

function same(a, b) {
	return JSON.stringify(a) === JSON.stringify(b);
}

class Page {
	constructor() {
		this.view = viewOf(location.hash);
		this.paused = false;
		this.held = null;
		this.pointed = null;
		this.isFirst = true;
		this.shownAt = -Infinity;
		this.reading = new AbortController();
		this.source = source;
		this.on = { point: (at) => this.point(at), zoom: (from, to) => this.zoom(from, to) }; // in any chart
		this.panels = new Map(PANELS.map((id) => [id,
			new Panel(byId(id), { ...this.on, toggle: (series) => this.toggle(`${id}.${series}`) })]));
		this.around = null;
	}

	// ---- what there is ----

	get recording() {
		return this.source.recordings.get(this.source.one?.reference);
	}

	/* Of what is not counted any more the end of its history, in whose last step its last sample is. */
	get now() {
		const { one, now } = this.source;
		const end = Source.endOf(one);

		return end === null ? now : end + Math.max(1, this.recording?.table.span ?? 0);
	}

	get range() {
		return windowOf(this.view, this.now);
	}

	// ---- what a reader does ----

	/* Another view: its address, and what it needs. Going back in the browser comes here as well. */
	go(view) {
		const hash = hashOf(view);

		if (hash !== hashOf(this.view))
			history.pushState(null, "", hash);
		this.take(view);
	}

	take(view) {
		const before = this.view;

		this.view = view;
		if (!view.fixed || view.reference !== before.reference)
			this.paused = false;
		this.point(null);
		if (view.reference !== before.reference) {
			this.reading.abort();
			this.source.choose(view.reference);
			again();
		} else if (!same({ ...view, hidden: 0 }, { ...before, hidden: 0 })) {
			this.read();
		}
		this.show();
	}

	/* The newest question counts, and is asked until there is an answer: a stream that goes on does not ask it. */
	read() {
		this.reading.abort();
		this.reading = new AbortController();
		const { signal } = this.reading;

		this.source.askHistories(this.view, signal).catch((error) => {
			if (signal.aborted)
				return;
			this.source.fail(error);
			setTimeout(() => signal.aborted || this.read(), RETRY_MS);
		});
	}

	choose(reference) {
		this.go({ ...this.view, reference, fixed: null });
	}

	setRange(range) {
		this.go({ ...this.view, range, fixed: null });
	}

	zoom(from, to) {
		const middle = (from + to) / 2;
		const half = Math.max((to - from) / 2, 1);
		const round = (value) => Math.round(value * 1000) / 1000;

		this.go({ ...this.view, fixed: { from: round(middle - half), to: round(middle + half) } });
	}

	live() {
		this.go({ ...this.view, fixed: null });
	}

	/* Holds still the time that is shown; behind a pause live goes on, or a zoom stays. */
	pause() {
		const { from, to } = this.range;

		if (this.paused) {
			this.paused = false;
			this.go({ ...this.view, fixed: same(this.view.fixed, this.held) ? null : this.view.fixed });
			return;
		}
		if (!this.view.fixed) {
			this.zoom(from, to);
			this.held = this.view.fixed;
		}
		this.paused = true;
		this.show();
	}

	setUnit(unit) {
		this.go({ ...this.view, unit });
	}

	toggle(name) {
		this.go({ ...this.view, hidden: toggled(this.view.hidden, name) });
	}

	/* All charts have the pointer at the same time. */
	point(at) {
		if (at === this.pointed)
			return;
		this.pointed = at;
		if (this.source.one)
			this.panels.forEach((panel) => panel.point(at));
		this.around?.point(at);
	}

	// ---- what happens ----

	/* Once for all that is new by the next picture, of which a sampler that is quick does not need all. */
	soon() {
		if (this.waiting)
			return;
		this.waiting = true;
		setTimeout(() => requestAnimationFrame(() => {
			this.waiting = false;
			this.shownAt = performance.now();
			this.show();
		}), Math.max(0, this.shownAt + PICTURE_MS - performance.now()));
	}

	// ---- what is shown ----

	show() {
		const hash = hashOf(this.view);
		const held = this.paused && this.still === hash;

		this.still = this.paused ? hash : "";
		this.around?.showState();
		if (!this.paused)
			this.around?.showData();
		if (!held)
			this.showCharts();
		this.loadAround();
	}

	/* Its files come when the first chart is drawn, or when there is none to be drawn soon. */
	loadAround() {
		this.loading ??= import("./around.js").then(({ Around }) => {
			this.around = new Around(this);
			this.show();
		}, () => { this.loading = null; }); // the server has gone, and is asked again
	}

	/* A pause holds figures still; charts are of a time that stands, in which another view may be wanted. */
	readHistories() {
		if (this.isFirst && this.source.one) {
			this.showFirst();
			return;
		}
		if (this.paused)
			this.showCharts();
		this.show();
	}

	/* The main chart comes first, and by itself: all else comes when that is seen. */
	showFirst() {
		this.isFirst = false;
		this.showPanels(PANELS.slice(0, 1));
		requestAnimationFrame(() => setTimeout(() => this.loadAround()));
	}

	/* Charts stay in the unit that they are in until there is something to show in another. */
	get unit() {
		return this.source.recordings.values().next().value?.asked?.unit ?? this.view.unit;
	}

	/* What charts draw of one interface. */
	get drawn() {
		return this.recording ?? { table: NOTHING, marks: [] };
	}

	showCharts() {
		if (this.source.one)
			this.showPanels(PANELS);
		this.around?.showCharts();
	}

	showPanels(ids) {
		const { range, drawn: { table, marks } } = this;
		const panels = this.source.panelsFor(this.source.one, this.unit);

		for (const panel of panels.filter(({ id }) => ids.includes(id))) {
			const prefix = `${panel.id}.`;
			const hidden = this.view.hidden.filter((name) => name.startsWith(prefix))
				.map((name) => name.slice(prefix.length));
			this.panels.get(panel.id).show({ panel, table, hidden, range, marks });
		}
	}

	repaint() {
		this.panels.forEach((panel) => panel.repaint());
		this.around?.repaint();
	}

	// ---- the beginning ----

	start() {
		this.source.toldTo({
			changed: () => this.soon(), read: () => this.readHistories(), failed: () => this.show(),
			listed: () => this.catchUp(),
		});
		window.addEventListener("popstate", () => this.take(viewOf(location.hash)));
		window.addEventListener("hashchange", () => this.take(viewOf(location.hash)));
		setInterval(() => this.show(), 1000);
		watchTheme(() => this.repaint());
		this.catchUp();
	}

	/* The list is there, or what came before this file was. */
	catchUp() {
		const { list, one, trouble } = this.source;

		if (trouble)
			this.show();
		else if (this.drawn.table.length)
			this.readHistories();
		else if (list && !one)
			this.loadAround();
	}
}

new Page().start();
