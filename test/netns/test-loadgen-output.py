#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen's outputs for programs: each is what its schema or format says, all of a run tell the
same, and what the server has seen; whatever the run was at when it was interrupted.
"""
import os
import re
import signal
import socket
import ssl
import threading

import lab as laboratory
import tap
from lab import Failure, scenario
from reports import FORMATS, Percentiles, Written, csv_rows, json_report, ndjson
from servers import (CERTS, LOADGEN, OK, PORT, SYN_SENT, TLS_PORT, Flag, Nginx, Server, Summary, answer_ok,
                     certificates, hang, loadgen, reset, tcp_sockets, unexpected)


def near(a, b, share=1e-6):
    return abs(a - b) <= share * max(abs(a), abs(b))


def check_agree(t, report, rows, table, hdr, name):
    """The four formats of one run."""
    n = report["requests"]["completed"]
    t.equal(sum(row["requests"]["completed"] for row in rows), n,
            f"{name}: the seconds add up to the report")
    for key in ("payload_bps", "http_bps", "wire_bps"):
        bits = sum(row["achieved"][key] * row["interval_s"] for row in rows)
        t.ok(near(bits, report["achieved"][key] * report["duration_s"], 1e-6),
             f"{name}: and their {key} to its own", (bits, report["achieved"], rows))
    t.equal([(row["completed"], row["failed"], row["errors"], row["connections"]) for row in table],
            [(row["requests"]["completed"], row["requests"]["failed"], row["errors"],
              row["connections"]) for row in rows], f"{name}: CSV and JSON lines have the same counts")
    t.ok(all(near(one["time_s"], other["time_s"], 1e-2)
             and near(one["payload_bps"], other["achieved"]["payload_bps"], 1e-2)
             for one, other in zip(table, rows)), f"{name}: and rates", (table, rows))
    t.equal((hdr.n, hdr.rows[-1][2] if n else 0), (n, n), f"{name}: percentiles are of all requests")
    corrected = report["latency_us"]["corrected"]
    if n:
        t.ok(near(hdr.at(0.5) * 1000, corrected["p50"], 1e-3)
             and near(hdr.max * 1000, corrected["max"], 1e-3)
             and near(hdr.mean * 1000, corrected["mean"], 1e-3),
             f"{name}: and those of the report", (corrected, hdr.rows))
        for key, share in (("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999)):
            low, high = (value * 1000 for value in hdr.around(share))
            t.ok(low * (1 - 1e-3) <= corrected[key] <= high * (1 + 1e-3),
                 f"{name}: whose {key} is between the steps around it", (corrected, hdr.rows))
    else:
        t.equal(set(corrected.values()), {None}, f"{name}: without requests there is no latency")


def check_text(t, run, report, name):
    """What people read against what programs do."""
    requests = report["requests"]
    t.equal(run.requests(), tuple(requests[k] for k in ("completed", "failed", "unfinished")),
            f"{name}: the summary has the same requests")
    for key, title in (("payload", "payload"), ("http", "HTTP"), ("wire", "wire"),
                       ("frames", "frames")):
        t.equal(run.pair(title), (report["bytes"][key]["sent"], report["bytes"][key]["received"]),
                f"{name}: and {title}")
    t.equal(run.phases(), {phase: e["count"] for phase, e in report["errors"].items()},
            f"{name}: and errors by phase")
    others = sum(report["status"].values()) - report["status"]["2xx"]
    count = str(sum(run.phases().values())) + (f", and {others} answers other than 2xx" if others else "")
    t.match(run.text, rf"(?m)^Errors  {count}$", f"{name}: and what the line each second has as errors")


# ---- runs that end ----

@scenario("a run over nginx, in all formats", 60)
def test_all(t, lab):
    nginx = Nginx(lab)
    written = Written()
    run = loadgen(lab, "--rate", "400", "--duration", "2500ms", "--threads", "2", *written.options)
    logged = len(nginx.stop())
    t.equal((run.result.status, unexpected(run.result.err)), (0, ""), "it ends well, and nothing is noticed")
    report, rows, table, hdr = written.read()
    check_agree(t, report, rows, table, hdr, "all formats")
    check_text(t, run, report, "text")
    n = report["requests"]["completed"]
    t.ok(n <= logged <= n + report["requests"]["unfinished"], "nginx agrees", (report, logged))
    t.equal((report["ended"], report["status"]["2xx"], report["address"]),
            ("limit", n, f"127.0.0.1 port {PORT}"), "how it went")
    t.equal((report["target"]["requests_per_s"], report["requests"]["asked_for"]), (400.0, None),
            "what was asked for")
    achieved, seconds = report["achieved"], report["duration_s"]
    t.ok(near(achieved["requests_per_s"], n / seconds)
         and (report["requests"]["unfinished"] or near(achieved["payload_bps"], n * 8000 / seconds))
         and near(achieved["http_bps"], report["bytes"]["http"]["sent"] * 8 / seconds),
         "rates are counts by the time", report)
    outside = report["bytes"]["wire_outside_of_run"]["sent"]
    t.ok(near(achieved["wire_bps"], (report["bytes"]["wire"]["sent"] - outside) * 8 / seconds),
         "that of the wire is the run's", report)
    t.equal(report["config"]["traffic"], {
        "method": "POST", "header": [], "bandwidth": "0", "rate": "400", "ramp": "0s",
        "connections": "10", "threads": "2", "request_size": "1KB", "latency": "0s"},
        "the configuration is in it")
    times = [row["time_s"] for row in rows]
    t.ok(times == sorted(set(times)) and near(times[-1], seconds, 1e-9),
         "seconds go on to the end", times)


@scenario("as fast as it goes, with headers and without payload", 60)
def test_closed_loop(t, lab):
    server = Server(answer_ok)
    written = Written()
    run = loadgen(lab, "--bandwidth", "0", "--method", "GET", "--requests", "211", "--header",
                  "X-A: \xe4", *written.options)
    told = server.stop()
    report, rows, table, hdr = written.read()
    check_agree(t, report, rows, table, hdr, "closed loop")
    t.equal((run.result.status, told["requests"]), (0, 211), "all are there")
    t.equal(report["requests"]["asked_for"], 211, "as many as were asked for")
    t.equal(report["target"], {"requests_per_s": None, "payload_bps": None}, "there is no target")
    t.equal(set(report["lateness_us"].values()), {None}, "and no lateness")
    t.equal(report["config"]["traffic"]["header"], ["X-A: \xe4"], "headers are a list")
    t.ok(all(row["target_bps"] is None for row in table), "an empty column says so in CSV", table)


@scenario("errors by phase, with the first one's text", 60)
def test_errors(t, lab):
    def behave(client, number):
        if number % 5 == 0:
            return reset(client)
        if number % 5 == 1:
            client.sendall(b"SSH-2.0-x\r\n")
            return False
        client.sendall(OK if number % 5 == 2 else OK.replace(b"200 OK", b"404 No"))
        return True

    server = Server(behave)
    written = Written()
    run = loadgen(lab, "--rate", "200", "--requests", "100", "--connections", "4", *written.options)
    told = server.stop()
    report, rows, table, hdr = written.read()
    t.equal((run.result.status, told["requests"]), (0, 100), "it goes on to the end")
    check_agree(t, report, rows, table, hdr, "errors")
    check_text(t, run, report, "errors")
    t.equal((report["requests"]["completed"], report["requests"]["failed"]), (60, 40), "40 fail")
    t.equal(report["errors"]["receive"]["first"], "Connection reset by peer", "resets")
    t.equal(report["errors"]["parse"]["count"], 20, "what is no HTTP")
    t.equal((report["status"]["2xx"], report["status"]["4xx"]), (20, 40), "refusals are answers")
    t.equal(sum(row["requests"]["not_2xx"] for row in rows), 40, "told apart in each second")
    t.match("\n".join(report["notes"]), r"66\.7 % of the answers were errors \(4xx\)", "and in words")


@scenario("TLS", 60)
def test_tls(t, lab):
    certificates(lab)
    nginx = Nginx(lab, tls=True)
    written = Written()
    run = loadgen(lab, "--rate", "200", "--requests", "101", "--ca-file", f"{CERTS}/ca.pem",
                  *written.options, scheme="https", port=TLS_PORT)
    nginx.stop()
    report, rows, table, hdr = written.read()
    check_agree(t, report, rows, table, hdr, "TLS")
    t.equal((run.result.status, report["config"]["tls"]["ca_file"]), (0, f"{CERTS}/ca.pem"), "too")


@scenario("nothing but failures", 60)
def test_nothing(t, lab):
    server = Server(lambda client, number: reset(client))
    written = Written()
    run = loadgen(lab, "--bandwidth", "0", "--requests", "20", *written.options)
    server.stop()
    report, rows, table, hdr = written.read()
    check_agree(t, report, rows, table, hdr, "failures")
    t.equal((run.result.status, report["requests"]["failed"]), (1, 20), "exit status 1")
    t.equal(report["achieved"]["requests_per_s"], 0, "a rate of nothing is 0")


# ---- where they go ----

def of_each_format(title):
    """A scenario for each; they take a second or more each."""
    def register(function):
        for kind in FORMATS:
            scenario(f"{title}: {kind}", 60, kind=kind)(function)
        return function

    return register


@of_each_format("on standard output")
def test_stdout(t, lab, kind):
    server = Server(answer_ok)
    readers = {"json": json_report, "ndjson": lambda text: ndjson(text)[1], "csv": csv_rows,
               "hdr": Percentiles}
    for option in (f"--{kind}", f"--{kind}=-"):
        # too few connections: there is something to notice
        run = loadgen(lab, "--rate", "100", "--latency", "1s", "--connections", "9", "--requests", "9", option)
        t.equal(run.result.status, 0, f"{option}: status 0")
        t.ok(readers[kind](run.result.out), f"{option}: it is alone there", run.result.out)
        t.match(run.result.err, r"\A\S+ warning: 9 connections cannot send [^\n]*\n\Z",
                f"{option}: notices are on standard error")
    server.stop()


@scenario("a line of JSON each second, while the run lasts", 60, option="--ndjson")
@scenario("a row of CSV each second, while the run lasts", 60, option="--csv")
def test_live(t, lab, option):
    server = Server(answer_ok)
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "50", option,
                        stdout=-1, stderr=-1, text=True)
    lines = [process.stdout.readline() for _ in range(3)]
    t.ok(all(line.endswith("\n") for line in lines) and process.poll() is None, "come in time", lines)
    process.send_signal(signal.SIGINT)
    rest, err = process.communicate(timeout=20 * tap.SLOWNESS)
    server.stop()
    t.equal((process.returncode, unexpected(err)), (130, ""), "SIGINT ends it")
    text = "".join(lines) + rest
    rows = ndjson(text)[0] if option == "--ndjson" else csv_rows(text)
    t.ok(len(rows) >= 2, "none is cut", text)


@of_each_format("an output that is full ends the run, and the others are whole")
def test_full(t, lab, kind):
    server, others = Server(answer_ok), Written(kind)
    options = [o for o in others.options if not o.startswith(f"--{kind}=")]
    run = loadgen(lab, "--rate", "50", "--requests", "60", f"--{kind}=/dev/full", *options)
    server.stop()
    t.equal(run.result.status, 1, "status 1")
    t.match(run.result.err, r"cannot write (to )?/dev/full: No space left on device\n$", "it is told by its name")
    t.match(run.text, r"(?m)^Requests$", "there is a summary")
    if kind != "json":
        json_report(others.text("json"))
    if kind != "hdr":
        Percentiles(others.text("hdr"))
    if kind in ("ndjson", "csv"):
        t.equal(json_report(others.text("json"))["ended"], "output failed", "the run has ended by that")


# ---- interrupted, whatever it is at ----

def interrupted(t, lab, ready, name, number=signal.SIGINT, argv=(), port=PORT, host="127.0.0.1",
                scheme="http", ns=None):
    """Interrupt a run once @ready() says so, and check all that it leaves. Return: report."""
    written = Written()
    process = lab.spawn(LOADGEN, "--url", f"{scheme}://{host}:{port}/", *argv, *written.options,
                        stdout=-1, stderr=-1, text=True, ns=ns)

    def at_it():
        if process.poll() is not None:
            raise Failure(f"{name}: it has ended: {process.communicate()}")
        return ready()

    laboratory.wait_for(at_it, name, 20)
    process.send_signal(number)
    out, err = process.communicate(timeout=30 * tap.SLOWNESS)
    status = 128 + number
    run = Summary(laboratory.Result(process.returncode, out, err))
    t.equal((process.returncode, unexpected(err)), (status, ""), f"{name}: exit status {status}, and no word else")
    report, rows, table, hdr = written.read()
    check_agree(t, report, rows, table, hdr, name)
    check_text(t, run, report, name)
    t.equal(report["ended"], signal.Signals(number).name, f"{name}: the report says why it has ended")
    t.match(out, ", interrupted\n", f"{name}: and so does the summary")
    written.remove()
    return report


@scenario("interrupted while the name is looked up", 60)
def test_interrupted_name(t, lab):
    """A name server that never answers."""
    path = f"{laboratory.RUN}/resolv.conf"
    with open(path, "w", encoding="ascii") as file:
        file.write("nameserver 127.0.0.1\noptions timeout:30 attempts:5\n")
    real = os.path.realpath("/etc/resolv.conf")
    if not os.path.exists(real):
        t.skip("interrupted while the name is looked up", "there is no /etc/resolv.conf")
        return
    lab.run("mount", "--bind", path, real)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 53))
        server.setblocking(False)

        def asked():
            try:
                return server.recv(512)
            except BlockingIOError:
                return None

        report = interrupted(t, lab, asked, "looking up", host="slow.example")
    t.equal((report["address"], report["duration_s"]), (None, 0), "there was no address yet")


@scenario("interrupted while the first connection is made", 60)
def test_interrupted_connect(t, lab):
    """What is sent to the address goes nowhere."""
    link = lab.veth("v0")
    lab.run("ip", "address", "add", "10.1.1.2/24", "dev", "p0", ns=link.peer_ns)
    lab.run("ip", "neighbour", "add", "10.1.1.9", "lladdr", "02:00:00:00:00:09", "dev", "p0",
            ns=link.peer_ns)
    report = interrupted(t, lab, lambda: any(end.state == SYN_SENT for end in tcp_sockets(link.peer_ns)), "connecting",
                         host="10.1.1.9", ns=link.peer_ns)
    t.equal((report["connections"]["made"], report["requests"]["completed"]), (0, 0), "nothing yet")


@scenario("interrupted in the first TLS handshake", 60, through=0)
@scenario("interrupted while connections are made", 60, through=1)
def test_interrupted_handshake(t, lab, through):
    """The first ones get their handshake, and all others wait for it."""
    certificates(lab)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{CERTS}/server.pem", f"{CERTS}/server.key")
    listener = socket.create_server(("127.0.0.1", TLS_PORT), backlog=100)
    held = []

    def serve():
        for number in range(1000):
            client, _ = listener.accept()
            try:
                if number < through:
                    client = context.wrap_socket(client, server_side=True)
            except OSError:
                pass
            held.append(client)

    threading.Thread(target=serve, daemon=True).start()
    report = interrupted(t, lab, lambda: len(held) > through, "handshake", argv=("--insecure",),
                         scheme="https", port=TLS_PORT)
    t.equal(report["requests"]["completed"], 0, "nothing was sent")


@scenario("interrupted before the first second is over", 60, number=signal.SIGINT)
@scenario("ended by SIGTERM", 60, number=signal.SIGTERM)
def test_interrupted_early(t, lab, number):
    arrived = Flag()
    server = Server(lambda client, n: (client.sendall(OK), arrived.set())[0])
    report = interrupted(t, lab, arrived.is_set, "running", number=number,
                         argv=("--rate", "300", "--threads", "2"))
    told = server.stop()
    n, unfinished = (report["requests"][k] for k in ("completed", "unfinished"))
    t.ok(n <= told["requests"] <= n + unfinished, "the server agrees", (report, told))


@scenario("interrupted while no request is answered", 60)
def test_interrupted_hung(t, lab):
    arrived = Flag()
    server = Server(lambda client, n: (arrived.set(), hang(client))[1])
    report = interrupted(t, lab, arrived.is_set, "hung", argv=("--rate", "100", "--connections", "3"))
    server.stop()
    t.ok(report["requests"]["completed"] == 0 and report["requests"]["unfinished"] >= 1,
         "what was under way is told", report)


@scenario("interrupted at moments that nobody has chosen", 120, begin=0)
@scenario("interrupted at others", 120, begin=1)
@scenario("interrupted at others still", 120, begin=2)
@scenario("interrupted at the rest of them", 120, begin=3)
def test_interrupted_anywhere(t, lab, begin):
    """
    Later and later, by the time that it had a CPU: from its start to somewhere in its second second. Before it has begun
    with anything, a signal ends it as any other program, and it leaves nothing that looks like a report.
    """
    server = Server(answer_ok)
    written, n_reports = Written(), 0
    for number in range(begin, 30, 4):
        process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "500",
                            "--threads", "2", "--connections", "40", *written.options, stdout=-1,
                            stderr=-1, text=True)
        laboratory.until_run(process, 0.002 * number)
        kind = signal.SIGINT if number // 4 % 2 else signal.SIGTERM
        process.send_signal(kind)
        out, err = process.communicate(timeout=30 * tap.SLOWNESS)
        name = f"moment {number}"
        if process.returncode < 0:
            paths = [path for path in written.paths.values() if os.path.exists(path)]
            t.ok(process.returncode in (-signal.SIGINT, -signal.SIGTERM)
                 and not any(os.path.getsize(path) for path in paths), f"{name}: before anything",
                 (process.returncode, out, err))
        else:
            n_reports += 1
            report, rows, table, hdr = written.read()
            t.equal((process.returncode, unexpected(err)), (128 + kind, ""),
                    f"{name}: exit status")
            check_agree(t, report, rows, table, hdr, name)
            check_text(t, Summary(laboratory.Result(process.returncode, out, err)), report, name)
        written.remove()
    server.stop()
    t.ok(n_reports >= 1, "there are those that leave a report", n_reports)


# ---- lines ----

@scenario("the text's columns are those of the design", 60)
def test_columns(t, lab):
    server = Server(answer_ok)
    run = loadgen(lab, "--rate", "50", "--duration", "1100ms")
    server.stop()
    t.match(run.text, r"(?m)^  time  conn   req/s  target    sent    wire     p50     p99 errors   late  CPU$",
            "are named")
    rows = [line.split() for line in run.text.splitlines() if re.match(r" +\d+\.\d ", line)]
    t.ok(rows and all(len(row) == 11 for row in rows), "and there in each line", run.text)


laboratory.main(jobs=3)
