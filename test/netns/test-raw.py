#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Raw frames: what sampler-loadgen says that it has sent is what a sampler counts and a capture holds,
frame for frame.
"""
import collections
import os
import struct
import subprocess
import time

import frames as f
import lab as laboratory
from known import known_frames, wrong_counters
from lab import scenario
from raw import (KINDS, MAC, MIX, Capture, Ends, ports, stamp)
from reports import csv_rows, valid

N = 300000  # a million of them are in test-verify-raw.py
SIZES = [(60, "0-60"), (123, "61-123"), (251, "124-251"), (507, "252-507"), (1019, "508-1019"),
         (1514, "1020-1514"), (1 << 30, "1515-")]


def flat(tree, path=""):
    if not isinstance(tree, dict):
        return {path: tree}
    return {k: v for name, value in tree.items() for k, v in flat(value, f"{path}.{name}".lstrip(".")).items()}


def counted(lab, report, seconds=20):
    """What the sampler has counted, once it has all; but for services, as the report has it."""
    def all_there():
        rx = lab.snapshot("v0")["rx"]
        return rx if rx["packets"] >= report["sent"]["packets"] else None

    rx = laboratory.wait_for(all_there, "all frames counted", seconds)
    rx.pop("services")
    return rx


def check_counted(t, lab, report, name):
    """Every counter, at once: which ones differ, (counted, sent)."""
    sent, rx = flat(report["sent"]), flat(counted(lab, report))
    t.equal({path: (rx[path], sent.get(path)) for path in rx if rx[path] != sent.get(path)}, {},
            name)
    t.equal(set(sent), set(rx), f"{name}: of the same counters")


@scenario("mixed frames, native mode", 60, mode="native")
@scenario("mixed frames, skb mode", 60, mode="skb")
@scenario("mixed frames by AF_XDP, native mode", 60, mode="native", socket="xdp")
@scenario("mixed frames by AF_XDP, skb mode", 60, mode="skb", socket="xdp")
def test_mixed(t, lab, mode, socket="packet"):
    ends = Ends(lab, socket)
    lab.attach("v0", "--mode", mode)
    # a veth's ring, or a CPU's backlog, loses what comes faster than it is looked at
    report = ends.run("--mix", MIX, "--frame-size", "imix", "--flows", "1000", "--port", "70-89",
                      "--frames", str(N), "--rate", "150000", "--burst", "16", seconds=50)
    t.equal((report["frames"]["sent"], report["sent"]["packets"]), (N, N), "all were sent")
    t.equal(report["frames"]["dropped"], 0, "the link has dropped none")
    t.ok(report["sent"]["malformed"]["packets"] > N / 10 and
         report["sent"]["fragments"]["packets"] > N / 10, "of all kinds", report["sent"])
    check_counted(t, lab, report, "every counter of the sampler is exact")


def want_of(kind, frames):
    """What has to be counted of captured frames of one kind."""
    want = collections.Counter()
    for frame in frames:
        for place in KINDS[kind].split() + [""]:
            want[f"{place}.packets".lstrip(".")] += 1
            want[f"{place}.bytes".lstrip(".")] += len(frame)
        want[f"sizes.{next(name for most, name in SIZES if len(frame) <= most)}"] += 1
    return want


@scenario("each malformed kind in its counters", 120, bad=True)
@scenario("each good kind in its counters", 120, bad=False)
@scenario("each malformed kind by AF_XDP", 120, bad=True, socket="xdp")
@scenario("each good kind by AF_XDP", 120, bad=False, socket="xdp")
def test_kinds(t, lab, bad, socket="packet"):
    ends = Ends(lab, socket)
    lab.attach("v0")
    before = collections.Counter()
    capture_socket = Capture(ends.link)  # the stack itself drops what ends within a tag
    for kind in (kind for kind in KINDS if kind.startswith("bad") == bad):
        report = ends.run("--mix", kind, "--frame-size", "60:3 200-210:3 1514", "--frames", "14",
                          "--bandwidth", "0")
        frames = capture_socket.frames(14) if kind != "bad-vlan-cut" else [b"x" * 16] * 14
        after = collections.Counter(flat({**lab.snapshot("v0")["rx"], "services": 0}))
        got = {path: after[path] - before[path] for path in after if after[path] != before[path]}
        want = want_of(kind, frames)
        t.equal((len(frames), got), (14, dict(want)), f"{kind}: counted where it belongs")
        sent = {path: n for path, n in flat(report["sent"]).items() if n}
        t.equal(sent, dict(want), f"{kind}: and told so")
        before = after


@scenario("TCP flags, services and tags", 60)
def test_details(t, lab):
    ends = Ends(lab)
    lab.attach("v0", "--mode", "native")
    total = collections.Counter()
    for flags, counters in (("syn", {"syn": 7}), ("syn+ack", {"syn_ack": 7}), ("none", {}),
                            ("fin+ack", {"fin": 7}), ("rst", {"rst": 7}),
                            ("syn+fin+rst", {"syn": 7, "fin": 7, "rst": 7}),
                            ("psh+ack+urg+ece+cwr", {})):
        report = ends.run("--mix", "tcp4 tcp6", "--tcp-flags", flags, "--frames", "7", "--port",
                          "80")
        t.equal({k: v for k, v in report["sent"]["tcp_flags"].items() if v}, counters,
                f"{flags}: told")
        total.update(counters)
        t.equal({k: v for k, v in lab.snapshot("v0")["rx"]["tcp_flags"].items() if v},
                dict(total), f"{flags}: counted")
    ends.run("--mix", "udp4 tcp6", "--port", "443", "--frames", "10", "--source-port", "80")
    ends.run("--mix", "tcp4", "--port", "9", "--source-port", "443", "--frames", "3")
    services = lab.snapshot("v0")["rx"]["services"]
    t.equal((services["http"]["packets"], services["https"]["packets"]), (49, 8),
            "a service by its destination port, and else by the source port")
    seen = Capture(ends.link)
    for vlan, tags in (("100", b"\x81\0\0\x64"), ("7.4094", b"\x88\xa8\0\x07\x81\0\x0f\xfe")):
        report = ends.run("--vlan", vlan, "--frames", "5", "--frame-size", "100")
        t.equal(report["sent"]["vlan"], {"packets": 5, "bytes": 500}, f"VLAN {vlan}: told")
        t.equal({frame[12:12 + len(tags)] for frame in seen.frames(5)}, {tags},
                f"VLAN {vlan}: its tags are in the frames")
    t.equal(lab.snapshot("v0")["rx"]["vlan"]["packets"], 10, "and counted")


def tshark(path, *fields):
    argv = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f"]
    for option in ("ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"):
        argv += ["-o", f"{option}:TRUE"]
    argv += ["-o", "sctp.checksum:CRC 32c"]
    for field in fields:
        argv += ["-e", field]
    out = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in out.splitlines()]


@scenario("checksums, numbers and times", 60)
def test_checksums(t, lab):
    ends = Ends(lab)
    seen = Capture(ends.link)
    good = " ".join(kind for kind in KINDS if not kind.startswith("bad") and "=" not in kind)
    ends.run("--mix", good, "--frame-size", "60-1514", "--flows", "50", "--source-port", "50000-50099",
             "--tcp-flags", "psh+ack", "--frames", "3000", "--rate", "20000")
    frames = seen.frames(3000)
    path = f"{laboratory.RUN}/seen.pcap"
    f.write_pcap(path, frames)
    names = ("ip", "tcp", "udp", "icmp", "icmpv6", "sctp")
    fields = [f"{name}.checksum.status" for name in names]
    rows = tshark(path, *fields, "_ws.malformed", "ip.reassembled.length", "ipv6.reassembled.length")
    found = collections.Counter((name, row[i]) for row in rows for i, name in enumerate(names)
                                if i < len(row) and row[i])
    t.equal({status for _, status in found}, {"1"}, "tshark finds each checksum good")
    t.ok(all(found[name, "1"] > 100 for name in names), "of each protocol", found)
    t.equal([row for row in rows if row[6]][:3], [], "and no frame malformed")
    t.ok(sum(bool(cell) for row in rows for cell in row[7:9]) > 400,
         "fragments make whole datagrams", rows[:5])
    begin = time.time_ns()
    ends.run("--frames", "500", "--rate", "5000")
    end = time.time_ns()
    stamps = [stamp(frame) for frame in seen.frames(500)]
    t.equal([number for number, _ in stamps], list(range(500)), "frames are numbered")
    times = [ns for _, ns in stamps]
    t.ok(times == sorted(times) and times[0] < times[-1] < end, "and have their times", (times, end))
    t.ok(all(ns >= begin + number / 5000 * 1e9 for number, ns in stamps), "none of them before it is due", times)


@scenario("sizes and flows have their shares", 60)
def test_shares(t, lab):
    ends = Ends(lab)
    seen = Capture(ends.link)
    ends.run("--frame-size", "imix", "--frames", "1200", "--rate", "50000")
    t.equal(collections.Counter(map(len, seen.frames(1200))), {60: 700, 590: 400, 1514: 100},
            "imix is 7:4:1")
    ends.run("--frame-size", "64-127", "--frames", "2000", "--rate", "50000")
    sizes = collections.Counter(map(len, seen.frames(2000)))
    t.ok(set(sizes) == set(range(64, 128)) and max(sizes.values()) < 80, "a range has all", sizes)
    ends.run("--flows", "10", "--port", "5000-5001", "--source-port", "7000-7009", "--frames",
             "100", "--rate", "50000")
    flows = [ports(frame) for frame in seen.frames(100)]
    t.equal(flows, [(7000 + i // 2 % 5, 5000 + i % 2) for i in range(100)], "round robin")
    ends.run("--flows", "100", "--flow-order", "uniform", "--frames", "5000", "--rate", "50000")
    flows = collections.Counter(ports(frame) for frame in seen.frames(5000))
    t.ok(len(flows) == 100 and max(flows.values()) < 100, "uniform", flows)
    ends.run("--flows", "100", "--flow-order", "zipf", "--frames", "5000", "--rate", "50000")
    flows = collections.Counter(ports(frame) for frame in seen.frames(5000)).most_common()
    t.ok(flows[0][0] == (1024, 9) and 1.7 < flows[0][1] / flows[1][1] < 2.3 and
         800 < flows[0][1] < 1200, "Zipf: the first has twice the second's, and its share", flows[:9])
    ends.run("--threads", "3", "--flows", "30", "--frames", "1000", "--rate", "20000", "--mix",
             "udp4:3 udp4-fragments")
    found = seen.frames(1000)
    whole = [frame for frame in found if not struct.unpack_from("!H", frame, 20)[0]]
    owner = {(number % 3, ports(frame)) for frame in whole for number, _ in (stamp(frame),)}
    t.equal((len(found), len({flow for _, flow in owner}), len(owner)), (1000, 30, 30),
            "of three threads none has a flow of another's, and all frames are sent once")


def capture_of(seed, n):
    """Mixed frames, also malformed ones. Return: path, frames."""
    path = f"{laboratory.RUN}/mixed.pcap"
    subprocess.run([f"{laboratory.HERE}/capture.py", path, str(n), str(seed)], check=True)
    return path, f.read_pcap(path)


def differences(found, sent):
    """The first frames that are not where they were sent, in hexadecimal; numbers of frames."""
    wrong = [(n, got.hex(), want.hex()) for n, (got, want) in enumerate(zip(found, sent)) if got != want]
    return wrong[:2] or ([] if len(found) == len(sent) else [len(found), len(sent)])


@scenario("a capture, to the byte", 60)
@scenario("a capture by AF_XDP, to the byte", 60, socket="xdp")
def test_replay(t, lab, socket="packet"):
    ends = Ends(lab, socket, mtu=9000)
    lab.attach("v0", "--mode", "native")
    seen = Capture(ends.link)
    path, frames = capture_of(7, 6000)
    report = ends.replay(path, "--rate", "20000")
    # a stack drops what ends within a tag before it could be captured
    frames = [frame for frame in frames
              if len(frame) >= 20 or frame[12:14] not in (b"\x81\0", b"\x88\xa8")]
    found = seen.frames(len(frames))
    t.equal(differences(found, frames), [], "6,000 frames arrive as they are in the file")
    check_counted(t, lab, report, "and are counted as the report says")


@scenario("a capture of known frames, three times", 60)
def test_loops(t, lab):
    ends = Ends(lab, mtu=9000)
    lab.attach("v0", "--mode", "native")
    seen, path = Capture(ends.link), f"{laboratory.RUN}/known.pcap"
    known, want = known_frames(200)
    f.write_pcap(path, known)
    report = ends.replay(path, "--loops", "3", "--bandwidth", "0")
    t.ok(seen.frames(600) == known * 3, "three times those that are known")
    t.equal(wrong_counters({k: v for k, v in report["sent"].items()},
                           collections.Counter({k: 3 * v for k, v in want.items()})), {},
            "the report has them in the right classes")
    t.equal(lab.snapshot("v0")["rx"]["bytes"], 3 * want["bytes"], "counted too")


def pcap(frames, order="<", magic=0xA1B2C3D4, parts=1000000, link=1):
    """A capture whose frames are 5 ms apart."""
    data = struct.pack(f"{order}IHHIIII", magic, 2, 4, 0, 0, 65535, link)
    for n, frame in enumerate(frames):
        data += struct.pack(f"{order}IIII", 100, n * parts // 200, len(frame), len(frame)) + frame
    return data


@scenario("a capture at its own times", 60)
def test_replay_times(t, lab):
    ends = Ends(lab)
    seen = Capture(ends.link)
    path = f"{laboratory.RUN}/times.pcap"
    frames = [f.eth(0x88B5, bytes([n]) * 50) for n in range(40)]  # 195 ms
    for name, arguments in (("microseconds", ("<",)), ("of the other byte order", (">",)),
                            ("nanoseconds", ("<", 0xA1B23C4D, 10**9)),
                            ("nanoseconds of the other order", (">", 0xA1B23C4D, 10**9))):
        with open(path, "wb") as file:
            file.write(pcap(frames, *arguments))
        report = ends.replay(path)
        t.ok(seen.frames(40) == frames, f"{name}: all frames")
        t.ok(report["duration_s"] >= 0.195 and report["lateness_us"]["min"] >= 0,
             f"{name}: none before its time", report["duration_s"])
    with open(path, "wb") as file:
        file.write(pcap([frame + b"fcs!" for frame in frames], link=0x24000001))
    ends.replay(path)
    t.ok(seen.frames(40) == frames, "an FCS that was captured is not sent")
    report = ends.replay(path, "--pcap-speed", "0.5", "--loops", "2")
    t.ok(seen.frames(80) == frames * 2 and report["duration_s"] >= 0.39 + 0.4, "half as fast, twice",
         report["duration_s"])
    report = ends.replay(path, "--pcap-speed", "100", "--loops", "0", "--duration", "100ms")
    t.equal(report["frames"]["sent"], 2000, "a duration is as many frames as are due in it")
    t.ok(seen.frames(2000) == frames * 50, "each of them")


@scenario("rates, bandwidths and limits are numbers of frames", 60)
@scenario("by AF_XDP as well", 60, socket="xdp")
def test_pace(t, lab, socket="packet"):
    ends = Ends(lab, socket, queues=3)
    cases = (
        ("a rate", 1000, ("--rate", "2000", "--duration", "500ms")),
        ("less than one a second", 1, ("--rate", "0.5", "--duration", "300ms")),
        ("a bandwidth", 500, ("--bandwidth", "8Mbps", "--frame-size", "1000", "--duration", "500ms")),
        ("a bandwidth of layer 1", 489, ("--bandwidth", "8Mbps", "--frame-size", "1000", "--duration",
                                         "500ms", "--bandwidth-layer", "1")),
        ("padding is on the wire", 596, ("--bandwidth", "800Kbps", "--mix", "bad-ip4-cut",
                                         "--duration", "500ms", "--bandwidth-layer", "1")),
        ("a ramp", 250, ("--rate", "1000", "--ramp", "500ms", "--duration", "500ms")),
        ("bursts", 1000, ("--rate", "2000", "--burst", "100", "--duration", "500ms")),
        ("two threads", 1001, ("--rate", "2002", "--threads", "2", "--duration", "500ms")),
        ("a number", 1234, ("--frames", "1234", "--bandwidth", "0")),
        ("a number over three threads", 1234, ("--frames", "1234", "--bandwidth", "0", "--threads", "3")),
        ("bytes", 166, ("--total-size", "10007", "--bandwidth", "0")),
        ("the first of two limits", 10, ("--total-size", "10007", "--frames", "10")),
    )
    total = 0
    lab.attach("v0", "--mode", "skb")
    for name, want, argv in cases:
        report = ends.run(*argv)
        sent = report["frames"]["sent"]
        total += sent
        t.equal(report["frames"]["asked_for"], want, f"{name}: {want} frames")
        # a machine that stalls at the very end of a duration has it cut, and told
        told = f"{want - sent} frames that were asked for were not sent."
        t.ok(sent == want or ("--duration" in argv and told in report["notes"]),
             f"{name}: all of them are sent", report)
        t.ok(report["lateness_us"]["min"] is None or report["lateness_us"]["min"] >= 0,
             f"{name}: none before its time")
    t.equal(lab.snapshot("v0")["rx"]["packets"], total, "all of which have been counted")
    imix = ends.run("--frame-size", "imix", "--total-size", "100KB", "--bandwidth", "0")
    left = 100000 - imix["bytes"]["layer2"]
    t.ok(0 <= left < 1514, "of many sizes: not even the next frame fits", left)
    report = ends.run("--bandwidth", "0", "--duration", "300ms", "--rate", "0")
    t.ok(report["frames"]["asked_for"] is None and report["frames"]["sent"] > 1000 and
         report["target"]["frames_per_s"] is None, "as fast as it goes has no number", report)


@scenario("outputs agree", 60)
def test_outputs(t, lab):
    ends = Ends(lab)
    paths = {kind: f"{laboratory.RUN}/run.{kind}" for kind in ("json", "ndjson", "csv")}
    result = ends.try_run(*ends.options("--rate", "4000", "--frames", "8800", "--mix",
                                        "udp4 tcp6", *(f"--{k}={v}" for k, v in paths.items())))
    text = {}
    for kind, path in paths.items():
        with open(path, encoding="utf-8") as file:
            text[kind] = file.read()
    report = valid(text["json"], "raw_report")
    *rows, last = text["ndjson"].splitlines()
    rows = [valid(row, "raw_interval") for row in rows]
    t.equal(valid(last, "raw_report"), report, "the last line is the report")
    t.equal(sum(row["frames"] for row in rows), 8800, "the seconds add up to it")
    t.equal(sum(row["frames"] for row in csv_rows(text["csv"])), 8800, "also in CSV")
    t.match(result.out, r"(?m)^  sent +8800 ", "and in the summary")
    t.match(result.out, r"(?m)^  udp +4400 +264000$", "which has what is to be counted")
    t.match(result.out, r"(?m)^ +[12]\.\d +\d+\.\d+ +\d+\.\d ", "after a line each second")
    t.equal(report["config"]["raw"]["mix"], "udp4 tcp6", "the configuration is in it")
    t.equal(result.status, 0, "status 0")


@scenario("a dry run sends nothing", 60)
def test_dry_run(t, lab):
    ends = Ends(lab)
    seen = Capture(ends.link)
    argv = ends.options("--mix", "udp4", "--frames", "3", "--rate", "10", "--vlan", "5")
    result = ends.try_run(*argv, "--dry-run=hex")
    t.equal(seen.frames(0), [], "no frame")
    line = rf"\d\.\d+ +60 \S+ > {MAC} vlan 5 ipv4 198\.18\.0\.1\.1024 > 198\.18\.0\.2\.9 udp vlan"
    t.ok(len(laboratory.re.findall(line.replace(" udp vlan", " udp"), result.out)) == 3,
         "a line for each of the first", result)
    shown = bytes.fromhex("".join(laboratory.re.findall(r"0x00\d0: ([0-9a-f ]+)", result.out)
                                  ).replace(" ", ""))[:60]
    ends.try_run(*argv, "-q")
    sent = seen.frames(3)[0]
    t.equal(shown.hex(), sent.hex(), "whose bytes are those that are sent")  # there is no room for the time
    for argv in (("--dry-run",), ("--print-config",)):
        result = ends.try_run(*ends.options("--frames", "3", *argv))
        t.equal((result.status, result.err), (0, ""), f"{argv[0]}: status 0")


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C")
    laboratory.main()
