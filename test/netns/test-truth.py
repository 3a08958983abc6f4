#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Known frames are found exactly, in every place that tells of them: the map, the history, the rate
log, the journal; and the interface's own counter agrees.
"""
import re

import lab as laboratory
from journal import WITH_JOURNAL, Journal
from known import N_FRAMES, SERVICES, known_frames, wrong_counters
from lab import scenario


def logged(log):
    """Return: packets and bytes of all rate log lines, added up."""
    lines = re.findall(r"\((\d+) packets, (\d+) bytes in [\d.]+ s\)", log)
    return tuple(sum(int(line[i]) for line in lines) for i in (0, 1))


def totals(record, direction="rx"):
    return record[direction]["packets"], record[direction]["bytes"]


@scenario("10,007 frames, native mode", 60, mode="native")
@scenario("10,007 frames, skb mode", 60, mode="skb")
def test_truth(t, lab, mode):
    lab.configure(SERVICES)
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0", "--mode", mode)
    recorder.wait_record()
    frames, want = known_frames(N_FRAMES)
    first, before = lab.history("v0")[0], link.stats()
    sent = link.send(frames)
    t.equal(sent, (N_FRAMES, want["bytes"]), "10,007 frames were sent")
    received = link.stats().rx_packets - before.rx_packets
    laboratory.wait_for(lambda: totals(lab.snapshot("v0"))[0] >= N_FRAMES, "all in the map")
    snapshot = lab.snapshot("v0")
    t.equal(snapshot["mode"], mode, f"attached in {mode} mode")
    t.equal(totals(snapshot), sent, "the map has exactly those, and exactly their bytes")
    t.equal(wrong_counters(snapshot["rx"], want), {},
            "every class, size, flag and service is exact")
    t.equal(received, N_FRAMES, "the interface's own rx_packets agrees")
    laboratory.wait_for(lambda: totals(lab.last_record("v0"))[0] == N_FRAMES, "the last record")
    last = lab.last_record("v0")
    t.equal((totals(last)[0] - totals(first)[0], totals(last)[1] - totals(first)[1]), sent,
            "the history's last record less its first has exactly those")
    t.equal(wrong_counters(last["rx"], want), {}, "every counter of the last record is exact")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    t.equal(logged(recorder.log()), sent, "the rate log adds up to exactly those")
    t.equal((link.state().prog_id, lab.pins()), (0, []), "no program and no pin is left")


def send_pieces(lab, link, sizes, direction="rx"):
    """So many known frames at a time. Yield: all packets and bytes so far, once they are in the history."""
    frames, _ = known_frames(max(sizes))
    sent = (0, 0)
    for n in sizes:
        packets, size = link.send(frames[:n])
        sent = (sent[0] + packets, sent[1] + size)
        laboratory.wait_for(lambda: totals(lab.last_record("v0"), direction)[0] == sent[0], "in the history")
        yield sent


@scenario("in pieces, with silence between", 60)
def test_pieces(t, lab):
    """Rate log lines are left out in silence, and none may take a frame with it."""
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0", log_interval="100ms")
    recorder.wait_record()
    for sent in send_pieces(lab, link, (1, 2, 3, 91, 900)):
        recorder.wait_record(4)
    records = lab.history("v0")
    t.equal(totals(records[-1]), sent, "the history has each piece")
    numbers = [r["record"] for r in records]
    t.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "no record is missing")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    t.equal(logged(recorder.log()), sent, "the rate log adds up")


@scenario("one direction alone is no silence")
def test_one_direction(t, lab):
    """What is transmitted while nothing comes has its lines as well."""
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0", log_interval="100ms")
    recorder.wait_record()
    *_, sent = send_pieces(lab, link.reversed(), (1, 5, 91), "tx")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    lines = re.findall(r"; tx [^()]*\((\d+) packets, (\d+) bytes\)", recorder.log())
    t.equal(tuple(sum(int(line[i]) for line in lines) for i in (0, 1)), sent, "its lines add up to all of it")
    t.equal(logged(recorder.log()), (0, 0), "with nothing received")


def wait_for_entry(journal, ifname, text):
    return laboratory.wait_for(
        lambda: next((e for e in journal.entries(ifname) if text in e["MESSAGE"]), None), text)


@scenario("the journal's fields", 60)
def test_journal(t, lab):
    journal = Journal(lab)
    lab.configure(SERVICES)
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0", wrap=WITH_JOURNAL)
    recorder.wait_record()
    frames, want = known_frames(N_FRAMES)
    sent = link.send(frames)
    laboratory.wait_for(lambda: totals(lab.last_record("v0"))[0] == N_FRAMES, "the last record")
    t.equal(recorder.stop(), 0, "the recorder ends well")

    def total(field):
        return sum(int(e.get(f"SAMPLER_RX_{field}", 0)) for e in journal.entries())

    laboratory.wait_for(lambda: total("PACKETS") >= N_FRAMES, "all in the journal")
    t.equal((total("PACKETS"), total("BYTES")), sent, "SAMPLER_RX_PACKETS and _BYTES add up")
    fields = {
        "IPV4": "l3.ipv4", "IPV6": "l3.ipv6", "ARP": "l3.arp", "L3_OTHER": "l3.l3_other",
        "TCP": "l4.tcp", "UDP": "l4.udp", "ICMP": "l4.icmp", "SCTP": "l4.sctp",
        "L4_OTHER": "l4.l4_other", "VLAN": "vlan", "FRAGMENTS": "fragments",
        "MALFORMED": "malformed", "SERVICE_HTTP": "services.http",
        "SERVICE_HTTPS": "services.https", "SERVICE_DNS": "services.dns",
        "SERVICE_QUIC": "services.quic",
    }
    got = {f: (total(f"{f}_PACKETS"), total(f"{f}_BYTES")) for f in fields}
    t.equal(got, {f: (want[f"{p}.packets"], want[f"{p}.bytes"]) for f, p in fields.items()},
            "each class and each service adds up")
    entry = next(e for e in journal.entries() if "SAMPLER_INTERVAL_NS" in e)
    t.equal(len(entry.get("MESSAGE_ID", "")), 32, "entries have a MESSAGE_ID")
    t.equal(entry.get("PRIORITY"), "6", "and are of level info")
    t.ok(int(entry.get("SAMPLER_INTERVAL_NS", 0)) > 0, "and have their interval", entry)
    attached = [e["PRIORITY"] for e in journal.entries() if e["MESSAGE"].startswith("v0: attached:")]
    t.equal((attached[:1], recorder.log()), (["5"], ""), "other lines are entries as well")
    lab.samplerd("--attach", "nope", wrap=WITH_JOURNAL)
    refused = wait_for_entry(journal, "nope", "no interface")
    t.equal((len(refused.get("MESSAGE_ID", "")), refused["PRIORITY"]), (32, "3"),
            "an error with a remedy has a MESSAGE_ID")
    journal.end()
    result = lab.samplerd("--attach", "nope", wrap=WITH_JOURNAL)
    t.match(result.err, r"^<3>no interface", "without a socket lines start with their level")
    result = lab.samplerd("--attach", "nope", env={"JOURNAL_STREAM": "8:1"})
    t.match(result.err, r"^samplerd: error: no interface",
            "where only somebody else's standard error is the journal, they are plain")


@scenario("teeth: one in 1,000 missed", variant="misses", count=9997)
@scenario("teeth: one in 1,000 doubled", variant="doubles", count=10017)
def test_teeth(t, lab, variant, count):
    """A program that is wrong about one frame in a thousand is found out."""
    link = lab.veth("v0", mtu=9000)
    result = lab.attach_object(variant, "v0")
    t.equal(result.out, "new\n", f"a program that {variant} is attached")
    frames, want = known_frames(N_FRAMES)
    sent = link.send(frames)
    snapshot = lab.snapshot("v0")
    t.ok(totals(snapshot) != sent and wrong_counters(snapshot["rx"], want), "that is noticed")
    t.equal(totals(snapshot)[0], count, "as the ten frames that they are")


laboratory.main()
