#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Known frames are found exactly, in every place that tells of them: the map, the history, the rate
log, the journal; and the interface's own counter agrees.
"""
import collections
import glob
import json
import os
import re
import shutil
import time

import lab as laboratory
from frames import (ACK, ARP, FIN, FRAGMENT, HOPOPTS, ICMP, ICMPV6, IPV4, IPV6, LLDP, QINQ, RST,
                    SCTP, SYN, TCP, UDP, VLAN, arp, eth, extension, fragment, icmp, icmpv6, ipv4,
                    ipv6, lldp, llc_stp, padded, sctp, tags, tcp, udp)
from lab import scenario

N_FRAMES = 10007  # prime: a multiple of no batch, ring or interval
SERVICES = "[services]\ndns = udp/53 tcp/53\nquic = udp/443\n"
JOURNALD = "/lib/systemd/systemd-journald"


def text(size):
    return bytes(n * 7 & 0xFF for n in range(size))


# What one frame is and in which counters it has to be found, besides the total and its size.
KNOWN = [
    (padded(eth(IPV4, ipv4(TCP, tcp(40000, 80, SYN))), 60), "l3.ipv4 l4.tcp services.http", "syn"),
    (eth(IPV4, ipv4(TCP, tcp(80, 40000, SYN | ACK))), "l3.ipv4 l4.tcp services.http", "syn_ack"),
    (eth(IPV4, ipv4(TCP, tcp(443, 40000, ACK, text(1460)))), "l3.ipv4 l4.tcp services.https", ""),
    (eth(IPV6, ipv6(TCP, tcp(40000, 443, FIN | ACK))), "l3.ipv6 l4.tcp services.https", "fin"),
    (eth(IPV4, ipv4(TCP, tcp(40000, 81, RST, text(100)))), "l3.ipv4 l4.tcp", "rst"),
    (eth(IPV4, ipv4(UDP, udp(40000, 53, text(40)))), "l3.ipv4 l4.udp services.dns", ""),
    (eth(IPV6, ipv6(UDP, udp(443, 40000, text(1200)))), "l3.ipv6 l4.udp services.quic", ""),
    (eth(IPV6, ipv6(HOPOPTS, extension(UDP, udp(5, 6, text(9))))), "l3.ipv6 l4.udp", ""),
    (eth(IPV6, ipv6(HOPOPTS, extension(UDP, udp(9, 53)), length=0)),  # as of a jumbogram
     "l3.ipv6 l4.udp services.dns", ""),
    (eth(IPV4, ipv4(ICMP, icmp(text(500)))), "l3.ipv4 l4.icmp", ""),
    (eth(IPV6, ipv6(ICMPV6, icmpv6(text(8000)))), "l3.ipv6 l4.icmp", ""),
    (eth(IPV4, ipv4(SCTP, sctp(payload=text(3000)))), "l3.ipv4 l4.sctp", ""),
    (eth(IPV4, ipv4(47, text(8900))), "l3.ipv4 l4.l4_other", ""),
    (eth(IPV4, ipv4(UDP, text(64), offset=185)), "l3.ipv4 l4.udp fragments", ""),
    (eth(IPV6, ipv6(FRAGMENT, fragment(TCP, text(64), offset=9))), "l3.ipv6 l4.tcp fragments", ""),
    (eth(*tags(IPV4, ipv4(TCP, tcp(80, 9)), VLAN)), "l3.ipv4 l4.tcp services.http vlan", ""),
    (eth(*tags(IPV6, ipv6(UDP, udp(53, 9)), QINQ, VLAN)), "l3.ipv6 l4.udp services.dns vlan", ""),
    (padded(eth(ARP, arp()), 60), "l3.arp", ""),
    (eth(LLDP, lldp()), "l3.l3_other", ""),
    (llc_stp(), "l3.l3_other", ""),
    (eth(IPV4, ipv4(TCP, ihl=4)), "l3.ipv4 l4.l4_other malformed", ""),
    (eth(IPV4, b""), "l3.ipv4 l4.l4_other malformed", ""),
]
SIZES = [(60, "0-60"), (123, "61-123"), (251, "124-251"), (507, "252-507"), (1019, "508-1019"),
         (1514, "1020-1514")]


def known_frames(n):
    """Return: (n frames, every counter after them by its path in the snapshot's rx)."""
    chosen = [KNOWN[i % len(KNOWN)] for i in range(n)]
    want = collections.Counter()
    for frame, places, flag in chosen:
        for place in places.split() + [""]:
            want[f"{place}.packets".lstrip(".")] += 1
            want[f"{place}.bytes".lstrip(".")] += len(frame)
        size = next((name for most, name in SIZES if len(frame) <= most), "1515-")
        want[f"sizes.{size}"] += 1
        if flag:
            want[f"tcp_flags.{flag}"] += 1
    return [frame for frame, _, _ in chosen], want


def flat(tree, path=""):
    """{"l3": {"ipv4": {"packets": 1}}} as {"l3.ipv4.packets": 1}."""
    if not isinstance(tree, dict):
        return {path: tree}
    found = {}
    for name, value in tree.items():
        found.update(flat(value, f"{path}.{name}".lstrip(".")))
    return found


def wrong_counters(rx, want):
    """Return: {path: (got, want)} of all that differ; want is 0 where nothing is said."""
    return {path: (value, want[path]) for path, value in flat(rx).items() if value != want[path]}


def logged(log):
    """Return: packets and bytes of all rate log lines, added up."""
    lines = re.findall(r"\((\d+) packets, (\d+) bytes in [\d.]+ s\)", log)
    return tuple(sum(int(line[i]) for line in lines) for i in (0, 1))


def totals(record):
    return record["rx"]["packets"], record["rx"]["bytes"]


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


@scenario("in pieces, with silence between", 60)
def test_pieces(t, lab):
    """Rate log lines are left out in silence, and none may take a frame with it."""
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0", log_interval="100ms")
    recorder.wait_record()
    frames, _ = known_frames(997)
    sent = [0, 0]
    for n in (1, 2, 3, 91, 900):
        piece = link.send(frames[:n])
        sent = [sent[0] + piece[0], sent[1] + piece[1]]
        laboratory.wait_for(lambda: totals(lab.last_record("v0"))[0] == sent[0], "in the history")
        time.sleep(0.35)  # silence of a few intervals is what this is about
    records = lab.history("v0")
    t.equal(totals(records[-1]), tuple(sent), "the history has each piece")
    numbers = [r["record"] for r in records]
    t.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "no record is missing")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    t.equal(logged(recorder.log()), tuple(sent), "the rate log adds up")


class Journal:
    """A systemd-journald of our own: /run is private, so are its sockets and files."""

    def __init__(self, lab):
        if not os.path.exists(JOURNALD):
            raise laboratory.Skip(f"no {JOURNALD}: systemd is not installed")
        if not os.path.exists("/etc/machine-id") or not os.path.getsize("/etc/machine-id"):
            raise laboratory.Skip("no /etc/machine-id, which journald needs")
        os.makedirs("/run/systemd/journal")
        os.makedirs("/run/log/journal")
        self._lab = lab
        with open("/run/journald-log", "w", encoding="ascii") as log:
            self.process = lab.spawn(JOURNALD, stdout=log, stderr=log)
        laboratory.wait_for(lambda: os.path.exists("/run/systemd/journal/socket"), "journald")

    def entries(self):
        """Return: samplerd's entries with fields, as dictionaries."""
        folder, = glob.glob("/run/log/journal/*")
        text = self._lab.run("journalctl", "-q", "-D", folder, "-o", "json", "--all",
                             "SAMPLER_INTERFACE=v0")
        return [json.loads(line) for line in text.splitlines()]

    def end(self):
        self.process.terminate()
        self.process.wait(5)
        shutil.rmtree("/run/log/journal")


@scenario("the journal's fields", 60)
def test_journal(t, lab):
    journal = Journal(lab)
    lab.configure(SERVICES)
    link = lab.veth("v0", mtu=9000)
    # systemd sets it to device and inode of standard error; only that it is set is looked at
    recorder = lab.record("v0", env={"JOURNAL_STREAM": "8:1"})
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
    entry = journal.entries()[0]
    t.equal(len(entry.get("MESSAGE_ID", "")), 32, "entries have a MESSAGE_ID")
    t.equal(entry.get("PRIORITY"), "6", "and are of level info")
    t.ok(int(entry.get("SAMPLER_INTERVAL_NS", 0)) > 0, "and have their interval", entry)
    t.match(recorder.log(), r"(?m)^<5>v0: attached", "other lines start with their level")
    journal.end()


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
