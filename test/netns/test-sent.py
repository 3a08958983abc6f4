#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Transmitted frames are counted exactly: known frames, and what a stack hands down as large segments,
which the other end of a veth pair with native XDP receives as the frames that they become.
"""
import itertools
import socket
import struct
import threading

import lab as laboratory
from egress import RX, TX, counters, outward
from frames import (ACK, ARP, FIN, IPV4, QINQ, TCP, VLAN, arp, eth, ipv4, padded, tags, tcp)
from known import N_FRAMES, known_frames
from lab import OBJECTS, scenario, wait_for

SOL_PACKET, PACKET_VNET_HDR = 263, 15
SOL_UDP, UDP_SEGMENT = 17, 103
VNET_NEEDS_CSUM, VNET_TCPV4 = 1, 1
HERE, THERE = "198.18.0.1", "198.18.0.2"
CONFIG = "[services]\ndns = udp/53 tcp/53\nquic = udp/443\n"
MORE = ("dns", "quic")


class Pair:
    """v0, whose sent frames are compared with those that p0, in another namespace, receives."""

    def __init__(self, t, lab, **options):
        self.t, self.lab = t, lab
        lab.configure(CONFIG)
        self.link = lab.veth("v0", **options)
        self.ends = [("v0", self.link.ns, HERE), ("p0", self.link.peer_ns, THERE)]
        for name, ns, address in self.ends:
            lab.run("ethtool", "-K", name, "rxvlan", "off", "txvlan", "off", ns=ns)
            lab.run("ip", "address", "add", f"{address}/24", "dev", name, ns=ns)
            lab.attach(name, "--mode", "native", ns=ns)

    def sides(self):
        """Return: counters of what v0 sent and p0 received."""
        return (counters(self.lab, "v0", TX, MORE),
                counters(self.lab, "p0", RX, MORE, ns=self.link.peer_ns))

    def agrees(self, name, packets=1):
        """One point: both sides have at least that many packets, and every counter is the same."""

        def at_rest():
            sent, received = self.sides()
            return sent.get("packets", 0) == received.get("packets", 0) >= packets

        dropped = self.link.ns.netlink.link("v0").stats.tx_dropped
        try:
            wait_for(at_rest, "rest", 5)
        except laboratory.Failure:
            pass
        sent, received = self.sides()
        differ = {path: (sent.get(path, 0), received.get(path, 0))
                  for path in sent.keys() | received.keys()
                  if sent.get(path, 0) != received.get(path, 0)}
        self.t.equal((differ, dropped), ({}, 0), name)
        self.t.ok(sent.get("packets", 0) >= packets, f"{name}: {sent.get('packets')} frames", sent)
        return sent

    def stream(self, size, host=THERE, port=80, family=socket.AF_INET):
        """One TCP stream, of which never more is on the way than the link has room for."""
        with self.link.peer_ns:
            server = socket.socket(family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        server.bind((host, port))
        server.listen(1)
        with self.link.ns:
            client = socket.socket(family, socket.SOCK_STREAM)
        client.connect((host, port))
        there, _ = server.accept()
        sender = threading.Thread(target=lambda: (client.sendall(bytes(size)),
                                                  client.shutdown(socket.SHUT_WR)))
        sender.start()
        got = 0
        while piece := there.recv(1 << 16):
            got += len(piece)
        sender.join()
        for end in (there, client, server):
            end.close()
        if got != size:
            raise laboratory.Failure(f"{got} of {size} bytes arrived")


@scenario("10,007 frames", 60, mode="native")
@scenario("10,007 frames, skb mode", 60, mode="skb")
def test_truth(t, lab, mode):
    lab.configure(CONFIG)
    link = lab.veth("v0", mtu=9000)
    lab.attach("v0", "--mode", mode)
    frames, want = known_frames(N_FRAMES)
    sent, size = outward(link).send(frames)
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


@scenario("a TCP stream over IPv6", 60)
def test_tcp6(t, lab):
    pair = Pair(t, lab)
    for n, (name, ns, _) in enumerate(pair.ends):
        lab.run("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=0",
                f"net.ipv6.conf.{name}.accept_dad=0", ns=ns)
        lab.run("ip", "-6", "address", "add", f"2001:2::{n + 1}/64", "dev", name, "nodad", ns=ns)
    pair.stream(5_000_003, "2001:2::2", family=socket.AF_INET6)
    sent = pair.agrees("5 MB", 5_000_003 // 1428)
    t.ok(sent["l3.ipv6.packets"] > 5_000_003 // 1428, "over IPv6", sent)


@scenario("a TCP stream in a tunnel: vxlan", 60, kind=("vxlan", "id", "7", "dstport", "4789"))
@scenario("a TCP stream in a tunnel: gretap", 60, kind=("gretap",))
@scenario("a TCP stream in a tunnel: ipip", 60, kind=("ipip",))
def test_tunnel(t, lab, kind):
    pair = Pair(t, lab)
    addresses = HERE, THERE
    for n, (name, ns, address) in enumerate(pair.ends):
        result = lab.try_run("ip", "link", "add", "inner", "type", *kind, "local", address, "remote",
                             addresses[not n], "dev", name, ns=ns)
        if result.status:
            raise laboratory.Skip(f"no {kind[0]} here: {result.err.strip()}")
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


class Guest:
    """A sender of large segments, as those of a virtual machine come: into how many is not told."""

    def __init__(self, pair):
        self.pair, self.wanted = pair, 0
        with pair.link.ns:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._socket.bind(("v0", 0))

    def send(self, payload, gso_size, options=b""):
        """Return: what v0 has sent after it, which p0 has received."""
        frame = eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK | FIN, bytes(payload), options=options)))
        header = struct.pack("=BBHHHH", VNET_NEEDS_CSUM, VNET_TCPV4, 54 + len(options), gso_size,
                             34, 16)
        self._socket.send(header + frame)
        self.wanted += -(-payload // gso_size)
        return self.pair.agrees(f"{payload} bytes by {gso_size} behind {54 + len(options)}",
                                self.wanted)


@scenario("large segments of guests", 60)
def test_guests(t, lab):
    guest = Guest(Pair(t, lab))
    for options, gso_size, payload in itertools.product((b"", b"\x01" * 12), (100, 1000, 1400),
                                                        (1001, 1300, 2000, 15_000)):
        sent = guest.send(payload, gso_size, options)
    t.equal((sent["services.http.packets"], sent["tcp_flags.fin"]), (guest.wanted, 24),
            "as many as they become, and the last of each has FIN")


@scenario("VLAN tags that are put in later")
def test_vlan(t, lab):
    pair = Pair(t, lab)
    lab.run("tc", "filter", "add", "dev", "v0", "egress", "pref", "1", "bpf", "da", "obj",
            f"{OBJECTS}/tagging.bpf.o", "sec", "tc")  # the newest of a priority is the first
    guest = Guest(pair)
    for payload in (1, 1400, 1401, 14_000):
        sent = guest.send(payload, 1400)
    t.equal(sent["vlan.packets"], guest.wanted, "each frame has one")
    outward(pair.link).send([eth(*tags(IPV4, ipv4(TCP, tcp(40000, 80)), VLAN)),
                          eth(*tags(IPV4, ipv4(TCP, tcp(40000, 80)), QINQ, VLAN)),
                          padded(eth(ARP, arp()), 60), eth(VLAN, b"")])
    sent = pair.agrees("before tags in the frame, and before none", guest.wanted + 4)
    t.equal((sent["vlan.packets"], sent["l3.arp.packets"]), (guest.wanted + 4, 1), "counted once")


laboratory.main()
