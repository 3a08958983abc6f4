// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Figures as text. Pure: nothing here knows the page.
 *
 * Rates and sizes are written as samplerd's log writes them (daemon/util/units.c): three
 * significant digits, SI prefixes for rates, IEC prefixes for bytes. What is unknown (null,
 * undefined, no number) is UNKNOWN, never 0.
 */

/** Stands for what is unknown. */
export const UNKNOWN = "–";

const SI = ["", "k", "M", "G", "T", "P", "E"];
const IEC = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const UNITS_OF_TIME = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];

function known(value) {
	return typeof value === "number" && Number.isFinite(value) && value >= 0;
}

/* Decimals that leave three significant digits; below 1 there are three decimals. */
function decimals(value) {
	if (value === 0)
		return 0;
	if (value < 0.9995)
		return 3;
	if (value < 9.995)
		return 2;
	return value < 99.95 ? 1 : 0;
}

function scaled(value, step, prefixes, unit) {
	let i = 0;

	for (; value >= step - 0.5 && i + 1 < prefixes.length; i++)
		value /= step;
	return `${value.toFixed(decimals(value))} ${prefixes[i]}${unit}`;
}

/**
 * @param {number|null} value bits per second
 * @returns {string} e.g. "9.61 Mbit/s"
 */
export function bits(value) {
	return known(value) ? scaled(value, 1000, SI, "bit/s") : UNKNOWN;
}

/**
 * @param {number|null} value packets per second
 * @returns {string} e.g. "1.21 kpkt/s"
 */
export function packets(value) {
	return known(value) ? scaled(value, 1000, SI, "pkt/s") : UNKNOWN;
}

/**
 * @param {number|null} value bytes
 * @returns {string} e.g. "1.50 MiB"
 */
export function bytes(value) {
	if (!known(value))
		return UNKNOWN;
	return value < 1024 ? `${Math.round(value)} B` : scaled(value, 1024, IEC, "B");
}

/**
 * @param {number|null} value
 * @returns {string} all digits, in groups of three: "1,234,567"
 */
export function count(value) {
	if (!known(value))
		return UNKNOWN;
	return String(BigInt(Math.round(value))).replace(/\B(?=(\d{3})+$)/g, ",");
}

/**
 * @param {number|null} value per cent
 * @returns {string} with one decimal
 */
export function percent(value) {
	return known(value) ? `${value.toFixed(1)} %` : UNKNOWN;
}

/**
 * @param {number|null} value seconds
 * @returns {string} the two largest units that tell something: "1 d 4 h", "3 min 0 s", "12 s"
 */
export function duration(value) {
	if (!known(value))
		return UNKNOWN;
	const whole = Math.floor(value);
	const first = UNITS_OF_TIME.findIndex(([, seconds]) => whole >= seconds);
	if (first < 0)
		return "0 s";
	return UNITS_OF_TIME.slice(first, first + 2).map(([unit, seconds], i) => {
		const above = i ? UNITS_OF_TIME[first][1] : Infinity;
		return `${Math.floor((whole % above) / seconds)} ${unit}`;
	}).join(" ");
}

function two(number) {
	return String(number).padStart(2, "0");
}

/**
 * @param {Date} date
 * @returns {string} the hour in the reader's time zone: "02:03"
 */
export function hour(date) {
	return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/**
 * @param {string|number|null} value RFC 3339, or ms since 1970
 * @param {Date} [today]
 * @returns {string} in the reader's time zone; the date only where it is not today's:
 *	"02:03:04", "2026-11-23 02:03:04"
 */
export function time(value, today = new Date()) {
	const date = new Date(value ?? NaN);

	if (Number.isNaN(date.getTime()))
		return UNKNOWN;
	const clock = `${hour(date)}:${two(date.getSeconds())}`;
	if (date.toDateString() === today.toDateString())
		return clock;
	return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}

/**
 * @param {Date} [now]
 * @returns {string} the reader's time zone: "UTC", "Europe/Berlin (GMT+1)"
 */
export function zone(now = new Date()) {
	const { timeZone: name } = Intl.DateTimeFormat().resolvedOptions();
	const parts = Intl.DateTimeFormat("en", { timeZoneName: "shortOffset" }).formatToParts(now);
	const offset = parts.find(({ type }) => type === "timeZoneName").value;

	return name === "UTC" ? name : `${name} (${offset})`;
}

/**
 * @param {number|null} value megabits per second, as a link's speed
 * @returns {string} e.g. "10 Gbit/s"
 */
export function speed(value) {
	return short(bits(known(value) ? value * 1e6 : null));
}

/**
 * @param {number} value at an axis, where the unit is known; a direction is no sign
 * @returns {string} e.g. "2.5 M"
 */
export function axis(value) {
	return short(scaled(Math.abs(value), 1000, SI, "")).trim();
}

/**
 * @param {number} value Unix seconds, at an axis
 * @param {number} step seconds to the next one
 * @returns {string} as much as tells it from its neighbours: "02:03:04", "02:03", "Nov 23"
 */
export function axisTime(value, step) {
	const date = new Date(value * 1000);
	const clock = hour(date);

	if (step < 60)
		return `${clock}:${two(date.getSeconds())}`;
	if (step < 86400 && clock !== "00:00")
		return clock;
	return date.toLocaleDateString("en", { month: "short", day: "numeric" });
}

/**
 * @param {string} text a figure with its unit
 * @returns {string} the same without zeros behind the point: "2.50 Mbit/s" is "2.5 Mbit/s"
 */
export function short(text) {
	return text.replace(/(\.\d*?)0+ /, "$1 ").replace(". ", " ");
}
