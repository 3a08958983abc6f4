#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen --sink: what it answers to curl, to the generator itself, and to clients that are wrong,
slow or many; and that its summary tells of exactly what they have sent.
"""
import json
import os
import re
import resource
import select
import signal
import socket
import ssl

import lab as laboratory
import tap
from lab import Failure, main, scenario, status_of
from reports import Written
from servers import LISTEN, LOADGEN, TIME_WAIT, WINDOW_CLOSED, Summary, loadgen, tcp_sockets, wait_row

NO_CONTENT = b"HTTP/1.1 204 No Content\r\n"


class Sink:
    """The program as a server, and what it says."""

    def __init__(self, lab, *argv, address="127.0.0.1:0", before=None):
        wrap = ("bash", "-c", f'{before}; exec "$@"', "bash") if before else ()
        self._process = lab.spawn(*wrap, LOADGEN, f"--sink={address}", *argv, stdout=-1, stderr=-1,
                                  text=True)
        self.text, self.listens = "", []
        line = self._line()
        while line.startswith("Listening on "):
            self.listens.append(re.match(r"Listening on http://(\S+):(\d+)/ and https://\1:\2/$", line).groups())
            if len(self.listens) == (2 if address.startswith("localhost:") else 1):
                break
            line = self._line()
        if not self.listens:
            raise Failure(f"{line}{self._process.stderr.read()}")
        self.port, self.pid = int(self.listens[0][1]), self._process.pid

    def _line(self):
        line = self._process.stdout.readline()
        self.text += line
        return line

    def connect(self, host="127.0.0.1"):
        client = socket.create_connection((host, self.port), 20 * tap.SLOWNESS)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def ask(self, text):
        """Send it as it is, and shut down. Return: all that is answered, also before all was sent."""
        client = self.connect()
        try:
            client.sendall(text)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return everything(client)

    def wait_row(self):
        wait_row(self._process)

    def stop(self, number=signal.SIGINT):
        """Return: (exit status, what it has said on standard error)."""
        self._process.send_signal(number)
        out, err = self._process.communicate(timeout=20 * tap.SLOWNESS)
        self.text += out
        return self._process.returncode, err

    def told(self, name):
        match = re.search(rf"(?m)^  {name} +(\d+)", self.text)
        if not match:
            raise Failure(f"no {name}: {self.text}")
        return int(match[1])

    def bytes(self, name):
        """(received, sent)"""
        match = re.search(rf"(?m)^  {name} +(\d+) +(\d+)$", self.text)
        return int(match[1]), int(match[2])


def everything(client):
    """Until the end of a connection, also one by reset."""
    data = b""
    try:
        while more := client.recv(1 << 20):
            data += more
    except OSError:
        pass
    client.close()
    return data


def head_of(client):
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(1)
        if not more:
            raise Failure(f"ended after {data!r}")
        data += more
    return data


def ipv6(lab):
    for name in ("all", "lo"):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("0")


# ---- what it is for ----

@scenario("curl: HTTP and HTTPS on one port, IPv4 and IPv6", 60)
def test_curl(t, lab):
    ipv6(lab)
    sink = Sink(lab, "--sink-body", "10007", address="localhost:0")
    t.equal([host for host, _ in sink.listens], ["127.0.0.1", "[::1]"], "it listens on both loopbacks")
    t.equal(len({port for _, port in sink.listens}), 1, "at the same port")
    body = f"{laboratory.RUN}/body"
    with open(body, "wb") as file:
        file.write(os.urandom(3_000_017))
    show = "%{http_code} %{size_download}"
    for scheme in ("http", "https"):
        for host in ("127.0.0.1", "[::1]", "localhost"):
            url = f"{scheme}://{host}:{sink.port}/x"
            for name, argv, want in (
                    ("GET", (), "200 10007"),
                    ("HEAD", ("-I",), "200 0"),
                    ("POST", ("--data-binary", f"@{body}"), "200 10007"),
                    ("PUT", ("-T", body), "200 10007"),
                    ("POST in chunks", ("--data-binary", f"@{body}", "-H", "Transfer-Encoding: chunked"), "200 10007"),
                    ("POST with Expect", ("--data-binary", f"@{body}", "-H", "Expect: 100-continue"), "200 10007"),
                    ("DELETE by HTTP/1.0", ("-0", "-X", "DELETE"), "200 10007")):
                t.equal(lab.run("curl", "-sSk", "-m", "20", "-o", "/dev/null", "-w", show, *argv, url), want,
                        f"{name} {scheme} {host}")
    status, err = sink.stop()
    t.equal((status, err), (0, ""), "SIGINT ends it well")
    t.equal(sink.told("answered"), 42, "42 requests are told")
    t.equal((sink.told("refused"), sink.told("taken"), sink.told("broken")), (0, 42, 0), "on as many connections")
    t.match(sink.text, r"(?m)^  taken +42   21 over TLS$", "half of them over TLS")
    t.equal(sink.bytes("payload"), (24 * 3_000_017, 36 * 10007), "and all payload, to the byte")


@scenario("the generator, as fast as it goes", 60, scheme="http", argv=(), threads="1")
@scenario("the generator over TLS", 60, scheme="https", argv=("--insecure",), threads="1")
@scenario("the generator with threads to threads", 60, scheme="https",
          argv=("--insecure", "--threads", "3"), threads="3")
def test_generator(t, lab, scheme, argv, threads):
    sink = Sink(lab, "--threads", threads)
    run = Summary(lab.try_run(LOADGEN, "--url", f"{scheme}://127.0.0.1:{sink.port}/", "--requests", "20011",
                              "--bandwidth", "0", "--connections", "9", "--request-size", "1009", *argv))
    t.equal((run.result.status, run.requests(), run.phases()), (0, (20011, 0, 0), {}),
            "20,011 requests without an error")
    t.match(run.text, r"(?m)^Status  2xx 20011$", "are answered")
    t.equal(sink.stop()[0], 0, "the sink ends well")
    t.equal((sink.told("answered"), sink.told("broken")), (20011, 0), "and tells the same")
    t.equal(sink.bytes("payload"), (20011 * 1009, 0), "with all of their payload")
    t.equal(sink.bytes("HTTP")[1], run.pair("HTTP")[1], "what it has sent is what was received")


@scenario("answers of a size: by option and by request", 60)
def test_body(t, lab):
    sink = Sink(lab)
    for query, size in (("", 0), ("?body=1", 1), ("?x&body=100KB", 100000), ("?body=20MiB", 20 << 20)):
        for scheme in ("http", "https"):
            got = lab.run("curl", "-sSk", "-m", "25", "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                          f"{scheme}://127.0.0.1:{sink.port}/{query}")
            t.equal(got, f"{200 if size else 204} {size}", f"{scheme} {query or 'nothing'}")
    t.equal(sink.stop()[0], 0, "it ends well")
    t.equal(sink.bytes("payload")[1], 2 * (100001 + (20 << 20)), "and tells of as much")


@scenario("10,000 connections", 120)
def test_10000(t, lab):
    sink = Sink(lab, "--threads", "2")
    run = Summary(lab.try_run(LOADGEN, "--url", f"http://127.0.0.1:{sink.port}/", "--connections", "10000",
                              "--requests", "20011", "--rate", "10000", "--threads", "2", seconds=100))
    t.equal((run.result.status, run.requests(), run.phases()), (0, (20011, 0, 0), {}),
            "20,011 requests without an error")
    t.equal(sink.stop()[0], 0, "it ends well")
    t.equal((sink.told("answered"), sink.told("turned away")), (20011, 0), "and tells the same")
    share = re.search(r"a thread takes (\d+) at once", sink.text)
    t.ok(share and 5000 <= int(share[1]) <= 8192, "and that its threads share what it takes", sink.text)


@scenario("a rate that one thread cannot reach", 60)
def test_saturated(t, lab):
    """
    A million a second, of a sink that has two threads. Whether the generator or the sink has no more CPU is the
    machine's affair; what is told is what its figures say.
    """
    sink = Sink(lab, "--threads", "2", "--quiet")
    written = Written()
    run = loadgen(lab, "--rate", "1000000", "--request-size", "0", "--connections", "100", "--duration", "2s",
                  "--min-achieved", "90%", *written.options, port=sink.port, seconds=30)
    sink.stop()
    report = written.read()[0]
    busiest = report["busiest_thread_percent"]
    t.equal(run.result.status, 3, "is missed by the exit status")
    t.match(run.text, r"\nThe target of 1.00 Mreq/s was not reached", "and told")
    t.equal("The generator itself was the limit" in run.text, busiest > 90, f"with {busiest:.0f} % of a CPU used")
    t.equal(report["saturated"], "\nThe generator itself was " in run.text, "the JSON says so, too")
    t.note(f"{report['achieved']['requests_per_s']:.0f} requests a second, {busiest:.0f} % of a CPU")


@scenario("a line each second, and a summary by SIGTERM")
def test_lines(t, lab):
    sink = Sink(lab)
    client = sink.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    t.ok(head_of(client).startswith(NO_CONTENT), "it answers")
    sink.wait_row()
    t.equal(sink.stop(signal.SIGTERM), (0, ""), "SIGTERM ends it well")
    t.equal((sink.told("answered"), sink.told("broken")), (1, 0), "an idle connection is not broken by it")
    quiet = Sink(lab, "--quiet")
    quiet.stop()
    t.equal(quiet.text.count("Mbit/s"), 0, "--quiet shows no columns")


@scenario("the summary as JSON")
def test_json(t, lab):
    process = lab.spawn(LOADGEN, "--sink=127.0.0.1:0", "--json", stdout=-1, stderr=-1, text=True)
    listens = re.match(r"Listening on http://127\.0\.0\.1:(\d+)/ and ", process.stderr.readline())
    run = Summary(lab.try_run(LOADGEN, "--url", f"https://127.0.0.1:{listens[1]}/?body=7", "--insecure", "--requests",
                              "101", "--bandwidth", "0", "--connections", "3"))
    t.equal((run.result.status, run.requests()), (0, (101, 0, 0)), "where it listens is on standard error")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20 * tap.SLOWNESS)
    t.equal((process.returncode, err), (0, ""), "and nothing else")
    told = json.loads(out)
    t.ok(told["duration_s"] > 0 and told["cpu_percent"] >= 0, "standard output is one object", out)
    t.equal((told["schema"], told["requests"], told["payload_bytes"]),
            (1, {"answered": 101, "refused": 0}, {"received": 101000, "sent": 707}), "with what it has had")
    t.equal(told["http_bytes"]["sent"], run.pair("HTTP")[1], "to the byte")
    t.equal((told["connections"]["turned_away"], told["connections"]["timed_out"], told["connections"]["broken"]),
            (0, 0, 0), "and what went wrong")
    t.ok(1000 < told["connections"]["most_per_thread"] <= 16384, "and how many it would have taken", told)


@scenario("what does not go together")
def test_usage(t, lab):
    for argv, status, why in (
            (("--sink", "192.0.2.1"), 2, "expected ADDRESS:PORT"),
            (("--sink", "unix:/run/x"), 2, "expected ADDRESS:PORT"),
            (("--sink", "127.0.0.1:65536"), 2, "expected ADDRESS:PORT"),
            (("--sink", "224.0.0.1:8080"), 2, "nobody can connect to a multicast or broadcast"),
            (("--sink", "255.255.255.255:8080"), 2, "nobody can connect to a multicast or broadcast"),
            (("--sink", "[ff02::1]:8080"), 2, "nobody can connect to a multicast or broadcast"),
            (("--sink", "[::ffff:239.1.2.3]:8080"), 2, "nobody can connect to a multicast or broadcast"),
            (("--sink", "192.0.2.1:8080"), 1, "cannot listen at 192.0.2.1:8080: Cannot assign requested address"),
            (("--sink", "--rate", "5"), 2, "--rate has no meaning for --sink"),
            (("--sink", "--threads", "0"), 2, "--threads 0: expected a number from 1 to 256"),
            (("--sink", "--sink-body", "1kb"), 2, "--sink-body 1kb: expected a size"),
            (("--sink", "--timeout", "1ms"), 2, "--timeout 1ms: expected a duration"),
            (("--sink", "--json=file"), 2, "--json file: expected -"),
            (("--sink", "-c", "/dev/null"), 2, "takes no file"),
            (("--sink", "127.0.0.1:0", "more"), 2, "no option"),
            (("--sink-body", "5", "--url", "http://127.0.0.1/"), 2, "--sink-body goes with --sink only")):
        result = lab.try_run(LOADGEN, *argv)
        t.equal((result.status, result.out), (status, ""), f"{' '.join(argv)}: exit status {status}")
        t.ok(why in result.err and result.err.count("\n") == 1, "and one line that says why", result.err)
    sink = Sink(lab, "--threads", "2")
    result = lab.try_run(LOADGEN, "--sink", f"127.0.0.1:{sink.port}", "--threads", "2")
    t.equal(result.status, 1, "an address is taken once")
    t.match(result.err, "Address already in use", "which is told")
    t.equal(sink.stop(), (0, ""), "the loopback is nobody else's: no warning")
    sink = Sink(lab, address="0.0.0.0:0")
    status, err = sink.stop()
    t.ok(status == 0 and f"0.0.0.0:{sink.port}: other machines can reach this" in err
         and err.count("\n") == 1, "an address that others can reach: one line of warning", err)


# ---- to the letter ----

@scenario("requests behind one another", 60)
def test_pipelined(t, lab):
    sink = Sink(lab)
    one = b"POST /?body=3 HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n1234567"
    answers = sink.ask(one * 1009)
    t.equal(len(re.findall(rb"HTTP/1\.1 200 OK\r\nDate: [^\r]+\r\nContent-Type: [^\r]+\r\nContent-Length: 3\r\n"
                           rb"\r\n...", answers, re.S)), 1009, "1,009 in one go are answered one by one")
    client = sink.connect()
    for byte in one[:60]:
        client.sendall(bytes([byte]))
    client.sendall(one[60:] + one[:20])
    t.ok(head_of(client).startswith(b"HTTP/1.1 200 OK\r\n"), "one that comes byte by byte as well")
    client.close()
    # 1 MiB an answer, and nobody reads: what is asked for behind it waits
    client = sink.connect()
    client.sendall(b"GET /?body=8MiB HTTP/1.1\r\nHost: a\r\n\r\n" * 5 +
                   b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    laboratory.wait_for(lambda: any(end.local == sink.port and end.timer == WINDOW_CLOSED for end in tcp_sockets()),
                        "answers that wait for their reader")
    got = everything(client)
    t.equal(got.count(b"HTTP/1.1 200 OK"), 5, "answers that have to wait all come")
    t.ok(len(got) > 5 * (8 << 20) and b"\r\nConnection: close\r\n" in got[-200:], "in order", len(got))
    sink.stop()
    t.equal((sink.told("answered"), sink.told("refused"), sink.told("broken")), (1009 + 1 + 6, 0, 1),
            "what was cut is told")


@scenario("who waits for 100 (Continue) gets it once")
def test_continue(t, lab):
    sink = Sink(lab)
    client = sink.connect()
    client.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    t.equal(head_of(client), b"HTTP/1.1 100 Continue\r\n\r\n", "before the body")
    client.sendall(b"hello")
    t.ok(head_of(client).startswith(NO_CONTENT), "and then the answer")
    client.sendall(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello")
    t.ok(head_of(client).startswith(NO_CONTENT), "who does not wait gets the answer alone")
    client.close()
    sink.stop()


@scenario("the end of a connection")
def test_close(t, lab):
    sink = Sink(lab)
    for text, answer in (
            (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", rb"^HTTP/1.1 204 .*\r\nConnection: close\r\n\r\n$"),
            (b"GET / HTTP/1.0\r\n\r\n", rb"^HTTP/1.1 204 .*\r\nConnection: close\r\n\r\n$"),
            (b"HEAD /?body=5 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
             rb"^HTTP/1.1 200 .*\r\nContent-Length: 5\r\nConnection: close\r\n\r\n$")):
        client = sink.connect()
        client.sendall(text)
        got = everything(client)  # without a shutdown of ours
        t.ok(re.match(answer, got, re.S), f"comes after the answer to {text[:12]!r}", got)
    client = sink.connect()
    client.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    t.ok(b"\r\nConnection: keep-alive\r\n" in head_of(client), "HTTP/1.0 can go on")
    client.sendall(b"GET / HTTP/1.0\r\n\r\n")
    t.ok(everything(client).startswith(NO_CONTENT), "and does")
    sink.stop()
    t.equal(sink.told("answered"), 5, "five were answered")


# ---- hostile clients ----

@scenario("what is no good HTTP", 60)
def test_bad(t, lab):
    sink = Sink(lab)
    host = b"Host: a\r\n"
    bad = (
        (b"\0\0\0\0", 400), (b"SSH-2.0-OpenSSH_9\r\n", 400), (b"GET / HTTP/1.1\n\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400), (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (b"CONNECT a:1 HTTP/1.1\r\n" + host + b"\r\n", 501),
        (b"GET /" + b"x" * 9000 + b" HTTP/1.1\r\n", 414),
        (b"GET / HTTP/1.1\r\n" + host + b"X: y\r\n" * 9000, 431),
        (b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 40000, 431),
        (b"\r\n" * 40000, 431),
        (b"GET / HTTP/1.1\r\n" + host + b"Expect: all\r\n\r\n", 417),
        (b"GET /?body=99TiB HTTP/1.1\r\n" + host + b"\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400),
        (b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400),
    )
    for text, status in bad:
        got = sink.ask(text + b"GET / HTTP/1.1\r\nHost: smuggled\r\n\r\n" * 50)
        t.ok(re.match(rb"HTTP/1\.1 %d [^\r]+\r\n.*\r\nConnection: close\r\n\r\n[^\r\n]+\n$" % status, got, re.S),
             f"{text[:30]!r}: {status}, why, and nothing more", got)
    t.equal(sink.ask(b"GET / HTTP/1.1\r\n" + host), b"", "a head that ends amid gets nothing")
    t.equal(sink.stop()[0], 0, "it is still there")
    t.equal((sink.told("refused"), sink.told("answered"), sink.told("broken")), (len(bad), 0, 1), "and has counted")


@scenario("what is no good TLS", 60)
def test_bad_tls(t, lab):
    sink = Sink(lab)
    for text in (b"\x16", b"\x16\x03\x01\xff\xff" + b"\0" * 70000, b"\x16" * 100000, b"\x16\x03\x01\x00\x05hello"):
        sink.ask(text)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    with context.wrap_socket(sink.connect()) as client:
        t.equal(client.selected_alpn_protocol(), "http/1.1", "http/1.1 is agreed on where h2 is offered")
        client.sendall(b"GET /?body=300KB HTTP/1.1\r\nHost: a\r\n\r\n")
        t.ok(head_of(client).startswith(b"HTTP/1.1 200 OK\r\n"), "whoever speaks TLS is answered")
    t.equal(sink.stop()[0], 0, "and it ends well")
    t.equal((sink.told("taken"), sink.told("answered")), (5, 1), "all were taken")


@scenario("its certificate is for where it listens", 60)
def test_certificate(t, lab):
    sink = Sink(lab)
    pem = ssl.get_server_certificate(("127.0.0.1", sink.port))
    path = f"{laboratory.RUN}/sink.pem"
    with open(path, "w", encoding="ascii") as file:
        file.write(pem)
    for host in ("127.0.0.1", "localhost"):
        run = Summary(lab.try_run(LOADGEN, "--url", f"https://{host}:{sink.port}/", "--requests", "3",
                                  "--ca-file", path))
        t.equal((run.result.status, run.requests()), (0, (3, 0, 0)), f"who trusts it can verify {host}")
    other = Sink(lab)
    t.ok(ssl.get_server_certificate(("127.0.0.1", other.port)) != pem, "no two are the same")
    other.stop()
    sink.stop()


@scenario("sessions are resumed, by other threads as well", 60)
def test_resumed(t, lab):
    sink = Sink(lab, "--threads", "3")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # where a session is there as soon as the handshake
    session, reused = None, 0
    for _ in range(40):
        with context.wrap_socket(sink.connect(), session=session) as client:
            reused += client.session_reused
            session = client.session
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            head_of(client)
    t.equal(reused, 39, "each connection but the first resumes")
    sink.stop()


@scenario("who does nothing is not waited for", 60)
def test_idle(t, lab):
    sink = Sink(lab, "--timeout", "1s")
    idle, amid, hello = sink.connect(), sink.connect(), sink.connect()
    amid.sendall(b"GET / HTTP/1.1\r\nHo")
    hello.sendall(b"\x16\x03\x01")
    unread = sink.connect()
    unread.sendall(b"GET /?body=1GB HTTP/1.1\r\nHost: a\r\n\r\n")
    for client in (idle, amid, hello):
        t.equal(everything(client), b"", "it is closed")
    laboratory.wait_for(lambda: n_open(sink.port) == 0, "the one that does not read as well")
    sink.stop()
    unread.close()
    t.equal((sink.told("timed out"), sink.told("broken")), (4, 3), "four are told, three of which were amid something")


def n_open(port):
    """Connections that the server has, also those that its clients have closed."""
    return sum(end.local == port and end.state not in (LISTEN, TIME_WAIT) for end in tcp_sockets())


@scenario("a head that comes drop by drop is not waited for", 60)
def test_drops(t, lab):
    sink = Sink(lab, "--timeout", "2s")
    drops = sink.connect()
    drops.sendall(b"GET / HTTP/1.1\r\nX: ")
    cut = False
    while not cut:
        try:
            drops.sendall(b"y")
            cut = drops.recv(1, socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            pass
        except ConnectionError:
            cut = True
        select.select([drops], [], [], 0.05)  # the next drop comes in time
    t.ok(cut, "the head is cut")
    sink.stop()
    t.equal(sink.told("refused"), 0, "without an answer")


@scenario("more connections than there can be", 60)
def test_limit(t, lab):
    sink = Sink(lab, before="ulimit -n 100")
    clients = [sink.connect() for _ in range(200)]
    for client in clients:
        client.settimeout(20 * tap.SLOWNESS)
    n_answered = n_closed = 0
    for client in clients:
        try:
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            n_answered += client.recv(10) == NO_CONTENT[:10]
        except ConnectionError:
            n_closed += 1
    n_answered_before = n_answered
    for client in clients:
        client.close()
    laboratory.wait_for(lambda: n_open(sink.port) == 0, "all are gone")
    t.ok(20 <= n_answered <= 100, "as many as there are descriptors are served", n_answered)
    t.ok(sink.ask(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").startswith(NO_CONTENT), "and later others")
    t.equal(sink.stop()[0], 0, "it ends well")
    t.equal((sink.told("answered"), sink.told("taken")), (n_answered_before + 1, n_answered_before + 1),
            "and tells of those that it had")
    t.equal(sink.told("turned away"), 200 - n_answered_before, "and of those that it had not")


@scenario("no descriptor is left for a while", 60)
def test_descriptors(t, lab):
    sink = Sink(lab)
    before = resource.prlimit(sink.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(sink.pid, resource.RLIMIT_NOFILE, (3, before[1]))
    client = sink.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    client.settimeout(2)
    try:
        waits = client.recv(1) == b"?"
    except TimeoutError:
        waits = True
    client.settimeout(20 * tap.SLOWNESS)
    t.ok(waits, "the client waits")
    resource.prlimit(sink.pid, resource.RLIMIT_NOFILE, before)
    t.ok(head_of(client).startswith(NO_CONTENT), "until there is one")
    client.close()
    t.equal(sink.stop()[0], 0, "it ends well")
    t.equal((sink.told("answered"), sink.told("turned away")), (1, 0), "nobody was turned away")


@scenario("it keeps to a small memory whatever comes", 60)
def test_memory(t, lab):
    sink = Sink(lab)
    clients = []
    for _ in range(200):
        client = sink.connect()
        client.setblocking(False)
        clients.append(client)
        try:  # ask on and on, and never read
            while True:
                client.send(b"GET /?body=1MB HTTP/1.1\r\nHost: a\r\n\r\n" * 2000)
        except (BlockingIOError, ConnectionError):
            pass
    client = sink.connect()
    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    t.ok(head_of(client).startswith(NO_CONTENT), "others are served meanwhile")
    kib = int(status_of(sink.pid)["RssAnon"].split()[0])
    t.ok(kib < 200 * 128 + 65536 * tap.SLOWNESS, "each has a bound", f"{kib} KiB")
    for client in clients:
        client.close()
    t.equal(sink.stop()[0], 0, "it ends well")


main()
