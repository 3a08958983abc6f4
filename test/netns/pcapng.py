# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Capture files in the format pcapng, block by block, in either byte order, right or wrong.
"""
import struct

SECTION, INTERFACE, OLD_PACKET, SIMPLE, NAMES, STATISTICS, PACKET, CUSTOM = (
    0x0A0D0D0A, 1, 2, 3, 4, 5, 6, 0xBAD)
COMMENT, FLAGS, NAME, TSRESOL, FCSLEN, TSOFFSET = 1, 2, 2, 9, 13, 14


class Pcapng:
    """Writes blocks in one byte order. Each method returns the block's bytes."""

    def __init__(self, order="<"):
        self.order = order

    def pack(self, fields, *values):
        return struct.pack(self.order + fields, *values)

    @staticmethod
    def pad(data):
        return data + b"\0" * (-len(data) % 4)

    def block(self, kind, body, length=None, trailer=None):
        body = self.pad(body)
        length = len(body) + 12 if length is None else length
        return self.pack("II", kind, length) + body + self.pack("I", length if trailer is None else trailer)

    def options(self, *options):
        """Pairs of code and bytes, and their end; nothing at all where there are none."""
        data = b"".join(self.pack("HH", code, len(value)) + self.pad(value) for code, value in options)
        return data + self.pack("HH", 0, 0) if options else b""

    def section(self, major=1, magic=0x1A2B3C4D, length=-1):
        return self.block(SECTION, self.pack("IHHq", magic, major, 0, length))

    def interface(self, *options, link=1, snaplen=0):
        return self.block(INTERFACE, self.pack("HHI", link, 0, snaplen) + self.options(*options))

    def packet(self, frame, time=0, *options, interface=0, captured=None, whole=None):
        captured = len(frame) if captured is None else captured
        return self.block(PACKET, self.pack(
            "IIIII", interface, time >> 32, time & 0xFFFFFFFF, captured, captured if whole is None else whole)
            + self.pad(frame) + self.options(*options))

    def old_packet(self, frame, time=0, *options, interface=0):
        return self.block(OLD_PACKET, self.pack(
            "HHIIII", interface, 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
            + self.pad(frame) + self.options(*options))

    def simple(self, frame, whole=None):
        return self.block(SIMPLE, self.pack("I", len(frame) if whole is None else whole) + frame)
