// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the charts have of one interface: its history, then each sample as it comes. Where rows of the
 * history are longer than the sampler's interval (of a long range), newer ones are asked for instead of
 * being made here.
 */
import { getHistory } from "./api.js";
import { valueAt } from "./metrics.js";
import { GAP_INTERVALS, Table } from "./series.js";

const COARSE = 1.5; // a row of more intervals than this is none of a sample
const MAX_ROWS = 4600; // some more than the API gives at once: a quick sampler makes no endless table of a long range
const RECENT = 64; // samples that are kept for a table that is still to come
const SHORTEST_REST_MS = 2000; // between two questions for newer rows
const LONGEST_REST_MS = 30000;
const OVERLAP = 4; // rows that are asked for again: they may have been incomplete
const INSIDE = 0.99; // of a range: all of it may be more than the finest records reach back

function marksOf(answer) {
	return answer.epochs.map(({ from, reason }) => ({ time: Date.parse(from) / 1000, reason }));
}

/* "Before now" of a history that has ended is before its end, with all of the step that this is in. */
function stretchOf({ fixed, seconds, end }, now) {
	const from = seconds * INSIDE;

	if (fixed || end === null)
		return fixed ?? { from: -from };
	return {
		from: Math.floor(end - from),
		to: Math.min(Math.ceil(end + seconds - from), Math.floor(now)),
	};
}

export class Recording {
	/** @param {string} reference of the interface */
	constructor(reference) {
		this.reference = reference;
		this.recent = [];
		this.question = 0;
		this.forget();
	}

	forget() {
		this.table = new Table([]);
		this.marks = [];
		this.asked = null;
		this.askedAt = -Infinity;
		this.hasHole = false;
	}

	/** @returns {boolean} whether samples are rows of it */
	isFine(interval) {
		return this.asked !== null && !this.asked.fixed &&
			(!this.table.span || this.table.span <= COARSE * interval);
	}

	/** @returns {boolean} whether the history has more: what no sample was sent of, or longer rows for that many */
	get isWanting() {
		return this.hasHole || this.table.length > MAX_ROWS;
	}

	/**
	 * @param {object} what
	 * @param {string[]} what.columns
	 * @param {string[]} what.first those of them without which there is nothing to show
	 * @param {"bits"|"packets"} what.unit that they are in
	 * @param {number} what.seconds before now
	 * @param {number|null} what.end of a history that ended, null: it goes on
	 * @param {{from: number, to: number}|null} what.fixed a stretch of time instead
	 * @param {number} interval of the sampler, in seconds
	 * @param {number} now the server's time
	 * @param {AbortSignal} signal
	 * @param {() => void} partly is called where the first columns are there, and nothing was there before
	 * @throws {Refusal|Lost} where no newer question was asked meanwhile: only the answer of the newest counts
	 */
	async load(what, interval, now, signal, partly) {
		const question = ++this.question;
		const takePart = (part) => {
			if (question !== this.question || this.table.length || !what.first.every((name) => part.columns.includes(name)))
				return;
			this.take(part, what, interval);
			partly();
		};
		let answer;

		try {
			answer = await getHistory(this.reference, stretchOf(what, now), what.columns, signal, takePart);
		} catch (error) {
			if (question === this.question)
				throw error;
		}
		signal.throwIfAborted();
		if (question === this.question)
			this.take(answer, what, interval);
	}

	take(answer, what, interval) {
		this.table = Table.of(answer);
		this.marks = marksOf(answer);
		this.asked = what;
		this.askedAt = performance.now();
		this.hasHole = false;
		this.recent.forEach((realtime) => this.put(realtime, interval));
	}

	/** Ask for rows that are newer, where it is time and they cannot be had from samples. */
	async extend(interval, signal) {
		const rest = Math.min(Math.max(this.table.span * 1000, SHORTEST_REST_MS), LONGEST_REST_MS);

		if (!this.asked || this.asked.fixed || this.isFine(interval) || this.table.known === -Infinity ||
			performance.now() - this.askedAt < rest)
			return;
		this.askedAt = performance.now();
		const { question, table: { span, known } } = this;
		const stretch = { from: known - OVERLAP * span, step: span };
		const answer = await getHistory(this.reference, stretch, this.table.names, signal);
		signal.throwIfAborted();
		if (answer.step_ms / 1000 !== span || question !== this.question)
			return;
		this.table.append(Table.of(answer));
		this.addMarks(marksOf(answer));
		this.table.cutBefore(this.table.times.at(-1) - this.asked.seconds - span);
	}

	addMarks(marks) {
		const news = marks.filter((mark) => !this.marks.some(({ time }) => time === mark.time));

		this.marks = [...this.marks, ...news];
	}

	/**
	 * @param {any} realtime a sample of this interface; one without a record is not in any history
	 * @param {number} interval
	 */
	add(realtime, interval) {
		if (realtime.stale || realtime.interval_ms === null)
			return;
		this.recent = [...this.recent.slice(1 - RECENT), realtime];
		// Of one interval, but the one before it is missing: a service that stands still goes on with the newest.
		if (this.put(realtime, interval) && realtime.interval_ms < 1000 * GAP_INTERVALS * interval)
			this.hasHole = true;
	}

	/* Return: whether a gap is before it. */
	put(realtime, interval) {
		const time = Date.parse(realtime.timestamp) / 1000;
		const { table } = this;

		if (!this.isFine(interval))
			return false;
		const gap = table.addSample(time, table.names.map((name) => valueAt(realtime, name)), interval);
		table.cutBefore(time - this.asked.seconds - 1);
		return gap;
	}
}
