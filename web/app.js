// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The page: knows what is looked at (view.js), what is known (source.js), and has the views show it. All that
 * a reader can do comes together here, by mouse or by key.
 *
 * Figures are kept when the server is silent, and shown as old; they are given up when another interface is
 * chosen, since they were not its own. A pause holds still all that is shown, while samples are still taken.
 */
import { curlOf, Lost, Refusal } from "./api.js";
import { keepConnected } from "./connection.js";
import { csvOf, csvOfAll } from "./csv.js";
import { byId, setText } from "./dom.js";
import { copy, download } from "./export.js";
import { showFigures, showSparks } from "./figures.js";
import { bits, time, zone } from "./format.js";
import { showHeader } from "./header.js";
import { showHistogram, sizesOf } from "./histogram.js";
import { counting, selected, showRecorded, showSwitch } from "./interfaces.js";
import { listen } from "./keys.js";
import { columnsOf, panelsOf } from "./metrics.js";
import { columnsOfAll, Overview } from "./overview.js";
import { Panel } from "./panel.js";
import { Table } from "./series.js";
import { Changed, Source } from "./source.js";
import { ageOf, statusOf } from "./status.js";
import { showCounters, showInterfaces } from "./tables.js";
import { nextTheme, theme, watchTheme } from "./theme.js";
import { hashOf, otherRange, RANGES, toggled, viewOf, windowOf } from "./view.js";

const PANELS = ["services", "protocols", "flags"];
const NOTE_MS = 4000;
const RETRY_MS = 1000;
const PICTURE_MS = 200; // from one to the next
const NOTHING = new Table([]);

/* The time that all figures are of; "" where totals and rates are of different samples. */
function sampleOf(figures) {
	const at = figures?.realtime.timestamp ?? "";

	return at === figures?.summary?.timestamp ? at : "";
}

function same(a, b) {
	return JSON.stringify(a) === JSON.stringify(b);
}

class Page {
	constructor() {
		this.view = viewOf(location.hash);
		this.paused = false;
		this.held = null;
		this.pointed = null;
		this.shownAt = -Infinity;
		this.reading = new AbortController();
		this.source = new Source(() => this.soon(), () => this.readHistories(), (target) => this.columnsFor(target));
		this.source.choose(this.view.reference);
		const on = { point: (at) => this.point(at), zoom: (from, to) => this.zoom(from, to) };
		this.panels = new Map(PANELS.map((id) => [id,
			new Panel(byId(id), { ...on, toggle: (series) => this.toggle(`${id}.${series}`) })]));
		this.overview = new Overview(byId("all"), on);
	}

	// ---- what there is ----

	/* What is sent is shown where it is counted. */
	get directions() {
		return this.source.figures?.realtime.tx ? ["rx", "tx"] : ["rx"];
	}

	panelsFor(target, unit) {
		return panelsOf(target.data.services ?? [], unit, this.directions);
	}

	columnsFor(target) {
		return this.source.one
			? columnsOf(this.panelsFor(target, this.view.unit), this.directions)
			: columnsOfAll(this.view.unit, this.directions);
	}

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
			this.again();
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
			this.failed(error);
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
		else
			this.overview.point(at);
		this.showSizes();
	}

	/* By keys: from the newest sample on. */
	step(by) {
		const table = this.recording?.table ?? this.source.recordings.values().next().value?.table;
		const [first, end] = table?.rows(this.range) ?? [0, 0];
		const at = this.pointed === null ? end : table.times.indexOf(this.pointed);

		if (end === first)
			return;
		this.point(table.times[Math.max(first, Math.min(end - 1, at < first ? end - 1 : at + by))]);
		this.tell();
	}

	/* The first press takes one end, the second the other. */
	mark() {
		if (this.pointed === null)
			this.note("Put the pointer somewhere first: arrow keys, or the mouse");
		else if (this.anchor === undefined || this.anchor === this.pointed) {
			this.anchor = this.pointed;
			this.note(`From ${time(this.anchor * 1000)} to … : move the pointer, then press z again`);
		} else {
			const [from, to] = [this.anchor, this.pointed].sort((a, b) => a - b);
			this.anchor = undefined;
			this.zoom(from, to);
		}
	}

	/* For those who hear the page: what the pointer is at. */
	tell() {
		const names = [...document.querySelectorAll("#services .legend li")].map((item) =>
			[...item.querySelectorAll(".name, data")].map(({ textContent }) => textContent).join(" "));

		setText(byId("spoken"), `${time(this.pointed * 1000)}: ${names.join(", ")}`);
	}

	/* The interface before or behind this one; "all" is one of them. */
	neighbour(by) {
		const all = ["", ...counting(this.source.list ?? []).map(({ reference }) => reference)];
		const at = all.indexOf(this.view.reference);

		this.choose(all[(at + by + all.length) % all.length]);
	}

	get stretch() {
		const { from, to } = this.range;

		return { from: Math.floor(from), to: Math.min(Math.ceil(to), Math.floor(this.source.now)) };
	}

	get shownRecordings() {
		return [...this.source.recordings.values()].filter(({ table }) => table.names.length);
	}

	/* Of several interfaces one after the other. */
	async copyCurl() {
		const commands = this.shownRecordings
			.map(({ reference, table }) => curlOf(reference, this.stretch, table.names));

		if (!commands.length)
			this.note("Nothing is shown that could be asked for");
		else if (await copy(commands.join("\n")))
			this.note("Copied: the command that gets what the charts show");
	}

	/* Of several interfaces one below the other, in one file. */
	saveCsv() {
		const { shownRecordings: recordings, range } = this;
		const at = new Date(range.to * 1000).toISOString().replace(/\.\d+Z/, "Z").replaceAll(":", "");

		if (!recordings.length) {
			this.note("Nothing is shown that could be saved");
			return;
		}
		download(`sampler-${this.source.one?.reference ?? "all"}-${at}.csv`,
			this.source.one ? csvOf(recordings[0].table, range) : csvOfAll(recordings, range), "text/csv");
		this.note("Saved: all rows that the charts show");
	}

	note(text) {
		setText(byId("note"), text);
		clearTimeout(this.noteTimer);
		this.noteTimer = setTimeout(() => setText(byId("note"), ""), NOTE_MS);
	}

	// ---- what happens ----

	failed(error) {
		if (error instanceof Changed)
			return;
		this.source.trouble = error;
		if (!(error instanceof Refusal || error instanceof Lost))
			console.error(error); // of this page itself
		this.show();
	}

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

	get knowledge() {
		const { trouble, figures, left, list, reference } = this.source;

		return { trouble, figures, left, shown: selected(list ?? [], reference) };
	}

	show() {
		const { list, reference, one } = this.source;

		document.title = `${this.rate}${one?.label ?? (reference || "all interfaces")} – sampler`;
		if (list)
			showSwitch(byId("interface"), list, one?.reference ?? reference);
		showHeader(list ?? [], one);
		this.showStatus();
		this.showTools();
		if (!this.paused)
			this.showData();
		else if (this.still !== hashOf(this.view))
			this.showCharts();
		this.still = this.paused ? hashOf(this.view) : "";
	}

	/* A pause holds figures still; charts are of a time that stands, in which another view may be wanted. */
	readHistories() {
		if (this.paused)
			this.showCharts();
		this.show();
	}

	showData() {
		const { figures, one } = this.source;

		showFigures(figures?.realtime ?? null, figures?.summary ?? null, one?.data.speed_mbps ?? null);
		showCounters(byId("counters"), figures?.realtime.rx ?? null);
		showInterfaces(byId("interfaces"), this.knowledge.shown);
		byId("sent").hidden = this.directions.length === 1;
		byId("data").classList.toggle("both", this.directions.length > 1);
		this.showCharts();
		byId("data").classList.toggle("several", one === null);
		byId("one").hidden = one === null;
		byId("all").hidden = one !== null || !this.source.targets.length;
	}

	/* For a tab that is not in front; what is old is not told there. */
	get rate() {
		const { figures, trouble } = this.source;

		return figures && !trouble && !figures.realtime.stale && figures.realtime.interval_ms !== null
			? `${bits(figures.realtime.bandwidth_bps)} · ` : "";
	}

	showStatus() {
		const { list, trouble, reference } = this.source;
		const { text, level, old } = statusOf(this.knowledge);
		const none = !reference && !(list ?? []).some(({ data }) => data.attached);

		setText(byId("status"), this.paused ? `Paused. ${text}` : text);
		byId("status").dataset.level = level;
		document.querySelector("main").classList.toggle("old", old);
		byId("nothing").hidden = !(trouble instanceof Refusal && none);
		byId("data").hidden = !byId("nothing").hidden;
		showRecorded(byId("recorded"), none ? list ?? [] : []);
		this.showAge();
	}

	showAge() {
		setText(byId("age"), ageOf(this.knowledge, performance.now()));
		byId("age").dataset.timestamp = this.paused ? "" : sampleOf(this.source.figures);
	}

	showTools() {
		const press = (button, on) => button.setAttribute("aria-pressed", String(on));

		for (const button of document.querySelectorAll("[data-range]"))
			press(button, !this.view.fixed && button.dataset.range === this.view.range);
		for (const button of document.querySelectorAll("[data-unit]"))
			press(button, button.dataset.unit === this.view.unit);
		press(byId("pause"), this.paused);
		setText(byId("pause"), this.paused ? "Paused" : "Pause");
		byId("live").disabled = !this.view.fixed;
		setText(byId("theme"), `Theme: ${theme()}`);
		const { from, to } = this.range;
		setText(byId("stretch"), this.view.fixed
			? `${time(from * 1000)} to ${time(to * 1000)}` : "");
	}

	/* Charts stay in the unit that they are in until there is something to show in another. */
	showCharts() {
		const { one, targets, recordings } = this.source;
		const { range, directions } = this;
		const unit = recordings.values().next().value?.asked?.unit ?? this.view.unit;
		const { table, marks } = this.recording ?? { table: NOTHING, marks: [] };

		showSparks(one && table.length ? table : null, range);
		if (!one) {
			this.overview.show(targets, recordings, { unit, directions, range });
			return;
		}
		for (const panel of this.panelsFor(one, unit)) {
			const prefix = `${panel.id}.`;
			const hidden = this.view.hidden.filter((name) => name.startsWith(prefix))
				.map((name) => name.slice(prefix.length));
			this.panels.get(panel.id).show({ panel, table, hidden, range, marks });
		}
		this.showSizes();
	}

	showSizes() {
		const { table } = this.recording ?? { table: NOTHING };

		showHistogram(byId("sizes"), byId("sizes-at"), sizesOf(table, this.range, this.pointed),
			this.pointed);
	}

	repaint() {
		this.panels.forEach((panel) => panel.repaint());
		this.overview.repaint();
		this.showTools();
	}

	// ---- the beginning ----

	start() {
		this.again = keepConnected(
			(signal, answered) => this.source.session(() => this.view, signal, answered),
			(error) => this.failed(error));
		window.addEventListener("popstate", () => this.take(viewOf(location.hash)));
		window.addEventListener("hashchange", () => this.take(viewOf(location.hash)));
		setInterval(() => this.show(), 1000);
		watchTheme(() => this.repaint());
		this.showTools(); // the rest waits for the first answers, or a second
		setText(byId("zone"), `Times in ${zone()}`);
	}
}

function press(page, id, action) {
	byId(id).addEventListener("click", () => action(page));
}

function wire(page) {
	byId("interface").addEventListener("change", ({ target }) => page.choose(target.value));
	for (const button of document.querySelectorAll("[data-range]"))
		button.addEventListener("click", () => page.setRange(button.dataset.range));
	for (const button of document.querySelectorAll("[data-unit]"))
		button.addEventListener("click", () => page.setUnit(button.dataset.unit));
	for (const button of document.querySelectorAll("dialog button"))
		button.addEventListener("click", () => button.closest("dialog").close());
	press(page, "pause", () => page.pause());
	press(page, "live", () => page.live());
	press(page, "theme", nextTheme);
	press(page, "curl", () => page.copyCurl());
	press(page, "csv", () => page.saveCsv());
	press(page, "help-open", () => byId("help").showModal());
}

function keysOf(page) {
	const ranges = [...RANGES.keys()].map((range, i) => [String(i + 1), () => page.setRange(range)]);

	return {
		...Object.fromEntries(ranges),
		"?": () => byId("help").showModal(),
		Space: () => page.pause(),
		p: () => page.pause(),
		l: () => page.live(),
		Escape: () => (page.pointed === null ? page.live() : page.point(null)),
		"+": () => page.setRange(otherRange(page.view.range, -1)),
		"-": () => page.setRange(otherRange(page.view.range, 1)),
		ArrowLeft: () => page.step(-1),
		ArrowRight: () => page.step(1),
		"Shift+ArrowLeft": () => page.step(-10),
		"Shift+ArrowRight": () => page.step(10),
		z: () => page.mark(),
		u: () => page.setUnit(page.view.unit === "bits" ? "packets" : "bits"),
		i: () => byId("interface").focus(),
		"[": () => page.neighbour(-1),
		"]": () => page.neighbour(1),
		a: () => page.choose(""),
		t: nextTheme,
		c: () => page.copyCurl(),
		s: () => page.saveCsv(),
		d: () => document.querySelectorAll(".as-table").forEach((button) => button.click()),
	};
}

const page = new Page();
wire(page);
listen(keysOf(page), byId("keys-on"));
page.start();
