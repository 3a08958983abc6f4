#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Transmitted frames are counted exactly: known frames, and what a stack hands down as large segments,
which the other end of a veth pair with native XDP receives as the frames that they become.
"""
import itertools
import socket

import lab as laboratory
from egress import CONFIG, HERE, MORE, RX, THERE, TX, Guest, Pair, counters
from frames import (ARP, FIN, HOPOPTS, IPV4, IPV6, QINQ, SYN, TCP, UDP, VLAN, arp, eth, extension,
                    ipv4, ipv6, padded, tags, tcp, udp)
from known import N_FRAMES, known_frames
from lab import OBJECTS, scenario

SOL_UDP, UDP_SEGMENT = 17, 103


@scenario("10,007 frames", 60, mode="native")
@scenario("10,007 frames, skb mode", 60, mode="skb")
def test_truth(t, lab, mode):
    lab.configure(CONFIG)
    link = lab.veth("v0", mtu=9000)
    lab.attach("v0", "--mode", mode)
    frames, want = known_frames(N_FRAMES)
    sent, size = link.reversed().send(frames)
    want = {path: n for path, n in want.items() if n}
    t.equal((sent, size), (N_FRAMES, want["bytes"]), "10,007 frames were sent")
    t.equal(counters(lab, "v0", TX, MORE), want, "every class, size, flag and service is exact")
    t.equal(counters(lab, "v0", RX), {}, "none of it was received")


@scenario("a TCP stream in large segments", 60)
def test_tcp(t, lab):
    pair = Pair(t, lab)
    pair.stream(20_000_003)
    sent = pair.agrees("20 MB", 20_000_003 // 1448)
    t.equal((sent["tcp_flags.syn"], sent["tcp_flags.fin"]), (1, 1), "one SYN, one FIN")
    for size in (1, 1447, 1448, 1449, 2896, 65535, 100_000):
        pair.stream(size, port=443)
        pair.agrees(f"{size} bytes")
    t.equal(counters(lab, "p0", TX, MORE, ns=pair.link.peer_ns), counters(lab, "v0", RX, MORE),
            "the other way, acknowledgements")


def speak_ipv6(lab, pair):
    for n, (name, ns, _) in enumerate(pair.ends):
        lab.run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=0",
                f"net.ipv6.conf.{name}.accept_dad=0", ns=ns)
        lab.run("ip", "-6", "address", "add", f"2001:2::{n + 1}/64", "dev", name, "nodad", ns=ns)


@scenario("a TCP stream over IPv6", 60)
def test_tcp6(t, lab):
    pair = Pair(t, lab)
    speak_ipv6(lab, pair)
    pair.stream(5_000_003, "2001:2::2", family=socket.AF_INET6)
    sent = pair.agrees("5 MB", 5_000_003 // 1428)
    t.ok(sent["l3.ipv6.packets"] > 5_000_003 // 1428, "over IPv6", sent)


@scenario("BIG TCP", 60)
def test_big_tcp(t, lab):
    """Segments beyond 64 KiB, over IPv6 with an option that no frame on the wire has."""
    pair = Pair(t, lab)
    result = lab.try_run("ip", "link", "set", "v0", "gso_max_size", "200000", ns=pair.link.ns)
    if result.status:
        raise laboratory.Skip(f"no BIG TCP here: {result.err.strip()}")
    speak_ipv6(lab, pair)
    pair.stream(20_000_003, "2001:2::2", family=socket.AF_INET6, room=140_000)
    sent = pair.agrees("20 MB", 20_000_003 // 1428)
    t.ok(sent["l4.tcp.packets"] == sent["services.http.packets"] == sent["l3.ipv6.packets"] - sent.get("l4.icmp.packets", 0),
         "all of it TCP, by its port", sent)


@scenario("a TCP stream in a tunnel: vxlan", 60)
def test_tunnel(t, lab):
    """Each frame has the headers of both, of which the kernel's own estimate has the outer ones only."""
    pair = Pair(t, lab)
    for n, (name, ns, address) in enumerate(pair.ends):
        result = lab.try_run("ip", "link", "add", "inner", "type", "vxlan", "id", "7", "dstport",
                             "4789", "local", address, "remote", (THERE, HERE)[n], "dev", name,
                             ns=ns)
        if result.status:
            raise laboratory.Skip(f"no vxlan here: {result.err.strip()}")
        lab.run("ip", "link", "set", "inner", "up", ns=ns)
        lab.run("ip", "address", "add", f"198.18.1.{n + 1}/24", "dev", "inner", ns=ns)
    pair.stream(5_000_003, "198.18.1.2")
    pair.agrees("5 MB", 5_000_003 // 1448)


@scenario("UDP: large segments, fragments, and neither")
def test_udp(t, lab):
    pair = Pair(t, lab)
    with pair.link.ns:
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with pair.link.peer_ns:
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind((THERE, 443))
    sender.sendto(b"x", (THERE, 443))
    pair.agrees("one datagram")
    for size in (1473, 4000, 8881):
        sender.sendto(bytes(size), (THERE, 443))
        sent = pair.agrees(f"fragments of {size} bytes")
    t.equal((sent["fragments.packets"], sent["services.quic.packets"]), (2 + 3 + 7, 1 + 3),
            "which are said to be some, and only the first ones have ports")
    sender.setsockopt(SOL_UDP, UDP_SEGMENT, 1200)
    for size, packets in ((1200, 1), (1201, 2), (2400, 2), (30_000, 25), (59_999, 50)):
        before = sent["services.quic.packets"]
        sender.sendto(bytes(size), (THERE, 443))
        sent = pair.agrees(f"{size} bytes in datagrams of 1200")
        t.equal(sent["services.quic.packets"] - before, packets, f"which are {packets}")


@scenario("large segments of guests", 60)
def test_guests(t, lab):
    guest = Guest(Pair(t, lab))
    for options, gso_size, payload in itertools.product((b"", b"\x01" * 12), (100, 1000, 1400),
                                                        (1001, 1300, 2000, 15_000)):
        sent = guest.send(payload, gso_size, options)
    t.equal((sent["services.http.packets"], sent["tcp_flags.fin"]), (guest.wanted, 24),
            "as many as they become, and the last of each has FIN")


@scenario("headers beyond the linear part", 60)
def test_beyond_linear(t, lab):
    """Of a large frame only so many bytes are in the first buffer; the next header may begin anywhere."""
    pair = Pair(t, lab, mtu=9000)
    guest = Guest(pair)
    payload = bytes(5000)
    frames = [eth(IPV4, ipv4(TCP, tcp(40000, 80, SYN, payload))),
              eth(IPV6, ipv6(TCP, tcp(443, 40000, FIN, payload))),
              eth(IPV6, ipv6(HOPOPTS, extension(UDP, udp(5, 53, payload)))),
              eth(*tags(IPV4, ipv4(UDP, udp(443, 9, payload)), QINQ, VLAN)),
              eth(ARP, arp() + payload)]
    for linear in (14, 15, 20, 33, 34, 40, 53, 54, 60, 74, 90):
        for frame in frames:
            guest.send_whole(frame, linear)
        sent = pair.agrees(f"{linear} bytes", guest.wanted)
    t.equal([sent[path] for path in ("services.http.packets", "services.https.packets",
                                     "services.dns.packets", "services.quic.packets",
                                     "vlan.packets", "l3.arp.packets", "tcp_flags.syn",
                                     "tcp_flags.fin")], [11] * 8, "each was told apart")
    t.ok("malformed.packets" not in sent, "and none is malformed", sent)


@scenario("VLAN tags that are put in later")
def test_vlan(t, lab):
    pair = Pair(t, lab)
    lab.run("tc", "filter", "add", "dev", "v0", "egress", "pref", "1", "bpf", "da", "obj",
            f"{OBJECTS}/tagging.bpf.o", "sec", "tc")  # the newest of a priority is the first
    guest = Guest(pair)
    for payload in (1, 1400, 1401, 14_000):
        sent = guest.send(payload, 1400)
    t.equal(sent["vlan.packets"], guest.wanted, "each frame has one")
    pair.link.reversed().send([eth(*tags(IPV4, ipv4(TCP, tcp(40000, 80)), VLAN)),
                               eth(*tags(IPV4, ipv4(TCP, tcp(40000, 80)), QINQ, VLAN)),
                               padded(eth(ARP, arp()), 60), eth(VLAN, b"")])
    sent = pair.agrees("before tags in the frame, and before none", guest.wanted + 4)
    t.equal((sent["vlan.packets"], sent["l3.arp.packets"]), (guest.wanted + 4, 1), "counted once")


laboratory.main()
