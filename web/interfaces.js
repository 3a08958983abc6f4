// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The interfaces there are, and the switch between them. Pure but for show…().
 *
 * @typedef {object} Listed
 * @property {string} reference what the API takes for it: the name, or the key where two network
 *	namespaces have that name, or where it is no text and cannot be told
 * @property {string} label for people
 * @property {any} data of the API's list
 */
import { make } from "./dom.js";
import { speed, time } from "./format.js";
import { hashOf, viewOf } from "./view.js";

/**
 * @param {string} reference "" for all
 * @returns {string} a link to it, with all else that is looked at as it is, but live
 */
export function linkTo(reference) {
	return hashOf({ ...viewOf(location.hash), reference, fixed: null });
}

/* A name that is no UTF-8 is told with question marks; the key, "v%FF@1", has its bytes. */
function isTold({ id, interface: name }) {
	try {
		return decodeURIComponent(id.split("@")[0]) === name;
	} catch {
		return false;
	}
}

/**
 * @param {any[]} interfaces answer of the API
 * @returns {Listed[]}
 */
export function listed(interfaces) {
	const names = interfaces.map((one) => one.interface);

	return interfaces.map((data) => {
		const alone = names.indexOf(data.interface) === names.lastIndexOf(data.interface);
		const where = data.namespace && isTold(data) ? `namespace ${data.namespace}` : data.id;

		return alone && isTold(data)
			? { reference: data.interface, label: data.interface, data }
			: { reference: data.id, label: `${data.interface} (${where})`, data };
	});
}

/**
 * @param {Listed[]} list
 * @param {string} reference "" for all
 * @returns {Listed[]} those that it stands for; the key stands for its interface, too
 */
export function selected(list, reference) {
	if (!reference)
		return list;
	return list.filter((one) => one.reference === reference || one.data.id === reference);
}

/**
 * @param {Listed[]} list
 * @returns {Listed[]} those that count now, and can be read
 */
export function counting(list) {
	return list.filter(({ data }) => data.attached && data.health.state !== "unreadable");
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

/* One that the address names is an option also where it does not exist (any more). */
function options(list, reference) {
	const known = list.map(({ reference: value, label, data }) =>
		[value, data.attached ? label : `${label} (not attached)`]);
	const all = [["", "all"], ...known];

	return all.some(([value]) => value === reference) ? all : [...all, [reference, reference]];
}

/**
 * @param {HTMLSelectElement} select
 * @param {Listed[]} list
 * @param {string} reference the chosen one
 */
export function showSwitch(select, list, reference) {
	const wanted = options(list, reference);
	const present = [...select.options].map(({ value, text }) => [value, text]);

	if (JSON.stringify(present) !== JSON.stringify(wanted))
		select.replaceChildren(
			...wanted.map(([value, text]) => make("option", { value }, text)));
	if (select.value !== reference)
		select.value = reference;
}

/**
 * What is left of interfaces that are not sampled any more.
 *
 * @param {HTMLElement} element gets a link to each, and until when it goes; hidden without any
 * @param {Listed[]} list
 */
export function showRecorded(element, list) {
	const items = list.filter(({ data }) => data.history).map(({ reference, label, data }) => {
		const link = make("a", { href: linkTo(reference) }, label);
		const until = make("time", { datetime: data.history.to }, time(data.history.to));
		return make("li", {}, link, ", until ", until);
	});
	const [links] = element.getElementsByTagName("ul");

	element.hidden = !items.length;
	if (links.innerHTML !== items.map((item) => item.outerHTML).join(""))
		links.replaceChildren(...items);
}
