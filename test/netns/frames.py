# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Frames by construction, and capture files.

Each builder takes what comes behind its header and returns header and payload. Lengths are right
unless given; checksums are right for IPv4 headers and left 0 elsewhere, where nobody looks.
"""
import struct

# Locally administered, and of no interface here: the stack drops what it receives at once.
DST = bytes.fromhex("020000005002")
SRC = bytes.fromhex("020000005001")
BROADCAST = b"\xff" * 6

IPV4, ARP, VLAN, IPV6, QINQ, LLDP = 0x0800, 0x0806, 0x8100, 0x86DD, 0x88A8, 0x88CC
ICMP, TCP, UDP, IPV6_ROUTE, FRAGMENT, ESP, AH, ICMPV6, NONE, DSTOPTS, SCTP, MOBILITY, HIP, SHIM6 = (
    1, 6, 17, 43, 44, 50, 51, 58, 59, 60, 132, 135, 139, 140)
HOPOPTS = 0
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
MORE = 1

HOST4 = (bytes([198, 18, 0, 1]), bytes([198, 18, 0, 2]))  # RFC 2544's range for tests
HOST6 = (bytes.fromhex("20010db8" + "00" * 11 + "01"), bytes.fromhex("20010db8" + "00" * 11 + "02"))


def eth(ethertype, payload=b"", dst=DST, src=SRC):
    return dst + src + struct.pack("!H", ethertype) + payload


def tags(ethertype, payload, *tag_types):
    """@payload of @ethertype behind VLAN tags: (what goes into the EtherType, what follows it)."""
    for n, tag in enumerate(reversed(tag_types)):
        payload = struct.pack("!HH", 100 + n, ethertype) + payload
        ethertype = tag
    return ethertype, payload


def _checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(protocol, payload=b"", options=b"", ihl=None, total=None, offset=0, more=False, version=4):
    """@offset in units of 8 bytes. Options are padded to a whole number of words."""
    options += b"\0" * (-len(options) % 4)
    ihl = 5 + len(options) // 4 if ihl is None else ihl
    total = 20 + len(options) + len(payload) if total is None else total
    fields = struct.pack("!BBHHHBB", version << 4 | ihl, 0, total, 0x1234,
                         offset | (0x2000 if more else 0), 64, protocol)
    header = fields + b"\0\0" + HOST4[0] + HOST4[1] + options
    return header[:10] + struct.pack("!H", _checksum(header)) + header[12:] + payload


def ipv6(following, payload=b"", length=None, version=6):
    length = len(payload) if length is None else length
    return (struct.pack("!IHBB", version << 28, length & 0xFFFF, following, 64) + HOST6[0] +
            HOST6[1] + payload)


def extension(following, payload=b"", words=0, length=None):
    """Hop-by-hop or destination options of 8 * (1 + @words) bytes, all padding."""
    body = 6 + 8 * words
    options = b"" if not body else bytes([1, min(body - 2, 255)]) + b"\0" * (body - 2)
    return bytes([following, words if length is None else length]) + options + payload


def routing(following, payload=b""):
    """Segment routing (type 4) with one segment, that is the destination."""
    return bytes([following, 2, 4, 0, 0, 0, 0, 0]) + HOST6[1] + payload


def fragment(following, payload=b"", offset=0, more=False):
    return struct.pack("!BBHI", following, 0, offset << 3 | more, 0x1234) + payload


def authentication(following, payload=b"", icv=12):
    return struct.pack("!BBHII", following, (12 + icv) // 4 - 2, 0, 7, 9) + b"\0" * icv + payload


def mobility():
    """A binding refresh request, which nothing follows."""
    return struct.pack("!BBBBHH", NONE, 0, 0, 0, 0, 0)


def hip():
    """The fixed part of a host identity packet, which nothing follows."""
    return struct.pack("!BBBBHH", NONE, 4, 1, 0x21, 0, 0) + b"\0" * 32


def shim6(following, payload=b""):
    return struct.pack("!BBB5s", following, 0, 0x80, b"\0\0\0\0\1") + payload


def tcp(source=40000, dest=50000, flags=ACK, payload=b"", options=b"", doff=None):
    options += b"\0" * (-len(options) % 4)
    doff = 5 + len(options) // 4 if doff is None else doff
    return struct.pack("!HHIIBBHHH", source, dest, 1, 1, doff << 4, flags, 1000, 0,
                       0) + options + payload


def udp(source=40000, dest=50000, payload=b"", length=None):
    return struct.pack("!HHHH", source, dest, 8 + len(payload) if length is None else length,
                       0) + payload


def icmp(payload=b"", kind=8):
    return struct.pack("!BBHHH", kind, 0, 0, 7, 1) + payload


def icmpv6(payload=b"", kind=128):
    return struct.pack("!BBHHH", kind, 0, 0, 7, 1) + payload


def sctp(source=40000, dest=50000, payload=b""):
    """One DATA chunk."""
    chunk = struct.pack("!BBHIHHI", 0, 3, 16 + len(payload), 1, 1, 1, 0)
    return struct.pack("!HHII", source, dest, 1, 0) + chunk + payload


def arp(operation=1):
    return (struct.pack("!HHBBH", 1, IPV4, 6, 4, operation) + SRC + HOST4[0] + b"\0" * 6 +
            HOST4[1])


def lldp():
    """Chassis, port, time to live, end."""
    return (b"\x02\x07\x04" + SRC + b"\x04\x03\x07v0" + b"\x06\x02\x00\x78" + b"\0\0")


def llc_stp():
    """An 802.3 frame with a length in place of the EtherType: a spanning tree BPDU."""
    bpdu = b"\x42\x42\x03" + b"\0" * 35
    return bytes.fromhex("0180c2000000") + SRC + struct.pack("!H", len(bpdu)) + bpdu


def padded(frame, size):
    """@frame with zeros behind it, up to @size bytes."""
    return frame + b"\0" * (size - len(frame))


# ---- capture files ----

PCAP_MAGIC, LINKTYPE_ETHERNET = 0xA1B2C3D4, 1


def write_pcap(path, frames, rate=20000):
    """Frames are @rate a second apart; none is cut by the capture."""
    with open(path, "wb") as out:
        out.write(struct.pack("=IHHiIII", PCAP_MAGIC, 2, 4, 0, 0, 65535, LINKTYPE_ETHERNET))
        for n, frame in enumerate(frames):
            seconds, part = divmod(n * 1000000 // rate, 1000000)
            out.write(struct.pack("=IIII", seconds, part, len(frame), len(frame)) + frame)


def read_pcap(path):
    with open(path, "rb") as file:
        data = file.read()
    if struct.unpack_from("=I", data)[0] != PCAP_MAGIC:
        raise ValueError(f"{path}: no capture file of this machine")
    frames, at = [], 24
    while at < len(data):
        _, _, size, original = struct.unpack_from("=IIII", data, at)
        if size != original:
            raise ValueError(f"{path}: frame {len(frames) + 1} is cut")
        frames.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return frames
