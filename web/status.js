// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What is said about the figures: whether they are live, and if not, why, and how old they are.
 * Pure.
 *
 * The status changes only when something happens, since screen readers speak it; the age, which
 * goes on each second, is a text of its own.
 */
import { Refusal } from "./api.js";
import { duration, time } from "./format.js";

/**
 * @typedef {object} Knowledge
 * @property {Error|null} trouble why the last step had no figures
 * @property {any} figures answer of getFigures() and when it came (seenAt, by performance.now());
 *	null: none yet
 * @property {{label: string, reason: string}[]} [left] those whose history cannot be had
 * @property {import("./interfaces.js").Listed[]} shown the chosen interfaces
 */

/* Reasons come from elsewhere, and some of them end as a sentence does. */
function sentence(text) {
	return /[.?!…]$/.test(text) ? text : `${text}.`;
}

function lost(trouble, figures) {
	const what = figures ? "Showing the last values" : "Nothing to show yet";

	return `${sentence(`Connection lost: ${trouble.message}`)} ${what}; trying again.`;
}

function refused(trouble, figures) {
	return figures
		? `${sentence(`No new values: ${trouble.message}`)} Showing the last ones.`
		: sentence(`Nothing to show: ${trouble.message}`);
}

function troubles(realtime, shown, left) {
	const degraded = shown.filter(({ data }) => data.health.state === "degraded");
	const stale = realtime.stale ? [`Stale: ${realtime.stale_reason}`] : [];

	return [
		...stale,
		...realtime.missing.map((one) => `Not added in: ${one.interface}: ${one.reason}`),
		...left.map(({ label, reason }) => `No history in the chart: ${label}: ${reason}`),
		...degraded.map(({ label, data }) => `${label}: degraded: ${data.health.reason}`),
	].map(sentence);
}

/**
 * @param {Knowledge} knowledge
 * @returns {{text: string, level: "wait"|"ok"|"warning"|"lost", old: boolean}} old: the figures are
 *	not those of now
 */
export function statusOf({ trouble, figures, shown, left = [] }) {
	if (trouble instanceof Refusal)
		return { text: refused(trouble, figures), level: "lost", old: true };
	if (trouble)
		return { text: lost(trouble, figures), level: "lost", old: true };
	if (!figures)
		return { text: "Connecting …", level: "wait", old: false };
	const said = troubles(figures.realtime, shown, left);
	if (said.length)
		return { text: said.join(" "), level: "warning", old: figures.realtime.stale };
	if (figures.realtime.interval_ms === null)
		return { text: "Live; no rates before the second sample", level: "ok", old: false };
	return { text: "Live", level: "ok", old: false };
}

function newestRecord(shown) {
	const times = shown.map(({ data }) => Date.parse(data.recorder?.last_record_at ?? ""));

	return Math.max(...times.filter((value) => !Number.isNaN(value)));
}

/**
 * @param {Knowledge} knowledge
 * @param {number} now by performance.now()
 * @returns {string} of which time the figures are, and how old where that matters; "" without any
 */
export function ageOf({ trouble, figures, shown }, now) {
	if (!figures)
		return "";
	const { realtime, servedAt, seenAt } = figures;
	const sample = Date.parse(realtime.timestamp);
	const since = now - seenAt;
	const record = newestRecord(shown);
	const parts = [`Sample of ${time(sample)}`];

	if (trouble)
		parts.push(`${duration((servedAt - sample + since) / 1000)} old`);
	else if (realtime.stale && Number.isFinite(record))
		parts.push(`last recorded ${duration(Math.max(0, servedAt - record) / 1000)} ago`);
	return parts.join(", ");
}
