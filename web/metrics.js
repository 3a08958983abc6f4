// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Which of the API's metrics each chart is made of. Pure.
 *
 * A direction is "rx" or "tx"; what is sent has series of its own, that go downwards.
 *
 * @typedef {object} Series
 * @property {string} id
 * @property {string} label
 * @property {number} colour its place in the palette, OTHERS for what is left over
 * @property {1|-1} sign
 * @property {string[]} plus
 * @property {string[]} [minus]
 *
 * @typedef {object} Panel
 * @property {string} id
 * @property {boolean} stacked
 * @property {"bits"|"packets"} unit
 * @property {string[]} total columns that are known where anything is
 * @property {Series[]} series
 */

/** The colour of what is left over. */
export const OTHERS = -1;

const FIELDS = { bits: "bits_per_s", packets: "packets_per_s" };

const L4 = [
	["tcp", "TCP"], ["udp", "UDP"], ["icmp", "ICMP"], ["sctp", "SCTP"], ["l4_other", "other IP"],
];
const NOT_IP = ["arp", "l3_other"];
const FLAGS = [["syn", "SYN"], ["syn_ack", "SYN-ACK"], ["fin", "FIN"], ["rst", "RST"]];

/** Buckets of frame sizes in the order of their sizes. */
export const SIZES = ["0-60", "61-123", "124-251", "252-507", "508-1019", "1020-1514", "1515-"];

function services(names, direction, field) {
	const sign = direction === "rx" ? 1 : -1;
	const columns = names.map((name) => `${direction}.services.${name}.${field}`);
	const each = names.map((name, i) => ({
		id: `${direction}.${name}`, label: name, colour: i, sign, plus: [columns[i]],
	}));
	const rest = {
		id: `${direction}.other`, label: "other", colour: OTHERS, sign,
		plus: [`${direction}.${field}`], minus: columns,
	};

	return [...each, rest];
}

function protocols(direction, field) {
	const sign = direction === "rx" ? 1 : -1;
	const each = L4.map(([name, label], i) => ({
		id: `${direction}.${name}`, label, colour: i, sign,
		plus: [`${direction}.l4.${name}.${field}`],
	}));
	const rest = {
		id: `${direction}.not_ip`, label: "not IP", colour: OTHERS, sign,
		plus: NOT_IP.map((name) => `${direction}.l3.${name}.${field}`),
	};

	return [...each, rest];
}

function flags(direction) {
	return FLAGS.map(([name, label], i) => ({
		id: `${direction}.${name}`, label, colour: i,
		sign: direction === "rx" ? 1 : -1,
		plus: [`${direction}.tcp_flags.${name}.packets_per_s`],
	}));
}

/**
 * @param {string[]} names of the services, in the order of the API
 * @param {"bits"|"packets"} unit
 * @param {string[]} directions that are counted
 * @returns {Panel[]} the charts over time
 */
export function panelsOf(names, unit, directions) {
	const field = FIELDS[unit];
	const total = totalsOf(unit, directions);
	const words = { rx: " in", tx: " out" };
	const all = (make) => directions.flatMap((direction) => make(direction).map((one) => (
		directions.length === 1 ? one : { ...one, label: one.label + words[direction] })));

	return [
		{ id: "services", stacked: true, unit, total,
			series: all((direction) => services(names, direction, field)) },
		{ id: "protocols", stacked: true, unit, total,
			series: all((direction) => protocols(direction, field)) },
		{ id: "flags", stacked: false, unit: "packets", total, series: all(flags) },
	];
}

/** The columns of the sparklines; the first is known wherever anything is. */
export const SPARKS = [
	"rx.bits_per_s", "rx.packets_per_s", "rx.l4.tcp.bits_per_s", "rx.services.http.bits_per_s",
	"rx.services.https.bits_per_s",
];

/** @returns {string[]} the columns of the frame sizes, in the order of SIZES */
export function sizeColumns(direction) {
	return SIZES.map((size) => `${direction}.sizes.${size}.packets_per_s`);
}

/**
 * @param {Panel} panel
 * @returns {string[]} the columns that it is drawn of
 */
export function drawnOf({ total, series }) {
	return [...total, ...series.flatMap(({ plus }) => plus)];
}

/**
 * @param {Panel[]} panels
 * @returns {string[]} each column that is needed, once; those of the first panel near the beginning
 */
export function columnsOf(panels) {
	const directions = panels[0].total.map((name) => name.split(".", 1)[0]);
	const drawn = panels.flatMap(drawnOf);
	const sent = directions.includes("tx") ? ["tx.bits_per_s"] : [];

	return [...new Set([...SPARKS, ...sent, ...drawn, ...directions.flatMap(sizeColumns)])];
}

/** @returns {string[]} the columns of a small chart of one of several interfaces */
export function totalsOf(unit, directions) {
	return directions.map((direction) => `${direction}.${FIELDS[unit]}`);
}

/**
 * @param {any} answer realtime's
 * @param {string} path "rx.l4.tcp.bits_per_s"
 * @returns {number|null} the value there, null where there is none
 */
export function valueAt(answer, path) {
	return path.split(".").reduce((part, name) => part?.[name], answer) ?? null;
}
