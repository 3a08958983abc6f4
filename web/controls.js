// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * What a reader does, by mouse and by key. Charts do not wait for this file: what is drawn over, or pressed in a
 * legend, goes to the page by itself.
 */
import { curlOf, logOut } from "./api.js";
import { csvOf, csvOfAll } from "./csv.js";
import { byId, setText } from "./dom.js";
import { copy, download } from "./export.js";
import { time } from "./format.js";
import { counting } from "./interfaces.js";
import { listen } from "./keys.js";
import { forget, kept, LOGIN } from "./store.js";
import { nextTheme } from "./theme.js";
import { otherRange, RANGES } from "./view.js";

const NOTE_MS = 4000;

let noteTimer;

function note(text) {
	setText(byId("note"), text);
	clearTimeout(noteTimer);
	noteTimer = setTimeout(() => setText(byId("note"), ""), NOTE_MS);
}

// ---- the pointer ----

/* For those who hear the page: what the pointer is at. */
function tell(at) {
	const names = [...document.querySelectorAll("#services .legend li")].map((item) =>
		[...item.querySelectorAll(".name, data")].map(({ textContent }) => textContent).join(" "));

	setText(byId("spoken"), `${time(at * 1000)}: ${names.join(", ")}`);
}

/* From the newest sample on. */
function step(page, by) {
	const table = page.recording?.table ?? page.source.recordings.values().next().value?.table;
	const [first, end] = table?.rows(page.range) ?? [0, 0];
	const at = page.pointed === null ? end : table.times.indexOf(page.pointed);

	if (end === first)
		return;
	page.point(table.times[Math.max(first, Math.min(end - 1, at < first ? end - 1 : at + by))]);
	tell(page.pointed);
}

let anchor;

/* The first press takes one end, the second the other. */
function mark(page) {
	const { pointed } = page;

	if (pointed === null)
		note("Put the pointer somewhere first: arrow keys, or the mouse");
	else if (anchor === undefined || anchor === pointed) {
		anchor = pointed;
		note(`From ${time(anchor * 1000)} to … : move the pointer, then press z again`);
	} else {
		const [from, to] = [anchor, pointed].sort((a, b) => a - b);
		anchor = undefined;
		page.zoom(from, to);
	}
}

/* The interface before or behind this one; "all" is one of them. */
function neighbour(page, by) {
	const all = ["", ...counting(page.source.list ?? []).map(({ reference }) => reference)];
	const at = all.indexOf(page.view.reference);

	page.choose(all[(at + by + all.length) % all.length]);
}

// ---- to take along ----

function shownRecordings({ source }) {
	return [...source.recordings.values()].filter(({ table }) => table.names.length);
}

/* Of several interfaces one after the other. */
async function copyCurl(page) {
	const { from, to } = page.range;
	const stretch = { from: Math.floor(from), to: Math.min(Math.ceil(to), Math.floor(page.source.now)) };
	const commands = shownRecordings(page).map(({ reference, table }) => curlOf(reference, stretch, table.names));

	if (!commands.length)
		note("Nothing is shown that could be asked for");
	else if (await copy(commands.join("\n")))
		note("Copied: the command that gets what the charts show");
}

/* Of several interfaces one below the other, in one file. */
function saveCsv(page) {
	const { range, source: { one } } = page;
	const recordings = shownRecordings(page);
	const at = new Date(range.to * 1000).toISOString().replace(/\.\d+Z/, "Z").replaceAll(":", "");

	if (!recordings.length) {
		note("Nothing is shown that could be saved");
		return;
	}
	download(`sampler-${one?.reference ?? "all"}-${at}.csv`,
		one ? csvOf(recordings[0].table, range) : csvOfAll(recordings, range), "text/csv");
	note("Saved: all rows that the charts show");
}

// ---- buttons and keys ----

/* The login's page tells the rest, and leads back where no login is needed. */
async function leave() {
	if (await logOut()) {
		forget(LOGIN);
		location.assign("login.html");
	} else {
		note("No connection: the login stands");
	}
}

function press(page, id, action) {
	byId(id).addEventListener("click", () => action(page));
}

function wire(page) {
	byId("interface").addEventListener("change", ({ target }) => page.choose(target.value));
	for (const button of document.querySelectorAll("[data-range]"))
		button.addEventListener("click", () => page.setRange(button.dataset.range));
	for (const button of document.querySelectorAll("[data-unit]"))
		button.addEventListener("click", () => page.setUnit(button.dataset.unit));
	for (const button of document.querySelectorAll("dialog button"))
		button.addEventListener("click", () => button.closest("dialog").close());
	press(page, "pause", () => page.pause());
	press(page, "live", () => page.live());
	press(page, "theme", nextTheme);
	press(page, "curl", copyCurl);
	press(page, "csv", saveCsv);
	press(page, "help-open", () => byId("help").showModal());
	press(page, "logout", leave);
	byId("logout").hidden = kept(LOGIN) === null;
}

function keysOf(page) {
	const ranges = [...RANGES.keys()].map((range, i) => [String(i + 1), () => page.setRange(range)]);

	return {
		...Object.fromEntries(ranges),
		"?": () => byId("help").showModal(),
		Space: () => page.pause(),
		p: () => page.pause(),
		l: () => page.live(),
		Escape: () => (page.pointed === null ? page.live() : page.point(null)),
		"+": () => page.setRange(otherRange(page.view.range, -1)),
		"-": () => page.setRange(otherRange(page.view.range, 1)),
		ArrowLeft: () => step(page, -1),
		ArrowRight: () => step(page, 1),
		"Shift+ArrowLeft": () => step(page, -10),
		"Shift+ArrowRight": () => step(page, 10),
		z: () => mark(page),
		u: () => page.setUnit(page.view.unit === "bits" ? "packets" : "bits"),
		i: () => byId("interface").focus(),
		"[": () => neighbour(page, -1),
		"]": () => neighbour(page, 1),
		a: () => page.choose(""),
		t: nextTheme,
		c: () => copyCurl(page),
		s: () => saveCsv(page),
		d: () => document.querySelectorAll(".as-table").forEach((button) => button.click()),
	};
}

/** @param {object} page of app.js */
export function control(page) {
	wire(page);
	listen(keysOf(page), byId("keys-on"));
}
