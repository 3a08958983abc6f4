#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Raw frames: what is refused, what it takes to be allowed, what privileges there are, and runs that are
in the way of something: links that go, queues that are full, signals, bad input.
"""
import functools
import json
import os
import pwd
import re
import signal
import struct
import subprocess
import time

import frames as f
import lab as laboratory
from lab import scenario, status_of
from raw import (DESTINATION4, DONE, ENV, FAILED, LOADGEN, MAC, SOURCE4, USAGE, Capture, Ends, stamp)
from reports import valid

CARRIERS = (0x8847, 0x8848, 0x8864, 0x22F3, 0x88E7, 0x894F)  # MPLS, PPPoE, TRILL, 802.1ah, RFC 8300


def received(ends):
    return ends.link.stats().rx_packets


def refused(t, ends, name, status, pattern, *argv):
    """A run that must not start: with this message, of one line, and without a frame."""
    before = received(ends)
    result = ends.try_run(*argv)
    lines = result.err.splitlines()
    t.ok(result.status == status and len(lines) == 1 and re.search(pattern, lines[0]),
         f"{name}: refused, and told why", result)
    t.equal(received(ends), before, f"{name}: no frame was sent")


def allowed(t, ends, name, *argv):
    before = received(ends)
    result = ends.try_run(*argv, "--frames", "5", "--json")
    t.equal((result.status, received(ends) - before), (DONE, 5), f"{name}: sent when it is allowed")
    return result


def wait_woken(process, what):
    """Wait until a run has tried to send some more."""
    woken = laboratory.wakeups(process.pid)
    laboratory.wait_for(lambda: laboratory.wakeups(process.pid) > woken + 20, what)


def to(address, *argv):
    return ("--raw", "--interface", "p0", "--destination", address, "--destination-mac", MAC, *argv)


@scenario("only ranges for tests", 90)
def test_ranges(t, lab):
    ends = Ends(lab)
    v6 = ("--mix", "udp6")
    for address, more in (("10.0.0.1", ()), ("198.17.255.255", ()), ("198.20.0.0", ()),
                          ("192.0.3.0", ()), ("8.8.8.8", ()), ("127.0.0.1", ()),
                          ("2001:db7::1", v6), ("2001:2:1::1", v6), ("fd00::1", v6), ("::1", v6)):
        refused(t, ends, address, USAGE, "not within the ranges for tests .*--allow-any-destination",
                *to(address, "--frames", "5", *more))
    allowed(t, ends, "10.0.0.1", *to("10.0.0.1", "--allow-any-destination", "yes"))
    # without a route the source has to be named
    for address in ("198.18.0.9", "198.19.255.254", "192.0.2.1", "198.51.100.255", "203.0.113.7",
                    "169.254.3.4"):
        allowed(t, ends, address, *to(address, "--source", SOURCE4))
    for address in ("2001:2::9", "2001:db8::1", "fe80::1", "3fff:fff::1"):
        allowed(t, ends, address, *to(address, "--source", "2001:2::1", "--allow-any-source", "yes", *v6))


@scenario("what carries packets on", 60)
def test_carriers(t, lab):
    ends = Ends(lab)
    for kind in CARRIERS:
        argv = to(DESTINATION4, "--mix", f"udp4 ethertype={kind:#06x}")
        refused(t, ends, f"{kind:#06x}", USAGE, rf"ethertype={kind:#06x} frames \(mix\) are handed on, and nobody can "
                r"tell where to; .*--allow-any-destination yes", *argv, "--frames", "5")
        allowed(t, ends, f"{kind:#06x}", *argv, "--allow-any-destination", "yes")
    allowed(t, ends, "others", *to(DESTINATION4, "--mix", "ethertype=0x88b6"))


@scenario("one receiver, own addresses, a TTL of 1", 60)
def test_addresses(t, lab):
    ends = Ends(lab)
    seen = Capture(ends.link)
    many = ("198.18.0.255", "224.0.0.1", "255.255.255.255")
    for address in many:
        refused(t, ends, address, FAILED if address.startswith("198") else USAGE,
                "--allow-multicast", *to(address, "--frames", "5"))
    refused(t, ends, "a multicast MAC", USAGE, "destination_mac = 01:00:5e:00:00:01 .*--allow-multicast",
            "--raw", "--interface", "p0", "--destination", DESTINATION4, "--destination-mac",
            "01:00:5e:00:00:01", "--frames", "5")
    for address, mac in zip(many, ("ff" * 6, "01005e000001", "ff" * 6)):
        allowed(t, ends, address, "--raw", "--interface", "p0", "--destination", address, "--source",
                SOURCE4, "--allow-multicast", "yes")
        t.equal({frame[:6].hex() for frame in seen.frames(5)}, {mac}, f"{address}: its MAC address")
    refused(t, ends, "a foreign source", FAILED, r"source 198\.18\.0\.7: not an address of p0; .*--allow-any-source",
            *to(DESTINATION4, "--source", "198.18.0.7", "--frames", "5"))
    refused(t, ends, "a foreign MAC", FAILED, "source_mac: not an address of p0; .*--allow-any-source",
            *to(DESTINATION4, "--source-mac", "02:00:00:00:00:07", "--frames", "5"))
    allowed(t, ends, "both", *to(DESTINATION4, "--source", "198.18.0.7", "--source-mac",
                                 "02:00:00:00:00:07", "--allow-any-source", "yes"))
    t.equal({(frame[6:12].hex(), frame[26:30]) for frame in seen.frames(5)},
            {("020000000007", bytes((198, 18, 0, 7)))}, "as they were given")
    allowed(t, ends, "own ones", *to(DESTINATION4))
    frames = seen.frames(5)
    t.equal({(frame[22], frame[26:30]) for frame in frames}, {(1, bytes((198, 18, 0, 1)))},
            "the TTL is 1, the source the interface's")
    allowed(t, ends, "another TTL", *to(DESTINATION4, "--ttl", "7"))
    t.equal({frame[22] for frame in seen.frames(5)}, {7}, "is in the frames")


@scenario("a limit, an interface, a destination", 60)
def test_explicit(t, lab):
    ends = Ends(lab)
    rest = ("--raw", "--interface", "p0")
    refused(t, ends, "no limit", USAGE, "no limit: .*--duration, --frames, --total-size$", *to(DESTINATION4))
    refused(t, ends, "no limit of a capture", USAGE, "--total-size and --loops$", *rest, "--pcap", "/x",
            "--loops", "0")
    refused(t, ends, "no interface", USAGE, "no interface: give --interface", "--raw", "--destination",
            DESTINATION4, "--frames", "5")
    refused(t, ends, "no destination", USAGE, "udp4 frames .* IPv4 address .* --destination 198.18.0.2",
            *rest, "--frames", "5")
    refused(t, ends, "none of IPv6", USAGE, "tcp6 frames .* IPv6 address",
            *to(DESTINATION4, "--frames", "5", "--mix", "udp4 tcp6"))
    refused(t, ends, "none of Ethernet", USAGE, "ethertype frames .* --destination-mac", *rest,
            "--mix", "ethertype", "--frames", "5")
    refused(t, ends, "no such interface", FAILED, r'no interface "eth7"; there are: lo, p0',
            "--raw", "--interface", "eth7", "--destination", DESTINATION4, "--frames", "5")
    refused(t, ends, "no Ethernet", FAILED, "lo is no Ethernet interface", "--raw", "--interface", "lo",
            "--destination", DESTINATION4, "--frames", "5")
    lab.run("ip", "route", "add", "default", "via", "198.18.0.254", ns=ends.link.peer_ns)
    refused(t, ends, "the default route", FAILED, "p0 has the default route, .*--allow-default-route",
            *to(DESTINATION4, "--frames", "5"))
    allowed(t, ends, "the default route", *to(DESTINATION4, "--allow-default-route", "yes"))
    lab.run("ip", "route", "del", "default", ns=ends.link.peer_ns)
    lab.run("ip", "route", "add", "default", "nexthop", "via", "198.18.0.253", "nexthop", "via",
            "198.18.0.254", ns=ends.link.peer_ns)
    refused(t, ends, "one of several", FAILED, "p0 has the default route",
            *to(DESTINATION4, "--frames", "5"))


@scenario("ways to the world that are not called default", 60)
def test_world(t, lab):
    ends = Ends(lab)
    ip = functools.partial(lab.run, "ip", ns=ends.link.peer_ns)
    argv, yes = to(DESTINATION4, "--frames", "5"), ("--allow-default-route", "yes")
    ip("route", "add", "10.0.0.0/8", "via", "198.18.0.254")
    allowed(t, ends, "a private network", *to(DESTINATION4))
    ip("route", "add", "128.0.0.0/1", "via", "198.18.0.254")
    refused(t, ends, "half of all", FAILED, "p0 has the default route, .*--allow-default-route", *argv)
    ip("route", "del", "128.0.0.0/1")
    for name, kind in (("br0", ("type", "bridge", "mcast_snooping", "0")), ("up0", ("link", "p0", "type", "macvlan"))):
        ip("link", "add", "name", name, *kind)
        ip("link", "set", name, "up")
        if name == "br0":
            ip("link", "set", "p0", "master", name)
        ip("addr", "add", "192.0.2.1/24", "dev", name)
        allowed(t, ends, f"below {name} without a way", *to(DESTINATION4))
        ip("route", "add", "default", "via", "192.0.2.254")
        refused(t, ends, name, FAILED, f"{name}, above p0, has the default route, .*--allow-default-route", *argv)
        allowed(t, ends, name, *to(DESTINATION4, *yes))
        ip("link", "del", name)
    # from here on the kernel has frames of its own to send
    lab.run("sysctl", "-qw", "net.ipv6.conf.p0.disable_ipv6=0", ns=ends.link.peer_ns)
    ip("addr", "add", "2001:2::1/64", "dev", "p0", "nodad")
    for route, status in (("fc00::/7", DONE), ("2000::/3", FAILED)):
        ip("route", "add", route, "via", "2001:2::fe")
        t.equal(ends.try_run(*argv).status, status, route)


@scenario("MAC addresses of many, by route and neighbour", 60)
def test_many(t, lab):
    ends = Ends(lab)
    lab.run("ip", "addr", "add", "198.18.7.1/24", "brd", "198.18.7.77", "dev", "p0", ns=ends.link.peer_ns)
    lab.run("ip", "neigh", "add", "198.18.0.9", "lladdr", "01:00:5e:00:00:01", "dev", "p0", "nud", "permanent",
            ns=ends.link.peer_ns)
    for address, mac in (("198.18.7.77", "ff:ff:ff:ff:ff:ff"), ("198.18.0.9", "01:00:5e:00:00:01")):
        argv = ("--raw", "--interface", "p0", "--destination", address)
        refused(t, ends, address, FAILED, rf"destination {address} is at {mac}, .*--allow-multicast", *argv,
                "--frames", "5")
        allowed(t, ends, address, *argv, "--allow-multicast", "yes")


@scenario("bad values", 90)
def test_values(t, lab):
    ends = Ends(lab)
    for argv, pattern in (
            (("--mix", "udp5"), '--mix udp5: there is no kind of frame "udp5"'),
            (("--mix", "udp4:0"), "--mix udp4:0: expected kinds of frames"),
            (("--mix", "ethertype=0x0800"), "no kind of frame"),
            (("--mix", "ethertype=0x05ff"), "no kind of frame"),
            (("--frame-size", "13"), "expected bytes without FCS .* from 14 to 65535"),
            (("--frame-size", "100-60"), "expected bytes"),
            (("--frame-size", "60:1001"), "expected bytes"),
            (("--frame-size", ""), "expected bytes"),
            (("--port", "65536"), "expected a port or a range"),
            (("--port", "9-8"), "expected a port or a range"),
            (("--tcp-flags", "syn,ack"), r"expected some of fin, syn"),
            (("--vlan", "4095"), "expected a VLAN"), (("--vlan", "1.2.3"), "expected a VLAN"),
            (("--ttl", "0"), "from 1 to 255"), (("--flows", "0"), "from 1 to 1048576"),
            (("--flow-order", "random"), "expected round-robin, uniform or zipf"),
            (("--bandwidth-layer", "3"), "expected 2 .* or 1"),
            (("--source", "198.18.0.1 198.18.0.2"), "expected an IPv4 address"),
            (("--destination-mac", "02:00:00:00:00"), "expected an address such as 02:"),
            (("--flows", "3", "--threads", "2"), "flows = 3 .* threads = 2 .* a multiple of threads"),
            (("--flows", "70000", "--source-port", "1-9"), "fewer pairs of ports than flows"),
            (("--flows", "70000", "--mix", "icmp4"), "at most 65536 identifiers"),
            (("--loops", "2"), "there is no capture: give pcap"),
            (("--pcap", "/x"), "destination = .* pcap = /x .* sent as they are"),
            (("--connections", "5"), "connections = 5 .* raw frames have no use for it"),
            (("--max-p99", "5ms"), "raw frames have no use for it"),
            (("--hdr", ), "raw frames have no use for it"),
            (("--ramp", "5s", "--bandwidth", "0"), "no pace to grow to")):
        refused(t, ends, " ".join(argv), USAGE, pattern, *to(DESTINATION4, "--frames", "5", *argv))
    refused(t, ends, "beyond the MTU", FAILED, r"frame 1 has 1515 bytes, but p0 takes frames of 1514 at most",
            *to(DESTINATION4, "--frames", "5", "--frame-size", "1515"))
    allowed(t, ends, "the MTU, and a tag", *to(DESTINATION4, "--vlan", "5", "--frame-size", "1518"))
    refused(t, ends, "no room for one frame", FAILED, "total_size = 59: not even the first frame fits",
            *to(DESTINATION4, "--total-size", "59"))
    refused(t, ends, "for another engine", USAGE, "interface = p0 .* it is for raw frames", "--url",
            "http://a", "--interface", "p0")
    path = f"{laboratory.RUN}/raw.ini"
    with open(path, "w", encoding="utf-8") as file:
        file.write("[target]\nprotocol = raw\n[limits]\nframes = 5\n[raw]\ninterface = p0\n"
                   "destination = 10.0.0.1\n")
    refused(t, ends, "of a file", USAGE, rf"destination = 10\.0\.0\.1 \({path}:7\): not within", "-c", path)
    with open(path, "w", encoding="utf-8") as file:
        file.write("[raw]\nsockets = xdp\n")
    refused(t, ends, "a key that there is not", USAGE, rf'{path}:2: unknown key "sockets" in \[raw\]; known: interface, '
            ".*, socket, .*, allow_default_route$", "-c", path)


@scenario("bad captures", 60)
def test_captures(t, lab):
    ends = Ends(lab)
    path = f"{laboratory.RUN}/bad.pcap"
    good = f.eth(f.IPV4, f.ipv4(f.UDP, f.udp(payload=b"x" * 50)))
    f.write_pcap(path, [good, good])
    with open(path, "rb") as file:
        whole = file.read()

    def record(n, size):
        return whole[:24] + struct.pack("=IIII", 0, 0, n, size) + good

    replay = ("--raw", "--interface", "p0", "--pcap", path)
    for name, data, pattern in (
            ("nothing", b"", "is neither a pcap nor a pcapng file"),
            ("text", b"x" * 50, "is neither a pcap nor a pcapng file"),
            ("no frames", whole[:24], "has no frames"),
            ("a cut header", whole[:30], "ends within the header of frame 1"),
            ("a cut frame", whole[:-1], "ends within frame 2"),
            ("a snapped frame", record(len(good), 999), "of the 999 bytes of frame 1; capture whole frames"),
            ("a short frame", whole[:24] + struct.pack("=IIII", 0, 0, 13, 13) + b"x" * 13, "frame of 13 bytes"),
            ("another link", whole[:20] + struct.pack("=I", 113) + whole[24:], "link type 113")):
        with open(path, "wb") as file:
            file.write(data)
        refused(t, ends, name, FAILED, rf"^sampler-loadgen: error: {path}: .*{pattern}|{path} .*{pattern}", *replay)
    refused(t, ends, "no file", FAILED, "cannot read /nowhere: No such file", "--raw", "--interface", "p0",
            "--pcap", "/nowhere")
    refused(t, ends, "a folder", FAILED, "/run: expected a file", "--raw", "--interface", "p0", "--pcap", "/run")
    os.mkfifo(f"{laboratory.RUN}/fifo")
    refused(t, ends, "a FIFO without a writer", FAILED, "/fifo: expected a file", "--raw", "--interface", "p0",
            "--pcap", f"{laboratory.RUN}/fifo")
    f.write_pcap(path, [good])
    refused(t, ends, "not ours", FAILED, "frame 1 is not from this interface: .*--allow-any-source", *replay)
    allowed(t, ends, "not ours", *replay, "--allow-any-source", "yes", "--loops", "5")
    out = good[:30] + bytes((9, 9, 9, 9)) + good[34:]
    tagged = out[:12] + bytes.fromhex("910000058100000688a80007") + out[12:]
    for name, frame, option in (("elsewhere", out, "--allow-any-destination"),
                                ("elsewhere, behind tags", tagged, "--allow-any-destination"),
                                *((f"of a protocol that is handed on, {kind:#06x}", f.eth(kind, good[14:]),
                                   "--allow-any-destination") for kind in CARRIERS),
                                ("MPLS behind a tag", f.eth(f.VLAN, b"\0\x07\x88\x47" + good[14:]),
                                 "--allow-any-destination"),
                                ("to all", b"\xff" * 6 + good[6:], "--allow-multicast")):
        f.write_pcap(path, [good, frame])
        refused(t, ends, name, FAILED, f"frame 2 (goes to|is of a protocol) .*{option}", *replay, "--allow-any-source",
                "yes")
        allowed(t, ends, name, *replay, "--allow-any-source", "yes", option, "yes", "--loops", "3")


@scenario("addresses by route and neighbour", 60)
def test_resolution(t, lab):
    ends = Ends(lab)
    lab.run("ip", "addr", "add", "198.18.0.2/24", "dev", "v0")
    mac = json.loads(lab.run("ip", "-j", "link", "show", "v0"))[0]["address"].replace(":", "")
    seen = Capture(ends.link)

    def sent(*argv):
        result = ends.try_run("--raw", "--interface", "p0", "--frames", "5", "-q", *argv)
        frames = [frame for frame in seen.frames(0) if len(frame) >= 60 and frame[42:44] == b"\0\0"
                  and frame[12:14] == b"\x08\0"]
        return result, {(frame[:6].hex(), frame[26:30], frame[30:34]) for frame in frames}

    result, found = sent("--destination", "198.18.0.2")
    want = (mac, bytes((198, 18, 0, 1)), bytes((198, 18, 0, 2)))
    t.equal((result.status, found), (DONE, {want}), "a neighbour that has to be asked for")
    result, found = sent("--destination", "198.18.0.2")
    t.equal((result.status, found), (DONE, {want}), "one that is known")
    lab.run("ip", "route", "add", "198.51.100.0/24", "via", "198.18.0.2", ns=ends.link.peer_ns)
    result, found = sent("--destination", "198.51.100.9")
    t.equal((result.status, found), (DONE, {(mac, want[1], bytes((198, 51, 100, 9)))}), "behind a router")
    result, _ = sent("--destination", "198.18.0.1")
    t.ok(result.status == FAILED and "198.18.0.1 is this machine's own" in result.err, "itself", result)
    result, _ = sent("--destination", "198.18.0.77")
    t.ok(result.status == FAILED and "198.18.0.77 does not answer on p0" in result.err
         and "--destination-mac" in result.err, "nobody there", result)
    result, _ = sent("--destination", "2001:2::2", "--mix", "udp6")
    t.ok(result.status == FAILED and re.search("no route to 2001:2::2|no IPv6 address", result.err)
         and "--source" in result.err, "no IPv6", result)


def capabilities(pid):
    """(CapEff, CapPrm, NoNewPrivs, user) of each thread."""
    found = set()
    for task in os.listdir(f"/proc/{pid}/task"):
        status = status_of(task)
        found.add((int(status["CapEff"], 16), int(status["CapPrm"], 16), status["NoNewPrivs"],
                   status["Uid"].split()[0]))
    return found


def spawn(lab, ends, *argv, wrap=()):
    return lab.spawn(*wrap, LOADGEN, *argv, ns=ends.link.peer_ns, env={**os.environ, **ENV},
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


ALONE = ("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--bounding-set", "-all,+net_raw",
         "--inh-caps", "-all,+net_raw", "--ambient-caps", "-all,+net_raw")


def own_copy():
    """No folder of this machine has to let nobody in. Return: the program's path, where anybody may run it."""
    path = f"{laboratory.RUN}/loadgen"
    with open(LOADGEN, "rb") as source, open(path, "wb") as copy:
        copy.write(source.read())
    os.chmod(path, 0o755)
    return path


def programs(ends):
    """Ids of XDP programs at the sending end."""
    shown = ends.lab.run("ip", "-j", "link", "show", "p0", ns=ends.link.peer_ns)
    return [link["xdp"]["prog"]["id"] for link in json.loads(shown) if "xdp" in link]


@scenario("CAP_NET_RAW is enough, and goes", 60)
@scenario("for AF_XDP as well", 60, socket="xdp")
def test_privileges(t, lab, socket="packet"):
    ends = Ends(lab, socket, queues=2)
    lab.attach("v0")
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    program = own_copy()
    argv = to(DESTINATION4, "--rate", "100", "--duration", "20s", *ends.socket)
    for name, wrap, user in (("root", (), nobody), ("CAP_NET_RAW alone", ALONE, nobody)):
        process = lab.spawn(*wrap, program, *argv, "--json", "--threads", "2", ns=ends.link.peer_ns,
                            env={**os.environ, **ENV}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)
        before = received(ends)
        laboratory.wait_for(lambda first=before: received(ends) > first, f"{name}: frames")
        t.equal(capabilities(process.pid), {(0, 0, "1", user)}, f"{name}: no thread has any privilege left")
        t.equal(programs(ends), [], f"{name}: there is no XDP program where it sends")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        t.ok(process.returncode == 130 and valid(out, "raw_report")["ended"] == "SIGINT",
             f"{name}: and it ends well", (process.returncode, err))
    nothing = ("setpriv", "--reuid", nobody, "--regid", nobody, "--clear-groups", "--inh-caps", "-all")
    result = lab.try_run(*nothing, program, *argv, ns=ends.link.peer_ns, env=ENV)
    t.ok(result.status == FAILED and "raw frames need CAP_NET_RAW" in result.err, "without it: told", result)
    result = lab.try_run(*nothing, program, *argv, "--dry-run", ns=ends.link.peer_ns, env=ENV)
    t.ok(result.status == DONE and result.out.count(" udp\n") == 20, "a dry run needs none", result)


@scenario("interrupted", 60)
@scenario("AF_XDP, interrupted", 60, socket="xdp")
def test_signal(t, lab, socket="packet"):
    ends = Ends(lab, socket)
    lab.attach("v0", "--mode", "skb")
    for name, number, status in (("SIGINT", signal.SIGINT, 130), ("SIGTERM", signal.SIGTERM, 143)):
        before = lab.snapshot("v0")["rx"]["packets"]
        process = spawn(lab, ends, *to(DESTINATION4, "--rate", "20000", "--duration", "60s", "--json", *ends.socket))
        laboratory.wait_for(lambda first=before: lab.snapshot("v0")["rx"]["packets"] > first + 100, "frames")
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
        report = valid(out, "raw_report")
        t.equal((process.returncode, report["ended"], err), (status, name, ""), f"{name}: status {status}")
        t.equal(lab.snapshot("v0")["rx"]["packets"] - before, report["frames"]["sent"],
                f"{name}: all that was sent is in the report")


# Runs a program that may have no socket of AF_XDP, as a filter of seccomp(2) for socket(44, ...) has it: EAFNOSUPPORT.
WITHOUT_XDP = """
import ctypes, os, platform, struct, sys
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
code = [(0x20, 0, 0, 0), (0x15, 0, 3, number), (0x20, 0, 0, 16), (0x15, 0, 1, 44), (0x06, 0, 0, 0x50061), (0x06, 0, 0, 0x7fff0000)]
program = b"".join(struct.pack("=HBBI", *one) for one in code)
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(program)
filter = struct.pack("@HP", len(code), ctypes.addressof(buffer))
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, filter, 0, 0):
    sys.exit(f"no filter: {ctypes.get_errno()}")
os.execv(sys.argv[1], sys.argv[1:])
"""


@scenario("a link that goes down and comes back", 60)
@scenario("AF_XDP, and a link that goes down and comes back", 60, socket="xdp")
def test_flap(t, lab, socket="packet"):
    ends = Ends(lab, socket)
    seen = Capture(ends.link)
    process = spawn(lab, ends, *to(DESTINATION4, "--rate", "500", "--frames", "2000", "--json", *ends.socket))
    before = received(ends)
    laboratory.wait_for(lambda: received(ends) > before + 20, "frames")
    lab.run("ip", "link", "set", "p0", "down", ns=ends.link.peer_ns)
    wait_woken(process, "frames that are refused")
    lab.run("ip", "link", "set", "p0", "up", ns=ends.link.peer_ns)
    out, err = process.communicate(timeout=60)
    report = valid(out, "raw_report")
    t.equal((process.returncode, report["frames"]["sent"], err), (DONE, 2000, ""), "all were sent")
    t.ok(report["frames"]["refused"] > 0, "what was refused meanwhile is told", report["frames"])
    numbers = [stamp(frame)[0] for frame in seen.frames(2000) if frame[12:14] == b"\x08\0"]
    t.ok(numbers == sorted(set(numbers)) and numbers[-1] == 1999, "none twice, in their order", numbers)


@scenario("the other end does not take large frames for a while", 60)
@scenario("nor of AF_XDP", 60, socket="xdp")
def test_not_taken(t, lab, socket="packet"):
    """Within a batch one is refused again and again, and those behind it have to wait."""
    ends = Ends(lab, socket)
    seen = Capture(ends.link)
    process = spawn(lab, ends, *to(DESTINATION4, "--frame-size", "60:5 1514:1", "--rate", "2000", "--burst", "50",
                                   "--duration", "60s", "--json", *ends.socket))
    for n in range(4):
        lab.run("ip", "link", "set", "v0", "mtu", "1000")
        wait_woken(process, "frames that are refused")
        lab.run("ip", "link", "set", "v0", "mtu", "1500")
        before = received(ends)
        laboratory.wait_for(lambda first=before: received(ends) > first + 200, f"frames after {n + 1} times")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    sent = valid(out, "raw_report")["frames"]
    found = seen.frames(sent["sent"])
    t.equal((process.returncode, sent["dropped"], err), (130, 0, ""), "none is lost")
    t.ok(sent["refused"] >= 4, "what was refused is told", sent)
    t.ok([stamp(frame)[0] for frame in found] == list(range(sent["sent"])), "none twice, in their order", len(found))
    t.equal({len(frame) for frame in found}, {60, 1514}, "whole")


@scenario("interrupted where frames are refused", 60)
@scenario("AF_XDP, interrupted where frames are refused", 60, socket="xdp")
def test_interrupted_refused(t, lab, socket="packet"):
    """The interface has counted the last one that it refused as well, and time goes on while it does."""
    ends = Ends(lab, socket)
    argv = to(DESTINATION4, "--frame-size", "1514", "--rate", "2000", "--duration", "60s", *ends.socket)
    for n in range(3):
        before = received(ends)
        process = spawn(lab, ends, *argv, "--json")
        laboratory.wait_for(lambda first=before: received(ends) > first, "frames")
        began = time.monotonic()
        lab.run("ip", "link", "set", "v0", "mtu", "1000")
        wait_woken(process, "frames that are refused")
        least = time.monotonic() - began
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        lab.run("ip", "link", "set", "v0", "mtu", "1500")
        report = valid(out, "raw_report")
        sent = report["frames"]
        t.equal((process.returncode, sent["sent"], sent["dropped"], err), (130, received(ends) - before, 0, ""),
                f"{n}: none is lost")
        t.ok(sent["refused"] > 0 and report["duration_s"] >= least, f"{n}: how long it was", (report, least))
    lab.run("ip", "link", "set", "v0", "mtu", "1000")
    process = spawn(lab, ends, *argv, "--csv")
    rows = [process.stdout.readline() for _ in range(3)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    t.ok(all(row.split(",")[2] == "0" and int(row.split(",")[3]) > 0 for row in rows[1:]),
         "a row each second, though nothing is sent", rows)


@scenario("interrupted where there is no room", 60)
@scenario("AF_XDP, interrupted where there is no room", 60, socket="xdp")
def test_no_room(t, lab, socket="packet"):
    """A shaper below the interface holds what the socket may have on its way: some of a batch is taken."""
    ends = Ends(lab, socket)
    ends.queue(*slow("8mbit", "10mb"))
    lab.run("ip", "link", "add", "link", "p0", "name", "above", "type", "macvlan", ns=ends.link.peer_ns)
    lab.run("ip", "link", "set", "above", "up", ns=ends.link.peer_ns)
    for n in range(5):
        before = received(ends)
        process = spawn(lab, ends, *ends.options("--interface", "above", "--frame-size", "1000", "--bandwidth", "0",
                                                 "--duration", "60s", "--json"))
        laboratory.wait_for(lambda first=before: received(ends) > first + 100 + 17 * n, "frames")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        sent = valid(out, "raw_report")["frames"]["sent"]
        t.equal((process.returncode, err), (130, ""), f"{n}: SIGINT ends it")
        laboratory.wait_for(lambda first=before, n=sent: received(ends) >= first + n, "the rest")
        t.ok(sent > 150 + 17 * n, f"{n}: more were taken than have left", sent)
        t.equal(received(ends) - before, sent, f"{n}: what was taken is told, to the frame")


@scenario("refused by a queue below that is full", 60)
@scenario("AF_XDP, refused by a queue below that is full", 60, socket="xdp")
def test_full_below(t, lab, socket="packet"):
    """Frames are dropped while others, of the same batch or earlier ones, have not left yet."""
    ends = Ends(lab, socket)
    ends.queue(*slow("8mbit", "20kb", burst="2kb"))
    lab.run("ip", "link", "add", "link", "p0", "name", "above", "type", "macvlan", ns=ends.link.peer_ns)
    lab.run("ip", "link", "set", "above", "up", ns=ends.link.peer_ns)
    seen = Capture(ends.link)
    for size in ("1000", "60:3 1000:1"):
        sent = ends.run("--interface", "above", "--frame-size", size, "--rate", "4000", "--burst", "40", "--frames", "500",
                        "--give-up", "20s")["frames"]
        t.equal((sent["sent"], sent["dropped"]), (500, 0), f"{size}: all are sent, none is lost")
        t.ok(sent["refused"] > 20, f"{size}: what was refused is told", sent)
        found = [stamp(frame)[0] for frame in seen.frames(500)]
        t.ok(found == list(range(500)), f"{size}: each arrives once, in their order", found)


@scenario("what AF_XDP needs", 60)
def test_xdp_needs(t, lab):
    ends = Ends(lab, "xdp", mtu=9000, queues=2)
    argv = to(DESTINATION4, "--frames", "5", *ends.socket)
    refused(t, ends, "its queue", USAGE, "qdisc_bypass = no .* socket = xdp .* always passes by", *argv,
            "--qdisc-bypass", "no")
    refused(t, ends, "small frames", FAILED, "frame 1 has 4097 bytes, but socket = xdp takes frames of 4096 at most; "
            "use socket = packet", *argv, "--frame-size", "4097")
    allowed(t, ends, "the largest", *argv, "--frame-size", "4096")
    refused(t, ends, "a queue a thread", FAILED, r"p0 has no queue 2: .* each thread needs one .*\(ethtool -L p0, ", *argv,
            "--threads", "3")
    laboratory.wait_for(lambda: not lab.try_run("ethtool", "-L", "p0", "tx", "1", ns=ends.link.peer_ns).status,
                        "the queues to be free")
    refused(t, ends, "one that sends", FAILED, "p0 has no queue 1: ", *argv, "--threads", "2")
    process = spawn(lab, ends, *to(DESTINATION4, "--rate", "500", "--duration", "60s", "-q", *ends.socket))
    before = received(ends)
    laboratory.wait_for(lambda: received(ends) > before, "frames")
    result = ends.try_run(*argv)
    t.ok(result.status == FAILED and re.fullmatch("sampler-loadgen: error: queue 0 of p0 has an AF_XDP socket of another "
         "program; end that, or use socket = packet\n", result.err), "a queue for itself: told", result)
    process.kill()
    process.wait()
    for n in range(3):
        allowed(t, ends, f"a queue that was given up just now, {n}", *argv)
    lab.attach("p0", ns=ends.link.peer_ns)
    there = programs(ends)
    allowed(t, ends, "beside an XDP program", *argv)
    t.equal((len(there), programs(ends)), (1, there), "which stays")
    for name, wrap, message in (
            ("memory", ("prlimit", "--memlock=65536", *ALONE), r"socket = xdp needs 1024 KiB of locked memory for each "
             "thread: raise RLIMIT_MEMLOCK .* or use socket = packet"),
            ("a kernel", ("python3", "-c", WITHOUT_XDP), r"socket = xdp needs AF_XDP, which this kernel has not "
             r"\(CONFIG_XDP_SOCKETS\) or does not allow; use socket = packet")):
        result = lab.try_run(*wrap, own_copy(), *argv, "-q", ns=ends.link.peer_ns, env=ENV)
        t.ok(result.status == FAILED and re.fullmatch(f"loadgen: error: {message}\n", result.err), f"{name}: told", result)


@scenario("a link that is gone", 60)
@scenario("AF_XDP, and a link that is gone", 60, socket="xdp")
def test_gone(t, lab, socket="packet"):
    ends = Ends(lab, socket)
    process = spawn(lab, ends, *to(DESTINATION4, "--rate", "500", "--duration", "60s", "--json", *ends.socket))
    before = received(ends)
    laboratory.wait_for(lambda: received(ends) > before, "frames")
    lab.run("ip", "link", "del", "v0")
    out, err = process.communicate(timeout=60)
    report = valid(out, "raw_report")
    t.equal((process.returncode, report["ended"]), (FAILED, "failed"), "status 1, with a report")
    t.match(err, "cannot send frames by p0: No such device", "and what happened")
    ends = Ends(lab, socket)
    process = spawn(lab, ends, *to(DESTINATION4, "--rate", "500", "--duration", "60s", "--json",
                                   "--give-up", "200ms", *ends.socket))
    before = received(ends)
    laboratory.wait_for(lambda: received(ends) > before, "frames")
    lab.run("ip", "link", "set", "p0", "down", ns=ends.link.peer_ns)
    out, err = process.communicate(timeout=60)
    t.equal((process.returncode, valid(out, "raw_report")["ended"]), (FAILED, "failed"), "one that stays down")
    t.match(err, "cannot send frames by p0: Network is down, for as long as give_up", "is given up")


@scenario("the other end goes down", 60)
def test_carrier(t, lab):
    ends = Ends(lab)
    # with a queue the kernel takes frames without a word, and drops them
    ends.queue("pfifo")
    process = spawn(lab, ends, *to(DESTINATION4, "--rate", "500", "--frames", "2000", "--json"))
    laboratory.wait_for(lambda: received(ends) > 20, "frames")
    lab.run("ip", "link", "set", "v0", "down")
    wait_woken(process, "frames that nobody receives")
    lab.run("ip", "link", "set", "v0", "up")
    out, _ = process.communicate(timeout=60)
    report = valid(out, "raw_report")
    t.equal((process.returncode, report["frames"]["sent"]), (DONE, 2000), "the run goes on")
    t.ok(any("p0 lost its link 1 time:" in note for note in report["notes"]), "and says so", report["notes"])
    lab.run("ip", "link", "set", "v0", "down")
    refused(t, ends, "no link at all", FAILED, "p0 has no link: is its other end connected",
            *to(DESTINATION4, "--frames", "5"))


@scenario("the other end goes down, and AF_XDP is told", 60)
def test_carrier_xdp(t, lab):
    ends = Ends(lab, "xdp")
    process = spawn(lab, ends, *to(DESTINATION4, "--rate", "2000", "--burst", "50", "--duration", "60s", "--json",
                                   *ends.socket))
    for n in range(3):
        before = received(ends)
        laboratory.wait_for(lambda first=before: received(ends) > first + 100, f"frames, {n}")
        lab.run("ip", "link", "set", "v0", "down")
        wait_woken(process, "frames that nobody receives")
        lab.run("ip", "link", "set", "v0", "up")
    before = received(ends)
    laboratory.wait_for(lambda: received(ends) > before + 100, "frames at the end")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    sent = valid(out, "raw_report")["frames"]
    t.equal((process.returncode, sent["dropped"], err), (130, 0, ""), "the run goes on")
    t.ok(sent["refused"] >= 3, "what was refused is told", sent)
    t.equal(received(ends), sent["sent"], "and each arrives once")


def slow(rate, room, burst="10kb"):
    """A queue of a rate, with room for so many bytes."""
    return "tbf", "rate", rate, "burst", burst, "limit", room


@scenario("a queue that drops what it had taken", 60)
def test_queue_drops(t, lab):
    ends = Ends(lab)
    ends.queue("handle", "1:", *slow("8mbit", "20kb"))
    ends.queue("pfifo_head_drop", "limit", "5", at=("parent", "1:1"))
    report = ends.run("--frame-size", "1000", "--rate", "10000", "--frames", "700")
    dropped = report["frames"]["dropped"]
    t.ok(dropped > 500, "most have no room", report["frames"])
    laboratory.wait_for(lambda: received(ends) >= 700 - dropped, "the rest", 5)
    t.equal((report["frames"]["sent"], received(ends)), (700, 700 - dropped), "each one is told")
    t.ok(any(f"p0 dropped {dropped} frames" in note for note in report["notes"]), "in words, too", report["notes"])


@scenario("a queue that holds frames at the end", 60)
def test_queued(t, lab):
    ends = Ends(lab)
    ends.queue(*slow("80kbit", "1mb", burst="2kb"))
    report = ends.run("--frame-size", "1000", "--bandwidth", "0", "--frames", "20")
    told = [re.fullmatch(r"In the queue of p0 are still (\d+) frames, this run's or others': .*", note)
            for note in report["notes"]]
    t.ok(any(told) and 5 < sum(int(match[1]) for match in told if match) <= 20, "it is told how many", report["notes"])
    t.equal((report["frames"]["sent"], report["frames"]["dropped"]), (20, 0), "which are sent, and not dropped")


@scenario("a link that is too slow", 60)
def test_slow(t, lab):
    ends = Ends(lab)
    # there is room for all that a socket may have on its way
    ends.queue(*slow("8mbit", "1mb"))
    report = ends.run("--frame-size", "1500", "--bandwidth", "20Mbps", "--duration", "1s")
    notes = report["notes"]
    t.equal(report["frames"]["dropped"], 0, "nothing is lost")
    t.ok(any("was not reached" in note and "held frames back" in note for note in notes)
         and not any("generator" in note for note in notes), "it is the link, and not the generator", notes)


@scenario("a queue that is full", 60)
def test_full(t, lab):
    ends = Ends(lab)
    lab.attach("v0", "--mode", "skb")
    # 8 Mbit/s and room for some 20 frames, offered 10,000 a second of 1,000 bytes
    ends.queue(*slow("8mbit", "20kb"))
    report = ends.run("--frame-size", "1000", "--rate", "10000", "--frames", "700")
    t.ok(report["frames"]["refused"] > 0, "the kernel refused frames", report["frames"])
    laboratory.wait_for(lambda: lab.snapshot("v0")["rx"]["packets"] >= 700, "all frames", 5)
    t.equal(lab.snapshot("v0")["rx"]["packets"], 700, "all were sent all the same, once")
    t.equal(report["frames"]["dropped"], 0, "so that none of them is lost")
    t.ok(any("was not reached" in note and "refused" in note for note in report["notes"]),
         "and that is said to be why the rate was missed", report["notes"])
    result = ends.try_run(*ends.options("--frame-size", "1000", "--rate", "10000", "--frames", "300",
                                        "--min-achieved", "90%", "-q"))
    t.ok(result.status == 3 and "threshold missed: min_achieved" in result.err, "status 3 if asked for", result)


if __name__ == "__main__":
    laboratory.main()
