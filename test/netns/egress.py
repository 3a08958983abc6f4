# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Transmitted frames: what lies in the pinned counters, what is at tc egress, links that are sent over.

Counters are read from the map itself, so that what is compared is what the programs have counted.
"""
import json
import os
import socket
import struct
import threading

import lab as laboratory
from frames import ACK, FIN, IPV4, TCP, eth, ipv4, tcp
from lab import PINS, wait_for

RX, TX = 0, 1  # keys of sampler_count
SERVICES = ["http", "https"]  # slots of the default configuration; a test's own come behind them
NAMES = ([f"l3.{name}" for name in ("ipv4", "ipv6", "arp", "l3_other")] +
         [f"l4.{name}" for name in ("tcp", "udp", "icmp", "sctp", "l4_other")] +
         ["vlan", "fragments", "malformed"])
SIZES = ["0-60", "61-123", "124-251", "252-507", "508-1019", "1020-1514", "1515-"]
FLAGS = ["syn", "syn_ack", "fin", "rst"]
N_SERVICES, N_WORDS = 16, 67

HERE, THERE = "198.18.0.1", "198.18.0.2"
CONFIG = "[services]\ndns = udp/53 tcp/53\nquic = udp/443\n"
MORE = ("dns", "quic")
SOL_PACKET, PACKET_VNET_HDR = 263, 15
VNET_NEEDS_CSUM, VNET_TCPV4 = 1, 1

# sampler_meta: offsets, and the flag that transmitted frames are counted
FLAGS_OFFSET, TX_OFFSET, REASON_OFFSET, SINCE_OFFSET, META_TX = 12, 1012, 1024, 1136, 4


def key(lab, ifname, ns=None):
    """In init's network namespace, as in the test machine, it is the plain name."""
    here = lab.key(ifname, ns=ns)
    return here if os.path.exists(f"{PINS}/{here}") else ifname


def counters(lab, ifname, direction=TX, services=(), ns=None, path=None):
    """Return: every counter that is not 0 by its path in a snapshot, with the totals."""
    path = path or f"{PINS}/{key(lab, ifname, ns)}/sampler_count"
    dump = json.loads(lab.run("bpftool", "-j", "map", "dump", "pinned", path))
    words = [0] * N_WORDS
    for cpu in dump[direction]["values"]:
        raw = bytes(int(byte, 16) for byte in cpu["value"])
        words = [a + b for a, b in zip(words, struct.unpack(f"={N_WORDS}Q", raw))]
    names = [*NAMES, *(f"services.{name}" for name in [*SERVICES, *services])]
    names += [f"services.{n}" for n in range(len(names) - len(NAMES), N_SERVICES)]
    found = {}
    for n, name in enumerate(names):
        found[f"{name}.packets"], found[f"{name}.bytes"] = words[2 * n:2 * n + 2]
    rest = words[2 * len(names):]
    found.update({f"sizes.{name}": n for name, n in zip(SIZES, rest)})
    found.update({f"tcp_flags.{name}": n for name, n in zip(FLAGS, rest[len(SIZES):])})
    for unit in ("packets", "bytes"):
        found[unit] = sum(found[f"{name}.{unit}"] for name in NAMES[:4])
    return {path: n for path, n in found.items() if n}


def total(lab, ifname="v0", **options):
    """Return: (packets, bytes) transmitted."""
    found = counters(lab, ifname, **options)
    return found.get("packets", 0), found.get("bytes", 0)


def meta(lab, ifname="v0", ns=None):
    """Return: (whether transmitted frames are counted, program, handle, priority, why not)."""
    raw = lab.map_value(key(lab, ifname, ns), "sampler_meta")
    flags, = struct.unpack_from("=I", raw, FLAGS_OFFSET)
    program, handle, priority = struct.unpack_from("=III", raw, TX_OFFSET)
    reason = raw[REASON_OFFSET:REASON_OFFSET + 112].split(b"\0")[0].decode()
    return bool(flags & META_TX), program, handle, priority, reason


def counted_ns(lab, ifname="v0"):
    """Return: (since when transmitted frames are counted, for how long they were before)."""
    return struct.unpack_from("=QQ", lab.map_value(key(lab, ifname), "sampler_meta"), SINCE_OFFSET)


def qdiscs(lab, ifname="v0", ns=None):
    """Return: the kinds of what stands in the place of clsact."""
    found = json.loads(lab.run("tc", "-j", "qdisc", "show", "dev", ifname, ns=ns) or "[]")
    return [q["kind"] for q in found if q["kind"] in ("clsact", "ingress")]


def filters(lab, ifname="v0", direction="egress", ns=None):
    """Return: (priority, kind, program's name) of each filter, in the order in which they run."""
    found = json.loads(lab.run("tc", "-j", "filter", "show", "dev", ifname, direction, ns=ns) or
                       "[]")
    return [(f["pref"], f["kind"], f["options"].get("bpf_name", "").split(":")[0])
            for f in found if f.get("options")]


class Pair:
    """v0, whose sent frames are compared with those that its peer, in another namespace, receives."""

    def __init__(self, t, lab, **options):
        self.t, self.lab = t, lab
        lab.configure(CONFIG)
        self.link = lab.veth("v0", **options)
        self.ends = [("v0", self.link.ns, HERE), (self.link.peer, self.link.peer_ns, THERE)]
        for name, ns, address in self.ends:
            lab.run("ethtool", "-K", name, "rxvlan", "off", "txvlan", "off", ns=ns)
            lab.run("ip", "address", "add", f"{address}/24", "dev", name, ns=ns)
            lab.attach(name, "--mode", "native", ns=ns)

    def sides(self):
        """Return: counters of what v0 sent and its peer received."""
        return (counters(self.lab, "v0", TX, MORE),
                counters(self.lab, self.link.peer, RX, MORE, ns=self.link.peer_ns))

    def agrees(self, name, packets=1):
        """One point: both sides have at least that many packets, and every counter is the same."""

        sent, received = {}, {}

        def at_rest():  # for a moment: IPv6 has something to send at any time
            nonlocal sent, received
            sent, received = self.sides()
            return sent.get("packets", 0) == received.get("packets", 0) >= packets

        dropped = self.link.ns.netlink.link("v0").stats.tx_dropped
        try:
            wait_for(at_rest, "rest", 5)
        except laboratory.Failure:
            pass
        differ = {path: (sent.get(path, 0), received.get(path, 0))
                  for path in sent.keys() | received.keys()
                  if sent.get(path, 0) != received.get(path, 0)}
        self.t.equal((differ, dropped), ({}, 0), name)
        self.t.ok(sent.get("packets", 0) >= packets, f"{name}: {sent.get('packets')} frames", sent)
        return sent

    def stream(self, size, host=THERE, port=80, family=socket.AF_INET, room=1 << 16):
        """One TCP stream, of which never more is on the way than the link has room for."""
        with self.link.peer_ns:
            server = socket.socket(family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
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
        """Return: what v0 has sent after it, which its peer has received."""
        frame = eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK | FIN, bytes(payload), options=options)))
        header = struct.pack("=BBHHHH", VNET_NEEDS_CSUM, VNET_TCPV4, 54 + len(options), gso_size,
                             34, 16)
        self._socket.send(header + frame)
        self.wanted += -(-payload // gso_size)
        return self.pair.agrees(f"{payload} bytes by {gso_size} behind {54 + len(options)}",
                                self.wanted)

    def send_whole(self, frame, linear):
        """One frame that stays one, with so many bytes in its first buffer (of more than a page)."""
        self._socket.send(struct.pack("=BBHHHH", 0, 0, linear, 0, 0, 0) + frame)
        self.wanted += 1
