// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The first line: which interface, how its link is, how it is counted, and whether all is well.
 */
import { byId, make, setText } from "./dom.js";
import { UNKNOWN } from "./format.js";
import { linkText } from "./interfaces.js";

const BAD = ["unreadable", "degraded", "detached", "stale"]; // the worst first

function chip(kind, text, title) {
	const element = make("span", { class: `chip ${kind}` }, text);

	if (title)
		element.title = title;
	return element;
}

/* Of another network namespace nothing is known. */
function linkChips(data) {
	const text = linkText({ ...data, vlan_stripped: false });

	return text === UNKNOWN ? [] : [chip(data.link_up === false ? "lost" : "plain", `Link ${text}`)];
}

function chainChip({ chained, alone_reason: reason, chain }) {
	const names = (chain ?? []).map(({ name, priority }) => `${name} (${priority})`).join(", ");

	return chained ? chip("plain", "chained", `XDP programs, in order: ${names}`)
		: chip("plain", "alone", reason ?? "the only XDP program of this interface");
}

function healthChip({ state, reason }) {
	return chip(`health-${state}`, state === "ok" ? "healthy" : state, reason);
}

function chipsOf({ data }) {
	const known = data.attached && data.mode !== null;

	return [
		healthChip(data.health),
		...(known ? [...linkChips(data), chip("plain", data.mode, data.mode_reason), chainChip(data)] : []),
		...(data.tx_counted === false ? [chip("plain", "received only", `Not what is sent: ${data.tx_reason}`)] : []),
	];
}

/* Of several: how many, and those that are not well. */
function chipsOfAll(list) {
	const attached = list.filter(({ data }) => data.attached);
	const bad = BAD.flatMap((state) => attached.filter(({ data }) => data.health.state === state));
	const worst = bad.slice(0, 3).map(({ label, data }) =>
		chip(`health-${data.health.state}`, `${label}: ${data.health.state}`, data.health.reason));
	const count = `${attached.length} ${attached.length === 1 ? "interface" : "interfaces"}`;

	return [
		chip("plain", count),
		...(attached.length && !bad.length ? [chip("health-ok", "healthy")] : worst),
	];
}

/**
 * @param {import("./interfaces.js").Listed[]} list
 * @param {import("./interfaces.js").Listed|null} one null: several
 */
export function showHeader(list, one) {
	const element = byId("chips");
	const chips = one ? chipsOf(one) : chipsOfAll(list);
	const text = chips.map((each) => each.outerHTML).join("");

	if (element.innerHTML !== text)
		element.replaceChildren(...chips);
	setText(byId("subject"), one?.label ?? "All interfaces");
}
