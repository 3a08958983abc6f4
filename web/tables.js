// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The two tables: what was received, by kind, and how each interface is counted.
 *
 * The counters are walked as the API gives them, so that a kind that is new there is shown here as
 * well, under its own name. Rows are made when their kinds change, and filled in place otherwise.
 */
import { make, setFigure, setText } from "./dom.js";
import { bits, bytes, count, packets, speed, time } from "./format.js";
import { sizeName } from "./histogram.js";
import { linkTo } from "./interfaces.js";

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
function groups(rx) {
	const objects = Object.entries(rx).filter(([, value]) => typeof value === "object");
	const marks = objects.filter(([, value]) => isCount(value));
	const others = objects.filter(([, value]) => !isCount(value));
	const all = { ...Object.fromEntries(others), marks: Object.fromEntries(marks) };
	const ids = [...new Set([...Object.keys(GROUPS), ...Object.keys(all)])];
	const known = ids.filter((id) => Object.keys(all[id] ?? {}).length);

	return [
		{ title: "", rows: [{ name: "All frames", count: rx }] },
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
 * @param {any} rx of the API's realtime answer; null: nothing is known
 */
export function showCounters(table, rx) {
	const all = rx ? groups(rx) : [];

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

/** @returns {string} what is known of a link: "up, 10 Gbit/s, MTU 1500", "–" where that is nothing */
export function linkText({ link_up: up, speed_mbps: mbps, mtu, vlan_stripped: stripped }) {
	const parts = [];

	if (typeof up === "boolean")
		parts.push(up ? "up" : "down");
	if (mbps)
		parts.push(speed(mbps));
	if (mtu)
		parts.push(`MTU ${mtu}`);
	if (stripped)
		parts.push("VLAN tags are taken off before they can be counted");
	return parts.join(", ") || "–";
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
		chainText(data), linkText(data), recorderText(data),
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
