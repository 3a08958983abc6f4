#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
A million random requests over sockets to sampler-web, for the build with sanitizers: it lives, its memory stays what it
was, each request that is one gets its answer, and what it says afterwards is right.

Most are well-formed, since others end their connection: of those each answer is counted. The last of a connection is
anything: a request with bytes changed, cut out, doubled, or none at all.
"""
import os
import random
import re
import select
import socket
import time

import lab as laboratory
import tap
from certificates import new_token, token_file
from known import known_frames
from lab import scenario
from web import REALTIME, get, start, wait_totals

N = int(os.environ.get("SAMPLER_TEST_REQUESTS", "1000000"))
AT_ONCE = 100  # on one connection
POOL = 4096
SEED = 20261126
ANSWER = re.compile(rb"HTTP/1\.1 [1-5]\d\d [A-Z]")

PATHS = ["/", "/app.js", "/a.css", "/api/metrics/realtime", "/api/stats/summary", "/api/interfaces", "/api/history",
         "/metrics", "/healthz", "/login", "/logout", "/nowhere", "/api", "/api/", "//", "/..", "/%00", "/api/streams"]
METHODS = ["GET"] * 12 + ["HEAD"] * 3 + ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "X", "get"]
NAMES = ["interface", "from", "to", "step", "metrics", "x", "", "interface%00", "%66rom"]
VALUES = ["v0", "v1", "", "0", "-1", "-300", "1", "1s", "30s", "5min", "1e9", "-0.5", "18446744073709551616", "9" * 40,
          "2026-11-23T03:07:52Z", "2026-02-30T25:61:61Z", "rx.packets", "rx.packets,rx.bytes", "rx", "rx.l4.tcp.bits_per_s",
          "rx.services.http.packets", "%", "%zz", "%00", "%ff", "%e2%82%ac", "a+b", "nan", "-inf", "0x10", "../../etc/passwd"]
HEADERS = ["Accept: application/openmetrics-text;version=1.0.0", "Accept: */*;q=0", "Accept: ;;;,,,q=", "Accept-Encoding: gzip",
           "Accept-Encoding: gzip;q=0, *;q=0.1", "If-None-Match: *", 'If-None-Match: W/"0", "', "If-Modified-Since: yesterday",
           "Range: bytes=0-3", "Range: bytes=-1,5-,0-0", "Cookie: a=b; sampler-web=0", "Cookie: " + ";" * 50, "Cookie: sampler-web",
           "Authorization: Basic x", "Authorization:", "Origin: null", "Origin: http://localhost", "Last-Event-ID: 1-1",
           "Last-Event-ID: x", "User-Agent: " + "u" * 300, "X-Forwarded-For: ::1", "Via: 1.1 x", "X: \x80\xff", "Referer: //"]
HOSTS = ["localhost"] * 8 + ["127.0.0.1:3000", "[::1]", "a.localhost", "evil.com", "", "[", "localhost:x"]


class Maker:
    """Random requests, of random first lines and random rests, as many of each as there is time to make."""

    def __init__(self, rng, tokens):
        self.rng, self.tokens = rng, tokens
        self.lines = [self.line() for _ in range(POOL)]
        self.rests = [self.rest() for _ in range(POOL)]

    def good(self):
        """One that does not end its connection, whatever the answer is."""
        pick = self.rng.getrandbits(24)
        return self.lines[pick & POOL - 1] + self.rests[pick >> 12]

    def target(self):
        rng = self.rng
        path = rng.choice(PATHS)
        if rng.random() < 0.1:
            path += "".join(chr(rng.randrange(33, 127)) for _ in range(rng.randrange(12)))
        if rng.random() < 0.6:
            path += "?" + "&".join(f"{rng.choice(NAMES)}={rng.choice(VALUES)}" for _ in range(rng.randrange(1, 5)))
        return path

    def line(self):
        return f"{self.rng.choice(METHODS)} {self.target()} HTTP/1.1\r\n".encode("latin-1")

    def rest(self):
        rng = self.rng
        lines = [f"Host: {rng.choice(HOSTS)}", *rng.sample(HEADERS, rng.randrange(4))]
        if self.tokens and rng.random() < 0.7:
            lines.append(f"Authorization: Bearer {rng.choice(self.tokens)}")
        body = ""
        if rng.random() < 0.1:
            body = "token=" + "y" * rng.randrange(900)
            lines.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")

    def wild(self):
        """Anything."""
        rng, data = self.rng, bytearray(self.good())
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(data) + 1)
            kind = rng.randrange(6)
            if kind == 0:
                data[at:at] = rng.randbytes(rng.randrange(1, 9))
            elif kind == 1:
                del data[at:at + rng.randrange(1, 30)]
            elif kind == 2:
                data[at:at] = data[:rng.randrange(60)]
            elif kind == 3:
                data[at:at] = rng.choice([b"\r\n", b"\n", b"\0", b" ", b":", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n",
                                          b"Content-Length: 99999999999999999999\r\n", b"Host: b\r\n", b"Upgrade: h2c\r\n", b"\r\n \r\n"])
            elif kind == 4:
                data[at:at] = b"x" * rng.choice([100, 5000, 70000])
            else:
                data = bytearray(rng.randbytes(rng.randrange(200)))
        return bytes(data)


def converse(address, data, n, last):
    """
    Send requests and read until there are so many answers, or the server closes; then send @last, whatever becomes of it.
    It comes last by itself since a connection that is closed with something unread takes answers along.
    Return: how many answers there were.
    """
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as sock:
        sock.settimeout(60 * tap.SLOWNESS)
        sock.connect(address)
        sock.setblocking(False)
        found, tail = 0, b""
        deadline = time.monotonic() + 60 * tap.SLOWNESS
        while found < n:
            readable, writable, _ = select.select([sock], [sock] if data else [], [], deadline - time.monotonic())
            if not readable and not writable:
                raise laboratory.Failure(f"{found} answers to {n} requests, and then none for a minute")
            try:
                if writable:
                    data = data[sock.send(data):]
                if readable:
                    chunk = sock.recv(1 << 18)
                    if not chunk:
                        return found
                    found += len(ANSWER.findall(tail + chunk)) - len(ANSWER.findall(tail))
                    tail = chunk[-16:]
            except BlockingIOError:
                continue
            except OSError:
                return found
        try:
            sock.send(last)
        except OSError:
            pass
        return found


def stream(address, rng):
    """A client of events that goes away, with or without having read."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(address)
        sock.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: %d-%d\r\n\r\n"
                     % (rng.randrange(1 << 40), rng.randrange(1 << 20)))
        if rng.random() < 0.5:
            sock.recv(100)


def work(seed, address, n, tokens, result):
    """A client that sends n requests; tells how many and whether one was not answered."""
    rng, sent = random.Random(seed), 0
    maker = Maker(rng, tokens)
    problem = ""
    while sent < n and not problem:
        good = [maker.good() for _ in range(AT_ONCE)]
        found = converse(address, b"".join(good), len(good), maker.wild())
        sent += AT_ONCE + 1
        if found < len(good):
            problem = f"{found} of {len(good)}: {good[found]!r} behind {good[found - 1]!r}"
        if isinstance(address, str) and rng.random() < 0.05:
            stream(address, rng)
    os.write(result, f"{sent} {problem}\n".encode("unicode_escape") + b"\n")


def clients(jobs):
    """Run several at once. Return: (requests, problems)."""
    result, into = os.pipe()
    for job in jobs:
        if not os.fork():
            tap.die_with_parent()
            try:
                work(*job, into)
            except BaseException as error:
                os.write(into, f"0 {error!r}\n".encode())
            os._exit(0)
    os.close(into)
    with os.fdopen(result) as file:
        lines = [line.split(" ", 1) for line in file.read().splitlines() if line]
    return sum(int(n) for n, _ in lines), [why for _, why in lines if why.strip("\\n ")]


def memory_mib(server):
    return int(server.status()["RssAnon"].split()[0]) >> 10


@scenario("a million requests", 240)
def test_million(t, lab):
    link, other = lab.veth("v0", "p0", mtu=9000), lab.veth("v1", "p1", mtu=9000)
    recorder = lab.record("v0")
    recorder.wait_record()
    lab.attach(other.name)
    frames, _ = known_frames(30)
    link.send(frames)
    token, unix = new_token(), lab.state_dir + "/web.sock"
    # Freed memory is kept for a while by the sanitizer: little of it, so that growth is seen.
    server = start(lab, "--token-file", token_file(token), "--listen", f"unix:{unix}", env={"ASAN_OPTIONS": "quarantine_size_mb=16"})
    server.address = f"unix:{unix}"
    wait_totals(server, 30, f"{REALTIME}?interface=v0")
    begun, sent, sizes = time.monotonic(), 0, []
    for part in range(4):
        n, problems = clients([(SEED + 2 * part, unix, N // 8, ()),
                               (SEED + 2 * part + 1, ("127.0.0.1", 3000), N // 8, (token, token, token, token + "0", "x"))])
        sent += n
        sizes.append(memory_mib(server))
        if problems:
            break
    t.equal(problems, [], "each well-formed request is answered")
    t.ok(sent >= N, f"{N} were sent", sent)
    t.ok(server.running(), "the server lives", server.log())
    t.note(f"{sent} requests in {time.monotonic() - begun:.1f} s, {sizes} MiB after each quarter")
    t.ok(sizes[-1] <= sizes[0] * 1.5 + 16, "its memory does not grow", sizes)
    t.equal(get(server, f"{REALTIME}?interface=v0")["total_packets"], 30, "what it tells is right")
    t.equal(server.request("GET", "/api/interfaces").status, 200, "and all is as before")
    t.equal(server.stop(), 0, "it ends well")


laboratory.main()
