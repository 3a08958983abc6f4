#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web and pins whose values are hostile: valid by magic, version and checksum, and nonsense in each field; counters
that are full; maps of another size or kind. It answers in whole JSON and whole expositions, tells the interface beside
it rightly, and lives. Then, what it opens at all.
"""
import collections
import json
import os
import random
import re
import struct

import lab as laboratory
from certificates import Pair, token_file, new_token
from known import known_frames
from lab import PINS, RUN, scenario, wait_for
from web import HISTORY, INTERFACES, REALTIME, SUMMARY, WebServer, get, wait_totals

MASK = (1 << 64) - 1
# Of struct sampler_meta.
SIZE, CHECKSUM = 1160, 1152
EPOCH, EPOCH_BOOTTIME, ATTACH_BOOTTIME, ATTACH_REALTIME, NETNS = 24, 32, 40, 48, 56
IFNAME, IFINDEX, MODE, PRIORITY, PROG, LINK_PROG = 88, 104, 108, 112, 116, 120
SERVICES, MODE_REASON, CHAIN, ALONE_REASON, ACTIONS = 136, 392, 504, 880, 1008
TX_PROG, TX_REASON = 1012, 1024
CHAIN_N, CHAIN_PROGRAMS = CHAIN + 12, CHAIN + 16

SAMPLE_LINE = re.compile(r'^(#( (HELP|TYPE|UNIT|EOF).*)?|[a-z0-9_]+(\{([a-z_]+="([^"\\\n]|\\[\\n"])*",?)+\})? \S+)$')


def hash64(data, seed):
    """As daemon/model/layout.c has it, of whole words."""
    mix_word, mix_state, mix_end = 0xc080ec323b5165ad, 0xbb9b4479e135cde1, 0x2a1059680a64e26b
    state = ((seed ^ mix_end) + len(data) * 0x0f0242c226c21bc9) & MASK
    for word, in struct.iter_unpack("=Q", data):
        state ^= word * mix_word & MASK
        state = ((state << 29 | state >> 35) & MASK) * mix_state & MASK
    state = (state ^ state >> 32) * mix_end & MASK
    state = (state ^ state >> 29) * mix_word & MASK
    return state ^ state >> 32


def sealed(meta):
    """With the checksum that it has to have."""
    magic, = struct.unpack_from("=Q", meta)
    return bytes(meta[:CHECKSUM]) + struct.pack("=Q", hash64(bytes(meta[:CHECKSUM]), magic))


def changed(meta, *changes):
    """@changes are (offset, bytes)."""
    data = bytearray(meta)
    for offset, value in changes:
        data[offset:offset + len(value)] = value
    assert len(data) == SIZE
    return sealed(data)


FULL4, FULL8 = b"\xff" * 4, b"\xff" * 8


def hostile(meta):
    """Yield (name, meta)."""
    yield "names without an end, and no UTF-8", changed(
        meta, (IFNAME, b"\xff" * 16), (SERVICES, b"\xfe" * 256), (MODE_REASON, b"\xc3" * 112), (ALONE_REASON, b"\xe2" * 128),
        (TX_REASON, b"\xf0" * 112))
    yield "names that mean something elsewhere", changed(
        meta, (IFNAME, b'"\\\n{}</a>\r\n\x01x'[:16].ljust(16, b"z")), (SERVICES, b'",a="1\n# EOF\n\\'.ljust(16, b"\0")),
        (MODE_REASON, b"</script>\n\x1b[2J\0".ljust(112, b"\xff")))
    yield "another one's name", changed(meta, (IFNAME, b"good".ljust(16, b"\0")))
    yield "empty names", changed(meta, (IFNAME, b"\0" * 16), (SERVICES, b"\0" * 256))
    yield "services of one name", changed(meta, (SERVICES, b"http".ljust(16, b"\0") * 16))
    yield "a chain that is too long", changed(meta, (CHAIN_N, FULL4), (CHAIN_PROGRAMS, b"\xff" * 360))
    yield "a chain that is a bit too long", changed(meta, (CHAIN_N, struct.pack("=I", 11)))
    yield "a chain of the future", changed(meta, (CHAIN, FULL8), (CHAIN_N, struct.pack("=I", 10)))
    yield "times of the far future", changed(meta, *((at, FULL8) for at in (EPOCH, EPOCH_BOOTTIME, ATTACH_BOOTTIME, ATTACH_REALTIME)))
    yield "times of the sign", changed(meta, *((at, struct.pack("=Q", 1 << 63)) for at in (EPOCH, EPOCH_BOOTTIME, ATTACH_BOOTTIME, ATTACH_REALTIME)))
    yield "no times", changed(meta, *((at, b"\0" * 8) for at in (EPOCH, EPOCH_BOOTTIME, ATTACH_BOOTTIME, ATTACH_REALTIME)))
    yield "numbers that there are none of", changed(
        meta, (12, FULL4), (IFINDEX, FULL4), (MODE, FULL4), (PRIORITY, FULL4), (PROG, FULL4), (LINK_PROG, FULL4), (ACTIONS, FULL4),
        (TX_PROG, FULL4))
    yield "zeros", changed(meta, (24, b"\0" * (CHECKSUM - 24)))
    yield "ones", changed(meta, (24, b"\xff" * (CHECKSUM - 24)))
    for seed in range(20):
        rng = random.Random(seed)
        yield f"noise {seed}", changed(meta, (24, rng.randbytes(NETNS - 24)), (IFNAME, rng.randbytes(CHECKSUM - IFNAME)))


PATHS = [REALTIME, SUMMARY, INTERFACES, "/healthz", f"{REALTIME}?interface=v0", f"{SUMMARY}?interface=v0",
         f"{HISTORY}?interface=v0&from=-60", f"{HISTORY}?interface=v0&from=0&metrics=rx.packets,tx.packets,rx.services.http.bits_per_s"]


def ask_everything(server):
    """Return: what is wrong with an answer, "" where nothing is."""
    for path in PATHS:
        answer = server.get(path)
        if answer.status not in (200, 400, 404, 503):
            return f"{path}: {answer!r}"
        try:
            json.loads(answer.body.decode("utf-8"), parse_constant=lambda word: 1 / 0)
        except (ValueError, ZeroDivisionError) as error:
            return f"{path}: {error!r}: {answer!r}"
    for accept in ("*/*", "application/openmetrics-text"):
        answer = server.get("/metrics", Accept=accept)
        lines = answer.body.decode("utf-8").split("\n")[:-1]
        wrong = [line for line in lines if not SAMPLE_LINE.match(line)]
        series = collections.Counter(line.rsplit(" ", 1)[0] for line in lines if not line.startswith("#"))
        wrong += [f"twice: {name}" for name, n in series.items() if n > 1]  # for which Prometheus refuses all of it
        if answer.status != 200 or wrong:
            return f"/metrics: {answer.status} {wrong[:3]}"
    with server.connect() as sock:
        sock.sendall(b"GET /api/stream?interface=good HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sock.recv(1000)
    if get(server, f"{REALTIME}?interface=good")["total_packets"] != 30:
        return "the other interface is told wrongly"
    return ""


def look_anew(server):
    """Wait until all pins have been looked at: those of "good" twice, and nothing waits longer than they do in between."""
    looks = set()
    wait_for(lambda: looks.add(get(server, f"{REALTIME}?interface=good")["timestamp"]) or len(looks) > 2, "two more looks")


def interfaces(lab, n):
    """v0 to v<n - 1>, the first with a history, and "good" with 30 frames. Return: a server, and the names of the others."""
    names = [f"v{i}" for i in range(n)]
    for name in names:
        lab.veth(name, f"p{name}")
    link = lab.veth("good", "pgood", mtu=9000)
    recorder = lab.record("v0")
    recorder.wait_record()
    recorder.wait_record()
    for name in ("good", *names):
        lab.attach(name)
    recorder.kill()  # it would detach what it finds to be another interface's
    frames, _ = known_frames(30)
    link.send(frames)
    server = WebServer(lab)
    wait_totals(server, 30, f"{REALTIME}?interface=good")
    return server, names


@scenario("meta that is valid and nonsense", 120)
def test_meta(t, lab):
    server, names = interfaces(lab, 11)
    first = lab.map_value(lab.key("v0"), "sampler_meta")
    t.equal(sealed(first), first, "the checksum is that of the sources")
    metas = {name: lab.map_value(lab.key(name), "sampler_meta") for name in names}
    cases = [(name, lambda meta, n=n: list(hostile(meta))[n][1]) for n, (name, _) in enumerate(hostile(first))]
    cases += [(f"nothing but zeros from byte {cut} on", lambda meta, cut=cut: meta[:cut] + bytes(SIZE - cut)) for cut in range(0, CHECKSUM, 127)]
    while cases:
        now, cases = cases[:len(names)], cases[len(names):]
        for name, (_, change) in zip(names, now):
            lab.map_value(lab.key(name), "sampler_meta", change(metas[name]))
        look_anew(server)
        t.equal(ask_everything(server), "", "; ".join(what for what, _ in now))
        states = [i["health"]["state"] for i in get(server, INTERFACES)["interfaces"]]
        t.note(" ".join(states))
    for name in names:
        lab.map_value(lab.key(name), "sampler_meta", metas[name])
    wait_for(lambda: server.get(f"{REALTIME}?interface=v0").status == 200, "v0 again")
    t.equal(server.stop(), 0, "it lives, and ends well")


@scenario("counters that are nonsense", 90)
def test_counters(t, lab):
    server, _ = interfaces(lab, 1)
    path = f"{PINS}/{lab.key('v0')}/sampler_count"
    for name, byte in (("full", 255), ("half full", 127), ("empty again", 0), ("full again", 255)):
        lab.run("bpftool", "map", "update", "pinned", path, "key", "0", "0", "0", "0", "value", *[str(byte)] * 536)
        look_anew(server)
        t.equal(ask_everything(server), "", name)
    ports = f"{PINS}/{lab.key('v0')}/sampler_ports"
    for name, byte in (("every port of a service that there is not", 255), ("every port of the last one", 16), ("and of the first", 1)):
        for table in ("0", "1"):
            lab.run("bpftool", "map", "update", "pinned", ports, "key", table, "0", "0", "0", "value", *[str(byte)] * 131072)
        lab.run("bpftool", "map", "update", "pinned", f"{PINS}/{lab.key('v0')}/sampler_control", "key", "0", "0", "0", "0", "value",
                *[str(byte)] * 8)  # which table is in use
        look_anew(server)
        t.equal(ask_everything(server), "", name)
    t.equal(server.stop(), 0, "it lives, and ends well")


@scenario("maps of another size or kind", 90)
def test_maps(t, lab):
    server, _ = interfaces(lab, 1)
    meta = lab.map_value(lab.key("v0"), "sampler_meta")
    shapes = [("array", "4", "8", "1"), ("array", "4", "536", "2"), ("percpu_array", "4", "8", "1"), ("percpu_array", "4", "536", "1"),
              ("percpu_array", "4", "1024", "2"), ("hash", "8", "536", "2"), ("percpu_hash", "4", "536", "2"), ("queue", "0", "8", "2")]
    for n, (kind, key, value, entries) in enumerate(shapes):
        folder = f"{PINS}/x{n}"
        os.mkdir(folder)
        lab.run("bpftool", "map", "create", f"{folder}/sampler_meta", "type", "array", "key", "4", "value", str(SIZE), "entries",
                "1", "name", "sampler_meta")
        lab.run("bpftool", "map", "update", "pinned", f"{folder}/sampler_meta", "key", "0", "0", "0", "0", "value",
                *(str(byte) for byte in changed(meta, (IFNAME, f"x{n}".encode().ljust(16, b"\0")))))
        lab.run("bpftool", "map", "create", f"{folder}/sampler_count", "type", kind, *(("key", key) if kind != "queue" else ()),
                "value", value, "entries", entries, "name", "sampler_count")
    os.mkdir(f"{PINS}/x9")
    lab.run("bpftool", "map", "create", f"{PINS}/x9/sampler_meta", "type", "percpu_array", "key", "4", "value", str(SIZE), "entries",
            "1", "name", "sampler_meta")
    wait_for(lambda: len(get(server, INTERFACES)["interfaces"]) > 2, "that they are seen")
    for n in range(len(shapes)):
        answer = server.get(f"{REALTIME}?interface=x{n}")
        t.ok(answer.status in (404, 503) and PINS not in answer.body.decode(), f"{' '.join(shapes[n])}: not told", answer)
    t.equal(ask_everything(server), "", "what is well is told as before")
    t.equal(server.stop(), 0, "it lives, and ends well")


@scenario("what it opens", 60)
def test_opens(t, lab):
    """Once it is ready it has opened what it needs of the system; from then on all is pins, histories, the page, its secrets."""
    lab.veth("v0")
    lab.record("v0").wait_record()
    pair, tokens = Pair(lab), token_file(new_token())
    unix = lab.state_dir + "/web.sock"
    server = WebServer(lab, *pair.options(), "--token-file", tokens, "--listen", f"unix:{unix}")
    server.address = f"unix:{unix}"
    trace = f"{RUN}/trace"
    tracer = lab.spawn("strace", "-f", "-qq", "-e", "trace=%file,bpf,socket,connect", "-o", trace, "-p", str(server.pid))
    wait_for(lambda: int(server.status()["TracerPid"]), "the tracer")
    for path in (*PATHS, "/", "/app.js", "/metrics", "/nowhere", "/../../etc/passwd", "//etc/passwd", f"{REALTIME}?interface=../v0",
                 f"{HISTORY}?interface=%2e%2e%2fv0", f"{REALTIME}?interface=/etc/passwd"):
        server.get(path)
    server.send_signal(1)
    server.wait_log("reloaded: ")
    server.get("/healthz")
    t.equal(server.stop(), 0, "it ends well")
    tracer.wait()
    with open(trace, encoding="utf-8") as file:
        lines = file.read().splitlines()
    allowed = (PINS, lab.state_dir, "/proc/self", "/proc/thread-self", os.path.dirname(pair.cert), os.environ.get("SAMPLER_ASSETS", laboratory.BUILD + "/web"),
               "/dev/urandom", "/proc/sys/kernel/random/boot_id")
    opened = {match[1] for line in lines if (match := re.search(r'"([^"]*)"', line)) and "bpf(" not in line}
    t.ok(len(opened) > 5, "it was seen to open files", opened)
    t.equal(sorted(path for path in opened if path.startswith("/") and not path.startswith(allowed)), [], "pins, histories, page, secrets")
    writes = [line for line in lines if re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)|\b(rename|mkdir|chmod|chown|truncate)", line)]
    t.equal(writes, [], "and nothing to write to")
    calls = {match[1] for line in lines if (match := re.search(r"bpf\((\w+)", line))}
    t.ok(calls and calls <= {"BPF_OBJ_GET", "BPF_OBJ_GET_INFO_BY_FD", "BPF_MAP_LOOKUP_ELEM", "BPF_MAP_LOOKUP_BATCH"},
         "of bpf(2), what reads", calls)
    reads = [line for line in lines if "BPF_OBJ_GET," in line]
    t.ok(reads and all("BPF_F_RDONLY" in line for line in reads), "pins are opened to be read only", reads[:3])
    t.equal([line for line in lines if "connect(" in line], [], "it connects to nobody")


laboratory.main()
