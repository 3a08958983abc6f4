#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
One table of metrics, many places that tell of it: snapshot, history, the API, its stream and its description,
Prometheus, the journal and the manual. Each has every metric and no other, in the units that it has, with one value.
"""
import os
import re

import lab as laboratory
from certificates import Pair
from journal import WITH_JOURNAL, Journal
from known import N_FRAMES, SERVICES, flat, known_frames
from lab import Failure, scenario, wait_for
from openapi import PATH, Description
from streams import Stream
from web import HISTORY, REALTIME, WebServer

README = os.path.join(laboratory.HERE, "../../README.md")
MANUAL = os.path.join(laboratory.HERE, "../../packaging/man/sampler.7.in")
RATES = {"packets": "packets_per_s", "bytes": "bits_per_s"}
JOURNAL_RATES = {"PACKETS": "PPS", "BYTES": "BPS"}
NOT_COUNTERS = {"SAMPLER_INTERFACE", "SAMPLER_INTERVAL_NS"}
NAME = "name"  # of a service, in the manual


def metrics_of(rx):
    """What an object of the API or of samplerd says. Return: {(place, unit): value}, rates left out."""
    found = {}
    for path, value in flat(rx).items():
        place, _, unit = path.rpartition(".")
        if unit in RATES:
            found[place, unit] = value
        elif unit not in RATES.values():
            found[path, "packets"] = value  # samplerd has the number alone where there are packets only
    return found


def rates_of(rx):
    """Return: {(place, unit)} of each rate."""
    units = {rate: unit for unit, rate in RATES.items()}
    paths = (path.rpartition(".") for path in flat(rx))
    return {(place, units[rate]) for place, _, rate in paths if rate in units}


def described(description):
    """Return: {(place, unit)} of the description of realtime's rx, without services but the two that are always there."""
    schemas = description.api["components"]["schemas"]
    found = set()

    def walk(schema, place):
        if "$ref" in schema:
            return walk(description.resolved(schema), place)
        if "anyOf" in schema:
            return walk(schema["anyOf"][0], place)
        for name, member in schema.get("properties", {}).items():
            if name in RATES:
                found.add((place, name))
            elif name not in RATES.values():
                walk(member, f"{place}.{name}".lstrip("."))
        return None

    walk(schemas["Direction"], "")
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
        place, unit = metric
        return f"SAMPLER_RX_{self._row(place)[0]}{unit.upper()}"

    def series(self, metric):
        place, unit = metric
        _, family, label = self._row(place)
        return f"sampler_{family}{unit}_total", label


def exposed(body):
    """What /metrics says. Return: {(series, label): value} of all counters of frames."""
    found = {}
    for name, labels, value in re.findall(r"^(sampler_\w+_total)\{([^}]*)\} (\S+)$", body, re.M):
        pairs = tuple(pair for pair in re.findall(r'(\w+)="([^"]*)"', labels) if pair[0] not in
                      ("interface", "netns", "direction"))
        if name.endswith(("packets_total", "bytes_total")):
            found[name, pairs] = int(value)
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
    for place, unit in metrics:
        names = [".".join(filter(None, ("rx", place, one))) for one in (unit, RATES[unit])]
        answer = server.get(f"{HISTORY}?interface=v0&metrics={','.join(names)}")
        if answer.status == 200 and answer.json()["columns"] == ["time", *names]:
            known.add((place, unit))
    return known


@scenario("each metric is everywhere, with one value", 90)
def test_everywhere(t, lab):
    journal = Journal(lab)
    lab.configure(SERVICES)
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0", wrap=WITH_JOURNAL)
    recorder.wait_record()
    server = WebServer(lab)
    frames, _ = known_frames(N_FRAMES)
    sent, _ = link.send(frames)
    wait_for(lambda: server.get(REALTIME).json()["total_packets"] == sent, "all of them")

    want = metrics_of(lab.snapshot("v0")["rx"])
    t.ok(len(want) > 40 and sum(map(bool, want.values())) > 40, "metrics, nearly all of which have counted", want)
    t.equal(metrics_of(lab.last_record("v0")["rx"]), want, "samplerd --history")
    rx = server.get(REALTIME).json()["rx"]
    t.equal((metrics_of(rx), rates_of(rx)), (want, set(want)), "realtime: totals, and a rate of each")
    stream = Stream(server)
    t.equal(metrics_of(stream.next().data["rx"]), want, "the stream")
    stream.close()
    t.equal(in_history(server, want), set(want), "history")
    own = {metric for metric in want if metric[0] in ("services.dns", "services.quic")}
    t.equal(described(Description(server.get(PATH).body.decode())), set(want) - own, "the description")

    names = Names()
    t.equal(names.places() ^ {place for place, _ in want},
            {f"services.{name}" for name in (NAME, "http", "https", "dns", "quic")}, "the manual")
    t.equal(exposed(server.get("/metrics").body.decode()), {names.series(metric): n for metric, n in want.items()},
            "Prometheus, by the manual's names")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    fields = {names.journal(metric): n for metric, n in want.items()}
    wait_for(lambda: journaled(journal.entries())[0].get("SAMPLER_RX_PACKETS", 0) >= sent, "all in the journal")
    sums, told = journaled(journal.entries())
    t.equal(sums, fields, "the journal, by the manual's names")
    rates = {re.sub(r"(PACKETS|BYTES)$", lambda unit: JOURNAL_RATES[unit[0]], field) for field in fields}
    t.equal(told, set(fields) | rates, "with a rate of each, and nothing else")
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
    """VLAN tags that the NIC takes off."""
    journal = Journal(lab)
    link = lab.veth()
    lab.run("ethtool", "-K", "v0", "rxvlan", "on")
    recorder = lab.record("v0", wrap=WITH_JOURNAL)
    recorder.wait_record()
    server = WebServer(lab)
    frames = [frame for frame in known_frames(22)[0] if len(frame) <= 1514]
    sent, _ = link.send(frames)
    wait_for(lambda: server.get(REALTIME).json()["total_packets"] == sent, "all of them")
    t.equal((lab.snapshot("v0")["rx"]["vlan"], lab.last_record("v0")["rx"]["vlan"],
             server.get(REALTIME).json()["rx"]["vlan"]), (None, None, None), "null in JSON")
    history = server.get(f"{HISTORY}?from=-60&step=100ms&metrics=rx.vlan.packets,rx.packets").json()["data"]
    t.ok(set(history[1]) == {None} and set(history[2]) != {None}, "in the history", history)
    t.ok("sampler_vlan" not in server.get("/metrics").body.decode(), "no series in Prometheus")
    recorder.stop()
    wait_for(lambda: journaled(journal.entries())[0].get("SAMPLER_RX_PACKETS", 0) >= sent, "all in the journal")
    t.equal([field for field in journaled(journal.entries())[1] if "VLAN" in field], [], "no field in the journal")
    journal.end()


laboratory.main()
