#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The filter at tc egress: attached, adopted, handed over, detached; beside others; lost; not possible.
"""
import grp
import os
import socket
import time

import lab as laboratory
from egress import counted_ns, counters, filters, meta, qdiscs, total
from frames import ACK, IPV4, TCP, UDP, eth, ipv4, tcp, udp
from lab import OBJECTS, PINS, RUN, USER, Traffic, scenario, wait_for

FRAMES = [eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 60))), eth(IPV4, ipv4(UDP, udp(1, 2)))]
U32_ALL = ("protocol", "ip", "u32", "match", "u32", "0", "0")  # an old kind, which every kernel has
U32_NONE = ("protocol", "ip", "u32", "match", "u32", "0xffffffff", "0xffffffff", "at", "0")
OURS = (1, "bpf", "sampler_tx")


def counts(t, lab, link, name):
    """One point: what is sent from here on is counted exactly, and nothing of it as received."""
    before, received = total(lab, link.name), total(lab, link.name, direction=0)
    sent, size = link.reversed().send(FRAMES * 50)
    after = total(lab, link.name)
    t.equal((after[0] - before[0], after[1] - before[1], total(lab, link.name, direction=0)),
            (sent, size, received), name)


def untouched(t, lab, link, name="and nothing is left behind"):
    t.equal((link.state().prog_id, lab.pins(), qdiscs(lab, ns=link.ns)), (0, [], []), name)


def add_filter(lab, obj, section, *place):
    lab.run("tc", "filter", "add", "dev", "v0", "egress", *place, "bpf", "da", "obj",
            f"{OBJECTS}/{obj}.bpf.o", "sec", section)


@scenario("attached, adopted, detached")
def test_attach(t, lab):
    link = lab.veth("v0")
    said = lab.attach("v0")
    counted, program, handle, priority, reason = meta(lab)
    t.equal((qdiscs(lab), filters(lab)), (["clsact"], [OURS]), "one filter, by a name of its own")
    t.match(said, rf"v0: attached: .*; at tc egress program id {program}$", "it says so")
    t.equal((counted, handle >> 8, priority, reason), (True, 0x53414d, 1, ""), "so do the pins")
    counts(t, lab, link, "and counts")
    lab.attach("v0")
    t.equal((meta(lab)[1], filters(lab)), (program, [OURS]), "attached again: the same program")
    counts(t, lab, link, "which counts on")
    t.equal(lab.samplerd("--verify-attached", "v0").status, 0, "--verify-attached")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link)
    t.equal((lab.attach_at_once("v0", 6), filters(lab)), ([0] * 6, [OURS]), "six at once: one filter")
    counts(t, lab, link, "that counts once")


@scenario("in the foreground, killed and ended")
def test_foreground(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    counts(t, lab, link, "counts")
    recorder.kill()
    counts(t, lab, link, "killed: counts on")
    program = meta(lab)[1]
    recorder = lab.record("v0")
    recorder.wait_record()
    t.equal((meta(lab)[1], filters(lab)), (program, [OURS]), "the next one adopts it")
    counts(t, lab, link, "and it counts on")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    untouched(t, lab, link)


@scenario("lo, both ways")
def test_lo(t, lab):
    lab.attach("lo")
    with lab.ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(b"x" * 100, receiver.getsockname())
    t.equal([total(lab, "lo", direction=d) for d in (0, 1)], [(100, 100 * 142)] * 2,
            "100 datagrams are received and transmitted")
    lab.samplerd("--detach", "lo")
    t.equal(qdiscs(lab, "lo"), [], "nothing is left behind")


@scenario("beside filters of others")
def test_others(t, lab):
    link = lab.veth("v0")
    lab.run("tc", "qdisc", "add", "dev", "v0", "clsact")
    add_filter(lab, "lossy", "tc")  # at the priority that the kernel picks
    lab.run("tc", "filter", "add", "dev", "v0", "ingress", *U32_ALL)
    theirs = filters(lab), filters(lab, direction="ingress")
    lab.attach("v0")
    t.equal(filters(lab), [OURS, *theirs[0]], "ours runs first")
    received = link.peer_ns.netlink.link(link.peer).stats.rx_packets
    large = eth(IPV4, ipv4(UDP, udp(1, 2, b"x" * 1200)))
    there = link.reversed()
    for _ in range(100):
        there.socket().send(large)
    wait_for(lambda: link.peer_ns.netlink.link(link.peer).stats.rx_packets - received >= 98, "all")
    t.equal((total(lab), link.peer_ns.netlink.link(link.peer).stats.rx_packets - received),
            ((100, 100 * len(large)), 98), "counted, then left to theirs, which loses one in 50")
    lab.samplerd("--detach", "v0")
    t.equal((qdiscs(lab), filters(lab), filters(lab, direction="ingress")),
            (["clsact"], *theirs), "after --detach all of theirs is there")


@scenario("others come to a clsact of ours")
def test_others_later(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    add_filter(lab, "lossy", "tc", "pref", "1")  # beside ours, in the same list
    theirs = [f for f in filters(lab) if f != OURS]
    t.equal((len(theirs), theirs[0][0]), (1, 1), "a filter at our priority")
    counts(t, lab, link, "ours counts beside it")
    lab.attach("v0", "--priority", "20")
    t.equal(sorted(filters(lab)), sorted([OURS, *theirs]), "handed over: theirs stays")
    counts(t, lab, link, "and ours counts")
    lab.samplerd("--detach", "v0")
    t.equal((qdiscs(lab), filters(lab)), (["clsact"], theirs), "after --detach theirs is there")
    lab.run("tc", "filter", "del", "dev", "v0", "egress")
    lab.attach("v0")
    lab.samplerd("--detach", "v0")
    t.equal(qdiscs(lab), ["clsact"], "a clsact that was there is left, though it is empty")


@scenario("another sampler's filter")
def test_stranger(t, lab):
    """Of the same name, over maps that are none of ours, as one with another pin_dir leaves it."""
    link = lab.veth("v0")
    folder = f"{laboratory.BPFFS}/stranger"
    lab.run("bpftool", "prog", "loadall", f"{OBJECTS}/other.bpf.o", folder)
    lab.run("tc", "qdisc", "add", "dev", "v0", "clsact")
    lab.run("tc", "filter", "add", "dev", "v0", "egress", "bpf", "da", "pinned",
            f"{folder}/sampler_tx")
    before = filters(lab)
    lab.attach("v0")
    t.equal(len(filters(lab)), 2, "is there beside ours")
    counts(t, lab, link, "which counts")
    lab.attach("v0", "--priority", "20")
    lab.samplerd("--detach", "v0")
    t.equal(filters(lab), before, "and stays when ours is replaced, and when it goes")


@scenario("another kind of filter is first")
def test_first(t, lab):
    link = lab.veth("v0")
    lab.run("tc", "qdisc", "add", "dev", "v0", "clsact")
    lab.run("tc", "filter", "add", "dev", "v0", "egress", "pref", "1", *U32_NONE)
    said = lab.attach("v0")
    t.match(said, "warning: v0: other filters run before ours at tc egress: ", "it warns")
    t.equal((filters(lab)[-1], meta(lab)[3]), ((2, *OURS[1:]), 2), "ours is next")
    counts(t, lab, link, "and counts what it lets go on")
    said = lab.attach("v0")
    t.equal((meta(lab)[3], filters(lab).count((2, *OURS[1:]))), (2, 1), "adopted where it is")


@scenario("no place for clsact")
def test_ingress(t, lab):
    link = lab.veth("v0")
    lab.run("tc", "qdisc", "add", "dev", "v0", "ingress")
    lab.run("tc", "filter", "add", "dev", "v0", "ingress", *U32_ALL)
    theirs = filters(lab, direction="ingress")
    said = lab.attach("v0")
    t.match(said, r"warning: v0: transmitted frames are not counted: qdisc ingress is in the place "
            r"of clsact", "it attaches, and says what it does not")
    counted, program, _, _, reason = meta(lab)
    t.ok(not counted and not program and "qdisc ingress" in reason, "so do the pins", reason)
    t.equal(filters(lab, direction="ingress"), theirs, "theirs is as it was")
    sent, size = link.send(FRAMES * 50)
    t.equal(total(lab, direction=0), (sent, size), "received frames are counted")
    link.reversed().send(FRAMES)
    t.equal(total(lab), (0, 0), "others are not")
    t.equal(lab.samplerd("--verify-attached", "v0").status, 0, "which is as it was put there")
    lab.run("tc", "qdisc", "del", "dev", "v0", "ingress")
    lab.attach("v0")
    counts(t, lab, link, "after the remedy it counts")
    t.equal(total(lab, direction=0), (sent, size), "over the same counters")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link)


@scenario("tx = no, and back")
def test_off(t, lab):
    lab.configure("[attach]\ntx = no\n")
    link = lab.veth("v0")
    said = lab.attach("v0")
    before = lab.snapshot("v0")
    t.equal((qdiscs(lab), meta(lab)[:2]), ([], (False, 0)), "nothing is at tc egress")
    t.ok("transmitted" not in said and "tc egress" not in said, "and nothing is said of it", said)
    t.match(meta(lab)[4], "tx = no", "the pins say why")
    t.equal(counted_ns(lab), (0, 0), "and for how long: never")
    lab.configure("")
    begun = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    t.match(lab.attach("v0"), "was attached already: .*; at tc egress program id", "yes: it is added")
    counts(t, lab, link, "and counts")
    kept = total(lab)
    since, _ = counted_ns(lab)
    lab.attach("v0", "--priority", "20")
    t.equal(counted_ns(lab), (since, 0), "without a break over a hand-over")
    lab.configure("[attach]\ntx = no\npriority = 20\n")
    lab.attach("v0")
    ended = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    t.ok(counted_ns(lab)[0] == 0 and begun < since < since + counted_ns(lab)[1] < ended,
         "the pins have for how long", f"{begun} {since} {counted_ns(lab)} {ended}")
    t.equal((qdiscs(lab), meta(lab)[:2], total(lab)), ([], (False, 0), kept), "no: it is removed")
    after = lab.snapshot("v0")
    t.equal(after["epoch"], before["epoch"], "all over the same counters of the other direction")
    counted = counted_ns(lab)[1]
    lab.configure("[attach]\npriority = 20\n")
    lab.attach("v0")
    t.ok(counted_ns(lab)[0] > ended and counted_ns(lab)[1] == counted, "yes: the time goes on",
         counted_ns(lab))


@scenario("hand-over under traffic", 60, mode="native")
@scenario("hand-over under traffic, skb mode", 60, mode="skb")
def test_hand_over(t, lab, mode):
    link = lab.veth("v0")
    lab.attach("v0", "--mode", mode)
    there = link.reversed()
    traffic = Traffic(there, FRAMES)
    programs = []
    for n in range(10):
        start = there.stats().rx_packets
        wait_for(lambda start=start: there.stats().rx_packets > start + 500, "traffic")
        if n % 3 == 2:
            lab.attach_object("other", "v0", "-s" if mode == "skb" else "-n")
        else:
            lab.attach("v0", "--mode", mode, "--priority", str(20 + n))
        programs.append(meta(lab)[1])
    sent, size = traffic.stop()
    t.note(f"{sent} frames")
    got = total(lab)
    # alone, the kernel swaps the programs in one step; in a chain a frame per CPU is in doubt
    doubt = 10 * os.cpu_count() if lab.snapshot("v0")["chained"] else 0
    t.equal(len(set(programs)), 10, "ten times another program")
    t.ok(abs(got[0] - sent) <= doubt, "no frame is lost or doubled", f"sent {sent}, counted {got}")
    t.ok(abs(got[1] - size) <= doubt * 1514, "nor is a byte", f"sent {size}, counted {got}")
    t.equal(filters(lab), [OURS], "one filter is left")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link)


@scenario("an attach that fails leaves it as it was")
def test_failed(t, lab):
    link = lab.veth("v0")
    t.equal(lab.attach_object("refused", "v0").status, 1, "with nothing in place")
    untouched(t, lab, link)
    lab.attach("v0")
    before = meta(lab)
    t.equal(lab.attach_object("refused", "v0").status, 1, "with programs in place")
    t.equal((meta(lab), filters(lab)), (before, [OURS]), "they stay")
    counts(t, lab, link, "and count")


NETLINK, PROGRAMS = ("sendto", "nlmsg_type="), ("bpf", "BPF_PROG_GET_FD_BY_ID")
META, BTF = ("bpf", '/sampler_meta"'), ("bpf", "BPF_BTF_GET_FD_BY_ID")
UPDATES = ("bpf", "BPF_MAP_UPDATE_ELEM")
FAILS, KILLS = "error=ENOMEM", "signal=KILL"


def traced(lab, call, *argv, failing=0, how=FAILS):
    """The nth call of a kind, from 1 on, fails, or is not lived to see. Return: Result, and each call."""
    trace = f"{RUN}/trace"
    inject = ("-e", f"inject={call}:{how}:when={failing}") if failing else ()
    sanitizer = {"ASAN_OPTIONS": f"{os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"}  # it is a tracer, too
    result = lab.samplerd(*argv, "--", "v0", env=sanitizer,
                          wrap=("strace", "-qq", "-e", f"trace={call}", "-o", trace, *inject))
    with open(trace, encoding="utf-8") as file:
        return result, file.read().splitlines()


NONE = [(0, 0), (0, 0)]


def uncounted(lab, link):
    """Return: (frames, bytes) of those sent and received meanwhile that are not counted, or are less than 0."""
    before = total(lab), total(lab, direction=0)
    moved = link.reversed().send(FRAMES), link.send(FRAMES)
    after = total(lab), total(lab, direction=0)
    return [tuple(a + n - b for a, n, b in zip(*one)) for one in zip(before, moved, after)]


def steps(lab, call, what, *argv):
    """Return: which calls of a kind it has for something where all goes well, from 1 on."""
    result, lines = traced(lab, call, *argv)
    found = [n for n, line in enumerate(lines, 1) if what in line]
    if result.status or not found:
        raise laboratory.Failure(f"{call}, {what}: {lines} {result}")
    return found


@scenario("the kernel fails at any step of an attach", 60)
def test_failing_attach(t, lab):
    link = lab.veth("v0")
    allowed = {(False, False, (), False), (True, True, (), False), (True, True, (OURS,), True)}
    seen, wrong = set(), []
    found = steps(lab, *NETLINK, "--attach")
    lab.samplerd("--detach", "v0")
    for n in found:
        result, _ = traced(lab, NETLINK[0], "--attach", failing=n)
        counted, reason = (False, "") if result.status else (meta(lab)[0], meta(lab)[4])
        there = link.state().prog_id > 0, lab.pins() != [], tuple(filters(lab)), counted
        seen.add(there)
        if there not in allowed or (there[0] and not counted and not reason):
            wrong.append((n, there, reason, result))
        lab.samplerd("--detach", "v0")
    t.equal(wrong, [], f"{len(found)} messages: all is there, or nothing, or what counts received frames, and why")
    t.equal(seen, allowed, "each of them happens")
    untouched(t, lab, link)


@scenario("the kernel fails at any step of a hand-over", 60, kind=NETLINK)
@scenario("programs cannot be looked at, at any step of a hand-over", 60, kind=PROGRAMS)
@scenario("pins cannot be read, at any step of a hand-over", 60, kind=META)
@scenario("killed at any message of a hand-over", 60, kind=NETLINK, how=KILLS)
@scenario("killed at any change of a map in a hand-over", 60, kind=UPDATES, how=KILLS)
def test_failing_hand_over(t, lab, kind, how=FAILS):
    link = lab.veth("v0")
    lab.attach("v0")
    wrong = []
    epoch = lab.snapshot("v0")["epoch"]
    found = steps(lab, *kind, "--attach", "--priority", "19")
    for n in found:
        result, _ = traced(lab, kind[0], "--attach", "--priority", str(20 + n), failing=n, how=how)
        there = filters(lab), uncounted(lab, link)
        if there != ([OURS], NONE):
            wrong.append((n, *there, result))
    lab.attach("v0")
    t.equal(wrong, [], f"{len(found)} calls: both directions are counted, and once, whatever comes of it")
    t.equal((meta(lab)[0], filters(lab)), (True, [OURS]), "the next one is as ever")
    t.equal(lab.snapshot("v0")["epoch"], epoch, "over the same counters")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link)


@scenario("killed at any message of an attach that begins new counters", 60)
def test_killed_epoch(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    key = lab.key("v0")
    wrong = []
    lab.change_abi(key)
    found = steps(lab, *NETLINK, "--attach")
    for n in found:
        lab.change_abi(key)
        killed, _ = traced(lab, NETLINK[0], "--attach", failing=n, how=KILLS)
        said = lab.attach("v0")
        there = filters(lab), uncounted(lab, link)
        if killed.status == 0 or there != ([OURS], NONE):
            wrong.append((n, *there, killed, said))
    t.equal(wrong, [], f"{len(found)} calls: the next one has both directions counted, and once")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link)


@scenario("the kernel fails at any step of a detach", 60, kind=NETLINK)
@scenario("the program cannot be looked at, at any step of a detach", 60, kind=BTF)
def test_failing_detach(t, lab, kind):
    link = lab.veth("v0")
    lab.attach("v0")
    wrong = []
    found = steps(lab, *kind, "--detach")
    for n in found:
        lab.attach("v0")
        result, _ = traced(lab, kind[0], "--detach", failing=n)
        gone = (link.state().prog_id, lab.pins(), filters(lab)) == (0, [], [])
        if gone != (result.status == 0) or (gone and qdiscs(lab) and "tc qdisc del dev v0 clsact" not in result.err):
            wrong.append((n, gone, result))
        lab.samplerd("--detach", "v0")
        lab.try_run("tc", "qdisc", "del", "dev", "v0", "clsact")  # of which it warned
    t.equal(wrong, [], f"{len(found)} calls: all is gone, or it says that it is not")
    untouched(t, lab, link)


@scenario("no handle is left", 30)
def test_no_handle(t, lab):
    link = lab.veth("v0")
    lab.run("tc", "qdisc", "add", "dev", "v0", "clsact")
    for n in range(16):
        add_filter(lab, "lossy", "tc", "pref", "1", "handle", hex(0x53414d00 + n))
    theirs = filters(lab)
    t.match(lab.attach("v0"), "warning: v0: transmitted frames are not counted: too many samplers at "
            "tc egress", "received frames are counted, others are not")
    t.equal((filters(lab), meta(lab)[:2]), (theirs, (False, 0)), "theirs are as they were")
    lab.run("tc", "filter", "del", "dev", "v0", "egress", "pref", "1", "handle", "0x53414d07", "bpf")
    lab.attach("v0")
    t.equal(meta(lab)[2], 0x53414d07, "one is free again, and taken")
    counts(t, lab, link, "and it counts")


@scenario("new counters")
def test_new_epoch(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    link.reversed().send(FRAMES * 10)
    key = lab.key("v0")
    lab.change_abi(key)
    lab.attach("v0")
    t.equal((total(lab), filters(lab)), ((0, 0), [OURS]), "begin at 0, with one filter")
    counts(t, lab, link, "which counts into them")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link)
    lab.attach("v0")
    lab.run("rm", "-r", f"{PINS}/{key}")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link, "pins removed by hand: --detach finds the filter")


@scenario("new counters under traffic", 60, mode="native")
@scenario("new counters under traffic, skb mode", 60, mode="skb")
def test_new_epoch_under_traffic(t, lab, mode):
    """As an upgrade to another ABI: each frame is in the old counters or in the new ones."""
    link = lab.veth("v0")
    lab.attach("v0", "--mode", mode)
    key = lab.key("v0")
    traffic = Traffic(link, FRAMES)
    before = 0
    for n in range(5):
        start = link.stats().rx_packets
        wait_for(lambda start=start: link.stats().rx_packets > start + 500, "traffic")
        lab.change_abi(key)
        kept = f"{laboratory.BPFFS}/kept{n}"
        lab.run("bpftool", "map", "pin", "pinned", f"{PINS}/{key}/sampler_count", kept)
        t.match(lab.attach("v0", "--mode", mode), "new counters, a new epoch", "another epoch")
        before += total(lab, path=kept, direction=0)[0]
    sent, _ = traffic.stop()
    got = before + total(lab, direction=0)[0]
    t.note(f"{sent} frames")
    # in a chain both are there for a moment, and count
    t.ok(got == sent or (got > sent and lab.snapshot("v0")["chained"]), "no frame is lost",
         f"sent {sent}, counted {got}")
    t.equal(filters(lab), [OURS], "one filter is left")
    lab.samplerd("--detach", "v0")
    untouched(t, lab, link)


def lose(lab):
    lab.run("tc", "filter", "del", "dev", "v0", "egress")


GONE = (r"warning: v0: transmitted frames are not counted any more: our filter is gone from tc egress; "
        r"attach again: samplerd --attach v0")


@scenario("somebody removes it")
def test_lost(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    counts(t, lab, link, "counts")
    wait_for(lambda: lab.last_record("v0")["tx"]["packets"] == total(lab)[0], "the record")
    lose(lab)
    recorder.wait_log(GONE)
    wait_for(lambda: not meta(lab)[0], "the pins")
    t.equal((recorder.wait_record()["tx"], lab.snapshot("v0")["tx"]), (None, None),
            "records and --print say that they do not know, and not 0")
    t.ok(not meta(lab)[0] and meta(lab)[1], "the pins have it from the privileged child", meta(lab))
    result = lab.samplerd("--verify-attached", "v0")
    t.equal(result.status, 1, "--verify-attached: exit status 1")
    t.match(result.err, "error: v0: transmitted frames are not counted any more: .*attach again",
            "and why")
    t.ok("degraded" not in recorder.log(), "received frames are none the worse", recorder.log())
    lab.attach("v0")
    recorder.wait_log("v0: transmitted frames are counted again")
    counts(t, lab, link, "attached again it counts")
    recorder.wait_record()
    t.equal(recorder.wait_record()["tx"]["packets"], total(lab)[0], "and records have it")
    t.equal(recorder.log().count("not counted any more"), 1, "all of it said once")
    lab.run("tc", "qdisc", "del", "dev", "v0", "clsact")
    wait_for(lambda: recorder.log().count("not counted any more") == 2, "the loss of the qdisc")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    untouched(t, lab, link)


@scenario("an attach that was killed before it could say what it did")
def test_unsaid(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    key = lab.key("v0")
    before = lab.map_value(key, "sampler_meta")
    group = str(grp.getgrnam("nogroup").gr_gid)
    lab.attach_object("other", "v0", "-n", "-g", group)  # alone, in the place of the one before
    after = meta(lab)
    lab.map_value(key, "sampler_meta", before)
    recorder = lab.record("v0", wrap=("setpriv", f"--reuid={USER}", "--regid=nogroup",
                                      "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"))
    recorder.wait_log(GONE)
    t.equal(lab.samplerd("--verify-attached", "v0").status, 0, "--verify-attached finds it")
    t.equal(meta(lab), after, "and puts it down")
    recorder.wait_log("v0: transmitted frames are counted again")
    counts(t, lab, link, "it counts")
    t.equal(recorder.stop(), 0, "the recorder ends well")


@scenario("somebody removes it between two lines of the log", lost=True)
@scenario("nobody does", lost=False)
def test_lost_between(t, lab, lost):
    link = lab.veth("v0")
    recorder = lab.record("v0", log_interval="1d")  # so that there is one line, at the end
    recorder.wait_record()
    link.send(FRAMES * 10)
    if lost:
        lose(lab)
        recorder.wait_log(GONE)
        lab.attach("v0")
        recorder.wait_log("v0: transmitted frames are counted again")
    sent = link.reversed().send(FRAMES * 25)
    wait_for(lambda: (lab.last_record("v0")["tx"] or {}).get("packets") == sent[0], "the record")
    t.equal(recorder.stop(), 0, "the recorder ends well")
    line, = [line for line in recorder.log().splitlines() if "v0: rx " in line]
    t.match(line, r"\(20 packets", "its line has what was received")
    t.equal("; tx " in line, not lost, "and of what was transmitted only what was counted throughout")


@scenario("somebody removes it, and it is attached again, as configured")
def test_reattached(t, lab):
    lab.configure("[attach]\nreattach = yes\n")
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    before = lab.snapshot("v0")
    lose(lab)
    recorder.wait_log(GONE)
    recorder.wait_log("v0: attached again, as configured")
    counts(t, lab, link, "it counts again")
    t.equal(lab.snapshot("v0")["program"], before["program"], "the other program is the same")


@scenario("somebody removes it from a recorder without privilege")
def test_lost_unit(t, lab):
    lab.veth("v0")
    lab.attach("v0")
    os.mkdir(f"{RUN}/runtime", 0o700)
    os.chown(f"{RUN}/runtime", *(os.stat(lab.state_dir).st_uid,) * 2)
    recorder = lab.record("v0", env={"RUNTIME_DIRECTORY": f"{RUN}/runtime"},
                          wrap=("setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups",
                                "--inh-caps=-all", "--bounding-set=-all"))
    recorder.wait_record()
    lose(lab)
    recorder.wait_log(GONE)
    wait_for(lambda: os.path.exists(f"{RUN}/runtime/recheck"), "a request for a re-check")
    os.unlink(f"{RUN}/runtime/recheck")
    wait_for(lambda: os.path.exists(f"{RUN}/runtime/recheck"), "another one, as nobody answered")
    t.equal(lab.samplerd("--verify-attached", "v0").status, 1, "which comes to the same")
    t.equal(meta(lab)[0], False, "and tells the pins")
    lab.attach("v0")
    recorder.wait_log("v0: transmitted frames are counted again")
    t.equal(recorder.stop(), 0, "the recorder ends well")


@scenario("somebody removes it, and nobody records")
def test_lost_unseen(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    link.reversed().send(FRAMES * 10)
    t.ok(lab.snapshot("v0")["tx"], "--print has what is counted")
    lose(lab)
    t.equal((lab.snapshot("v0")["tx"], meta(lab)[0]), (None, True),
            "and does not know afterwards, although the pins say nothing of it yet")
    lab.attach("v0")
    counts(t, lab, link, "attached again it counts")


@scenario("no false alarm at hand-overs", 60)
def test_no_alarm(t, lab):
    lab.veth("v0")
    lab.attach("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    for n in range(20):
        lab.attach("v0", "--priority", str(20 + n))
    recorder.wait_record()
    t.ok("transmitted" not in recorder.log(), "nothing is said", recorder.log())
    t.ok(counters(lab, "v0") is not None, "the pins are there")
    t.equal(recorder.stop(), 0, "the recorder ends well")


laboratory.main()
