#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Whatever of samplerd is killed, and whenever: the program goes on counting, no frame is lost or
counted twice, no record is torn, and a clean stop afterwards leaves nothing.
"""
import os
import signal

import lab as laboratory
from frames import ACK, IPV4, IPV6, TCP, UDP, eth, ipv4, ipv6, tcp, udp
from lab import PINS, Traffic, scenario

N_KILLS = 10
SIZES = (60, 590, 1514)
FRAMES = [
    eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 6))),
    eth(IPV6, ipv6(UDP, udp(1, 2, b"y" * 528))),
    eth(IPV4, ipv4(TCP, tcp(443, 40000, ACK, b"z" * 1460))),
]
assert tuple(map(len, FRAMES)) == SIZES


def totals(record):
    return record["rx"]["packets"], record["rx"]["bytes"]


def process_names():
    """Names of all processes in this network namespace."""
    found, here = [], os.stat("/proc/self/ns/net").st_ino
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino == here:
                with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                    found.append(file.read().strip())
        except OSError:
            pass
    return found


def samplers():
    return [name for name in process_names() if name.startswith("samplerd")]


def torn(records):
    """
    Records that cannot be: every frame has one of three sizes, and they come in turn. A read may
    meet a frame in flight on each CPU, hence the slack.
    """
    slack = len(FRAMES) + os.cpu_count()
    found = []
    for older, newer in zip(records, records[1:]):
        packets = [totals(r)[0] for r in (older, newer)]
        size = totals(newer)[1] - totals(older)[1]
        n = packets[1] - packets[0]
        l3 = sum(c["packets"] for c in newer["rx"]["l3"].values())
        if (n < 0 or newer["boottime_ns"] <= older["boottime_ns"] or
                newer["record"] <= older["record"] or l3 != packets[1] or
                abs(size - n * sum(SIZES) / len(SIZES)) > slack * max(SIZES)):
            found.append((older["record"], newer["record"], n, size))
    return found


@scenario("killed ten times under traffic, native mode", 60, mode="native")
@scenario("killed ten times under traffic, skb mode", 60, mode="skb")
def test_kill_recorder(t, lab, mode):
    link = lab.veth("v0")
    recorder = lab.record("v0", "--mode", mode)
    recorder.wait_record()
    first = lab.snapshot("v0")
    traffic = Traffic(link, FRAMES)
    gone, adopted = [], []
    for n in range(N_KILLS):
        laboratory.until_after(recorder.wait_record(), 0.013 * n)  # another moment between two ticks each time
        recorder.kill()
        laboratory.wait_for(lambda: not samplers(), "the privileged child's end")
        gone.append((link.state().prog_id, bool(lab.pins())))
        recorder = lab.record("v0", "--mode", mode)
        adopted.append(bool(recorder.wait_log("was attached already")))
    recorder.wait_record()
    sent = traffic.stop()
    t.note(f"{sent[0]} frames, {sent[1]} bytes")
    t.equal(gone, [(first["program"]["id"], True)] * N_KILLS,
            "ten times the child died with it, the program and the pins stayed")
    t.equal(adopted, [True] * N_KILLS, "and was adopted by the next recorder")
    snapshot = lab.snapshot("v0")
    t.equal(snapshot["epoch"], first["epoch"], "all in one epoch")
    t.equal(totals(snapshot), sent, "not one frame is lost or counted twice in the map")
    laboratory.wait_for(lambda: totals(lab.last_record("v0"))[0] >= sent[0], "the last record")
    records = lab.history("v0")
    t.equal(totals(records[-1]), sent, "nor in the history")
    t.equal(link.stats().rx_packets, sent[0], "the interface's own counter agrees")
    t.equal(torn(records), [], f"none of {len(records)} records is torn or out of order")
    t.equal({r["epoch"] for r in records}, {1}, "all records are of one epoch")
    t.equal(recorder.stop(), 0, "the last recorder ends well")
    t.equal((link.state().prog_id, lab.pins(), samplers()), (0, [], []),
            "and leaves no program, no pin, no process")
    again = lab.history("v0")
    t.equal(totals(again[-1]), sent, "the history stays")


def moments(lab, n):
    """Moments of a recorder's start, until its first record: how long it and its child have had a CPU by then."""
    recorder = lab.record("v0")
    recorder.wait_record()
    whole = laboratory.cpu_s(recorder.pid)
    recorder.stop()
    return [0.8 * whole * i / n for i in range(n)]  # of one that needs less as well, which then has its ticks alone


@scenario("killed at any moment of its start", 90)
def test_kill_start(t, lab):
    """Killed during attach and start: what is left is either nothing or what the next adopts."""
    link = lab.veth("v0")
    wrong, adopted = [], []
    for moment in moments(lab, 8):
        recorder = lab.record("v0")
        laboratory.until_run(recorder.process, moment)
        recorder.kill()
        recorder = lab.record("v0")  # waits for the killed one's privileged child, which has the interface until then
        recorder.wait_record()
        adopted.append("was attached already" in recorder.log())
        before = lab.snapshot("v0")["rx"]["packets"]
        sent = link.send(FRAMES)
        counted = lab.snapshot("v0")["rx"]["packets"] - before
        status = recorder.stop()
        left = link.state().prog_id, lab.pins(), samplers()
        if (counted, status, left) != (sent[0], 0, (0, [], [])):
            wrong.append((moment, counted, status, left, recorder.log()))
    t.equal(wrong, [], "the next one counts exactly, ends well, and leaves nothing")
    t.ok(any(adopted), "whatever it finds", adopted)


@scenario("interrupted at any moment of its start", 90)
def test_interrupt_start(t, lab):
    """Ctrl-C, which the foreground's whole group gets, before the recorder has settled in."""
    link = lab.veth("v0")
    left, statuses = [], set()
    for moment in moments(lab, 16):
        recorder = lab.record("v0")
        laboratory.until_run(recorder.process, moment)
        for child in recorder.children():
            os.kill(child, signal.SIGINT)
        statuses.add(recorder.stop(signal.SIGINT))
        laboratory.wait_for(lambda: not samplers(), "the privileged child's end")
        if link.state().prog_id or lab.pins():
            left.append(f"after {moment} s: {link.state().prog_id} {lab.pins()}\n{recorder.log()}")
            lab.samplerd("--detach", "v0")
    t.ok(not left, "never is anything left attached or pinned", f"{len(left)} times:\n{left[:1]}")
    t.ok(statuses <= {0, -signal.SIGINT}, "it ends with 0, or by the signal", statuses)


@scenario("the privileged child is killed")
def test_kill_child(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    child, = recorder.children()
    os.kill(child, signal.SIGKILL)
    sent = link.send(FRAMES * 50)
    recorder.wait_record()
    laboratory.wait_for(lambda: totals(lab.last_record("v0")) == sent, "the frames in the history")
    t.ok(recorder.running(), "the recorder goes on")
    recorder.stop()
    t.match(recorder.log(), r"error: v0: not detached \(samplerd --detach v0\): the privileged",
            "at the end it says that it cannot detach, and how to")
    t.ok(link.state().prog_id, "the program counts on")
    lab.run(laboratory.SAMPLERD, "--detach", "v0")
    t.equal((link.state().prog_id, lab.pins()), (0, []), "that command detaches")


@scenario("the whole group is killed at once")
def test_kill_group(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    for pid in recorder.children() + [recorder.pid]:
        os.kill(pid, signal.SIGKILL)
    recorder.wait()
    sent = link.send(FRAMES * 50)
    t.equal(totals(lab.snapshot("v0")), sent, "the program counts on")
    recorder = lab.record("v0")
    recorder.wait_record()
    t.equal(totals(lab.last_record("v0")), sent, "and the next recorder has it all")
    t.match(recorder.log(), "was attached already", "by adoption")
    t.equal(recorder.stop(), 0, "and ends well")


@scenario("killed in the middle of a detach")
def test_kill_detach(t, lab):
    """Whatever --detach has done before it died, the next one does the rest."""
    link = lab.veth("v0")
    for n in range(12):
        lab.attach("v0")
        process = lab.spawn(laboratory.SAMPLERD, "--detach", "v0", stderr=-3)
        laboratory.until_run(process, 0.0005 * n)
        process.kill()
        process.wait()
        result = lab.samplerd("--detach", "v0")
        if result.status or link.state().prog_id or lab.pins():
            t.ok(False, "the next --detach completes it",
                 f"{result!r}\n{link.state()}\n{lab.pins()}")
            return
    t.ok(True, "the next --detach completes it")
    t.ok(not os.path.exists(PINS) or not os.listdir(PINS), "nothing is left pinned")


@scenario("killed in the middle of an attach", 60)
def test_kill_attach(t, lab):
    """Under traffic: an attach that died half way is completed by the next, and counts on."""
    link = lab.veth("v0")
    wrong = []
    for n in range(20):
        process = lab.spawn(laboratory.SAMPLERD, "--user", laboratory.USER, "--attach", "v0",
                            stderr=-3)
        laboratory.until_run(process, 0.0025 * n)
        process.kill()
        process.wait()
        result = lab.samplerd("--attach", "v0")
        if result.status:
            wrong.append(f"after {2.5 * n} ms: {result!r}")
            break
        before = lab.snapshot("v0")["rx"]["packets"]
        sent = link.send(FRAMES)
        if lab.snapshot("v0")["rx"]["packets"] - before != sent[0]:
            wrong.append(f"after {2.5 * n} ms: wrong count")
        if n % 2:
            lab.samplerd("--detach", "v0")
    t.equal(wrong, [], "the next --attach completes it")
    result = lab.samplerd("--detach", "v0")
    t.equal((result.status, link.state().prog_id, lab.pins()), (0, 0, []), "--detach cleans up")


laboratory.main()
