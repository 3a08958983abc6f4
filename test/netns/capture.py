#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
A capture of mixed frames, the same for the same seed: capture.py FILE [FRAMES [SEED]].

Everything that the program's rules speak of is in it many times: both IP versions, each protocol,
services by either port, tags, options, extension chains up to and past the bound, fragments, what
is not IP, every edge of the size buckets; and some 15 % that are cut short or contradict
themselves. Cut means that the frame was sent so: the capture itself has all of it.
"""
import random
import sys

import frames as f

EDGES = (60, 61, 123, 124, 251, 252, 507, 508, 1019, 1020, 1513, 1514)
SERVICE_PORTS = (53, 80, 443, 8000, 8005, 8010)
N_FRAMES, SEED = 24000, 20260801
SMALLEST = 14  # what a packet socket sends


class Generator:
    def __init__(self, seed):
        self.r = random.Random(seed)

    # ---- pieces ----

    def payload(self):
        return self.r.randbytes(self.r.choice((0, 1, 6, 18, 40, 100, 300, 700, 1200)))

    def ports(self):
        """A service at the destination, at the source, at both, or at none."""
        service, other = self.r.choice(SERVICE_PORTS), self.r.randint(1024, 65535)
        return self.r.choice(((other, service), (service, other),
                              (self.r.choice(SERVICE_PORTS), service),
                              (other, self.r.randint(1, 65535)), (8011, 7999)))

    def tcp(self):
        flags = self.r.choice((f.SYN, f.SYN | f.ACK, f.ACK, f.ACK, f.ACK | f.PSH, f.FIN | f.ACK,
                               f.RST, f.RST | f.ACK, f.SYN | f.FIN, 0xFF, 0))
        options = self.r.choice((b"", b"", b"\x02\x04\x05\xb4", b"\x01" * 12, b"\x01" * 40))
        return f.tcp(*self.ports(), flags, self.payload(), options)

    def udp(self):
        return f.udp(*self.ports(), self.payload())

    def l4(self, ipv6):
        """(protocol, its header and payload)"""
        return self.r.choice((
            lambda: (f.TCP, self.tcp()), lambda: (f.TCP, self.tcp()), lambda: (f.UDP, self.udp()),
            lambda: (f.ICMPV6, f.icmpv6(self.payload())) if ipv6 else
            (f.ICMP, f.icmp(self.payload())),
            lambda: (f.SCTP, f.sctp(*self.ports(), self.payload()))))()

    def odd_l4(self, ipv6):
        """What is of no class, or has a header of its own kind behind it."""
        kind, data = self.r.choice((
            (2, b"\x11\x00\xee\xff" + b"\0" * 4), (47, b"\0\0\x08\0" + self.ip4()),
            (f.ESP, self.r.randbytes(60)), (89, self.r.randbytes(44)), (4, self.ip4()),
            (41, self.ip6()), (136, self.udp()), (253, self.payload()),
            (f.ICMP if ipv6 else f.ICMPV6, f.icmp(b"x" * 9))))
        return kind, data

    def ip4(self):
        protocol, data = self.l4(False)
        options = self.r.choice((b"", b"", b"\x94\x04\0\0", b"\x01" * 40))
        return f.ipv4(protocol, data, options)

    def chain(self, protocol, data, length):
        """@length extension headers before @data."""
        for _ in range(length):
            kind = self.r.choice((f.HOPOPTS, f.DSTOPTS, f.DSTOPTS, f.IPV6_ROUTE, f.AH, f.FRAGMENT))
            build = {
                f.IPV6_ROUTE: f.routing, f.AH: f.authentication, f.FRAGMENT: f.fragment,
            }.get(kind, lambda p, d: f.extension(p, d, self.r.randint(0, 3)))
            protocol, data = kind, build(protocol, data)
        return protocol, data

    def ip6(self):
        return f.ipv6(*self.chain(*self.l4(True), self.r.choice((0, 0, 0, 1, 2, 3))))

    # ---- frames ----

    def plain4(self):
        return f.eth(f.IPV4, self.ip4())

    def plain6(self):
        return f.eth(f.IPV6, self.ip6())

    def odd(self):
        if self.r.random() < 0.5:
            return f.eth(f.IPV4, f.ipv4(*self.odd_l4(False)))
        return f.eth(f.IPV6, f.ipv6(*self.odd_l4(True)))

    def long_chain(self):
        """Around the bound of 8 extension headers."""
        chain = self.chain(*self.l4(True), self.r.randint(6, 11))
        return f.eth(f.IPV6, f.ipv6(*chain))

    def last_headers(self):
        """Extension headers that only IPv6's later standards know, and no next header at all."""
        end = self.r.choice(((f.MOBILITY, f.mobility()), (f.HIP, f.hip()), (f.NONE, b""),
                             (f.SHIM6, f.shim6(f.UDP, self.udp())), (f.NONE, self.payload())))
        return f.eth(f.IPV6, f.ipv6(*self.chain(*end, self.r.randint(0, 2))))

    def fragment4(self):
        protocol, data = self.l4(False)
        first = self.r.random() < 0.5
        return f.eth(f.IPV4, f.ipv4(protocol, data if first else self.payload() + b"12345678",
                                    offset=0 if first else self.r.randint(1, 8000),
                                    more=first or self.r.random() < 0.5))

    def fragment6(self):
        protocol, data = self.l4(True)
        first = self.r.random() < 0.5
        header = f.fragment(protocol, data if first else self.payload() + b"12345678",
                            0 if first else self.r.randint(1, 8000),
                            first or self.r.random() < 0.5)
        return f.eth(f.IPV6, f.ipv6(*self.chain(f.FRAGMENT, header, self.r.randint(0, 1))))

    def no_ip(self):
        return self.r.choice((
            lambda: f.eth(f.ARP, f.arp(self.r.randint(1, 2)), f.BROADCAST),
            lambda: f.eth(f.LLDP, f.lldp()), f.llc_stp,
            lambda: f.eth(0x88B5, self.payload()),  # for local experiments (IEEE 802)
            # LLC and SNAP before IPv4: an 802.3 frame, not an IPv4 packet of ours
            lambda: f.eth(8 + 28, b"\xaa\xaa\x03\0\0\0\x08\0" + f.ipv4(f.UDP, f.udp())),
            lambda: f.eth(0x9100, b"\0\x64\x08\0" + self.ip4())))()  # no tag of 802.1

    def size_edge(self):
        """Padding to each edge of the size buckets, behind up to two tags."""
        frame = f.eth(f.IPV4, f.ipv4(f.UDP, f.udp(*self.ports())))
        return f.padded(frame, self.r.choice(EDGES))

    def tagged(self, frame):
        """@frame behind one tag, two or three."""
        tags = self.r.choice(((f.VLAN,), (f.VLAN,), (f.QINQ,), (f.QINQ, f.VLAN), (f.QINQ, f.VLAN),
                              (f.VLAN, f.VLAN), (f.QINQ, f.QINQ), (f.QINQ, f.VLAN, f.VLAN)))
        ethertype, payload = f.tags(int.from_bytes(frame[12:14], "big"), frame[14:], *tags)
        return f.eth(ethertype, payload)

    # ---- what is wrong ----

    def contradiction(self):
        r = self.r
        build4 = (
            lambda: f.ipv4(f.TCP, self.tcp(), ihl=r.randint(0, 15)),
            lambda: f.ipv4(f.UDP, self.udp(), total=r.choice((0, 19, 20, 27, 28, 1500, 65535))),
            lambda: f.ipv4(f.TCP, self.tcp(), version=r.choice((0, 5, 6, 15))),
            lambda: f.ipv4(f.TCP, f.tcp(*self.ports(), f.SYN, b"", doff=r.randint(0, 15))),
            lambda: f.ipv4(f.UDP, f.udp(*self.ports(), b"1234", length=r.choice((0, 7, 8, 11, 12,
                                                                                13, 999)))),
            lambda: f.ipv4(r.choice((f.TCP, f.UDP, f.ICMP, f.SCTP)), r.randbytes(r.randint(0, 21))))
        build6 = (
            lambda: f.ipv6(f.UDP, self.udp(), length=r.choice((0, 7, 8, 20, 1400, 65535))),
            lambda: f.ipv6(f.UDP, self.udp(), version=r.choice((0, 4, 15))),
            lambda: f.ipv6(f.UDP, f.udp(*self.ports(), b"1234", length=r.choice((0, 7, 12, 13)))),
            lambda: f.ipv6(f.TCP, f.tcp(*self.ports(), f.SYN, b"", doff=r.randint(0, 15))),
            lambda: f.ipv6(f.DSTOPTS, f.extension(f.UDP, f.udp(), length=r.randint(1, 255))),
            lambda: f.ipv6(f.AH, f.authentication(f.UDP, f.udp(), icv=4 * r.randint(0, 8))),
            lambda: f.ipv6(r.choice((f.TCP, f.UDP, f.ICMPV6, f.SCTP, f.DSTOPTS, f.FRAGMENT)),
                           r.randbytes(r.randint(0, 21))))
        if r.random() < 0.5:
            return f.eth(f.IPV4, r.choice(build4)())
        return f.eth(f.IPV6, r.choice(build6)())

    def frame(self):
        r = self.r
        build = r.choices(
            (self.plain4, self.plain6, self.odd, self.long_chain, self.last_headers, self.fragment4,
             self.fragment6, self.no_ip, self.size_edge, self.contradiction),
            (24, 18, 6, 4, 5, 6, 6, 8, 12, 9))[0]
        frame = build()
        if r.random() < 0.2:
            frame = self.tagged(frame)
        if r.random() < 0.07:
            frame = frame[:r.randint(SMALLEST, max(SMALLEST, min(len(frame), 120)))]
        elif r.random() < 0.3:
            frame = f.padded(frame, 60)  # as a NIC would
        return frame[:1522]


def generate(n=N_FRAMES, seed=SEED):
    """Return: @n frames."""
    generator = Generator(seed)
    return [generator.frame() for _ in range(n)]


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[2:]]
    f.write_pcap(sys.argv[1], generate(*numbers))
