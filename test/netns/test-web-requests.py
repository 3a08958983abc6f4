#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What sampler-web answers to good and to bad requests, and whom it lets in. What its endpoints say is
not the matter here.
"""
import gzip
import os
import re
import signal
import socket
import time

import lab as laboratory
import tap
import web
from lab import RUN, scenario
from web import GET, INDEX, LAST, PAGE, read_to_end, start, statuses

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
                               "form-action 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "sampler",
}


def check_problem(t, answer, status, word, name):
    """A problem of RFC 9457 that says the word."""
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    t.ok(answer.status == status and answer.headers["Content-Type"] == "application/problem+json"
         and list(problem) == ["type", "title", "status", "detail"]
         and (problem["type"], problem["status"]) == ("about:blank", status)
         and problem["title"] == answer.reason and word in problem["detail"]
         and answer.body.endswith(b"}\n"), f"{name}: {status}, and why", answer)


@scenario("requests")
def test_requests(t, lab):
    server = start(lab)
    answer = server.get("/api/interfaces")
    t.equal((answer.status, answer.headers["Content-Type"]), (200, "application/json"), "GET: JSON")
    t.ok(answer.body.endswith(b"}\n") and isinstance(answer.json(), dict), "an object, a line",
         answer)
    head = server.request("HEAD", "/api/interfaces")
    t.equal((head.status, head.body, head.headers["Content-Length"]),
            (200, b"", str(len(answer.body))), "HEAD: the same without the body")
    t.equal(head.headers.keys(), answer.headers.keys(), "with the same headers")
    check_problem(t, server.get("/api/interfaces?x=1"), 400, '"x"', "an unknown parameter")
    every = "/, /api/metrics/realtime, /api/stats/summary, /api/interfaces, /api/history, /api/stream, /api/openapi.json, /metrics, /healthz"
    check_problem(t, server.get("/api/realtime"), 404, f"no such path; there are: {every}",
                  "an unknown path: those there are")
    for path in ("/api/interfaces/", "//api/interfaces", "/api//interfaces", "/API/interfaces",
                 "/./api/interfaces", "/x/../api/interfaces", "/%61pi/interfaces", "/api"):
        t.equal(server.get(path).status, 404, f"{path}: is another path")
    for query in ("%", "a=%zz", "a=%00", "a=%ff", "a=%C0%AF", "a&b&c&d&e&f&g&h&i"):
        check_problem(t, server.get("/api/interfaces?" + query), 400, "", f"?{query}")
    check_problem(t, server.get("/api/metrics/realtime?interface=a&interface=a"), 400, "twice",
                  "a parameter twice")
    check_problem(t, server.get("/api/interfaces?" + "a" * 5000), 414, "4096", "a long query")
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get"):
        answer = server.request(method, "/api/interfaces")
        check_problem(t, answer, 405, "GET and HEAD", method)
        t.equal(answer.headers["Allow"], "GET, HEAD", f"{method}: which there are")
    t.equal(server.request("POST", "/nowhere").status, 404, "POST of nothing: 404")
    answer = server.request("POST", "/api/interfaces", body=b"x" * 1024)
    t.equal(answer.status, 405, "a body of 1,024 bytes is read")
    check_problem(t, server.request("POST", "/api/interfaces", body=b"x" * 1025), 413, "too large",
                  "one byte more")


def hosts_case(host):
    line = b"" if host is None else b"Host: " + host.encode("latin-1") + b"\r\n"
    return b"GET /api/interfaces HTTP/1.1\r\n" + line + LAST


@scenario("Host")
def test_hosts(t, lab):
    server = start(lab, "--allow-host", "Box.example.org", "--allow-host", "other")
    good = ["localhost", "LOCALHOST:3000", "a.localhost", "127.0.0.1:3000", "192.0.2.7", "[::1]:80",
            socket.gethostname(), "box.example.org", "BOX.example.org.:80", "other"]
    bad = ["evil.com", "localhost.evil.com", "evil.com:3000", "localhost:x", "localhost:80@evil",
           "127.0.0.1.evil.com", "x.other", "", "::1", "[::1", "\xff", "local host"]
    for host in good:
        t.equal(statuses(server.raw(hosts_case(host))), [200], f"{host}: allowed")
    for host in bad:
        t.equal(statuses(server.raw(hosts_case(host))), [421], f"{host!r}: 421")
    t.equal(statuses(server.raw(hosts_case(None))), [400], "none, in HTTP/1.1: 400")
    t.equal(statuses(server.raw(b"GET /healthz HTTP/1.0\r\n\r\n")), [503], "none, in HTTP/1.0")
    t.equal(statuses(server.raw(b"GET / HTTP/1.1\r\nHost: evil.com\r\n" + LAST)), [421],
            "checked for files, too")
    t.equal(statuses(server.raw(b"GET /nowhere HTTP/1.1\r\nHost: evil.com\r\n" + LAST)), [421],
            "and before anything is told of what there is")
    for blanks in (b" ", b"\t", b" \t "):
        t.equal(statuses(server.raw(b"GET / HTTP/1.1\r\nHost:" + blanks + b"localhost:80" + blanks
                                    + b"\r\n" + LAST)), [200], f"{blanks!r} around it")
    t.equal(statuses(server.raw(b"GET http://localhost/ HTTP/1.1\r\n" + LAST)), [400],
            "none, in HTTP/1.1, but one in the target: 400")
    for target, status in (("http://localhost/api/interfaces", 200), ("http://evil.com/", 421),
                           ("HTTP://127.0.0.1:3000", 200), ("https://evil.com?x", 421),
                           ("http:///", 421), ("http://", 400)):
        for host in (b"127.0.0.1", b"localhost"):
            data = b"GET " + target.encode() + b" HTTP/1.1\r\nHost: " + host + b"\r\n" + LAST
            t.equal(statuses(server.raw(data)), [status], f"{target}: {status}, whatever the Host")
    data = b"GET http://localhost/api/interfaces HTTP/1.1\r\nHost: evil.com\r\n" + LAST
    t.equal(statuses(server.raw(data)), [200], "also where that is another one")
    for lines, why in ((b"Host: evil.com\r\nHost: localhost\r\n", "two Hosts"),
                       (b"Host: localhost\r\nhOST: localhost\r\n", "the same Host twice"),
                       (b"Host: localhost\r\n evil.com\r\n", "a Host in two lines"),
                       (b"Host: localhost\r\nX: a\r\n\tb\r\n", "a field in two lines"),
                       (b"Host: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n", "two lengths"),
                       (b"Host: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
                        "a length and chunks")):
        data = b"GET /healthz HTTP/1.1\r\n" + lines + b"\r\n0\r\n\r\n" + GET + LAST
        t.equal(statuses(server.raw(data)), [400], f"{why}: 400, and what is behind it is no request")
    first = b"GET /api/interfaces HTTP/1.1\r\nHost: localhost\r\n\r\n"
    t.equal(statuses(server.raw(first + b"\r\n" + first + GET + LAST)), [200, 200, 200],
            "of several requests in a row each has its own")
    server.stop()


@scenario("bad requests", 60)
def test_bad(t, lab):
    server = start(lab)
    cases = [
        ("bytes", b"\x00\x01\x02\r\n\r\n"), ("a word", b"hello\r\n\r\n"),
        ("TLS", bytes.fromhex("16030100a5010000a10303") + b"\0" * 100 + b"\r\n\r\n"),
        ("a relative target", b"GET api HTTP/1.1\r\nHost: localhost\r\n" + LAST),
        ("OPTIONS *", b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n" + LAST),
        ("CONNECT", b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n" + LAST),
        ("a version that is none", b"GET / HTTP/9\r\nHost: localhost\r\n" + LAST),
        ("a NUL in a header", b"GET / HTTP/1.1\r\nHost: local\0host\r\n" + LAST),
        ("a header without colon", GET + b"x\r\n" + LAST),
        ("a length that is none", GET + b"Content-Length: x\r\n" + LAST),
        ("a negative length", GET + b"Content-Length: -1\r\n" + LAST),
        ("an unknown encoding", GET + b"Transfer-Encoding: zip\r\n" + LAST),
        ("a broken chunk", GET + b"Transfer-Encoding: chunked\r\n" + LAST + b"zz\r\n"),
        ("200 headers", GET + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + LAST),
        ("a head of 40 KB", GET + b"".join(b"X-%d: %b\r\n" % (n, b"x" * 1000) for n in range(40))),
        ("an endless line", b"GET /" + b"a" * 1000000),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ]
    for name, data in cases:
        try:
            got = server.raw(data)
        except (BrokenPipeError, ConnectionResetError):
            got = b""
        t.ok(statuses(got) in ([400], []), f"{name}: 400, or closed", got)
    large = b"".join(b"X-%d: %b\r\n" % (n, b"x" * 1000) for n in range(30))
    t.equal(statuses(server.raw(GET + large + LAST)), [200], "a head of 30 KB is one of many cookies")
    got = server.raw(GET + b"Content-Length: 2000\r\n" + LAST)
    t.equal(statuses(got), [413], "a body that is announced too large: 413, before it comes")
    got = server.raw(GET + b"Transfer-Encoding: chunked\r\n" + LAST + b"800\r\n" + b"x" * 2048)
    t.equal(statuses(got), [413], "one that becomes too large: 413")
    got = server.raw(GET + b"Content-Length: 1\r\nExpect: more\r\n" + LAST)
    t.equal(statuses(got), [417], "an unknown expectation: 417")
    t.ok(b"application/problem+json" in got, "as a problem", got)
    got = server.raw(GET + b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
                     b"Connection: close, Upgrade, HTTP2-Settings\r\n\r\n")
    t.equal(statuses(got), [200], "an upgrade to HTTP/2 is not taken")
    t.equal(server.get("/api/interfaces").status, 200, "it still answers")
    t.equal(server.stop(), 0, "and ends well")


@scenario("headers of every answer")
def test_headers(t, lab):
    server = start(lab)
    for method, path in (("GET", "/"), ("HEAD", "/"), ("GET", "/app.js"), ("GET", "/nowhere"),
                         ("GET", "/api/interfaces"), ("HEAD", "/api/interfaces"),
                         ("GET", "/api/interfaces?x"), ("POST", "/"), ("GET", "/healthz")):
        answer = server.request(method, path)
        got = {name: answer.headers.get_all(name) for name in HEADERS}
        t.equal(got, {name: [value] for name, value in HEADERS.items()},
                f"{method} {path}: {answer.status} has them all, once")
        want = "no-cache" if answer.status == 200 else "no-store"
        t.equal(answer.headers.get_all("Cache-Control"), [want], f"{method} {path}: {want}")
    for name, headers, want in (("421", {"Host": "evil.com"}, 421),
                                ("413", {"Content-Length": "99999"}, 413)):
        answer = server.request("GET", "/", headers)
        t.equal((answer.status, {n: answer.headers[n] for n in HEADERS}), (want, HEADERS),
                f"{name} has them, too")
        check_problem(t, answer, want, "", name)


@scenario("answers that a client has already, and compressed ones", 60)
def test_economy(t, lab):
    lab.veth()
    recorder = lab.record("v0", interval="60s", log_interval=None)  # nothing changes meanwhile
    recorder.wait_record()
    server = start(lab)
    history = f"/api/history?from=0&to={int(time.time())}&step=1s&metrics=" + ",".join(["rx.services.https.packets_per_s"] * 32)
    for path in ("/api/metrics/realtime", "/api/stats/summary", "/api/interfaces", history, "/healthz"):
        first = server.get(path)
        etag = first.headers["ETag"]
        t.match(etag or "", r'^W/"[0-9a-f]{16}"$', f"{path[:30]}: an ETag")
        for name, value in (("the same", etag), ("one of several", f'"x", {etag}, W/"y"'), ("any", "*")):
            again = server.get(path, If_None_Match=value)
            t.equal((again.status, again.body, again.headers["ETag"], again.headers["Content-Type"]),
                    (304, b"", etag, None), f"{path[:30]}: {name}: 304")
        t.equal(server.get(path, If_None_Match='W/"0123456789abcdef"').status, 200, f"{path[:30]}: another: all of it")
        head = server.request("HEAD", path)
        t.equal((head.status, head.headers["ETag"], head.headers["Content-Length"]),
                (200, etag, str(len(first.body))), f"{path[:30]}: HEAD has it, too")
    data = ("GET /api/interfaces HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: *\r\n\r\n").encode()
    t.equal(statuses(server.raw(data + data + GET + LAST)), [304, 304, 200], "and the connection goes on")
    for path in (history, "/metrics", "/api/metrics/realtime?interface=v0", "/app.js"):
        plain = server.get(path)
        packed = server.get(path, Accept_Encoding="gzip")
        if len(plain.body) < 1024:
            t.equal((packed.headers["Content-Encoding"], len(packed.body)), (None, len(plain.body)),
                    f"{path[:30]}: what is small stays as it is")
            continue
        t.equal((packed.headers["Content-Encoding"], packed.headers["Vary"]), ("gzip", "accept-encoding"),
                f"{path[:30]}: compressed for who takes that")
        t.ok(len(packed.body) < len(plain.body) / 2, f"{path[:30]}: to less than half", (len(packed.body), len(plain.body)))
        if path != "/metrics":  # which tells the time
            t.equal(gzip.decompress(packed.body), plain.body, f"{path[:30]}: and it is the same")
        else:
            t.match(gzip.decompress(packed.body).decode(), r"(?m)^sampler_packets_total\{", f"{path}: and it is that")
    sock = server.connect()
    sock.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
    got = b""
    while b"data: " not in got:
        got += sock.recv(65536)
    t.ok(b"ontent-encoding" not in got and b"ontent-Encoding" not in got, "events are not, since that would hold them back")
    sock.close()


@scenario("files")
def test_files(t, lab):
    server = start(lab)
    page = server.get("/")
    t.equal((page.status, page.body, page.headers["Content-Type"]),
            (200, INDEX, "text/html; charset=utf-8"), "/ is the page")
    for path, kind in (("/app.js", "text/javascript; charset=utf-8"),
                       ("/a.css", "text/css; charset=utf-8")):
        answer = server.get(path)
        t.equal((answer.status, answer.headers["Content-Type"]), (200, kind), f"{path}: {kind}")
    head = server.request("HEAD", "/")
    t.equal((head.status, head.body, head.headers["Content-Length"]), (200, b"", str(len(INDEX))),
            "HEAD: without the body")
    answer = server.get("/", If_None_Match=page.headers["ETag"])
    t.equal((answer.status, answer.body), (304, b""), "with its ETag: 304, unchanged")
    t.equal(answer.headers["Content-Security-Policy"], HEADERS["Content-Security-Policy"],
            "with the headers of every answer")
    for ranges, status in (("bytes=0-3", 206), ("bytes=0-3,2-5", 200), ("bytes=0-" + ",0-" * 1000, 200), ("bytes=9999-", 416)):
        answer = server.get("/", Range=ranges)
        t.ok(answer.status == status and len(answer.body) <= max(len(INDEX), 200), f"{ranges[:13]}: {status}", answer)
    for path in ("/index.html/", "/.secret.js", "/README", "/x.js~", "/sub.js", "/sub.js/", "/..",
                 "/../state", "/%2e%2e/config", "/..%2f", "/app.js/..", "/etc/passwd", "/a.css%00"):
        check_problem(t, server.get(path), 404, "", f"{path}: none of ours")
    with open(f"{PAGE}/app.js", "wb") as file:
        file.write(b"// another one\n")
    t.equal(server.get("/app.js").body, b"// another one\n", "a new version is seen")
    os.unlink(f"{PAGE}/app.js")
    check_problem(t, server.get("/app.js"), 404, "", "one that is gone")
    check_problem(t, server.request("POST", "/"), 405, "GET and HEAD", "POST")
    server.stop()
    server = start(lab, assets=RUN + "/nowhere")
    t.match(server.log(), rf'warning: no page at "/", only the API: {RUN}/nowhere',
            "without a page: a warning in the log")
    answer = server.get("/")
    check_problem(t, answer, 503, "not installed", "and to clients")
    t.ok(RUN.encode() not in answer.body, "who learn no path of the host", answer)
    t.equal(server.get("/api/interfaces").status, 200, "the API works")


@scenario("connections")
def test_connections(t, lab):
    server = start(lab)
    connection = server.connection()
    for n in range(20):
        connection.request("GET", "/api/interfaces" if n % 2 else "/nowhere")
        answer = connection.getresponse()
        answer.read()
    first = connection.sock
    connection.request("GET", "/")
    connection.getresponse().read()
    t.ok(connection.sock is first and first, "many requests on one connection")
    connection.close()
    answer = server.raw((GET + b"\r\n") * 50 + GET + LAST)
    t.equal(statuses(answer), [200] * 51, "many at once (pipelined), answered in their order")
    mixed = b"".join((GET + b"\r\n", b"HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                      b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n",
                      b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nGET /",
                      GET, LAST))
    t.equal(statuses(server.raw(mixed)), [200, 200, 404, 405, 200], "of all kinds")
    with server.connect() as sock:
        for byte in GET + LAST:
            sock.sendall(bytes([byte]))
        t.equal(statuses(read_to_end(sock)), [200], "byte by byte")
    with server.connect() as sock:
        sock.sendall(GET + LAST)
        sock.shutdown(socket.SHUT_WR)
        t.ok(set(statuses(read_to_end(sock))) <= {200}, "half closed: an answer, or closed")
    for data in (b"", b"GET", GET, GET + b"Content-Length: 5\r\n\r\nabc"):
        with server.connect() as sock:
            sock.sendall(data)
    t.equal(server.get("/api/interfaces").status, 200, "clients that go away do no harm")


@scenario("requests that never end", 60)
def test_slow(t, lab):
    server = start(lab)
    socks = []
    for data in (b"", b"GET /", GET, GET + b"Content-Length: 9\r\n\r\nx", GET + b"\r\n"):
        sock = web.open_socket(server.address, patience=40)
        sock.sendall(data)
        socks.append(sock)
    t.equal(server.get("/api/interfaces").status, 200, "nobody else waits for them")
    answers = [statuses(read_to_end(sock)) for sock in socks]
    t.equal(answers, [[], [], [], [], [200]], "their connections are closed, sooner or later")
    for sock in socks:
        sock.close()


@scenario("a clock that is set back", 60)
def test_clock(t, lab):
    """By an hour, for which timers by the wall clock would stand still."""
    path = RUN + "/offset"

    def set_clock(seconds):
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(str(seconds))
        os.rename(path + ".new", path)

    set_clock(0)
    server = start(lab, env={"LD_PRELOAD": laboratory.WALLCLOCK, "WALLCLOCK_OFFSET": path})
    idle, begun = server.connect(), server.connect()
    idle.sendall(GET + b"\r\n")
    t.equal(statuses(idle.recv(65536)), [200], "answered")
    begun.sendall(GET)
    server.get("/")  # after which the server has seen the half of the other
    set_clock(-3600)
    t.equal([statuses(read_to_end(sock)) for sock in (idle, begun)], [[], []],
            "connections that wait are closed at once, not an hour later")
    t.equal(server.get("/").status, 200, "a new one is answered")
    last = server.connect()
    server.get("/")
    server.send_signal(signal.SIGTERM)
    t.equal((read_to_end(last), server.wait()), (b"", 0), "it ends as always")


@scenario("clients that do not read", 120)
def test_unread(t, lab):
    lab.veth()
    recorder = lab.record("v0")
    recorder.wait_record()
    server = start(lab)

    def fine_steps():
        """A machine that was held up for a tick has longer steps for a while."""
        answer = server.get("/api/history?from=-2&step=125ms").json()
        return answer["step_ms"] == 125 and answer["data"][0]

    times = laboratory.wait_for(fine_steps, "steps of 125 ms")
    t.ok(all(time * 8 == int(time * 8) for time in times), "times have their milliseconds", times)
    metrics = ",".join(["rx.services.https.packets_per_s"] * 32)
    request = (f"GET /api/history?from=0&to=-3600&metrics={metrics} HTTP/1.1\r\nHost: localhost\r\n"
               "Connection: close\r\n\r\n").encode()
    size = len(server.raw(request))
    t.ok(size > 500000, "a large answer", size)
    n = 3 * (32 << 20) // size
    socks = []
    for _ in range(n):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(web.PATIENCE_S * tap.SLOWNESS)
        sock.connect(server.address)
        sock.sendall(request)
        socks.append(sock)
        t_status = statuses(sock.recv(64))
        if t_status != [200]:
            break
    t.ok(t_status == [503] and n / 4 < len(socks) < n / 2,
         "so many are kept for clients that do not read it, the next is told 503", len(socks))
    anonymous = int(server.status()["RssAnon"].split()[0])
    if tap.SLOWNESS == 1:  # a sanitizer's own memory is more
        t.ok(anonymous < 64 << 10, "their memory is bounded", anonymous)
    queued = re.findall(r"skmem:\(r(\d+),.*?,w(\d+),", lab.run("ss", "-Htnm", f"sport = :{web.PORT}"))
    kernel = sum(int(received) + int(sent) for received, sent in queued)
    t.ok(len(queued) >= len(socks) and kernel < len(socks) * (1 << 20), "the kernel's, too", (len(queued), kernel))
    t.equal(server.get("/api/metrics/realtime").status, 200, "small answers are not refused")
    for sock in socks:
        sock.close()
    laboratory.wait_for(lambda: statuses(server.raw(request)[:64]) == [200],
                        "large ones are answered again")


laboratory.main()
