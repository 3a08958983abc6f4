#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web against those who hold what it has: slowhttptest's four attacks, over plain connections and over TLS, more connections than it takes,
and no descriptors left. Others are served meanwhile, what it takes is bounded, and all is as before afterwards.
"""
import os
import re
import threading
import time

import lab as laboratory
import tap
import web
from certificates import Pair
from lab import RUN, scenario, wait_for
from web import GET, LAST, make_page, read_to_end, start, statuses

CONNECTIONS = 512  # that it takes
OTHERS = 64  # descriptors that are no connections, while there is no interface
LARGE = 4 << 20  # of the file that is asked for slowly


class Visitor(threading.Thread):
    """Asks over and over, each time on a connection of its own."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.took, self.errors, self.ending = server, [], [], threading.Event()

    def run(self):
        while not self.ending.wait(0.02):  # a visitor, and no attack
            begun = time.monotonic()
            try:
                with self.server.connect() as sock:
                    sock.sendall(GET + LAST)
                    answer = statuses(read_to_end(sock))
                if answer != [200]:
                    self.errors.append(answer)
            except OSError as error:
                self.errors.append(repr(error))
            self.took.append(time.monotonic() - begun)

    def stop(self):
        self.ending.set()
        self.join(2 * web.PATIENCE_S * tap.SLOWNESS)


def descriptors(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


class Watch(threading.Thread):
    """The most descriptors and memory that a process has at any time."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.fds, self.rss_kib, self.ending = server, 0, 0, threading.Event()

    def run(self):
        while not self.ending.wait(0.05):  # a load of its own otherwise
            self.fds = max(self.fds, descriptors(self.server))
            self.rss_kib = max(self.rss_kib, self.memory_kib())

    def memory_kib(self):
        return int(self.server.status()["RssAnon"].split()[0])


def make_large_page():
    page = make_page()
    if not os.path.exists(f"{page}/large.js"):
        with open(f"{page}/large.js", "wb") as file:
            file.write(b"//" + b"x" * LARGE)
    return page


def attack(lab, name, *argv):
    """Run slowhttptest. Return: what it found each second, as (connections, those of them that were open, whether the service was available)."""
    path = f"{RUN}/{name}"
    result = lab.try_run("prlimit", "--nofile=4096", "slowhttptest", "-c", "1000", "-r", "400", "-l", "12", "-p", "5",
                         "-v", "1", "-g", "-o", path, *argv, seconds=60)
    if not os.path.exists(path + ".csv"):
        raise laboratory.Failure(repr(result))
    with open(path + ".csv", encoding="ascii") as file:
        rows = [line.strip().split(",") for line in file.read().splitlines()[1:]]
    return [(int(row[1]) + int(row[3]), int(row[3]), int(row[4]) > 0) for row in rows if len(row) >= 5]


FILE = "http://127.0.0.1:3000/large.js"


@scenario("slow headers", 60, options=("-H", "-i", "2", "-u", "http://127.0.0.1:3000/api/interfaces"))
@scenario("slow bodies", 60, options=("-B", "-i", "2", "-s", "1000", "-u", "http://127.0.0.1:3000/api/interfaces"))
@scenario("ranges", 60, options=("-R", "-a", "5", "-b", "3000", "-u", FILE))
@scenario("slow reading", 60, options=("-X", "-w", "100", "-y", "500", "-n", "3", "-z", "32", "-k", "3", "-u", FILE))
@scenario("slow headers, over TLS", 60, options=("-H", "-i", "2", "-u", "https://127.0.0.1:3000/api/interfaces"))
def test_attack(t, lab, options):
    tls = options[-1].startswith("https")
    unix = lab.state_dir + "/web.sock"
    server = start(lab, *(Pair(lab).options() if tls else ()), "--listen", f"unix:{unix}", assets=make_large_page())
    before = descriptors(server)
    if tls:  # the same connections and time-outs; visitors come by the socket that needs no handshake
        server.address = f"unix:{unix}"
    watch, visitor = Watch(server), Visitor(server)
    watch.start()
    visitor.start()
    seconds = attack(lab, re.sub(r"\W", "", "".join(options)), *options)
    visitor.stop()
    watch.ending.set()
    t.ok(max(connections for connections, _, _ in seconds) > 100, "the attack takes place", seconds)
    if "-R" not in options:  # whose point is what an answer costs
        t.ok(max(connected for _, connected, _ in seconds) > 100, "it holds connections", seconds)
    t.equal(visitor.errors, [], f"each of {len(visitor.took)} requests of others is answered meanwhile")
    t.ok(len(visitor.took) > 20, "of which there are many", visitor.took)
    t.ok(all(available for _, _, available in seconds), "slowhttptest finds that it is available all the time", seconds)
    files = CONNECTIONS if options[-1] == FILE else 0  # one that is being sent has its own
    t.ok(watch.fds <= CONNECTIONS + files + OTHERS, "connections are bounded", watch.fds)
    if tap.SLOWNESS == 1:
        t.ok(watch.rss_kib < 64 << 10, "as is memory", watch.rss_kib)
    t.note(f"longest {max(visitor.took):.2f} s, {watch.fds} descriptors, {watch.rss_kib} KiB")
    wait_for(lambda: descriptors(server) <= before, "all of its connections are gone", 30)
    if tap.SLOWNESS == 1:
        wait_for(lambda: watch.memory_kib() < 6 << 10, "their memory is given back")
    t.equal(server.get("/api/interfaces").status, 200, "afterwards all is as before")
    t.equal(server.stop(), 0, "it ends well")


@scenario("heads without end", 60)
def test_heads(t, lab):
    """On nearly as many connections as there are: 300 KB of each would be 140 MB."""
    server = start(lab)
    visitor = Visitor(server)
    visitor.start()
    socks = [server.connect() for _ in range(CONNECTIONS - 32)]
    for sock in socks:
        sock.setblocking(False)
        sock.send(GET)
    before = peak_kib(server)
    for n in range(10):
        for sock in socks:
            try:
                sock.send(b"X-%d: %b\r\n" % (n, b"x" * 30000))
            except OSError:
                pass  # it has been sent away, or has not read all before
    wait_for(lambda: len(visitor.took) > 20, "visitors", 30)
    visitor.stop()
    t.equal(visitor.errors, [], f"each of {len(visitor.took)} requests of others is answered meanwhile")
    grown = peak_kib(server) - before
    t.note(f"grown by {grown} KiB at most")
    if tap.SLOWNESS == 1:
        t.ok(grown < 96 << 10, "the memory for all of them is bounded", grown)
    for sock in socks:
        sock.close()
    wait_for(lambda: descriptors(server) < OTHERS, "all of its connections are gone", 30)
    t.equal(server.stop(), 0, "it ends well")


def peak_kib(server):
    return int(server.status()["VmHWM"].split()[0])


laboratory.main()
