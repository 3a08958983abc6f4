#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen --pcap with captures in pcapng: those of Wireshark's programs are sent as the pcap files that
they are made of, at the same times; and of what no program here writes, each kind of block, in either byte
order, and each way in which a file can be wrong.
"""
import re
import struct
import subprocess

import frames as f
import lab as laboratory
import pcapng as ng
from lab import RUN, scenario
from pcapng import Pcapng
from raw import FAILED, Capture, Ends

PATH = f"{RUN}/seen.pcapng"
FRAMES = [f.padded(f.eth(f.IPV4, f.ipv4(f.UDP, f.udp(payload=bytes([n]) * (n * 37 % 1000)))), 60) for n in range(19)]
REPLAY = ("--raw", "--interface", "p0", "--allow-any-source", "yes", "--pcap", PATH)


def shown(ends, path):
    """What a dry run says of the first frames: times, lengths and what they are, and the bytes of all."""
    result = ends.try_run("--raw", "--interface", "p0", "--pcap", path, "--dry-run=hex", "--allow-any-source", "yes")
    if result.status:
        raise laboratory.Failure(f"{path}: {result!r}")
    return result.out


def times(ends, path):
    return [float(time) for time in re.findall(r"(?m)^ *(\d+\.\d{9}) ", shown(ends, path))]


def write(*blocks):
    with open(PATH, "wb") as file:
        file.write(b"".join(blocks))
    return PATH


def pcap(path, frames, nanoseconds=False, begin=1000):
    """A capture with times that no clock would make."""
    part = 1 if nanoseconds else 1000
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for n, frame in enumerate(frames):
            ns = n * n * 1234567 // part
            file.write(struct.pack("=IIII", begin + ns * part // 10**9, ns % (10**9 // part), len(frame), len(frame))
                       + frame)


# ---- files that programs write ----

@scenario("captures that editcap and tshark write", 60)
def test_written(t, lab):
    ends, seen = Ends(lab), None
    for nanoseconds in (False, True):
        source = f"{RUN}/source.pcap"
        pcap(source, FRAMES, nanoseconds)
        want = shown(ends, source)
        for name, argv in (("editcap", ("editcap", "-F", "pcapng", source, PATH)),
                           ("editcap, with comments", ("editcap", "-F", "pcapng", "-a", "3:a comment", source, PATH)),
                           ("tshark", ("tshark", "-Q", "-r", source, "-F", "pcapng", "-w", PATH))):
            lab.run(*argv)
            name = f"{name}, {'nanoseconds' if nanoseconds else 'microseconds'}"
            with open(PATH, "rb") as file:
                t.equal(file.read(4), b"\x0a\x0d\x0d\x0a", f"{name}: is pcapng")
            t.ok(shown(ends, PATH) == want, f"{name}: frames and times are those of the pcap file", shown(ends, PATH))
    seen = Capture(ends.link)
    report = ends.replay(PATH)
    t.ok(seen.frames(len(FRAMES)) == FRAMES, "and each byte of them is sent")
    last = (len(FRAMES) - 1) ** 2 * 1234567
    t.ok(report["duration_s"] >= last / 1e9 and report["lateness_us"]["min"] >= 0, "none before its time",
         report["duration_s"])


@scenario("a capture of several interfaces, by mergecap", 60)
def test_merged(t, lab):
    ends, paths = Ends(lab), [f"{RUN}/{n}.pcap" for n in range(3)]
    for n, path in enumerate(paths):
        pcap(path, FRAMES[n::3], nanoseconds=n == 1)
    lab.run("mergecap", "-F", "pcapng", "-I", "none", "-w", PATH, *paths)
    found = lab.run("capinfos", "-I", PATH)
    t.match(found, r"Number of interfaces in file: 3", "it has three interfaces")
    want = sorted((n * n * 1234567 // part * part, file, n) for file, part in ((0, 1000), (1, 1), (2, 1000))
                  for n in range(len(FRAMES[file::3])))
    seen = Capture(ends.link)
    ends.replay(PATH)
    t.ok(sorted(seen.frames(len(FRAMES))) == sorted(FRAMES), "frames of all of them are sent")
    t.equal(times(ends, PATH), [ns / 1e9 for ns, _, _ in want], "by the times of each, to the nanosecond")


@scenario("what dumpcap captures is sent again", 60)
def test_captured(t, lab):
    ends = Ends(lab)
    pcap(f"{RUN}/source.pcap", FRAMES)
    dumpcap = lab.spawn("dumpcap", "-q", "-i", "v0", "-c", str(len(FRAMES)), "-w", PATH, stdout=subprocess.DEVNULL,
                        stderr=subprocess.PIPE, text=True)
    dumpcap.stderr.readline()  # "Capturing on"
    dumpcap.stderr.readline()  # "File:"
    ends.replay(f"{RUN}/source.pcap", "--pcap-speed", "10")
    dumpcap.wait(20)
    seen = Capture(ends.link)
    report = ends.replay(PATH, "--loops", "2")
    t.ok(seen.frames(2 * len(FRAMES)) == FRAMES * 2, "twice, to the byte")
    seconds = lab.run("tshark", "-r", PATH, "-T", "fields", "-e", "frame.time_relative").split()
    t.ok(times(ends, PATH) == list(map(float, seconds)) and report["duration_s"] >= float(seconds[-1]),
         "at the times that tshark shows", (times(ends, PATH), seconds))


# ---- what nobody writes here ----

@scenario("every kind of block, in both byte orders", 60)
def test_blocks(t, lab):
    ends = Ends(lab)
    a, b, c, d, e = FRAMES[:5]
    for name, order in (("little endian", "<"), ("big endian", ">")):
        w, other = Pcapng(order), Pcapng({"<": ">", ">": "<"}[order])
        write(
            w.section(),
            w.block(ng.NAMES, b"\0" * 4), w.block(ng.CUSTOM, b"x" * 8),
            w.interface((ng.NAME, b"eth0"), (ng.COMMENT, b"abc")),
            w.interface((ng.TSRESOL, b"\x09"), (ng.TSOFFSET, w.pack("q", 1000)), (ng.FCSLEN, b"\x20")),
            w.interface((ng.TSRESOL, b"\x94"), (ng.TSOFFSET, w.pack("q", -7))),  # 2^-20 s
            w.interface(link=113),  # of which there are no frames
            w.packet(a, 1000 * 10**6 + 5),
            w.packet(b + b"fcs!", 2 * 10**9 + 7, interface=1),
            w.old_packet(c, (1010 << 20) + 524288, (ng.FLAGS, w.pack("I", 1)), interface=2),
            w.packet(d + b"fcs", 1003 * 10**6 + 600000, (ng.COMMENT, b"x"), (ng.FLAGS, w.pack("I", 3 << 5))),
            w.block(ng.STATISTICS, b"\0" * 12),
            # another section, of the other byte order, whose interfaces are its own
            other.section(),
            other.interface((ng.TSRESOL, b"\x00")),
            other.packet(e, 1007))
        seen = Capture(ends.link)
        ends.replay(PATH, "--rate", "1000")
        t.equal(seen.frames(5), [a, b, c, d, e], f"{name}: all frames, without their FCS")
        t.equal(times(ends, PATH), [0, 1.999995007, 3.499995, 3.599995, 6.999995],
                f"{name}: by the units and offsets of their interfaces")


@scenario("frames without a time", 60)
def test_simple(t, lab):
    ends, w = Ends(lab), Pcapng()
    write(w.section(), w.interface(snaplen=1500), *map(w.simple, FRAMES))
    seen = Capture(ends.link)
    ends.replay(PATH, "--rate", "1000")
    t.ok(seen.frames(len(FRAMES)) == FRAMES, "are sent at a rate")
    refused(t, ends, "have no times of their own", r"frame 1 has no time .*: give a pace \(--rate, --bandwidth\)")


@scenario("the times of a capture", 60)
def test_times(t, lab):
    ends, w = Ends(lab), Pcapng()

    def frames(resolution, *units, offset=0):
        write(w.section(), w.interface((ng.TSRESOL, bytes([resolution])), (ng.TSOFFSET, w.pack("q", offset))),
              *(w.packet(FRAMES[0], unit) for unit in units))
        return times(ends, PATH)

    t.equal(frames(6, 5, 4, 7), [0, 0, 2e-6], "one that steps back is due with the one before")
    t.equal(frames(9, 2**64 - 3, 2**64 - 1), [0, 2e-9], "those of 64 bits are exact")
    t.equal(frames(19, 0, 10**19), [0, 1], "as fine as 64 bits can count")
    t.equal(frames(0x80 | 63, 0, 2**63 + 2**62), [0, 1.5], "in powers of two, too")
    t.equal(frames(0, 2**62, 2**62 + 3, offset=2**62), [0, 3], "offsets do not overflow")
    t.equal(frames(6, 0, 10**12, offset=-2**63), [0, 1e6], "nor do those before all time")


def refused(t, ends, name, pattern, *argv):
    """Exit status 1 and one line, that names the file."""
    result = ends.try_run(*REPLAY, *argv)
    t.ok(result.status == FAILED
         and re.search(rf"^sampler-loadgen: error: {PATH}:? {pattern}\n\Z", result.err), name,
         f"{result!r}\nwant {pattern}")


@scenario("files that are wrong", 60)
def test_wrong(t, lab):
    ends = Ends(lab)
    frame = FRAMES[3]
    for order in "<>":
        w = Pcapng(order)
        section, interface, packet = w.section(), w.interface(), w.packet(frame)
        good = section + interface + packet
        n = len(good)
        for name, data, pattern in (
                ("nothing but a section", section, "has no frames"),
                ("cut within a block's first bytes", good + packet[:11],
                 rf"ends within the block at byte {n}, behind 1 whole frames"),
                ("cut within a frame", good[:-1], rf"ends within the block at byte {n - len(packet)}, behind 0 .*"),
                ("cut within the first block", section[:20], "ends within the block at byte 0, behind 0 whole frames"),
                ("four bytes", section[:4], "ends within the block at byte 0, behind 0 whole frames"),
                ("no byte order", w.section(magic=0x1A2B3C4E) + good, "has a section at byte 0 without a byte order"),
                ("another version", w.section(major=2) + good,
                 r"has a section at byte 0 of version 2 of pcapng; known is version 1"),
                ("a section that is too short", w.block(ng.SECTION, w.pack("I", 0x1A2B3C4D)) + good,
                 "has a block of type 168627466 at byte 0 of only 16 bytes"),
                ("a block of no bytes", good + w.block(9, b"", length=0),
                 rf"has a block of 0 bytes at byte {n}; blocks have 12 or more, a multiple of 4"),
                ("a block of 8 bytes", good + w.block(9, b"", length=8), rf"has a block of 8 bytes at byte {n}; .*"),
                ("a block of 13 bytes", good + w.block(9, b"xxxx", length=13),
                 rf"has a block of 13 bytes at byte {n}; .*"),
                ("a block of 4 GiB", good + w.block(9, b"", length=0xFFFFFFFC),
                 rf"ends within the block at byte {n}, behind 1 whole frames"),
                ("two lengths", good + w.block(9, b"", trailer=16),
                 rf"has a block at byte {n} that gives its length as 12 bytes, and at its end as 16"),
                ("a frame before any interface", section + packet,
                 r"has a frame \(number 1\) of interface 0, of which there is no description before it"),
                ("a frame of another interface", good + w.packet(frame, interface=1),
                 r"has a frame \(number 2\) of interface 1, of which .*"),
                ("interfaces of the section before", good + section + packet,
                 r"has a frame \(number 2\) of interface 0, of which .*"),
                ("an old frame of no interface", good + w.old_packet(frame, interface=0xFFFF),
                 r"has a frame \(number 2\) of interface 65535, of which .*"),
                ("a simple frame of no interface", section + w.simple(frame),
                 r"has a frame \(number 1\) of interface 0, of which .*"),
                ("another link", good + w.interface(link=113) + w.packet(frame, interface=1),
                 r"has a frame \(number 2, of interface 1\) of link type 113; only those of Ethernet \(1\) can be sent"),
                ("a frame that is cut", good + w.packet(frame, whole=1500),
                 rf"has only {len(frame)} of the 1500 bytes of frame 2; capture whole frames \(tcpdump -s 0\)"),
                ("a simple frame that is cut", section + w.interface(snaplen=40) + w.simple(frame[:40], whole=1500),
                 "has only 40 of the 1500 bytes of frame 1; .*"),
                ("a frame larger than its block", good + w.packet(frame, captured=len(frame) + 4),
                 rf"has a frame \(number 2\) of {len(frame) + 4} bytes in a block that has room for {len(frame)}"
                 if len(frame) % 4 == 0 else r"has a frame \(number 2\) of .*"),
                ("a frame of 4 GiB", good + w.packet(frame, captured=0xFFFFFFFF), r"has a frame \(number 2\) of 4294967295 .*"),
                ("a simple frame larger than its block", good + w.simple(frame, whole=9999),
                 r"has a frame \(number 2\) of 9999 bytes in a block that has room for .*"),
                ("a short frame", good + w.packet(frame[:13]), r"has a frame of 13 bytes \(number 2\); 14 to 65535 can be sent"),
                ("a frame of which only the FCS is left",
                 good + w.packet(frame[:17], 0, (ng.FLAGS, w.pack("I", 4 << 5))), r"has a frame of 17 bytes \(number 2\); .*"),
                ("a packet block that is too short", good + w.block(ng.PACKET, b"\0" * 16),
                 rf"has a block of type 6 at byte {n} of only 28 bytes"),
                ("a simple one", good + w.block(ng.SIMPLE, b""), rf"has a block of type 3 at byte {n} of only 12 bytes"),
                ("an interface that is too short", good + w.block(ng.INTERFACE, b"\0" * 4),
                 rf"has a block of type 1 at byte {n} of only 16 bytes"),
                ("an option beyond its block", good + w.block(ng.INTERFACE, w.pack("HHIHH", 1, 0, 0, 1, 5) + b"abcd"),
                 rf"has an option that goes beyond its block, at byte {n}"),
                ("half an option", good + w.block(ng.INTERFACE, w.pack("HHI", 1, 0, 0) + w.pack("HH", 1, 0xFFFF)),
                 rf"has an option that goes beyond its block, at byte {n}"),
                ("an option of a frame", good + w.block(ng.PACKET, w.pack("IIIII", 0, 0, 0, 16, 16) + frame[:16]
                                                        + w.pack("HH", 1, 8)),
                 rf"has an option that goes beyond its block, at byte {n}"),
                ("units of two bytes", good + w.interface((ng.TSRESOL, b"\x06\x06")),
                 rf"has an interface at byte {n} whose option 9 has 2 bytes"),
                ("an offset of four", good + w.interface((ng.TSOFFSET, b"\0" * 4)),
                 rf"has an interface at byte {n} whose option 14 has 4 bytes"),
                ("no length of an FCS", good + w.interface((ng.FCSLEN, b"")),
                 rf"has an interface at byte {n} whose option 13 has 0 bytes"),
                ("another FCS", good + w.interface((ng.FCSLEN, b"\x10")),
                 rf"has an interface at byte {n} with an FCS of 16 bits; that of Ethernet has 32"),
                ("units that nobody can count", good + w.interface((ng.TSRESOL, b"\x14")),
                 rf"has an interface at byte {n} with times in units of 10\^-20 s; the finest are 10\^-19 and 2\^-63"),
                ("units of powers of two", good + w.interface((ng.TSRESOL, b"\xc0")),
                 rf"has an interface at byte {n} with times in units of 2\^-64 s; .*"),
                ("times that are ages apart", section + w.interface((ng.TSRESOL, b"\0")) + packet
                 + w.packet(frame, 2**33 + 2**32), r"has a frame \(number 2\) of 292 years after the first one")):
            write(data)
            refused(t, ends, f"{name}, {order}", pattern)


if __name__ == "__main__":
    laboratory.main()
