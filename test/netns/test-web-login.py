#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web where a token is needed: who is let in and by what, the login of the page, how often one may guess, where
tokens come from, and on which sockets they are asked for.
"""
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import threading
import time
import urllib.parse

import lab as laboratory
import tap
import web
from certificates import FOLDER, Pair, new_token, replace, token_file
from lab import scenario, wait_for
from web import read_to_end, start, statuses

USAGE = 2
CLOSED = ("/api/metrics/realtime", "/api/stats/summary", "/api/interfaces", "/api/history", "/api/stream", "/metrics",
          "/nowhere", "/api")
OPEN = ("/healthz", "/app.js", "/a.css")


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def is_refused(answer, status=401):
    """A problem of that status, with a challenge where it is 401."""
    return (answer.status == status and answer.headers["Content-Type"] == "application/problem+json"
            and answer.json()["status"] == status and answer.headers["Cache-Control"] == "no-store"
            and (status != 401 or answer.headers["WWW-Authenticate"].startswith('Bearer realm="sampler"')))


def log_in(server, token, headers=None):
    body = urllib.parse.urlencode({"token": token})
    return server.request("POST", "/login", {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})},
                          body)


def cookie_of(answer):
    """The cookie as a browser sends it back, and its attributes."""
    pair, *attributes = answer.headers["Set-Cookie"].split("; ")
    return pair, set(attributes)


@scenario("who has a token, and who has none", 60)
def test_token(t, lab):
    token, second = new_token(), "A-B.C_D~E+F/G==" * 3
    server = start(lab, "--token-file", token_file("# two of them", token, "", f"  {second}\t"))
    t.match(server.log(), r"listening at 127\.0\.0\.1:3000, for who has a token\n", "the log says so")
    for path in CLOSED:
        for method in ("GET", "HEAD", "POST"):
            answer = server.request(method, path)
            t.ok(method == "HEAD" and answer.status == 401 or is_refused(answer), f"{method} {path}: 401, and how", answer)
    for path in OPEN:
        t.ok(server.get(path).status in (200, 503), f"{path}: is open")
    t.equal(list(server.get("/healthz").json()), ["status"], "healthz tells strangers whether all is well, and no more")
    t.equal(list(server.request("GET", "/healthz", bearer(token)).json()), ["status", "checks", "reason"],
            "and all of it to who has a token")
    for good in (token, second):
        for scheme in ("Bearer", "bearer", "BEARER"):
            answer = server.request("GET", "/api/interfaces", {"Authorization": f"{scheme} {good}"})
            t.equal(answer.status, 200, f"{scheme} {good[:6]}: let in")
    answer = server.request("GET", "/api/interfaces", {"Authorization": f"Bearer {token} \t "})
    t.equal(answer.status, 200, "blanks behind it are not of it")
    good = cookie_of(log_in(server, token))[0]
    for scheme in (f"Basic {token}", "Negotiate x", ""):
        answer = server.request("GET", "/api/interfaces", {"Authorization": scheme, "Cookie": good})
        t.equal(answer.status, 200, f"{scheme[:9]!r}, which is for a proxy, does not keep a cookie from letting in")
    answer = server.request("GET", "/api/interfaces", {**bearer(second[:-1]), "Cookie": good})
    t.ok(is_refused(answer), "a token that is wrong does", answer)
    for value in ("", "Bearer", "Bearer ", f"Basic {token}", token, f"Bearer{token}"):
        t.ok(is_refused(server.request("GET", "/api/interfaces", {"Authorization": value})), f"{value[:12]!r}: 401")
    for wrong in (token[:-1], token + "0", token.upper(), f" {token}", "# two of them", f'"{token}"', "x" * 600):
        answer = server.request("GET", "/api/interfaces", bearer(wrong))
        t.ok(is_refused(answer) and 'error="invalid_token"' in answer.headers["WWW-Authenticate"],
             f"{wrong[:12]!r}: a wrong token", answer)
    t.ok(is_refused(server.get(f"/api/interfaces?token={token}")), "a token in an address does not count")
    t.equal(server.get("/api/interfaces", Host="evil.com").status, 421, "the Host is judged first")
    t.ok(token not in server.log() and second not in server.log(), "no token is in the log", server.log())
    answer = server.raw(b"GET /api/interfaces HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                        + token.encode() + b"\r\n\r\nGET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    t.equal(statuses(answer), [200, 401], "each request of a connection needs its own")
    t.equal(server.stop(), 0, "it ends well")


def made_by_hand(token, seconds):
    """The cookie of a login that has so many seconds left."""
    expiry = f"{int(time.time()) + seconds:016x}"
    key = hashlib.sha256(token.encode()).digest()
    return f"sampler-web-3000={expiry}-{hmac.new(key, expiry.encode(), 'sha256').hexdigest()}"


@scenario("login, cookie, logout", 60)
def test_cookie(t, lab):
    token, other = new_token(), new_token()
    tokens = token_file(token)
    server = start(lab, "--token-file", tokens)
    answer = server.get("/")
    t.equal((answer.status, answer.headers["Location"], answer.body), (303, "login.html", b""), "/ leads to the login")
    t.equal(server.get("/?range=1h").headers["Location"], "login.html?range=1h", "with what it was asked with")
    answer = log_in(server, token)
    cookie, attributes = cookie_of(answer)
    t.equal((answer.status, answer.headers["Location"]), (303, "./"), "login: back to the page")
    t.equal(attributes, {"Path=/", "Max-Age=2592000", "HttpOnly", "SameSite=Strict"}, "with a cookie for its browser alone")
    t.match(cookie, r"^sampler-web-3000=[0-9a-f]{16}-[0-9a-f]{64}$", "whose value")
    t.ok(token not in cookie, "is not the token")
    for path in ("/", "/api/interfaces", "/metrics"):
        for sent in (cookie, f"a=b; {cookie}", f"{cookie}; a=b", f"a=sampler-web-3000; {cookie};"):
            t.equal(server.get(path, Cookie=sent).status, 200, f"{path}: {sent[:20]}")
    with server.connect() as sock:
        sock.sendall(f"GET /api/stream HTTP/1.1\r\nHost: localhost:3000\r\nCookie: {cookie}\r\n\r\n".encode())
        data = b""
        while b"retry: " not in data:
            data += sock.recv(4096)
        t.equal(statuses(data), [200], "a stream, which has nothing but the cookie")
    for host, status in (("localhost:3000", 200), ("[::1]:3000", 200), ("localhost:3001", 401), ("localhost", 401),
                         ("localhost:13000", 401), ("127.0.0.1", 401)):
        answer = server.get("/api/interfaces", Host=host, Cookie=cookie)
        t.equal(answer.status, status, f"{host} with the cookie of port 3000: {status}")
        other_name = cookie_of(log_in(server, token, {"Host": host}))[0].partition("=")[0]
        t.equal(other_name == "sampler-web-3000", status == 200, f"{host}: login by {other_name}")
    name, value = cookie.split("=")
    flipped = value[:-1] + ("0" if value[-1] != "0" else "1")
    late = "f" + value[1:]
    for wrong in (f"{name}={flipped}", f"{name}={late}", f"{name}={value[:-1]}", f"{name}={value}0", f"{name}=",
                  f"x{cookie}", f"{name}={value[:16]}x{value[17:]}", f"{name}={'0' * 16}{value[16:]}", f"__Host-{cookie}"):
        t.ok(is_refused(server.get("/api/interfaces", Cookie=wrong)), f"{wrong[:30]}: no login")
    for seconds, status in ((3600, 200), (0, 401), (-1, 401), (-3600, 401)):
        answer = server.get("/api/interfaces", Cookie=made_by_hand(token, seconds))
        t.equal(answer.status, status, f"a login that has {seconds} s left: {status}")
    t.ok(is_refused(server.get("/api/interfaces", Cookie=made_by_hand(other, 3600))), "one of another token: no login")
    for wrong in (other, "", "x", token + "0"):
        t.ok(is_refused(log_in(server, wrong), 401), f"login with {wrong[:6]!r}: 401")
    answer = server.request("POST", "/login", {}, "word=x")
    t.ok(is_refused(answer, 400) and "field token" in answer.body.decode(), "a form without it: 400", answer)
    for method in ("GET", "PUT"):
        answer = server.request(method, "/login")
        t.ok(is_refused(answer, 405) and answer.headers["Allow"] == "POST", f"{method} /login: 405", answer)
    for origin, status in (("http://localhost:3000", 303), ("http://evil.com", 403), ("https://localhost:3000", 303),
                           ("https://evil.com", 403), ("ftp://localhost:3000", 403),
                           ("http://localhost:3001", 403), ("null", 403), ("http://localhost:3000.evil.com", 403)):
        answer = log_in(server, token, {"Origin": origin, "Host": "localhost:3000"})
        t.equal((answer.status, "Set-Cookie" in answer.headers), (status, status == 303), f"login by a page of {origin}")
    answer = server.request("POST", "/logout", {"Cookie": cookie, "Origin": "http://evil.com"})
    t.ok(is_refused(answer, 403) and "Set-Cookie" not in answer.headers, "logout by a page of elsewhere: 403", answer)
    answer = server.request("POST", "/logout", {"Cookie": cookie})
    t.equal((answer.status, answer.headers["Location"], *cookie_of(answer)),
            (303, "login.html", "sampler-web-3000=", attributes - {"Max-Age=2592000"} | {"Max-Age=0"}), "logout takes it back")
    server.stop()
    server = start(lab, "--token-file", tokens)
    t.equal(server.get("/api/interfaces", Cookie=cookie).status, 200, "a login holds over a restart")
    replace(tokens, f"{other}\n{token}\n".encode())
    server.send_signal(signal.SIGHUP)
    server.wait_log("reloaded: tokens; any other change needs a restart")
    t.equal(server.get("/api/interfaces", Cookie=cookie).status, 200, "and while its token is in the file")
    replace(tokens, f"{other}\n".encode())
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: server.log().count("reloaded: tokens") == 2, "a reload")
    t.ok(is_refused(server.get("/api/interfaces", Cookie=cookie)), "a token that is gone logs out")
    t.ok(is_refused(server.request("GET", "/api/interfaces", bearer(token))), "and lets nobody in")
    t.equal(server.request("GET", "/api/interfaces", bearer(other)).status, 200, "the new one does")
    replace(tokens, b"short\n")
    server.send_signal(signal.SIGHUP)
    server.wait_log(rf"error: tokens stay as they were: token_file {tokens}: line 1: expected a token of 16 to 512")
    t.equal(server.request("GET", "/api/interfaces", bearer(other)).status, 200, "a mistake in the file keeps those there were")
    t.equal(server.stop(), 0, "it ends well")


@scenario("login over TLS", 60)
def test_secure(t, lab):
    pair, token = Pair(lab), new_token()
    server = start(lab, *pair.options(), "--token-file", token_file(token))
    t.match(server.log(), r"3000, with TLS, for who has a token\n", "the log says both")
    url, jar = "https://localhost:3000", f"{FOLDER}/jar"
    curl = ("curl", "-sS", "-m", "20", "--cacert", pair.cert)
    out = lab.run(*curl, "-D", "-", "-c", jar, "--data-urlencode", f"token={token}", f"{url}/login")
    t.match(out, r"set-cookie: __Host-sampler-web-3000=\S+; Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure\n",
            "a cookie that leaves by TLS only, and that no other host or path can set")
    t.equal(json.loads(lab.run(*curl, "-b", jar, f"{url}/api/interfaces"))["schema"], 1, "which lets in")
    out = lab.run(*curl, "-H", f"Authorization: Bearer {token}", "-w", "%{http_code}", "-o", "/dev/null", f"{url}/metrics")
    t.equal(out, "200", "as does the token")
    out = lab.run(*curl, "-b", jar, "-H", f"Origin: {url}", "-X", "POST", "-w", "%{http_code}", f"{url}/logout")
    t.equal(out, "303", "logout by a page of its own origin")
    out = lab.run(*curl, "-X", "POST", "-H", "Origin: http://localhost:3000", "-w", "%{http_code}", "-o", "/dev/null",
                  f"{url}/logout")
    t.equal(out, "403", "and not of the same without TLS")
    server.stop()


STREAM_END = b"\r\n0\r\n\r\n"


def goes_on(sock):
    """Whether a stream has not ended; it may have had a heartbeat."""
    sock.setblocking(False)
    try:
        data = sock.recv(4096)
        return data and not (b"\r\n" + data).endswith(STREAM_END)
    except BlockingIOError:
        return True


def rest(sock):
    """What else comes of a stream, without a heartbeat."""
    data = b"\r\n"
    while not data.endswith(STREAM_END):
        data += sock.recv(4096) or STREAM_END + b"and the connection" + STREAM_END
    return data.replace(b"3\r\n:\n\n\r\n", b"")


@scenario("streams last no longer than their tokens", 60)
def test_streams(t, lab):
    token, other = new_token(), new_token()
    tokens, path = token_file(token, other), lab.state_dir + "/web.sock"
    server = start(lab, "--token-file", tokens, "--listen", f"unix:{path}")

    def follow(**headers):
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        sock = server.connect()
        sock.sendall(f"GET /api/stream HTTP/1.1\r\nHost: localhost:3000\r\n{lines}\r\n".encode())
        data = b""
        while b"retry: 2000\n\n\r\n" not in data:
            data += sock.recv(4096)
        return sock

    def reload(*kept):
        replace(tokens, "".join(f"{token}\n" for token in kept).encode())
        n = server.log().count("reloaded: tokens")
        server.send_signal(signal.SIGHUP)
        wait_for(lambda: server.log().count("reloaded: tokens") > n, "a reload")

    cookie = cookie_of(log_in(server, token))[0]
    socks = [follow(**bearer(token)), follow(Cookie=cookie)]
    server.address = f"unix:{path}"
    machine = follow()
    reload(token, other)
    for sock in [*socks, machine]:
        t.ok(goes_on(sock), "a reload of the same tokens ends no stream")
        sock.settimeout(web.PATIENCE_S * tap.SLOWNESS)
    reload(other)
    for sock, name in zip(socks, ("a token", "a cookie")):
        t.equal(rest(sock), STREAM_END, f"the stream of {name} that lets in no more ends")
        sock.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost:3000\r\n"
                     + (f"Cookie: {cookie}\r\n".encode() if name == "a cookie" else b"") + b"\r\n")
        t.equal(statuses(sock.recv(4096)), [401], "its connection does not, and asks again in vain")
        sock.close()
    t.ok(goes_on(machine), "one by a UNIX socket, which needs none, goes on")
    machine.close()
    t.equal(server.stop(), 0, "it ends well")


# ---- guesses ----


class From:
    """Requests from one of the loopback's addresses."""

    def __init__(self, address):
        self.address = address

    def get(self, token=None, path="/api/interfaces"):
        """Return: (status, Retry-After)."""
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        with socket.socket(family) as sock:
            sock.settimeout(web.PATIENCE_S * tap.SLOWNESS)
            sock.bind((self.address, 0))
            sock.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", 3000))
            line = f"Authorization: Bearer {token}\r\n" if token else ""
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{line}Connection: close\r\n\r\n".encode())
            data = read_to_end(sock)
        wait = re.search(rb"(?i)retry-after: (\d+)\r\n", data)
        return statuses(data)[0], wait and int(wait[1])


@scenario("guesses", 60)
def test_guesses(t, lab):
    with open("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "w", encoding="ascii") as file:
        file.write("0")
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"):
        lab.run("ip", "address", "add", address + "/128", "dev", "lo")
    token = new_token()
    server = start(lab, "--listen", "[::1]:3000", "--token-file", token_file(token))
    guesser, other = From("127.0.0.1"), From("127.0.0.2")
    got = [guesser.get(f"wrong-token-{n:08}") for n in range(14)]
    t.equal([status for status, _ in got], [401] * 10 + [429] * 4, "ten wrong tokens from an address, then 429")
    t.ok(all(1 <= wait <= 7 for status, wait in got if status == 429), "with when to come again", got)
    t.equal(guesser.get(token)[0], 429, "then a right one is not looked at, either")
    t.equal(guesser.get()[0], 401, "who says nothing of a token is not limited")
    t.equal(guesser.get(path="/healthz")[0], 503, "nor kept from what is open")
    t.equal(other.get(token)[0], 200, "another address is let in")
    answer = log_in(server, token)
    t.ok(is_refused(answer, 429) and answer.headers["Retry-After"], "a login is refused as well", answer)
    t.equal(server.log().count("a wrong token from 127.0.0.1"), 1, "the log has a line, and not one a guess")
    for n in range(10):
        From("2001:db8::1").get(f"wrong-token-{n:08}")
    t.equal([From(a).get(token)[0] for a in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1")], [429, 429, 200],
            "of IPv6 a /64 is one address")
    for n in range(3000):
        if n % 250 == 0:
            t.equal(other.get(token)[0], 200, f"after guesses from {n} addresses others are let in")
        From(f"127.1.{n // 250}.{n % 250 + 1}").get("wrong-token-00000000")
    wait_for(lambda: other.get(token)[0] == 200 and From("2001:db8::1").get(token)[0] == 200, "forgiveness", 20)
    t.ok(True, "after the time that was told, it is let in again")
    t.equal(server.stop(), 0, "it ends well")


class Strangers(threading.Thread):
    """Hold connections by asking over and over, without a token."""

    def __init__(self, server, n):
        super().__init__(daemon=True)
        self.socks, self.rounds, self.ending = [server.connect() for _ in range(n)], 0, threading.Event()

    def run(self):
        while not self.ending.wait(0.05):  # they hold what they have, and need not hurry
            for sock in self.socks:
                try:
                    sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    sock.recv(65536)
                except OSError:
                    pass
            self.rounds += 1


@scenario("strangers do not hold what others need", 60)
def test_strangers(t, lab):
    token = new_token()
    server = start(lab, "--token-file", token_file(token), wrap=("prlimit", "--nofile=64:64"))
    strangers = Strangers(server, 21)  # connections that there can be
    strangers.start()
    wait_for(lambda: strangers.rounds > 3, "strangers ask")
    for n in range(3):
        t.equal(server.request("GET", "/api/interfaces", bearer(token)).status, 200, "who has a token is served meanwhile")
    strangers.ending.set()
    strangers.join()
    t.equal(server.stop(), 0, "it ends well")


# ---- sockets, files ----


@scenario("which sockets ask", 60)
def test_sockets(t, lab):
    token = new_token()
    path = lab.state_dir + "/web.sock"
    server = start(lab, "--token-file", token_file(token), "--listen", "0.0.0.0:3001", "--listen", f"unix:{path}")
    t.match(server.log(), r"warning: 0\.0\.0\.0:3001: tokens and answers cross the network in the clear: set tls_cert",
            "one that others can reach needs no more than a token, but TLS is missed")
    for address in (("127.0.0.1", 3000), ("127.0.0.1", 3001)):
        server.address = address
        t.equal((server.get("/api/interfaces").status, server.request("GET", "/api/interfaces", bearer(token)).status),
                (401, 200), f"{address[1]} asks")
    server.address = f"unix:{path}"
    t.equal(server.get("/api/interfaces").status, 200, "a UNIX socket does not: its file's mode says who may")
    t.equal(server.get("/").status, 200, "and has the page without a login")
    t.equal(server.request("POST", "/login").status, 404, "which there is not")
    server.stop()
    pair = Pair(lab)
    server = start(lab, "--token-file", token_file(token), *pair.options(), "--listen", "0.0.0.0:3001", ready=False)
    server.wait_log("3001, with TLS")
    t.ok("in the clear" not in server.log(), "with TLS there is no warning", server.log())
    server.stop()
    server = start(lab)
    t.equal((server.get("/").status, server.request("POST", "/login").status), (200, 404),
            "without tokens nobody is asked, and there is no login")
    server.stop()
    for listen in ("0.0.0.0:3000", "192.0.2.1:3000"):
        result = web.run(lab, "--listen", listen, *pair.options())
        t.ok(result.status == USAGE and "needs a token" in result.err, f"{listen} with TLS and no token: refused", result)
    lab.configure("[web]\ninsecure_no_token = yes\nlisten = 0.0.0.0:3000\n")
    server = start(lab, listen=False)
    t.match(server.log(), "warning: 0.0.0.0:3000: other machines can reach this, and nothing asks", "forced by the file")
    server.stop()


@scenario("token files", 60)
def test_files(t, lab):
    good = new_token()
    many = "".join(new_token() + "\n" for _ in range(9))
    for name, data, message in (
            ("empty", b"", "is empty"), ("comments", b"# x\n\n", "has no token"), ("short", b"0123456789abcde\n", "line 1: expected a token of 16"),
            ("blanks", f"{good}\n{good} {good}\n".encode(), "line 2: expected a token"),
            ("bytes", good.encode() + b"\xff\n", "line 1: expected a token"), ("nul", good.encode() + b"\0\n", "line 1: expected"),
            ("long", b"a" * 513, "line 1: expected a token"), ("many", many.encode(), "line 9: more than 8 tokens")):
        replace(token_file(name=name), data)
        result = web.run(lab, "--listen", "127.0.0.1:3000", "--token-file", f"{FOLDER}/{name}")
        t.ok(result.status == USAGE and f"token_file {FOLDER}/{name}: {message}" in result.err and good not in result.err
             and result.err.count("\n") == 1, f"{name}: one line, without the token", result)
    result = web.run(lab, "--listen", "127.0.0.1:3000", "--token-file", "/nope")
    t.ok(result.status == 1 and "token_file /nope: No such file" in result.err, "no such file", result)
    for option in ("--token-file", "--tls-cert", "--tls-key"):
        result = web.run(lab, "--listen", "127.0.0.1:3000", option, "")
        t.ok(result.status == USAGE and "need the path of a file" in result.err, f"{option} and nothing: refused", result)
    os.chmod(token_file(good), 0o604)
    server = start(lab, "--token-file", f"{FOLDER}/tokens")
    t.match(server.log(), r"warning: token_file \S+: every user of this machine can read it \(mode 0604\)", "one that all can read")
    server.stop()
    os.makedirs(f"{FOLDER}/credentials")
    replace(f"{FOLDER}/credentials/sampler-web.token", good.encode(), 0o400)
    server = start(lab, env={"CREDENTIALS_DIRECTORY": f"{FOLDER}/credentials"})
    t.equal((server.get("/api/interfaces").status, server.request("GET", "/api/interfaces", bearer(good)).status), (401, 200),
            "a credential of systemd")
    server.stop()
    os.chmod(f"{FOLDER}/credentials", 0o700)
    result = web.run(lab, "--listen", "127.0.0.1:3000", env={"CREDENTIALS_DIRECTORY": f"{FOLDER}/credentials"},
                     wrap=("setpriv", "--reuid=1", "--regid=1", "--clear-groups"))
    t.ok(result.status == 1 and "credential" in result.err and "Permission denied" in result.err,
         "credentials that may be there, and cannot be looked at: an error", result)


laboratory.main()
