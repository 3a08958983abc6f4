#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web over TLS: which protocols and ciphers, which sockets, where certificate and key come from, what is wrong
with them, and how they are read anew. The clients are curl, openssl and Python's ssl.
"""
import os
import re
import signal
import socket
import ssl

import lab as laboratory
import tap
import web
from certificates import FOLDER, Pair, give, replace
from lab import RUN, scenario, wait_for
from web import GET, LAST, PORT, read_to_end, start, statuses

URL = f"https://localhost:{PORT}"
USAGE = 2


def curl(lab, pair, *argv, url=URL + "/api/interfaces"):
    """Return: lab.Result; its output is status, protocol of HTTP, and the head."""
    return lab.try_run("curl", "-sS", "-m", "20", "--cacert", pair.cert, "-o", "/dev/null", "-D", "-",
                       "-w", "%{http_code} %{http_version}", *argv, url)


def s_client(lab, *argv):
    """What openssl tells of a handshake. Return: lab.Result."""
    return lab.try_run("openssl", "s_client", "-connect", f"127.0.0.1:{PORT}", *argv)


def connect(pair, alpn=None, timeout=web.PATIENCE_S):
    """A connection of TLS, verified against the pair."""
    context = ssl.create_default_context(cafile=pair.cert)
    if alpn:
        context.set_alpn_protocols(alpn)
    sock = socket.create_connection(("127.0.0.1", PORT), timeout * tap.SLOWNESS)
    return context.wrap_socket(sock, server_hostname="localhost")


def ask(sock):
    """One request on a connection that stays. Return: the answer's status."""
    sock.sendall(GET + b"\r\n")
    data = b""
    while not re.search(rb"\r\n\r\n\{.*\}\n$", data, re.S):
        chunk = sock.recv(65536)
        if not chunk:
            return None
        data += chunk
    return statuses(data)[0]


def serial(sock):
    return sock.getpeercert()["serialNumber"]


@scenario("protocols and ciphers", 60)
def test_protocols(t, lab):
    pair = Pair(lab)
    unix = lab.state_dir + "/web.sock"
    server = start(lab, *pair.options(), "--listen", f"unix:{unix}")
    t.match(server.log(), r"listening at 127\.0\.0\.1:3000, with TLS\n", "the log says where TLS is")
    t.match(server.log(), rf"listening at unix:{unix}\n", "and where it is not")
    result = curl(lab, pair)
    t.match(result.out, r"200 1\.1$", "curl, which would like HTTP/2: HTTP/1.1")
    t.ok("strict-transport" not in result.out.lower(), "no Strict-Transport-Security", result)
    plain = lab.run("curl", "-sS", "--unix-socket", unix, "http://localhost/api/interfaces")
    t.match(plain, '"schema"', "a UNIX socket beside it is plain")
    for version, alone in (("1.2", "-tls1_2"), ("1.3", "-tls1_3")):
        result = s_client(lab, alone, "-alpn", "h2,http/1.1")
        t.ok(f"New, TLSv{version}, Cipher is" in result.out and "ALPN protocol: http/1.1" in result.out,
             f"TLS {version}, and HTTP/1.1 by ALPN", result)
        t.ok("Server Temp Key: X25519" in result.out, f"TLS {version}: keys of the moment", result)
        result = s_client(lab, alone, "-alpn", "h2")
        t.ok(result.status and "Cipher is (NONE)" in result.out, f"TLS {version}: HTTP/2 alone is refused", result)
    for version in ("-tls1", "-tls1_1"):
        result = s_client(lab, version, "-cipher", "ALL:@SECLEVEL=0")
        t.ok(result.status and "Cipher is (NONE)" in result.out, f"{version} is refused", result)
    for cipher in ("AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES128-GCM-SHA256"):
        result = s_client(lab, "-tls1_2", "-cipher", f"{cipher}:@SECLEVEL=0")
        t.ok(result.status and "Cipher is (NONE)" in result.out, f"{cipher} is refused", result)
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        result = s_client(lab, "-tls1_2", "-cipher", cipher)
        t.ok(f"Cipher is {cipher}" in result.out, f"{cipher} is taken", result)
    check_sessions(t, lab)
    t.equal(server.stop(), 0, "it ends well")


def check_sessions(t, lab):
    """What would let a session go on later: tickets, ids, renegotiation."""
    saved = f"{FOLDER}/session"
    for version in ("-tls1_2", "-tls1_3"):
        lab.try_run("sh", "-c", f"printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' | openssl s_client {version} -ign_eof "
                    f"-connect 127.0.0.1:{PORT} -sess_out {saved}")
        again = s_client(lab, version, *(("-sess_in", saved) if os.path.exists(saved) else ()))
        t.ok("New, TLSv" in again.out and "Reused," not in again.out and "session ticket:" not in again.out,
             f"{version}: no session is resumed, no ticket given", again)
        if os.path.exists(saved):
            os.unlink(saved)
    ours, theirs = os.pipe()  # which is not closed, so that the client goes on until it is cut off
    os.write(theirs, b"R\n")
    result = lab.try_run("sh", "-c", f"openssl s_client -tls1_2 -connect 127.0.0.1:{PORT} </proc/{os.getpid()}/fd/{ours}")
    t.ok(result.status and "RENEGOTIATING" in result.err, "who wants to negotiate anew is cut off", result)


@scenario("clients that speak no TLS", 60)
def test_plain(t, lab):
    pair = Pair(lab)
    server = start(lab, *pair.options(), "-v")
    data = b""
    with server.connect() as sock:
        sock.sendall(GET + LAST)
        data = read_to_end(sock)
    t.ok(not statuses(data), "plain HTTP is not answered", data)
    server.wait_log(r"debug: a TLS handshake failed: .*\(http request\)")
    t.ok(True, "--verbose says what it was")
    for noise in (b"", b"\x16", b"\x16\x03\x01\xff\xff" + b"x" * 70000, os.urandom(5000), b"\0" * 5000,
                  b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"):
        with server.connect() as sock:
            try:
                sock.sendall(noise)
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            read_to_end(sock)
    with connect(pair) as sock:
        t.equal(ask(sock), 200, "noise harms nobody")
        sock.sendall((GET + b"\r\n") * 50 + GET + LAST)
        t.equal(statuses(read_to_end(sock)), [200] * 51, "many requests in one go, over TLS")
    with connect(pair) as sock:
        for byte in GET + LAST:
            sock.sendall(bytes([byte]))
        t.equal(statuses(read_to_end(sock)), [200], "byte by byte, each a record of its own")
    t.equal(server.stop(), 0, "it ends well")


@scenario("handshakes that never end", 90)
def test_hanging(t, lab):
    pair = Pair(lab)
    server = start(lab, *pair.options())
    hello = client_hello(pair)
    socks = []
    for data in (b"", hello[:1], hello[:len(hello) // 2], hello):
        sock = web.open_socket(server.address, patience=40)
        sock.sendall(data)
        socks.append(sock)
    with connect(pair) as sock:
        t.equal(ask(sock), 200, "nobody else waits for them")
    for sock in socks:
        read_to_end(sock)
        sock.close()
    t.ok(True, "their connections are closed, sooner or later")
    hanging = server.connect()
    with connect(pair) as sock:
        ask(sock)
    server.send_signal(signal.SIGTERM)
    t.equal((read_to_end(hanging), server.wait()), (b"", 0), "and do not keep it from its end")


def client_hello(pair):
    context = ssl.create_default_context(cafile=pair.cert)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


# ---- what is wrong with a certificate or key ----


def refused(lab, *argv, wrap=()):
    return web.run(lab, "--listen", f"127.0.0.1:{PORT}", *argv, wrap=wrap)


@scenario("certificates and keys that will not do", 60)
def test_mistakes(t, lab):
    pair, other = Pair(lab), Pair(lab, "other")
    weak = Pair(lab, "weak", key=("-newkey", "rsa:1024"))
    damaged = f"{FOLDER}/damaged.crt"
    with open(pair.cert, encoding="ascii") as file:
        text = file.read()
    files = {"empty": b"", "noise": os.urandom(100), "large": b"-" * 70000, "broken": text[:300].encode(),
             "chain": (text + text[:300]).encode()}
    for name, data in files.items():
        replace(f"{FOLDER}/{name}", data)
    with open(damaged, "w", encoding="ascii") as file:
        file.write(text.replace("MII", "AAA"))
    encrypted = f"{FOLDER}/encrypted.key"
    lab.run("openssl", "pkey", "-in", pair.key, "-aes128", "-passout", "pass:x", "-out", encrypted)
    give(encrypted, 0o600)
    os.mkfifo(f"{FOLDER}/fifo")
    nobody = ("setpriv", "--reuid=1", "--regid=1", "--clear-groups")
    cases = [
        ("a certificate that is not there", ("/nope.crt", pair.key), "tls_cert /nope.crt: No such file"),
        ("a key that is not there", (pair.cert, "/nope.key"), "tls_key /nope.key: No such file"),
        ("a certificate without its key", (pair.cert, None), f"tls_cert {pair.cert}: has no private key in PEM form, but a certificate"),
        ("a key without its certificate", (None, pair.key), f"tls_key {pair.key}: is of no use without its certificate"),
        ("both the wrong way round", (pair.key, pair.cert), f"tls_cert {pair.key}: has no certificate in PEM form, but a private key"),
        ("another one's key", (pair.cert, other.key), f"tls_key {other.key}: is not the key of the certificate in {pair.cert}"),
        ("an encrypted key", (pair.cert, encrypted), f"tls_key {encrypted}: is encrypted, and nobody"),
        ("a key that is too short", (weak.cert, weak.key), f"tls_cert {weak.cert}: OpenSSL does not take it: ee key too small"),
        ("a folder", (FOLDER, pair.key), f"tls_cert {FOLDER}: is no regular file"),
        ("a fifo", (pair.cert, f"{FOLDER}/fifo"), f"tls_key {FOLDER}/fifo: is no regular file"),
        ("an empty file", (f"{FOLDER}/empty", pair.key), f"tls_cert {FOLDER}/empty: is empty"),
        ("noise", (f"{FOLDER}/noise", pair.key), f"tls_cert {FOLDER}/noise: has no certificate"),
        ("a large file", (f"{FOLDER}/large", pair.key), f"tls_cert {FOLDER}/large: is larger than 64 KiB"),
        ("half a certificate", (f"{FOLDER}/broken", pair.key), f"tls_cert {FOLDER}/broken: has no certificate"),
        ("a damaged one", (damaged, pair.key), f"tls_cert {damaged}: has no certificate"),
        ("a damaged chain", (f"{FOLDER}/chain", pair.key), f"tls_cert {FOLDER}/chain: a certificate of its chain is damaged"),
        ("a relative path", ("web.crt", pair.key), "tls_cert = web.crt: expected an absolute path"),
    ]
    for name, (cert, key), message in cases:
        argv = (("--tls-cert", cert) if cert else ()) + (("--tls-key", key) if key else ())
        result = refused(lab, *argv)
        t.ok(result.status in (1, USAGE) and message in result.err and result.err.count("\n") == 1,
             f"{name}: one line, and what is wrong", result)
    result = refused(lab, *pair.options(), wrap=nobody)
    t.ok(result.status == 1 and re.search(rf"tls_key {pair.key}: Permission denied: it is of user 65534 and group \d+ "
                                          r"\(mode 0600\), and this process is user 1", result.err),
         "one that may not be read: whose it is", result)


@scenario("certificates that are taken with a warning", 60)
def test_warnings(t, lab):
    expired, soon = Pair(lab, "expired", days=-1), Pair(lab, "soon", days=5)
    server = start(lab, *expired.options())
    t.match(server.log(), rf"warning: tls_cert {expired.cert}: has expired, 1 days ago", "an expired one")
    t.equal(curl(lab, expired, "-k").out[-7:], "200 1.1", "which is for clients to judge")
    server.stop()
    server = start(lab, *soon.options())
    t.match(server.log(), rf"warning: tls_cert {soon.cert}: expires in [45] days", "one that expires soon")
    server.stop()
    os.chmod(soon.key, 0o644)
    server = start(lab, *soon.options())
    t.match(server.log(), rf"warning: tls_key {soon.key}: every user .* can read it \(mode 0644\)", "a key that all can read")
    server.stop()
    os.chmod(soon.key, 0o600)
    os.chown(soon.key, 0, 0)
    server = start(lab, *soon.options())
    t.match(server.log(), rf"warning: tls_key {soon.key}: was read by root, and user 65534, who we are now, cannot",
            "one that a reload will not be able to read")
    server.send_signal(signal.SIGHUP)
    server.wait_log(rf"error: certificate and key stay as they were: tls_key {soon.key}: Permission denied: it is of user 0")
    t.equal(curl(lab, soon).out[-7:], "200 1.1", "which then keeps what it has")
    server.stop()
    quiet = Pair(lab)
    server = start(lab, *quiet.options())
    t.ok("tls_" not in server.log().replace("tls_cert " + quiet.cert + ": expires in 89 days", "").replace("tls_cert " + quiet.cert + ": expires in 90 days", ""), "a good one: none", server.log())


@scenario("a certificate that expires while it runs", 60)
def test_expiry(t, lab):
    """By a wall clock that the process alone sees, stepped by days."""
    pair, clock, day = Pair(lab, days=30), f"{RUN}/clock", 86400

    def step(days):
        replace(clock, str(int((days + 0.5) * day)).encode(), 0o644)  # half, for a whole one may be over
        curl(lab, pair, "-k")

    def warnings():
        return re.findall(rf"(?m)^.*warning: tls_cert {pair.cert}: (.*)$", server.log())

    replace(clock, b"0", 0o644)
    server = start(lab, *pair.options(), env={"LD_PRELOAD": laboratory.WALLCLOCK, "WALLCLOCK_OFFSET": clock})
    with connect(pair) as sock:
        want = ssl.cert_time_to_seconds(sock.getpeercert()["notAfter"])
        sock.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n" + LAST)
        t.match(read_to_end(sock).decode(), rf"(?m)^sampler_web_certificate_expires_timestamp_seconds {want}$",
                "/metrics tells when")
    for days, want in ((10, []), (17, ["expires in 12 days"]), (17, ["expires in 12 days"]),
                       (18, ["expires in 12 days", "expires in 11 days"])):
        step(days)
        t.equal(warnings(), want, f"{days} days on: a warning from 14 days before, once a day")
    step(31)
    t.match(warnings()[-1], "has expired, 1 days ago: clients refuse it", "and when it has expired")
    server.stop()
    server = start(lab)
    t.ok("certificate" not in server.get("/metrics").body.decode(), "without TLS there is nothing to tell")


@scenario("a chain, and one file for all", 60)
def test_chain(t, lab):
    authority = Pair(lab, "authority")
    pair = Pair(lab, authority=authority)
    both = f"{FOLDER}/all.pem"
    with open(both, "w", encoding="ascii") as out:
        for path in (pair.cert, authority.cert, pair.key):
            with open(path, encoding="ascii") as file:
                out.write(file.read())
    give(both, 0o600)
    server = start(lab, "--tls-cert", both)
    result = s_client(lab, "-showcerts")
    t.equal(result.out.count("BEGIN CERTIFICATE"), 2, "certificate, chain and key in one file: clients get the chain")
    t.equal(curl(lab, authority).out[-7:], "200 1.1", "and can verify it")
    t.equal(server.stop(), 0, "it ends well")


# ---- reload ----


@scenario("reload", 60)
def test_reload(t, lab):
    pair, new, other = Pair(lab), Pair(lab, "new"), Pair(lab, "other")
    expired = Pair(lab, "expired", days=-1)
    server = start(lab, *pair.options())
    kept, stream = connect(pair), connect(pair)
    old = serial(kept)
    t.equal(ask(kept), 200, "before")
    stream.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    stream.recv(1)
    pair.install(new)
    server.send_signal(signal.SIGHUP)
    server.wait_log("reloaded: certificate and key; any other change needs a restart")
    with connect(new) as sock:
        t.ok(serial(sock) != old and ask(sock) == 200, "a new connection has the new certificate")
        current = serial(sock)
    t.equal((ask(kept), serial(kept)), (200, old), "one that was open goes on with the old one")
    stream.setblocking(False)
    try:
        data = stream.recv(65536)
        while data:
            data = stream.recv(65536)
        t.ok(False, "a stream goes on")
    except (BlockingIOError, ssl.SSLWantReadError):
        t.ok(True, "a stream goes on")
    waiting = socket.create_connection(("127.0.0.1", PORT), web.PATIENCE_S * tap.SLOWNESS)
    with connect(new) as sock:
        ask(sock)  # after which the other has been accepted
    for n in (2, 3):
        server.send_signal(signal.SIGHUP)
        wait_for(lambda n=n: server.log().count("reloaded: certificate") == n, "a reload")
    with ssl.create_default_context(cafile=new.cert).wrap_socket(waiting, server_hostname="localhost") as sock:
        t.equal(ask(sock), 200, "who connects before two reloads may shake hands after them")
    for name, change, message in (
            ("another one's key", lambda: replace(pair.key, open(other.key, "rb").read()),
             f"tls_key {pair.key}: is not the key of the certificate in {pair.cert}"),
            ("half a file", lambda: replace(pair.cert, open(other.cert, "rb").read()[:200]),
             f"tls_cert {pair.cert}: has no certificate"),
            ("no file", lambda: os.unlink(pair.cert), f"tls_cert {pair.cert}: No such file"),
            ("an expired pair", lambda: pair.install(expired), f"tls_cert {pair.cert}: the new one has expired, 1 days ago")):
        change()
        server.send_signal(signal.SIGHUP)
        server.wait_log(f"error: certificate and key stay as they were: {re.escape(message)}")
        with connect(new) as sock:
            t.equal((ask(sock), serial(sock)), (200, current), f"{name}: told in a line, and the old pair stays")
    pair.install(other)
    server.send_signal(signal.SIGHUP)
    wait_for(lambda: server.log().count("reloaded: certificate") == 4, "a reload")
    with connect(other) as sock:
        t.equal(ask(sock), 200, "mended, it is taken")
    t.equal(ask(kept), 200, "the first connection is still open after all of that")
    kept.close()
    stream.close()
    t.equal(server.stop(), 0, "it ends well")


@scenario("reloads under requests", 90)
def test_reloads(t, lab):
    pair, pairs = Pair(lab), [Pair(lab, "a"), Pair(lab, "b")]
    server = start(lab, *pair.options())
    context = ssl.create_default_context(cafile=pair.cert)
    for other in pairs:
        context.load_verify_locations(other.cert)

    def ask_once():
        plain = socket.create_connection(("127.0.0.1", PORT), 20 * tap.SLOWNESS)
        with context.wrap_socket(plain, server_hostname="localhost") as sock:
            return None if ask(sock) == 200 else "no answer"

    clients = web.Clients(3, ask_once)
    for n in range(20):
        pair.install(pairs[n % 2])
        server.send_signal(signal.SIGHUP)
        server.wait_log("(?s)" + "reloaded:.*" * (n + 1))
        clients.wait_more(5)
    n = clients.end()
    t.equal(clients.errors, [], f"20 reloads, {n} connections, none refused or cut")
    t.equal(server.stop(), 0, "it ends well")


@scenario("credentials", 60)
def test_credentials(t, lab):
    pair, other = Pair(lab), Pair(lab, "other")
    folder = f"{FOLDER}/credentials"
    os.mkdir(folder)
    env = {"CREDENTIALS_DIRECTORY": folder}
    server = start(lab, env=env)
    t.ok("with TLS" not in server.log(), "without any: no TLS", server.log())
    server.stop()
    for source, name in ((pair.cert, "sampler-web.crt"), (pair.key, "sampler-web.key")):
        with open(source, "rb") as file:
            replace(f"{folder}/{name}", file.read(), 0o400)
    server = start(lab, env=env)
    t.match(curl(lab, pair).out, "200 1.1$", "certificate and key by systemd's credentials")
    t.match(server.log(), "with TLS", "the log says so")
    server.stop()
    server = start(lab, *other.options(), env=env)
    t.match(curl(lab, other).out, "200 1.1$", "files that are named win")
    server.stop()
    os.unlink(f"{folder}/sampler-web.crt")
    result = web.run(lab, "--listen", f"127.0.0.1:{PORT}", env=env)
    t.ok(result.status == USAGE and f"credential {folder}/sampler-web.key: is of no use without" in result.err,
         "a key alone: an error", result)


laboratory.main()
