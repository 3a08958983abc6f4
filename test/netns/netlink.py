# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What the kernel says of a link, by one netlink question: its own counters, and its XDP program.

Faster than a run of ip(8), so that a sender can ask between two bursts.
"""
import collections
import socket
import struct

import tap

RTM_NEWLINK, RTM_GETLINK, NLMSG_ERROR, NLM_F_REQUEST = 16, 18, 2, 1
IFLA_IFNAME, IFLA_STATS64, IFLA_XDP = 3, 23, 43
IFLA_XDP_ATTACHED, IFLA_XDP_PROG_ID = 2, 4
ATTRIBUTE_MASK = 0x3FFF
XDP_MODES = {0: None, 1: "native", 2: "skb", 3: "offload", 4: "several"}

Stats = collections.namedtuple(
    "Stats", "rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped")
LinkState = collections.namedtuple("LinkState", "index name stats prog_id mode")


def _attributes(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("=HH", data)
        yield kind & ATTRIBUTE_MASK, data[4:size]
        data = data[(size + 3) & ~3:]


class Netlink:
    """A socket of the network namespace in which it was made."""

    def __init__(self):
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._socket.settimeout(5 * tap.SLOWNESS)
        self._sequence = 0

    def link(self, name):
        """Return: the LinkState of the link of that name, or None."""
        raw = name.encode("utf-8", "surrogateescape") + b"\0"
        attribute = struct.pack("=HH", 4 + len(raw), IFLA_IFNAME) + raw
        attribute += b"\0" * (-len(attribute) % 4)
        self._sequence += 1
        self._socket.send(struct.pack("=IHHII", 32 + len(attribute), RTM_GETLINK, NLM_F_REQUEST,
                                      self._sequence, 0) + b"\0" * 16 + attribute)
        while True:
            answer = self._socket.recv(1 << 16)
            _, kind, _, sequence, _ = struct.unpack_from("=IHHII", answer)
            if sequence == self._sequence:
                break
        if kind == NLMSG_ERROR:
            return None
        return self._read(answer)

    @staticmethod
    def _read(answer):
        index, = struct.unpack_from("=i", answer, 20)
        name, stats, prog_id, mode = "", None, 0, None
        for kind, value in _attributes(answer[32:]):
            if kind == IFLA_IFNAME:
                name = value.rstrip(b"\0").decode("utf-8", "surrogateescape")
            elif kind == IFLA_STATS64:
                stats = Stats(*struct.unpack_from("=8Q", value))
            elif kind == IFLA_XDP:
                for xdp_kind, xdp in _attributes(value):
                    if xdp_kind == IFLA_XDP_PROG_ID:
                        prog_id, = struct.unpack_from("=I", xdp)
                    elif xdp_kind == IFLA_XDP_ATTACHED:
                        mode = XDP_MODES[xdp[0]]
        return LinkState(index, name, stats, prog_id, mode)

    def close(self):
        self._socket.close()
