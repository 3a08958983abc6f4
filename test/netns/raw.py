# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Raw frames of sampler-loadgen: a link to send them over, runs with their reports, what arrives.

The generator is at the peer of a veth pair, the sampler (or a capture) at the other end. Addresses of
the ends are the test's; nothing at the receiving end has one, so that no frame is sent but by the test.
"""
import os
import socket
import struct

import frames as f
import lab as laboratory
from reports import valid

LOADGEN = os.environ.get("LOADGEN", f"{laboratory.BUILD}/loadgen/sampler-loadgen")
SOURCE4, DESTINATION4 = "198.18.0.1", "198.18.0.2"
SOURCE6, DESTINATION6 = "2001:2::1", "2001:2::2"
MAC = "02:00:00:00:50:02"  # of no interface: what arrives is dropped by the stack at once
DONE, FAILED, USAGE, MISSED = 0, 1, 2, 3

# A process that has given up root cannot be traced by the leak check, and ends as if it had leaks.
ENV = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}

# Every kind, and where it is counted, besides the total and its size.
KINDS = {
    "tcp4": "l3.ipv4 l4.tcp", "udp4": "l3.ipv4 l4.udp", "icmp4": "l3.ipv4 l4.icmp",
    "sctp4": "l3.ipv4 l4.sctp", "other4": "l3.ipv4 l4.l4_other",
    "tcp6": "l3.ipv6 l4.tcp", "udp6": "l3.ipv6 l4.udp", "icmp6": "l3.ipv6 l4.icmp",
    "sctp6": "l3.ipv6 l4.sctp", "other6": "l3.ipv6 l4.l4_other",
    "arp": "l3.arp", "ethertype": "l3.l3_other", "ethertype=0x88cc": "l3.l3_other",
    "tcp4-fragments": "l3.ipv4 l4.tcp fragments", "udp4-fragments": "l3.ipv4 l4.udp fragments",
    "icmp4-fragments": "l3.ipv4 l4.icmp fragments",
    "tcp6-fragments": "l3.ipv6 l4.tcp fragments", "udp6-fragments": "l3.ipv6 l4.udp fragments",
    "icmp6-fragments": "l3.ipv6 l4.icmp fragments",
    "bad-vlan-cut": "l3.l3_other vlan malformed", "bad-arp-cut": "l3.arp malformed",
    "bad-arp-length": "l3.arp malformed",
    **{f"bad-ip4-{what}": "l3.ipv4 l4.l4_other malformed"
       for what in ("cut", "version", "ihl", "short", "long")},
    **{f"bad-ip6-{what}": "l3.ipv6 l4.l4_other malformed"
       for what in ("cut", "version", "long", "extension")},
    **{f"bad-tcp{n}-{what}": f"l3.ipv{n} l4.tcp malformed"
       for n in (4, 6) for what in ("short", "offset", "offset-long")},
    **{f"bad-udp{n}-{what}": f"l3.ipv{n} l4.udp malformed"
       for n in (4, 6) for what in ("short", "length-short", "length-long")},
    **{f"bad-icmp{n}-short": f"l3.ipv{n} l4.icmp malformed" for n in (4, 6)},
    **{f"bad-sctp{n}-short": f"l3.ipv{n} l4.sctp malformed" for n in (4, 6)},
}
MIX = " ".join(f"{kind}:{1 + n % 5}" for n, kind in enumerate(KINDS) if "=" not in kind)


class Ends:
    """A link, the generator at its peer, which sends by this kind of socket."""

    def __init__(self, lab, socket="packet", **options):
        self.lab, self.link = lab, lab.veth("v0", **options)
        self.socket = ("--socket", socket)
        lab.run("ip", "addr", "add", f"{SOURCE4}/24", "dev", "p0", ns=self.link.peer_ns)

    def queue(self, *argv, at=("root",)):
        """Put a queue, as tc-qdisc(8) has them, at the sending end."""
        self.lab.run("tc", "qdisc", "add", "dev", "p0", *at, *argv, ns=self.link.peer_ns)

    def options(self, *argv):
        """Of a run to both addresses; those of @argv win."""
        return ("--raw", "--interface", "p0", "--destination", f"{DESTINATION4} {DESTINATION6}",
                "--source", f"{SOURCE4} {SOURCE6}", "--allow-any-source", "yes",
                "--destination-mac", MAC, *self.socket, *argv)

    def try_run(self, *argv, **options):
        return self.lab.try_run(LOADGEN, *argv, ns=self.link.peer_ns, env=ENV, **options)

    def run(self, *argv, status=DONE, **options):
        """A run that has to end with @status. Return: its report."""
        result = self.try_run(*self.options("--json", *argv), **options)
        if result.status != status:
            raise laboratory.Failure(f"{' '.join(argv)}: {result!r}")
        return valid(result.out, "raw_report")

    def replay(self, path, *argv, **options):
        """The same of a capture, with all that is in it allowed."""
        result = self.try_run("--raw", "--interface", "p0", "--pcap", path, "--json",
                              "--allow-any-destination", "yes", "--allow-any-source", "yes",
                              "--allow-multicast", "yes", *self.socket, *argv, **options)
        if result.status != DONE:
            raise laboratory.Failure(f"{path} {' '.join(argv)}: {result!r}")
        return valid(result.out, "raw_report")


class Capture:
    """All frames that the link receives, as they were sent."""

    def __init__(self, link):
        with link.ns:
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        # room for some 20,000 small frames
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._socket.bind((link.name, 3))
        self._socket.setsockopt(263, 8, 1)  # SOL_PACKET, PACKET_AUXDATA

    def frames(self, n, seconds=5):
        """Wait for @n frames. Return: those that came until then, and no more for a moment."""
        found = []
        self._socket.settimeout(seconds * laboratory.tap.SLOWNESS)
        try:
            while True:
                if len(found) == n:
                    self._socket.settimeout(0.05)
                found.append(self._take())
        except TimeoutError:
            return found

    def _take(self):
        """The stack takes the outer tag off before it hands a frame to us: put it back."""
        data, ancillary, _, _ = self._socket.recvmsg(65600, socket.CMSG_SPACE(20))
        for level, kind, value in ancillary:
            status, *_, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
            if (level, kind) == (263, 8) and status & 0x10:
                tpid = tpid if status & 0x40 else f.VLAN
                data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data


def ports(frame):
    """(source, destination) of a frame of TCP or UDP over IPv4, untagged and without options."""
    return struct.unpack_from("!HH", frame, 34)


def stamp(frame):
    """(number, nanoseconds) in the payload of UDP over IPv4, untagged and without options."""
    return struct.unpack_from("!QQ", frame, 42)
