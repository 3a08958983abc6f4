// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * All that is known of what is chosen: the list of interfaces, the newest sample, the totals, and a recording
 * of each interface. It asks the API and follows its stream, and says when it knows more; what is shown of
 * it is not its matter.
 *
 * A stream that breaks is taken up where it was, by the id of its last event, so that no sample is missing;
 * after a longer time the history is read again instead. Either way what was not recorded stays a gap.
 */
import {
	getInterfaces, getRealtime, getSummary, Lost, openStream, Refusal,
} from "./api.js";
import { counting, listed, selected } from "./interfaces.js";
import { columnsOf, drawnOf, panelsOf, totalsOf } from "./metrics.js";
import { Recording } from "./recording.js";
import { readEvents } from "./sse.js";
import { RANGES } from "./view.js";

const INTERFACES_MS = 5000; // how often they are listed
const FIGURES_MS = 900; // totals are asked for with each sample, but no more often
const TOGETHER_MS = 40; // samples of several interfaces that come within this time are of one tick
const AWAY_MS = 60000; // after which the history is read again
const SILENCE_MS = 4000; // without a sample the stream is given up
const SILENT_INTERVALS = 3;
const WATCH_MS = 250;

function pause(ms) {
	return new Promise((resolve) => { setTimeout(resolve, ms); });
}

export class Source {
	/** @param {string} reference what is chosen */
	constructor(reference) {
		this.toldTo({ listed() {}, changed() {}, read() {}, failed() {} });
		this.list = null;
		this.choose(reference);
	}

	/**
	 * @param {object} views from now on; what is known already is there to be seen
	 * @param {() => void} views.listed is called when the interfaces are known
	 * @param {() => void} views.changed is called when more is known
	 * @param {() => void} views.read is called when the histories are there that were asked for
	 * @param {() => void} views.failed is called when there is trouble
	 */
	toldTo(views) {
		this.views = views;
	}

	/** An attempt to know more has failed, and another follows. */
	fail(error) {
		if (error instanceof Changed)
			return;
		this.trouble = error;
		if (!(error instanceof Refusal || error instanceof Lost))
			console.error(error); // of this page itself
		this.views.failed();
	}

	/** Begin with nothing known of another choice. */
	choose(reference) {
		this.reference = reference;
		this.trouble = null;
		this.figures = null;
		this.recordings = new Map();
		this.left = [];
		this.lastId = "";
		this.eventAt = -Infinity;
		this.listedAt = -Infinity;
	}

	// ---- what is chosen ----

	/** @returns {import("./interfaces.js").Listed[]} those that the figures are of */
	get targets() {
		return counting(selected(this.list ?? [], this.reference));
	}

	/** @returns {import("./interfaces.js").Listed|null} the one that all is about, null for several */
	get one() {
		const chosen = selected(this.list ?? [], this.reference);
		const { targets } = this;

		if (targets.length === 1)
			return targets[0];
		return !targets.length && this.reference && chosen.length ? chosen[0] : null;
	}

	/** @returns {string[]} which directions an interface counts; of one that is not attached its history tells */
	directionsOf(target) {
		const { tx_counted: counted = false } = target.data;
		const { table } = this.recordings.get(target.reference) ?? {};

		return counted ?? (!table?.length || table.knows("tx")) ? ["rx", "tx"] : ["rx"];
	}

	panelsFor(target, unit) {
		return panelsOf(target.data.services ?? [], unit, this.directionsOf(target));
	}

	columnsFor(target, unit) {
		return this.one ? columnsOf(this.panelsFor(target, unit)) : totalsOf(unit, this.directionsOf(target));
	}

	/* What the API is asked for. */
	get asked() {
		return this.one?.reference ?? this.reference;
	}

	/* What makes another session necessary. */
	get kind() {
		return JSON.stringify(this.targets.map(({ reference, data }) =>
			[reference, data.epoch, data.services, data.tx_counted, data.recorder?.interval_ms]));
	}

	/** The sampler's interval in seconds. */
	static intervalOf(target) {
		return (target?.data.recorder?.interval_ms ?? 1000) / 1000;
	}

	/** Where the history ends of one that is not counted any more, in Unix seconds; null: it goes on. */
	static endOf(target) {
		const end = Date.parse(target?.data.attached === false ? target.data.history?.to ?? "" : "");

		return Number.isNaN(end) ? null : end / 1000;
	}

	/** The server's time in Unix seconds, as far as it is known. */
	get now() {
		const { servedAt, seenAt } = this.figures ?? { servedAt: this.listServedAt, seenAt: this.listSeenAt };

		return Number.isFinite(servedAt) ? (servedAt + performance.now() - seenAt) / 1000
			: Date.now() / 1000;
	}

	// ---- questions ----

	async askInterfaces(signal) {
		const [interfaces, servedAt] = await getInterfaces(signal);

		signal.throwIfAborted();
		this.list = listed(interfaces);
		this.listServedAt = servedAt;
		this.listSeenAt = this.listedAt = performance.now();
		this.forgetGone();
		this.views.listed();
	}

	/* What is not shown any more; interfaces may come and go for weeks. */
	forgetGone() {
		const shown = [this.one, ...this.targets].map((target) => target?.reference);

		for (const reference of this.recordings.keys())
			if (!shown.includes(reference))
				this.recordings.delete(reference);
	}

	take(realtime, summary, servedAt) {
		this.figures = {
			realtime,
			summary: summary ?? this.figures?.summary ?? null,
			servedAt,
			seenAt: performance.now(),
		};
		this.trouble = null;
		this.views.changed();
	}

	async askFigures(signal) {
		const [[realtime, servedAt], summary] = await Promise.all([
			getRealtime(this.asked, signal),
			getSummary(this.asked, signal),
		]);

		signal.throwIfAborted();
		this.take(realtime, summary, servedAt);
		return realtime;
	}

	async askSummary(signal) {
		const summary = await getSummary(this.asked, signal);

		signal.throwIfAborted();
		if (this.figures)
			this.figures.summary = summary;
		this.views.changed();
	}

	/* One whose history cannot be had is named; the others are shown. */
	async askHistory(target, view, signal) {
		const recording = this.recordings.get(target.reference) ?? new Recording(target.reference);
		const what = {
			columns: this.columnsFor(target, view.unit), unit: view.unit, first: drawnOf(this.panelsFor(target, view.unit)[0]),
			seconds: RANGES.get(view.range), fixed: view.fixed, end: Source.endOf(target),
		};

		this.recordings.set(target.reference, recording);
		try {
			await recording.load(what, Source.intervalOf(target), this.now, signal, () => this.views.read());
		} catch (error) {
			if (!(error instanceof Refusal))
				throw error;
			recording.forget();
			return { label: target.label, reason: error.message };
		}
		return null;
	}

	/**
	 * Read what the charts show.
	 *
	 * @param {import("./view.js").View} view
	 * @param {AbortSignal} signal
	 */
	async askHistories(view, signal) {
		const list = this.one ? [this.one] : this.targets;
		const left = await Promise.all(list.map((target) => this.askHistory(target, view, signal)));

		signal.throwIfAborted();
		this.left = left.filter((one) => one !== null);
		this.views.read();
	}

	// ---- a session ----

	/**
	 * Ask for all, then listen until that ends.
	 *
	 * @param {() => import("./view.js").View} view of the moment
	 * @param {AbortSignal} signal
	 * @param {() => void} answered
	 * @throws why it ended
	 */
	async session(view, signal, answered) {
		const inner = new AbortController();
		const both = AbortSignal.any([signal, inner.signal]);

		try {
			await this.askInterfaces(both);
			await this.follow(view, both, inner, answered);
		} finally {
			inner.abort();
		}
	}

	async follow(view, signal, inner, answered) {
		const { kind } = this;
		const resumes = this.lastId !== "" && this.kindRead === kind &&
			performance.now() - this.eventAt < AWAY_MS;
		const early = [];
		let ready = false;
		const stream = openStream(this.asked, resumes ? this.lastId : "", signal);

		const reading = stream.then((body) => readEvents(body, (event) => {
			if (ready)
				this.onEvent(event, view, signal, inner);
			else
				early.push(event);
		}, () => {
			signal.throwIfAborted();
			throw new Lost("the connection broke");
		}));
		reading.catch(() => {}); // it is waited for below, if there is anything to wait for
		const detached = !this.targets.length && this.one !== null;
		if (!resumes && (this.targets.length || detached))
			await this.askHistories(view(), signal);
		await stream; // figures that nothing follows are not live
		const realtime = await this.askFigures(signal);
		this.kindRead = kind;
		answered();
		ready = true;
		early.forEach((event) => this.onEvent(event, view, signal, inner));
		if (!resumes && this.one) // behind those, which are earlier; and what was missed comes first as well
			this.recordings.get(this.asked)?.add(realtime, Source.intervalOf(this.one));
		await Promise.race([reading, this.watch(view, signal, inner, kind)]);
		throw new Lost("the server has ended it");
	}

	/* What there is to do besides, until something is wrong. */
	async watch(view, signal, inner, kind) {
		this.heardAt = performance.now();
		for (;;) {
			await pause(WATCH_MS);
			signal.throwIfAborted();
			const longest = Math.max(...this.targets.map((target) => Source.intervalOf(target)), 0);
			const patience = Math.max(SILENCE_MS, longest * SILENT_INTERVALS * 1000);
			if (performance.now() - this.heardAt > patience)
				throw new Lost(`no answer in ${Math.round(patience / 1000)} s`);
			if (performance.now() - this.listedAt > INTERFACES_MS)
				await this.askInterfaces(signal);
			if (this.kind !== kind)
				throw new Changed();
			for (const target of this.targets)
				await this.recordings.get(target.reference)?.extend(Source.intervalOf(target), signal);
			if ([...this.recordings.values()].some(({ isWanting }) => isWanting))
				await this.askHistories(view(), signal);
			this.views.changed();
		}
	}

	// ---- events ----

	targetOf(realtime, id) {
		const epoch = id?.split("-")[0];
		const { targets } = this;

		return targets.find(({ data }) => data.epoch === epoch) ??
			targets.find(({ data }) => data.interface === realtime.interface) ?? null;
	}

	onEvent({ type, data, id }, view, signal, inner) {
		this.heardAt = this.eventAt = performance.now();
		if (id !== null)
			this.lastId = id;
		if (type === "gap")
			this.askHistories(view(), signal).catch((error) => inner.abort(error));
		if (type !== "message")
			return;
		const realtime = JSON.parse(data);
		const target = this.targetOf(realtime, id);
		if (target)
			this.onSample(realtime, target);
		this.askSoon(signal).catch((error) => inner.abort(error));
	}

	onSample(realtime, target) {
		const interval = Source.intervalOf(target);

		this.recordings.get(target.reference)?.add(realtime, interval);
		if (realtime.interval_ms > 1500 * interval)
			this.listedAt = -Infinity; // it comes more slowly than the list says
		if (this.one)
			this.take(realtime, null, Date.parse(realtime.timestamp));
		else
			this.views.changed();
	}

	/* Totals, and the sum of several interfaces, are the server's. */
	async askSoon(signal) {
		if (this.asking)
			return;
		this.asking = true;
		try {
			await pause(TOGETHER_MS);
			signal.throwIfAborted();
			await (this.one ? this.askSummary(signal) : this.askFigures(signal));
			await pause(FIGURES_MS - 2 * TOGETHER_MS);
		} finally {
			this.asking = false;
		}
	}
}

/** What is counted is another by now: the session begins anew, and nothing is wrong. */
export class Changed extends Error {}
