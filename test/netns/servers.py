# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What the load generator is tried with: a real nginx, servers that behave as a test wants, certificates,
and the report of a run.
"""
import collections
import contextlib
import hashlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time

import lab as laboratory
import tap
from lab import Failure, status_of

LOADGEN = os.environ.get("LOADGEN", f"{laboratory.BUILD}/loadgen/sampler-loadgen")
PORT, TLS_PORT = 8080, 8443
CERTS = laboratory.RUN + "/certs"
RST_ON_CLOSE = struct.pack("ii", 1, 0)


def unexpected(err):
    """
    What a run has said on standard error, but for what it says where the first connection took long: so few
    connections cannot keep the pace then.
    """
    return re.sub(r"(?m)^\S+ warning: \d+ connections cannot send .*\n", "", err)


class Summary:
    """What a run's output says."""

    def __init__(self, result):
        self.result, self.text = result, result.out

    def number(self, name):
        """The first number of a line, e.g. of "  completed   17   5.3 a second"."""
        match = re.search(rf"(?m)^ *{name} +(\d+)", self.text)
        if not match:
            raise Failure(f"no {name}: {self.result!r}")
        return int(match[1])

    def pair(self, name):
        """What was sent and received, e.g. of wire."""
        match = re.search(rf"(?m)^  {name} +(\d+)(?: B +\S+ \S+)? +(\d+)", self.text)
        if not match:
            raise Failure(f"no {name}: {self.result!r}")
        return int(match[1]), int(match[2])

    def seconds(self):
        """How long the run took."""
        return float(re.search(r"(?m)^\S+ \(.*, ([\d.]+) s(?:, interrupted)?$", self.text)[1])

    def latency(self, name):
        """min, mean, p50, p90, p99, p99.9, max in ms"""
        match = re.search(rf"(?m)^  {name} +([\d. ]+)$", self.text)
        if not match:
            raise Failure(f"no latency {name}: {self.result!r}")
        names = ("min", "mean", "p50", "p90", "p99", "p99.9", "max")
        return dict(zip(names, map(float, match[1].split())))

    def phases(self):
        """Errors by phase."""
        _, _, tail = self.text.partition("\nErrors ")
        return {name: int(n) for name, n in re.findall(r"(?m)^  (\w+) +(\d+)   first:", tail)}

    def check_missed(self, t, target, why, name):
        """That a target was missed is told, and why; a run that this machine held up says so."""
        if "\nThe generator itself was " in self.text:
            why = "the generator (was not woken in time|has no more CPU)"
        t.match(self.text, rf"\nThe target of {target} was not reached \(.*\), because {why}", name)

    def requests(self):
        return tuple(self.number(n) for n in ("completed", "failed", "unfinished"))


def loadgen(lab, *argv, port=PORT, host="127.0.0.1", scheme="http", **options):
    """Run it to its end. Return: Summary."""
    url = f"{scheme}://{host}:{port}/"
    return Summary(lab.try_run(LOADGEN, "--url", url, *argv, **options))


def wait_row(process, seconds=0):
    """Read what a run says on a pipe until the line of a second: the next one, or that of so many seconds."""
    row = None
    while not row or float(row[1]) < seconds:
        line = process.stdout.readline()
        if not line:
            raise Failure(f"ended: {process.stderr and process.stderr.read()}")
        row = re.match(r" +(\d+\.\d) ", line)


# States and a timer of TCP, as /proc/net/tcp has them.
ESTABLISHED, SYN_SENT, TIME_WAIT, LISTEN = "01", "02", "06", "0A"
WINDOW_CLOSED = "04"  # what is to be sent waits until the other end has read

TcpSocket = collections.namedtuple("TcpSocket", "local remote state timer")


def tcp_sockets(ns=None):
    """Return: [TcpSocket] of all that is over IPv4 in a namespace, by the ports."""
    with ns or contextlib.nullcontext(), open("/proc/thread-self/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return [TcpSocket(*(int(end.split(":")[1], 16) for end in row[1:3]), row[3], row[5].split(":")[0]) for row in rows]


def tcp_count(name, ns):
    """A counter of a namespace's TCP, by its name in /proc/net/snmp."""
    with ns, open("/proc/thread-self/net/snmp", encoding="ascii") as file:
        names, values = (line.split() for line in file if line.startswith("Tcp:"))
    return int(dict(zip(names, values))[name])


Seen = collections.namedtuple("Seen", "method host x_a agent server_name client protocol resumed")


def fill(fd):
    """A pipe, until nothing more goes in."""
    os.set_blocking(fd, False)
    try:
        while True:
            os.write(fd, b"\n")
    except BlockingIOError:
        os.set_blocking(fd, True)


def holds_signals(process):
    """Whether SIGINT is no longer what ends a process at once."""
    return int(status_of(process.pid)["SigBlk"], 16) >> (signal.SIGINT - 1) & 1


def interrupt(process):
    """As often as it takes: the end of a run comes later on a machine that is held up. Return: its status."""
    def ended():
        process.send_signal(signal.SIGINT)
        try:
            process.wait(0.5)
        except subprocess.TimeoutExpired:
            return False
        return True

    laboratory.wait_for(ended, "it ends")
    return process.returncode


class Nginx:
    """A real server; each of its log's lines is one request."""

    def __init__(self, lab, ns=None, address="127.0.0.1", tls=False, port=PORT,
                 tls_port=TLS_PORT, connections=1024, max_body="0", more=""):
        """@more: further directives of its server."""
        self.folder, self.n_resumed = f"{laboratory.RUN}/nginx", 0
        os.makedirs(self.folder)
        listen = [f"listen {address}:{port};"]
        if tls:
            listen += [f"listen {address}:{tls_port} ssl;", f"ssl_certificate {CERTS}/server.pem;",
                       f"ssl_certificate_key {CERTS}/server.key;"]
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = f"""
            daemon off; worker_processes 1; pid {self.folder}/pid; user root;
            worker_rlimit_nofile {connections + 100};
            events {{ worker_connections {connections}; }}
            http {{
                log_format sizes '$status $content_length $ssl_session_reused';
                log_format seen '$request_method|$host|$http_x_a|$http_user_agent|$ssl_server_name|'
                                '$ssl_client_s_dn|$ssl_protocol|$ssl_session_reused';
                access_log {self.folder}/access sizes;
                access_log {self.folder}/seen seen;
                client_max_body_size {max_body}; client_body_buffer_size 1m; {temporary}
                server {{
                    {" ".join(listen)} {more}
                    location / {{ return 200 "ok"; }}
                    location /missing {{ return 404; }}
                }}
            }}"""
        with open(f"{self.folder}/conf", "w", encoding="ascii") as file:
            file.write(config)
        with open(f"{self.folder}/log", "w", encoding="ascii") as log:
            self._process = lab.spawn("nginx", "-e", f"{self.folder}/log", "-p", self.folder, "-c",
                                      f"{self.folder}/conf", ns=ns, stdout=log, stderr=log)
        laboratory.wait_for(lambda: self._process.poll() is not None
                            or os.path.exists(f"{self.folder}/pid"), "nginx")
        if self._process.poll() is not None:
            with open(f"{self.folder}/log", encoding="utf-8") as log:
                raise Failure(f"nginx: {log.read()}")

    def requests(self):
        """Return: [(status, payload)]"""
        with open(f"{self.folder}/access", encoding="ascii") as file:
            lines = [line.split() for line in file]
        self.n_resumed = sum(resumed == "r" for _, _, resumed in lines)
        return [(int(status), int(size) if size != "-" else 0) for status, size, _ in lines]

    def seen(self):
        """What each request was. Return: [Seen]; "-" stands for nothing."""
        with open(f"{self.folder}/seen", encoding="utf-8") as file:
            return [Seen(*line.rstrip("\n").split("|")) for line in file]

    def stop(self):
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(10 * tap.SLOWNESS)
        return self.requests()


class Server:
    """
    An HTTP server in a process of its own, which does what @behave(client, number) does once
    request @number (from 0, over all connections) has come whole. It ends a connection that gets
    False.
    """

    def __init__(self, behave, port=PORT, listener=None):
        self._listener = listener or socket.create_server(("127.0.0.1", port), backlog=1000)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._requests, self._bodies, self._sizes = 0, set(), collections.Counter()
        self._broken = 0
        self._connections = 0
        read_end, write_end = os.pipe()
        # Blocked from before the fork, and waited for: a handler may run anywhere, also within a lock.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        self._pid = os.fork()
        if not self._pid:
            os.close(read_end)
            tap.die_with_parent()
            self._serve(behave, write_end)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(write_end)
        self._listener.close()
        self._answer = read_end

    def _serve(self, behave, answer):
        threading.Thread(target=self._accept, args=(behave,), daemon=True).start()
        signal.sigwait({signal.SIGTERM})
        with self._lock, os.fdopen(answer, "wb") as file:
            file.write(json.dumps({
                "requests": self._requests, "bodies": len(self._bodies),
                "sizes": {str(k): v for k, v in self._sizes.items()},
                "payload": sum(k * v for k, v in self._sizes.items()),
                "connections": self._connections, "broken": self._broken,
                "times": getattr(behave, "times", [])}).encode())
        os._exit(0)

    def _accept(self, behave):
        while True:
            client, _ = self._listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections += 1
            threading.Thread(target=self._talk, args=(behave, client), daemon=True).start()

    def _talk(self, behave, client):
        data = b""
        try:
            while True:
                data, number = self._request(client, data)
                if data is None:
                    break
                if behave(client, number) is False:
                    break
        except OSError:
            pass
        client.close()

    def _request(self, client, data):
        """Read one. Return: what came behind it, None at the end; and its number."""
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more:
                return None, None
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length[1]) if length else 0
        while len(data) < size:
            more = client.recv(65536)
            if not more:
                with self._lock:
                    self._broken += 1
                return None, None
            data += more
        with self._lock:
            number = self._requests
            self._requests += 1
            self._sizes[size] += 1
            self._bodies.add(hashlib.sha1(data[:size]).digest())
        return data[size:], number

    def stop(self):
        """Return: what it has counted."""
        os.kill(self._pid, signal.SIGTERM)
        with os.fdopen(self._answer) as answer:
            told = json.loads(answer.read())
        os.waitpid(self._pid, 0)
        return told


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n"


def answer_ok(client, _number):
    client.sendall(OK)


class Flag:
    """A flag between processes, since a Server is one of its own: a pipe with a byte in it."""

    def __init__(self):
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def set(self):
        try:
            os.write(self._write, b".")
        except BlockingIOError:
            pass  # it is set

    def is_set(self):
        os.set_blocking(self._read, False)
        try:
            return bool(os.read(self._read, 1))
        except BlockingIOError:
            return False

    def wait(self):
        select.select([self._read], [], [])


class Clocked:
    """
    A behaviour that answers after @delay(number) seconds and notes by the clock that the generator has as
    well when it had each request, and when it was about to answer: what a latency can be at least and at
    most follows from these, however busy this machine is.
    """

    def __init__(self, delay):
        self._delay, self.times = delay, []

    def __call__(self, client, number):
        received = time.monotonic_ns()
        time.sleep(self._delay(number))  # as long as the test wants it to be slow
        self.times.append((received, time.monotonic_ns()))
        client.sendall(OK)


def percentile(values, percent):
    """The least value that so many percent do not exceed, as the generator reckons."""
    values = sorted(values)
    return values[max(0, -(-len(values) * int(percent * 1000) // 100000) - 1)]


def always(data, keep=True):
    """A behaviour: the same answer each time. The end of a connection comes with it, not after it."""

    def behave(client, _number):
        client.sendall(data, 0 if keep else socket.MSG_MORE)
        return keep

    return behave


def hang(client):
    """No answer: until the client has enough."""
    while client.recv(65536):
        pass
    return False


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    return False


def forward(client):
    """Between a client and nginx, until one of them has enough."""
    with socket.create_connection(("127.0.0.1", TLS_PORT)) as server:

        def copy(source, sink):
            try:
                while data := source.recv(65536):
                    sink.sendall(data)
            except OSError:
                pass  # one of them is gone, and so is the connection
            for end in (source, sink):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it was before

        thread = threading.Thread(target=copy, args=(server, client), daemon=True)
        thread.start()
        copy(client, server)
        thread.join()


def certificates(lab, names="DNS:localhost,IP:127.0.0.1,IP:::1"):
    """An authority, and a server's and a client's certificates by it."""
    os.makedirs(CERTS)
    with open(f"{CERTS}/names", "w", encoding="ascii") as file:
        file.write(f"subjectAltName={names}\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    lab.run("openssl", "req", "-x509", *key, "-keyout", f"{CERTS}/ca.key", "-out", f"{CERTS}/ca.pem",
            "-days", "2", "-subj", "/CN=authority")
    for name, extensions in (("server", ("-extfile", f"{CERTS}/names")), ("client", ())):
        lab.run("openssl", "req", *key, "-keyout", f"{CERTS}/{name}.key", "-out",
                f"{CERTS}/{name}.csr", "-subj", f"/CN={name}")
        lab.run("openssl", "x509", "-req", "-in", f"{CERTS}/{name}.csr", "-CA", f"{CERTS}/ca.pem",
                "-CAkey", f"{CERTS}/ca.key", "-CAcreateserial", "-days", "2", *extensions, "-out",
                f"{CERTS}/{name}.pem")
