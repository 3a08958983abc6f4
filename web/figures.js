// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The big figures and the totals. index.html says in data-field which value stands where, and in
 * data-as how it is written.
 */
import { setFigure } from "./dom.js";
import * as format from "./format.js";
import { showSpark } from "./spark.js";

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
	return whole > 0 && part !== null ? (part / whole) * 100 : null;
}

/* With one sample there is no rate yet; the API's integers say 0 then, the page does not. */
function rates(realtime) {
	const known = realtime.interval_ms !== null;

	return Object.fromEntries(RATES.map((name) => [name, known ? realtime[name] : null]));
}

function sent(tx, summary) {
	const totals = Object.entries(summary ?? {}).map(([name, value]) => [`tx_${name}`, value]);

	return {
		...Object.fromEntries(totals),
		tx_bandwidth_bps: tx?.bits_per_s,
		tx_packets_per_sec: tx?.packets_per_s,
		tx_total_packets: tx?.packets,
		tx_total_bytes: tx?.bytes,
	};
}

function values(realtime, summary, mbps) {
	const now = rates(realtime);

	return {
		...summary,
		...now,
		...sent(realtime.tx, summary?.tx),
		link_share: mbps ? share(now.bandwidth_bps, mbps * 1e6) : null,
		frame_bytes: now.packets_per_sec ? now.bandwidth_bps / 8 / now.packets_per_sec : null,
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
 * @param {number|null} mbps the link's speed, where all is of one
 */
export function showFigures(realtime, summary, mbps) {
	const all = realtime ? values(realtime, summary, mbps) : {};

	for (const element of document.querySelectorAll("[data-field]"))
		setFigure(element, all[element.dataset.field], FORMATS[element.dataset.as]);
}

/**
 * The lines beside the figures: data-spark says of which column.
 *
 * @param {import("./series.js").Table|null} table null: there is none of several interfaces
 * @param {{from: number, to: number}} range
 */
export function showSparks(table, range) {
	for (const svg of document.querySelectorAll("[data-spark]"))
		showSpark(svg, table?.times ?? [], table?.column(svg.dataset.spark) ?? [], range);
}
