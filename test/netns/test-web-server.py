#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web as a process: command line, configuration, where it listens, what it may do, how many it
takes, how it starts and ends.
"""
import fcntl
import http.client
import json
import os
import re
import signal
import socket
import stat
import time

import lab as laboratory
import tap
import web
from lab import RUN, VERSION, Failure, scenario, wait_for, wakeups
from web import GET, LAST, read_to_end, start, statuses

USAGE, BUSY = 2, 4


@scenario("command line")
def test_usage(t, lab):
    helped = web.run(lab, "--help", defaults=False)
    t.equal((helped.status, helped.err), (0, ""), "--help: on standard output, status 0")
    t.equal([line for line in helped.out.splitlines() if len(line) > 80], [], "at most 80 columns")
    t.equal(web.run(lab, "-h", defaults=False).out, helped.out, "-h equals --help")
    version = web.run(lab, "--version", defaults=False)
    t.equal((version.status, version.err), (0, ""), "--version: on standard output, status 0")
    if VERSION:
        t.equal(version.out, f"sampler-web {VERSION}\n", "it is the project's version")
    found = sorted(set(re.findall(r"^ .*?(--[a-z-]+)( [A-Z]+)?", helped.out, re.M)))
    t.ok(len(found) >= 12, "--help has the options", found)
    unknown = []
    for name, value in found:
        argv = [name, "x"] if value else [name]
        if web.run(lab, *argv, "--help", defaults=False).status:
            unknown.append(name)
    t.equal(unknown, [], "all of which there are")
    cases = [
        ("an unknown option", ["--nope"], "--nope"),
        ("an unknown short option", ["-x"], "'x'"),
        ("an option cut short", ["--lis", "x"], "did you mean --listen?"),
        ("an option without its value", ["--listen"], "--listen"),
        ("an argument", ["eth0"], "no argument is taken"),
        ("a name that is none", ["--allow-host", "a/b"], "allow_hosts = a/b: expected names"),
        ("a folder of configuration that is not there", ["--config-dir", "/nowhere"], "/nowhere"),
        ("a relative folder", ["--pin-dir", "x"], "pin_dir = x: expected an absolute path"),
    ]
    for address in ("3000", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "example.org:80",
                    "::1:3000", "unix:x", ":80"):
        cases.append((f"--listen {address}", ["--listen", address],
                      f"listen = {address}: expected one or more of ADDRESS:PORT"))
    cases.append(("many addresses", ["--listen", "127.0.0.1:1"] * 300, "too many"))
    cases.append(("many options", ["--user", "nobody"] * 40, "too many"))
    cases.append(("one option too many", ["--user", "nobody"] * 32 + ["--listen", "127.0.0.1:1"],
                  "too many"))
    for name, argv, word in cases:
        result = web.run(lab, *argv, defaults=False)
        t.ok((result.status, result.out) == (USAGE, "") and result.err.count("\n") == 1
             and word in result.err, f"{name}: status 2, one line on standard error", result)


@scenario("configuration")
def test_configuration(t, lab):
    lab.configure("[web]\nlisten = 127.0.0.1:3001 localhost:3002\nallow_hosts = box.example.org\n")
    checked = lab.samplerd("--check-config")
    t.ok("\n[web]\nlisten = 127.0.0.1:3001 localhost:3002\nallow_hosts = box.example.org\n"
         in checked.out, "samplerd --check-config prints the section", checked)
    server = start(lab, listen=False, address=("127.0.0.1", 3001))
    t.equal(server.get("/api/interfaces").status, 200, "listens where the file says")
    t.equal(server.get("/api/interfaces", Host="box.example.org:80").status, 200,
            "allows the name in it")
    server.address = ("127.0.0.1", 3002)
    t.equal(server.get("/api/interfaces").status, 200, "at both addresses")
    server.send_signal(signal.SIGHUP)
    server.wait_log("restart to apply")
    t.equal(server.get("/api/interfaces").status, 200, "SIGHUP says so and changes nothing")
    t.equal(server.stop(), 0, "ends")
    server = start(lab)
    t.equal(server.get("/api/interfaces").status, 200, "--listen wins over the file")
    server.stop()
    bad = [("[web]\nlisten = 80\n", "sampler", r"sampler.conf:2: listen = 80: expected one or"),
           ("[web]\nlisten =\n", "sampler", r"sampler.conf:2: listen = : expected"),
           ("[web]\nallow_hosts = a b/c\n", "sampler", r"sampler.conf:2: allow_hosts = a b/c: exp"),
           ("[web]\nport = 1\n", "sampler", r'sampler.conf:2: unknown key "port" in \[web\]'),
           ("[web]\nlisten = 127.0.0.1:1\n", "v0", r"v0.conf:2: .*belongs into sampler.conf")]
    for text, name, message in bad:
        lab.configure("")
        lab.configure(text, name)
        result = lab.samplerd("--check-config", "v0")
        t.ok(result.status == USAGE and re.search(message, result.err), f"refused: {text!r}",
             result)


@scenario("addresses")
def test_addresses(t, lab):
    server = start(lab, listen=False)
    bound = [line.split()[3] for line in lab.run("ss", "-Hltn").splitlines()]
    t.equal(bound, ["127.0.0.1:3000"], "told nothing, it listens where no other machine can reach it")
    server.stop()
    server = start(lab)
    result = web.run(lab, "--listen", "127.0.0.1:3000")
    t.ok(result.status == BUSY and "127.0.0.1:3000: another process does" in result.err,
         "in use: status 4", result)
    result = web.run(lab, "--listen", "127.0.0.1:3005", "--listen", "127.0.0.1:3000")
    t.equal(result.status, BUSY, "also the second one")
    server.stop()
    for address in ("0.0.0.0:3000", "[::]:3000", "192.0.2.1:3000", "[::ffff:192.0.2.1]:3000"):
        result = web.run(lab, "--listen", address)
        t.ok(result.status == USAGE and "which needs a token: set token_file" in result.err,
             f"{address}: refused", result)
    server = start(lab, "--insecure-no-token", "--listen", "0.0.0.0:3001")
    t.match(server.log(), r"warning: 0\.0\.0\.0:3001: other machines can reach this",
            "forced: a warning")
    t.ok("127.0.0.1:3000: other machines" not in server.log(), "only for that one", server.log())
    server.stop()
    server = start(lab)
    t.equal(server.stop(), 0, "the address is free again at once")
    with open("/proc/sys/net/ipv6/conf/lo/disable_ipv6", "w", encoding="ascii") as file:
        file.write("0")
    server = start(lab, "--listen", "[::1]:3000")
    server.address = ("::1", 3000)
    t.equal(server.get("/api/interfaces").status, 200, "IPv6 beside IPv4")
    server.stop()


@scenario("UNIX sockets")
def test_unix(t, lab):
    path = lab.state_dir + "/web.sock"
    server = start(lab, address="unix:" + path)
    t.equal(server.get("/api/interfaces").status, 200, "answers")
    info = os.stat(path)
    t.equal((stat.filemode(info.st_mode), info.st_uid), ("srw-rw----", 65534),
            "the file has mode 0660 and is the user's")
    result = web.run(lab, "--listen", "unix:" + path)
    t.ok(result.status == BUSY and "another server answers there" in result.err,
         "a second server: status 4", result)
    t.equal(server.get("/healthz").status, 503, "which does the first one no harm")
    server.kill()
    server = start(lab, address="unix:" + path, wrap=("sh", "-c", 'umask 077; exec "$@"', "sh"))
    t.equal(stat.filemode(os.stat(path).st_mode), "srw-rw----", "whatever the umask is")
    t.equal(server.get("/api/interfaces").status, 200, "a file left by SIGKILL is replaced")
    t.equal((server.stop(), os.path.exists(path)), (0, False), "it is removed at the end")
    server = start(lab, address="unix:" + path)
    os.rename(path, path + ".old")
    with open(path, "w", encoding="ascii") as file:
        file.write("mine")
    t.equal((server.stop(), os.path.exists(path)), (0, True), "unless it is another one by then")
    result = web.run(lab, "--listen", "unix:" + path)
    t.ok(result.status == 1 and "no socket" in result.err and os.path.exists(path),
         "a file that is no socket stays, and is an error", result)
    result = web.run(lab, "--listen", "unix:/nowhere/web.sock")
    t.ok(result.status == 1 and "/nowhere/web.sock: No such file" in result.err, "no folder",
         result)


@scenario("privileges")
def test_privileges(t, lab):
    server = start(lab)
    status = server.status()
    t.equal([status["Uid"], status["Gid"]], ["\t".join(["65534"] * 4)] * 2,
            "started by root, it is another user")
    t.equal({status[key] for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
            {"0" * 16}, "without capabilities")
    t.equal((status["NoNewPrivs"], status["Groups"].strip()), ("1", "65534"),
            "and without a way back")
    server.stop()
    server = start(lab, wrap=("setpriv", "--reuid=1", "--regid=1", "--clear-groups"))
    t.equal(server.status()["Uid"].split(), ["1"] * 4, "started by another user, it stays that one")
    t.equal(server.get("/api/interfaces").status, 200, "and answers")
    server.stop()
    result = web.run(lab, "--user", "no-such-user")
    t.ok(result.status == 1 and '"no-such-user"' in result.err, "an unknown user", result)
    result = web.run(lab, "--user", "root")
    t.ok(result.status != 0 and "user id 0" in result.err, "root is no such user", result)


@scenario("too many connections", 60)
def test_many(t, lab):
    server = start(lab, wrap=("prlimit", "--nofile=64:64"))
    socks = [server.connect() for _ in range(100)]
    late = server.connect()
    late.sendall(GET + LAST)
    for sock in socks:
        sock.close()
    t.equal(statuses(read_to_end(late)), [200], "more than it takes: they wait until others close")
    late.close()
    t.equal(server.get("/api/interfaces").status, 200, "then all is as before")
    t.equal(server.stop(), 0, "it ends well")
    server = start(lab, "--streams", "20", wrap=("prlimit", "--nofile=64:64"))
    t.match(server.log(), r"warning: streams = 20: only 17 clients can follow, there are descriptors for 21 connections",
            "with fewer descriptors there are fewer streams")
    streams = [server.connect() for _ in range(20)]
    got = []
    for sock in streams:
        sock.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        got += statuses(sock.recv(4096))
    t.equal(got, [200] * 17 + [503] * 3, "the next are told so")
    t.equal([server.get("/api/interfaces").status for _ in range(5)], [200] * 5, "and others are served")
    for sock in streams:
        sock.close()
    server.stop()
    server = start(lab, wrap=("prlimit", "--nofile=64:8192"))
    with open(f"/proc/{server.pid}/limits", encoding="ascii") as file:
        soft = int(re.search(r"Max open files +(\d+)", file.read())[1])
    t.ok(512 + 2 * 256 < soft < 8192, "it takes as many descriptors as it can need", soft)
    server.stop()
    hold = 'for n in {20..59}; do eval "exec $n</dev/null"; done; exec "$@"'  # so many are in use from the start
    server = start(lab, "-v", wrap=("prlimit", "--nofile=64:64", "/bin/bash", "-c", hold, "web"))
    socks = [server.connect() for _ in range(20)]
    server.wait_log("no connection can be accepted for a moment: Too many open files")
    t.ok(True, "no descriptor left: it says so")
    pauses, begun = server.log().count("for a moment"), time.monotonic()
    wait_for(lambda: server.log().count("for a moment") >= pauses + 6, "six more attempts")
    took = time.monotonic() - begun  # a busy machine makes it more, nothing makes it less
    t.ok(took > 0.4, "it tries again after a pause, and does not spin", took)
    t.equal(server.get("/").status, 200, "who asks something is answered: those that are silent make room")
    for sock in socks:
        sock.close()
    t.equal(server.get("/").status, 200, "answers as soon as there are some again")


@scenario("an end while there are requests", 60)
def test_stop(t, lab):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = start(lab)
        begun, idle = server.connect(), server.connection()
        idle.request("GET", "/api/interfaces")
        idle.getresponse().read()
        begun.sendall(GET)
        idle.request("GET", "/api/interfaces")
        idle.getresponse().read()  # after which the server has seen the half of the other
        server.send_signal(number)
        t.equal(read_to_end(idle.sock), b"", f"{number.name}: a connection without request closes")
        begun.sendall(b"\r\n")
        data = read_to_end(begun)
        t.ok(statuses(data) == [200] and b"\r\nConnection: close\r\n" in data,
             "an open request is answered, and its connection closed", data)
        t.equal(server.wait(), 0, "it ends with status 0")
        t.match(server.log(), "stopping: 2 connections are open", "and has said why")
        begun.close()
        idle.close()
    server = start(lab)
    stuck = server.connect()
    stuck.sendall(GET)
    server.get("/api/interfaces")
    server.send_signal(signal.SIGTERM)
    t.equal((read_to_end(stuck), server.wait(20)), (b"", 0), "a request that never ends is cut off")
    stuck.close()
    try:
        server.connect()
        t.ok(False, "nobody listens any more")
    except ConnectionRefusedError:
        t.ok(True, "nobody listens any more")


def inherit(lab, *words, **more):
    """A server with sockets from its parent, as systemd passes them. Strings among @words are options."""
    socks = [word for word in words if not isinstance(word, str)]
    argv = [word for word in words if isinstance(word, str)]
    moves = " ".join(f"{3 + n}<&{sock.fileno()}" for n, sock in enumerate(socks))
    shell = f'exec {moves}; export LISTEN_PID=$$ LISTEN_FDS={len(socks)}; exec "$@"'
    return start(lab, *argv, listen=False, wrap=("/bin/bash", "-c", shell, "web"),
                 pass_fds=[sock.fileno() for sock in socks], **more)


def high(sock):
    """The same socket at a descriptor that no other is moved to."""
    return socket.socket(fileno=fcntl.fcntl(sock.detach(), fcntl.F_DUPFD_CLOEXEC, 50))


@scenario("sockets of systemd", 60)
def test_activation(t, lab):
    server = start(lab, listen=False, ready=False,
                   wrap=("systemd-socket-activate", "-E", "ASAN_OPTIONS", "-l", "127.0.0.1:3000",
                         "-l", lab.state_dir + "/a.sock"))
    server.wait_log(r"Listening on .*a\.sock")
    t.equal(server.get("/api/interfaces").status, 200, "socket activation: the first request")
    t.match(server.log(), r"listening at 127\.0\.0\.1:3000, as systemd says", "the log says so")
    server.address = f"unix:{lab.state_dir}/a.sock"
    t.equal(server.get("/api/interfaces").status, 200, "at the second socket as well")
    t.equal((server.stop(), os.path.exists(lab.state_dir + "/a.sock")), (0, True),
            "it removes no file that is not its own")
    sock = high(socket.create_server(("127.0.0.1", 3001)))
    server = inherit(lab, sock, address=("127.0.0.1", 3001), ready=False)
    server.wait_log("listening at")
    t.equal(server.get("/").status, 200, "sockets by LISTEN_FDS")
    server.stop()
    result = refused(lab, sock, "--listen", "127.0.0.1:3002")
    t.ok(result[0] == USAGE and "systemd has passed sockets already" in result[1],
         "--listen besides is an error", result)
    udp, plain = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
    udp.bind(("127.0.0.1", 3003))
    for bad, name in ((udp, "a datagram socket"), (plain, "a socket that does not listen")):
        result = refused(lab, high(bad))
        t.ok(result[0] == USAGE and "no listening stream socket" in result[1], f"{name}: an error",
             result)
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0sampler-web")
    abstract.listen()
    result = refused(lab, high(abstract))
    t.ok(result[0] == USAGE and "is an abstract UNIX socket" in result[1],
         "one that everybody on the machine can reach, by no file: an error", result)
    outside = high(socket.create_server(("0.0.0.0", 3004)))
    result = refused(lab, outside)
    t.ok(result[0] == USAGE and "listen = 0.0.0.0:3004: other machines can reach that" in result[1],
         "one that others can reach: an error", result)
    outside = high(socket.create_server(("0.0.0.0", 3005)))
    server = inherit(lab, outside, "--insecure-no-token", address=("127.0.0.1", 3005))
    t.match(server.log(), "warning: 0.0.0.0:3005: other machines can reach this",
            "one that others can reach, forced: a warning")


def refused(lab, sock, *argv):
    """Return: (exit status, log) of a server that gets a socket and does not start."""
    moves = f"3<&{sock.fileno()}"
    shell = f'exec {moves}; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
    server = start(lab, *argv, listen=False, wrap=("/bin/bash", "-c", shell, "web"),
                   pass_fds=[sock.fileno()], ready=False)
    return server.wait(), server.log()


def ask_once():
    """On a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", 3001, timeout=20 * tap.SLOWNESS)
    connection.request("GET", "/api/interfaces", headers={"Connection": "close"})
    answer = connection.getresponse()
    right = answer.status == 200 and json.loads(answer.read())
    connection.close()
    return None if right else answer.status


@scenario("restarts", 90)
def test_restart(t, lab):
    """The listening socket stays with the parent, and so does whoever waits there."""
    sock = high(socket.create_server(("127.0.0.1", 3001), backlog=128))
    clients = web.Clients(4, ask_once)
    server = inherit(lab, sock, address=("127.0.0.1", 3001))
    for _ in range(20):
        clients.wait_more(50)
        if server.stop():
            raise Failure(f"no clean end:\n{server.log()}")
        server = inherit(lab, sock, address=("127.0.0.1", 3001))
    n = clients.end()
    t.equal(clients.errors, [], f"20 restarts, {n} requests, none without its answer")


@scenario("notifications")
def test_notify(t, lab):
    path = RUN + "/notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(path)
        os.chmod(path, 0o666)
        notify.settimeout(web.PATIENCE_S * tap.SLOWNESS)
        server = start(lab, env={"NOTIFY_SOCKET": path})
        said = notify.recv(4096).decode()
        t.ok("READY=1" in said and "STATUS=Listening at 127.0.0.1:3000" in said,
             "systemd learns that it is ready, and where", said)
        server.send_signal(signal.SIGTERM)
        t.match(notify.recv(4096).decode(), "STOPPING=1", "and that it is about to end")
        server.wait()


@scenario("an idle server", 60)
def test_idle(t, lab):
    """However much is recorded."""
    lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    server = start(lab)
    before = sockets(server)
    server.get("/")
    wait_for(lambda: sockets(server) == before, "the connection is gone")

    def rests():
        before = wakeups(server.pid)
        recorder.wait_record(30)
        return wakeups(server.pid) == before

    wait_for(rests, "it is not woken", 20)  # but once more, by its last tick
    t.ok(True, "is not woken")


def sockets(server):
    folder = f"/proc/{server.pid}/fd"
    return sum(os.readlink(f"{folder}/{fd}").startswith("socket:") for fd in os.listdir(folder))


laboratory.main()
