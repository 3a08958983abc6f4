# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web in a laboratory: the real process, and clients that say exactly what a test wants said.

    server = WebServer(lab)                        # at 127.0.0.1:3000, ready when this returns
    answer = server.get("/api/interfaces")         # .status .headers .body .json()
    server.stop()                                  # SIGTERM; returns the exit status
"""
import http.client
import json
import os
import re
import signal
import socket
import threading
import time

import lab as laboratory
import tap
from lab import BUILD, RUN, Failure, Recorder, wait_for

SAMPLER_WEB = os.environ.get("SAMPLER_WEB", f"{BUILD}/daemon/sampler-web")
ASSETS = os.environ.get("SAMPLER_ASSETS", f"{BUILD}/web")
PORT = 3000
PATIENCE_S = 10

REALTIME, SUMMARY = "/api/metrics/realtime", "/api/stats/summary"
INTERFACES, HISTORY = "/api/interfaces", "/api/history"
STEP_S = 5  # of the history: a boundary has a record and a step no gap, also where ticks are missed


def whole_steps(lab, *names, step=STEP_S):
    """A step is known once records stand at both of its ends: wait so that what comes is in one."""
    end = (int(time.time()) // step + 1) * step * 10**9
    for name in names:
        wait_for(lambda n=name: lab.last_record(n)["realtime_ns"] >= end, f"a record of {name} after a step's end", 3 * step)


class Answer:
    """What the server said to one request."""

    def __init__(self, response):
        self.status, self.reason, self.version = response.status, response.reason, response.version
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.reason}\n{self.headers}\n{self.body[:1000]!r}"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, **options):
        super().__init__("localhost", **options)
        self._path = path

    def connect(self):
        self.sock = open_socket("unix:" + self._path)


def open_socket(address, patience=PATIENCE_S):
    """A connected socket; address is (host, port) or "unix:/path"."""
    if isinstance(address, tuple):
        return socket.create_connection(address, patience * tap.SLOWNESS)
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(patience * tap.SLOWNESS)
    sock.connect(address[len("unix:"):])
    return sock


def read_to_end(sock):
    """All that comes until the server closes; a reset is an end as well."""
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def options(lab):
    """What each sampler-web of a lab is started with."""
    return ("--user", laboratory.USER, "--state-dir", lab.state_dir, "--config-dir", lab.config_dir)


def environment(env=None):
    env = {**os.environ, **(env or {})}
    # It gives up root, and the leak check of a process without privilege cannot trace it.
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return env


def run(lab, *argv, defaults=True, env=None, wrap=()):
    """Run sampler-web to its end. Return: lab.Result."""
    return lab.try_run(*wrap, SAMPLER_WEB, *(options(lab) if defaults else ()), *argv,
                       env=environment(env))


class WebServer(Recorder):
    """A running sampler-web. The lab ends it if the scenario does not."""

    n = 0

    def __init__(self, lab, *argv, address=("127.0.0.1", PORT), assets=ASSETS, listen=True,
                 ns=None, env=None, wrap=(), ready=True, **popen):
        """
        @address is where clients go; listen=True passes it as --listen, "None" leaves that to
        @argv, the configuration or systemd. ready=False does not wait until it listens.
        """
        WebServer.n += 1
        self.address = address
        text = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
        path = f"{RUN}/web-{WebServer.n}"
        with open(path, "w", encoding="utf-8") as log:
            process = lab.spawn(*wrap, SAMPLER_WEB, *options(lab), "--asset-dir", assets,
                                *(("--listen", text) if listen else ()), *argv, ns=ns,
                                env=environment(env), stdout=log, stderr=log, **popen)
        super().__init__(lab, process, path, "sampler-web", ns)
        lab._recorders.append(self)
        if ready:
            self.wait_log("listening at")

    def connect(self):
        return open_socket(self.address)

    def connection(self):
        """An http.client connection, for several requests."""
        patience = PATIENCE_S * tap.SLOWNESS
        if isinstance(self.address, str):
            return _UnixConnection(self.address[len("unix:"):], timeout=patience)
        return http.client.HTTPConnection(*self.address, timeout=patience)

    def request(self, method, path, headers=None, body=None):
        """One request on a connection of its own. Return: Answer."""
        connection = self.connection()
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        except OSError as error:
            raise Failure(f"{method} {path}: {error}\n{self.log()}") from None
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, {k.replace("_", "-"): v for k, v in headers.items()})

    def raw(self, data):
        """Send bytes as they are. Return: all that comes back until the server closes."""
        with self.connect() as sock:
            sock.sendall(data)
            return read_to_end(sock)

    def stop(self, number=signal.SIGTERM):
        return super().stop(number)


# ---- answers ----


def get(server, path, status=200):
    """Return: the answer as JSON; another status fails the scenario."""
    answer = server.get(path)
    if answer.status != status:
        raise Failure(f"{path}: {answer!r}\n{server.log()}")
    return answer.json()


def totals(answer):
    """Return: all packets and bytes."""
    return answer["total_packets"], answer["total_bytes"]


def wait_totals(server, packets, path=REALTIME, seconds=10):
    """Wait until an endpoint has counted so many. Return: its answer."""

    def counted():
        answer = server.get(path)
        return answer.status == 200 and answer.json()["total_packets"] >= packets and answer.json()

    return laboratory.wait_for(counted, f"{packets} packets at {path}", seconds)


# ---- a page of files that a test knows ----

PAGE = RUN + "/page"
INDEX = b"<!doctype html><title>a page</title>\n"


def make_page():
    """Some files of a page, and some that are none. Return: their folder."""
    if os.path.isdir(PAGE):
        return PAGE
    os.mkdir(PAGE)
    for name, data in (("index.html", INDEX), ("app.js", b"// a script\n"), ("a.css", b"a {}\n"),
                       (".secret.js", b"secret"), ("README", b"secret"), ("x.js~", b"secret")):
        with open(f"{PAGE}/{name}", "wb") as file:
            file.write(data)
    os.mkdir(f"{PAGE}/sub.js")
    return PAGE


def start(lab, *argv, **more):
    """A WebServer with that page."""
    return WebServer(lab, *argv, **{"assets": make_page(), **more})


# ---- requests as bytes ----

GET = b"GET /api/interfaces HTTP/1.1\r\nHost: localhost\r\n"  # goes on with headers, or LAST
LAST = b"Connection: close\r\n\r\n"


def statuses(data):
    """The statuses of all responses in data."""
    return [int(n) for n in re.findall(rb"^HTTP/1\.1 (\d+) ", data, re.M)]


class Clients:
    """Some that ask over and over at the same time. @ask is one request, and returns what is wrong with its answer."""

    def __init__(self, n, ask):
        self.errors, self._ask, self._done, self._ending = [], ask, [], threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(n)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while not self._ending.is_set():
            try:
                wrong = self._ask()
            except (OSError, http.client.HTTPException, ValueError) as error:
                wrong = repr(error)
            if wrong:
                self.errors.append(wrong)
            self._done.append(wrong)

    def wait_more(self, n):
        enough = len(self._done) + n
        wait_for(lambda: len(self._done) > enough, f"{n} more requests")

    def end(self):
        """Return: how many requests there were."""
        self._ending.set()
        for thread in self._threads:
            thread.join(30 * tap.SLOWNESS)
        return len(self._done)
