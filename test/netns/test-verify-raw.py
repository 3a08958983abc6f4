#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen --verify with raw frames: each one is known, and has to be counted, in each class, once.
"""
import os
import signal
import subprocess
from random import Random

import lab as laboratory
from frames import ARP, arp, eth, padded, write_pcap
from lab import scenario, wait_for
from raw import ENV, LOADGEN, MIX, Capture, Ends
from reports import valid
from servers import fill, holds_signals, interrupt
from verifying import PROMPT, WITHOUT_PRIVILEGE, lose_some
from web import PORT, WebServer

N = 1000000
ASKED = "192.0.2.1"  # of another link, over which the sampler is asked
SERVICES = "[services]\ndns = udp/53 tcp/53\nmany = tcp/7000-7019 udp/7010\n"


class Verified(Ends):
    """Ends with a recorder at one and a web service that the other can ask."""

    def __init__(self, lab, mode="native", interval="100ms", record=True, same_link=False, socket="packet"):
        super().__init__(lab, socket)
        link = self.link
        if not same_link:
            link = lab.veth("ask0", "ask1", peer_ns=self.link.peer_ns)
        lab.run("ip", "address", "add", f"{ASKED}/24", "dev", link.name, ns=link.ns)
        lab.run("ip", "address", "add", "192.0.2.2/24", "dev", link.peer, ns=link.peer_ns)
        if record:
            self.record("--mode", mode, interval=interval)
        self.web = WebServer(lab, "--listen", f"0.0.0.0:{PORT}", "--insecure-no-token", listen=False)

    def record(self, *argv, wrap=(), **options):
        self.recorder = self.lab.record("v0", *argv, log_interval=None, wrap=(*PROMPT, *wrap), **options)
        self.recorder.wait_record()

    def arguments(self, *argv):
        return self.options("--json", "--verify", f"http://{ASKED}:{PORT}/?interface=v0", *argv)

    def verify(self, *argv, **options):
        """Return: exit status, the report and its verification."""
        result = self.try_run(*self.arguments(*argv), **options)
        if not result.out:
            raise laboratory.Failure(f"no report: {result!r}")
        report = valid(result.out, "raw_report")
        return result.status, report, report["verify"]

    def start(self, *argv, stdout=subprocess.PIPE):
        return self.lab.spawn(LOADGEN, *self.arguments(*argv), ns=self.link.peer_ns, env=ENV,
                              stdout=stdout, stderr=subprocess.PIPE, text=True)


def rows(verify):
    return {row["name"]: row for row in verify["rows"]}


def check_exact(t, status, verify, name):
    t.equal((status, verify["verdict"], verify["reason"]), (0, "verified", None), f"{name}: verified")
    wrong = [row for row in verify["rows"] if not row["judged"] or row["sent"] != row["counted"]
             or any(row["difference"].values())]
    t.equal(wrong, [], f"{name}: each row is judged, and exact")


@scenario("a million mixed frames, native mode", 90, mode="native")
@scenario("a million mixed frames, skb mode", 90, mode="skb")
@scenario("by AF_XDP", 90, mode="native", socket="xdp", n=N // 4)
def test_million(t, lab, mode, socket="packet", n=N):
    lab.configure(SERVICES)
    ends = Verified(lab, mode, socket=socket)
    status, report, verify = ends.verify(
        "--mix", MIX, "--frame-size", "imix", "--flows", "1000", "--port", "70-89", "--frames", str(n),
        "--rate", "150000", "--burst", "16", seconds=80)
    t.equal((report["frames"]["sent"], report["frames"]["dropped"]), (n, 0), "all are sent, and none is lost")
    check_exact(t, status, verify, f"{n:,}")
    found = rows(verify)
    t.equal((found["all"]["counted"]["packets"], verify["allowed"]["packets"]), (n, 0), "to the frame")
    t.ok({"ipv4", "ipv6", "arp", "l3_other", "tcp", "udp", "icmp", "sctp", "l4_other", "vlan", "fragments",
          "malformed", "0-60", "508-1019", "1020-1514", "http"} <= set(found), "in all classes", sorted(found))


@scenario("services, tags and flags", 60)
def test_services(t, lab):
    lab.configure(SERVICES)
    ends = Verified(lab)
    for name, argv, services in (
            ("by destination", ("--mix", "tcp4 udp4", "--port", "7000-7029"), {"many"}),
            ("by source", ("--mix", "tcp4 udp4", "--port", "9", "--source-port", "53"), {"dns"}),
            ("destination first", ("--mix", "tcp4", "--port", "80", "--source-port", "443"), {"http"}),
            ("tags", ("--mix", "udp4", "--vlan", "7.100", "--port", "53"), {"dns"}),
            ("flags", ("--mix", "tcp4", "--tcp-flags", "syn+ack", "--port", "443"), {"https"})):
        status, _, verify = ends.verify(*argv, "--frames", "600", "--rate", "20000")
        check_exact(t, status, verify, name)
        t.equal({row["name"] for row in verify["rows"] if row["group"] == "services"}, services,
                f"{name}: the sampler has counted {services}, as its ports are")
    t.equal(rows(verify)["syn_ack"]["sent"]["packets"], 600, "flags are in it")


BYTES = bytes.fromhex("0001040506112a2b2c32333a3b3c84878b8c408060454f81a8ff")  # that mean something somewhere


def broken(frame, random):
    """The frame with some bytes changed, cut out, or put in: a tag, an extension header."""
    data = bytearray(frame)
    for _ in range(random.choice((0, 1, 1, 2, 3, 6))):
        at = random.randrange(12, min(len(data), 90))
        change = random.randrange(4)
        if change == 0:
            data[at] = random.choice(BYTES)
        elif change == 1:
            data[at] ^= 1 << random.randrange(8)
        elif change == 2:
            del data[max(20, at):]
        elif random.randrange(2):
            data[12:12] = random.choice((b"\x81\x00\x00\x05", b"\x88\xa8\x00\x07"))
        else:
            data[54:54] = bytes((random.choice((0, 43, 44, 51, 60)), random.randrange(3))) + bytes(6)
    return bytes(data)


@scenario("a capture of broken frames, native mode", 60, mode="native")
@scenario("a capture of broken frames, skb mode", 60, mode="skb")
def test_broken(t, lab, mode):
    """Both halves know the rules by a program of their own: they have to agree on what nobody has thought of."""
    lab.configure(SERVICES)
    ends = Verified(lab, mode)
    seen = Capture(ends.link)
    ends.run("--mix", MIX, "--frame-size", "60-200", "--port", "53-80", "--frames", "800", "--rate", "10000")
    frames, random, path = seen.frames(800), Random(8), f"{laboratory.RUN}/broken.pcap"
    write_pcap(path, [broken(random.choice(frames), random) for _ in range(15000)])
    report = ends.replay(path, "--rate", "20000", "--verify", f"http://{ASKED}:{PORT}/?interface=v0", seconds=50)
    check_exact(t, 0, report["verify"], "15,000")
    t.ok({"vlan", "fragments", "malformed", "sctp", "dns"} <= set(rows(report["verify"])), "in all classes")


@scenario("the sampler is asked over the same link", 60)
def test_same_link(t, lab):
    """Its questions are known to the frame as well, and in which size each is."""
    ends = Verified(lab, same_link=True)
    status, _, verify = ends.verify("--mix", "udp4 tcp4", "--frames", "5000", "--rate", "50000")
    check_exact(t, status, verify, "5,000")
    found = rows(verify)
    t.ok(verify["asked"]["packets"] >= 10, "there were questions", verify["asked"])
    t.equal(found["all"]["sent"]["packets"], 5000 + verify["asked"]["packets"], "which are among what was sent")
    t.equal((found["syn"]["sent"], found["fin"]["sent"]), (found["syn"]["counted"], found["fin"]["counted"]),
            "flag by flag")


@scenario("one in 1,000 is missed", 60, variant="misses", sign=-1)
@scenario("one in 1,000 is counted twice", 60, variant="doubles", sign=1)
def test_teeth(t, lab, variant, sign):
    ends = Verified(lab, record=False)
    t.equal(lab.attach_object(variant, "v0", "-g", "65534").out, "new\n", f"a program that {variant} is attached")
    ends.record(wrap=WITHOUT_PRIVILEGE)
    status, _, verify = ends.verify("--mix", "udp4", "--frames", "998", "--rate", "50000")
    check_exact(t, status, verify, "998 of 1,000")
    status, _, verify = ends.verify("--mix", "udp4", "--frames", "2", "--rate", "50000")
    t.equal((status, verify["verdict"]), (3, "differs"), "one single frame is found")
    t.equal({row["name"]: row["difference"]["packets"] for row in verify["rows"] if row["differs"]},
            {name: sign for name in ("all", "ipv4", "udp", "0-60")}, "in each of its classes")
    text = ends.try_run(*ends.options("--mix", "udp4", "--frames", "1000", "--rate", "50000", "--verify",
                                      f"http://{ASKED}:{PORT}/?interface=v0"))
    t.equal(text.status, 3, "in words as well")
    t.match(text.out, rf"\n  udp +1000 +{1000 + sign} +{'[+]' if sign > 0 else '-'}1 .* !\n", "in the table")
    t.match(text.err, r"error: verified, and it differs: all: 1000 frames were sent, \d+ counted", "as an error")


@scenario("what the link loses is missing", 90)
def test_lost(t, lab):
    ends = Verified(lab)
    lose_some(lab, ends.link)
    argv = ("--mix", "udp4", "--frame-size", "60:1 1514:1", "--rate", "20000")
    status, report, verify = ends.verify(*argv, "--frames", "60")
    check_exact(t, status, verify, "before the first is lost")
    status, report, verify = ends.verify(*argv, "--frames", "400")
    t.equal((status, verify["verdict"]), (3, "differs"), "exit status 3")
    large = rows(verify)["1020-1514"]
    t.ok(large["differs"] and large["difference"]["packets"] < 0, "large ones are missing", large)
    t.ok(not rows(verify)["0-60"]["differs"], "and no small ones")
    t.match("\n".join(verify["notes"]), "Fewer frames were counted than sent: they were lost", "which is told")


SHAPER = ("tbf", "rate", "400kbit", "burst", "2kb", "limit", "10mb")  # 50 frames of 1,000 bytes a second


@scenario("a shaper holds frames back for longer than a sampler's interval", 60)
def test_shaped(t, lab):
    ends = Verified(lab)
    ends.queue(*SHAPER)
    argv = ("--mix", "udp4", "--frame-size", "1000", "--bandwidth", "0", "--frames", "150")
    process = ends.start(*argv)
    out, err = process.communicate(timeout=60)
    check_exact(t, process.returncode, valid(out, "raw_report")["verify"], "150")
    t.match(err, r"(?m)^sampler-loadgen: waiting for what is still in the queue of p0$", "it says that it waits")


@scenario("a shaper below the interface does, too", 60)
@scenario("a shaper below the interface holds back what came by AF_XDP", 60, socket="xdp")
def test_shaped_below(t, lab, socket="packet"):
    """What is made on top of an interface has no queue: what its sockets have handed over is all there is to see."""
    ends = Verified(lab, socket=socket)
    ends.queue(*SHAPER)
    lab.run("ip", "link", "add", "link", "p0", "name", "above", "type", "macvlan", ns=ends.link.peer_ns)
    lab.run("ip", "link", "set", "above", "up", ns=ends.link.peer_ns)
    status, _, verify = ends.verify("--interface", "above", "--mix", "udp4", "--frame-size", "1000", "--bandwidth",
                                    "0", "--frames", "100")
    check_exact(t, status, verify, "100")


@scenario("a queue that nothing leaves", 60)
def test_stuck(t, lab):
    ends = Verified(lab)
    ends.queue("tbf", "rate", "8bit", "burst", "1500b", "limit", "10mb")
    status, report, verify = ends.verify("--mix", "udp4", "--frame-size", "1000", "--bandwidth", "0", "--frames", "20")
    t.equal((status, verify["verdict"]), (3, "differs"), "nobody waits for ever")
    t.match("\n".join(report["notes"]), r"In the queue of p0 are still \d+ frames, ", "it is told")


@scenario("others keep the queue filled", 60)
def test_filled(t, lab):
    ends = Verified(lab)
    ends.queue(*SHAPER)
    other = lab.spawn(LOADGEN, *ends.options("--mix", "udp4", "--frame-size", "1000", "--bandwidth", "0", "--duration",
                                             "60s", "-q"), ns=ends.link.peer_ns, env=ENV, stdout=subprocess.DEVNULL)
    wait_for(lambda: ends.link.stats().rx_packets > 20, "its frames")
    status, _, verify = ends.verify("--mix", "tcp4", "--frames", "20", "--rate", "1000", "--verify-others", "yes")
    t.equal((status, verify["verdict"], rows(verify)["tcp"]["counted"]["packets"]), (0, "verified", 20),
            "the run's own are waited for, and nobody's else for ever")
    t.equal(other.poll(), None, "who goes on")
    other.kill()
    other.wait()


@scenario("interrupted while a queue empties", 90)
def test_shaped_interrupted(t, lab):
    ends = Verified(lab)
    ends.queue("tbf", "rate", "16kbit", "burst", "2kb", "limit", "10mb")  # two frames a second
    process = ends.start("--mix", "udp4", "--frame-size", "1000", "--bandwidth", "0", "--frames", "80")
    wait_for(lambda: "waiting" in process.stderr.readline(), "the wait")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20 * laboratory.tap.SLOWNESS)
    t.equal((process.returncode, valid(out, "raw_report")["verify"]["verdict"]), (130, "unknown"), "SIGINT ends the wait")


@scenario("another frame on the link", 60)
def test_others(t, lab):
    ends = Verified(lab)
    for others, want in (("no", (3, "differs")), ("yes", (0, "verified"))):
        before = ends.link.stats().rx_packets
        process = ends.start("--mix", "udp4", "--rate", "500", "--frames", "500", "--verify-others", others)
        wait_for(lambda: ends.link.stats().rx_packets > before + 10, "the run")
        ends.link.send([padded(eth(ARP, arp()), 60)] * 3)
        out, _ = process.communicate(timeout=60)
        verify = valid(out, "raw_report")["verify"]
        t.equal((process.returncode, verify["verdict"]), want, f"verify_others = {others}: three frames of ARP more")
        found = rows(verify)["arp"]
        t.equal((found["sent"]["packets"], found["counted"]["packets"]), (0, 3), f"{others}: they are in the table")
        t.equal("More was counted than sent" in "\n".join(verify["notes"]), others == "no", f"{others}: and told")


@scenario("interrupted", 60)
def test_signals(t, lab):
    ends = Verified(lab, interval="500ms")
    argv = ("--mix", "udp4", "--rate", "500", "--frames", "100000")
    process = ends.start(*argv)
    wait_for(lambda: holds_signals(process), "its start")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    t.equal((process.returncode, out), (130, ""), "before the run: nothing is told")
    t.match(err, "warning: interrupted before anything was sent", "but that")
    before = ends.link.stats().rx_packets
    process = ends.start(*argv)
    wait_for(lambda: ends.link.stats().rx_packets > before + 100, "the run")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    report = valid(out, "raw_report")
    t.equal((process.returncode, report["ended"]), (143, "SIGTERM"), "in the run: it ends")
    check_exact(t, 0, report["verify"], "what was sent until then")
    t.ok(report["verify"]["rows"][0]["sent"]["packets"] == report["frames"]["sent"] > 100, "all of it", report)


@scenario("nobody reads, and it is interrupted twice", 60)
def test_unread(t, lab):
    """What of the last second waits to be read comes before the sampler is asked."""
    ends = Verified(lab)
    reading, writing = os.pipe()
    process = ends.start("--rate", "500", "--frames", "100000", "--json=/dev/null", stdout=writing)
    for least in (1, 200):  # the header is written; then there is something to tell of
        before = ends.link.stats().rx_packets
        wait_for(lambda: ends.link.stats().rx_packets >= before + least, "the run")
        if least == 1:
            fill(writing)
    t.equal(interrupt(process), -signal.SIGINT, "the second signal ends the program")
    os.close(reading)
    os.close(writing)


laboratory.main()
