// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The tables: what was received, and sent, by kind, and how each interface is counted.
 *
 * The counters are walked as the API gives them, so that a kind that is new there is shown here as
 * well, under its own name. Rows are made when their kinds change, and filled in place otherwise.
 */
import { make, setFigure, setText } from "./dom.js";
import { bits, bytes, count, packets, time } from "./format.js";
import { sizeName } from "./histogram.js";
import { linkText, linkTo } from "./interfaces.js";

const GROUPS = {
	l3: {
		title: "Network",
		names: { ipv4: "IPv4", ipv6: "IPv6", arp: "ARP", l3_other: "other" },
	},
	l4: {
		title: "Transport",
		names: { tcp: "TCP", udp: "UDP", icmp: "ICMP", sctp: "SCTP", l4_other: "other" },
	},
	services: { title: "Services", names: {} },
	marks: {
		title: "Also counted",
		names: { vlan: "VLAN-tagged", fragments: "Fragments", malformed: "Malformed" },
	},
	sizes: { title: "Bytes a frame, without FCS", names: {} },
	tcp_flags: {
		title: "TCP flags",
		names: { syn: "SYN", syn_ack: "SYN-ACK", fin: "FIN", rst: "RST" },
	},
};

const COLUMNS = [
	["bits_per_s", bits], ["packets_per_s", packets], ["packets", count], ["bytes", bytes],
];

/* @typedef {{title: string, rows: {name: string, count: object|null}[]}} Group */

function isCount(value) {
	return value === null || typeof value.packets === "number";
}

function group(id, counts) {
	const { title, names } = GROUPS[id] ?? { title: id, names: {} };
	const rows = Object.entries(counts).map(([key, value]) => ({
		name: Object.hasOwn(names, key) ? names[key] : id === "sizes" ? sizeName(key) : key,
		count: value,
	}));

	return { title, rows };
}

/* The totals, then the groups in the order of GROUPS, then those that this page does not know. */
function groups(counted) {
	const objects = Object.entries(counted).filter(([, value]) => typeof value === "object");
	const marks = objects.filter(([, value]) => isCount(value));
	const others = objects.filter(([, value]) => !isCount(value));
	const all = { ...Object.fromEntries(others), marks: Object.fromEntries(marks) };
	const ids = [...new Set([...Object.keys(GROUPS), ...Object.keys(all)])];
	const known = ids.filter((id) => Object.keys(all[id] ?? {}).length);

	return [
		{ title: "", rows: [{ name: "All frames", count: counted }] },
		...known.map((id) => group(id, all[id])),
	];
}

function makeRow(row) {
	const cells = COLUMNS.map(() => make("td", {}, make("data")));

	return make("tr", {}, make("th", { scope: "row" }, row.name), ...cells);
}

function makeBody({ title, rows }) {
	const body = make("tbody");
	const heading = { scope: "rowgroup", colspan: String(COLUMNS.length + 1) };

	if (title)
		body.append(make("tr", { class: "group" }, make("th", heading, title)));
	body.append(...rows.map(makeRow));
	return body;
}

/* A kind that cannot be known is null as a whole; one without bytes has none to show. */
function fillRow(element, { count: counted }) {
	const cells = element.querySelectorAll("data");

	COLUMNS.forEach(([name, format], i) => {
		const counts = counted === null || name in counted;
		setFigure(cells[i], counted?.[name], counts ? format : () => "");
	});
}

function namesOf({ title, rows }) {
	return [title, rows.map((row) => row.name)];
}

function makeBodies(table, all) {
	const names = JSON.stringify(all.map(namesOf));

	if (table.dataset.names === names)
		return;
	table.dataset.names = names;
	for (const body of [...table.tBodies])
		body.remove();
	table.append(...all.map(makeBody));
}

/**
 * @param {HTMLTableElement} table
 * @param {any} counted of the API's realtime answer, rx or tx; null: nothing is known
 */
export function showCounters(table, counted) {
	const all = counted ? groups(counted) : [];

	makeBodies(table, all);
	const elements = table.querySelectorAll("tbody tr:not(.group)");
	all.flatMap(({ rows }) => rows).forEach((row, i) => fillRow(elements[i], row));
}

function withReason(text, reason) {
	return reason ? `${text}: ${reason}` : text;
}

function chainText({ chained, run_priority: priority, program }) {
	if (chained === null || chained === undefined)
		return "–";
	const place = chained ? `chained, run priority ${priority}` : "alone, without a dispatcher";
	return program ? `${place}; id ${program.id}` : place;
}

function sentText({ tx_counted: counted, tx_reason: reason }) {
	if (typeof counted !== "boolean")
		return "–";
	return counted ? "counted" : withReason("not counted", reason);
}

function recorderText({ recorder, history }) {
	const seconds = Number(((recorder?.interval_ms ?? 0) / 1000).toFixed(1));

	if (recorder?.at_work)
		return seconds ? `at work, a sample each ${seconds} s` : "at work";
	const last = recorder?.last_record_at ?? history?.to;
	return last ? `none; last record ${time(last)}` : "none";
}

function makeInterface({ reference, label, data }) {
	const { health, mode, mode_reason: modeReason } = data;
	const texts = [
		withReason(health.state, health.reason), withReason(mode ?? "–", modeReason),
		chainText(data), sentText(data), linkText(data), recorderText(data),
	];
	const link = make("a", { href: linkTo(reference) }, label);
	const cells = texts.map((text) => make("td", {}, text));

	cells[0].className = `health-${health.state}`;
	return make("tr", {}, make("th", { scope: "row" }, link), ...cells);
}

/**
 * @param {HTMLTableElement} table
 * @param {{reference: string, label: string, data: any}[]} list
 */
export function showInterfaces(table, list) {
	const rows = list.map(makeInterface);
	const [body] = table.tBodies;

	if (body.innerHTML !== rows.map((row) => row.outerHTML).join(""))
		body.replaceChildren(...rows);
}
