#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen against real servers: what it says it has sent is what they have received, and what
a sampler on the way has counted; and no server, however broken, makes it crash, hang or lie.
"""
import collections
import hashlib
import json
import os
import re
import signal
import socket
import struct
import threading
import time

import lab as laboratory
import tap
from lab import Failure, scenario

LOADGEN = os.environ.get("LOADGEN", f"{laboratory.BUILD}/loadgen/sampler-loadgen")
PORT, TLS_PORT = 8080, 8443
CERTS = laboratory.RUN + "/certs"
RST_ON_CLOSE = struct.pack("ii", 1, 0)


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

    def requests(self):
        return tuple(self.number(n) for n in ("completed", "failed", "unfinished"))


def loadgen(lab, *argv, port=PORT, host="127.0.0.1", scheme="http", **options):
    """Run it to its end. Return: Summary."""
    url = f"{scheme}://{host}:{port}/"
    return Summary(lab.try_run(LOADGEN, "--url", url, *argv, **options))


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
        self._pid = os.fork()
        if not self._pid:
            os.close(read_end)
            tap.die_with_parent()
            self._serve(behave, write_end)
        os.close(write_end)
        self._listener.close()
        self._answer = read_end

    def _serve(self, behave, answer):
        stopped = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stopped.set())
        threading.Thread(target=self._accept, args=(behave,), daemon=True).start()
        while not stopped.wait(0.05):
            pass
        with self._lock:
            os.write(answer, json.dumps({
                "requests": self._requests, "bodies": len(self._bodies),
                "sizes": {str(k): v for k, v in self._sizes.items()},
                "payload": sum(k * v for k, v in self._sizes.items()),
                "connections": self._connections, "broken": self._broken}).encode())
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
                data = self._request(client, data)
                if data is None:
                    break
                with self._lock:
                    number = self._requests - 1
                if behave(client, number) is False:
                    break
        except OSError:
            pass
        client.close()

    def _request(self, client, data):
        """Read one. Return: what came behind it, None at the end."""
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more:
                return None
            data += more
        head, _, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        size = int(length[1]) if length else 0
        while len(data) < size:
            more = client.recv(65536)
            if not more:
                with self._lock:
                    self._broken += 1
                return None
            data += more
        with self._lock:
            self._requests += 1
            self._sizes[size] += 1
            self._bodies.add(hashlib.sha1(data[:size]).digest())
        return data[size:]

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


def always(data, keep=True):
    """A behaviour: the same answer each time."""

    def behave(client, _number):
        client.sendall(data)
        return keep

    return behave


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST_ON_CLOSE)
    return False


class Nginx:
    """A real server; each of its log's lines is one request."""

    def __init__(self, lab, ns=None, address="127.0.0.1", tls=False):
        self.folder, self.n_resumed = f"{laboratory.RUN}/nginx", 0
        os.makedirs(self.folder)
        listen = [f"listen {address}:{PORT};"]
        if tls:
            listen += [f"listen {address}:{TLS_PORT} ssl;", f"ssl_certificate {CERTS}/server.pem;",
                       f"ssl_certificate_key {CERTS}/server.key;"]
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = f"""
            daemon off; worker_processes 1; pid {self.folder}/pid; user root;
            events {{ worker_connections 1024; }}
            http {{
                log_format sizes '$status $content_length $ssl_session_reused';
                access_log {self.folder}/access sizes;
                client_max_body_size 0; client_body_buffer_size 1m; {temporary}
                server {{
                    {" ".join(listen)}
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

    def stop(self):
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(10 * tap.SLOWNESS)
        return self.requests()


def certificates(lab, names="DNS:localhost,IP:127.0.0.1,IP:::1"):
    """An authority, and a server's certificate by it."""
    os.makedirs(CERTS)
    with open(f"{CERTS}/names", "w", encoding="ascii") as file:
        file.write(f"subjectAltName={names}\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    lab.run("openssl", "req", "-x509", *key, "-keyout", f"{CERTS}/ca.key", "-out",
            f"{CERTS}/ca.pem", "-days", "2", "-subj", "/CN=authority")
    lab.run("openssl", "req", *key, "-keyout", f"{CERTS}/server.key", "-out", f"{CERTS}/server.csr",
            "-subj", "/CN=server")
    lab.run("openssl", "x509", "-req", "-in", f"{CERTS}/server.csr", "-CA", f"{CERTS}/ca.pem",
            "-CAkey", f"{CERTS}/ca.key", "-CAcreateserial", "-days", "2", "-extfile",
            f"{CERTS}/names", "-out", f"{CERTS}/server.pem")


# ---- exactly what was asked for ----

@scenario("nginx: so many requests, as fast as they go", 60, argv=("--bandwidth", "0"))
@scenario("nginx: so many requests, at a rate", 60, argv=("--rate", "500"))
@scenario("nginx: so many requests, with threads", 60, argv=("--rate", "700", "--threads", "3"))
def test_nginx_requests(t, lab, argv):
    nginx = Nginx(lab)
    run = loadgen(lab, "--requests", "1009", "--connections", "7", "--request-size", "1KB", *argv)
    t.equal(run.result.status, 0, "it ends well")
    t.equal(run.requests(), (1009, 0, 0), "1,009 requests are completed")
    t.equal(run.pair("payload")[0], 1009000, "and their payload")
    t.equal(nginx.stop(), [(200, 1000)] * 1009, "nginx has received exactly those")
    t.equal(run.phases(), {}, "there is no error")


@scenario("total_size, to the byte, as fast as they go", 60, argv=("--bandwidth", "0"))
@scenario("total_size, to the byte, at a bandwidth", 60, argv=("--bandwidth", "8Mbps"))
@scenario("total_size, to the byte, with threads", 60,
          argv=("--bandwidth", "16Mbit/s", "--threads", "4"))
def test_total_size(t, lab, argv):
    server = Server(answer_ok)
    run = loadgen(lab, "--total-size", "1000500", "--connections", "9", "--request-size", "1KB",
                  *argv)
    told = server.stop()
    t.equal(run.result.status, 0, "it ends well")
    t.equal(run.requests(), (1001, 0, 0), "1,001 requests are completed")
    t.equal(run.pair("payload")[0], 1000500, "1,000,500 bytes are reported")
    t.equal(told["payload"], 1000500, "the server has received 1,000,500 bytes")
    t.equal(told["sizes"], {"1000": 1000, "500": 1}, "the last request is the smaller one")
    t.equal(told["bodies"], 1001, "no two bodies are equal")
    t.equal(told["broken"], 0, "none was cut")


@scenario("request_size 0 is a GET")
def test_get(t, lab):
    nginx = Nginx(lab)
    run = loadgen(lab, "--rate", "100", "--requests", "20", "--request-size", "0")
    t.equal(run.requests(), (20, 0, 0), "20 requests are completed")
    t.equal(nginx.stop(), [(200, 0)] * 20, "without a body")


@scenario("large bodies", 60, scheme="http", port=PORT, argv=())
@scenario("large bodies over TLS", 60, scheme="https", port=TLS_PORT,
          argv=("--ca-file", f"{CERTS}/ca.pem"))
def test_large(t, lab, scheme, port, argv):
    certificates(lab)
    nginx = Nginx(lab, tls=True)
    run = loadgen(lab, "--bandwidth", "0", "--requests", "23", "--request-size", "5MiB",
                  "--connections", "3", *argv, scheme=scheme, port=port, seconds=50)
    t.equal(run.result.status, 0, "it ends well")
    t.equal(run.pair("payload")[0], 23 * 5 << 20, "all of it was sent")
    t.equal(nginx.stop(), [(200, 5 << 20)] * 23, "and received")


@scenario("the bytes of large bodies", 60)
def test_large_bytes(t, lab):
    server = Server(answer_ok)
    run = loadgen(lab, "--bandwidth", "0", "--total-size", "20MB", "--request-size", "3MB",
                  "--connections", "2", seconds=50)
    told = server.stop()
    t.equal(run.requests(), (7, 0, 0), "seven requests")
    t.equal((told["payload"], told["sizes"]), (20000000, {"3000000": 6, "2000000": 1}), "are exact")
    t.equal(told["bodies"], 7, "and different")


@scenario("more connections than requests")
def test_few_requests(t, lab):
    server = Server(answer_ok)
    run = loadgen(lab, "--bandwidth", "0", "--requests", "3", "--connections", "50")
    told = server.stop()
    t.equal(run.requests(), (3, 0, 0), "three requests are completed")
    t.equal((told["requests"], told["broken"]), (3, 0), "three have come")


@scenario("the first use: 10 Mbit/s of 1 KB")
def test_first_use(t, lab):
    nginx = Nginx(lab)
    path = f"{laboratory.RUN}/loadgen.ini"
    with open(path, "w", encoding="ascii") as file:
        file.write(f"[target]\nurl = http://127.0.0.1:{PORT}/\nprotocol = http\n"
                   "[traffic]\nbandwidth = 10Mbps\nconnections = 10\nrequest_size = 1KB\n"
                   "latency = 0ms\n[limits]\nduration = 2s\ntotal_size = 0\n")
    run = Summary(lab.try_run(LOADGEN, "-c", path))
    logged = nginx.stop()
    completed, failed, unfinished = run.requests()
    t.equal((run.result.status, failed), (0, 0), "it ends well")
    t.equal(completed + unfinished + (run.number("unsent") if "unsent" in run.text else 0), 2500,
            "2,500 requests were due in two seconds")
    t.ok(completed >= 2250, "most were sent", completed)
    t.ok(completed <= len(logged) <= completed + unfinished, "nginx agrees", len(logged))
    t.equal(set(logged), {(200, 1000)}, "with 1,000 bytes each")
    lines = re.findall(r"(?m)^ +\d\.\d +10 +[\d.]+ +10\.00 ", run.text)
    t.equal(len(lines), 2, "there is a line each second")


@scenario("IPv6")
def test_ipv6(t, lab):
    for name in ("all", "lo"):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("0")
    nginx = Nginx(lab, address="[::1]")
    run = loadgen(lab, "--requests", "17", "--bandwidth", "0", host="[::1]")
    t.equal(run.requests(), (17, 0, 0), "over ::1")
    t.equal(len(nginx.stop()), 17, "nginx agrees")


@scenario("a status that is not 2xx is told apart")
def test_status(t, lab):
    nginx = Nginx(lab)
    run = Summary(lab.try_run(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/missing", "--requests",
                              "11", "--bandwidth", "0"))
    t.equal((run.result.status, run.requests(), run.phases()), (0, (11, 0, 0), {}), "completed")
    t.match(run.text, r"(?m)^Status  4xx 11$", "and told by class")
    t.equal(nginx.stop(), [(404, 1000)] * 11, "nginx agrees")


# ---- TLS ----

@scenario("https with an authority of our own", 60)
def test_tls(t, lab):
    certificates(lab)
    nginx = Nginx(lab, tls=True)
    run = loadgen(lab, "--requests", "211", "--bandwidth", "0", "--connections", "5", "--threads",
                  "2", "--ca-file", f"{CERTS}/ca.pem", scheme="https", port=TLS_PORT)
    t.equal((run.result.status, run.requests()), (0, (211, 0, 0)), "211 requests by address")
    run = loadgen(lab, "--requests", "7", "--bandwidth", "0", "--ca-file", f"{CERTS}/ca.pem",
                  scheme="https", port=TLS_PORT, host="localhost")
    t.equal((run.result.status, run.requests()), (0, (7, 0, 0)), "7 requests by name")
    t.equal(nginx.stop(), [(200, 1000)] * 218, "nginx agrees")


@scenario("https that cannot be trusted", 60)
def test_tls_refused(t, lab):
    certificates(lab, names="DNS:other.example")
    nginx = Nginx(lab, tls=True)
    ours = ("--ca-file", f"{CERTS}/ca.pem")
    for argv, why, what in ((ours, "IP address mismatch", "a certificate for another name"),
                            ((), "unable to get local issuer", "an unknown authority")):
        run = loadgen(lab, "--requests", "5", *argv, scheme="https", port=TLS_PORT)
        t.equal(run.result.status, 1, f"{what} is refused")
        t.match(run.result.err, f"certificate verify failed: {why}", "the reason is told")
        t.equal(len(run.result.err.splitlines()), 1, "in one line")
    run = loadgen(lab, "--requests", "5", "--insecure", scheme="https", port=TLS_PORT)
    t.equal((run.result.status, run.requests()), (0, (5, 0, 0)), "--insecure does without")
    run = loadgen(lab, "--requests", "5", "--ca-file", f"{CERTS}/names", scheme="https",
                  port=TLS_PORT)
    t.equal(run.result.status, 1, "a ca_file without certificates is refused")
    t.match(run.result.err, "ca_file /run/sampler-test/certs/names", "by its name")
    t.equal(len(nginx.stop()), 5, "no other request was sent")


@scenario("https to a server without TLS")
def test_tls_plain(t, lab):
    nginx = Nginx(lab)
    run = loadgen(lab, "--requests", "5", scheme="https")
    t.equal(run.result.status, 1, "it ends")
    t.match(run.result.err, "wrong version number", "and says why")
    t.equal([size for _, size in nginx.stop() if size], [], "nothing was sent")


@scenario("sessions are resumed")
def test_tls_resumed(t, lab):
    certificates(lab)
    nginx = Nginx(lab, tls=True)
    run = Summary(lab.try_run(LOADGEN, "--url", f"https://127.0.0.1:{TLS_PORT}/", "--requests",
                              "2003", "--bandwidth", "0", "--connections", "1", "--ca-file",
                              f"{CERTS}/ca.pem"))
    t.equal(run.requests(), (2003, 0, 0), "beyond nginx's 1,000 requests a connection")
    t.equal(len(nginx.stop()), 2003, "all of which have come")
    t.match(run.text, r"(?m)^Connections  3 made$", "on three connections")
    t.equal(nginx.n_resumed, 1003, "the second and the third of which have resumed a session")


# ---- the end ----

def start(lab, *argv):
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", *argv, stdout=-1, stderr=-1,
                        text=True)
    line = ""
    while not re.match(r" +1\.0 ", line):  # the first second's line
        line = process.stdout.readline()
        if not line:
            raise Failure(f"ended: {process.stderr.read()}")
    return process


@scenario("SIGINT ends with a full report", number=signal.SIGINT, status=130)
@scenario("SIGTERM ends with a full report", number=signal.SIGTERM, status=143)
def test_interrupted(t, lab, number, status):
    nginx = Nginx(lab)
    process = start(lab, "--rate", "300", "--connections", "4", "--threads", "2")
    process.send_signal(number)
    out, err = process.communicate(timeout=10 * tap.SLOWNESS)
    run = Summary(laboratory.Result(process.returncode, out, err))
    logged = nginx.stop()
    t.equal(run.result.status, status, f"exit status {status}")
    t.match(out, ", interrupted", "the report says so")
    completed, failed, unfinished = run.requests()
    t.ok(completed >= 200 and not failed, "and is about what was done", out)
    t.ok(completed <= len(logged) <= completed + unfinished, "which nginx has seen", len(logged))
    t.equal(err, "", "nothing else is said")


@scenario("standard output is closed")
def test_broken_pipe(t, lab):
    nginx = Nginx(lab)
    process = start(lab, "--rate", "100")
    process.stdout.close()
    t.equal(process.wait(10 * tap.SLOWNESS), 1, "it ends")
    t.match(process.stderr.read(), "cannot write to standard output: Broken pipe", "and says why")
    t.ok(nginx.stop(), "after it had begun")


@scenario("a duration cuts what is under way")
def test_duration(t, lab):
    server = Server(lambda client, number: time.sleep(60) if number >= 5 else client.sendall(OK))
    run = loadgen(lab, "--bandwidth", "0", "--connections", "3", "--duration", "1s")
    told = server.stop()
    t.equal(run.result.status, 0, "it ends well")
    t.equal(run.requests(), (5, 0, 3), "five are completed, three unfinished")
    t.equal(told["requests"], 8, "eight have come")
    t.equal(run.phases(), {}, "that is no error")


@scenario("a server that never answers")
def test_hung(t, lab):
    server = Server(lambda client, number: time.sleep(60))
    run = loadgen(lab, "--rate", "100", "--connections", "2", "--duration", "1s")
    server.stop()
    t.equal(run.result.status, 1, "exit status 1")
    t.match(run.result.err, "no request was completed", "nothing was completed")
    t.equal(run.requests(), (0, 0, 2), "two are unfinished")
    t.equal(run.number("unsent"), 98, "98 were due besides")
    t.match(run.text, "target of 800 kbit/s was not reached .* all connections were busy", "told")


# ---- servers that are not there ----

@scenario("more connections than files may be open")
def test_file_limit(t, lab):
    limited = ("prlimit", "--nofile=64:64", "--", "setpriv", "--bounding-set", "-sys_resource")
    run = Summary(lab.try_run(*limited, LOADGEN, "--url", f"http://127.0.0.1:{PORT}/",
                              "--connections", "100"))
    t.equal(run.result.status, 1, "exit status 1")
    t.match(run.result.err, r"100 connections need \d+ open files", "told before anything starts")
    server = Server(answer_ok)
    run = Summary(lab.try_run("prlimit", "--nofile=64:4096", "--", LOADGEN, "--url",
                              f"http://127.0.0.1:{PORT}/", "--connections", "100", "--requests",
                              "300", "--bandwidth", "0"))
    t.equal((run.result.status, run.requests()), (0, (300, 0, 0)), "a soft limit is raised")
    t.equal(server.stop()["requests"], 300, "and all are sent")


@scenario("no server")
def test_absent(t, lab):
    run = loadgen(lab, "--requests", "5")
    t.equal(run.result.status, 1, "exit status 1")
    t.match(run.result.err, rf"127\.0\.0\.1 port {PORT}: Connection refused", "the reason is told")
    t.equal(len(run.result.err.splitlines()), 1, "in one line")
    run = loadgen(lab, "--requests", "5", host="nonesuch.invalid")
    t.equal(run.result.status, 1, "no such name: exit status 1")
    t.match(run.result.err, "cannot resolve nonesuch.invalid: ", "the reason is told")


@scenario("a server goes away and comes back", 60)
def test_comes_back(t, lab):
    server = Server(answer_ok)
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "200",
                        "--connections", "3", "--duration", "4s", stdout=-1, stderr=-1, text=True)
    time.sleep(1)
    first = server.stop()
    time.sleep(0.5)
    server = Server(answer_ok)
    out, err = process.communicate(timeout=30 * tap.SLOWNESS)
    second = server.stop()
    run = Summary(laboratory.Result(process.returncode, out, err))
    completed, failed, unfinished = run.requests()
    came = first["requests"] + second["requests"]
    t.equal(run.result.status, 0, "it ends well")
    t.ok(first["requests"] > 50 and second["requests"] > 300, "both were used", (first, second))
    t.ok(completed <= came <= completed + failed + unfinished, "and had the requests", (came, out))
    t.ok(run.phases().get("connect", 0) >= 1, "refused connections are counted", out)
    t.match(out, "connect .* first: Connection (refused|reset)", "with their reason")


# ---- servers that are slow, or wrong ----

@scenario("a stall is seen by those who would have come")
def test_stall(t, lab):
    server = Server(lambda client, number: (time.sleep(1) if number == 50 else None,
                                            client.sendall(OK))[1])
    run = loadgen(lab, "--rate", "100", "--connections", "1", "--duration", "3s")
    server.stop()
    corrected, service = run.latency("corrected"), run.latency("service")
    t.ok(service["p90"] < 200, "one request took a second", service)
    t.ok(corrected["p90"] > 500, "some hundred were late", corrected)
    t.ok(service["max"] >= 990 and corrected["max"] >= 990, "the stall is in both", run.text)


@scenario("who is more than 10 s behind gives up what is older", 40)
def test_skipped(t, lab):
    def behave(client, number):
        if number == 50:
            time.sleep(11.5)
        client.sendall(OK)

    server = Server(behave)
    run = loadgen(lab, "--rate", "100", "--connections", "1", "--duration", "13s")
    told = server.stop()
    skipped = run.number("skipped")
    t.ok(50 <= skipped <= 250, "some 150 are", run.text)
    t.equal(told["requests"], sum(run.requests()), "the others were sent")
    unsent = run.number("unsent") if "unsent" in run.text else 0
    t.equal(sum(run.requests()) + skipped + unsent, 1300, "no request is forgotten")


@scenario("think time")
def test_think(t, lab):
    server = Server(answer_ok)
    run = loadgen(lab, "--bandwidth", "0", "--latency", "100ms", "--connections", "5", "--duration",
                  "2050ms")
    told = server.stop()
    t.ok(50 <= told["requests"] <= 105, "some 20 a connection", told)
    t.equal(sum(run.requests()), told["requests"], "which is what is reported")


@scenario("too few connections for the latency: told at once")
def test_infeasible(t, lab):
    nginx = Nginx(lab)
    run = loadgen(lab, "--bandwidth", "10Mbps", "--latency", "100ms", "--connections", "10",
                  "--duration", "1s")
    t.match(run.result.err, "warning: 10 connections cannot send 1250 requests a second.*"
            "it takes 1\\d\\d connections", "with the number that would do")
    t.equal(run.result.status, 0, "it goes on")
    t.match(run.text, "was not reached .* all connections were busy", "and the report says so")
    t.ok(len(nginx.stop()) <= 100, "ten connections at ten a second")


ANSWERS = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "103 first": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK,
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a large body": b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000,
}


@scenario("answers of all kinds", 60)
def test_answers(t, lab):
    for name, data in ANSWERS.items():
        server = Server(always(data))
        run = loadgen(lab, "--bandwidth", "0", "--requests", "101", "--connections", "3")
        told = server.stop()
        t.equal((run.result.status, run.requests()), (0, (101, 0, 0)), f"{name}: completed")
        t.equal((told["requests"], run.pair("HTTP")[1]), (101, 101 * len(data)), f"{name}: exact")
        t.match(run.text, r"(?m)^Connections  3 made$", f"{name}: connections are kept")


@scenario("an answer in single bytes")
def test_bytewise(t, lab):
    def behave(client, _number):
        for byte in ANSWERS["chunked"]:
            client.sendall(bytes([byte]))

    server = Server(behave)
    run = loadgen(lab, "--bandwidth", "0", "--requests", "31", "--connections", "2")
    server.stop()
    t.equal((run.result.status, run.requests()), (0, (31, 0, 0)), "completed")


@scenario("a connection for each request", 60)
def test_closing(t, lab):
    for name, data in {
        "Connection: close": OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        "HTTP/1.0": OK.replace(b"1.1", b"1.0"),
        "until the end": b"HTTP/1.1 200 OK\r\n\r\nsome text",
    }.items():
        server = Server(always(data, keep=False))
        run = loadgen(lab, "--bandwidth", "0", "--requests", "103", "--connections", "4")
        told = server.stop()
        t.equal((run.result.status, run.requests(), run.phases()), (0, (103, 0, 0), {}),
                f"{name}: completed without an error")
        t.equal(told["requests"], 103, f"{name}: the server agrees")


@scenario("closed after each answer, without a word")
def test_closing_silently(t, lab):
    server = Server(always(OK, keep=False))
    run = loadgen(lab, "--rate", "50", "--requests", "50", "--connections", "4")
    told = server.stop()
    t.equal((run.result.status, run.requests()), (0, (50, 0, 0)), "completed")
    t.equal(told["requests"], 50, "the server agrees")


BROKEN = {
    "reset": (None, "receive", "Connection reset by peer"),
    "closed without an answer": (b"", "receive", ""),
    "too short": (b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nok\n", "receive", ""),
    "cut in its head": (b"HTTP/1.1 200 OK\r\nConten", "receive", ""),
    "cut in a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc", "receive",
                       ""),
    "garbage": (b"\x00\xff" * 500, "parse", ""),
    "not HTTP": (b"SSH-2.0-OpenSSH_9.2p1\r\n\r\n", "parse", ""),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nok\n",
                    "parse", ""),
    "endless head": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20000, "parse", ""),
}


@scenario("broken answers", 120)
def test_broken(t, lab):
    for name, (data, phase, words) in BROKEN.items():
        def behave(client, number, data=data):
            if number % 4:
                return client.sendall(OK)
            if data is None:
                return reset(client)
            client.sendall(data)
            return False

        server = Server(behave)
        run = loadgen(lab, "--bandwidth", "0", "--requests", "40", "--connections", "3")
        told = server.stop()
        phases = run.phases()
        t.equal((run.result.status, run.requests()), (0, (30, 10, 0)), f"{name}: ten of 40 fail")
        t.ok(phases.get(phase, 0) >= 8, f"{name}: the phase is {phase}", run.text)
        t.match(run.text, f"first: .*{words}", f"{name}: with a reason")
        t.equal(told["requests"], 40, f"{name}: all have come")


@scenario("more than an answer")
def test_leftover(t, lab):
    server = Server(always(OK + b"more"))
    run = loadgen(lab, "--bandwidth", "0", "--requests", "20", "--connections", "2")
    server.stop()
    t.equal(run.requests(), (20, 0, 0), "the answers count")
    t.ok(run.phases().get("parse", 0) >= 20, "what is behind them is an error", run.text)


@scenario("answered before the request is all there", 60)
def test_early(t, lab):
    """A server that refuses a large body by its head alone."""
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    listener = socket.create_server(("127.0.0.1", PORT), backlog=100)
    stop = threading.Event()

    def refuse():
        while not stop.is_set():
            client, _ = listener.accept()
            if client.recv(100):
                client.sendall(refusal)
                client.shutdown(socket.SHUT_WR)
                client.recv(1 << 20)
            client.close()

    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--bandwidth", "0",
                        "--requests", "10", "--connections", "1", "--request-size", "50MB",
                        stdout=-1, stderr=-1, text=True)
    threading.Thread(target=refuse, daemon=True).start()
    out, err = process.communicate(timeout=30 * tap.SLOWNESS)
    stop.set()
    run = Summary(laboratory.Result(process.returncode, out, err))
    t.equal((run.result.status, run.requests()), (0, (10, 0, 0)), "the answers count")
    t.match(run.text, r"(?m)^Status  4xx 10$", "as what they are")
    t.ok(run.pair("payload")[0] < 500000000, "and only the payload that was sent", out)


# ---- what is on the wire ----

def wire_lab(lab):
    """A veth pair with addresses. Return: its link, the sampled end is the server's."""
    link = lab.veth("v0")
    lab.run("ip", "addr", "add", "10.1.1.1/24", "dev", "v0")
    lab.run("ip", "addr", "add", "10.1.1.2/24", "dev", "p0", ns=link.peer_ns)
    return link


@scenario("a sampler counts what the report says", 60, argv=("--rate", "400"))
@scenario("a sampler counts what the report says, of TLS", 60, tls=True,
          argv=("--rate", "300", "--ca-file", f"{CERTS}/ca.pem"))
@scenario("a sampler counts what the report says, of large requests", 60,
          argv=("--bandwidth", "40Mbps", "--request-size", "40KB"))
@scenario("a sampler counts what the report says, of many connections", 60,
          argv=("--rate", "300", "--connections", "100"))
def test_wire(t, lab, argv, tls=False):
    link = wire_lab(lab)
    certificates(lab, names="IP:10.1.1.1")
    nginx = Nginx(lab, address="10.1.1.1", tls=True)
    lab.attach("v0")
    where = {"scheme": "https", "port": TLS_PORT} if tls else {}
    run = loadgen(lab, "--duration", "2s", *argv, **where, host="10.1.1.1", ns=link.peer_ns)
    nginx.stop()
    t.equal((run.result.status, run.requests()[1]), (0, 0), "it ends well")
    rx = lab.snapshot("v0")["rx"]["l4"]["tcp"]
    sent, frames = run.pair("wire")[0], run.pair("frames")[0]
    t.note(f"bytes: sampler {rx['bytes']}, report {sent}; frames: {rx['packets']}, {frames}")
    t.ok(abs(sent - rx["bytes"]) <= rx["bytes"] * 0.005, "bytes within half a percent",
         (sent, rx))
    t.ok(abs(frames - rx["packets"]) <= rx["packets"] * 0.005 + 2, "frames too", (frames, rx))


laboratory.main()
