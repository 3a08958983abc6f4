#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen and servers that are not there, go away, come back, or never finish a connection; names
with several addresses; limits of this machine.
"""
import re
import signal
import socket
import threading

import lab as laboratory
import tap
from lab import scenario
from servers import (CERTS, LOADGEN, OK, PORT, TLS_PORT, Flag, Nginx, Server, Summary, answer_ok,
                     certificates, forward, loadgen, reset, tcp_count, wait_row)


@scenario("more connections than files may be open")
def test_file_limit(t, lab):
    limited = ("prlimit", "--nofile=64:64", "--", "setpriv", "--bounding-set", "-sys_resource")
    run = Summary(lab.try_run(*limited, LOADGEN, "--url", f"http://127.0.0.1:{PORT}/",
                              "--connections", "100"))
    t.equal(run.result.status, 1, "exit status 1")
    t.match(run.result.err, r"100 connections need (\d+) open files.*\(ulimit -n \1 in the same shell.* "
            r"LimitNOFILE=\1 ", "told before anything starts")
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
                        "--connections", "3", "--duration", "60s", stdout=-1, stderr=-1, text=True)
    wait_row(process)
    refused = tcp_count("AttemptFails", lab.ns)
    first = server.stop()
    laboratory.wait_for(lambda: tcp_count("AttemptFails", lab.ns) > refused + 3, "refused connections")
    used_again = Flag()
    server = Server(lambda client, number: (answer_ok(client, number), used_again.set())[0])
    used_again.wait()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30 * tap.SLOWNESS)
    second = server.stop()
    run = Summary(laboratory.Result(process.returncode, out, err))
    completed, failed, unfinished = run.requests()
    came = first["requests"] + second["requests"]
    t.equal(run.result.status, 130, "it goes on until it is interrupted")
    t.ok(first["requests"] and second["requests"], "both were used", (first, second))
    t.ok(completed <= came <= completed + failed + unfinished, "and had the requests", (came, out))
    t.ok(run.phases().get("connect", 0) >= 1, "refused connections are counted", out)
    t.match(out, "connect .* first: Connection (refused|reset)", "with their reason")


@scenario("a server goes away for good")
def test_gone(t, lab):
    """Who does not want to give up waits for ever; each line has to show what is wrong."""
    server = Server(answer_ok)
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "200",
                        "--connections", "3", "--requests", "100000", "--give-up", "0", stdout=-1,
                        text=True)
    wait_row(process)
    server.stop()
    lines = []

    def n_rows(*words):
        """Rows of time, connections, req/s, target, sent, wire, p50, p99, errors, late, CPU."""
        rows = [line.split() for line in lines if re.match(r" +\d+\.\d ", line)]
        return sum(len(row) == 11 and [row[6], row[7], row[9]] == list(words[:3])
                   and int(row[8]) > 0 for row in rows)

    while n_rows("-", "-", "-") < 2 and len(lines) < 100:
        lines.append(process.stdout.readline())
    t.equal(n_rows("-", "-", "-"), 2, "lines have no times where nothing was answered, and the errors")
    process.send_signal(signal.SIGINT)
    out = process.communicate(timeout=10 * tap.SLOWNESS)[0]
    t.equal(process.returncode, 130, "it goes on until it is interrupted")
    t.match(out, r"connect +\d+   first: Connection (refused|reset)", "and says what was wrong")


def allow_ipv6(*names):
    for name in ("all", *names):
        with open(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6", "w", encoding="ascii") as file:
            file.write("0")


@scenario("a name with several addresses")
def test_addresses(t, lab):
    allow_ipv6("lo")
    hosts = f"{laboratory.RUN}/hosts"
    with open(hosts, "w", encoding="ascii") as file:
        file.write("::1 twice.test\n127.0.0.1 twice.test\n::1 dead.test\n127.0.0.9 dead.test\n")
    lab.run("mount", "--bind", hosts, "/etc/hosts")
    server = Server(answer_ok)
    run = loadgen(lab, "--requests", "7", "--bandwidth", "0", host="twice.test")
    t.equal((run.result.status, run.requests()), (0, (7, 0, 0)), "the second one is used")
    t.equal(server.stop()["requests"], 7, "the server agrees")
    t.match(run.result.err, rf"warning: 127\.0\.0\.1 port {PORT} is used, since .*::1 port {PORT}: "
            "Connection refused", "and that it is not the first one is told")
    run = loadgen(lab, "--requests", "7", host="dead.test")
    t.equal((run.result.status, run.result.out.count("Requests")), (1, 0), "none answers: status 1")
    t.match(run.result.err, r"cannot connect to dead.test:\d+ by http: ::1 port .*: .*; 127\.0\.0\.9 "
            r"port .*: Connection refused\n$", "each is told, with its reason")


@scenario("a server that closes each connection at once")
def test_storm(t, lab):
    listener = socket.create_server(("127.0.0.1", PORT), backlog=100)
    n_accepted, kept = 0, []

    def storm():
        nonlocal n_accepted
        while True:
            client, _ = listener.accept()
            kept.append(client)
            n_accepted += 1
            if n_accepted > 1:  # the first one is to find out where the server is
                reset(client)
                client.close()

    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--duration", "2s",
                        "--connections", "10", stdout=-1, stderr=-1, text=True)
    threading.Thread(target=storm, daemon=True).start()
    out, err = process.communicate(timeout=30 * tap.SLOWNESS)
    run = Summary(laboratory.Result(process.returncode, out, err))
    t.equal((run.result.status, run.requests()[0]), (1, 0), "nothing is completed")
    t.ok(10 <= n_accepted <= 10 * 20, "each connection tries less and less often", n_accepted)
    t.ok(run.number("CPU") < 50, "which is little work", out)


@scenario("connections that never come up do not hold up the others")
def test_backlog(t, lab):
    """The kernel takes a few for a server that accepts no more, and no SYN besides."""
    listener = socket.create_server(("127.0.0.1", PORT), backlog=10)
    clients = []

    def serve(client):
        while client.recv(65536):
            client.sendall(OK)

    def accept_some():
        for _ in range(6):
            client, _ = listener.accept()
            clients.append(client)
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    threading.Thread(target=accept_some, daemon=True).start()
    run = loadgen(lab, "--requests", "20", "--bandwidth", "0", "--request-size", "0", "--connections",
                  "700", "--connect-timeout", "400ms", "--timeout", "400ms", seconds=60)
    t.equal(run.result.status, 0, "the run takes place")
    t.ok(run.requests()[0] >= 5, "on those that are up", run.text)
    t.match(run.text, "timeout .* first: not connected after 400ms", "the others are told")
    t.ok(run.phases()["timeout"] <= 300, "the start has waited for one timeout, not for all",
         run.phases())


@scenario("TLS handshakes that are never answered", 60)
def test_handshake(t, lab):
    """Of all connections, the first one goes through to a real server, or not even that."""
    certificates(lab)
    nginx = Nginx(lab, tls=True)
    for through in (False, True):
        listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        held = []

        def serve(listener=listener, through=through, held=held):
            while True:
                client, _ = listener.accept()
                if through and not held:
                    threading.Thread(target=forward, args=(client,), daemon=True).start()
                held.append(client)

        threading.Thread(target=serve, daemon=True).start()
        run = loadgen(lab, "--duration", "4s", "--connections", "3", "--connect-timeout", "1s",
                      "--insecure", scheme="https", port=listener.getsockname()[1])
        t.equal(run.result.status, 1, "exit status 1")
        if through:
            t.match(run.text, "timeout .* first: no TLS handshake after 1s", "those of the run")
            t.match(run.result.err, "no request was completed: no TLS handshake", "are told")
        else:
            t.match(run.result.err, "127.0.0.1 port .*: Connection timed out", "at once")
    nginx.stop()


@scenario("a link-local address with its zone, also over TLS", 60)
def test_link_local(t, lab):
    link = lab.veth("v0")
    for name, ns in (("v0", link.ns), ("p0", link.peer_ns)):
        with ns:
            allow_ipv6(name)
    lab.run("ip", "addr", "add", "fe80::1/64", "dev", "v0", "nodad")
    lab.run("ip", "addr", "add", "fe80::2/64", "dev", "p0", "nodad", ns=link.peer_ns)
    certificates(lab, names="IP:fe80::1")
    nginx = Nginx(lab, address="[::]", tls=True)
    for argv, where in (((), {}), (("--ca-file", f"{CERTS}/ca.pem"),
                                   {"scheme": "https", "port": TLS_PORT})):
        run = loadgen(lab, "--requests", "7", "--bandwidth", "0", *argv, host="[fe80::1%25p0]",
                      ns=link.peer_ns, **where)
        t.equal((run.result.status, run.requests()), (0, (7, 0, 0)), "seven requests")
        t.match(run.text, r"\(fe80::1%p0 port ", "to that address")
    t.equal(nginx.stop(), [(200, 1000)] * 14, "nginx agrees")


laboratory.main()
