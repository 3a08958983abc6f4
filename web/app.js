// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The live page: asks for what is chosen, keeps what was last known, and has the views show it.
 *
 * Which interface is chosen stands in the address (#interface=eth0), so that a page can be linked
 * to. Figures are kept when the server is silent, and shown as old; they are given up when another
 * interface is chosen, since they were not its own.
 */
import { getFigures, getHistory, getInterfaces, Lost, Refusal } from "./api.js";
import { captionOf } from "./caption.js";
import { drawChart } from "./chart.js";
import { byId, setText } from "./dom.js";
import { showFigures } from "./figures.js";
import { zone } from "./format.js";
import {
	addressOf, counting, listed, referenceOf, selected, showRecorded, showSwitch,
} from "./interfaces.js";
import { poll } from "./poll.js";
import { extremes, fromHistory, merge, sum } from "./series.js";
import { ageOf, statusOf } from "./status.js";
import { showCounters, showInterfaces } from "./tables.js";

const CHART_S = 300;
const INTERFACES_MS = 5000; // how often they are listed
const HISTORY_MS = 10000; // how often the history is read again; between, samples are added to it
const QUICK_HISTORY_MS = 2000; // for a sampler that is faster than this page asks
const QUICK_SAMPLE_MS = 900;

/* The lines of the chart; the first is the total. */
const METRICS = [
	"rx.bits_per_s", "rx.l4.tcp.bits_per_s", "rx.services.http.bits_per_s",
	"rx.services.https.bits_per_s",
];

/* The value at a path such as "rx.l4.tcp.bits_per_s", null where there is none. */
function valueAt(answer, path) {
	return path.split(".").reduce((part, name) => part?.[name], answer) ?? null;
}

/* The sampler's interval in seconds, the longest of several; at least 1, as this page asks. */
function intervalOf(list) {
	return Math.max(1, ...list.map(({ data }) => (data.recorder?.interval_ms ?? 0) / 1000));
}

/*
 * An answer each, or why there is none. Where one of them has had longer steps, all are asked for
 * those, so that they can be added.
 */
async function getHistories(references, what, signal) {
	const ask = (step) => Promise.all(references.map(async (reference) => {
		try {
			return await getHistory(reference, { ...what, step }, signal);
		} catch (error) {
			if (error instanceof Refusal)
				return error; // nobody records it
			throw error;
		}
	}));
	const first = await ask(what.step);
	const steps = first.map((answer) => answer.step_ms ?? 0);
	const longest = Math.max(...steps) / 1000;

	return steps.every((step) => !step || step === longest * 1000) ? first : ask(longest);
}

/* The time of the sample that all figures are of; "" where the answers are of different ones. */
function sampleOf(figures) {
	const at = figures?.realtime.timestamp ?? "";

	return at === figures?.summary.timestamp ? at : "";
}

class Page {
	constructor() {
		this.list = [];
		this.listedAt = -Infinity;
		this.choose();
	}

	/* Take the choice from the address, and begin with nothing known of it. */
	choose() {
		this.reference = referenceOf(location.hash);
		this.trouble = null;
		this.figures = null;
		this.history = [];
		this.left = [];
		this.historyAt = -Infinity;
		this.live = [];
		this.show();
	}

	/* One round of questions. Return: whether the server answered. */
	async step(signal) {
		try {
			await this.askInterfaces(signal);
			await this.askFigures(signal);
			await this.askHistory(signal);
		} catch (error) {
			if (signal.aborted)
				return false;
			this.trouble = error;
			this.listedAt = -Infinity; // what there is may have changed
			if (!(error instanceof Refusal || error instanceof Lost))
				console.error(error); // of this page itself
		}
		this.show();
		return this.trouble === null || this.trouble instanceof Refusal;
	}

	async askInterfaces(signal) {
		if (performance.now() - this.listedAt < INTERFACES_MS)
			return;
		const interfaces = await getInterfaces(signal);
		signal.throwIfAborted();
		this.list = listed(interfaces);
		this.listedAt = performance.now();
	}

	/* Whether the list has all of these already. */
	lists(names) {
		const listedNames = counting(this.list).map(({ data }) => data.interface);

		return names.every((name) => listedNames.includes(name));
	}

	/* Of the chosen ones that count, in seconds. */
	interval() {
		return intervalOf(counting(selected(this.list, this.reference)));
	}

	/* Samples come more slowly than the list says: the interval may be another now. */
	isSlower(realtime) {
		return !realtime.stale && realtime.interval_ms > 1500 * this.interval();
	}

	async askFigures(signal) {
		const figures = await getFigures(this.reference, signal);

		signal.throwIfAborted();
		if (this.isSlower(figures.realtime)) {
			this.listedAt = -Infinity;
			await this.askInterfaces(signal);
		}
		this.figures = { ...figures, seenAt: performance.now() };
		this.trouble = null;
		if (!this.lists(figures.realtime.interfaces))
			this.listedAt = -Infinity;
		this.addLive(figures.realtime);
		this.show();
	}

	/* A sample that is new becomes the chart's newest point, until the history has it. */
	addLive(realtime) {
		const row = {
			time: Date.parse(realtime.timestamp) / 1000,
			span: realtime.interval_ms / 1000,
			values: METRICS.map((path) => valueAt(realtime, path)),
		};
		const newest = this.live.at(-1)?.time ?? -Infinity;

		if (realtime.interval_ms === null || realtime.interval_ms < QUICK_SAMPLE_MS)
			return;
		if (row.time <= newest)
			return;
		this.live.push(row);
		this.live = this.live.filter(({ time: at }) => at > row.time - CHART_S);
	}

	async askHistory(signal) {
		const quick = this.figures.realtime.interval_ms < QUICK_SAMPLE_MS;
		const list = counting(selected(this.list, this.reference));

		if (performance.now() - this.historyAt < (quick ? QUICK_HISTORY_MS : HISTORY_MS))
			return;
		const what = { seconds: CHART_S, step: this.interval(), metrics: METRICS };
		const references = list.map(({ reference }) => reference);
		const histories = await getHistories(references, what, signal);
		signal.throwIfAborted();
		const all = list.map((one, i) => ({ one, answer: histories[i] }));
		const [left, told] = [true, false].map((is) =>
			all.filter(({ answer }) => answer instanceof Refusal === is));
		this.left = left.map(({ one, answer }) => ({ label: one.label, reason: answer.message }));
		this.history = sum(told.map(({ answer }) => fromHistory(answer)));
		this.historyAt = performance.now();
	}

	knowledge() {
		return {
			trouble: this.trouble,
			figures: this.figures,
			left: this.left,
			shown: selected(this.list, this.reference),
		};
	}

	show() {
		const { realtime = null, summary = null } = this.figures ?? {};

		document.title = `${this.reference || "all interfaces"} – sampler`;
		showSwitch(byId("interface"), this.list, this.reference);
		this.showStatus();
		showFigures(realtime, summary);
		showCounters(byId("counters"), realtime?.rx ?? null);
		showInterfaces(byId("interfaces"), selected(this.list, this.reference));
		this.showChart();
	}

	showStatus() {
		const { text, level, old } = statusOf(this.knowledge());
		const none = !this.reference && !this.list.some(({ data }) => data.attached);

		setText(byId("status"), text);
		byId("status").dataset.level = level;
		document.querySelector("main").classList.toggle("old", old);
		byId("nothing").hidden = !(this.trouble instanceof Refusal && none);
		showRecorded(byId("recorded"), none ? this.list : []);
		this.showAge();
	}

	showAge() {
		setText(byId("age"), ageOf(this.knowledge(), performance.now()));
		byId("age").dataset.timestamp = sampleOf(this.figures);
	}

	showChart() {
		const rows = merge(this.history, this.live, this.interval());
		const to = Math.max(rows.at(-1)?.time ?? 0, (this.figures?.servedAt ?? 0) / 1000);
		const range = { from: to - CHART_S, to };
		const seen = extremes(rows.filter(({ time: at }) => at >= range.from));

		if (to)
			drawChart(byId("chart"), rows, range);
		setText(byId("chart-caption"), captionOf(seen, this.figures?.summary));
	}
}

function main() {
	const page = new Page();
	const again = poll((signal) => page.step(signal));

	window.addEventListener("hashchange", () => {
		page.choose();
		again();
	});
	byId("interface").addEventListener("change", ({ target }) => {
		location.hash = addressOf(target.value);
	});
	setText(byId("zone"), `Times in ${zone()}`);
	setInterval(() => page.showAge(), 1000);
	new ResizeObserver(() => page.showChart()).observe(byId("chart"));
}

main();
