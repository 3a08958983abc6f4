# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Transmitted frames: what lies in the pinned counters, what is at tc egress, links that are sent over.

Counters are read from the map itself, so that what is compared is what the programs have counted.
"""
import json
import struct

import lab as laboratory
from lab import PINS

RX, TX = 0, 1  # keys of sampler_count
SERVICES = ["http", "https"]  # slots of the default configuration; a test's own come behind them
NAMES = ([f"l3.{name}" for name in ("ipv4", "ipv6", "arp", "l3_other")] +
         [f"l4.{name}" for name in ("tcp", "udp", "icmp", "sctp", "l4_other")] +
         ["vlan", "fragments", "malformed"])
SIZES = ["0-60", "61-123", "124-251", "252-507", "508-1019", "1020-1514", "1515-"]
FLAGS = ["syn", "syn_ack", "fin", "rst"]
N_SERVICES, N_WORDS = 16, 67

# sampler_meta: offsets, and the flag that transmitted frames are counted
FLAGS_OFFSET, TX_OFFSET, REASON_OFFSET, META_TX = 12, 1012, 1024, 4


def counters(lab, ifname, direction=TX, services=(), ns=None):
    """Return: every counter that is not 0 by its path in a snapshot, with the totals."""
    path = f"{PINS}/{lab.key(ifname, ns=ns)}/sampler_count"
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
    raw = lab.map_value(lab.key(ifname, ns=ns), "sampler_meta")
    flags, = struct.unpack_from("=I", raw, FLAGS_OFFSET)
    program, handle, priority = struct.unpack_from("=III", raw, TX_OFFSET)
    reason = raw[REASON_OFFSET:REASON_OFFSET + 112].split(b"\0")[0].decode()
    return bool(flags & META_TX), program, handle, priority, reason


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


def outward(link):
    """Return: the link turned round: what it sends goes out of the interface under test."""
    return laboratory.Link(link.peer, link.name, link.peer_ns, link.ns)
