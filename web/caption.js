// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * A chart in words, also for those who do not see it. Pure.
 */
import { time } from "./format.js";

/**
 * @param {ReturnType<import("./series.js").extremes>} seen of all that the chart shows
 * @param {(value: number) => string} format
 * @param {import("./series.js").Mark[]} marks that it shows
 * @returns {string}
 */
export function captionOf(seen, format, marks) {
	if (!seen)
		return "Nothing is recorded of this time.";
	const words = `Mean ${format(seen.mean)}, highest ${format(seen.highest)} at ` +
		`${time(seen.at * 1000)}, lowest ${format(seen.lowest)}.`;
	return [words, ...marks.map(markText)].join(" ");
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
