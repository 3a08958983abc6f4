// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A chart in words, also for those who do not see it. Pure.
 */
import { time } from "./format.js";

function wordsOf({ mean, highest, at, lowest }, format) {
	return `mean ${format(mean)}, highest ${format(highest)} at ${time(at * 1000)}, lowest ${format(lowest)}.`;
}

function capital(text) {
	return text[0].toUpperCase() + text.slice(1);
}

/**
 * @param {ReturnType<import("./series.js").extremes>[]} seen of all that the chart shows: what is received, and what is
 *	sent where that is counted
 * @param {(value: number) => string} format
 * @param {import("./series.js").Mark[]} marks that it shows
 * @returns {string}
 */
export function captionOf([received, sent], format, marks) {
	const words = received ? [capital(`${sent ? "received: " : ""}${wordsOf(received, format)}`)] : [];

	if (sent)
		words.push(`Sent: ${wordsOf(sent, format)}`);
	return words.length ? [...words, ...marks.map(markText)].join(" ") : "Nothing is recorded of this time.";
}

const REASONS = {
	boot: "the machine was started",
	counters: "counters began anew",
	services: "services were changed",
};

/**
 * @param {{time: number, reason: string}} mark
 * @returns {string} a sentence
 */
export function markText({ time: at, reason }) {
	return `At ${time(at * 1000)} ${REASONS[reason] ?? "counting began anew"}.`;
}
