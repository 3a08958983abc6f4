#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen --verify: what a real sampler has counted is held against what was sent over HTTP and
HTTPS; what is lost, what others send, samplers that end, begin anew, are stale or no samplers at all.
"""
import json
import os
import re
import select
import signal
import socket
import subprocess
import time

import lab as laboratory
import tap
from frames import ACK, IPV4, TCP, UDP, eth, ipv4, tcp, udp
from lab import RUN, Traffic, scenario, wait_for
from servers import CERTS, LOADGEN, Nginx, Server, always, fill, hang, interrupt
from verifying import (ASIDE, DIFFERS, SAMPLER, SERVER, TLS, URL, VERIFIED, WITHOUT_PRIVILEGE, Stage, lose_none,
                       lose_some, staged)
from web import WebServer

COULD_NOT = 1
HTTP_FRAME = eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 500)))
UDP_FRAME = eth(IPV4, ipv4(UDP, udp(40000, 9, b"x" * 500)))
SOME = ("--url", URL, "--requests", "500", "--rate", "1000")


def refused(t, run, pattern, name):
    """Exit status 1, one line that says why, and nothing was sent."""
    t.equal((run.status, run.out.count("Requests"), run.report), (COULD_NOT, 0, None),
            f"{name}: exit status 1, and no report")
    t.match(run.err, rf"^sampler-loadgen: error: cannot verify at \S+: {pattern}\n$", f"{name}: says why")


# ---- what is sent is what is counted ----

@scenario("HTTP, native", 60, argv=SOME, service="http")
@scenario("HTTP, skb mode", 60, argv=SOME, service="http", stage={"mode": "skb"})
@scenario("HTTPS", 60, argv=(*TLS, "--requests", "200", "--request-size", "10KB"), service="https")
@scenario("connections that are closed each time", 60, service="http",
          argv=(*SOME, "--header", "Connection: close"))
@staged
def test_counted(t, stage, argv, service):
    before = stage.http()
    run = stage.run(*argv)
    t.equal(run.verdict(), VERIFIED, "it is verified", )
    rows, wire = run.rows(), run.report["bytes"]
    row = rows[service]
    t.equal((row["sent"]["packets"], row["sent"]["bytes"]),
            (wire["frames"]["sent"], wire["wire"]["sent"]), "what was sent is the run's wire")
    if service == "http":
        counted = tuple(now - then for now, then in zip(stage.http(), before))
        t.equal((row["counted"]["packets"], row["counted"]["bytes"]), counted,
                "what was counted is what samplerd itself says")
    for name in ("ipv4", "tcp", service):
        t.ok(rows[name]["judged"] and not rows[name]["differs"]
             and abs(rows[name]["difference"]["packets"]) <= run.verify["allowed"]["packets"],
             f"{name} is judged", rows[name])
    t.ok(rows["1020-1514" if service == "http" else "tcp"]["counted"]["packets"] >= 500,
         "and there is more to see", rows)
    asked = run.verify["asked"]
    t.ok(asked["packets"] >= 15 and rows["tcp"]["sent"]["packets"]
         == row["sent"]["packets"] + asked["packets"], "the questions came by this link, and are in it", run)
    t.match(run.out, r"\nVerified: what was counted is what was sent\.\n", "in words")
    told = run.table()
    t.equal(told["tcp"][:3], [str(rows["tcp"][kind]["packets"]) for kind in
                              ("sent", "counted")] + [told["tcp"][2]], "and in the table")
    _, _, text = run.out.partition("\nVerification by ")
    t.ok(max(len(line) for line in text.splitlines() if re.match("  [a-z0-9]", line)) <= 82, "of a bearable width")


@scenario("large requests in skb mode are counted merged", 60, stage={"mode": "skb"})
@staged
def test_merged(t, stage):
    run = stage.run("--url", URL, "--requests", "100", "--request-size", "100KB", "--bandwidth", "0")
    t.equal(run.verdict(), VERIFIED, "it is verified")
    row = run.rows()["http"]["difference"]
    t.ok(row["packets"] < -1000, "with far fewer frames", row)
    t.equal(row["bytes"] // row["packets"], 66, "each of which has taken its header along")
    t.match(run.out, r"\nserver0 is sampled in skb mode, where frames can be counted merged", "which is told")


@scenario("the sampler is asked by another link", 60, stage={"aside": True})
@staged
def test_aside(t, stage):
    run = stage.run(*SOME, verify=f"http://{ASIDE}:3000/?interface=server0")
    t.equal(run.verdict(), VERIFIED, "it is verified")
    t.equal(run.verify["asked"], {"packets": 0, "bytes": 0}, "no question is among the frames")
    t.equal(run.rows()["tcp"]["sent"], run.rows()["http"]["sent"], "only what the run has sent")


@scenario("over IPv6", 60)
@staged
def test_ipv6(t, stage):
    for ns, name, address in ((stage.link.ns, "server0", "fd00::1"), (stage.peer_ns, "client0", "fd00::2")):
        stage.lab.run("sh", "-c", f"echo 0 >/proc/sys/net/ipv6/conf/{name}/disable_ipv6", ns=ns)
        stage.lab.run("ip", "address", "add", f"{address}/64", "dev", name, "nodad", ns=ns)
    sink = stage.lab.spawn(LOADGEN, "--sink", "[fd00::1]:80", "-q", ns=stage.link.ns,
                           stdout=laboratory.subprocess.DEVNULL)
    wait_for(lambda: stage.lab.try_run("ss", "-Htln6", "sport", "=", ":80", ns=stage.link.ns).out, "the sink")
    run = stage.run("--url", "http://[fd00::1]/", "--requests", "300", "--bandwidth", "0")
    sink.send_signal(signal.SIGINT)
    sink.wait(10)
    t.equal(run.verdict(), VERIFIED, "it is verified")
    rows = run.rows()
    t.ok(rows["ipv6"]["judged"] and rows["http"]["judged"] and not rows.get("ipv4", {}).get("judged"),
         "as IPv6", rows)
    t.equal(rows["ipv6"]["sent"], rows["http"]["sent"], "the questions, by IPv4, are none of it")
    t.ok(rows["ipv4"]["counted"]["packets"] >= run.verify["asked"]["packets"], "they are IPv4", rows)


@scenario("intervals", 120, interval="100ms", least=0.2, most=3)
@scenario("an interval of one second", 120, interval="1s", least=2, most=8)
@scenario("an interval of two seconds", 120, interval="2s", least=4, most=14)
def test_intervals(t, lab, interval, least, most):
    with Stage(lab, interval=interval) as stage:
        begin = time.monotonic()
        run = stage.run("--url", URL, "--requests", "50", "--bandwidth", "0", seconds=100)
        took = time.monotonic() - begin
    t.equal(run.verdict(), VERIFIED, "it is verified")
    t.ok(took >= least, f"for which it has waited two times two samples, {interval} apart, or nearly", took)
    t.note(f"{interval}: {took:.1f} s, of at most {most}")
    waits = len(re.findall(r"waiting for two samples of server0, which has one every 2s\n", run.err))
    t.equal(waits, 2 if interval == "2s" else 0, "it says so where that takes long")


@scenario("frames that are lost and sent again", 90)
@staged
def test_lossy(t, stage):
    lose_some(stage.lab, stage.link)
    run = stage.run("--url", URL, "--requests", "300", "--request-size", "30KB", "--bandwidth", "0")
    t.equal(run.verdict(), VERIFIED, "TCP has seen to all of it")
    again = run.report["retransmits"]
    t.ok(again > 10, "by sending again", again)
    t.ok(run.rows()["http"]["difference"]["packets"] < 0, "what it has sent in vain is missing", run)


@scenario("frames that are lost at the end", 60)
@staged
def test_cut(t, stage):
    """The server answers once it has a head, and so the run ends with data on its way; that is lost."""
    lose_some(stage.lab, stage.link, "cut")
    run = stage.run("--url", URL, "--requests", "3", "--request-size", "30KB", "--connections", "1", "--bandwidth", "0")
    lose_none(stage.lab, stage.link)
    t.equal(run.verdict(), VERIFIED, "nobody knew, and so it is allowed for")
    missing = -run.rows()["http"]["difference"]["packets"]
    t.ok(missing > run.report["retransmits"], "more than was sent again", run)
    t.match(run.out, r"\n  \d+ frames of data may, too: sent again, or never acknowledged\n", "which is told")


@scenario("frames that a full queue of the sender drops", 60)
@staged
def test_dropped(t, stage):
    """TCP hears of it, and sends them as if they were new."""
    stage.lab.run("tc", "qdisc", "add", "dev", "client0", "root", "tbf", "rate", "100mbit", "burst", "3kb", "limit", "6kb",
                  ns=stage.peer_ns)
    run = stage.run("--url", URL, "--requests", "100", "--request-size", "30KB", "--bandwidth", "0")
    t.equal(run.verdict(), VERIFIED, "they are allowed for")
    missing = -run.rows()["http"]["difference"]["packets"]
    t.ok(missing > run.report["retransmits"] + 50, "more are missing than were sent again", run)


# ---- what is not ----

@scenario("a sampler that misses one in 1,000", 60, variant="misses", sign=-1)
@scenario("a sampler that counts one in 1,000 twice", 60, variant="doubles", sign=1)
def test_teeth(t, lab, variant, sign):
    """The smallest fault of the sampler is found."""
    with Stage(lab, record=False) as stage:
        done = lab.attach_object(variant, "server0", "-g", "65534")
        t.equal(done.out, "new\n", f"a program that {variant} is attached")
        stage.record(wrap=WITHOUT_PRIVILEGE)
        run = stage.run("--url", URL, "--requests", "3000", "--bandwidth", "0")
    t.equal(run.verdict(), DIFFERS, "that is found", )
    t.ok({"tcp", "http", "ipv4"} <= run.differing(), "in each class", run)
    t.ok(sign * run.rows()["http"]["difference"]["bytes"] > 1000, "by its bytes", run)
    t.match(run.err, r"error: verified, and it differs: ipv4: \d+ frames were sent, \d+ counted "
                     r"\([+-]\d+; [+-]\d+ B\)\n", "and named on standard error")
    t.match(run.out, r"  http .* !\n", "and in the table")
    t.match(run.out, r"\nWhat was counted differs from what was sent, in the rows with !\.\n", "and in words")
    t.match(run.out, r"\nFewer frames were counted than sent: they were lost" if sign < 0 else
            r"\nMore was counted than sent: other traffic arrives at server0 as well", "with a reason")


@scenario("traffic goes another way", 60, stage={"aside": True})
@staged
def test_elsewhere(t, stage):
    run = stage.run("--url", f"http://{ASIDE}/", "--requests", "200", "--bandwidth", "0",
                    verify=f"http://{ASIDE}:3000/?interface=server0")
    t.equal(run.verdict(), DIFFERS, "that is found")
    t.equal(run.differing(), {"ipv4", "tcp", "http"}, "in its classes")
    t.match(run.out, r"\nNothing of it was counted: do the frames arrive at server0, or go another way\?\n",
            "and told")


@scenario("others send as well", 90)
@staged
def test_others(t, stage):
    """Of other classes they are none of the run's business; of the same they are told, or allowed for."""
    argv = ("--url", URL, "--rate", "200", "--duration", "60s")
    # ipv4 has all of it, also what is udp
    for frame, verify_others, want, row in ((UDP_FRAME, "no", "differs", "udp"), (HTTP_FRAME, "no", "differs", "http"),
                                            (HTTP_FRAME, "yes", "verified", "http")):
        process = stage.start(*argv, "--verify-others", verify_others)
        wait_for(lambda: stage.nginx.requests(), "the run's first request")
        before = stage.link.stats().rx_packets
        traffic = Traffic(stage.link, [frame], rate=2000)
        wait_for(lambda: stage.link.stats().rx_packets > before + 200, "others' frames")
        sent, _ = traffic.stop()
        process.send_signal(signal.SIGINT)
        run = stage.finish(process)
        os.truncate(f"{stage.nginx.folder}/access", 0)
        name = f"{row}, --verify-others {verify_others}"
        t.equal(run.verdict(), (130, (want, None)), f"{name}: verdict")
        found = run.rows()[row]
        others = found["counted"]["packets"] - (found["sent"]["packets"] or 0)
        t.ok(abs(others - sent) < 10, f"{name}: the other {sent} are in the table", run)
        if want == "differs":
            t.match(run.out, r"\nMore was counted than sent: other traffic arrives at server0 as well "
                             r"\(verify_others = yes allows for it\)\.\n", f"{name}: which is told")


# ---- samplers that come and go ----

def run_and(stage, action, *argv):
    """Do something in the middle of a run, which is stopped for that long. Return: Run."""
    before = len(stage.nginx.requests())
    process = stage.start("--url", URL, "--rate", "200", "--duration", "2s", *argv)
    wait_for(lambda: len(stage.nginx.requests()) > before, "the run's first request")
    process.send_signal(signal.SIGSTOP)
    action()
    process.send_signal(signal.SIGCONT)
    return stage.finish(process)


@scenario("the recorder is killed and comes again", 60)
@staged
def test_restart(t, stage):
    process = stage.start("--url", URL, "--rate", "200", "--duration", "60s")
    wait_for(lambda: stage.nginx.requests(), "the run's first request")
    stage.recorder.kill()
    stage.record()
    process.send_signal(signal.SIGINT)
    t.equal(stage.finish(process).verdict(), (130, ("verified", None)), "nothing is lost: it is verified")


@scenario("the recorder is gone", 60)
@staged
def test_gone(t, stage):
    run = run_and(stage, stage.recorder.kill)
    t.equal(run.status, COULD_NOT, "exit status 1")
    t.equal(run.verify["verdict"], "unknown", "it is not verified")
    t.match(run.verify["reason"], "server0 is stale: no sample has been recorded|it has had no new sample",
            "since the sampler is stale")
    t.match(run.out, r"\n  completed +[1-9]\d* .*(?s:.*)\nNot verified: ", "the report is whole")
    t.match(run.err, r"\nsampler-loadgen: error: not verified: |^sampler-loadgen: error: not verified: ",
            "and it is an error")


@scenario("the web service is gone", 60)
@staged
def test_web_gone(t, stage):
    run = run_and(stage, stage.web.kill)
    t.equal(run.status, COULD_NOT, "exit status 1")
    t.match(run.verify["reason"], r"198\.18\.0\.1 port 3000: Connection refused", "nobody answers")
    t.match(run.out, r"\n  completed +[1-9]\d* .*(?s:.*)\nNot verified: ", "the report is whole")


@scenario("counters begin anew", 60)
@staged
def test_anew(t, stage):
    def again():
        stage.recorder.stop()
        stage.record()

    run = run_and(stage, again)
    t.equal(run.status, COULD_NOT, "exit status 1")
    t.match(run.verify["reason"], r"the counters of server0 began anew during the run \(epoch \d+, now \d+\)|"
            r"server0 is stale|it answers with status 503: server0(: an attach is under way| is not attached)",
            "they cannot be compared")


@scenario("before the run: what cannot be asked", 90)
@staged
def test_refused(t, stage):
    lab, before = stage.lab, stage.http()
    other = Server(always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"),
                   listener=socket.create_server((SERVER, 4000)))
    cases = (
        (f"http://{SERVER}:3001/", r"cannot connect to 198\.18\.0\.1:3001 by http: .*: Connection refused",
         "a port where nobody listens"),
        ("http://nowhere.invalid:3000/", r"cannot resolve nowhere\.invalid: .*", "a name that is none"),
        (f"{SAMPLER}?interface=eth7", r'it samples no interface "eth7"; there are: server0', "another interface"),
        (f"http://{SERVER}/", r"what it answers is no JSON \(line 1: .*\)", "a server that is no sampler"),
        (f"http://{SERVER}:4000/", r'what it answers is not a sampler\'s \(no "schema"\)', "JSON of another"),
        (f"{SAMPLER}x/", r"it answers with status 404: .*", "another path"),
        (f"https://{SERVER}:3000/", r"198\.18\.0\.1 port 3000: .*does it speak TLS there\?\)", "https"),
        (f"https://{SERVER}/", r"198\.18\.0\.1 port 443: certificate verify failed: .*"
         r"\(--verify-ca-file FILE trusts its authority\)", "a certificate that nobody trusts"),
    )
    for url, why, name in cases:
        refused(t, stage.run(*SOME, verify=url), why, name)
    other.stop()
    refused(t, stage.run(*SOME, "--verify-ca-file", "/nonexistent", verify=f"https://{SERVER}/"),
            r"cannot read ca_file /nonexistent: No such file or directory", "no file of authorities")
    refused(t, stage.run(*SOME, "--verify-token-file", "/nonexistent"),
            r"cannot read verify_token_file /nonexistent: No such file or directory", "no file of a token")
    for text, why in (("", "expected a token of 1 to 1021 characters"), ("a b\n", "character 2 is none of a token"),
                      ("x" * 2000, "expected a token of 1 to 1021 characters")):
        with open(f"{RUN}/token", "w", encoding="ascii") as file:
            file.write(text)
        refused(t, stage.run(*SOME, "--verify-token-file", f"{RUN}/token"),
                rf"verify_token_file \S+: {why}", f"a token of {len(text)} bytes")
    lab.veth("more0", "more1")
    more = lab.record("more0", log_interval=None)
    more.wait_record()
    wait_for(lambda: len(stage.web.get("/api/interfaces").json()["interfaces"]) == 2, "both are told of")
    refused(t, stage.run(*SOME), r"it samples several interfaces; name one \(\?interface=NAME\): more0, server0",
            "several interfaces and none named")
    run = stage.run("--url", f"http://{SERVER}/", "--requests", "10", verify=f"{SAMPLER}?interface=server0")
    t.equal(run.verdict(), VERIFIED, "and named, that is well")
    more.stop()
    stage.recorder.kill()
    wait_for(lambda: stage.web.get("/api/interfaces").json()["interfaces"][-1]["health"]["state"] == "stale",
             "the sampler is stale")
    refused(t, stage.run(*SOME, verify=f"{SAMPLER}?interface=server0"),
            r"server0 is stale: no sample has been recorded .*", "a stale recorder")
    t.ok(stage.http()[0] - before[0] < 200, "nothing of all those was sent", (before, stage.http()))


@scenario("a degraded sampler", 60)
@staged
def test_degraded(t, stage):
    stage.lab.run("ip", "link", "set", "dev", "server0", "xdp", "off", ns=stage.link.ns)
    wait_for(lambda: stage.web.get("/api/interfaces").json()["interfaces"][0]["health"]["state"] != "ok",
             "it is degraded")
    refused(t, stage.run(*SOME), r"server0 is degraded: .*", "degraded before")


@scenario("degraded meanwhile", 60)
@staged
def test_degraded_meanwhile(t, stage):
    run = run_and(stage, lambda: stage.lab.run("ip", "link", "set", "dev", "server0", "xdp", "off",
                                               ns=stage.link.ns))
    t.equal(run.verdict(), DIFFERS, "frames are missing")
    t.match(run.out, r"\nserver0 is degraded: .*\.\n", "and the sampler is named as a reason")


# ---- hostile ones ----

def answer(body, head="", status="200 OK"):
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{head}\r\n"
    return head.encode() + body


def trickle(client, _number):
    """A byte now and then, until the client has enough."""
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not select.select([client], [], [], 0.1)[0]:
        client.sendall(b"[")
    return False


def endless(client, _number):
    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        client.sendall(b"[" * 65536)


HOSTILE = (
    ("garbage", always(b"\0\xff garbage \r\n\r\n", keep=False), r"what answers at .* speaks no HTTP: .*"),
    ("nothing", always(b"", keep=False), r"what answers at .* speaks no HTTP: closed before a response"),
    ("half an answer", always(answer(b"[]")[:-1], keep=False), r"what answers at .* speaks no HTTP: .*"),
    ("deep JSON", always(answer(b"[" * 500000), keep=False), r"what it answers is no JSON \(line 1: .*\)"),
    ("a long list", always(answer(b'{"schema":1,"interfaces":[' + b"1," * 400000 + b"1]}"), keep=False),
     "no interface is sampled there"),
    ("words for a terminal", always(answer(json.dumps({"schema": 1, "interfaces": [{
        "interface": "\x1b[2J", "id": "a", "attached": True, "health": {"state": "\x1b[31m", "reason": "\n\n"}}]})
        .encode()), keep=False), r"\?\[2J is \?\[31m: \?\?"),
    ("its own trouble", always(answer(b'{"detail":"no\\nmemory"}', status="503 Busy"), keep=False),
     r"it answers with status 503: no\?memory"),
    ("a redirect", always(answer(b"", "Location: http://a/\r\n", "302 Found"), keep=False),
     "it answers with status 302"),
    ("a wrong token", always(answer(b"", status="401 Unauthorized"), keep=False),
     r"it refuses the question \(401\): it wants a token \(--verify-token-file FILE\)"),
    ("no end", endless, "the answer from .* is larger than 1 MiB"),
    ("a byte now and then", trickle, "no whole answer from .* within 5 s"),
    ("silence", lambda client, _number: hang(client), "no whole answer from .* within 5 s"),
)


@scenario("hostile answers", 120)
def test_hostile(t, lab):
    """All at once, since some take their time."""
    begin = time.monotonic()
    servers = [Server(behave, port=0) for _, behave, _ in HOSTILE]
    runs = [lab.spawn(LOADGEN, "--url", "http://127.0.0.1:1/", "--requests", "1", "--verify",
                      f"http://127.0.0.1:{server.port}/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            for server in servers]
    for (name, _, why), run in zip(HOSTILE, runs):
        _, err = run.communicate(timeout=60)
        t.equal(run.returncode, COULD_NOT, f"{name}: exit status 1")
        t.match(err, rf"^sampler-loadgen: error: cannot verify at \S+: {why}\n$", f"{name}: one line")
    took = time.monotonic() - begin
    t.ok(took < 20 * tap.SLOWNESS, "all of them, of which each has 5 s", took)
    for server in servers:
        server.stop()


# ---- signals, tokens, outputs ----

@scenario("interrupted", 90, stage={"interval": "2s"})
@staged
def test_signals(t, stage):
    process = stage.start("--url", URL, "--rate", "100", "--duration", "60s")
    line = process.stderr.readline()
    t.match(line, "waiting for two samples", "it waits for the sampler")
    process.send_signal(signal.SIGINT)
    run = stage.finish(process, 10)
    t.equal((run.status, run.verify), (130, None), "SIGINT ends that, with a report of nothing")
    t.equal(run.report["requests"]["completed"], 0, "since nothing was sent")
    process = stage.start("--url", URL, "--rate", "100", "--duration", "60s")
    wait_for(lambda: stage.nginx.requests(), "the run's first request")
    process.send_signal(signal.SIGTERM)
    run = stage.finish(process)
    t.equal(run.verdict(), (143, ("verified", None)), "what was sent until SIGTERM is verified")
    t.equal(run.report["ended"], "SIGTERM", "and the signal is told")
    os.truncate(f"{stage.nginx.folder}/access", 0)
    process = stage.start("--url", URL, "--rate", "100", "--duration", "60s")
    wait_for(lambda: stage.nginx.requests(), "the run's first request")
    process.send_signal(signal.SIGINT)
    process.stderr.readline()  # of before the run
    t.match(process.stderr.readline(), "waiting for two samples", "it waits for the sampler again")
    process.send_signal(signal.SIGINT)
    run = stage.finish(process, 10)
    t.equal(run.verdict(), (130, ("unknown", "interrupted")), "a second signal ends that, too")
    t.ok(run.report["requests"]["completed"] > 0, "with the report of what was done", run)


@scenario("nobody reads, and it is interrupted twice", 60)
@staged
def test_unread(t, stage):
    """What of the last second waits to be read comes before the sampler is asked."""
    reading, writing = os.pipe()
    process = stage.start("--url", URL, "--rate", "200", "--duration", "60s", stdout=writing)
    wait_for(lambda: stage.nginx.requests(), "the run's first request")
    fill(writing)
    before = len(stage.nginx.requests())
    wait_for(lambda: len(stage.nginx.requests()) > before + 100, "something to tell of")
    t.equal(interrupt(process), -signal.SIGINT, "the second signal ends the program")
    os.close(reading)
    os.close(writing)


@scenario("TLS and a token", 60)
@staged
def test_secrets(t, stage):
    for name, text in (("tokens", "# of the sampler\n\n  0123456789abcdef\nanother-one-than-that\n"),
                       ("wrong", "0123456789abcdeF")):
        with open(f"{RUN}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    server = WebServer(stage.lab, "--listen", "0.0.0.0:3443", "--tls-cert", f"{CERTS}/server.pem", "--tls-key",
                       f"{CERTS}/server.key", "--token-file", f"{RUN}/tokens", listen=False)
    argv, url = (*SOME, "--verify-ca-file", f"{CERTS}/ca.pem"), f"https://{SERVER}:3443/"
    run = stage.run(*argv, "--verify-token-file", f"{RUN}/tokens", verify=url)
    t.equal(run.verdict(), VERIFIED, "with both it is verified")
    t.ok(run.verify["asked"]["packets"] >= 20, "questions over TLS are in it, too", run.verify["asked"])
    # Where a question takes long, the kernel sends an ACK of its own of what came before.
    odd = run.rows()["tcp"]["difference"]["packets"] - run.rows()["http"]["difference"]["packets"]
    t.ok(0 <= odd <= run.verify["asked"]["packets"] // 4, "to the frame, but for ACKs", (odd, run.verify["asked"]))
    refused(t, stage.run(*argv, "--verify-token-file", f"{RUN}/wrong", verify=url),
            r"it refuses the question \(401\): is the token in verify_token_file the right one\?", "a wrong token")
    refused(t, stage.run(*argv, verify=url), r"it refuses the question \(401\): it wants a token .*", "no token")
    server.stop()
    run = stage.run(*SOME, "--verify-token-file", f"{RUN}/tokens")
    t.equal(run.verdict(), VERIFIED, "one that nobody wants does no harm")
    t.match(run.err, r"warning: the token for 198\.18\.0\.1:3000 goes over the network unencrypted", "but a warning")


@scenario("behind a proxy with a path", 60)
@staged
def test_proxy(t, stage):
    stage.nginx.stop()
    os.rename(f"{RUN}/nginx", f"{RUN}/nginx-before")
    stage.nginx = Nginx(stage.lab, address=SERVER, port=80, more="""
        location /sampler/ { proxy_set_header Host localhost; proxy_pass http://127.0.0.1:3000/; }""")
    run = stage.run(*SOME, verify=f"http://{SERVER}/sampler/?interface=server0")
    t.equal(run.verdict(), VERIFIED, "it is verified")
    t.equal(run.rows()["http"]["sent"]["packets"], run.report["bytes"]["frames"]["sent"] + run.verify["asked"]["packets"],
            "questions to port 80 are of the service http as well")


@scenario("which exit status wins", 60)
@staged
def test_statuses(t, stage):
    run = stage.run(*SOME, "--max-p99", "1us")
    t.equal(run.verdict(), (3, ("verified", None)), "a threshold that is missed is 3, verified or not")
    run = run_and(stage, stage.web.kill, "--max-p99", "1us")
    t.equal((run.status, run.verify["verdict"]), (1, "unknown"), "that it could not be verified is 1, and wins")
    t.match(run.err, r"threshold missed: max_p99", "both are told")
    stage.web = stage.serve()
    run = stage.run("--url", f"http://{SERVER}:81/", "--requests", "5")
    t.equal((run.status, run.report), (1, None), "no target: nothing to verify")
    t.match(run.err, "cannot connect to 198.18.0.1:81", "and told so")


laboratory.main(jobs=3)
