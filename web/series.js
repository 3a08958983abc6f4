// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What the charts draw: a table of values over time, from the recorded history and from the samples that
 * came since. Pure.
 *
 * A value that is unknown is null and stays null. Times are the server's, in Unix seconds, so that a
 * wrong clock at the reader's moves nothing; they only grow.
 */

/* Two samples further apart than this many of the sampler's intervals have a gap between them. */
export const GAP_INTERVALS = 2.5;

/** A table that grows at its end and is cut at its beginning. */
export class Table {
	/** @param {string[]} names of its columns, as the API has them */
	constructor(names) {
		this.names = names;
		this.times = [];
		this.columns = names.map(() => []);
		this.span = 0; // seconds of a row
	}

	/**
	 * @param {{step_ms: number, columns: string[], data: (number|null)[][]}} answer of getHistory()
	 * @returns {Table}
	 */
	static of(answer) {
		const table = new Table(answer.columns.slice(1));

		table.times = [...answer.data[0]];
		table.columns = answer.data.slice(1).map((column) => [...column]);
		table.span = answer.step_ms / 1000;
		return table;
	}

	get length() {
		return this.times.length;
	}

	/** @returns {number} the newest time of which the first column is known, -Infinity without */
	get known() {
		return this.times[this.columns[0]?.findLastIndex((value) => value !== null)] ?? -Infinity;
	}

	/** @returns {boolean} whether anything of a direction is known */
	knows(direction) {
		return this.names.some((name, i) =>
			name.startsWith(`${direction}.`) && this.columns[i].some((value) => value !== null));
	}

	/** @returns {(number|null)[]} nulls where there is no such column */
	column(name) {
		return this.columns[this.names.indexOf(name)] ?? this.times.map(() => null);
	}

	/** Forget rows behind a time: those of a history end in steps that nobody knows yet. */
	cutBehind(time) {
		while (this.times.at(-1) > time) {
			this.times.pop();
			this.columns.forEach((column) => column.pop());
		}
	}

	/** Forget rows before a time. */
	cutBefore(time) {
		const first = this.times.findIndex((at) => at >= time);
		const n = first < 0 ? this.length : first;

		if (!n)
			return;
		this.times.splice(0, n);
		this.columns.forEach((column) => column.splice(0, n));
	}

	/** Add a row, if it is later than all. */
	add(time, values) {
		if (time <= (this.times.at(-1) ?? -Infinity))
			return;
		this.times.push(time);
		this.columns.forEach((column, i) => column.push(values[i]));
	}

	/** Add the rows of a newer piece of the same history. */
	append(table) {
		this.cutBehind(this.known);
		table.times.forEach((time, row) => this.add(time, table.columns.map((column) => column[row])));
	}

	/**
	 * Add a sample, if the table does not have it yet: a step of the history ends on a multiple of its
	 * length, which is up to half of it from where its sample is.
	 *
	 * @param {number} time
	 * @param {(number|null)[]} values
	 * @param {number} interval of the sampler, in seconds
	 * @returns {boolean} whether there is a gap between it and what was known before
	 */
	addSample(time, values, interval) {
		const last = this.known;

		if (time <= last + (this.lastIsStep(last) ? this.span / 2 : 0))
			return false;
		this.cutBehind(last);
		const gap = time - last > GAP_INTERVALS * Math.max(interval, this.span) && last > -Infinity;
		if (gap)
			this.add((time + last) / 2, this.columns.map(() => null));
		this.add(time, values);
		return gap;
	}

	/* Steps of a history end on multiples of their length. */
	lastIsStep(time) {
		return this.span > 0 && Math.abs(time / this.span - Math.round(time / this.span)) < 1e-6;
	}

	/** @returns {[number, number]} first row of a stretch of time, and the one behind its last */
	rows({ from, to }) {
		const first = this.times.findIndex((time) => time >= from);
		const last = this.times.findLastIndex((time) => time <= to);

		return first < 0 || last < first ? [0, 0] : [first, last + 1];
	}
}

/**
 * @typedef {object} Part what is drawn as one series: a sum of columns, less others
 * @property {string[]} plus unknown where one of them is
 * @property {string[]} [minus] 0 where it is unknown: a service that had no slot then
 */

/**
 * @param {Table} table
 * @param {Part} part
 * @returns {(number|null)[]} one for each row, never below 0
 */
export function valuesOf(table, { plus, minus = [] }) {
	const added = plus.map((name) => table.column(name));
	const taken = minus.map((name) => table.column(name));

	if (added.length === 1 && !taken.length)
		return added[0];
	return table.times.map((_, row) => {
		let sum = 0;

		for (const column of added) {
			if (column[row] === null)
				return null;
			sum += column[row];
		}
		for (const column of taken)
			sum -= column[row] ?? 0;
		return Math.max(0, sum);
	});
}

/**
 * Lay values on each other.
 *
 * @param {(number|null)[][]} lists the lowest first
 * @param {(number|null)[]} known null in rows that are a gap
 * @param {number} [sign] -1: downwards
 * @returns {(number|null)[][]} the upper edges; what is unknown is as high as what is below it
 */
export function stacked(lists, known, sign = 1) {
	const height = known.map(() => 0);

	return lists.map((values) => values.map((value, row) => {
		height[row] += (value ?? 0) * sign;
		return known[row] === null ? null : height[row];
	}));
}

/**
 * @param {Table} table
 * @param {string[]} total of each direction one, what is received first
 * @returns {Map<1|-1, (number|null)[]>} by which way they are drawn
 */
export function totalsBySign(table, total) {
	return new Map(total.map((name, i) => [i ? -1 : 1, table.column(name)]));
}

/**
 * @param {number[]} times
 * @param {(number|null)[]} values
 * @param {{from: number, to: number}} range
 * @returns {{lowest: number, highest: number, at: number, mean: number}|null} null where nothing is
 *	known in it
 */
export function extremes(times, values, { from, to }) {
	let found = null;
	let n = 0;

	values.forEach((value, i) => {
		if (value === null || times[i] < from || times[i] > to)
			return;
		n++;
		found ??= { lowest: value, highest: value, at: times[i], mean: 0 };
		found.lowest = Math.min(found.lowest, value);
		found.mean += (value - found.mean) / n;
		if (value > found.highest) {
			found.highest = value;
			found.at = times[i];
		}
	});
	return found;
}

/**
 * @param {number[]} times growing
 * @param {number} time
 * @returns {number} index of the nearest, -1 where there is none
 */
export function nearest(times, time) {
	const behind = times.findIndex((at) => at >= time);

	if (behind <= 0)
		return behind < 0 ? times.length - 1 : 0;
	return times[behind] - time < time - times[behind - 1] ? behind : behind - 1;
}
