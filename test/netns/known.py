# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames of every kind, and which counters each of them has to be found in."""
import collections

from frames import (ACK, ARP, FIN, FRAGMENT, HOPOPTS, ICMP, ICMPV6, IPV4, IPV6, LLDP, QINQ, RST,
                    SCTP, SYN, TCP, UDP, VLAN, arp, eth, extension, fragment, icmp, icmpv6, ipv4,
                    ipv6, lldp, llc_stp, padded, sctp, tags, tcp, udp)

N_FRAMES = 10007  # prime: a multiple of no batch, ring or interval
SERVICES = "[services]\ndns = udp/53 tcp/53\nquic = udp/443\n"


def text(size):
    return bytes(n * 7 & 0xFF for n in range(size))


# What one frame is and in which counters it has to be found, besides the total and its size.
KNOWN = [
    (padded(eth(IPV4, ipv4(TCP, tcp(40000, 80, SYN))), 60), "l3.ipv4 l4.tcp services.http", "syn"),
    (eth(IPV4, ipv4(TCP, tcp(80, 40000, SYN | ACK))), "l3.ipv4 l4.tcp services.http", "syn_ack"),
    (eth(IPV4, ipv4(TCP, tcp(443, 40000, ACK, text(1460)))), "l3.ipv4 l4.tcp services.https", ""),
    (eth(IPV6, ipv6(TCP, tcp(40000, 443, FIN | ACK))), "l3.ipv6 l4.tcp services.https", "fin"),
    (eth(IPV4, ipv4(TCP, tcp(40000, 81, RST, text(100)))), "l3.ipv4 l4.tcp", "rst"),
    (eth(IPV4, ipv4(UDP, udp(40000, 53, text(40)))), "l3.ipv4 l4.udp services.dns", ""),
    (eth(IPV6, ipv6(UDP, udp(443, 40000, text(1200)))), "l3.ipv6 l4.udp services.quic", ""),
    (eth(IPV6, ipv6(HOPOPTS, extension(UDP, udp(5, 6, text(9))))), "l3.ipv6 l4.udp", ""),
    (eth(IPV6, ipv6(HOPOPTS, extension(UDP, udp(9, 53)), length=0)),  # as of a jumbogram
     "l3.ipv6 l4.udp services.dns", ""),
    (eth(IPV4, ipv4(ICMP, icmp(text(500)))), "l3.ipv4 l4.icmp", ""),
    (eth(IPV6, ipv6(ICMPV6, icmpv6(text(8000)))), "l3.ipv6 l4.icmp", ""),
    (eth(IPV4, ipv4(SCTP, sctp(payload=text(3000)))), "l3.ipv4 l4.sctp", ""),
    (eth(IPV4, ipv4(47, text(8900))), "l3.ipv4 l4.l4_other", ""),
    (eth(IPV4, ipv4(UDP, text(64), offset=185)), "l3.ipv4 l4.udp fragments", ""),
    (eth(IPV6, ipv6(FRAGMENT, fragment(TCP, text(64), offset=9))), "l3.ipv6 l4.tcp fragments", ""),
    (eth(*tags(IPV4, ipv4(TCP, tcp(80, 9)), VLAN)), "l3.ipv4 l4.tcp services.http vlan", ""),
    (eth(*tags(IPV6, ipv6(UDP, udp(53, 9)), QINQ, VLAN)), "l3.ipv6 l4.udp services.dns vlan", ""),
    (padded(eth(ARP, arp()), 60), "l3.arp", ""),
    (eth(LLDP, lldp()), "l3.l3_other", ""),
    (llc_stp(), "l3.l3_other", ""),
    (eth(IPV4, ipv4(TCP, ihl=4)), "l3.ipv4 l4.l4_other malformed", ""),
    (eth(IPV4, b""), "l3.ipv4 l4.l4_other malformed", ""),
]
SIZES = [(60, "0-60"), (123, "61-123"), (251, "124-251"), (507, "252-507"), (1019, "508-1019"),
         (1514, "1020-1514")]


def known_frames(n):
    """Return: (n frames, every counter after them by its path in the snapshot's rx)."""
    chosen = [KNOWN[i % len(KNOWN)] for i in range(n)]
    want = collections.Counter()
    for frame, places, flag in chosen:
        for place in places.split() + [""]:
            want[f"{place}.packets".lstrip(".")] += 1
            want[f"{place}.bytes".lstrip(".")] += len(frame)
        size = next((name for most, name in SIZES if len(frame) <= most), "1515-")
        want[f"sizes.{size}"] += 1
        if flag:
            want[f"tcp_flags.{flag}"] += 1
    return [frame for frame, _, _ in chosen], want


def flat(tree, path=""):
    """{"l3": {"ipv4": {"packets": 1}}} as {"l3.ipv4.packets": 1}."""
    if not isinstance(tree, dict):
        return {path: tree}
    found = {}
    for name, value in tree.items():
        found.update(flat(value, f"{path}.{name}".lstrip(".")))
    return found


def wrong_counters(rx, want):
    """Return: {path: (got, want)} of all that differ; want is 0 where nothing is said."""
    return {path: (value, want[path]) for path, value in flat(rx).items() if value != want[path]}
