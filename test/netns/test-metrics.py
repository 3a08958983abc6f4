#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
One table of metrics, many places that tell of it: snapshot, history, the API, its stream and its description,
Prometheus, the journal and the manual. Each has every metric and no other, in the units that it has, with one value,
of what is received and of what is transmitted.
"""
import os
import re

import lab as laboratory
from certificates import Pair
from journal import WITH_JOURNAL, Journal
from known import N_FRAMES, SERVICES, flat, known_frames, wrong_counters
from lab import Failure, scenario, wait_for
from openapi import PATH, Description
from streams import Stream
from web import HISTORY, INTERFACES, REALTIME, STEP_S, SUMMARY, WebServer, whole_steps

README = os.path.join(laboratory.HERE, "../../README.md")
MANUAL = os.path.join(laboratory.HERE, "../../packaging/man/sampler.7.in")
RATES = {"packets": "packets_per_s", "bytes": "bits_per_s"}
JOURNAL_RATES = {"PACKETS": "PPS", "BYTES": "BPS"}
NOT_COUNTERS = {"SAMPLER_INTERFACE", "SAMPLER_INTERVAL_NS"}
NAME = "name"  # of a service, in the manual
DIRECTIONS = ("rx", "tx")
N_SENT = {"rx": N_FRAMES, "tx": 4999}  # another prime


def counts_of(told):
    """What an object of the API or of samplerd says. Return: {path: number}, rates left out."""
    rates = tuple(f".{rate}" for rate in RATES.values())
    return {path: value for path, value in flat(told).items() if not f".{path}".endswith(rates)}


def metrics_of(answer):
    """Return: {(direction, place, unit): value} of both."""
    found = {}
    for direction in DIRECTIONS:
        for path, value in counts_of(answer[direction]).items():
            place, _, unit = path.rpartition(".")
            if unit not in RATES:
                place, unit = path, "packets"  # samplerd has the number alone where there are packets only
            found[direction, place, unit] = value
    return found


def rates_of(answer):
    """Return: {(direction, place, unit)} of each rate."""
    units = {rate: unit for unit, rate in RATES.items()}
    paths = ((direction, *path.rpartition(".")) for direction in DIRECTIONS for path in flat(answer[direction]))
    return {(direction, place, units[rate]) for direction, place, _, rate in paths if rate in units}


def described(description):
    """Return: {(direction, place, unit)} of the description of realtime, of services only the two that are always there."""
    realtime = description.api["components"]["schemas"]["Realtime"]["properties"]
    found = set()

    def walk(schema, direction, place):
        if "$ref" in schema:
            return walk(description.resolved(schema), direction, place)
        if "anyOf" in schema:
            return walk(schema["anyOf"][0], direction, place)
        for name, member in schema.get("properties", {}).items():
            if name in RATES:
                found.add((direction, place, name))
            elif name not in RATES.values():
                walk(member, direction, f"{place}.{name}".lstrip("."))
        return None

    for direction in DIRECTIONS:
        walk(realtime[direction], direction, "")
    return found


class Names:
    """What the manual says a counter is called elsewhere."""

    def __init__(self):
        with open(MANUAL, encoding="utf-8") as file:
            rows = re.findall(r"^\.It Li (\S+) Ta Li (\S+) Ta Li (\S+)$", file.read(), re.M)
        if len(rows) < 20:
            raise Failure(f"the manual's table has {len(rows)} rows")
        self._rows = {"": ("", "", ())}
        for place, journal, series in rows:
            family, label, value = re.fullmatch(r'(\w+)(?:\{(\w+)="([^"]+)"\})?', series).groups()
            self._rows[place] = (f"{journal}_", f"{family}_", ((label, value),) if label else ())

    def places(self):
        return set(self._rows)

    def _row(self, place):
        if place in self._rows:
            return self._rows[place]
        group, _, name = place.rpartition(".")  # a service
        journal, family, ((label, _),) = self._rows[f"{group}.{NAME}"]
        return journal.replace(NAME.upper(), name.upper()), family, ((label, name),)

    def journal(self, metric):
        direction, place, unit = metric
        return f"SAMPLER_{direction.upper()}_{self._row(place)[0]}{unit.upper()}"

    def series(self, metric):
        direction, place, unit = metric
        _, family, label = self._row(place)
        return f"sampler_{family}{unit}_total", direction, label


def exposed(body):
    """What /metrics says. Return: {(series, direction, label): value} of all counters of frames."""
    found = {}
    for name, labels, value in re.findall(r"^(sampler_\w+_total)\{([^}]*)\} (\S+)$", body, re.M):
        pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        label = tuple(pair for pair in pairs.items() if pair[0] not in ("interface", "netns", "direction"))
        if name.endswith(("packets_total", "bytes_total")):
            found[name, pairs["direction"], label] = int(value)
    return found


def journaled(entries):
    """Return: {field: sum over all entries} of what was counted, and the names of all fields."""
    sums, names = {}, set()
    for entry in entries:
        if "SAMPLER_INTERVAL_NS" not in entry:
            continue
        for field, value in entry.items():
            if field.startswith("SAMPLER_") and field not in NOT_COUNTERS:
                names.add(field)
                if field.endswith(tuple(JOURNAL_RATES)):
                    sums[field] = sums.get(field, 0) + int(value)
    return sums, names


def in_history(server, metrics):
    """Return: those that /api/history knows by each of their two names."""
    known = set()
    for direction, place, unit in metrics:
        names = [".".join(filter(None, (direction, place, one))) for one in (unit, RATES[unit])]
        answer = server.get(f"{HISTORY}?interface=v0&metrics={','.join(names)}")
        if answer.status == 200 and answer.json()["columns"] == ["time", *names]:
            known.add((direction, place, unit))
    return known


def in_steps(server, want):
    """Return: {metric: sum of all steps of the history}, as far as it has any."""
    found, metrics = {}, list(want)
    for i in range(0, len(metrics), 32):
        some = metrics[i:i + 32]
        names = ",".join(".".join(filter(None, metric)) for metric in some)
        columns = server.get(f"{HISTORY}?from=0&step={STEP_S}s&metrics={names}").json()["data"][1:]
        found.update((metric, sum(filter(None, column))) for metric, column in zip(some, columns))
    return found


@scenario("each metric is everywhere, with one value", 90)
def test_everywhere(t, lab):
    journal = Journal(lab)
    lab.configure(SERVICES)
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0", wrap=WITH_JOURNAL)
    recorder.wait_record()
    server = WebServer(lab)
    whole_steps(lab, "v0")
    sent, wanted = {}, {}
    for direction, way in zip(DIRECTIONS, (link, link.reversed())):
        frames, wanted[direction] = known_frames(N_SENT[direction])
        sent[direction] = way.send(frames)[0]
    t.equal(sent, N_SENT, "known frames have come and gone")

    def arrived():
        now = server.get(REALTIME).json()
        return now["tx"] and {direction: now[direction]["packets"] for direction in DIRECTIONS} == sent

    wait_for(arrived, "all of them")
    snapshot = lab.snapshot("v0")
    want = metrics_of(snapshot)
    t.ok(len(want) > 80 and sum(map(bool, want.values())) > 80, "metrics, nearly all of which have counted", want)
    t.equal({direction: wrong_counters(snapshot[direction], wanted[direction]) for direction in DIRECTIONS},
            {"rx": {}, "tx": {}}, "each as it has to be by what was sent")
    t.equal(metrics_of(lab.last_record("v0")), want, "samplerd --history")
    realtime = server.get(REALTIME).json()
    t.equal((metrics_of(realtime), rates_of(realtime)), (want, set(want)), "realtime: totals, and a rate of each")
    t.equal((realtime["total_packets"], realtime["without_tx"]), (sent["rx"], []), "whose first ten are of what was received")
    stream = Stream(server)
    t.equal(metrics_of(stream.next().data), want, "the stream")
    stream.close()
    t.equal(in_history(server, want), set(want), "history")
    wait_for(lambda: in_steps(server, want) == want, "steps that add up to all of it", 4 * STEP_S)
    summary = server.get(SUMMARY).json()
    t.equal([(told["total_packets"], told["total_bytes"]) for told in (summary, summary["tx"])],
            [(wanted[direction]["packets"], wanted[direction]["bytes"]) for direction in DIRECTIONS], "the summary")
    own = {metric for metric in want if metric[1] in ("services.dns", "services.quic")}
    t.equal(described(Description(server.get(PATH).body.decode())), set(want) - own, "the description")

    names = Names()
    t.equal(names.places() ^ {place for _, place, _ in want},
            {f"services.{name}" for name in (NAME, "http", "https", "dns", "quic")}, "the manual")
    t.equal(exposed(server.get("/metrics").body.decode()), {names.series(metric): n for metric, n in want.items()},
            "Prometheus, by the manual's names")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    fields = {names.journal(metric): n for metric, n in want.items()}
    wait_for(lambda: all(journaled(journal.entries())[0].get(f"SAMPLER_{direction.upper()}_PACKETS", 0) >= sent[direction]
                         for direction in DIRECTIONS), "all in the journal")
    sums, told = journaled(journal.entries())
    t.equal(sums, fields, "the journal, by the manual's names")
    rates = {re.sub(r"(PACKETS|BYTES)$", lambda unit: JOURNAL_RATES[unit[0]], field) for field in fields}
    t.equal(told, set(fields) | rates, "with a rate of each, and nothing else")
    lines = [entry["MESSAGE"] for entry in journal.entries() if "SAMPLER_INTERVAL_NS" in entry]
    t.equal([tuple(map(sum, zip(*((int(n), int(size)) for line in lines for n, size in
                                  re.findall(rf"{direction} [^()]*\((\d+) packets, (\d+) bytes", line)))))
             for direction in DIRECTIONS],
            [(wanted[direction]["packets"], wanted[direction]["bytes"]) for direction in DIRECTIONS], "and in words")
    journal.end()


@scenario("the README's table of series", 60)
def test_readme(t, lab):
    lab.veth()
    lab.record("v0").wait_record()
    server = WebServer(lab, *Pair(lab).options(), address=f"unix:{lab.state_dir}/web.sock")  # which is plain
    told = set(re.findall(r"^(sampler_\w+)", wait_for(
        lambda: (text := server.get("/metrics").body.decode()).count("sampler_ticks_missed_total{") and text, "series"), re.M))
    with open(README, encoding="utf-8") as file:
        listed = re.findall(r"`(sampler_\w+)`", "".join(line for line in file if line.startswith("| `sampler_")))
    t.equal(sorted(listed), sorted(told), "has each of them, once, and no other")


@scenario("what nobody can know is told nowhere", 60)
def test_unknown(t, lab):
    """VLAN tags that the NIC takes off what it receives; what is transmitted has them."""
    journal = Journal(lab)
    link = lab.veth()
    lab.run("ethtool", "-K", "v0", "rxvlan", "on")
    recorder = lab.record("v0", wrap=WITH_JOURNAL)
    recorder.wait_record()
    server = WebServer(lab)
    frames = [frame for frame in known_frames(22)[0] if len(frame) <= 1514]
    sent, _ = link.send(frames)
    link.reversed().send(frames)
    wait_for(lambda: (now := server.get(REALTIME).json())["tx"] and now["rx"]["packets"] == now["tx"]["packets"] == sent,
             "all of them")
    told = (lab.snapshot("v0"), lab.last_record("v0"), server.get(REALTIME).json())
    t.equal([one["rx"]["vlan"] for one in told], [None, None, None], "null in JSON")
    t.equal([one["tx"]["vlan"]["packets"] for one in told], [2, 2, 2], "known of what is transmitted")
    names = "rx.vlan.packets,rx.packets,tx.vlan.packets"
    history = server.get(f"{HISTORY}?from=-60&step=100ms&metrics={names}").json()["data"]
    t.ok(set(history[1]) == {None} and set(history[2]) != {None} and set(history[3]) != {None}, "in the history", history)
    t.equal({direction for name, direction, _ in exposed(server.get("/metrics").body.decode()) if "vlan" in name}, {"tx"},
            "no series in Prometheus")
    recorder.stop()
    wait_for(lambda: journaled(journal.entries())[0].get("SAMPLER_TX_PACKETS", 0) >= sent, "all in the journal")
    t.equal({field for field in journaled(journal.entries())[1] if "VLAN" in field},
            {f"SAMPLER_TX_VLAN_{unit}" for unit in ("PACKETS", "PPS", "BYTES", "BPS")}, "no field in the journal")
    journal.end()


@scenario("transmitted frames that are not counted are told nowhere, and others as ever", 60)
def test_uncounted(t, lab):
    """tx = no."""
    journal = Journal(lab)
    lab.configure("[attach]\ntx = no\n")
    link = lab.veth()
    recorder = lab.record("v0", wrap=WITH_JOURNAL)
    recorder.wait_record()
    server = WebServer(lab)
    frames = [frame for frame in known_frames(22)[0] if len(frame) <= 1514]
    link.reversed().send(frames)
    sent, _ = link.send(frames)
    wait_for(lambda: server.get(REALTIME).json()["total_packets"] == sent, "all of them")
    snapshot, realtime, summary = lab.snapshot("v0"), server.get(REALTIME).json(), server.get(SUMMARY).json()
    t.equal([one["tx"] for one in (snapshot, lab.last_record("v0"), realtime, summary)], [None] * 4, "null in JSON")
    t.equal([one["without_tx"] for one in (realtime, summary)], [["v0"]] * 2, "by whose doing")
    one, = server.get(INTERFACES).json()["interfaces"]
    t.equal((one["tx_counted"], one["tx_program_id"]), (False, None), "not counted")
    t.ok(one["tx_reason"] and one["tx_reason"] == snapshot["tx_reason"], "and why", one["tx_reason"])
    history = server.get(f"{HISTORY}?from=-60&step=100ms&metrics=tx.packets,tx.l4.tcp.bits_per_s,rx.packets").json()["data"]
    t.ok(set(history[1]) == set(history[2]) == {None} and set(history[3]) != {None}, "in the history", history)
    body = server.get("/metrics").body.decode()
    t.equal({direction for _, direction, _ in exposed(body)}, {"rx"}, "no series in Prometheus")
    t.equal(re.findall(r"^sampler_tx_counted\{.*\} (.*)$", body, re.M), ["0"], "but one that says so")
    recorder.stop()
    wait_for(lambda: journaled(journal.entries())[0].get("SAMPLER_RX_PACKETS", 0) >= sent, "all in the journal")
    t.equal([field for field in journaled(journal.entries())[1] if "_TX_" in field], [], "no field in the journal")
    lines = [entry["MESSAGE"] for entry in journal.entries() if "SAMPLER_INTERVAL_NS" in entry]
    t.ok(lines and not [line for line in lines if " tx " in line], "no word in the lines", lines)
    journal.end()


laboratory.main()
