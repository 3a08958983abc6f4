// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The page's modules that know no page, one by one. Prints TAP.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { captionOf, markText } from "../../web/caption.js";
import { csvOf, csvOfAll } from "../../web/csv.js";
import * as format from "../../web/format.js";
import { sizeName, sizesOf } from "../../web/histogram.js";
import { listed, selected } from "../../web/interfaces.js";
import { nameOf } from "../../web/keys.js";
import { columnsOf, panelsOf, sizeColumns, SPARKS, valueAt } from "../../web/metrics.js";
import { Recording } from "../../web/recording.js";
import { extremes, nearest, stacked, Table, valuesOf } from "../../web/series.js";
import { areaBelow, sparkPath } from "../../web/spark.js";
import { Parser } from "../../web/sse.js";
import { ageOf, statusOf } from "../../web/status.js";
import { hashOf, otherRange, RANGES, toggled, viewOf, windowOf } from "../../web/view.js";

function table(names, times, columns, step = 1) {
	return Table.of({ step_ms: step * 1000, columns: ["time", ...names], data: [times, ...columns] });
}

// ---- format.js ----

test("rates have three digits and SI prefixes", () => {
	assert.equal(format.bits(0), "0 bit/s");
	assert.equal(format.bits(999.4), "999 bit/s");
	assert.equal(format.bits(999.6), "1.00 kbit/s");
	assert.equal(format.bits(9607000), "9.61 Mbit/s");
	assert.equal(format.bits(0.25), "0.250 bit/s");
	assert.equal(format.bits(1e18), "1.00 Ebit/s");
	assert.equal(format.packets(1214), "1.21 kpkt/s");
});

test("sizes have IEC prefixes", () => {
	assert.equal(format.bytes(1023), "1023 B");
	assert.equal(format.bytes(1024), "1.00 KiB");
	assert.equal(format.bytes(1.5 * 2 ** 20), "1.50 MiB");
});

test("counts have all digits, above 2^53 as well", () => {
	assert.equal(format.count(1234567), "1,234,567");
	assert.equal(format.count(2 ** 60), "1,152,921,504,606,846,976");
});

test("what is unknown is never 0", () => {
	for (const one of [format.bits, format.packets, format.bytes, format.count, format.percent,
		format.duration, format.speed])
		for (const value of [null, undefined, NaN, -1])
			assert.equal(one(value), format.UNKNOWN);
	assert.equal(format.time(null), format.UNKNOWN);
	assert.equal(format.time("never"), format.UNKNOWN);
});

test("durations tell their two largest units", () => {
	assert.equal(format.duration(0.5), "0 s");
	assert.equal(format.duration(59), "59 s");
	assert.equal(format.duration(180), "3 min 0 s");
	assert.equal(format.duration(100799), "1 d 3 h");
});

test("times have a date where it is not today's", () => {
	const today = new Date("2026-11-23T12:00:00Z");

	assert.equal(format.time("2026-11-23T02:03:04Z", today), "02:03:04");
	assert.equal(format.time("2026-11-22T02:03:04Z", today), "2026-11-22 02:03:04");
});

test("an axis has short figures, and a direction is no sign", () => {
	assert.equal(format.axis(0), "0");
	assert.equal(format.axis(2500000), "2.5 M");
	assert.equal(format.axis(-20000), "20 k");
	assert.equal(format.axis(0.5), "0.5");
});

test("times at an axis are told from their neighbours", () => {
	const at = Date.parse("2026-11-23T02:03:04Z") / 1000;
	const midnight = Date.parse("2026-11-23T00:00:00Z") / 1000;

	assert.equal(format.axisTime(at, 5), "02:03:04");
	assert.equal(format.axisTime(at, 300), "02:03");
	assert.equal(format.axisTime(midnight, 3600), "Nov 23");
	assert.equal(format.axisTime(at, 86400), "Nov 23");
});

test("a link's speed, and a figure without needless zeros", () => {
	assert.equal(format.speed(10000), "10 Gbit/s");
	assert.equal(format.short("2.50 Mbit/s"), "2.5 Mbit/s");
	assert.equal(format.short("100 Mbit/s"), "100 Mbit/s");
});

test("a time zone has its name, and how far it is from UTC", () => {
	const before = process.env.TZ;

	process.env.TZ = "Europe/Berlin";
	assert.equal(format.zone(new Date("2026-11-23T12:00:00Z")), "Europe/Berlin (GMT+1)");
	process.env.TZ = before ?? "UTC";
});

// ---- view.js ----

test("a view comes back from its address", () => {
	const view = {
		reference: "eth0.100 & more", range: "24h", fixed: { from: 1795403273.5, to: 1795403280 },
		unit: "packets", hidden: ["services.rx.http", "flags.rx.syn"],
	};

	assert.deepEqual(viewOf(hashOf(view)), view);
	assert.equal(hashOf(viewOf("")), "#");
	assert.equal(hashOf(viewOf("#interface=v0")), "#interface=v0");
});

test("what is no view in an address is as if it were not there", () => {
	const plain = viewOf("");

	for (const hash of ["#range=1y", "#from=5", "#from=9&to=4", "#from=x&to=y", "#unit=bytes", "#hide=",
		"#from=1&to=1e99", "#from=-5&to=5", "#from=1&to=1.5", "#%%%"])
		assert.deepEqual({ ...viewOf(hash), reference: "" }, plain, hash);
});

test("a live window ends now, a fixed one stays", () => {
	assert.deepEqual(windowOf(viewOf("#range=1m"), 1000), { from: 940, to: 1000 });
	assert.deepEqual(windowOf(viewOf("#from=5&to=9"), 1000), { from: 5, to: 9 });
});

test("ranges go from a minute to two weeks", () => {
	assert.deepEqual([[...RANGES.values()][0], [...RANGES.values()].at(-1)], [60, 14 * 86400]);
	assert.equal(otherRange("1m", -1), "1m");
	assert.equal(otherRange("1m", 1), "5m");
	assert.equal(otherRange("14d", 1), "14d");
	assert.deepEqual(toggled(["a"], "b"), ["a", "b"]);
	assert.deepEqual(toggled(["a", "b"], "a"), ["b"]);
});

// ---- series.js ----

test("a table is the history's, and cut where it is too old", () => {
	const one = table(["a", "b"], [1, 2, 3], [[5, 6, null], [7, 8, null]]);

	assert.equal(one.known, 2);
	assert.deepEqual(one.column("b"), [7, 8, null]);
	assert.deepEqual(one.column("c"), [null, null, null]);
	one.cutBefore(2);
	assert.deepEqual([one.times, one.columns], [[2, 3], [[6, null], [8, null]]]);
	one.cutBefore(9);
	assert.equal(one.length, 0);
	assert.equal(one.known, -Infinity);
});

test("samples go on where the history ends, and none is there twice", () => {
	const one = table(["a"], [10, 11], [[5, 5]]);

	one.addSample(11.4, [6], 1); // the one that the step until 11 was made of
	assert.deepEqual(one.times, [10, 11]);
	one.addSample(11.7, [7], 1);
	one.addSample(11.7, [8], 1);
	one.addSample(11.2, [9], 1);
	one.addSample(12.7, [10], 1);
	assert.deepEqual([one.times, one.columns], [[10, 11, 11.7, 12.7], [[5, 5, 7, 10]]]);
});

test("samples three seconds apart at one a second: a gap; at one each two seconds: none", () => {
	const every = (interval, times) => {
		const one = table(["a"], [10], [[5]], interval);

		times.forEach((time) => one.addSample(time, [5], interval));
		return one.columns[0];
	};

	assert.deepEqual(every(1, [11, 14]), [5, 5, null, 5]);
	assert.deepEqual(every(2, [12, 16]), [5, 5, 5]);
});

test("nulls at the end of a history give way to the samples that are known", () => {
	const one = table(["a"], [10, 11, 12], [[5, null, null]]);

	one.addSample(11.1, [6], 1);
	assert.deepEqual([one.times, one.columns], [[10, 11.1], [[5, 6]]]);
});

test("a newer piece of a history joins", () => {
	const one = table(["a"], [30, 60, 90], [[1, 2, null]], 30);

	one.append(table(["a"], [60, 90, 120], [[2, 3, 4]], 30));
	assert.deepEqual([one.times, one.columns], [[30, 60, 90, 120], [[1, 2, 3, 4]]]);
});

test("rows of a stretch of time", () => {
	const one = table(["a"], [1, 2, 3, 4], [[1, 1, 1, 1]]);

	assert.deepEqual(one.rows({ from: 2, to: 3 }), [1, 3]);
	assert.deepEqual(one.rows({ from: 2.1, to: 2.2 }), [0, 0]);
	assert.deepEqual(one.rows({ from: 5, to: 9 }), [0, 0]);
});

test("a rest is the total less its parts, unknown where the total is, never below 0", () => {
	const one = table(["all", "x", "y"], [1, 2, 3, 4], [[9, 5, null, 2], [4, null, 1, 2], [1, 2, 1, 1]]);

	assert.deepEqual(valuesOf(one, { plus: ["all"], minus: ["x", "y"] }), [4, 3, null, 0]);
	assert.deepEqual(valuesOf(one, { plus: ["x", "y"] }), [5, null, 2, 3]);
	assert.equal(valuesOf(one, { plus: ["all"] }), one.column("all"));
});

test("stacks end at their sum, downwards too, and break where nothing is known", () => {
	const lists = [[1, 2, null], [3, null, 5]];

	assert.deepEqual(stacked(lists, [4, 2, null]), [[1, 2, null], [4, 2, null]]);
	assert.deepEqual(stacked(lists, [4, 2, null], -1), [[-1, -2, null], [-4, -2, null]]);
});

test("extremes are of the range only", () => {
	assert.deepEqual(extremes([1, 2, 3, 4], [100, 4, null, 8], { from: 2, to: 4 }),
		{ lowest: 4, highest: 8, at: 4, mean: 6 });
	assert.equal(extremes([1], [null], { from: 0, to: 2 }), null);
});

test("the nearest of some times", () => {
	assert.equal(nearest([1, 2, 4], 2.9), 1);
	assert.equal(nearest([1, 2, 4], 3.1), 2);
	assert.equal(nearest([1, 2, 4], 99), 2);
	assert.equal(nearest([1, 2, 4], 0), 0);
	assert.equal(nearest([], 5), -1);
});

// ---- recording.js ----

test("a quick sampler makes no endless table of a long range", () => {
	const recording = new Recording("v0");
	const sample = (i) => ({
		stale: false, interval_ms: 100, timestamp: new Date(1795403273000 + i * 100).toISOString(),
		rx: { bits_per_s: i },
	});

	recording.table = table(["rx.bits_per_s"], [1795403273], [[0]], 0.1);
	recording.asked = { columns: ["rx.bits_per_s"], unit: "bits", seconds: 3600, fixed: null };
	for (let i = 1; i < 4000; i++)
		recording.add(sample(i), 0.1);
	assert.equal(recording.table.length, 4000);
	assert.ok(!recording.isWanting);
	for (let i = 4000; i < 5000; i++)
		recording.add(sample(i), 0.1);
	assert.ok(recording.isWanting);
	recording.asked.seconds = 60;
	recording.add(sample(5000), 0.1);
	assert.ok(!recording.isWanting && recording.table.length <= 612);
});

test("samples without a record, or without rates, are no rows", () => {
	const recording = new Recording("v0");
	const sample = { stale: true, interval_ms: 1000, timestamp: "2026-11-23T03:07:54Z", rx: { bits_per_s: 1 } };

	recording.table = table(["rx.bits_per_s"], [1795403273], [[0]]);
	recording.asked = { columns: ["rx.bits_per_s"], unit: "bits", seconds: 60, fixed: null };
	recording.add(sample, 1);
	recording.add({ ...sample, stale: false, interval_ms: null }, 1);
	assert.equal(recording.table.length, 1);
	recording.add({ ...sample, stale: false }, 1);
	assert.equal(recording.table.length, 2);
});

// ---- metrics.js ----

test("each chart's series add up to what is received", () => {
	const [services, protocols] = panelsOf(["http", "dns"], "bits", ["rx"]);
	const one = table(
		["rx.bits_per_s", "rx.services.http.bits_per_s", "rx.services.dns.bits_per_s",
			...["tcp", "udp", "icmp", "sctp", "l4_other"].map((name) => `rx.l4.${name}.bits_per_s`),
			"rx.l3.arp.bits_per_s", "rx.l3.l3_other.bits_per_s"],
		[1], [[100], [40], [10], [50], [20], [5], [3], [2], [15], [5]]);
	const sum = ({ series }) => series.reduce((total, part) => total + valuesOf(one, part)[0], 0);

	assert.equal(sum(services), 100);
	assert.equal(sum(protocols), 100);
});

test("what is sent has series of its own, that go downwards", () => {
	const [services] = panelsOf(["http"], "packets", ["rx", "tx"]);

	assert.deepEqual(services.series.map(({ id, sign }) => [id, sign]),
		[["rx.http", 1], ["rx.other", 1], ["tx.http", -1], ["tx.other", -1]]);
	assert.deepEqual(services.series.map(({ label }) => label), ["http in", "other in", "http out", "other out"]);
	assert.deepEqual(services.series[2].plus, ["tx.services.http.packets_per_s"]);
});

test("columns are asked for once, the total first, sixteen services too", () => {
	const names = Array.from({ length: 16 }, (_, i) => `s${i}`);
	const columns = columnsOf(panelsOf(names, "packets", ["rx"]));
	const both = columnsOf(panelsOf(names, "bits", ["rx", "tx"]));

	assert.equal(columns[0], "rx.bits_per_s");
	assert.equal(new Set(columns).size, columns.length);
	assert.ok(SPARKS.every((name) => columns.includes(name)));
	assert.ok(names.every((name) => columns.includes(`rx.services.${name}.packets_per_s`)));
	assert.ok(!columns.some((name) => name.startsWith("tx.")));
	assert.deepEqual(both.filter((name) => name.startsWith("tx.sizes.")), sizeColumns("tx"));
	assert.ok(names.every((name) => both.includes(`tx.services.${name}.bits_per_s`)));
});

test("a value is at its place in an answer", () => {
	assert.equal(valueAt({ rx: { l4: { tcp: { bits_per_s: 0 } } } }, "rx.l4.tcp.bits_per_s"), 0);
	assert.equal(valueAt({ rx: { vlan: null } }, "rx.vlan.bits_per_s"), null);
	assert.equal(valueAt({ tx: null }, "tx.bits_per_s"), null);
});

// ---- sse.js ----

test("events come whole, however they are cut", () => {
	const text = "retry: 2000\n\nid: 7-1\ndata: {\"a\":1}\n\n:\n\nevent: gap\r\ndata: x\r\ndata:y\r\n\r\n";
	const expected = [
		{ type: "message", data: '{"a":1}', id: "7-1" }, { type: "gap", data: "x\ny", id: null },
	];

	assert.deepEqual(new Parser().take(text), expected);
	for (let at = 1; at < text.length; at++) {
		const parser = new Parser();
		assert.deepEqual([...parser.take(text.slice(0, at)), ...parser.take(text.slice(at))], expected);
	}
});

// ---- csv.js ----

test("CSV has all digits, and nothing for what is unknown", () => {
	const one = table(["a", 'b"c'], [1795403273, 1795403274.68], [[1.23456789012, null], [0, 5]]);

	assert.equal(csvOf(one, { from: 0, to: 2e9 }), 'time,a,"b""c"\r\n' +
		"2026-11-23T03:07:53.000Z,1.23456789012,0\r\n2026-11-23T03:07:54.680Z,,5\r\n");
	assert.equal(csvOf(one, { from: 0, to: 1795403273 }).split("\r\n").length, 3);
});

test("several interfaces are in one CSV, of which each row names its own", () => {
	const range = { from: 0, to: 2e9 };
	const both = [
		{ reference: "v0", table: table(["a"], [1795403273], [[1]]) },
		{ reference: "v,1", table: table(["b", "a"], [1795403272, 1795403273], [[2, 3], [null, 4]]) },
	];

	assert.equal(csvOfAll(both, range), "interface,time,a,b\r\nv0,2026-11-23T03:07:53.000Z,1,\r\n" +
		'"v,1",2026-11-23T03:07:52.000Z,,2\r\n"v,1",2026-11-23T03:07:53.000Z,4,3\r\n');
});

// ---- words ----

test("a chart in words", () => {
	const seen = { lowest: 0, highest: 8000.4, at: 1795403485, mean: 4000 };
	const text = captionOf([seen], format.bits, [{ time: 1795403486, reason: "counters" }]);

	assert.match(text, /^Mean 4\.00 kbit\/s, highest 8\.00 kbit\/s at .*03:11:25, lowest 0 bit\/s\. At .*anew\.$/);
	assert.match(captionOf([seen, { ...seen, mean: 7 }], format.bits, []),
		/^Received: mean 4\.00 kbit\/s, .*\. Sent: mean 7\.00 bit\/s, .*\.$/);
	assert.equal(captionOf([null], format.bits, []), "Nothing is recorded of this time.");
	assert.equal(captionOf([null, null], format.bits, []), "Nothing is recorded of this time.");
	assert.match(markText({ time: 0, reason: "of later" }), /counting began anew/);
});

test("a reason that is a sentence is not ended twice", () => {
	const realtime = {
		stale: true, stale_reason: "is it at work?", missing: [{ interface: "v0", reason: "closed" }],
	};

	assert.equal(statusOf({ trouble: null, shown: [], figures: { realtime } }).text,
		"Stale: is it at work? Not added in: v0: closed.");
});

test("old figures say how old they are", () => {
	const figures = {
		realtime: { timestamp: "2026-11-23T03:00:00.000Z", stale: false },
		servedAt: Date.parse("2026-11-23T03:00:00.500Z"), seenAt: 1000,
	};

	assert.match(ageOf({ trouble: new Error("lost"), figures, shown: [] }, 61000), /, 1 min 0 s old$/);
	assert.ok(!ageOf({ trouble: null, figures, shown: [] }, 61000).includes("old"));
});

test("a name that is no text is chosen by its key", () => {
	const list = listed([{ interface: "v?0", id: "v%FF0@7", namespace: 7 }, { interface: "é", id: "%C3%A9@7" }]);

	assert.deepEqual(list.map(({ reference, label }) => [reference, label]),
		[["v%FF0@7", "v?0 (v%FF0@7)"], ["é", "é"]]);
	assert.equal(selected(list, "v%FF0@7").length, 1);
	assert.equal(selected(list, "").length, 2);
});

// ---- the rest ----

test("sizes are a mean of the range, or those of a moment", () => {
	const one = table(["rx.sizes.0-60.packets_per_s"], [1, 2, 3], [[2, null, 4]]);

	assert.deepEqual(sizesOf(one, { from: 1, to: 3 }, null, "rx").slice(0, 2), [3, null]);
	assert.equal(sizesOf(one, { from: 1, to: 3 }, 3, "rx")[0], 4);
	assert.equal(sizesOf(one, { from: 1, to: 3 }, 3, "tx")[0], null);
	assert.equal(sizeName("61-123"), "61 to 123");
	assert.equal(sizeName("1515-"), "1515 and more");
});

test("a spark line breaks where nothing was recorded", () => {
	const times = Array.from({ length: 60 }, (_, i) => i);
	const values = times.map((i) => (i > 20 && i < 40 ? null : 5));
	const breaks = (path) => path.match(/M/g)?.length ?? 0;

	assert.equal(breaks(sparkPath(times, values, { from: 0, to: 59 })), 2);
	assert.equal(breaks(sparkPath(times, times, { from: 0, to: 59 })), 1);
	assert.equal(sparkPath([], [], { from: 0, to: 59 }), "");
	assert.equal(areaBelow("M0.0 3.0h0L2.0 4.5M7.0 1.0h0"), "M0.0 3.0h0L2.0 4.5V28H0.0ZM7.0 1.0h0V28H7.0Z");
	assert.equal(areaBelow(""), "");
	assert.ok(!sparkPath(times, times.map(() => 0), { from: 0, to: 59 }).includes("NaN"));
});

test("keys have one name each", () => {
	assert.equal(nameOf({ key: " ", shiftKey: false }), "Space");
	assert.equal(nameOf({ key: "?", shiftKey: true }), "?");
	assert.equal(nameOf({ key: "ArrowLeft", shiftKey: true }), "Shift+ArrowLeft");
});

// ---- the files themselves ----

const WEB = new URL("../../web/", import.meta.url);
const MODULES = readdirSync(WEB).filter((name) => name.endsWith(".js"));
const PAGES = ["index.html", "login.html"];
const read = (name) => readFileSync(new URL(name, WEB), "utf8");

/* With all that it needs before it begins. */
function withImports(name, found = new Set()) {
	if (found.has(name))
		return found;
	found.add(name);
	if (MODULES.includes(name)) // uPlot.js is not here
		for (const [, other] of read(name).matchAll(/^(?:import|export) [^;]*?"\.\/([\w-]+\.js)";$/gms))
			withImports(other, found);
	return found;
}

test("what the first chart needs is loaded at once, and no more", () => {
	const listed = [...read("index.html").matchAll(/ (?:href|src)="([\w-]+\.js)"/g)].map(([, name]) => name);
	const needed = [...withImports("live.js"), ...withImports("theme.js"), ...withImports("app.js")];
	const others = [...withImports("around.js")];

	assert.deepEqual([...new Set(listed)].sort(), [...new Set(needed)].sort());
	assert.deepEqual([...new Set([...needed, ...others, "login.js"])].sort(), [...MODULES, "uPlot.js"].sort());
});

test("api.js alone knows addresses", () => {
	const knowing = MODULES.filter((name) => /\bfetch\(|new EventSource|["'`]api\//.test(read(name)));

	assert.deepEqual(knowing, ["api.js"]);
});

test("nothing is inline, and nothing is of another server", () => {
	for (const name of PAGES) {
		const text = read(name);
		assert.doesNotMatch(text, /<style|\sstyle=|\son\w+=|javascript:/, name);
		assert.ok([...text.matchAll(/<script([^>]*)>([^<]*)/g)].every(([, attributes, body]) =>
			/ src="[\w-]+\.js"/.test(attributes) && !body.trim()), name);
		assert.doesNotMatch(text, /(?:src|href|action)="(?:[a-z]+:)?\/\//, name);
	}
	for (const name of MODULES)
		assert.doesNotMatch(read(name), /\beval\(|new Function|innerHTML = |insertAdjacentHTML|document\.write/, name);
});

// ---- colours ----

/* sRGB, linear; what those see who lack one kind of cones (Machado, Oliveira and Fernandes 2009, severity 1). */
const SEEN = {
	all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
	protanopia: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
	deuteranopia: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
	tritanopia: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
};
/* Linear sRGB to OKLab (Ottosson 2020), in two steps. */
const TO_LMS = [
	[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
	[0.0883024619, 0.2817188376, 0.6299787005],
];
const TO_LAB = [
	[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
	[0.0259040371, 0.7827717662, -0.8086757660],
];
const times = (matrix, vector) => matrix.map((row) => row.reduce((sum, value, i) => sum + value * vector[i], 0));

function linear(hex) {
	const digits = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit) : hex.slice(1).match(/../g);

	return digits.map((pair) => Number(`0x${pair}`) / 255)
		.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
}

function lab(colour, seen) {
	const light = times(seen, colour).map((value) => Math.min(1, Math.max(0, value)));

	return times(TO_LAB, times(TO_LMS, light).map(Math.cbrt));
}

const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

const LEAST_DISTANCE = 8; // of two colours, in hundredths of OKLab; 2 can be just told apart

/* Of a theme: 0 light, 1 dark. */
function coloursOf(theme) {
	const all = [...read("style.css").matchAll(/--(panel|series-\w+): light-dark\((#\w+), (#\w+)\)/g)]
		.map(([, name, ...colours]) => [name, linear(colours[theme])]);

	return { panel: all[0][1], series: all.slice(1) };
}

test("series are told apart by those who see few colours, and from the ground", () => {
	for (const theme of [0, 1]) {
		const { panel, series } = coloursOf(theme);
		assert.equal(series.length, 9);
		for (const [name, colour] of series) {
			const [dark, light] = [luminance(colour), luminance(panel)].sort((a, b) => a - b);
			assert.ok((light + 0.05) / (dark + 0.05) >= 3, `${name}: a line's contrast`);
		}
		for (const [kind, seen] of Object.entries(SEEN))
			series.forEach(([a, one], i) => series.slice(i + 1).forEach(([b, other]) => {
				const distance = 100 * Math.hypot(...lab(one, seen).map((value, k) => value - lab(other, seen)[k]));
				assert.ok(distance >= LEAST_DISTANCE, `${kind}, theme ${theme}: ${a}, ${b}: ${distance.toFixed(1)}`);
			}));
	}
});
