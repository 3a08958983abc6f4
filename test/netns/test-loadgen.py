#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen against real servers: what it says it has sent is what they have received, and what
a sampler on the way has counted; how it ends, and what it says on the way. test-loadgen-faults.py has
the servers that are wrong or slow, test-loadgen-absent.py those that are not there.
"""
import fcntl
import os
import pty
import re
import signal
import struct
import termios

import lab as laboratory
import tap
from lab import scenario
from servers import (CERTS, ESTABLISHED, LISTEN, LOADGEN, OK, PORT, TIME_WAIT, TLS_PORT, Nginx, Server, Summary, answer_ok,
                     certificates, fill, hang, interrupt, loadgen, tcp_count, tcp_sockets, unexpected, wait_row)


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
    t.ok(completed >= 1250, "most were sent", completed)
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
    t.match(run.text, r"\nAll 11 answers were errors \(4xx\): the target refuses these requests\.\n$",
            "and in plain words at the end")
    t.equal(nginx.stop(), [(404, 1000)] * 11, "nginx agrees")


@scenario("10,000 connections", 120)
def test_10000(t, lab):
    nginx = Nginx(lab, connections=12000)  # it ends idle ones when it has less than 1/16 left
    run = loadgen(lab, "--connections", "10000", "--requests", "20011", "--rate", "10000",
                  "--threads", "2", seconds=100)
    t.equal((run.result.status, run.requests(), run.phases()), (0, (20011, 0, 0), {}),
            "20,011 requests without an error")
    t.match(run.text, r"(?m)^Connections  10000 made$", "over 10,000 connections")
    t.equal(len(nginx.stop()), 20011, "nginx agrees")


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
    t.equal((run.result.status, run.requests(), run.result.err), (0, (7, 0, 0), ""),
            "7 requests by name")
    for argv, where, why in (((), {}, "http has no certificates"),
                             (("--insecure",), {"scheme": "https", "port": TLS_PORT},
                              r"tls_verify = no \(--insecure\) trusts any certificate")):
        run = loadgen(lab, "--requests", "3", "--ca-file", f"{CERTS}/ca.pem", *argv, **where)
        t.equal(run.requests(), (3, 0, 0), "a ca_file that is not used is no error")
        t.match(run.result.err, f"warning: ca_file {CERTS}/ca.pem is not used: {why}\n", "but told")
    t.equal(nginx.stop(), [(200, 1000)] * 224, "nginx agrees")


@scenario("https that cannot be trusted", 60)
def test_tls_refused(t, lab):
    certificates(lab, names="DNS:other.example")
    nginx = Nginx(lab, tls=True)
    ours = ("--ca-file", f"{CERTS}/ca.pem")
    for argv, why, what, remedy in (
            (ours, "IP address mismatch", "a certificate for another name", "--insecure trusts any"),
            ((), "unable to get local issuer", "an unknown authority",
             "--ca-file FILE trusts its authority, --insecure any")):
        run = loadgen(lab, "--requests", "5", *argv, scheme="https", port=TLS_PORT)
        t.equal(run.result.status, 1, f"{what} is refused")
        t.match(run.result.err, f"certificate verify failed: {why}.* \\({remedy}\\)\n",
                "the reason is told, and the remedy")
        t.equal(len(run.result.err.splitlines()), 1, "in one line")
    run = loadgen(lab, "--requests", "5", "--insecure", scheme="https", port=TLS_PORT)
    t.equal((run.result.status, run.requests()), (0, (5, 0, 0)), "--insecure does without")
    run = loadgen(lab, "--requests", "5", "--ca-file", f"{CERTS}/names", scheme="https",
                  port=TLS_PORT)
    t.equal(run.result.status, 1, "a ca_file without certificates is refused")
    t.match(run.result.err, "ca_file /run/sampler-test/certs/names", "by its name")
    run = loadgen(lab, "--ca-file", "/nonexistent", scheme="https", port=TLS_PORT)
    t.match(run.result.err, "ca_file /nonexistent: No such file", "and one that is not there as well")
    t.equal(len(nginx.stop()), 5, "no other request was sent")


@scenario("https to a server without TLS")
def test_tls_plain(t, lab):
    nginx = Nginx(lab)
    run = loadgen(lab, "--requests", "5", scheme="https")
    t.equal(run.result.status, 1, "it ends")
    t.match(run.result.err, r"wrong version number \(does it speak TLS there\?\)\n$", "and says why")
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
    wait_row(process)
    return process


@scenario("SIGINT ends with a full report", number=signal.SIGINT, status=130)
@scenario("SIGTERM ends with a full report", number=signal.SIGTERM, status=143)
def test_interrupted(t, lab, number, status):
    nginx = Nginx(lab)
    process = start(lab, "--rate", "300", "--connections", "40", "--threads", "2")
    process.send_signal(number)
    out, err = process.communicate(timeout=10 * tap.SLOWNESS)
    run = Summary(laboratory.Result(process.returncode, out, err))
    logged = nginx.stop()
    t.equal(run.result.status, status, f"exit status {status}")
    t.match(out, ", interrupted", "the report says so")
    completed, failed, unfinished = run.requests()
    t.ok(completed and not failed, "and is about what was done", out)
    t.ok(completed <= len(logged) <= completed + unfinished, "which nginx has seen", len(logged))
    t.equal(unexpected(err), "", "nothing else is said")


@scenario("standard output is closed")
def test_broken_pipe(t, lab):
    nginx = Nginx(lab)
    process = start(lab, "--rate", "100")
    process.stdout.close()
    t.equal(process.wait(10 * tap.SLOWNESS), 1, "it ends")
    t.match(process.stderr.read(), "cannot write to standard output: Broken pipe", "and says why")
    t.ok(nginx.stop(), "after it had begun")


@scenario("nobody reads standard output", 60, again=False)
@scenario("nobody reads standard output, and it is interrupted twice", 60, again=True)
def test_unread(t, lab, again):
    nginx = Nginx(lab)
    reading, writing = os.pipe()
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "200", "--threads",
                        "2", "--connections", "2", stdout=writing, stderr=-1, text=True)
    text = b""
    while not re.search(rb"\n +\d\.\d ", text):
        text += os.read(reading, 65536)
    for seconds in (3.5, 1.5):  # more than one line
        if seconds < 3:  # somebody reads for a while
            while not re.search(rb"\n   [5-9]\.\d [^\n]*\n   [5-9]\.\d [^\n]*\n", text):
                text += os.read(reading, 1 << 20)
        fill(writing)
        before = len(nginx.requests())
        laboratory.wait_for(lambda: len(nginx.requests()) > before + 200 * seconds, "it goes on")
    process.send_signal(signal.SIGINT)
    laboratory.wait_for(lambda: not any(end.local == PORT and end.state == ESTABLISHED for end in tcp_sockets()),
                        "SIGINT ends the run")
    t.ok(True, "SIGINT ends the run, whether somebody reads or not")
    if again:
        t.equal(interrupt(process), -signal.SIGINT, "and once more ends what waits to write its report")
        nginx.stop()
        return
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        text += file.read()
    t.equal(process.wait(10 * tap.SLOWNESS), 130, "exit status 130")
    run = Summary(laboratory.Result(130, text.decode(), process.stderr.read()))
    t.match(run.text, ", interrupted", "then there is the report")
    t.ok(abs(len(nginx.stop()) - run.requests()[0]) <= 2, "of all requests", run.text)
    lines = [float(rate) for rate in re.findall(r"(?m)^ +\d+\.\d +2 +(\S+) ", run.text)]
    t.ok(lines and "nan" not in run.text and max(lines) < 2000,
         "a line never takes seconds for less than they are", run.text)


@scenario("standard output was closed before the start")
def test_no_stdout(t, lab):
    server = Server(answer_ok)
    argv = (LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--requests", "9", "-q")
    run = lab.try_run("bash", "-c", 'exec "$@" >&-', "bash", *argv)
    t.equal(run.status, 1, "exit status 1")
    t.match(run.err, "cannot write the report to standard output: Bad file descriptor", "it is told")
    told = server.stop()
    t.equal((told["requests"], told["broken"]), (9, 0), "nothing else went to the server")


@scenario("lines take each other's place on a terminal that has room", columns=100, in_place=True)
@scenario("lines stay on a narrow terminal", columns=79, in_place=False)
def test_terminal(t, lab, columns, in_place):
    server = Server(answer_ok)
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "50", "--duration",
                        "2500ms", stdout=its)
    os.close(its)
    text = b""
    try:
        while data := os.read(ours, 65536):
            text += data
    except OSError:  # EIO, when nobody has the other end any more
        pass
    t.equal(process.wait(10 * tap.SLOWNESS), 0, "it ends well")
    server.stop()
    lines = re.findall(rb"([\r\n])( +\d\.\d +10 [^\r\n]*)", text)
    t.ok(2 <= len(lines) <= 3, "three lines, or one fewer of a run that was held up", lines)
    t.ok(all(len(line.rstrip()) <= 79 for _, line in lines), "of 79 columns", lines)
    t.equal({before for before, _ in lines}, {b"\r" if in_place else b"\n"},
            "in place" if in_place else "each of its own")
    t.match(text.decode(), r"\r\n\r\nhttp://127", "the report begins on a new line")


@scenario("a duration cuts what is under way")
def test_duration(t, lab):
    server = Server(lambda client, number: hang(client) if number >= 5 else client.sendall(OK))
    run = loadgen(lab, "--bandwidth", "0", "--connections", "3", "--duration", "1s")
    told = server.stop()
    t.equal(run.result.status, 0, "it ends well")
    t.equal(run.requests(), (5, 0, 3), "five are completed, three unfinished")
    t.equal(told["requests"], 8, "eight have come")
    t.equal(run.phases(), {}, "that is no error")


@scenario("a server that never answers")
def test_hung(t, lab):
    server = Server(lambda client, number: hang(client))
    run = loadgen(lab, "--rate", "100", "--connections", "2", "--duration", "1s")
    server.stop()
    t.equal(run.result.status, 1, "exit status 1")
    t.match(run.result.err, "no request was completed", "nothing was completed")
    t.equal(run.requests(), (0, 0, 2), "two are unfinished")
    t.equal(run.number("unsent"), 98, "98 were due besides")
    run.check_missed(t, "800 kbit/s", "all connections were busy", "told")


# ---- what is on the wire ----

def wire_lab(lab):
    """A veth pair with addresses. Return: its link, the sampled end is the server's."""
    link = lab.veth("v0")
    lab.run("ip", "addr", "add", "10.1.1.1/24", "dev", "v0")
    lab.run("ip", "addr", "add", "10.1.1.2/24", "dev", "p0", ns=link.peer_ns)
    return link


def settled(lab, link):
    """What the sampler has counted of TCP, once no more comes: a close goes on after the run."""

    def closed():
        return all(end.state in (LISTEN, TIME_WAIT) for ns in (link.ns, link.peer_ns) for end in tcp_sockets(ns))

    laboratory.wait_for(closed, "the end of all connections")
    return lab.snapshot("v0")["rx"]["l4"]["tcp"]


@scenario("the rate on the wire is the run's")
def test_wire_rate(t, lab):
    server = Server(answer_ok)
    run = loadgen(lab, "--connections", "500", "--rate", "50", "--duration", "2s")
    server.stop()
    wire = re.search(r"(?m)^  wire +(\d+) B +([\d.]+) kbit/s", run.text)
    apart = re.search(r"wire includes (\d+) B sent", run.text)
    t.ok(wire and apart, "both are told", run.text)
    t.ok(500 * 200 < int(apart[1]) < 500 * 500, "opening and closing 500 connections", apart[1])
    took = float(re.search(r"(?m)^http://.* ([\d.]+) s$", run.text)[1])
    t.ok(abs((int(wire[1]) - int(apart[1])) * 8 / 1000 / took - float(wire[2])) < 0.02 * float(wire[2]),
         "is not in the rate", run.text)


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
    rx = settled(lab, link)
    sent, frames = run.pair("wire")[0], run.pair("frames")[0]
    t.note(f"bytes: sampler {rx['bytes']}, report {sent}; frames: {rx['packets']}, {frames}")
    t.ok(abs(sent - rx["bytes"]) <= rx["bytes"] * 0.005, "bytes within half a percent",
         (sent, rx))
    # A server's close_notify that comes after our close draws a RST, which no count of ours sees.
    resets = 10 if tls else 0  # one a connection at most
    t.ok(abs(frames - rx["packets"]) <= rx["packets"] * 0.005 + 2 + resets, "frames too",
         (frames, rx))


@scenario("a sampler counts what the report says, of refused requests", 60)
@scenario("a sampler counts what the report says, of refused requests over TLS", 60, tls=True)
def test_wire_refused(t, lab, tls=False):
    """What nginx has not read of a request when it refuses it is still queued in the kernel."""
    link = wire_lab(lab)
    certificates(lab, names="IP:10.1.1.1")
    nginx = Nginx(lab, address="10.1.1.1", tls=True, max_body="1m")
    lab.attach("v0", "--mode", "native")
    where = {"scheme": "https", "port": TLS_PORT} if tls else {}
    run = loadgen(lab, "--request-size", "2MB", "--bandwidth", "50Mbps", "--duration", "3s",
                  "--insecure", **where, host="10.1.1.1", ns=link.peer_ns)
    n, failed, cut = run.requests()  # the last may be on its way when the time is over
    t.ok(run.result.status == 0 and not failed and cut <= 1 < n, "each request is answered", run.requests())
    refused = nginx.stop()
    t.ok(n <= len(refused) <= n + cut and set(refused) == {(413, 2000000)}, "by a refusal", refused)
    rx = settled(lab, link)
    sent, frames, http = (run.pair(name)[0] for name in ("wire", "frames", "HTTP"))
    t.note(f"bytes: sampler {rx['bytes']}, report {sent}; frames: {rx['packets']}, {frames}")
    t.ok(abs(sent - rx["bytes"]) <= rx["bytes"] * 0.02, "bytes within two percent", (sent, rx))
    t.ok(abs(frames - rx["packets"]) <= rx["packets"] * 0.02 + n, "frames too", (frames, rx))
    t.ok(sent > http, "HTTP is what was sent of it", (http, sent))
    t.equal(run.pair("payload")[0] + run.number("payload not sent, since the answer came before:"),
            2000000 * n, "and what was not sent is told")
    t.match(run.text, "target of 50.0 Mbit/s was not reached .* because most answers were errors, "
            "before all of the payload was sent", "also as the reason for a missed target")
    t.match(run.text, rf"\nAll {n} answers were errors \(4xx\): the target refuses", "at the end")


@scenario("frames that the way loses are counted, and told as sent again", 60)
def test_wire_lost(t, lab):
    """
    A veth's ring takes 256 frames; in native mode what has no room is dropped there. Of large
    writes in small segments the kernel sends several hundred at once, so there are always some.
    """
    link = wire_lab(lab)
    lab.run("ip", "route", "change", "10.1.1.0/24", "dev", "v0", "src", "10.1.1.1", "advmss", "120")
    nginx = Nginx(lab, address="10.1.1.1")
    lab.attach("v0", "--mode", "native")
    before = link.dropped()
    run = loadgen(lab, "--bandwidth", "0", "--request-size", "500KB", "--connections", "16",
                  "--duration", "2s", host="10.1.1.1", ns=link.peer_ns)
    nginx.stop()
    sent, arrived = run.pair("frames")[0], settled(lab, link)["packets"]
    lost, again = link.dropped() - before, tcp_count("RetransSegs", link.peer_ns)
    t.equal((run.result.status, run.requests()[1]), (0, 0), "it ends well")
    t.ok(lost and again, "some are lost, and sent again", (lost, again))
    t.ok("  sent again by TCP: " in run.text, "which is told", run.text)
    t.note(f"of {sent} frames {arrived} have arrived, {lost} were dropped, {again} sent again")
    t.ok(abs(sent - arrived - lost) <= 0.005 * sent, "only what was lost is missing",
         (sent, arrived, lost))


laboratory.main(jobs=3)
