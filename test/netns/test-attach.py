#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Attach, adopt, hand over, detach; and every reason why not, with its message and exit status.
"""
import os
import pwd
import re
import socket

import lab as laboratory
from egress import qdiscs
from frames import ACK, IPV4, TCP, UDP, eth, ipv4, tcp, udp
from lab import OBJECTS, PINS, RUN, USER, Traffic, scenario, wait_for

FRAMES = [eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 60))), eth(IPV4, ipv4(UDP, udp(1, 2)))]
# Exit statuses, as --help has them
FAILED, USAGE, NO_INTERFACE, BUSY, UNSUPPORTED, OTHER_ABI = range(1, 7)
MAPS = ["sampler_control", "sampler_count", "sampler_meta", "sampler_ports"]


def packets(lab, ifname="v0", **options):
    return lab.snapshot(ifname, **options)["rx"]["packets"]


def counts(t, lab, link, name, **options):
    """One point: what is sent from here on is counted exactly."""
    before = packets(lab, link.name, **options)
    sent, _ = link.send(FRAMES * 50)
    t.equal(packets(lab, link.name, **options) - before, sent, name)


def refused(t, result, status, pattern, name):
    """One point: the exit status is right, and one line on standard error says why."""
    errors = [line for line in result.err.splitlines() if "error: " in line]
    t.ok(result.status == status and len(errors) == 1 and re.search(pattern, errors[0]),
         name, f"want {status} and one error /{pattern}/, got {result!r}")


def untouched(t, lab, link, name="and nothing is left behind"):
    t.equal((link.state().prog_id, lab.pins(), qdiscs(lab, link.name, ns=link.ns)), (0, [], []),
            name)


def load_foreign(lab, link):
    """Somebody else's XDP program, alone on the interface. Return: its id."""
    pin = f"{laboratory.BPFFS}/foreign"
    if not os.path.exists(pin):
        lab.run("bpftool", "prog", "load", f"{OBJECTS}/foreign.bpf.o", pin)
    lab.run("bpftool", "net", "attach", "xdpdrv", "pinned", pin, "dev", link.name, ns=link.ns)
    return link.state().prog_id


# ---- modes ----

@scenario("native on veth")
def test_native(t, lab):
    link = lab.veth("v0")
    said = lab.attach("v0")
    state, snapshot = link.state(), lab.snapshot("v0")
    t.equal((state.mode, snapshot["mode"], snapshot["mode_reason"]), ("native", "native", None),
            "auto takes native mode")
    t.ok(snapshot["chained"] or state.prog_id == snapshot["program"]["id"],
         "the link shows our program", (state, snapshot))
    t.match(said, r"attaching in native mode \(some drivers reset the link", "it warns of a flap")
    chain = "in libxdp's chain" if snapshot["chained"] else "alone"
    t.match(said, rf"v0: attached: native mode, {chain}, program id \d+", "it says what it did")
    warned = re.search(r"warning: v0: attached alone, .*\(.+\): other XDP", said)
    t.ok(snapshot["chained"] or warned, "alone, it says why and what follows", said)
    t.equal(bool(snapshot["alone_reason"]), not snapshot["chained"], "so does --print")
    t.equal(snapshot["chain"], [{"name": "sampler_rx", **snapshot["program"], "priority": 10,
                                 "actions": ["pass"], "ours": True}], "which has the chain")
    t.ok(snapshot["chain_checked_at"], "and when it was looked at", snapshot)
    counts(t, lab, link, "and counts")


@scenario("skb mode on lo")
def test_fallback(t, lab):
    said = lab.attach("lo")
    snapshot = lab.snapshot("lo")
    t.equal(snapshot["mode"], "skb", "auto falls back to skb mode")
    t.match(said, r"warning: lo: no native XDP \(.+\): attaching in skb mode, which turns off GRO",
            "and says why, and what it costs")
    t.ok(snapshot["mode_reason"], "--print has the reason", snapshot)
    with lab.ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        before = lab.snapshot("lo")["rx"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(100):
                sender.sendto(b"x" * 100, receiver.getsockname())
        after = lab.snapshot("lo")["rx"]
    t.equal((after["packets"] - before["packets"], after["bytes"] - before["bytes"]),
            (100, 100 * 142), "100 datagrams are 100 frames of 142 bytes")
    lab.attach("lo")
    t.equal(lab.snapshot("lo")["mode_reason"], snapshot["mode_reason"],
            "the reason stays when it is adopted")
    lab.attach("lo", "--mode", "skb")
    t.match(lab.snapshot("lo")["mode_reason"], "asked for", "in mode = skb that is the reason")


@scenario("mode = native on lo")
def test_native_refused(t, lab):
    link = laboratory.Link("lo", "lo", lab.ns, lab.ns)
    result = lab.samplerd("--attach", "--mode", "native", "lo")
    refused(t, result, FAILED, "lo: cannot attach: .*not support", "it refuses")
    untouched(t, lab, link)
    recorder = lab.record("lo", "--mode", "native")
    t.equal(recorder.wait(), FAILED, "so does the recorder")
    untouched(t, lab, link)


@scenario("change of mode")
def test_change_mode(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    link.send(FRAMES * 10)
    before = lab.snapshot("v0")
    said = lab.attach("v0", "--mode", "skb")
    after = lab.snapshot("v0")
    t.equal((link.state().mode, after["mode"]), ("skb", "skb"), "native to skb")
    t.equal((after["epoch"], after["rx"]), (before["epoch"], before["rx"]), "the counters go on")
    t.ok(after["chained"] or "frames pass uncounted until the new program is there" in said,
         "it says that there is a gap", said)
    counts(t, lab, link, "and it counts")
    lab.attach("v0", "--mode", "native")
    t.equal(link.state().mode, "native", "and back")
    counts(t, lab, link, "and it counts again")


@scenario("attached while the link is down")
def test_down(t, lab):
    link = lab.veth("v0")
    lab.run("ip", "link", "set", "v0", "down")
    lab.attach("v0")
    lab.run("ip", "link", "set", "v0", "up")
    counts(t, lab, link, "counts when it is up")


# ---- idempotence, hand-over ----

@scenario("attach again and again")
def test_idempotent(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    first, state = lab.snapshot("v0"), link.state()
    sent, _ = link.send(FRAMES * 50)
    said = lab.attach("v0")
    again = lab.snapshot("v0")
    t.equal((again["program"], again["epoch"], link.state().prog_id),
            (first["program"], first["epoch"], state.prog_id), "same program, same epoch")
    t.match(said, "v0: was attached already: native mode", "it says so")
    t.equal(packets(lab), sent, "the counters stay")
    t.equal(lab.attach_at_once("v0", 6), [0] * 6, "six at once: all are well")
    t.equal(link.state().prog_id, state.prog_id, "and it is still the same program")
    lab.samplerd("--detach", "v0")
    t.equal(lab.attach_at_once("v0", 6), [0] * 6, "six at once with nothing attached: all well")
    counts(t, lab, link, "and the one that is there counts")


@scenario("adopted after kill -9")
def test_adopt(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    before = lab.snapshot("v0")
    recorder.kill()
    sent, _ = link.send(FRAMES * 50)
    t.match(lab.attach("v0"), "was attached already", "--attach adopts it")
    after = lab.snapshot("v0")
    t.equal((after["program"], after["epoch"]), (before["program"], before["epoch"]),
            "same program, same epoch")
    t.equal(after["rx"]["packets"], sent, "what was sent in between is counted")


def hand_over(t, lab, link, change):
    """Under traffic. change(n) replaces the program; Return: what it said, each time."""
    before = lab.snapshot("v0")
    traffic = Traffic(link, FRAMES)
    ids, said = [], []
    for n in range(10):
        start = link.stats().rx_packets
        laboratory.wait_for(lambda: link.stats().rx_packets > start + 500, "traffic")
        said.append(change(n))
        ids.append(lab.snapshot("v0")["program"]["id"])
    sent, size = traffic.stop()
    after = lab.snapshot("v0")
    t.note(f"{sent} frames")
    t.equal(len(set(ids)), 10, "ten times another program")
    t.equal(after["epoch"], before["epoch"], "in one epoch")
    got, got_size = after["rx"]["packets"], after["rx"]["bytes"]
    # alone, the kernel swaps the programs in one step; in a chain a frame per CPU is in doubt
    doubt = 10 * os.cpu_count() if after["chained"] else 0
    t.ok(abs(got - sent) <= doubt, "no frame is lost or doubled", f"sent {sent}, counted {got}")
    t.ok(abs(got_size - size) <= doubt * 1514, "nor is a byte", f"sent {size}, counted {got_size}")
    t.equal(link.stats().rx_packets, sent, "the interface's own counter agrees")
    return said


@scenario("hand-over under traffic: another priority, native mode", 60, mode="native")
@scenario("hand-over under traffic: another priority, skb mode", 60, mode="skb")
def test_hand_over_priority(t, lab, mode):
    link = lab.veth("v0")
    lab.attach("v0", "--mode", mode)
    said = hand_over(t, lab, link, lambda n: lab.attach("v0", "--mode", mode, "--priority",
                                                        str(20 + n)))
    t.ok(all("replaced the program that was attached" in text for text in said), "it says so", said)
    snapshot = lab.snapshot("v0")
    t.equal(snapshot["run_priority"], 29, "--print has the last priority")
    t.equal([(p["id"], p["priority"]) for p in snapshot["chain"]],
            [(snapshot["program"]["id"], 29)], "and a chain of the last program alone")


@scenario("hand-over under traffic: another program", 60)
def test_hand_over_program(t, lab):
    """As an upgrade of samplerd would, and its reversal."""
    link = lab.veth("v0")
    lab.attach("v0")
    tags = set()

    def change(n):
        if n % 2:
            said = lab.attach("v0")
        else:
            result = lab.attach_object("other", "v0")
            said = f"{result.err} {result.out}"
        tags.add(lab.snapshot("v0")["program"]["tag"])
        return said

    said = hand_over(t, lab, link, change)
    t.equal(len(tags), 2, "two programs by their tags")
    t.ok(all("replaced" in text for text in said), "each replaced the other", said)


@scenario("refused by the verifier")
def test_verifier(t, lab):
    link = lab.veth("v0")
    words = (r"attach-object: v0: the kernel's verifier refuses the program: "
             r".*outside of the packet")
    result = lab.attach_object("refused", "v0")
    t.equal(result.status, 1, "it fails")
    t.match(result.err, words, "with the verifier's last word")
    untouched(t, lab, link)
    lab.attach("v0")
    before = lab.snapshot("v0")
    result = lab.attach_object("refused", "v0")
    t.match(result.err, words, "the same with a program in place")
    after = lab.snapshot("v0")
    t.equal((after["program"], after["epoch"], after["rx"]),
            (before["program"], before["epoch"], before["rx"]), "which stays")
    counts(t, lab, link, "and counts on")


@scenario("a larger MTU than the program can have")
def test_mtu(t, lab):
    link = lab.veth("v0", mtu=9000)
    lab.attach("v0")
    before = lab.snapshot("v0")["program"]
    result = lab.attach_object("nofrags", "v0", "-n")
    t.ok(result.status == 1, "a program without frags is refused", result)
    t.match(result.err, r"attach-object: v0: MTU 9000 is too large for native XDP on this driver "
            r"\(.+\); frames of one buffer take at most about 3[45]\d\d bytes of MTU: lower it, or "
            r"use mode = skb", "with the MTU, the limit, and what to do")
    t.equal(lab.snapshot("v0")["program"], before, "the program before stays")
    counts(t, lab, link, "and counts on")
    for end in (link.peer_ns, link.ns):
        lab.run("ip", "link", "set", link.peer if end is link.peer_ns else "v0", "mtu", "3400",
                ns=end)
    result = lab.attach_object("nofrags", "v0", "-n")
    t.equal((result.status, result.out), (0, "replaced\n"), "with less than the limit it attaches")


# ---- reasons why not ----

@scenario("no such interface")
def test_no_interface(t, lab):
    lab.veth("v0")
    for verb in ((), ("--attach",)):
        refused(t, lab.samplerd(*verb, "nope"), NO_INTERFACE,
                r'no interface "nope"; there are: lo, v0$',
                f"{verb[0] if verb else 'recording'}: names those that are")
    refused(t, lab.samplerd("--attach", "sixteen-bytes-is"), NO_INTERFACE,
            'no interface "sixteen-bytes-is"', "a name that cannot be is none either")
    refused(t, lab.samplerd("--attach", ""), NO_INTERFACE, 'no interface ""', "nor is an empty one")
    refused(t, lab.samplerd("--print", "v0"), FAILED,
            r"v0 is not sampled: no pins under .*\(samplerd --attach v0, as root\)",
            "--print of one that is not sampled says so")
    refused(t, lab.samplerd("--verify-attached", "v0"), FAILED, "v0 is not sampled",
            "so does --verify-attached")
    refused(t, lab.samplerd("--history", "v0"), FAILED, "No such file", "--history has no file")
    t.equal(lab.pins(), [], "nothing is left behind")


@scenario("not an Ethernet device")
def test_tun(t, lab):
    if not os.path.exists("/dev/net/tun"):
        raise laboratory.Skip("no /dev/net/tun")
    lab.run("ip", "tuntap", "add", "dev", "tun0", "mode", "tun")
    for verb in ((), ("--attach",)):
        refused(t, lab.samplerd(*verb, "tun0"), NO_INTERFACE,
                r"tun0 is not an Ethernet device \(link type 65534\)", f"{verb}: it says so")
    t.equal(lab.pins(), [], "nothing is left behind")


@scenario("another XDP program without dispatcher")
def test_foreign(t, lab):
    link = lab.veth("v0")
    foreign = load_foreign(lab, link)
    result = lab.samplerd("--attach", "v0")
    refused(t, result, BUSY, rf'without libxdp.s dispatcher is attached, "foreign" '
            rf"\(id {foreign}\).*ip link set dev v0 xdp off\)",
            "refuses, with its name, its id, and the remedy")
    t.equal((link.state().prog_id, lab.pins()), (foreign, []), "and leaves it alone")
    refused(t, lab.samplerd("v0"), BUSY, '"foreign"', "the recorder refuses as well")
    lab.run("ip", "link", "set", "dev", "v0", "xdp", "off")
    lab.attach("v0")
    counts(t, lab, link, "after the remedy it counts")


@scenario("another sampler over another bpffs")
def test_other_bpffs(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    elsewhere = ("unshare", "-m", "sh", "-c", 'mount -t bpf bpf /sys/fs/bpf && exec "$@"', "sh")
    refused(t, lab.samplerd("--attach", "v0", wrap=elsewhere), BUSY,
            r"v0: another sampler \(program id \d+\) counts here, with its pins elsewhere",
            "refuses")
    counts(t, lab, link, "and the first one counts on")


@scenario("another sampler with another pin_dir")
def test_other_pin_dir(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    program = lab.snapshot("v0")["program"]
    other = ("--pin-dir", "/sys/fs/bpf/other")
    refused(t, lab.samplerd(*other, "--attach", "v0"), BUSY,
            r"another sampler \(program id \d+\) counts here, with its pins elsewhere", "refuses")
    lab.samplerd(*other, "--detach", "v0")
    t.equal(lab.snapshot("v0")["program"], program, "detaching there takes nothing from the first")
    counts(t, lab, link, "which counts on")


@scenario("a reader who holds locks")
def test_reader_locks(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    nobody = pwd.getpwnam(USER)
    become = ("setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups")
    holder = lab.spawn(*become, "flock", "--no-fork", PINS, "sleep", "60")
    wait_for(lambda: lab.try_run("flock", "-n", PINS, "true").status, "the lock")
    t.equal(lab.samplerd("--priority", "20", "--attach", "v0").status, 0, "an attach goes on")
    counts(t, lab, link, "and counts")
    t.equal(lab.samplerd("--detach", "v0").status, 0, "a detach goes on")
    t.equal(lab.pins(), [], "and no lock is left")
    holder.kill()
    holder.wait()


@scenario("a change that cannot be carried out")
def test_undone(t, lab):
    """What fails leaves the interface and the pins as they were."""
    link = lab.veth("v0")
    many = lambda letter: "[services]\n" + "".join(
        f"{letter}{i} = tcp/{2000 + i}\n" for i in range(14))
    lab.configure(many("a"))
    lab.attach("v0")
    before = lab.snapshot("v0")
    lab.configure(many("b"))
    refused(t, lab.samplerd("--priority", "20", "--attach", "v0"), 1,
            'v0: No slot is free for service "b', "more services than slots are refused")
    after = lab.snapshot("v0")
    t.equal((after["program"], after["run_priority"], after["epoch"], link.state().prog_id),
            (before["program"], before["run_priority"], before["epoch"], before["program"]["id"]),
            "the program that was there is there")
    counts(t, lab, link, "and counts")
    lab.configure(many("a"))
    lab.attach("v0", "--priority", "20")
    t.equal(lab.snapshot("v0")["epoch"], before["epoch"], "what can be done is done, in its epoch")
    counts(t, lab, link, "and each frame counts once")


@scenario("a start that fails on what was attached")
def test_failed_start(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    result = lab.samplerd("--user", "root", "v0")
    t.ok(result.status, "root is refused as the user to become", result)
    counts(t, lab, link, "what was attached before stays and counts")


@scenario("an alternative name")
def test_altname(t, lab):
    lab.veth("v0")
    lab.run("ip", "link", "property", "add", "dev", "v0", "altname", "uplink")
    for argv in (("--attach", "uplink"), ("uplink",)):
        refused(t, lab.samplerd(*argv), 3, "uplink is another name of v0: use that",
                f"{argv[0]}: refused")
    t.equal(lab.pins(), [], "nothing is left behind")


@scenario("no bpffs")
def test_no_bpffs(t, lab):
    link = lab.veth("v0")
    for name, argv in (("--attach", ("--attach", "v0")), ("recording", ("v0",))):
        refused(t, lab.samplerd("--pin-dir", f"{RUN}/pins", *argv), UNSUPPORTED,
                rf"no bpffs at {RUN}/pins: mount it \(mount -t bpf bpf /sys/fs/bpf\)",
                f"{name}: another file system")
    # what this machine has below the laboratory's, too
    without = ("unshare", "-m", "sh", "-c", 'while umount /sys/fs/bpf 2>/dev/null; do :; done; exec "$@"', "sh")
    refused(t, lab.samplerd("--attach", "v0", wrap=without), UNSUPPORTED, "no bpffs at", "none")
    lab.run("ip", "netns", "add", "ours")  # /run is private
    lab.run("ip", "link", "set", "v0", "netns", "ours")
    result = lab.samplerd("--attach", "v0", wrap=("ip", "netns", "exec", "ours"))
    refused(t, result, UNSUPPORTED, "`ip netns exec` hides it, nsenter --net does not",
            "`ip netns exec` hides it, and it says what does not")
    result = lab.samplerd("--attach", "v0", wrap=("nsenter", "--net=/run/netns/ours"))
    t.equal(result.status, 0, "nsenter --net does not")
    lab.samplerd("--detach", "v0", wrap=("nsenter", "--net=/run/netns/ours"))
    t.ok(not os.path.exists(f"{RUN}/pins") and not lab.pins(), "nothing is left behind",
         (lab.pins(), link.name))


@scenario("a capability is missing")
def test_capabilities(t, lab):
    link = lab.veth("v0")
    for name in ("NET_ADMIN", "SYS_ADMIN"):
        without = ("setpriv", f"--bounding-set=-{name.lower()}")
        refused(t, lab.samplerd("--attach", "v0", wrap=without), UNSUPPORTED,
                rf"CAP_{name} is missing, needed .*: run as root$",
                f"--attach: CAP_{name} is named")
    untouched(t, lab, link)
    lab.attach("v0")
    without = ("setpriv", "--bounding-set=-sys_admin")
    for verb in ("--detach", "--verify-attached"):
        refused(t, lab.samplerd(verb, "v0", wrap=without), UNSUPPORTED, "CAP_SYS_ADMIN is missing",
                f"{verb}: CAP_SYS_ADMIN is named")
    counts(t, lab, link, "the program that was there counts on")


@scenario("an old kernel")
def test_old_kernel(t, lab):
    link = lab.veth("v0")
    if "2.6" not in lab.run("setarch", "--uname-2.6", "uname", "-r"):
        raise laboratory.Skip("setarch --uname-2.6 has no effect here")
    refused(t, lab.samplerd("--attach", "v0", wrap=("setarch", "--uname-2.6")), UNSUPPORTED,
            r"kernel 2\.6\.\S* is too old: 6\.1 or later is needed \(.+\)", "says what is missing")
    untouched(t, lab, link)


@scenario("no such user")
def test_no_user(t, lab):
    link = lab.veth("v0")
    for verb in ((), ("--attach",)):
        refused(t, lab.samplerd(*verb, "--user", "no-such-user", "v0"), FAILED,
                'no user "no-such-user"', f"{verb[0] if verb else 'recording'}: says so")
    refused(t, lab.samplerd("--user", "root", "v0"), FAILED, '"root": it has user id 0',
            "the recorder does not run as root")
    untouched(t, lab, link)


# ---- pins ----

@scenario("pins of another ABI")
def test_abi(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    link.send(FRAMES)
    before, key = lab.snapshot("v0"), lab.key("v0")
    meta = lab.map_value(key, "sampler_meta")
    words = "speaks ABI %d, this program speaks ABI %d" % lab.change_abi(key, 98)
    refused(t, lab.samplerd("--print", "v0"), OTHER_ABI, words, "--print refuses")
    unprivileged = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
    result = lab.samplerd("v0", wrap=unprivileged)
    refused(t, result, OTHER_ABI, words, "so does a recorder that cannot attach")
    said = lab.attach("v0")
    t.match(said, rf"warning: v0: new counters, a new epoch: .*{words}",
            "--attach begins a new epoch and says so")
    after = lab.snapshot("v0")
    t.ok(after["epoch"] > before["epoch"] and after["rx"]["packets"] == 0, "from 0", after)
    counts(t, lab, link, "and counts")
    layout = meta[:16] + bytes(8) + meta[24:]
    lab.map_value(key, "sampler_meta", layout)
    refused(t, lab.samplerd("--print", "v0"), OTHER_ABI, "come from different builds",
            "another layout of the same ABI is refused as well")
    t.equal(lab.samplerd("--detach", "v0").status, 0, "--detach works with any")
    untouched(t, lab, link)


@scenario("pins that are half written")
def test_half_written(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    key = lab.key("v0")
    meta = bytearray(lab.map_value(key, "sampler_meta"))
    meta[100] ^= 1
    lab.map_value(key, "sampler_meta", bytes(meta))
    refused(t, lab.samplerd("--print", "v0"), 1, "does not match its checksum.*attach again",
            "--print says so, and what to do")
    lab.attach("v0")
    counts(t, lab, link, "attaching again is the remedy")
    lab.map_value(key, "sampler_meta", bytes(len(meta)))
    refused(t, lab.samplerd("--print", "v0"), FAILED, "attach again", "the same with nothing in it")
    lab.attach("v0")
    counts(t, lab, link, "attaching again is the remedy again")


@scenario("pins removed by hand")
def test_pins_removed(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    sent, _ = link.send(FRAMES * 50)
    before, state = lab.snapshot("v0"), link.state()
    lab.run("rm", "-r", f"{PINS}/{lab.key('v0')}")
    more, _ = link.send(FRAMES * 50)
    said = lab.attach("v0")
    t.match(said, "v0: pins were gone, the program was not: pinned its counters again", "says so")
    after = lab.snapshot("v0")
    t.equal((after["epoch"], after["program"], link.state().prog_id),
            (before["epoch"], before["program"], state.prog_id), "same epoch, same program")
    t.equal(after["rx"]["packets"], sent + more, "nothing is lost")
    for name in MAPS:
        before = packets(lab)
        os.unlink(f"{PINS}/{lab.key('v0')}/{name}")
        result = lab.samplerd("--attach", "v0")
        t.ok(result.status == 0 and packets(lab) == before, f"{name} alone: nothing is lost",
             result)
        if result.status:
            lab.samplerd("--detach", "v0")
            lab.attach("v0")
        counts(t, lab, link, f"{name} alone: it counts")


@scenario("pins removed by hand, and detached")
def test_pins_removed_detach(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    lab.run("rm", "-r", f"{PINS}/{lab.key('v0')}")
    t.equal(lab.samplerd("--detach", "v0").status, 0, "--detach without any pin")
    untouched(t, lab, link, "takes our program off")
    lab.attach("v0")
    lab.run("rm", "-r", PINS)
    t.equal(lab.samplerd("--detach", "v0").status, 0, "--detach without the folder of all pins")
    untouched(t, lab, link, "takes our program off, too")
    lab.attach("v0")
    os.unlink(f"{PINS}/{lab.key('v0')}/sampler_control")
    t.equal(lab.samplerd("--detach", "v0").status, 0, "--detach with a pin missing")
    untouched(t, lab, link, "takes our program off as well")


@scenario("detach takes only what is ours")
def test_detach(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    folder = f"{PINS}/{lab.key('v0')}"
    lab.run("bpftool", "map", "create", f"{folder}/stranger", "type", "array", "key", "4", "value",
            "4", "entries", "1", "name", "stranger")
    result = lab.samplerd("--detach", "v0")
    t.equal((result.status, link.state().prog_id), (0, 0), "our program is off")
    t.equal(lab.pins(), [lab.key("v0"), f"{lab.key('v0')}/stranger"],
            "our pins are gone, a stranger's in our folder stays")
    lab.attach("v0")
    counts(t, lab, link, "it can be attached beside it")
    lab.samplerd("--detach", "v0")
    os.unlink(f"{folder}/stranger")
    lab.attach("v0")
    lab.run("ip", "link", "set", "dev", "v0", "xdp", "off")
    foreign = load_foreign(lab, link)
    result = lab.samplerd("--verify-attached", "v0")
    refused(t, result, FAILED, r"our program is not on the interface any more.*--attach v0",
            "--verify-attached sees that another one took its place")
    t.equal([(p["name"], p["id"], p["ours"]) for p in lab.snapshot("v0")["chain"]],
            [("foreign", foreign, False)], "and leaves word of which one")
    refused(t, lab.samplerd("--attach", "v0"), BUSY, "foreign", "--attach does not drive it out")
    t.equal(lab.samplerd("--detach", "v0").status, 0, "--detach")
    t.equal((link.state().prog_id, lab.pins()), (foreign, []), "leaves it there, our pins are gone")
    result = lab.samplerd("--detach", "v0")
    t.equal(result.status, 0, "--detach again is no error")
    t.match(result.err, "v0: nothing to detach", "and says that there is nothing")
    t.equal(lab.samplerd("--detach", "nope").status, 0, "nor is it of an interface that is not")


@scenario("an interface of the same name again")
def test_recreated(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    link.send(FRAMES * 50)
    before = lab.snapshot("v0")
    lab.run("ip", "link", "del", "v0")
    link = lab.veth("v0", peer="p1")
    said = lab.attach("v0")
    t.match(said, "v0: the pins are of an earlier interface of that name: new counters, a new "
            "epoch", "--attach says so")
    after = lab.snapshot("v0")
    t.ok(after["epoch"] > before["epoch"] and after["rx"]["packets"] == 0, "new epoch, from 0",
         after)
    counts(t, lab, link, "and it counts")
    lab.run("ip", "link", "del", "v0")
    t.equal(lab.samplerd("--detach", "v0").status, 0, "--detach works when it is gone")
    t.equal(lab.pins(), [], "and nothing is left")


# ---- names and namespaces ----

@scenario("names of interfaces")
def test_names(t, lab):
    for n, name in enumerate(("eth0.100", "br-lan", "a", "all-fifteen-byt", "w.0@x#\"'\u00e9~$&;",
                              "--dashes", "sampler", "..x")):
        link = lab.veth(name, peer=f"p{n}")
        recorder = lab.record(name)
        recorder.wait_log("attached")
        sent, size = link.send(FRAMES * 50)
        recorder.wait_record()
        laboratory.wait_for(lambda: lab.last_record(name)["rx"]["packets"] == sent, "the record")
        snapshot = lab.snapshot(name)
        t.equal((snapshot["interface"], snapshot["rx"]["packets"], snapshot["rx"]["bytes"]),
                (name, sent, size), f"{name}: real name and exact counts")
        t.ok(lab.key(name) in lab.pins(), f"{name}: pinned as {lab.key(name)}", lab.pins())
        recorder.stop()
        t.match(recorder.log(), re.escape(f"{name}: detached"), f"{name}: the log has it")
        untouched(t, lab, link, f"{name}: nothing is left")


@scenario("a bridge")
def test_bridge(t, lab):
    try:
        lab.run("ip", "link", "add", "br-lan", "type", "bridge", "mcast_snooping", "0")
    except laboratory.Failure as failure:
        raise laboratory.Skip(f"no bridge here: {failure}") from None
    link = lab.veth("port0")
    lab.run("ip", "link", "set", "port0", "master", "br-lan")
    lab.run("ip", "link", "set", "br-lan", "up")
    mac = re.search(r"link/ether (\S+)", lab.run("ip", "link", "show", "br-lan"))[1]
    said = lab.attach("br-lan")
    t.match(said, "br-lan: no native XDP", "a bridge has no native mode")
    before = packets(lab, "br-lan")
    to_bridge = eth(IPV4, ipv4(UDP, udp(1, 2)), dst=bytes.fromhex(mac.replace(":", "")))
    laboratory.wait_for(lambda: link.send([to_bridge]) and packets(lab, "br-lan") > before,
                        "the port to forward")
    before = packets(lab, "br-lan")
    sent, _ = link.send([to_bridge] * 100)
    t.equal(packets(lab, "br-lan") - before, sent, "but counts what is for it")


@scenario("one name in two namespaces")
def test_two_namespaces(t, lab):
    other = lab.namespace()
    links = [lab.veth("eth0"), lab.veth("eth0", ns=other)]
    recorders = [lab.record("eth0", ns=link.ns) for link in links]
    for recorder in recorders:
        recorder.wait_record()
    sent = [links[0].send(FRAMES * 20), links[1].send(FRAMES * 70)]
    got = [lab.snapshot("eth0", ns=link.ns) for link in links]
    t.equal([(s["rx"]["packets"], s["rx"]["bytes"]) for s in got], sent, "each has its own counts")
    t.ok({lab.key("eth0"), lab.key("eth0", ns=other)} <= set(lab.pins()),
         "and its own pins on one bpffs", lab.pins())
    for recorder, link, n in zip(recorders, links, sent):
        laboratory.wait_for(lambda link=link, n=n: lab.last_record(
            "eth0", ns=link.ns)["rx"]["packets"] == n[0], "the record")
    t.ok(True, "and its own history")
    recorders[0].stop()
    t.equal((links[0].state().prog_id, bool(links[1].state().prog_id)), (0, True),
            "the end of one is not the end of the other")
    counts(t, lab, links[1], "which counts on", ns=other)
    recorders[1].stop()
    untouched(t, lab, links[1])


@scenario("from outside with nsenter")
def test_nsenter(t, lab):
    """One mount namespace, so one bpffs, from which other network namespaces are entered."""
    other = lab.namespace()
    link = lab.veth("eth0", ns=other)
    enter = ("nsenter", f"--net={other.path}")
    lab.attach("eth0", wrap=enter)
    t.ok(link.state().prog_id, "attached")
    counts(t, lab, link, "and counted", wrap=enter)
    refused(t, lab.samplerd("--print", "eth0"), FAILED, "eth0 is not sampled",
            "and not seen from another namespace")
    t.equal(lab.samplerd("--detach", "eth0", wrap=enter).status, 0, "detached")
    untouched(t, lab, link)


laboratory.main()
