#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
A generated capture of mixed frames is replayed over veth, and every counter equals what tshark says
of the same capture.
"""
import os
import re
import shutil

import capture
import lab as laboratory
import oracle
from frames import read_pcap, write_pcap
from known import flat
from lab import RUN, scenario

SERVICES_CONFIG = "[services]\ndns = udp/53 tcp/53\nquic = udp/443\nalt = tcp/8000-8010 udp/8005\n"
SERVICES = {("tcp", 80): "http", ("tcp", 443): "https", ("tcp", 53): "dns", ("udp", 53): "dns",
            ("udp", 443): "quic", ("udp", 8005): "alt",
            **{("tcp", port): "alt" for port in range(8000, 8011)}}
RATE = 10000  # frames a second: far from what fills a veth's ring of 256
TRIES = 3
ROOM = 1600  # MTU for the largest frames behind two tags


def rx(lab):
    return flat(lab.snapshot("v0")["rx"])


def difference(after, before, want):
    """Return: {path: (counted, expected)} where they differ."""
    wrong = {}
    for path in sorted(after.keys() | want.keys()):
        counted = after.get(path, 0) - before.get(path, 0)
        if counted != want.get(path, 0):
            wrong[path] = (counted, want.get(path, 0))
    return wrong


def replay(t, lab, link, path, n):
    """
    Replay the capture with tcpreplay. The link itself may lose a frame when this machine is busy,
    which its own counters tell; then it is done again. Return: counters before.
    """
    for _ in range(TRIES):
        before, dropped, received = rx(lab), link.dropped(), link.stats().rx_packets
        out = lab.run("tcpreplay", "-q", "--preload-pcap", "--pps", str(RATE), "-i", link.peer,
                      path, ns=link.peer_ns, seconds=60)
        laboratory.wait_for(lambda: link.stats().rx_packets - received +
                            link.dropped() - dropped >= n, "the end of the replay")
        if link.dropped() == dropped:
            sent = int(re.search(r"Successful packets:\s+(\d+)", out)[1])
            t.equal(sent, n, "tcpreplay sent every frame")
            return before
        t.note(f"the link dropped {link.dropped() - dropped} frames: once more")
    raise laboratory.Failure(f"the link dropped frames {TRIES} times")


def culprits(lab, link, path, expected, most=3):
    """The first frames that are counted otherwise: in groups, then one by one."""
    frames, found = read_pcap(path), []

    def wrong(first, last):
        before = rx(lab)
        link.send(frames[first:last])
        return difference(rx(lab), before, oracle.counters(expected[first:last]))

    for first in range(0, len(frames), 200):
        if len(found) < most and wrong(first, first + 200):
            for n in range(first, min(first + 200, len(frames))):
                differs = wrong(n, n + 1)
                if differs and len(found) < most:
                    found.append(f"frame {n + 1}: {differs}\n  {frames[n][:120].hex()}")
    return "\n".join(found)


@scenario("24,000 mixed frames, native mode", 120, mode="native")
@scenario("24,000 mixed frames, skb mode", 120, mode="skb")
def test_differential(t, lab, mode):
    for tool in ("tcpreplay", "tshark"):
        if not shutil.which(tool):
            raise laboratory.Skip(f"{tool} is not installed")
    frames, path = capture.generate(), RUN + "/mixed.pcap"
    write_pcap(path, frames)
    expected = oracle.expectations(path, SERVICES)
    want = oracle.counters(expected)
    t.equal(len(expected), len(frames), f"tshark reads all {len(frames)} frames")
    lab.configure(SERVICES_CONFIG)
    link = lab.veth("v0", mtu=ROOM)
    lab.attach("v0", "--mode", mode)
    t.equal(lab.snapshot("v0")["mode"], mode, f"attached in {mode} mode")
    before = replay(t, lab, link, path, len(frames))
    after = rx(lab)
    wrong = difference(after, before, want)
    t.ok(not wrong, "every counter equals what tshark says",
         wrong and f"{wrong}\n{culprits(lab, link, path, expected)}")
    t.equal(set(want) - set(after), set(), "the snapshot has all that tshark knows of")
    unused = [path for path in after if not want.get(path)]
    t.equal(unused, [], "and no counter is left untried")


@scenario("the capture")
def test_capture(t, _):
    """What the comparison stands on: enough of everything, the same each time."""
    frames = capture.generate()
    t.ok(len(frames) >= 20000, "20,000 frames or more")
    t.ok(frames == capture.generate(), "the same for the same seed")
    t.ok(frames != capture.generate(seed=1), "others for another")
    sizes = {len(frame) for frame in frames}
    t.equal(set(capture.EDGES) - sizes, set(), "each edge of the size buckets")
    t.ok(min(sizes) == capture.SMALLEST and 1514 < max(sizes) <= 1522, "from 14 to 1,522 bytes",
         (min(sizes), max(sizes)))
    path = RUN + "/few.pcap"
    write_pcap(path, frames[:100])
    t.ok(read_pcap(path) == frames[:100], "a capture is read as it was written")
    os.unlink(path)


laboratory.main()
