// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The chart in words, also for those who do not see it. Pure.
 */
import { bits, time } from "./format.js";

/*
 * The history tells when its steps end, on full seconds; the peak is told with the moment of its
 * sample. Where the highest of the chart is the peak, both have to be at the same time.
 */
function timeOfHighest(seen, summary) {
	const peak = Date.parse(summary?.peak_timestamp ?? "");
	const same = Math.abs(seen.highest - summary?.peak_bandwidth_bps) <= 1 &&
		Math.abs(seen.at * 1000 - peak) <= seen.span * 1000;

	return time(same ? peak : seen.at * 1000);
}

/**
 * @param {ReturnType<import("./series.js").extremes>} seen what the chart shows
 * @param {any} summary answer of the API, null: none
 * @returns {string}
 */
export function captionOf(seen, summary) {
	if (!seen)
		return "Nothing is recorded yet.";
	const highest = `highest ${bits(seen.highest)} at ${timeOfHighest(seen, summary)}`;
	return `Bandwidth: ${highest}, lowest ${bits(seen.lowest)}. ` +
		"Where a line is broken, nothing was recorded.";
}
