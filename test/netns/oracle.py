# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What the counters have to be after a capture, by what tshark says of it.

tshark dissects; this maps its fields to counters by the rules of DESIGN.md section 2. Whether a
header fits is judged from lengths that tshark shows (frame.len, ip.len, ip.hdr_len, tcp.hdr_len,
...), since what tshark itself calls malformed also goes by what lies above the headers counted
here, and depends on its version and preferences.

What tshark cannot say, and where this therefore knows better than to look:
- it shows a tag of EtherType 0x9100, which is none of IEEE 802.1, and any number of tags; the
  program steps over two of 0x8100 or 0x88a8 (which tshark takes for VLAN tags by "Decode As").
- it goes on through any number of extension headers, and through AH behind IPv4.
- of a header that is cut short it may show the fields that are there; lengths tell that it is cut.
- a payload length of 0 before hop-by-hop options is "all that is there" for the program (RFC 2675).
  tshark wants the jumbo payload option, which no packet that fits a link here may have: such frames
  are in test-truth.py, not in the capture.
- it dissects packets in packets: the first occurrence of a field is the outer one's, except for
  TCP and UDP ports, which count only if the outer packet's protocol is TCP or UDP.
"""
import collections
import subprocess

FIELDS = """frame.len eth.type vlan.etype ip.version ip.hdr_len ip.len ip.proto ip.flags.mf
ip.frag_offset ipv6.plen ipv6.nxt ipv6.hopopts.nxt ipv6.hopopts.len ipv6.dstopts.nxt
ipv6.dstopts.len ipv6.routing.nxt ipv6.routing.len ipv6.fraghdr.nxt ipv6.fraghdr.offset
ipv6.fraghdr.more ah.next_header ah.length mip6.proto mip6.hlen hip.proto hip.hdr_len shim6.nxt
shim6.len tcp.srcport tcp.dstport tcp.hdr_len tcp.flags udp.srcport udp.dstport udp.length
arp.hw.size arp.proto.size""".split()

TSHARK = ["tshark", "-n", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,",
          "-d", "ethertype==0x88a8,vlan",
          # each frame for itself: a fragment's headers are its own
          "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
          "-o", "ip.tso_support:FALSE"]  # else a total length of 0 is taken for a large segment

VLAN_TYPES, TAGS_MAX = (0x8100, 0x88A8), 2
IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
TCP, UDP, ICMP, ICMPV6, SCTP = 6, 17, 1, 58, 132
FRAGMENT, EXTENSIONS_MAX = 44, 8
# Extension header: (its tshark fields, the length of one of @length as the field has it)
EXTENSIONS = {
    0: ("ipv6.hopopts.nxt", "ipv6.hopopts.len", lambda length: 8 * (length + 1)),
    43: ("ipv6.routing.nxt", "ipv6.routing.len", lambda length: 8 * (length + 1)),
    44: ("ipv6.fraghdr.nxt", None, lambda length: 8),
    51: ("ah.next_header", "ah.length", lambda length: 4 * (length + 2)),
    60: ("ipv6.dstopts.nxt", "ipv6.dstopts.len", lambda length: 8 * (length + 1)),
    135: ("mip6.proto", "mip6.hlen", lambda length: 8 * (length + 1)),
    139: ("hip.proto", "hip.hdr_len", lambda length: 8 * (length + 1)),
    140: ("shim6.nxt", "shim6.len", lambda length: 8 * (length + 1)),
}
SIZES = [(60, "0-60"), (123, "61-123"), (251, "124-251"), (507, "252-507"), (1019, "508-1019"),
         (1514, "1020-1514")]


class Malformed(Exception):
    """A header does not fit, or contradicts."""


class Frame:
    """One line of tshark's."""

    def __init__(self, line):
        self._values = {name: text.split(",") if text else []
                        for name, text in zip(FIELDS, line.split("\t"))}
        self._taken = collections.Counter()
        self.size = self.first("frame.len")

    @staticmethod
    def _number(text):
        return int(text, 16) if text.startswith("0x") else int(text)

    def first(self, name):
        """The outermost value; what tshark does not show was not there to be read."""
        if not self._values[name]:
            raise Malformed(name)
        return self._number(self._values[name][0])

    def next(self, name):
        """The next value of a field that comes once for each header of a kind."""
        n = self._taken[name]
        self._taken[name] += 1
        if n >= len(self._values[name]):
            raise Malformed(name)
        return self._number(self._values[name][n])


class Expectation:
    """Which counters one frame adds to."""

    def __init__(self, frame, services):
        self.frame, self.services = frame, services
        self.l3, self.l4, self.marks, self.flags, self.service = "l3_other", None, set(), [], None
        self.v6 = False
        try:
            self._frame()
        except Malformed:
            self.marks.add("malformed")

    def _frame(self):
        if self.frame.size < 14:
            raise Malformed("Ethernet header")
        left = self.frame.size - 14
        try:
            ethertype = self.frame.first("eth.type")
        except Malformed:
            return  # IEEE 802.3: a length is there instead
        for _ in range(TAGS_MAX):
            if ethertype not in VLAN_TYPES:
                break
            self.marks.add("vlan")
            if left < 4:
                raise Malformed("tag")
            left -= 4
            try:
                ethertype = self.frame.next("vlan.etype")
            except Malformed:
                return  # IEEE 802.3 behind a tag
        if ethertype == IPV4:
            self._ipv4(left)
        elif ethertype == IPV6:
            self._ipv6(left)
        elif ethertype == ARP:
            self._arp(left)

    def _arp(self, left):
        self.l3 = "arp"
        if left < 8 or left < 8 + 2 * (self.frame.first("arp.hw.size") +
                                       self.frame.first("arp.proto.size")):
            raise Malformed("ARP")

    def _ipv4(self, left):
        frame = self.frame
        self.l3, self.l4 = "ipv4", "l4_other"
        if left < 20 or frame.first("ip.version") != 4 or frame.first("ip.hdr_len") < 20:
            raise Malformed("IPv4 header")
        header, total = frame.first("ip.hdr_len"), frame.first("ip.len")
        if total < header or total > left:
            raise Malformed("IPv4 lengths")
        later = frame.first("ip.frag_offset") > 0
        if later or frame.first("ip.flags.mf"):
            self.marks.add("fragments")
        self._l4(frame.first("ip.proto"), total - header, later)

    def _ipv6(self, left):
        frame = self.frame
        self.l3, self.l4, self.v6 = "ipv6", "l4_other", True
        if left < 40 or frame.first("ip.version") != 6:
            raise Malformed("IPv6 header")
        left -= 40
        payload, kind = frame.first("ipv6.plen"), frame.first("ipv6.nxt")
        if payload > left:
            raise Malformed("IPv6 length")
        if payload or kind != 0:
            left = payload  # else a jumbogram
        later = False
        for _ in range(EXTENSIONS_MAX):
            if kind not in EXTENSIONS or later:
                break
            if left < 8:
                raise Malformed("extension header")
            next_field, length_field, size_of = EXTENSIONS[kind]
            size = size_of(frame.next(length_field) if length_field else 0)
            if size > left:
                raise Malformed("extension header's length")
            left -= size
            if kind == FRAGMENT:
                later = frame.next("ipv6.fraghdr.offset") > 0
                if frame.next("ipv6.fraghdr.more") or later:
                    self.marks.add("fragments")
            kind = frame.next(next_field)
        self._l4(kind, left, later)

    def _l4(self, protocol, left, later):
        names = {TCP: "tcp", UDP: "udp", SCTP: "sctp", ICMPV6 if self.v6 else ICMP: "icmp"}
        self.l4 = names.get(protocol, "l4_other")
        if later or self.l4 == "l4_other":
            return
        if left < {"tcp": 20, "udp": 8, "sctp": 12, "icmp": 4 if self.v6 else 8}[self.l4]:
            raise Malformed("layer 4 header")
        if self.l4 == "tcp":
            self._tcp(left)
        elif self.l4 == "udp":
            self._udp(left)

    def _tcp(self, left):
        frame = self.frame
        if not 20 <= frame.first("tcp.hdr_len") <= left:
            raise Malformed("TCP data offset")
        flags = frame.first("tcp.flags")
        if flags & 2:
            self.flags.append("syn_ack" if flags & 16 else "syn")
        self.flags += [name for bit, name in ((1, "fin"), (4, "rst")) if flags & bit]
        self._find_service("tcp", frame.first("tcp.srcport"), frame.first("tcp.dstport"))

    def _udp(self, left):
        frame = self.frame
        length = frame.first("udp.length")
        if length < 8:
            if length or not self.v6:
                raise Malformed("UDP length")
        elif length > left and "fragments" not in self.marks:
            raise Malformed("UDP length")
        self._find_service("udp", frame.first("udp.srcport"), frame.first("udp.dstport"))

    def _find_service(self, protocol, source, dest):
        for port in (dest, source):
            self.service = self.service or self.services.get((protocol, port))

    def add_to(self, counters):
        places = ["", f"l3.{self.l3}.", *(f"{mark}." for mark in self.marks)]
        if self.l4:
            places.append(f"l4.{self.l4}.")
        if self.service:
            places.append(f"services.{self.service}.")
        for place in places:
            counters[place + "packets"] += 1
            counters[place + "bytes"] += self.frame.size
        size = next((name for most, name in SIZES if self.frame.size <= most), "1515-")
        counters[f"sizes.{size}"] += 1
        for flag in self.flags:
            counters[f"tcp_flags.{flag}"] += 1


def expectations(path, services):
    """
    Ask tshark. @services maps (protocol, port) to a name. Return: an Expectation for each frame of
    the capture.
    """
    arguments = [word for field in FIELDS for word in ("-e", field)]
    result = subprocess.run([*TSHARK, "-r", path, *arguments], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, check=True)
    return [Expectation(Frame(line), services) for line in result.stdout.splitlines()]


def counters(expected):
    """Return: every counter by its path in a snapshot's rx."""
    total = collections.Counter()
    for one in expected:
        one.add_to(total)
    return total
