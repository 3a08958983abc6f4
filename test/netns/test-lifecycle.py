#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What happens to a link, a configuration, a clock or a program while it is recorded: no crash, no
rate that never was, a new epoch exactly where counters start anew.
"""
import json
import os
import re
import signal
import time

import lab as laboratory
from frames import ACK, IPV4, TCP, UDP, eth, ipv4, tcp, udp
from lab import OBJECTS, RUN, WALLCLOCK, Traffic, scenario, wait_for

FRAMES = [eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 60)))]
HOUR_NS = 3600 * 10**9
SECOND_NS = 10**9


def packets(record):
    return record["rx"]["packets"]


def pairs(records):
    """Neighbours of one epoch."""
    return [(a, b) for a, b in zip(records, records[1:]) if a["epoch"] == b["epoch"]]


def rates(records):
    """
    (packets per second, seconds) between neighbours, by CLOCK_BOOTTIME as every reader computes
    them.
    """
    times = [(b["boottime_ns"] - a["boottime_ns"]) / SECOND_NS for a, b in pairs(records)]
    return [((packets(b) - packets(a)) / seconds, seconds)
            for (a, b), seconds in zip(pairs(records), times)]


def logged(log):
    """Return: [(packets, seconds)] of all rate log lines."""
    return [(int(n), float(s))
            for n, s in re.findall(r"\((\d+) packets, \d+ bytes in ([\d.]+) s\)", log)]


def wait_recorded(lab, count, ifname="v0"):
    wait_for(lambda: packets(lab.last_record(ifname)) == count, f"{count} packets in the history")


def no_phantom(t, lab, most, name="no rate is negative, or above what was sent"):
    """Two ticks may be close to each other when one was late: there only the sign tells."""
    found = rates(lab.history("v0"))
    t.ok(all(0 <= rate and (rate <= most or seconds < 0.05) for rate, seconds in found), name,
         [r for r in found if r[0]])


# ---- links ----

@scenario("link down and up")
def test_down_up(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    total = 0
    for _ in range(3):
        total += link.send(FRAMES * 200)[0]
        wait_recorded(lab, total)
        lab.run("ip", "link", "set", "v0", "down")
        recorder.wait_record()
        lab.run("ip", "link", "set", "v0", "up")
    total += link.send(FRAMES * 200)[0]
    wait_recorded(lab, total)
    t.ok(recorder.running(), "the recorder goes on")
    t.equal({r["epoch"] for r in lab.history("v0")}, {1}, "in one epoch")
    no_phantom(t, lab, 200 / 0.05)
    t.equal(recorder.stop(), 0, "and ends well")
    t.equal(sum(n for n, _ in logged(recorder.log())), total, "the rate log adds up")
    t.ok("error" not in recorder.log(), "without an error", recorder.log())


@scenario("renamed")
def test_rename(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    sent, _ = link.send(FRAMES * 100)
    wait_recorded(lab, sent)
    lab.run("ip", "link", "set", "v0", "down")
    lab.run("ip", "link", "set", "v0", "name", "w0")
    t.equal(recorder.wait(), 0, "the recorder ends with status 0")
    t.match(recorder.log(), "v0 is now called w0: ending", "and says why")
    t.equal((lab.ns.netlink.link("w0").prog_id, lab.pins()), (0, []), "nothing is left on it")
    t.equal(packets(lab.last_record("v0")), sent, "the history of the old name stays")


@scenario("deleted")
def test_delete(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    sent, _ = link.send(FRAMES * 100)
    wait_recorded(lab, sent)
    lab.run("ip", "link", "del", "v0")
    t.equal(recorder.wait(), 0, "the recorder ends with status 0")
    t.match(recorder.log(), "v0 is gone .*: ending", "and says why")
    t.equal(lab.pins(), [], "no pin is left")
    link = lab.veth("v0", peer="p1")
    recorder = lab.record("v0")
    recorder.wait_record()
    more, _ = link.send(FRAMES * 7)
    wait_recorded(lab, more)
    records = lab.history("v0")
    t.equal({r["epoch"] for r in records}, {1, 2}, "one of the same name is a new epoch")
    numbers = [r["record"] for r in records]
    t.equal(numbers, list(range(len(numbers))), "in the same history, numbered on")
    no_phantom(t, lab, 100 / 0.05)
    t.equal(recorder.stop(), 0, "and ends well")


@scenario("moved to another namespace")
def test_move(t, lab):
    lab.veth("v0")
    other = lab.namespace()
    recorder = lab.record("v0")
    recorder.wait_record()
    lab.run("ip", "link", "set", "v0", "netns", other.path)
    t.equal(recorder.wait(), 0, "the recorder ends with status 0")
    t.match(recorder.log(), "v0 is gone .*moved to another namespace", "and says why")
    t.equal(lab.pins(), [], "no pin is left")
    said = lab.attach("v0", ns=other)
    t.ok("attached" in said or "replaced" in said, "it can be attached there", said)
    t.equal(lab.samplerd("--detach", "v0", ns=other).status, 0, "and detached")
    t.equal((other.netlink.link("v0").prog_id, lab.pins()), (0, []), "nothing is left")


@scenario("detached under a running recorder, and attached again")
def test_detached(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0", log_interval="100ms")
    recorder.wait_record()
    sent, _ = link.send(FRAMES * 300)
    wait_recorded(lab, sent)
    lab.samplerd("--detach", "v0")
    recorder.wait_log(r"error: v0 is not attached: waiting")
    before = lab.last_record("v0")
    link.send(FRAMES * 100)
    woken = laboratory.wakeups(recorder.pid)  # by its ticks alone, now that there is nothing else to do
    wait_for(lambda: laboratory.wakeups(recorder.pid) >= woken + 5, "ticks without pins")
    t.equal(lab.last_record("v0")["record"], before["record"], "nothing is recorded without pins")
    t.equal(recorder.log().count("is not attached"), 1, "and that is said once")
    lab.attach("v0")
    recorder.wait_record()
    more, _ = link.send(FRAMES * 40)
    wait_recorded(lab, more)
    records = lab.history("v0")
    t.equal([r["epoch"] for r in records if r["record"] > before["record"]][0],
            before["epoch"] + 1, "then a new epoch begins")
    no_phantom(t, lab, 300 / 0.05)
    t.equal(recorder.stop(), 0, "the recorder ends well")
    t.equal(sum(n for n, _ in logged(recorder.log())), sent + more,
            "the rate log has what was counted, no more, no less")


@scenario("stopped and continued")
def test_stopped(t, lab):
    """SIGSTOP, as a suspend is for the process: a gap, neither a burst of records nor a rate."""
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    first, _ = link.send(FRAMES * 100)
    wait_recorded(lab, first)
    recorder.send_signal(signal.SIGSTOP)
    second, _ = link.send(FRAMES * 100)
    wait_for(lambda: recorder.status()["State"].startswith("T"), "it stands still")
    stopped_ns = lab.last_record("v0")["boottime_ns"]
    wait_for(lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) > stopped_ns + SECOND_NS, "a second without a record")
    recorder.send_signal(signal.SIGCONT)
    wait_recorded(lab, first + second)
    recorder.wait_record()
    records = lab.history("v0")
    gaps = [(b["boottime_ns"] - a["boottime_ns"]) / SECOND_NS for a, b in pairs(records)]
    t.ok(max(gaps) >= 1, "a gap of a second", gaps)
    intervals = [r["boottime_ns"] // (SECOND_NS // 10) for r in records[1:]]
    t.ok(len(intervals) - len(set(intervals)) <= 2, "and no burst after it", gaps)
    t.equal(packets(records[-1]), first + second, "nothing is lost")
    t.equal(recorder.stop(), 0, "the recorder ends well")


@scenario("ticks")
def test_ticks(t, lab):
    """Multiples of the interval on CLOCK_BOOTTIME, so that they do not drift."""
    lab.veth("v0")
    recorder = lab.record("v0")
    wait_for(lambda: len(lab.history("v0")) >= 25, "25 records")
    recorder.stop()
    interval = 10**8
    ticks = [r["boottime_ns"] for r in lab.history("v0")[1:-1]]  # not the first and last words
    late = [tick % interval for tick in ticks]
    for some in (late[:10], late[-10:]):  # a busy machine delays any of them, but hardly all
        t.ok(min(some) < interval / 10, "there are some within a tenth of the interval", late)
    numbers = [tick // interval for tick in ticks]
    t.ok(len(numbers) - len(set(numbers)) <= 2, "no interval has two but after a late one",
         numbers)
    t.ok(numbers[-1] - numbers[0] <= 2 * len(numbers), "most are there", numbers)


# ---- configuration ----

def newest(lab):
    """Return: the last record's number, whatever is wrong with the configuration."""
    said = lab.samplerd("--history", "--config-dir", lab.state_dir, "v0").out
    return json.loads(said.splitlines()[-1])["record"]


def reload(lab, recorder, text):
    """Change the file, tell the recorder. Return: what it said to that."""
    before = len(recorder.log())
    lab.configure(text)
    recorder.send_signal(signal.SIGHUP)
    wait_for(lambda: len(recorder.log()) > before, "an answer to SIGHUP")
    last = newest(lab)  # it may say several lines, all of them before the next tick
    wait_for(lambda: newest(lab) > last, "the next tick")
    return recorder.log()[before:]


@scenario("reload: times")
def test_reload_times(t, lab):
    base = "[sampler]\nlog_interval = 1d\n"
    lab.configure(base + "interval = 400ms\n")
    lab.veth("v0")
    recorder = lab.record("v0", interval=None, log_interval=None)
    recorder.wait_record()
    wait_for(lambda: len(lab.history("v0")) >= 4, "four records")
    said = reload(lab, recorder, base + "interval = 100ms\n")
    t.match(said, r"v0: interval = 100ms \(was 400ms\)", "it says what changed")
    before = lab.last_record("v0")["record"]
    wait_for(lambda: lab.last_record("v0")["record"] >= before + 8, "eight more records")
    records = lab.history("v0")
    slow = [b["boottime_ns"] - a["boottime_ns"] for a, b in pairs(records)
            if b["record"] < before]
    fast = sorted(b["boottime_ns"] - a["boottime_ns"] for a, b in pairs(records)
                  if a["record"] > before)
    t.ok(slow and max(slow) > 0.3 * SECOND_NS, "400 ms before", slow)
    t.ok(0.05 * SECOND_NS < fast[len(fast) // 2] < 0.3 * SECOND_NS, "100 ms after", fast)
    t.equal({r["epoch"] for r in records}, {1}, "in one epoch")
    said = reload(lab, recorder, "[sampler]\nlog_interval = 100ms\ninterval = 100ms\n")
    t.match(said, r"v0: log_interval = 100ms \(was 1d\)", "the log's interval as well")
    t.equal(recorder.stop(), 0, "it ends well")


@scenario("reload: services")
def test_reload_services(t, lab):
    dns = eth(IPV4, ipv4(UDP, udp(40000, 53, b"q" * 30)))
    quic = eth(IPV4, ipv4(UDP, udp(40000, 443, b"q" * 50)))
    times = "[sampler]\ninterval = 100ms\n[services]\n"
    lab.configure(times)
    link = lab.veth("v0")
    recorder = lab.record("v0", interval=None, log_interval="1d")
    recorder.wait_record()
    program = lab.snapshot("v0")["program"]

    def services():
        return {name: count["packets"]
                for name, count in lab.snapshot("v0")["rx"]["services"].items()}

    link.send([dns] * 3)
    said = reload(lab, recorder, times + "dns = udp/53 tcp/53\n")
    t.match(said, r"v0: dns = udp/53 tcp/53 \(was \)", "it says what is new")
    link.send([dns] * 10 + [quic] * 5)
    t.equal(services(), {"http": 0, "https": 0, "dns": 10}, "the new one counts from now on")
    reload(lab, recorder, times + "quic = udp/443\n")
    link.send([dns] * 7 + [quic] * 4)
    t.equal(services(), {"http": 0, "https": 0, "dns": 10, "quic": 4},
            "one that is taken out keeps its slot, the next one gets another")
    reload(lab, recorder, times + "quic = udp/443\ndns = udp/53\nhttp = udp/53000 tcp/80\n")
    link.send([dns] * 2 + [quic])
    t.equal(services(), {"http": 0, "https": 0, "dns": 12, "quic": 5},
            "and goes on when it is back")
    t.equal(lab.snapshot("v0")["program"], program, "all by the same program")
    t.equal({r["epoch"] for r in lab.history("v0")}, {1}, "in one epoch")
    t.equal(recorder.stop(), 0, "it ends well")


@scenario("reload: what needs a restart, what is wrong")
def test_reload_refused(t, lab):
    good = "[sampler]\ninterval = 100ms\n[attach]\nmode = native\npriority = 10\n"
    lab.configure(good)
    link = lab.veth("v0")
    recorder = lab.record("v0", interval=None, log_interval="1d")
    recorder.wait_record()
    before = lab.snapshot("v0")
    changed = good.replace("native", "skb").replace("10\n", "20\n")
    for told in ("told", "told again"):
        said = reload(lab, recorder, changed)
        t.match(said, r"warning: v0: mode = skb \(is native\) needs a restart", f"mode: {told}")
        t.match(said, r"warning: v0: priority = 20 \(is 10\) needs a restart", f"priority: {told}")
    t.equal((link.state().mode, lab.snapshot("v0")["program"]), ("native", before["program"]),
            "nothing of it is done")
    said = reload(lab, recorder, changed + "[web]\nlisten = 127.0.0.1:1\n")
    t.match(said, r"listen = 127.0.0.1:1 .* is sampler-web's", "whose a key of sampler-web is")
    said = reload(lab, recorder, good.replace("100ms", "5") + "[services]\ndns = udp/53\n")
    t.match(said, r"error: v0: not reloaded, all stays as it was: "
            rf"{lab.config_dir}/sampler.conf:2: interval = 5: expected",
            "a bad file is refused with line and reason")
    lab.configure(good)  # for --print
    t.ok("dns" not in lab.snapshot("v0")["rx"]["services"], "none of it is taken over")
    said = reload(lab, recorder, good + "[services]\nx = tcp/443\n")
    t.match(said, "not reloaded, all stays as it was: .*belongs to two services", "so is this one")
    lab.configure(good)
    sent, _ = link.send(FRAMES * 100)
    wait_recorded(lab, sent)
    t.equal({r["epoch"] for r in lab.history("v0")}, {1}, "and it goes on as before")
    t.equal(recorder.stop(), 0, "it ends well")
    t.equal(link.state().prog_id, 0, "and detaches")


@scenario("reload: many under traffic")
def test_reload_storm(t, lab):
    link = lab.veth("v0")
    lab.configure("[services]\nport = tcp/801 udp/91\n")
    recorder = lab.record("v0")
    recorder.wait_record()
    traffic = Traffic(link, FRAMES)
    for n in range(30):
        port = f"port = tcp/80{n % 7 + 1} udp/9{n % 5}"
        lab.configure(f"[services]\n{port}\n")
        recorder.send_signal(signal.SIGHUP)
        recorder.wait_log(rf"v0: {port} \(was ")
    sent, size = traffic.stop()
    snapshot = lab.snapshot("v0")["rx"]
    t.equal((snapshot["packets"], snapshot["bytes"]), (sent, size), "no frame is lost or doubled")
    t.equal(snapshot["services"]["http"]["packets"], sent, "nor any of a service that stays")
    wait_recorded(lab, sent)
    t.equal(recorder.stop(), 0, "it ends well")


# ---- clocks ----

@scenario("wall clock stepped by hours")
def test_wall_clock(t, lab):
    if not os.path.exists(WALLCLOCK):
        raise laboratory.Skip(f"no {WALLCLOCK}")
    offset = f"{RUN}/offset"

    def step(hours):
        with open(offset + ".new", "w", encoding="ascii") as file:
            file.write(str(hours * 3600))
        os.rename(offset + ".new", offset)
        recorder.wait_record()
        recorder.wait_record()

    with open(offset, "w", encoding="ascii") as file:
        file.write("0")
    link = lab.veth("v0")
    recorder = lab.record("v0", env={"LD_PRELOAD": WALLCLOCK, "WALLCLOCK_OFFSET": offset})
    recorder.wait_record()
    traffic = Traffic(link, FRAMES, rate=5000)
    for hours in (5, -7, 0, 24 * 365, 0):
        step(hours)
    sent, _ = traffic.stop()
    wait_recorded(lab, sent)
    t.equal(recorder.stop(), 0, "the recorder ends well")
    records = lab.history("v0")
    steps = [round(((b["realtime_ns"] - a["realtime_ns"]) -
                    (b["boottime_ns"] - a["boottime_ns"])) / HOUR_NS) for a, b in pairs(records)]
    t.equal([hours for hours in steps if hours], [5, -12, 7, 8760, -8760],
            "the recorder saw five steps of the wall clock")
    t.equal({r["epoch"] for r in records}, {1}, "in one epoch")
    gaps = [(b["boottime_ns"] - a["boottime_ns"]) / SECOND_NS for a, b in pairs(records)]
    t.ok(0 < min(gaps) and max(gaps) < HOUR_NS / SECOND_NS, "ticks come as before", gaps)
    no_phantom(t, lab, 5000 * 4, "no rate changes")
    lines = logged(recorder.log())
    t.equal(sum(n for n, _ in lines), sent, "the rate log adds up")
    t.ok(all(0 < seconds < HOUR_NS / SECOND_NS for _, seconds in lines), "over true intervals",
         lines)


# ---- health ----

@scenario("somebody takes the program off")
def test_taken_off(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0", log_interval="1d")  # so that the log ends with the error
    recorder.wait_record()
    traffic = Traffic(link, FRAMES, rate=5000)
    recorder.wait_record()
    t.equal(lab.samplerd("--verify-attached", "v0").status, 0, "--verify-attached: all is well")
    lab.run("ip", "link", "set", "dev", "v0", "xdp", "off")
    taken_ns = time.time_ns()
    recorder.wait_log(r"error: v0: degraded: no XDP program is attached to the interface; "
                      r"attach again: samplerd --attach v0")
    told_ns = recorder.log_time_ns()
    recorder.wait_record()
    ticks = [r["record"] for r in lab.history("v0") if taken_ns < r["realtime_ns"] <= told_ns]
    t.ok(len(ticks) <= 2, "an error with the remedy within two ticks", ticks)
    result = lab.samplerd("--verify-attached", "v0")
    t.ok(result.status == 1 and "is not on the interface any more" in result.err,
         "--verify-attached: status 1", result)
    recorder.wait_record()
    recorder.wait_record()
    t.equal(recorder.log().count("degraded"), 1, "said once")
    epoch = lab.snapshot("v0")["epoch"]
    lab.attach("v0")
    recorder.wait_log(r"v0: \w+ again")
    t.equal(lab.samplerd("--verify-attached", "v0").status, 0, "after the remedy all is well")
    t.equal(lab.snapshot("v0")["epoch"], epoch, "the counters go on")
    before = lab.snapshot("v0")["rx"]["packets"]
    recorder.wait_record()
    t.ok(lab.snapshot("v0")["rx"]["packets"] > before, "and count")
    traffic.stop()
    t.equal(recorder.stop(), 0, "the recorder ends well")
    t.equal((link.state().prog_id, lab.pins()), (0, []), "and leaves nothing")


@scenario("somebody takes our place")
def test_replaced(t, lab):
    link = lab.veth("v0")
    pin = f"{laboratory.BPFFS}/foreign"
    lab.run("bpftool", "prog", "load", f"{OBJECTS}/foreign.bpf.o", pin)
    recorder = lab.record("v0")
    recorder.wait_record()
    lab.run("ip", "link", "set", "dev", "v0", "xdp", "off")
    lab.run("bpftool", "net", "attach", "xdpdrv", "pinned", pin, "dev", "v0")
    foreign = link.state().prog_id
    recorder.wait_log(r"error: v0: degraded: .*(not on the interface any more|no XDP program)")
    t.equal(lab.samplerd("--verify-attached", "v0").status, 1, "--verify-attached: status 1")
    recorder.wait_record()
    t.equal(recorder.stop(), 0, "the recorder ends well")
    t.equal((link.state().prog_id, lab.pins()), (foreign, []), "and leaves the other one there")


@scenario("attached again, as configured")
def test_reattach(t, lab):
    lab.configure("[attach]\nreattach = yes\n")
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    epoch = lab.snapshot("v0")["epoch"]
    sent, _ = link.send(FRAMES * 100)
    wait_recorded(lab, sent)
    lab.run("ip", "link", "set", "dev", "v0", "xdp", "off")
    recorder.wait_log("v0: attached again, as configured")
    t.match(recorder.log(), "error: v0: degraded: ", "it is said to have been degraded")
    more, _ = link.send(FRAMES * 100)
    t.equal(lab.snapshot("v0")["rx"]["packets"], sent + more, "it counts again")
    t.equal(lab.snapshot("v0")["epoch"], epoch, "in the same epoch")
    t.equal(recorder.stop(), 0, "the recorder ends well")


@scenario("no false alarm")
def test_no_alarm(t, lab):
    """Silence, frames that come while the link goes down, a link without traffic for many ticks."""
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    for n in (0, 1500, 0, 3, 1500):
        link.send(FRAMES * n)
        recorder.wait_record(3)  # what two equal ticks make is looked at
    t.ok(not re.search("degraded|suspect", recorder.log()), "nothing is called degraded",
         recorder.log())
    t.equal(recorder.stop(), 0, "the recorder ends well")


# ---- where the history is ----

@scenario("no room for the history")
def test_no_room(t, lab):
    link = lab.veth("v0")
    os.mkdir(f"{RUN}/small")
    lab.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", f"{RUN}/small")
    result = lab.samplerd("--state-dir", f"{RUN}/small", "v0")
    t.ok(result.status == 1 and "No space left" in result.err and
         result.err.count("error: ") == 1, "it says so, and ends with status 1", result)
    t.equal((link.state().prog_id, lab.pins(), os.listdir(f"{RUN}/small")), (0, [], []),
            "and leaves neither a program, nor a pin, nor a file")
    result = lab.samplerd("--state-dir", f"{RUN}/no/such/folder", "v0")
    t.ok(result.status == 1 and f"{RUN}/no/such/folder" in result.err,
         "a folder that cannot be made", result)
    t.equal((link.state().prog_id, lab.pins()), (0, []), "leaves nothing either")
    recorder = lab.record("v0", "--state-dir", f"{RUN}/new")
    recorder.wait_log("attached")
    wait_for(lambda: os.path.exists(f"{RUN}/new/{lab.key('v0')}.hist"), "the history")
    t.equal(os.stat(f"{RUN}/new").st_mode & 0o7777, 0o750, "one that can be made is made")
    t.equal(recorder.stop(), 0, "and used")


@scenario("purge")
def test_purge(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    result = lab.samplerd("--purge", "v0")
    t.ok(result.status == 4 and f"pid {recorder.pid}" in result.err, "refused while it is recorded",
         result)
    link.send(FRAMES)
    recorder.stop()
    t.ok(lab.history("v0"), "detaching does not delete it")
    t.equal(lab.samplerd("--purge", "v0").status, 0, "--purge does")
    t.equal(os.listdir(lab.state_dir), [], "and nothing is left")


@scenario("a start that fails leaves no history")
def test_failed_start(t, lab):
    lab.veth("v0")
    result = lab.samplerd("--pin-dir", "/run/no-bpffs", "v0")
    t.equal((result.status, os.listdir(lab.state_dir)), (5, []), "without a bpffs")
    lab.run("ip", "link", "set", "v0", "xdp", "object", f"{laboratory.OBJECTS}/foreign.bpf.o",
            "section", "xdp")
    result = lab.samplerd("v0")
    t.equal((result.status, [name for name in os.listdir(lab.state_dir) if "lock" not in name]),
            (4, []), "where the interface is busy")


laboratory.main()
