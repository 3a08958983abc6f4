#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web over real interfaces: known frames are exactly what every endpoint says, whoever is at
work, whatever comes and goes meanwhile, and whatever lies in the place of pins and histories.
"""
import json
import os
import pwd
import re
import signal
import struct
import time

import lab as laboratory
from known import N_FRAMES, SERVICES, known_frames, wrong_counters
from lab import PINS, scenario
from web import WebServer

REALTIME, SUMMARY = "/api/metrics/realtime", "/api/stats/summary"
INTERFACES, HISTORY = "/api/interfaces", "/api/history"
RATES = ["bandwidth_bps", "packets_per_sec", "tcp_bandwidth_bps", "tcp_packets_per_sec",
         "http_bandwidth_bps", "http_packets_per_sec", "https_bandwidth_bps",
         "https_packets_per_sec"]
TEN = RATES + ["total_packets", "total_bytes"]
EIGHT = ["uptime_seconds", "avg_bandwidth_bps", "peak_bandwidth_bps", "total_packets",
         "total_bytes", "tcp_percentage", "http_percentage", "https_percentage"]
README = os.path.join(laboratory.HERE, "../../README.md")
ABI_OFFSET = 8  # of sampler_meta.abi_version


def get(server, path, status=200):
    answer = server.get(path)
    if answer.status != status:
        raise laboratory.Failure(f"{path}: {answer!r}\n{server.log()}")
    return answer.json()


def totals(answer):
    return answer["total_packets"], answer["total_bytes"]


def wait_totals(server, packets, path=REALTIME, seconds=10):
    """Wait until an endpoint has counted so many. Return: its answer."""

    def counted():
        answer = server.get(path)
        return answer.status == 200 and answer.json()["total_packets"] >= packets and answer.json()

    return laboratory.wait_for(counted, f"{packets} packets at {path}", seconds)


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


def whole_steps(seconds=2.2):
    """A step is known once records stand at both of its ends: wait so that what comes is in one."""
    time.sleep(seconds)


def history_sum(server, query, path="rx.packets"):
    """What all steps have counted together."""
    answer = get(server, f"{HISTORY}?{query}&metrics={path}")
    return sum(value for value in answer["data"][1] if value is not None)


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
    whole_steps()
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
    t.equal((one["interface"], one["mode"], one["program"], one["services"], one["epoch"]),
            ("v0", mode, snapshot["program"], snapshot["services"], str(snapshot["epoch"])),
            "interfaces says what samplerd --print says")
    t.equal((one["health"]["state"], one["recorder"]["at_work"], one["mtu"]), ("ok", True, 9000),
            "and that all is well")
    whole_steps()
    for path, total in (("rx.packets", sent[0]), ("rx.bytes", sent[1]),
                        ("rx.services.dns.packets", want["services.dns.packets"]),
                        ("rx.sizes.1515-.packets", want["sizes.1515-"])):
        t.equal(history_sum(server, "step=1s", path), total, f"history: {path} adds up exactly")
    t.equal(history_sum(server, "from=-60&step=100ms"), sent[0], "in short steps as well")
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
    records = lab.history("v0")
    rates = [(b["rx"]["bytes"] - a["rx"]["bytes"]) * 8e9 / (b["boottime_ns"] - a["boottime_ns"])
             for a, b in zip(records, records[1:])]
    t.ok(abs(summary["peak_bandwidth_bps"] - max(rates)) <= 1, "the peak is the highest interval's",
         (summary["peak_bandwidth_bps"], rates))
    elapsed = summary["total_bytes"] * 8 / max(summary["avg_bandwidth_bps"], 1)
    span = (records[-1]["boottime_ns"] - records[0]["boottime_ns"]) / 1e9
    t.ok(span <= elapsed <= span + 3, "the average is over the time that it was counted",
         (span, elapsed))
    t.ok(all(realtime[rate] >= 0 for rate in RATES), "no rate is below zero", realtime)
    t.equal(recorder.kill(), -signal.SIGKILL, "the recorder is killed")
    lab.record("v0").wait_record()
    again = get(server, SUMMARY + "?interface=v0")
    t.equal(again["peak_bandwidth_bps"], summary["peak_bandwidth_bps"],
            "the next recorder keeps the peak")


@scenario("a rate is what was sent in its interval", 60)
def test_rate(t, lab):
    """1,000 frames a second of 1,000 bytes are 8 Mbit/s, in realtime and in each step."""
    link = lab.veth("v0")
    server = WebServer(lab)
    lab.record("v0", interval="500ms").wait_record()
    frame = known_frames(10)[0][-1]  # ICMP, some 500 bytes
    traffic = laboratory.Traffic(link, [frame], rate=1000)
    time.sleep(4)
    realtime = get(server, REALTIME)
    history = get(server, f"{HISTORY}?from=-3&step=1s&metrics=rx.packets_per_s,rx.bits_per_s")
    traffic.stop()
    wanted = 1000 * len(frame) * 8
    t.ok(abs(realtime["packets_per_sec"] - 1000) <= 50, "packets a second", realtime)
    t.ok(abs(realtime["bandwidth_bps"] - wanted) <= 0.05 * wanted, "bits a second", realtime)
    seconds = [v for v in history["data"][1] if v is not None]
    t.ok(seconds and all(abs(v - 1000) <= 50 for v in seconds), "and in each step", history)


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
    whole_steps()
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
    whole_steps()
    t.equal(recorders[1].stop(), 0, "one is detached while the service runs")
    laboratory.wait_for(lambda: get(server, REALTIME)["interfaces"] == ["v0"], "the sum without it")
    gone = server.get(f"{REALTIME}?interface=v1")
    t.equal(gone.status, 503, "it has no values now")
    t.match(gone.body.decode(), "not attached", "since it is not attached")
    t.equal([(i["interface"], i["attached"]) for i in get(server, INTERFACES)["interfaces"]],
            [("v0", True), ("v1", False)], "it is listed by its history")
    t.equal(history_sum(server, "interface=v1&step=1s"), 503, "which still tells what it counted")
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
    whole_steps(0.5)
    link.send(frames)
    wait_totals(server, 100)
    whole_steps(0.5)
    recorder.stop()
    recorder = lab.record("v0")
    recorder.wait_record()

    def fresh():
        answer = server.get(REALTIME)
        return answer.status == 200 and answer.json()["total_packets"] == 0 and answer.json()

    realtime = laboratory.wait_for(fresh, "totals from 0")
    t.ok(all(realtime[k] == 0 for k in TEN), "detached and attached: counters begin anew", realtime)
    whole_steps(0.5)
    link.send(frames[:13])
    wait_totals(server, 13)
    whole_steps(0.5)
    t.equal(history_sum(server, "from=-60&step=100ms"), 113, "the history has both, with no step between")


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
    time.sleep(1.1)
    link.send(frames)
    answer = wait_totals(server, 100)
    t.ok(answer["packets_per_sec"] > 0 and answer["interval_ms"] >= 900,
         "rates are between two looks, over their time", answer)


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
    t.equal(sorted({path.split("?")[0] for path, _ in shown} | {"/"}), sorted(listed),
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


# ---- hostile ----


@scenario("pins of another version", 60)
def test_other_abi(t, lab):
    links = [lab.veth(f"v{i}", f"p{i}", mtu=9000) for i in range(2)]
    server = WebServer(lab)
    for link in links:
        lab.record(link.name).wait_record()
    frames, _ = known_frames(20)
    links[1].send(frames)
    wait_totals(server, 20, f"{REALTIME}?interface=v1")
    key = lab.key("v0")
    meta = lab.map_value(key, "sampler_meta")
    abi, = struct.unpack_from("=I", meta, ABI_OFFSET)
    lab.map_value(key, "sampler_meta",
                  meta[:ABI_OFFSET] + struct.pack("=I", abi + 9) + meta[ABI_OFFSET + 4:])
    laboratory.wait_for(lambda: server.get(f"{REALTIME}?interface=v0").status == 503, "refused")
    told = server.get(f"{REALTIME}?interface=v0").body.decode()
    t.ok("version" in told and PINS not in told, "says why, and no path of the host", told)
    both = get(server, REALTIME)
    t.equal((both["interfaces"], [m["interface"] for m in both["missing"]]), (["v1"], ["v0"]),
            "the sum is of the other, and says what is missing")
    states = {i["interface"]: i["health"]["state"] for i in get(server, INTERFACES)["interfaces"]}
    t.equal(states, {"v0": "unreadable", "v1": "ok"}, "interfaces tells them apart")
    t.equal(server.get("/healthz").status, 503, "healthz is not content")
    lab.attach("v0")
    laboratory.wait_for(lambda: server.get(f"{REALTIME}?interface=v0").status == 200, "healed")


def spoil(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


@scenario("hostile histories", 120)
def test_hostile_histories(t, lab):
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0")
    recorder.wait_record()
    frames, _ = known_frames(30)
    link.send(frames)
    recorder.wait_record()
    recorder.wait_record()
    lab.attach("v0")
    recorder.kill()
    good = f"{lab.state_dir}/{lab.key('v0')}.hist"
    with open(good, "rb") as file:
        content = file.read()
    server = WebServer(lab)
    nobody = pwd.getpwnam(laboratory.USER)
    hostile = {
        "empty": b"", "short": content[:100], "cut": content[:len(content) // 3],
        "noise": os.urandom(100_000), "other": content[:8] + b"\xff" * 8 + content[16:],
        "huge": content[:512] + b"\xff" * 512 + content[1024:],
        "epochs": content[:4096] + os.urandom(81920) + content[86016:],
        "slots": content[:86016] + os.urandom(len(content) - 86016),
    }
    for name, data in hostile.items():
        path = f"{lab.state_dir}/{name}.hist"
        with open(path, "wb") as file:
            file.write(data)
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    os.mkdir(f"{lab.state_dir}/folder.hist")
    os.mkfifo(f"{lab.state_dir}/fifo.hist")
    os.symlink("/etc/shadow", f"{lab.state_dir}/link.hist")
    os.symlink("nowhere", f"{lab.state_dir}/dangling.hist")
    for name in (b"\xff\xfe.hist", b"%2e%2e.hist", b"a b.hist", b"%.hist", b"x" * 200 + b".hist"):
        os.symlink(good.encode(), lab.state_dir.encode() + b"/" + name)
    paths = [REALTIME, SUMMARY, INTERFACES, "/healthz"] + [
        f"{p}?interface={name}" for p in (REALTIME, SUMMARY, HISTORY)
        for name in [*hostile, "folder", "fifo", "link", "dangling", "%2e%2e", "..", "a+b", "%FF"]]
    before = server.get(f"{HISTORY}?interface=v0&metrics=rx.packets").json()
    for _ in range(3):
        for path in paths:
            answer = server.get(path)
            t.ok(answer.status in (200, 400, 404, 503) and "/run/" not in answer.body.decode(),
                 f"{path}: answered, without a path of the host", answer)
        time.sleep(1.1)  # directories are listed anew
    after = server.get(f"{HISTORY}?interface=v0&metrics=rx.packets").json()
    t.equal(after["columns"], before["columns"], "what was well is answered as before")
    spoil(good, 512, b"\xff" * 64)  # the head, under the reader's eyes
    for path in paths:
        server.get(path)
    os.truncate(good, 86016)
    for path in paths:
        server.get(path)
    t.ok(server.running(), "a file spoilt and cut while it is open harms nothing", server.log())
    t.equal(server.stop(), 0, "it ends well")


@scenario("hostile folders of pins", 60)
def test_hostile_pins(t, lab):
    link = lab.veth("v0", mtu=9000)
    lab.attach("v0")
    server = WebServer(lab)
    frames, _ = known_frames(9)
    link.send(frames)
    wait_totals(server, 9)
    for name in ("@lock", "v9~", "nothing", "%2e%2e", "x" * 200):
        os.mkdir(f"{PINS}/{name}")
    lab.run("bpftool", "map", "create", f"{PINS}/nothing/sampler_meta", "type", "hash", "key", "4",
            "value", "4", "entries", "1", "name", "wrong")
    os.mkdir(f"{PINS}/v5")
    lab.run("bpftool", "map", "create", f"{PINS}/v5/sampler_meta", "type", "array", "key", "4",
            "value", "512", "entries", "1", "name", "zeros")
    time.sleep(1.1)
    for path in (REALTIME, SUMMARY, INTERFACES, "/healthz", f"{REALTIME}?interface=v5",
                 f"{REALTIME}?interface=nothing", f"{REALTIME}?interface=%40lock"):
        answer = server.get(path)
        t.ok(answer.status in (200, 400, 404, 503) and "/sys/" not in answer.body.decode(),
             f"{path}: answered, without a path of the host", answer)
    t.equal(get(server, REALTIME)["total_packets"], 9, "what is well is told")
    names = [i["interface"] for i in get(server, INTERFACES)["interfaces"]]
    t.ok("@lock" not in names and "v9~" not in names, "locks and leavings are not listed", names)
    lab.run("chmod", "0700", PINS)
    server.stop()
    server = WebServer(lab)
    answer = server.get(REALTIME)
    t.equal(answer.status, 503, "without access nothing is told")
    t.equal(server.stop(), 0, "it ends well")


laboratory.main()
