#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web over real interfaces: known frames are exactly what every endpoint says, whoever is at
work, and whatever comes and goes meanwhile.
"""
import datetime
import json
import os
import re
import signal
import time

import lab as laboratory
from known import N_FRAMES, SERVICES, known_frames, wrong_counters
from lab import scenario
from web import HISTORY, INTERFACES, REALTIME, STEP_S, SUMMARY, WebServer, get, totals, wait_totals, whole_steps

RATES = ["bandwidth_bps", "packets_per_sec", "tcp_bandwidth_bps", "tcp_packets_per_sec",
         "http_bandwidth_bps", "http_packets_per_sec", "https_bandwidth_bps",
         "https_packets_per_sec"]
TEN = RATES + ["total_packets", "total_bytes"]
EIGHT = ["uptime_seconds", "avg_bandwidth_bps", "peak_bandwidth_bps", "total_packets",
         "total_bytes", "tcp_percentage", "http_percentage", "https_percentage"]
README = os.path.join(laboratory.HERE, "../../README.md")


def counts(rx):
    """What realtime's rx says, as samplerd --print has it: rates left out."""
    plain = {}
    for name, value in rx.items():
        if name in ("packets", "bytes"):
            plain[name] = value
        elif isinstance(value, dict) and "packets_per_s" in value:
            both = {k: v for k, v in value.items() if k in ("packets", "bytes")}
            plain[name] = both if "bytes" in both else both["packets"]
        elif isinstance(value, dict):
            plain[name] = counts(value)
    return plain


def share(want, place):
    return 100 * want[f"{place}.bytes"] / want["bytes"]


def known_sum(server, query, path="rx.packets"):
    """What all steps that are known have counted."""
    return sum(filter(None, get(server, f"{HISTORY}?{query}&metrics={path}")["data"][1]))


def check_sum(t, server, query, total, name, path="rx.packets"):
    """All steps together have counted so much, once the last of them is over."""
    query = f"{query}step={STEP_S}s"
    laboratory.wait_for(lambda: known_sum(server, query, path) >= total,
                        f"{total} {path} in the history", 4 * STEP_S)
    t.equal(known_sum(server, query, path), total, name)


def at_missed_ticks(records, interval_ns):
    """
    What was counted where a tick was missed. A boundary without a record makes the steps on both of
    its sides unknown, so with the interval before and the one after.
    """
    missed = set()
    for i, (a, b) in enumerate(zip(records, records[1:])):
        if b["boottime_ns"] // interval_ns - a["boottime_ns"] // interval_ns > 1:
            missed.update({i - 1, i, i + 1})
    return sum(records[i + 1]["rx"]["packets"] - records[i]["rx"]["packets"]
               for i in missed if 0 <= i < len(records) - 1)


# ---- truth ----


@scenario("10,007 frames in every endpoint, native mode", 90, mode="native")
@scenario("10,007 frames in every endpoint, skb mode", 90, mode="skb")
def test_truth(t, lab, mode):
    lab.configure(SERVICES)
    link = lab.veth("v0", mtu=9000)
    server = WebServer(lab)
    recorder = lab.record("v0", "--mode", mode)
    recorder.wait_record()
    wait_totals(server, 0)
    whole_steps(lab, "v0")
    frames, want = known_frames(N_FRAMES)
    sent = link.send(frames)
    wait_totals(server, N_FRAMES)
    for query in ("", "?interface=v0"):
        realtime = get(server, REALTIME + query)
        t.equal(list(realtime)[:10], TEN, f"realtime{query}: the ten fields, in order")
        t.ok(all(isinstance(realtime[k], int) for k in TEN), "all of them integers", realtime)
        t.equal(totals(realtime), sent, f"realtime{query}: exactly those frames and bytes")
        rx = counts(realtime["rx"])
        t.equal(wrong_counters(rx, want), {}, f"realtime{query}: every counter is exact")
        t.equal((realtime["stale"], realtime["missing"]), (False, []), "it is live, and whole")
        summary = get(server, SUMMARY + query)
        t.equal(list(summary)[:8], EIGHT, f"summary{query}: the eight fields, in order")
        t.equal(totals(summary), sent, f"summary{query}: exactly those frames and bytes")
        got = [summary[f"{name}_percentage"] for name in ("tcp", "http", "https")]
        right = [share(want, place) for place in ("l4.tcp", "services.http", "services.https")]
        t.ok(all(abs(g - r) < 1e-6 for g, r in zip(got, right)),
             f"summary{query}: percentages are of bytes", (got, right))
    one, = get(server, INTERFACES)["interfaces"]
    snapshot = lab.snapshot("v0")
    t.equal(one["service_ports"], {"http": ["tcp/80"], "https": ["tcp/443"], "dns": ["tcp/53", "udp/53"],
                                   "quic": ["udp/443"]}, "with the ports of its services")
    t.equal((one["interface"], one["mode"], one["program"], one["services"], one["epoch"]),
            ("v0", mode, snapshot["program"], snapshot["services"], str(snapshot["epoch"])),
            "interfaces says what samplerd --print says")
    t.equal((one["health"]["state"], one["recorder"]["at_work"], one["mtu"]), ("ok", True, 9000),
            "and that all is well")
    for path, total in (("rx.packets", sent[0]), ("rx.bytes", sent[1]),
                        ("rx.services.dns.packets", want["services.dns.packets"]),
                        ("rx.sizes.1515-.packets", want["sizes.1515-"])):
        check_sum(t, server, "", total, f"history: {path} adds up exactly", path)
    counted = known_sum(server, "from=-60&step=100ms")
    unknown = at_missed_ticks(lab.history("v0"), 10**8)
    t.ok(sent[0] - unknown <= counted <= sent[0], "in short steps as well, but where a tick is missed",
         (counted, unknown))
    t.equal(server.get("/healthz").status, 200, "healthz agrees")
    t.equal((recorder.stop(), server.stop()), (0, 0), "both end well")


@scenario("peak and average are those of the records", 60)
def test_summary(t, lab):
    link = lab.veth("v0", mtu=9000)
    server = WebServer(lab)
    recorder = lab.record("v0")
    recorder.wait_record()
    frames, _ = known_frames(2000)
    for n in (50, 2000, 300):
        link.send(frames[:n])
        recorder.wait_record()
    recorder.wait_record()
    wait_totals(server, 2350)
    summary, realtime = get(server, SUMMARY + "?interface=v0"), get(server, REALTIME)
    at = datetime.datetime.fromisoformat(summary["timestamp"]).timestamp()
    records = [r for r in lab.history("v0") if r["realtime_ns"] < (at + 0.001) * 1e9]
    rates = [(b["rx"]["bytes"] - a["rx"]["bytes"]) * 8e9 / (b["boottime_ns"] - a["boottime_ns"])
             for a, b in zip(records, records[1:])]
    t.ok(abs(summary["peak_bandwidth_bps"] - max(rates)) <= 1, "the peak is the highest interval's",
         (summary["peak_bandwidth_bps"], rates))
    elapsed = summary["total_bytes"] * 8 / max(summary["avg_bandwidth_bps"], 1)
    since = datetime.datetime.fromisoformat(
        get(server, INTERFACES)["interfaces"][0]["counting_since"]).timestamp()
    span = (records[-1]["boottime_ns"] - records[0]["boottime_ns"]) / 1e9
    t.ok(span - 0.001 <= elapsed <= at - since + 0.1,
         "the average is over the time that it was counted", (span, elapsed, at - since))
    t.ok(all(realtime[rate] >= 0 for rate in RATES), "no rate is below zero", realtime)
    t.equal(recorder.kill(), -signal.SIGKILL, "the recorder is killed")
    lab.record("v0").wait_record()
    again = get(server, SUMMARY + "?interface=v0")
    t.equal(again["peak_bandwidth_bps"], summary["peak_bandwidth_bps"],
            "the next recorder keeps the peak")


@scenario("a rate is what was counted in its interval", 60)
def test_rate(t, lab):
    link = lab.veth("v0")
    server = WebServer(lab)
    lab.record("v0", interval="500ms").wait_record()
    frame = known_frames(10)[0][-1]  # ICMP, some 500 bytes
    traffic = laboratory.Traffic(link, [frame], rate=1000)
    realtime = laboratory.wait_for(lambda: (a := get(server, REALTIME))["packets_per_sec"] and a,
                                   "an interval in which some were received")
    history = f"{HISTORY}?from=-60&step=1s&metrics=rx.packets_per_s"
    laboratory.wait_for(lambda: any(get(server, history)["data"][1]), "such a step in the history")
    history = get(server, history)
    traffic.stop()
    records = lab.history("v0")
    rates = [((b["rx"]["packets"] - a["rx"]["packets"]) * 1e9 / (b["boottime_ns"] - a["boottime_ns"]))
             for a, b in zip(records, records[1:])]
    got = realtime["packets_per_sec"]
    t.ok(got and any(abs(got - rate) <= 1 for rate in rates), "packets a second", (got, rates))
    t.ok(abs(realtime["bandwidth_bps"] - got * len(frame) * 8) <= len(frame) * 8, "bits a second",
         realtime)
    seconds = [v for v in history["data"][1] if v is not None]
    t.ok(any(seconds) and all(min(rates) - 1 <= v <= max(rates) + 1 for v in seconds),
         "and in each step", (history, rates))


# ---- several, and what comes and goes ----


@scenario("several interfaces", 90)
def test_several(t, lab):
    lab.configure("[services]\ndns = udp/53 tcp/53\n", "v0")
    lab.configure("[services]\nquic = udp/443\n", "v1")
    links = [lab.veth(f"v{i}", f"p{i}", mtu=9000) for i in range(2)]
    server = WebServer(lab)
    t.equal(server.get(REALTIME).status, 503, "nothing is sampled")
    t.match(server.get(REALTIME).body.decode(), "no interface is sampled", "which is said")
    t.equal(get(server, INTERFACES)["interfaces"], [], "none is listed")
    recorders = [lab.record(link.name) for link in links]
    for recorder in recorders:
        recorder.wait_record()
    frames, want = known_frames(1009)
    whole_steps(lab, "v0", "v1")
    for link, n in zip(links, (1009, 503)):
        link.send(frames[:n])
    both = wait_totals(server, 1009 + 503)
    each = [wait_totals(server, n, f"{REALTIME}?interface=v{i}") for i, n in ((0, 1009), (1, 503))]
    t.equal((both["interface"], both["interfaces"]), (None, ["v0", "v1"]), "without a name: both")
    t.equal(totals(both), tuple(map(sum, zip(*map(totals, each)))), "added up exactly")
    t.equal([name for name in both["rx"]["services"]], ["http", "https", "dns", "quic"],
            "services are added by name")
    t.equal((each[0]["rx"]["services"]["dns"]["packets"], "quic" in each[0]["rx"]["services"]),
            (want["services.dns.packets"], False), "each has its own")
    t.equal(server.get(f"{HISTORY}").status, 400, "history needs to know which")
    t.match(server.get(f"{HISTORY}").body.decode(), "v0.*v1", "and names them")
    unknown = server.get(f"{REALTIME}?interface=v7")
    t.equal((unknown.status, unknown.headers["Content-Type"]), (404, "application/problem+json"),
            "another one is not found")
    t.match(unknown.body.decode(), "v0, v1", "those there are are named")
    whole_steps(lab, "v1")
    t.equal(recorders[1].stop(), 0, "one is detached while the service runs")
    laboratory.wait_for(lambda: get(server, REALTIME)["interfaces"] == ["v0"], "the sum without it")
    gone = server.get(f"{REALTIME}?interface=v1")
    t.equal(gone.status, 503, "it has no values now")
    t.match(gone.body.decode(), "not attached", "since it is not attached")
    t.equal([(i["interface"], i["attached"]) for i in get(server, INTERFACES)["interfaces"]],
            [("v0", True), ("v1", False)], "it is listed by its history")
    check_sum(t, server, "interface=v1&", 503, "which still tells what it counted")
    lab.run("ip", "link", "del", "v0")
    recorders[0].wait()
    laboratory.wait_for(lambda: server.get(REALTIME).status == 503, "the last one has gone")
    again = lab.veth("v1b", "p1b", mtu=9000)
    lab.record("v1b").wait_record()
    again.send(frames[:10])
    t.equal(totals(wait_totals(server, 10))[0], 10, "a new one is found")


@scenario("another network namespace", 60)
def test_namespaces(t, lab):
    """The service sees all pins; the same name twice is told apart by key."""
    other = lab.namespace()
    here, there = lab.veth("v0", mtu=9000), lab.veth("v0", "p1", mtu=9000, ns=other)
    server = WebServer(lab)
    for ns in (None, other):
        lab.record("v0", ns=ns).wait_record()
    frames, _ = known_frames(101)
    here.send(frames)
    there.send(frames[:7])
    wait_totals(server, 108)
    listed = get(server, INTERFACES)["interfaces"]
    t.equal(sorted(i["id"] for i in listed), sorted([lab.key("v0"), lab.key("v0", other)]),
            "both are listed by their keys")
    named = get(server, f"{REALTIME}?interface=v0")
    t.equal(named["total_packets"], 101, "the name is our namespace's")
    key = lab.key("v0", other).replace("@", "%40")
    t.equal(get(server, f"{REALTIME}?interface={key}")["total_packets"], 7, "the key the other's")


@scenario("new counters while it runs", 60)
def test_new_epoch(t, lab):
    link = lab.veth("v0", mtu=9000)
    server = WebServer(lab)
    recorder = lab.record("v0")
    recorder.wait_record()
    frames, _ = known_frames(100)
    whole_steps(lab, "v0")
    link.send(frames)
    wait_totals(server, 100)
    whole_steps(lab, "v0")
    recorder.stop()
    recorder = lab.record("v0")
    recorder.wait_record()

    def fresh():
        answer = server.get(REALTIME)
        return answer.status == 200 and answer.json()["total_packets"] == 0 and answer.json()

    realtime = laboratory.wait_for(fresh, "totals from 0")
    t.ok(all(realtime[k] == 0 for k in TEN), "detached and attached: counters begin anew", realtime)
    whole_steps(lab, "v0")
    link.send(frames[:13])
    wait_totals(server, 13)
    check_sum(t, server, "from=-60&", 113, "the history has both, with no step between")


@scenario("sampled without a recorder, and with one again", 90)
def test_stale(t, lab):
    link = lab.veth("v0", mtu=9000)
    server = WebServer(lab)
    recorder = lab.record("v0")
    recorder.wait_record()
    frames, want = known_frames(N_FRAMES)
    link.send(frames[:1000])
    wait_totals(server, 1000)
    t.equal(recorder.kill(), -signal.SIGKILL, "the recorder is killed")
    link.send(frames[1000:])
    stale = laboratory.wait_for(lambda: (a := get(server, REALTIME))["stale"] and a, "stale")
    t.ok(stale["stale_reason"], "which has a reason", stale)
    answer = wait_totals(server, N_FRAMES)
    t.equal(totals(answer), (N_FRAMES, want["bytes"]), "the counters themselves go on exactly")
    t.equal(wrong_counters(counts(answer["rx"]), want), {}, "each of them")
    health = server.get("/healthz")
    t.equal((health.status, health.json()["checks"][0]["state"]), (503, "stale"), "healthz tells")
    one, = get(server, INTERFACES)["interfaces"]
    t.equal((one["attached"], one["recorder"]["at_work"], one["health"]["state"]),
            (True, False, "stale"), "so does interfaces")
    t.equal(get(server, SUMMARY)["total_packets"], N_FRAMES, "and the summary goes on")
    lab.record("v0").wait_record()
    laboratory.wait_for(lambda: not get(server, REALTIME)["stale"], "live again")
    t.equal(get(server, REALTIME)["total_packets"], N_FRAMES, "with the same counters")
    t.equal(server.get("/healthz").status, 200, "and healthz agrees")


@scenario("attached, and never recorded")
def test_never_recorded(t, lab):
    link = lab.veth("v0", mtu=9000)
    lab.attach("v0")
    server = WebServer(lab)
    frames, _ = known_frames(50)
    link.send(frames)
    answer = wait_totals(server, 50)
    t.equal((answer["total_packets"], answer["stale"]), (50, True), "the counters are told")
    t.equal(server.get(HISTORY).status, 404, "there is no history")
    link.send(frames)
    answer = wait_totals(server, 100)
    t.ok(answer["packets_per_sec"] > 0 and answer["interval_ms"] >= 900,
         "rates are between two looks, over their time", answer)


# ---- an interval that is changed ----


def change_interval(lab, recorder, interval):
    lab.configure(f"[sampler]\ninterval = {interval}\n")
    recorder.send_signal(signal.SIGHUP)
    recorder.wait_log(rf"interval = {interval} \(was")


def several_records(lab, interval, n):
    """Wait for records over n intervals, and 4 s at least."""
    end = time.time() + max(4.3, n * INTERVAL_S[interval])
    laboratory.wait_for(lambda: lab.last_record("v0")["realtime_ns"] >= end * 1e9,
                        f"{n} records", 20)


def longest_hole(records):
    """Milliseconds between two records."""
    return max(((b["boottime_ns"] - a["boottime_ns"]) / 1e6 for a, b in zip(records, records[1:])), default=0)


INTERVAL_S = {"100ms": 0.1, "1s": 1, "2s": 2}


@scenario("the interval is changed live, 1 s to 2 s", 60, before="1s", after="2s", step_ms=2000)
@scenario("the interval is changed live, 2 s to 1 s", 60, before="2s", after="1s", step_ms=2000)
@scenario("the interval is changed live, 100 ms to 1 s", 60, before="100ms", after="1s",
          step_ms=1000)
def test_interval(t, lab, before, after, step_ms):
    """Steps follow the records' real spacing: no false gap, and nothing lost or doubled."""
    lab.configure(f"[sampler]\ninterval = {before}\n")
    link = lab.veth("v0", mtu=9000)
    server = WebServer(lab)
    recorder = lab.record("v0", interval=None)
    recorder.wait_record()
    frames, _ = known_frames(1009)
    several_records(lab, before, 3)
    link.send(frames[:500])
    change_interval(lab, recorder, after)
    several_records(lab, after, 3)
    link.send(frames[500:])
    several_records(lab, after, 3)
    answer = get(server, f"{HISTORY}?from=-60&metrics=rx.packets,rx.bits_per_s")
    records = [r for r in lab.history("v0")
               if r["realtime_ns"] <= (answer["data"][0][-1] + step_ms / 4000) * 1e9]
    t.equal((answer["step_ms"], answer["resolution_ms"]), (step_ms, step_ms),
            "over both: the wider spacing")
    _, *others = answer["data"][1]
    t.ok(len(others) >= 3, "there are steps of both", answer)
    known = sum(filter(None, answer["data"][1]))
    if longest_hole(records) < 1.4 * step_ms:
        t.ok(None not in others,
             "no step is unknown, but perhaps the one that the recorder was started in", answer)
        t.equal(known, 1009, "and all of them add up exactly")
    else:  # the machine stood still for longer than a step: that is a gap indeed
        t.ok(None in others, "a step is unknown where the records have a hole", (answer, records))
        t.ok(known <= 1009, "and nothing is doubled", answer)
    newest = get(server, f"{HISTORY}?from=-3&metrics=rx.packets")
    t.equal(newest["resolution_ms"], float(after[:-1]) * 1000, "of late: the spacing of now")
    one, = get(server, INTERFACES)["interfaces"]
    t.equal(one["recorder"]["interval_ms"], float(after[:-1]) * 1000, "which interfaces has, too")


@scenario("an interval that becomes longer is no staleness", 60)
def test_longer_interval(t, lab):
    lab.configure("[sampler]\ninterval = 1s\n")
    lab.veth("v0")
    server = WebServer(lab)
    recorder = lab.record("v0", interval=None)
    recorder.wait_record()
    laboratory.wait_for(lambda: server.get("/healthz").status == 200, "all well")
    change_interval(lab, recorder, "5s")
    said = []

    def waited_long():
        """For a record, longer than is usual at the interval before."""
        answer = server.get("/healthz")
        if answer.status != 200:
            said.append(answer.json())
        return longest_hole(lab.history("v0")) > 3500

    laboratory.wait_for(waited_long, "a record that comes late for the old interval", 15)
    t.equal(said[:1], [], "it is well at all times")


# ---- what the README shows ----


def shape(value):
    """An answer without its values: names, order and types."""
    if isinstance(value, dict):
        return [(name, shape(v)) for name, v in value.items()]
    if isinstance(value, list):
        return [shape(v) for v in value[:1]]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else \
        type(value).__name__


def readme_answers():
    """Return: [(path, answer)] of all `$ curl` blocks of the README."""
    with open(README, encoding="utf-8") as file:
        text = file.read()
    blocks = re.findall(r"(?m)^    \$ curl -s '?localhost:3000(/\S*?)'?\n((?:    .*\n)+)", text)
    return [(path, json.loads(answer)) for path, answer in blocks]


@scenario("the README's answers are real ones", 60)
def test_readme(t, lab):
    elsewhere = lab.namespace()  # as quickstart has the link
    lab.veth("web0", ns=elsewhere)
    lab.run("ethtool", "-K", "web0", "rxvlan", "on", ns=elsewhere)
    server = WebServer(lab)
    recorder = lab.record("web0", ns=elsewhere, interval="1s")
    recorder.wait_record()
    recorder.wait_record()
    laboratory.wait_for(lambda: server.get(REALTIME).status == 200
                        and server.get(REALTIME).json()["interval_ms"], "two samples")
    shown = readme_answers()
    with open(README, encoding="utf-8") as file:
        listed = re.findall(r"(?m)^\| `GET (/\S*)`", file.read())
    told_elsewhere = {"/", "/api/openapi.json", "/api/stream", "/metrics"}  # but for the page by tests of their own
    t.equal(sorted({path.split("?")[0] for path, _ in shown} | told_elsewhere), sorted(listed),
            "each endpoint of its table is shown")
    for path, answer in shown:
        real = server.get(path).json()
        got, want = flexible(shape(real)), flexible(shape(answer))
        t.equal(got, want, f"{path}: names, order and types")


def flexible(tree):
    """Peaks and gaps may be unknown in one of two answers: null is taken for a value."""
    if isinstance(tree, list):
        return [flexible(v) for v in tree]
    if isinstance(tree, tuple):
        name, value = tree
        unknown = name in ("peak_timestamp", "data")
        return name, "any" if unknown else flexible(value)
    return tree


laboratory.main()
