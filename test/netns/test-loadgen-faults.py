#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen and servers that are slow, broken or hostile: none makes it crash, hang, spin or lie, and
each is told for what it is, by the phase that failed. test-loadgen-absent.py has those that are not there.
"""
import fcntl
import json
import os
import random
import socket
import ssl
import sys
import termios
import threading
import time

import lab as laboratory
import tap
from lab import scenario
from servers import (CERTS, LOADGEN, OK, PORT, TLS_PORT, Nginx, Server, Summary, always, answer_ok,
                     certificates, forward, hang, loadgen, reset, wait_row)


# ---- servers that are slow, or wrong ----

@scenario("a request of which nothing moves")
def test_timeout(t, lab):
    server = Server(lambda client, number: hang(client) if number < 2 else client.sendall(OK))
    run = loadgen(lab, "--requests", "20", "--bandwidth", "0", "--connections", "2", "--timeout",
                  "2s")
    told = server.stop()
    t.equal((run.result.status, run.requests()), (0, (18, 2, 0)), "is given up")
    t.equal(run.phases(), {"timeout": 2}, "as a timeout")
    t.match(run.text, "first: nothing sent or received for 2s", "which is told")
    t.equal(told["requests"], 20, "the server has them all")


@scenario("a rate of requests without payload that is missed")
def test_missed_rate(t, lab):
    server = Server(answer_ok)
    run = loadgen(lab, "--rate", "100", "--request-size", "0", "--connections", "1", "--latency",
                  "100ms", "--duration", "1s")
    server.stop()
    t.equal(run.result.status, 0, "it ends well")
    run.check_missed(t, "100 req/s", "all connections were busy", "is told in requests")


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
    run.check_missed(t, "10.0 Mbit/s", "all connections were busy", "and the report says so")
    t.ok(len(nginx.stop()) <= 100, "ten connections at ten a second")


@scenario("what moves is no hang, however long it takes: an answer", 60, total=1000, scheme="http")
@scenario("what moves is no hang, however long it takes: a request", 60, total=20_000_000, scheme="https")
def test_slow_progress(t, lab, total, scheme):
    """A part with each second that the run tells: it takes longer than the timeout, and never stands still for so long."""
    certificates(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{CERTS}/server.pem", f"{CERTS}/server.key")

    begun, done = threading.Event(), threading.Event()

    def handle(client, _number):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        if scheme == "https":
            client = context.wrap_socket(client, server_side=True)
        first = client.recv(65536)
        if not first:
            return  # it was to find out where the server is
        left = total - len(first.partition(b"\r\n\r\n")[2])
        begun.wait()
        try:
            while left > 0:
                wait_row(process)
                stop = max(0, left - total // 3)
                while left > stop:
                    left -= len(client.recv(16384)) or left  # or the client has gone
            for piece in [OK] if total > 1000 else [OK[:10], OK[10:20], OK[20:30], OK[30:]]:
                wait_row(process)
                client.sendall(piece)
        finally:
            done.set()

    process = lab.spawn(LOADGEN, "--url", f"{scheme}://127.0.0.1:{serve_raw(handle)}/", "--bandwidth", "0",
                        "--requests", "1", "--connections", "1", "--timeout", "3s", "--request-size", f"{total}B",
                        "--insecure", stdout=-1, stderr=-1, text=True)
    begun.set()
    done.wait()
    out, err = process.communicate(timeout=30 * tap.SLOWNESS)
    run = Summary(laboratory.Result(process.returncode, out, err))
    t.equal((run.result.status, run.requests(), run.phases()), (0, (1, 0, 0), {}), "it is answered")
    t.ok(run.latency("service")["max"] > 3200, "after a while", run.text)


ANSWERS = {
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
               b"3;x=y\r\nabc\r\n0\r\nT: x\r\n\r\n",
    "100 first": b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
    "103 first": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK,
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304, which has no body whatever it says": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "100 twice and 102": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                         b"HTTP/1.1 102 Processing\r\nA: b\r\n\r\n" + OK,
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


MIXED = [(2, OK)] * 4 + [
    (2, OK.replace(b"ok", b"no")), (4, OK.replace(b"200", b"404")), (5, OK.replace(b"200", b"503")),
    *((3 if name.startswith("304") else 2, data) for name, data in ANSWERS.items()),
    (2, b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + OK * 200 + b"x" * (9000 - 200 * len(OK))),
    (4, b"HTTP/1.1 404 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
    (2, b"HTTP/1.0 200 OK\r\n\r\nup to the end")]


def body_size(data):
    """Bytes behind the head of the last answer."""
    while data.startswith(b"HTTP/1.1 1"):
        data = data.partition(b"\r\n\r\n")[2]
    return len(data.partition(b"\r\n\r\n")[2])


def send_in_pieces(client, data, chance):
    """At once, or cut at any bytes, with or without a while in between."""
    cuts = sorted(chance.sample(range(1, len(data)), chance.choice((0, 0, 1, 3))))
    apart = chance.choice((False, True))
    for start, end in zip([0] + cuts, cuts + [len(data)]):
        client.sendall(data[start:end])
        while apart and int.from_bytes(fcntl.ioctl(client.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder):
            os.sched_yield()  # until the other end has it


@scenario("answers of all kinds by turns, in pieces", 60, scheme="http")
@scenario("answers of all kinds by turns, in pieces, over TLS", 60, scheme="https")
def test_mixed(t, lab, scheme):
    """An answer that is known again is still one of others; what comes and goes is counted to the byte."""
    certificates(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{CERTS}/server.pem", f"{CERTS}/server.key")
    chance, sent, received = random.Random(5), [], []

    def handle(client, _number):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if scheme == "https":
            client = context.wrap_socket(client, server_side=True)
        while True:
            data = b""
            while len(data.partition(b"\r\n\r\n")[2]) < 700:
                piece = client.recv(chance.randint(1, 1000))
                if not piece:
                    return
                data += piece
            received.append(data)
            answer = chance.choice(MIXED)
            sent.append(answer)
            send_in_pieces(client, answer[1], chance)
            if b"close" in answer[1] or b"HTTP/1.0" in answer[1]:
                if scheme == "https":
                    client.unwrap()
                client.close()
                return

    run = loadgen(lab, "--bandwidth", "0", "--requests", "1000", "--connections", "7", "--request-size",
                  "700B", "--insecure", "--json", scheme=scheme, port=serve_raw(handle))
    report = json.loads(run.text)
    t.equal((run.result.status, report["requests"]["completed"]), (0, 1000), "each request is answered")
    t.equal({f"{i}xx": report["status"][f"{i}xx"] for i in range(2, 6)},
            {f"{i}xx": sum(kind == i for kind, _ in sent) for i in range(2, 6)}, "by what was sent")
    counted = report["bytes"]
    t.equal(counted["http"]["received"], sum(len(data) for _, data in sent), "to the byte")
    t.equal(counted["payload"]["received"], sum(body_size(data) for _, data in sent), "of which are bodies")
    t.equal((counted["http"]["sent"], counted["payload"]["sent"]), (sum(map(len, received)), 700000),
            "and so are the requests")
    t.equal(len({data[-700:] for data in received}), 1000, "of which no two are equal")
    t.equal({name: one for name, one in report["errors"].items() if one["count"]}, {}, "there is no error")


@scenario("a server that awaits Expect: 100-continue", 60)
def test_expect(t, lab):
    """nginx says 100 as soon as it has such a head, and then the answer."""
    nginx = Nginx(lab)
    run = loadgen(lab, "--bandwidth", "0", "--requests", "50", "--header", "Expect: 100-continue")
    t.equal((run.result.status, run.requests(), run.phases()), (0, (50, 0, 0), {}), "50 requests")
    t.equal(nginx.stop(), [(200, 1000)] * 50, "nginx has them whole")


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
    """What is sent into the close is lost; who waits after each answer sees it in time."""
    server = Server(always(OK, keep=False))
    run = loadgen(lab, "--bandwidth", "0", "--latency", "100ms", "--requests", "50", "--connections",
                  "4")
    told = server.stop()
    t.equal((run.result.status, run.requests()), (0, (50, 0, 0)), "completed")
    t.equal(told["requests"], 50, "the server agrees")


@scenario("a target that is missed since the server closes connections")
def test_missed_closing(t, lab):
    """Two connections of 50 ms each are 40 requests a second, of 100."""
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    server = Server(lambda client, number: (time.sleep(0.05), client.sendall(closing), False)[2])
    run = loadgen(lab, "--rate", "100", "--connections", "2", "--duration", "1s")
    server.stop()
    run.check_missed(t, "800 kbit/s", "the server closes connections, which have to be", "is told so")


STATUS = "HTTP/1.1 {} X\r\nContent-Length: 0\r\n\r\n"


@scenario("answers that are errors are told in plain words at the end", 60)
def test_refusals(t, lab):
    for what, statuses, words in (
            ("one in ten", [404] + [200] * 9, r"\n10\.0 % of the answers were errors \(4xx\)\.\n$"),
            ("of two classes", [404, 503, 503, 200],
             r"\n75\.0 % of the answers were errors \(4xx 50, 5xx 100\)\.\n$"),
            ("all", [500], r"\nAll 200 answers were errors \(5xx\): the target refuses these "
             r"requests\.\n$"),
            ("redirects", [302], r"\nAll 200 answers were redirects \(3xx\): they are not followed; "
             r"use the url that they lead to\.\n$"),
            ("one percent is not", [404] + [200] * 99, r"(?s)\A(?!.*answers were)")):
        answers = [STATUS.format(status).encode() for status in statuses]
        server = Server(lambda client, number, answers=answers:
                        client.sendall(answers[number % len(answers)]))
        run = loadgen(lab, "--rate", "1000", "--requests", "200", "--connections", "50")
        server.stop()
        t.equal((run.result.status, run.requests()), (0, (200, 0, 0)), f"{what}: status 0")
        t.match(run.text, words, f"{what}: {words}")


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
    "no length that is a number": (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "parse", ""),
    "endless 100s": (b"HTTP/1.1 100 Continue\r\n\r\n" * 5000, "parse", ""),
    "an endless line": (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 100000, "parse", ""),
    "endless trailers": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
                         + b"A: b\r\n" * 20000, "parse", ""),
    "a broken chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "parse", ""),
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


def serve_raw(handle):
    """A listener, each of whose connections is @handle(client, number)'s. Return: its port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)

    def talk(client, number):
        try:
            handle(client, number)
        except OSError:
            pass  # the client is gone
        client.close()

    def accept():
        number = 0
        while True:
            client, _ = listener.accept()
            threading.Thread(target=talk, args=(client, number), daemon=True).start()
            number += 1

    threading.Thread(target=accept, daemon=True).start()
    return listener.getsockname()[1]


@scenario("handshakes that fail in the middle of a run", 60)
def test_tls_phase(t, lab):
    """All connections but every third are forwarded to nginx, which ends each after a request."""
    certificates(lab)
    nginx = Nginx(lab, tls=True, more="keepalive_requests 1;")

    def handle(client, number):
        if number and number % 3 == 0:
            client.recv(10)
            client.sendall(b"\x15\x03\x03\x00\x02\x02\x28")  # a fatal alert: handshake_failure
            return
        forward(client)

    run = loadgen(lab, "--rate", "100", "--requests", "60", "--connections", "3", "--insecure",
                  scheme="https", port=serve_raw(handle))
    logged = nginx.stop()
    t.equal((run.result.status, run.requests()), (0, (60, 0, 0)), "all requests get through")
    t.equal(len(logged), 60, "nginx agrees")
    t.ok(run.phases().get("tls", 0) >= 10, "handshakes that failed are counted", run.text)
    t.match(run.text, "tls +.* first: .*handshake failure", "with the reason")


@scenario("a TLS server that refuses only when the client believes itself connected", 60)
def test_tls_late_alert(t, lab):
    """It wants a certificate: in TLS 1.3 its alert comes behind the handshake, and behind that a reset."""
    certificates(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{CERTS}/server.pem", f"{CERTS}/server.key")
    context.load_verify_locations(f"{CERTS}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_3

    def handle(client, number):
        try:
            context.wrap_socket(client, server_side=True, do_handshake_on_connect=True)
        except ssl.SSLError:
            reset(client)

    port = serve_raw(handle)
    for name, options in (("while it is idle", ("--rate", "1", "--connections", "5", "--duration", "2s")),
                          ("when requests come at once", ("--bandwidth", "0", "--requests", "6")),
                          ("amid a request", ("--bandwidth", "0", "--requests", "6", "--request-size", "5MB"))):
        run = loadgen(lab, "--insecure", *options, scheme="https", port=port)
        t.equal(run.result.status, 1, f"{name}: nothing is completed")
        t.ok(set(run.phases()) <= {"tls", "receive"}, f"{name}: what it says is the error", run.text)
        t.match(run.text, "first: tlsv13 alert certificate required", f"{name}: in its words")
        t.match(run.text, r"Connections +\d+ made\n", f"{name}: no connection was closed without a word")


@scenario("connections that break while a request is sent", 60)
def test_send_phase(t, lab):
    """The server has read a part of a large request when it resets."""

    def handle(client, number):
        if number % 2 == 0:
            client.recv(1000)
            reset(client)
            return
        while client.recv(1 << 20):
            pass

    run = loadgen(lab, "--bandwidth", "0", "--requests", "6", "--connections", "2", "--request-size",
                  "30MB", "--timeout", "1s", port=serve_raw(handle))
    t.equal((run.result.status, run.requests()), (1, (0, 6, 0)), "none is completed")
    phases = run.phases()
    t.ok(set(phases) <= {"send", "receive", "timeout"} and sum(phases.values()) >= 6,
         "those that break fail to be sent or answered, and those that are swallowed by time", phases)
    t.match(run.text, "first: (Connection reset by peer|Broken pipe)", "with the reason")


@scenario("more than an answer")
def test_leftover(t, lab):
    server = Server(always(OK + b"more"))
    run = loadgen(lab, "--bandwidth", "0", "--requests", "20", "--connections", "2")
    server.stop()
    t.equal(run.requests(), (20, 0, 0), "the answers count")
    t.ok(run.phases().get("parse", 0) >= 20, "what is behind them is an error", run.text)


def refused_early(lab, refuse):
    """Ten large requests to a server that does @refuse(client) when something of one has come."""
    listener = socket.create_server(("127.0.0.1", PORT), backlog=100)

    def serve():
        while True:
            client, _ = listener.accept()
            try:
                if client.recv(100):
                    refuse(client)
            except OSError:
                pass  # the client needs no more than the answer's head to be gone
            client.close()

    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--bandwidth", "0",
                        "--requests", "10", "--connections", "1", "--request-size", "50MB",
                        stdout=-1, stderr=-1, text=True)
    threading.Thread(target=serve, daemon=True).start()
    out, err = process.communicate(timeout=30 * tap.SLOWNESS)
    return Summary(laboratory.Result(process.returncode, out, err))


@scenario("answered before the request is all there", 60)
def test_early(t, lab):
    """A server that refuses a large body by its head alone."""

    def refuse(client):
        client.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        client.recv(1 << 20)

    run = refused_early(lab, refuse)
    t.equal((run.result.status, run.requests()), (0, (10, 0, 0)), "the answers count")
    t.match(run.text, r"(?m)^Status  4xx 10$", "as what they are")
    t.ok(run.pair("payload")[0] < 500000000, "and only the payload that was sent", run.text)


@scenario("answered before the request is all there, and then reset", 60)
def test_early_reset(t, lab):
    """The answer promises to keep the connection; the rest of the body draws a reset."""

    def refuse(client):
        client.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        client.recv(1, socket.MSG_PEEK)  # unread bytes make a reset of the close

    run = refused_early(lab, refuse)
    t.equal((run.result.status, run.requests()), (0, (10, 0, 0)), "the answers count")
    t.match(run.text, r"(?m)^Status  4xx 10$", "as what they are")


@scenario("a bandwidth that is refused is not reached", 60)
def test_early_bandwidth(t, lab):
    """Each request is answered in time, but hardly a part of its payload was sent."""

    def refuse(client, _number):
        client.recv(100)
        client.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        client.close()

    run = loadgen(lab, "--bandwidth", "800Mbps", "--duration", "2s", "--request-size", "50MB",
                  "--min-achieved", "50%", port=serve_raw(refuse))
    t.equal((run.result.status, run.requests()[1]), (3, 0), "the answers count, the threshold is missed")
    t.match(run.result.err, "threshold missed: min_achieved = 50%", "that of the bandwidth")
    t.match(run.text, r"\nThe target of 800 Mbit/s was not reached ", "and told")


@scenario("refused early, and connected again at once", 60)
def test_early_again(t, lab):
    """A connection that is lost while its request is sent does not wait for a tick to be opened again."""
    closed, gaps = [], []

    def refuse(client, _number):
        gaps.extend(time.monotonic() - when for when in closed[-1:])
        client.recv(100)
        client.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        client.close()
        closed.append(time.monotonic())

    port = serve_raw(refuse)
    for _ in range(4):  # the machine may stand still meanwhile
        gaps.clear()
        closed.clear()
        run = loadgen(lab, "--bandwidth", "0", "--requests", "60", "--connections", "1",
                      "--request-size", "50MB", port=port)
        if sum(gap < 0.01 for gap in gaps) >= 50:
            break
    t.equal(run.requests(), (60, 0, 0), "the answers count")
    t.ok(sum(gap < 0.01 for gap in gaps) >= 50, "hardly a connection waits to be opened again", sorted(gaps))


def tls_at_once(client, answers, then=b""):
    """A TLS server's connection: it answers a request of 1 KB by records that come in one segment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{CERTS}/server.pem", f"{CERTS}/server.key")
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(coming, going, server_side=True)

    def until_done(step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                client.sendall(going.read())
                coming.write(client.recv(65536) or b"-")

    until_done(tls.do_handshake)
    data = b""
    while len(data.partition(b"\r\n\r\n")[2]) < 1000:
        data += until_done(lambda: tls.read(65536))
    for answer in answers:
        tls.write(answer)
    coming.write(then)
    try:
        tls.read()
    except ssl.SSLError:
        client.sendall(going.read())  # also what it has to say to @then
    client.recv(65536)


@scenario("a TLS answer with an alert right behind it", 60, answers=[OK], then=b"no record of TLS", error={})
@scenario("a TLS answer with another right behind it", 60, answers=[OK, OK], then=b"", error={"parse": 20})
def test_tls_behind(t, lab, answers, then, error):
    """Neither is lost, nor is any request on such a connection."""
    certificates(lab)
    port = serve_raw(lambda client, _number: tls_at_once(client, answers, then))
    run = loadgen(lab, "--bandwidth", "0", "--requests", "20", "--connections", "1", "--insecure",
                  scheme="https", port=port)
    t.equal((run.result.status, run.requests()), (0, (20, 0, 0)), "each is answered")
    t.match(run.text, r"Connections +2[01] made\n", "over a connection of its own")
    t.equal(run.phases(), error, "with no other error")


@scenario("the last record of a request is not held back", 60)
def test_tls_cork(t, lab):
    """Its records are sent together, but the kernel would wait 200 ms for one more."""
    certificates(lab)
    nginx = Nginx(lab, tls=True)
    for _ in range(3):  # the machine may stand still meanwhile
        run = loadgen(lab, "--bandwidth", "0", "--requests", "20", "--connections", "1",
                      "--request-size", "40KB", "--insecure", scheme="https", port=TLS_PORT)
        if run.latency("service")["p50"] < 100:
            break
    t.equal((run.result.status, run.requests()), (0, (20, 0, 0)), "20 requests")
    t.ok(run.latency("service")["p50"] < 100, "most are as fast as can be", run.text)
    t.equal(set(nginx.stop()), {(200, 40000)}, "and whole")


laboratory.main()
