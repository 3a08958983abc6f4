# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Beside other XDP programs, through libxdp's dispatcher: every frame that reaches us is counted once,
whoever joins, leaves or is replaced.
"""
import itertools
import os
import re
import signal
import subprocess
import time

import guest
import tap
from guest import DISCARD, scenario, wait_for

import egress  # after guest, which says where things are

OURS = "sampler_rx"


def agree(t, machine, name, want, ifname="v0"):
    """The order is @want, and xdp-loader and the API tell the same of it."""
    chain = machine.chain(ifname)
    t.equal(list(chain), want, f"{name}: the order in which they run")

    def same():
        one, = [i for i in machine.get("/api/interfaces")[1]["interfaces"] if i["interface"] == ifname]
        told = {p["name"]: {"priority": p["priority"], "id": p["id"]} for p in one["chain"]}
        return told == chain and one["chained"] and one["health"]["state"] == "ok"

    try:
        t.ok(wait_for(same, "the API's chain"), f"{name}: the API agrees with xdp-loader")
    except guest.Failure as failure:
        t.ok(False, f"{name}: the API agrees with xdp-loader",
             f"{failure}\n{chain}\n{machine.get('/api/interfaces')}")


def exact(t, machine, link, name, n=997):
    t.equal(machine.counted("v0", link, n), (0, 0), f"{name}: each frame is counted once")


def begin(machine):
    """Return: a link that is sampled, with the web service at hand."""
    link = machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    return link


@scenario("alone")
def test_alone(t, machine):
    link = begin(machine)
    t.equal(list(machine.chain()), [OURS], "we are there, behind a dispatcher")
    agree(t, machine, "alone", [OURS])
    exact(t, machine, link, "alone", 10007)


def dropped(machine):
    """How many frames xdp-filter has dropped."""
    return int(re.search(r"XDP_DROP\s+(\d+) pkts", machine.run("xdp-filter", "status"))[1])


@scenario("sampler first, then xdp-filter")
def test_then_filter(t, machine):
    link = begin(machine)
    machine.run("xdp-filter", "load", "v0")
    machine.run("xdp-filter", "port", "9", "-m", "dst", "-p", "udp")
    agree(t, machine, "chained", [OURS, "xdpfilt_alw_all"])
    exact(t, machine, link, "what passes")
    before = machine.packets(), dropped(machine)
    link.send([DISCARD] * 500)
    t.equal(machine.packets() - before[0], 500, "frames that xdp-filter drops behind us are counted")
    t.equal(dropped(machine) - before[1], 500, "and it has dropped them")
    machine.run("xdp-filter", "unload", "v0")
    agree(t, machine, "it has left", [OURS])
    exact(t, machine, link, "it has left")


@scenario("xdp-filter first, then sampler")
def test_filter_first(t, machine):
    link = machine.veth()
    machine.run("xdp-filter", "load", "v0")
    machine.run("xdp-filter", "port", "9", "-m", "dst", "-p", "udp")
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    agree(t, machine, "chained", [OURS, "xdpfilt_alw_all"])
    exact(t, machine, link, "what passes")
    before = machine.packets()
    link.send([DISCARD] * 500)
    t.equal(machine.packets() - before, 500, "frames that it drops are counted: we are first")
    machine.stop("v0")
    t.equal(list(machine.chain()), ["xdpfilt_alw_all"], "stopped: it stays, and we are gone")
    before = dropped(machine)
    link.send([DISCARD] * 100)
    t.equal(dropped(machine) - before, 100, "and it works")
    machine.run("xdp-filter", "unload", "v0")


@scenario("a filter before us, and one behind us")
def test_drops(t, machine):
    link = begin(machine)
    for name, counted in (("drop_late", 300), ("drop_early", 0)):
        machine.load(name)
        before, hits = machine.packets(), machine.hits(name)
        link.send([DISCARD] * 300)
        t.equal((machine.packets() - before, machine.hits(name) - hits), (counted, 300),
                f"{name}: frames that it drops")
        exact(t, machine, link, f"{name}: frames that it lets pass")
    agree(t, machine, "both", ["drop_early", OURS, "drop_late"])


@scenario("two others, and each leaves in any order", 240)
def test_leave(t, machine):
    link = machine.veth()
    machine.systemctl("start", "sampler-web.socket")
    chosen, _ = guest.frames(300)
    for order in itertools.permutations(("early", OURS, "late")):
        for name in reversed(order):
            machine.start("v0") if name == OURS else machine.load(name)
        members = ["early", OURS, "late"]
        for gone in (None, *order):
            if gone == OURS:
                machine.systemctl("stop", "sampler@v0", "sampler-attach@v0")
            elif gone:
                machine.unload(gone)
            members = [name for name in members if name != gone]
            name = f"{', '.join(order)}: {gone} has left" if gone else f"before {', '.join(order)} leave"
            others_see_all(t, machine, link, name, members, chosen)
        t.equal(link.state().prog_id, 0, f"{', '.join(order)}: nothing is left on the interface")


def others_see_all(t, machine, link, name, members, chosen):
    """The chain is what @members says; each of them sees every frame."""
    others = [member for member in members if member != OURS]
    before = {other: machine.hits(other) for other in others}
    ours = machine.packets() if OURS in members else 0
    link.send(chosen)
    seen = {other: machine.hits(other) - n for other, n in before.items()}
    if OURS in members:
        agree(t, machine, name, members)
        seen[OURS] = machine.packets() - ours
    elif members:
        t.equal(list(machine.chain()), members, f"{name}: the order in which they run")
    t.equal(seen, dict.fromkeys(members, len(chosen)), f"{name}: each has seen every frame, once")


@scenario("restarted, reloaded and killed within a chain, under traffic", 120)
def test_units(t, machine):
    link = begin(machine)
    machine.load("early")
    machine.load("late")
    chain = machine.chain()
    start = machine.packets(), machine.hits("late")
    traffic = guest.lab.Traffic(link, guest.frames(50)[0], 1500)
    machine.systemctl("restart", "sampler@v0")
    machine.systemctl("reload", "sampler@v0")
    pid = machine.pid("sampler@v0")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: machine.pid("sampler@v0") not in (0, pid) and machine.is_active("sampler@v0"),
             "another recorder", 30)
    sent, _ = traffic.stop()
    t.ok(sent > 1000, "there was traffic", sent)
    t.equal((machine.packets() - start[0], machine.hits("late") - start[1]), (sent, sent),
            "no frame is lost")
    t.equal(machine.chain(), chain, "and nobody was detached: the same programs")
    agree(t, machine, "afterwards", ["early", OURS, "late"])


@scenario("somebody unloads everything", 90)
def test_unload_all(t, machine):
    link = begin(machine)
    machine.load("late")
    machine.explained(t, "sampler@v0", "CHAIN_CHANGED", r'joined the chain: "late".*after ours')
    wait_for(lambda: machine.get("/healthz")[0] == 200, "all well")
    machine.run("xdp-loader", "unload", "v0", "--all")
    gone_ns = time.time_ns()

    def told():
        return [e for e in machine.entries("sampler@v0") if "v0: degraded: " in e["MESSAGE"]]

    entry = wait_for(told, "degraded")[0]
    told_ns = int(entry["__REALTIME_TIMESTAMP"]) * 1000
    ticks = [r["record"] for r in machine.history("v0") if gone_ns < r["realtime_ns"] <= told_ns]
    t.ok(len(ticks) <= 2, "the journal says degraded within two ticks", ticks)
    line = entry["MESSAGE"]
    t.match(line, r"samplerd --attach v0", "and what to do")
    status, health = machine.get("/healthz")
    t.equal((status, health["checks"][0]["state"]), (503, "degraded"), "healthz agrees")
    machine.run(guest.lab.SAMPLERD, "--attach", "v0")
    exact(t, machine, link, "attached again")
    wait_for(lambda: "v0: counting again" in machine.journal("sampler@v0"), "the journal says so")
    t.equal(machine.get("/healthz")[0], 200, "attached again, all is well")


@scenario("one that knows no dispatcher")
def test_foreign(t, machine):
    machine.veth()
    machine.run("ip", "link", "set", "dev", "v0", "xdpdrv", "obj", f"{guest.PAYLOAD}/foreign.bpf.o",
                "sec", "xdp")
    result = machine.systemctl("start", "sampler@v0", check=False)
    t.ok(result.status, "cannot be joined")
    number, = re.findall(r"prog/xdp id (\d+)", machine.run("ip", "-d", "link", "show", "v0"))
    t.match(machine.journal("sampler-attach@v0"), rf"foreign.*{number}|{number}.*foreign",
            "the error has its name and id")
    machine.run("ip", "link", "set", "dev", "v0", "xdpdrv", "off")
    machine.systemctl("reset-failed")
    machine.start("v0")
    t.ok(machine.is_active("sampler@v0"), "without it all is well")


# ---- hand-over ----


@scenario("another program of ours takes over in a chain, under traffic", 180)
def test_handover(t, machine):
    link = begin(machine)
    machine.load("early")
    machine.load("late")
    start = machine.packets(), machine.hits("late")
    traffic = guest.lab.Traffic(link, guest.frames(50)[0], 1500)
    ids = {machine.chain()[OURS]["id"]}
    for n in range(8):
        if n % 2:
            t.equal(machine.attach("v0") and 0, 0, f"{n}: back to the installed one")
        else:
            result = machine.attach_object("other", "v0")
            t.equal((result.status, result.out), (0, "replaced\n"), f"{n}: another program")
        ids.add(machine.chain()[OURS]["id"])
    sent, _ = traffic.stop()
    counted = machine.packets() - start[0]
    t.equal(len(ids), 9, "each time it was another")
    t.ok(sent > 1000, "there was traffic", sent)
    t.equal(machine.hits("late") - start[1], sent, "the others have seen each frame")
    t.ok(abs(counted - sent) <= 8 * os.cpu_count(), "at most a frame a CPU and hand-over in doubt",
         f"{counted} of {sent}")
    t.note(f"{counted} counted of {sent} sent, over 8 hand-overs")
    agree(t, machine, "afterwards", ["early", OURS, "late"])
    exact(t, machine, link, "afterwards")


@scenario("another priority by configuration and reload, under traffic", 120)
def test_priority(t, machine):
    link = begin(machine)
    machine.load("late")
    start = machine.packets()
    traffic = guest.lab.Traffic(link, guest.frames(50)[0], 1500)
    machine.configure("[attach]\npriority = 55\n", "v0")
    machine.systemctl("reload", "sampler@v0")
    wait_for(lambda: list(machine.chain()) == ["late", OURS], "the other order")
    sent, _ = traffic.stop()
    counted = machine.packets() - start
    t.ok(abs(counted - sent) <= os.cpu_count(), "at most a frame a CPU in doubt", f"{counted} of {sent}")
    agree(t, machine, "afterwards", ["late", OURS])
    exact(t, machine, link, "afterwards")


@scenario("another program of ours takes over alone, under traffic", 90)
def test_handover_alone(t, machine):
    """Alone behind its own dispatcher, which is one of two for a moment."""
    link = begin(machine)
    start = machine.packets()
    traffic = guest.lab.Traffic(link, guest.frames(50)[0], 1500)
    for n in range(6):
        machine.attach("v0") if n % 2 else machine.attach_object("other", "v0")
    sent, _ = traffic.stop()
    counted = machine.packets() - start
    t.ok(sent > 500, "there was traffic", sent)
    t.ok(abs(counted - sent) <= 6 * os.cpu_count(), "at most a frame a CPU and hand-over in doubt",
         f"{counted} of {sent}")
    t.note(f"{counted} counted of {sent} sent, over 6 hand-overs")
    exact(t, machine, link, "afterwards")


@scenario("killed at any moment of a hand-over", 180)
def test_killed_handover(t, machine):
    link = begin(machine)
    machine.load("late")
    wrong, ends = [], []
    for n in range(16):
        argv = [guest.lab.ATTACH_OBJECT, f"{guest.PAYLOAD}/other.bpf.o", "v0"] if n % 2 == 0 else \
            [guest.lab.SAMPLERD, "--attach", "v0"]
        process = machine.spawn(*argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        guest.lab.until_run(process, 0.12 * tap.SLOWNESS * n / 16)
        process.kill()
        ends.append(process.wait())
        counted = machine.counted("v0", link, 100)
        if counted != (0, 0):
            wrong.append((n, counted))
    t.equal(wrong, [], "after each, every frame is counted once")
    t.ok(ends.count(-signal.SIGKILL) > 4, "some of them were amid it", ends)
    machine.run(guest.lab.SAMPLERD, "--attach", "v0")
    agree(t, machine, "put in order", [OURS, "late"])
    exact(t, machine, link, "put in order")


# ---- transmitted frames ----


@scenario("transmitted frames, while another program of ours takes over in a chain", 180)
def test_sent_handover(t, machine):
    link = begin(machine)
    machine.load("late")
    there = link.reversed()
    t.equal(egress.filters(machine), [(1, "bpf", "sampler_tx")], "a filter at tc egress")
    start = egress.total(machine)
    chosen, size = guest.frames(997)
    there.send(chosen)
    t.equal([a - b for a, b in zip(egress.total(machine), start)], [997, size], "each frame is counted once")
    start = egress.total(machine)
    traffic = guest.lab.Traffic(there, guest.frames(50)[0], 1500)
    programs = {egress.meta(machine)[1]}
    for n in range(4):
        machine.attach("v0") if n % 2 else machine.attach_object("other", "v0")
        programs.add(egress.meta(machine)[1])
    sent, _ = traffic.stop()
    counted = egress.total(machine)[0] - start[0]
    t.equal(len(programs), 5, "each time it was another")
    t.ok(abs(counted - sent) <= 4 * os.cpu_count(), "at most a frame a CPU and hand-over in doubt",
         f"{counted} of {sent}")
    t.note(f"{counted} counted of {sent} sent, over 4 hand-overs")
    t.equal(egress.filters(machine), [(1, "bpf", "sampler_tx")], "one filter is left")
    machine.stop("v0")
    t.equal(egress.qdiscs(machine), [], "stopped, nothing is left at tc egress")


@scenario("transmitted frames in large segments", 180)
def test_sent_large(t, machine):
    pair = egress.Pair(t, machine)
    pair.stream(1_000_003)
    pair.agrees("a TCP stream", 1_000_003 // 1448)
    sender = egress.Guest(pair)
    for payload, gso_size in ((1001, 1000), (15_000, 100), (15_000, 1400)):
        sender.send(payload, gso_size, bytes(12))
    for name, ns, _ in pair.ends:
        machine.run(guest.lab.SAMPLERD, "--detach", name, ns=ns)
    t.equal(egress.qdiscs(machine), [], "detached, nothing is left at tc egress")


# ---- where libxdp says that all is well, and it is not ----


@scenario("without CAP_SYS_ADMIN, or with a bpffs that cannot be written", 90)
def test_alone_by_accident(t, machine):
    machine.veth()
    for name, refused, said, lines in (("without CAP_SYS_ADMIN", True, r"CAP_SYS_ADMIN is missing",
                         "CapabilityBoundingSet=\nCapabilityBoundingSet=CAP_NET_ADMIN CAP_BPF CAP_CHOWN CAP_FOWNER"),
                        ("read-only /sys/fs/bpf/xdp", False, r"attached alone, without libxdp's dispatcher",
                         "ReadOnlyPaths=/sys/fs/bpf/xdp")):
        machine.drop_in(f"[Service]\n{lines}\n", "sampler-attach@.service")
        machine.begun = time.time()
        result = machine.systemctl("start", "sampler@v0", check=False)
        log = machine.journal("sampler@v0")
        t.note(f"{name}: status {result.status}\n{log[-600:]}")
        if refused:
            t.ok(result.status, f"{name}: is refused")
        else:
            t.equal((result.status, machine.snapshot("v0")["chained"]), (0, False), f"{name}: the pins say it")
            machine.explained(t, "sampler-attach@v0", "ATTACHED_ALONE", said)
        t.match(log, said, f"{name}: the log says it")
        machine.systemctl("stop", "sampler@v0", "sampler-attach@v0", check=False)
        machine.systemctl("reset-failed", check=False)
        machine.drop_in("", "sampler-attach@.service")
