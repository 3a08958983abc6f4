// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The big figures and the totals. index.html says in data-field which value stands where, and in
 * data-as how it is written.
 */
import { setFigure } from "./dom.js";
import * as format from "./format.js";

const FORMATS = {
	bits: format.bits,
	packets: format.packets,
	bytes: format.bytes,
	count: format.count,
	percent: format.percent,
	duration: format.duration,
	time: format.time,
};

const RATES = [
	"bandwidth_bps", "packets_per_sec", "tcp_bandwidth_bps", "tcp_packets_per_sec",
	"http_bandwidth_bps", "http_packets_per_sec",
	"https_bandwidth_bps", "https_packets_per_sec",
];

function share(part, whole) {
	return whole > 0 ? (part / whole) * 100 : null;
}

/* With one sample there is no rate yet; the API's integers say 0 then, the page does not. */
function rates(realtime) {
	const known = realtime.interval_ms !== null;

	return Object.fromEntries(RATES.map((name) => [name, known ? realtime[name] : null]));
}

function values(realtime, summary) {
	const now = rates(realtime);

	return {
		...summary,
		...now,
		tcp_share: share(now.tcp_bandwidth_bps, now.bandwidth_bps),
		http_share: share(now.http_bandwidth_bps, now.bandwidth_bps),
		https_share: share(now.https_bandwidth_bps, now.bandwidth_bps),
		total_packets: realtime.total_packets,
		total_bytes: realtime.total_bytes,
	};
}

/**
 * @param {any} realtime answer of the API; null: nothing is known
 * @param {any} summary
 */
export function showFigures(realtime, summary) {
	const all = realtime && summary ? values(realtime, summary) : {};

	for (const element of document.querySelectorAll("[data-field]"))
		setFigure(element, all[element.dataset.field], FORMATS[element.dataset.as]);
}
