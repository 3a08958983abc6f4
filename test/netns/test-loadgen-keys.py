#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What sampler-loadgen's keys do, as a real server sees it: methods, headers, the ramp, TLS, thresholds,
and when a run is given up.
"""
import re
import signal
import socket

import lab as laboratory
import tap
from lab import RUN, scenario
from reports import Written, csv_rows, json_report
from servers import (CERTS, LOADGEN, OK, PORT, TLS_PORT, Nginx, Server, Summary, always, answer_ok,
                     certificates, loadgen, reset, wait_row)

HTTPS = {"scheme": "https", "port": TLS_PORT}
OURS = ("--ca-file", f"{CERTS}/ca.pem")


# ---- requests ----

@scenario("methods", 60)
def test_methods(t, lab):
    nginx = Nginx(lab)
    want = []
    for method, payload in (("POST", 1000), ("PUT", 1000), ("PATCH", 1000), ("GET", 0), ("HEAD", 0),
                            ("DELETE", 0)):
        run = loadgen(lab, "--bandwidth", "0", "--requests", "17", "--method", method,
                      "--connections", "3")
        t.equal((run.result.status, run.requests(), run.phases()), (0, (17, 0, 0), {}),
                f"{method}: 17 requests")
        t.equal(run.pair("payload")[0], 17 * payload, f"{method}: {payload} bytes each")
        t.match(run.text, r"(?m)^Connections  3 made$", f"{method}: connections are kept")
        want += [method] * 17
    run = loadgen(lab, "--rate", "500", "--requests", "17", "--method", "POST", "--request-size", "0")
    t.equal(run.requests(), (17, 0, 0), "a POST of nothing")
    nginx.stop()
    t.equal([seen.method for seen in nginx.seen()], want + ["POST"] * 17, "nginx agrees")


@scenario("a HEAD is answered without a body, whatever its length says", 60)
def test_head(t, lab):
    server = Server(always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"))
    run = loadgen(lab, "--bandwidth", "0", "--requests", "40", "--method", "HEAD", "--connections", "2")
    server.stop()
    t.equal((run.result.status, run.requests(), run.phases()), (0, (40, 0, 0), {}), "40 answers")


@scenario("headers of a file and of the command line", 60)
def test_headers(t, lab):
    nginx = Nginx(lab)
    path = f"{RUN}/headers.ini"
    with open(path, "w", encoding="ascii") as file:
        file.write(f"[target]\nurl = http://127.0.0.1:{PORT}/\n[traffic]\nrate = 500\n"
                   'header = X-A: b; c="d"\nheader = host: server.example:81\n'
                   "header = User-Agent: me\n[limits]\nrequests = 7\n")
    for argv, want in (((), ("server.example", 'b; c=\\x22d\\x22', "me")),
                       (("--header", "X-A: e"), ("127.0.0.1", "e", None)),
                       (("--header", ""), ("127.0.0.1", "-", None))):
        before = len(nginx.requests())
        run = Summary(lab.try_run(LOADGEN, "-c", path, *argv))
        t.equal((run.result.status, run.requests()), (0, (7, 0, 0)), f"{argv}: seven requests")
        laboratory.wait_for(lambda before=before: len(nginx.seen()) >= before + 7, "nginx's log")
        seen = set(nginx.seen()[before:])
        agents = {s.agent for s in seen}
        t.equal({(s.host, s.x_a) for s in seen}, {want[:2]}, f"{argv}: arrive")
        t.ok(agents == {want[2]} if want[2] else all(a.startswith("sampler-loadgen/") for a in agents),
             f"{argv}: and so does who it is", agents)
    nginx.stop()


@scenario("one Host alone, the one that was asked for", 60)
def test_host(t, lab):
    heads = f"{RUN}/heads"

    def behave(client, _number):
        client.sendall(OK)

    server = HeadServer(behave, heads)
    run = loadgen(lab, "--rate", "100", "--requests", "5", "--header", "Host: a.example",
                  "--header", "Accept: text/plain")
    server.stop()
    t.equal(run.requests(), (5, 0, 0), "five requests")
    with open(heads, encoding="ascii") as file:
        text = file.read()
    t.equal(re.findall(r"(?mi)^host: *(.*)$", text), ["a.example"] * 5, "by that name")
    t.equal(re.findall(r"(?mi)^accept: *(.*)$", text), ["text/plain"] * 5, "also of another header")
    t.equal(len(re.findall(r"(?m)^POST / HTTP/1.1\nHost: ", text)), 5, "Host comes first")


class HeadServer(Server):
    """Writes the heads of requests to a file, before each is answered."""

    def __init__(self, behave, path):
        self._path = path
        super().__init__(behave)

    def _request(self, client, data):
        while b"\r\n\r\n" not in data:
            more = client.recv(65536)
            if not more:
                return None, None
            data += more
        with open(self._path, "a", encoding="ascii", newline="") as file:
            file.write(data.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n", "\n") + "\n\n")
        return super()._request(client, data)


# ---- the ramp ----

@scenario("a ramp sends half of what its time would have", 60, argv=())
@scenario("a ramp, by threads", 60, argv=("--threads", "3"))
def test_ramp(t, lab, argv):
    nginx = Nginx(lab)
    written = Written()
    run = loadgen(lab, "--rate", "400", "--ramp", "2s", "--duration", "3s", *argv, *written.options)
    logged = len(nginx.stop())
    report, _, table, _ = written.read()
    requests = report["requests"]
    t.equal(run.result.status, 0, "it ends well")
    t.equal(sum(requests[k] for k in ("completed", "unfinished", "unsent", "failed")), 800,
            "400 in the ramp and 400 after it are due")
    t.ok(requests["completed"] <= logged <= requests["completed"] + requests["unfinished"],
         "nginx agrees", (requests, logged))
    # What is due in a row follows from its times alone.
    for row in table:
        end, begin = row["time_s"], row["time_s"] - row["interval_s"]

        def due(at):
            return 100 * at * at if at < 2 else 400 * (at - 1)

        want = (due(end) - due(begin)) / row["interval_s"]
        t.ok(abs(row["target_requests_per_s"] - want) < 0.5, "a second's target is its share of it",
             (row, want))


# ---- TLS ----

@scenario("a client's certificate", 60)
def test_client_certificate(t, lab):
    certificates(lab)
    nginx = Nginx(lab, tls=True, more=f"ssl_client_certificate {CERTS}/ca.pem; ssl_verify_client on;")
    lab.run("bash", "-c", f"cat {CERTS}/client.pem {CERTS}/client.key > {CERTS}/both.pem")
    lab.run("openssl", "ec", "-in", f"{CERTS}/client.key", "-aes128", "-passout", "pass:x", "-out",
            f"{CERTS}/locked.key")
    lab.run("bash", "-c", f"cat {CERTS}/client.pem {CERTS}/locked.key > {CERTS}/locked.pem")
    go = ("--bandwidth", "0", "--requests", "9", "--connections", "2", *OURS)
    run = loadgen(lab, *go, **HTTPS)
    t.match(run.text, r"(?m)^Status  4xx 9$", "without it nginx refuses (400)")
    for argv in (("--cert-file", f"{CERTS}/client.pem", "--key-file", f"{CERTS}/client.key"),
                 ("--cert-file", f"{CERTS}/both.pem")):
        run = loadgen(lab, *go, *argv, **HTTPS)
        t.match(run.text, r"(?m)^Status  2xx 9$", f"{argv[0::2]}: with it nginx answers")
    nginx.stop()
    t.equal([seen.client for seen in nginx.seen()], ["-"] * 9 + ["CN=client"] * 18, "and knows whose")
    for argv, why in ((("--cert-file", "/nonexistent"), "cannot read cert_file /nonexistent: No such"),
                      (("--cert-file", f"{CERTS}/names"), "cannot load a certificate from cert_file"),
                      (("--cert-file", f"{CERTS}/client.pem"), "client.pem has no key: .*--key-file"),
                      (("--cert-file", f"{CERTS}/locked.pem"),
                       "cannot load a key from cert_file .*without a password"),
                      (("--cert-file", f"{CERTS}/client.pem", "--key-file", f"{CERTS}/names"),
                       "cannot load a key from key_file"),
                      (("--cert-file", f"{CERTS}/client.pem", "--key-file", f"{CERTS}/locked.key"),
                       "cannot load a key from key_file .*without a password"),
                      (("--cert-file", f"{CERTS}/client.pem", "--key-file", f"{CERTS}/server.key"),
                       "is not that of the certificate in")):
        run = loadgen(lab, *go, *argv, **HTTPS)
        t.equal((run.result.status, len(run.result.err.splitlines())), (1, 1), f"{argv[-1]}: one line")
        t.match(run.result.err, why, f"{argv[-1]}: says what is wrong")


@scenario("the server's name", 60)
def test_server_name(t, lab):
    certificates(lab, names="DNS:server.example")
    nginx = Nginx(lab, tls=True)
    go = ("--bandwidth", "0", "--requests", "5", *OURS)
    run = loadgen(lab, *go, **HTTPS)
    t.equal(run.result.status, 1, "the certificate is not for the address")
    run = loadgen(lab, *go, "--server-name", "server.example", **HTTPS)
    t.equal((run.result.status, run.requests()), (0, (5, 0, 0)), "but for the name")
    run = loadgen(lab, *go, "--server-name", "other.example", **HTTPS)
    t.equal(run.result.status, 1, "and for no other")
    t.match(run.result.err, "hostname mismatch", "which is told")
    run = loadgen(lab, *go, "--server-name", "other.example", "--insecure", **HTTPS)
    t.equal(run.requests(), (5, 0, 0), "unless it is not checked")
    nginx.stop()
    t.equal([(seen.server_name, seen.host) for seen in nginx.seen()],
            [("server.example", "127.0.0.1")] * 5 + [("other.example", "127.0.0.1")] * 5,
            "it is asked for (SNI), and Host stays the URL's")


@scenario("the least version of TLS", 60)
def test_min_version(t, lab):
    certificates(lab)
    go = ("--bandwidth", "0", "--requests", "5", *OURS)
    nginx = Nginx(lab, tls=True, more="ssl_protocols TLSv1.2;")
    run = loadgen(lab, *go, **HTTPS)
    t.equal((run.result.status, run.requests()), (0, (5, 0, 0)), "1.2 will do")
    run = loadgen(lab, *go, "--min-version", "1.3", **HTTPS)
    t.equal(run.result.status, 1, "unless 1.3 is asked for")
    t.match(run.result.err, "(?i)protocol version", "which is told")
    nginx.stop()
    t.equal({seen.protocol for seen in nginx.seen()}, {"TLSv1.2"}, "nginx agrees")


@scenario("1.3 where both have it", 60)
def test_version_13(t, lab):
    certificates(lab)
    nginx = Nginx(lab, tls=True, more="ssl_protocols TLSv1.2 TLSv1.3;")
    run = loadgen(lab, "--bandwidth", "0", "--requests", "5", "--min-version", "1.3", *OURS, **HTTPS)
    nginx.stop()
    t.equal(run.requests(), (5, 0, 0), "five requests")
    t.equal({seen.protocol for seen in nginx.seen()}, {"TLSv1.3"}, "by it")


@scenario("sessions that are resumed, or not", 60, protocols="TLSv1.2")
@scenario("sessions that are resumed, or not, of TLS 1.3", 60, protocols="TLSv1.3")
def test_session_reuse(t, lab, protocols):
    """nginx ends a connection after so many requests; a later one can resume the session before."""
    certificates(lab)
    nginx = Nginx(lab, tls=True, more=f"ssl_protocols {protocols}; keepalive_requests 10; "
                                      "ssl_session_cache shared:s:1m;")
    go = ("--bandwidth", "0", "--requests", "40", "--connections", "1", *OURS)
    first = loadgen(lab, *go, **HTTPS)
    t.equal(first.requests(), (40, 0, 0), "40 requests")
    laboratory.wait_for(lambda: len(nginx.seen()) == 40, "nginx's log")
    t.equal([seen.resumed for seen in nginx.seen()], ["."] * 10 + ["r"] * 30,
            "connections after the first one resume")
    second = loadgen(lab, *go, "--session-reuse", "no", **HTTPS)
    t.equal(second.requests(), (40, 0, 0), "40 requests")
    nginx.stop()
    t.equal([seen.resumed for seen in nginx.seen()][40:], ["."] * 40, "without reuse none does")


@scenario("what has no effect without TLS is told", 60)
def test_unused(t, lab):
    server = Server(answer_ok)
    run = loadgen(lab, "--requests", "3", "--cert-file", "/c", "--server-name", "a")
    server.stop()
    t.equal(run.requests(), (3, 0, 0), "it is no error")
    t.match(run.result.err, "warning: cert_file /c is not used: http has no", "of a certificate")
    t.match(run.result.err, "warning: server_name a is not used: http has no", "of a name")


# ---- thresholds ----

@scenario("thresholds that are kept, and that are missed", 120)
def test_thresholds(t, lab):
    server = Server(lambda client, number: client.sendall(
        OK if number % 4 else OK.replace(b"200 OK", b"503 Busy")))
    for argv, missed in (
            (("--max-p50", "1ns"), ["max_p50 = 1ns, but it was [0-9.]+ms"]),
            (("--max-p50", "1h", "--max-p99", "1h", "--max-p99-9", "1h"), []),
            (("--max-p99", "1ns", "--max-p99-9", "1us"),
             ["max_p99 = 1ns, but it was", "max_p99_9 = 1us, but it was"]),
            (("--max-errors", "25%"), []),
            (("--max-errors", "24.9%"), [r"max_errors = 24\.9%, but it was 25%"]),
            (("--max-errors", "0%", "--max-p50", "1h"), ["max_errors = 0%, but it was 25%"])):
        written = Written()
        # the server counts over all runs: 40 requests are ten times four
        run = loadgen(lab, "--bandwidth", "0", "--requests", "40", *argv, *written.options)
        name = " ".join(argv)
        t.equal(run.result.status, 3 if missed else 0, f"{name}: exit status")
        lines = run.result.err.splitlines()
        t.equal(len(lines), len(missed), f"{name}: each that is missed is named on standard error")
        for line, words in zip(lines, missed):
            t.match(line, f"error: threshold missed: {words}", f"{name}: so")
            t.match(run.text, f"\nThreshold missed: {words}.*\\.\n", f"{name}: and in the summary")
        report = json_report(written.text("json"))
        t.equal([th["name"] for th in report["thresholds"] if th["missed"]],
                [words.split(" ")[0] for words in missed], f"{name}: and in the report")
        t.equal(len(report["thresholds"]), len(argv) // 2, f"{name}: which has all of them")
    server.stop()


@scenario("what is achieved of what was due", 60)
def test_achieved(t, lab):
    """One connection that thinks for 100 ms cannot send more than ten of 100 a second."""
    server = Server(answer_ok)
    go = ("--rate", "100", "--connections", "1", "--latency", "100ms", "--duration", "1s")
    run = loadgen(lab, *go, "--min-achieved", "50%")
    t.equal(run.result.status, 3, "half is missed")
    t.match(run.result.err, r"error: threshold missed: min_achieved = 50%, but it was [\d.]+%\n", "by name")
    run = loadgen(lab, *go, "--min-achieved", "0.1%")
    t.equal(run.result.status, 0, "a thousandth is not")
    server.stop()


@scenario("a request that nobody reads is not sent: of a rate", 60, pace=("--rate", "10"))
@scenario("a request that nobody reads is not sent: of a bandwidth", 60, pace=("--bandwidth", "8Gbps"))
def test_unread(t, lab, pace):
    """The kernel takes the connections, and of each 100 MB what its queues hold."""
    with socket.create_server(("127.0.0.1", PORT), backlog=64):
        run = loadgen(lab, *pace, "--request-size", "100MB", "--connections", "5", "--duration", "1s",
                      "--min-achieved", "40%")
    t.match(run.result.err, r"error: threshold missed: min_achieved = 40%, but it was [\d.]+%\n",
            "it is not achieved")
    t.match(run.text, r"\nThe target of .* was not reached", "and not the target")


@scenario("interrupted, a run that misses a threshold says both", 60)
def test_interrupted_missed(t, lab):
    server = Server(answer_ok)
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "100",
                        "--max-p50", "1ns", stdout=-1, stderr=-1, text=True)
    wait_row(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20 * tap.SLOWNESS)
    server.stop()
    t.equal(process.returncode, 130, "the signal is the exit status")
    t.match(err, "threshold missed: max_p50", "and the threshold is named")
    t.match(out, ", interrupted", "in a whole report")


# ---- limits of this machine, and of the server ----

@scenario("more connections than local ports", 60)
def test_ports(t, lab):
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w", encoding="ascii") as file:
        file.write("40000 40059")
    server = Server(answer_ok)
    run = loadgen(lab, "--connections", "61", "--requests", "100")
    t.equal((run.result.status, len(run.result.err.splitlines())), (1, 1), "exit status 1, one line")
    t.match(run.result.err, r"61 connections need as many local ports, but there are 60 \(sysctl -w "
            r"net\.ipv4\.ip_local_port_range=", "which says what to do")
    run = loadgen(lab, "--connections", "50", "--requests", "100", "--bandwidth", "0")
    t.equal(run.requests(), (100, 0, 0), "fewer will do")
    t.equal(server.stop()["requests"], 100, "only those were sent")


@scenario("a run without a duration is given up when the server is gone for good", 60, argv=())
@scenario("a run without a duration is given up, by threads", 60, argv=("--threads", "3"))
def test_given_up(t, lab, argv):
    server = Server(answer_ok)
    written = Written()
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "200",
                        "--connections", "3", "--total-size", "100MB", "--give-up", "2s", *argv,
                        *written.options, stdout=-1, stderr=-1, text=True)
    wait_row(process)
    told = server.stop()
    out, err = process.communicate(timeout=40 * tap.SLOWNESS)
    t.equal(process.returncode, 1, "exit status 1")
    t.match(err, r"error: given up, with \d+ of 100000 requests completed: no connection could be made "
            r"any more: .*\n\Z", "it is told, with the reason")
    t.match(out, r"\nGiven up: for 2s \(give_up\) no connection could be made\.\n", "and in the summary")
    t.match(out, r"(?m)^  connect +\d+   first: Connection (refused|reset)", "with the errors")
    report, _, table, _ = written.read()
    t.equal(report["ended"], "given up", "and in the report")
    n, failed = report["requests"]["completed"], report["requests"]["failed"]
    t.ok(n <= told["requests"] <= n + failed, "of what the server has had", (report, told))
    t.ok(any(row["connections"] == 0 for row in table), "no connection stood", table)


@scenario("a server that comes back in time is not given up", 60)
def test_not_given_up(t, lab):
    server = Server(answer_ok)
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "200",
                        "--connections", "3", "--requests", "700", "--give-up", "1h", stdout=-1,
                        stderr=-1, text=True)
    wait_row(process)
    first = server.stop()
    # until a line says that none stands any more
    line = ""
    while not re.match(r" +\d+\.\d +0 ", line):
        line = process.stdout.readline()
        if not line:
            break
    server = Server(answer_ok)
    out, err = process.communicate(timeout=40 * tap.SLOWNESS)
    second = server.stop()
    run = Summary(laboratory.Result(process.returncode, out, err))
    completed, failed, unfinished = run.requests()
    t.equal((process.returncode, completed + failed, unfinished), (0, 700, 0), "all are tried")
    came = first["requests"] + second["requests"]
    t.ok(completed <= came <= completed + failed and second["requests"], "both have had of them",
         (first, second, out))


@scenario("a server that takes connections and drops them is not gone", 60)
def test_dropping(t, lab):
    """Each request fails at once, so that the run gets to its end."""
    server = Server(lambda client, number: reset(client))
    run = loadgen(lab, "--bandwidth", "0", "--requests", "16", "--connections", "2")
    told = server.stop()
    t.equal((run.result.status, run.requests()), (1, (0, 16, 0)), "all were tried, and failed")
    t.ok("iven up" not in run.text + run.result.err, "nothing was given up", run.result)
    t.ok(told["requests"] <= 16, "the server agrees", told)


@scenario("rows in which nothing was achieved say so", 60)
def test_empty_rows(t, lab):
    server = Server(lambda client, number: None)  # never answers
    path = f"{RUN}/rows.csv"
    run = loadgen(lab, "--rate", "100", "--connections", "2", "--duration", "1200ms", f"--csv={path}")
    server.stop()
    t.equal(run.result.status, 1, "nothing is completed")
    with open(path, encoding="ascii") as file:
        rows = csv_rows(file.read())
    t.ok(all(row["p50_us"] is None and row["requests_per_s"] == 0 for row in rows),
         "no latency, rather than one of 0", rows)


laboratory.main()
