#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
/api/openapi.json says what the web service is: it is valid by OpenAPI's own schema, each answer is as it is
described, to the last member, and all that is described is seen.
"""
import gzip
import json
import os
import re
import struct
import time

import lab as laboratory
from certificates import new_token, token_file
from frames import IPV4, SYN, TCP, UDP, eth, ipv4, tcp, udp
from lab import PINS, Failure, scenario, wait_for
from openapi import PATH, Description
from streams import STREAM, Stream
from web import HISTORY, INTERFACES, REALTIME, SUMMARY, WebServer

N_STREAMS = 3
ABI_OFFSET = 8  # of sampler_meta.abi_version
FRAMES = [eth(IPV4, ipv4(TCP, tcp(40000, 80, SYN))), eth(IPV4, ipv4(UDP, udp(40000, 53, bytes(60))))]
OPEN_METRICS = "application/openmetrics-text"

# Described, and not to be had in this laboratory.
UNSEEN = {
    **{(path, "500", "application/problem+json"): "no memory" for path in (
        REALTIME, SUMMARY, INTERFACES, HISTORY, PATH, "/metrics", "/healthz")},
    **{(path, "503", "application/problem+json"): "needs 40 interfaces, and clients that leave 32 MiB of answers unread"
       for path in (INTERFACES, "/metrics")},
    ("Health.checks[].state", "detached"): "checks are of attached interfaces",
    ("History.epochs[].reason", "boot"): "needs another boot",
    ("History.epochs[].reason", "services"): "needs counts that fall, or names that move within the same counters",
    **{("ChainProgram.actions[]", verdict): "needs a chain: the vm tier has one"
       for verdict in ("aborted", "drop", "tx", "redirect")},
    ("Interface.alone_reason", "null"): "needs a kernel that chains, or none of this boot",
    ("Interface.alone_reason", "string"): "needs a kernel that does not chain",
}


def describe(server):
    return Description(server.get(PATH).body.decode())


class Judge:
    """Asks, and holds each answer against the description."""

    def __init__(self, server, closed=None):
        """@closed: another one that asks for tokens."""
        self.server, self.closed, self.description, self.troubles, self.n = server, closed, describe(server), [], 0

    def take(self, path, answer, want=None, head=False):
        """Return: the answer's JSON, or None."""
        self.n += 1
        bare = path.partition("?")[0]
        found = self.description.troubles_of(bare, answer, head)
        if want and answer.status != want:
            found.append(f"status {answer.status}, not {want}")
        if found:
            self.troubles.append(f"{path}: {found[:4]}: {answer.body[:300]!r}")
        return json.loads(answer.body) if answer.headers.get("Content-Type", "").endswith("json") and not head and \
            answer.body else None

    def get(self, path, want=200, **headers):
        return self.take(path, self.server.get(path, **headers), want)

    def events(self, query="", last_id=None, until=lambda events: events):
        """Follow a stream until its events satisfy. Return: them."""
        stream, events = Stream(self.server, f"{STREAM}{query}", last_id), []
        self.take(STREAM, stream.head())
        while not until(events):
            event = stream.next()
            events.append(event)
            self.n += 1
            found = self.description.event_troubles(event.name, event.data)
            if found:
                self.troubles.append(f"event {event.name}: {found[:4]}: {str(event.data)[:300]}")
            if event.name == "message" and event.id and not re.match(r"^[0-9]+-[0-9]+$", event.id):
                self.troubles.append(f"event's id {event.id}")
        stream.close()
        return events

    def everything(self, query="", realtime=200, health=503):
        """Ask all that takes no more than an interface, and has no end."""
        for path in (REALTIME, SUMMARY):
            self.get(path + query, realtime)
        self.get(INTERFACES)
        self.get("/healthz", health)
        self.take("/healthz", self.closed.get("/healthz"))  # it looks by a pace of its own
        self.get("/metrics")
        self.get("/metrics", Accept=OPEN_METRICS)

    def report(self, t, name):
        t.equal(self.troubles, [], name)
        self.troubles = []


# ---- the description ----


@scenario("it is valid, and kept like other answers", 60)
def test_description(t, lab):
    server = WebServer(lab)
    description = describe(server)
    t.equal(description.troubles(), [], "references lead somewhere, examples are right, nothing is optional or unused")
    t.equal(description.official_troubles(), [], "OpenAPI's own schema has nothing to say")
    t.equal(description.api["info"]["version"], os.environ.get("SAMPLER_VERSION"), "it is of this version")
    plain = server.get(PATH)
    t.equal((plain.status, plain.headers["Content-Type"], plain.headers["Cache-Control"]),
            (200, "application/json", "no-cache"), "JSON that is asked for anew")
    etag = plain.headers["ETag"]
    again = server.get(PATH, If_None_Match=etag)
    t.equal((again.status, again.body, again.headers["ETag"]), (304, b"", etag), "who has it gets nothing")
    packed = server.get(PATH, Accept_Encoding="gzip")
    t.equal(packed.headers["Content-Encoding"], "gzip", "who takes gzip gets it")
    t.equal(gzip.decompress(packed.body), plain.body, "with the same in it")
    t.ok(len(packed.body) < len(plain.body) / 4, "and far less", (len(packed.body), len(plain.body)))
    head = server.request("HEAD", PATH)
    t.equal((head.status, head.body, head.headers["Content-Length"], head.headers["ETag"]),
            (200, b"", str(len(plain.body)), etag), "HEAD has its head")
    server.stop()
    server = WebServer(lab, assets="/nonexistent")
    t.equal(server.get(PATH).body, plain.body, "it is there without a page, too")


# ---- errors, by every path ----


def refusals(judge, path):
    """Each wrong request that any path refuses."""
    server = judge.server
    judge.take(path, server.get(f"{path}?unheard=of"), 400)
    judge.take(path, server.request("POST", path), 405)
    judge.take(path, server.request("DELETE", path), 405)
    judge.take(path, server.request("GET", path, body=b"x" * 2000), 413)
    judge.take(path, server.get(f"{path}?interface={'x' * 5000}"), 414)
    judge.take(path, server.request("GET", path, {"Expect": "wonders"}, b"x"), 417)
    judge.take(path, server.get(path, Host="elsewhere.example"), 421)


def strangers(judge, paths, token):
    """Who has no token or a wrong one, the login, and in the end who has guessed too often."""
    def post(path, body="", **headers):
        return judge.closed.request("POST", path, {"Content-Type": "application/x-www-form-urlencoded", **headers}, body)

    for path in paths:
        if path != "/healthz":
            judge.take(path, judge.closed.get(path), 401)
    judge.take(INTERFACES, judge.closed.get(INTERFACES, Authorization=f"Bearer {token}"), 200)
    judge.take(INTERFACES, judge.closed.get(INTERFACES, Authorization="Bearer wrong"), 401)
    judge.take("/healthz", judge.closed.get("/healthz", Authorization="Bearer wrong"), 401)
    judge.take("/login", post("/login", "tok=en"), 400)
    judge.take("/login", post("/login", "token=wrong"), 401)
    for path in ("/login", "/logout"):
        judge.take(path, judge.server.request("POST", path), 404)  # there are no tokens
        judge.take(path, judge.closed.get(path), 405)
        judge.take(path, post(path, f"token={token}", Origin="http://elsewhere.example"), 403)
        judge.take(path, post(path, "x" * 2000), 413)
        judge.take(path, post(path, "x", Expect="wonders"), 417)
        judge.take(path, post(path, Host="elsewhere.example"), 421)
    answer = post("/login", f"token={token}")
    judge.take("/login", answer, 303)
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    judge.take(INTERFACES, judge.closed.get(INTERFACES, Cookie=cookie), 200)
    judge.take("/logout", post("/logout"), 303)
    wait_for(lambda: judge.closed.get("/healthz", Authorization="Bearer wrong").status == 429, "enough guesses")
    for path in paths:
        judge.take(path, judge.closed.get(path, Authorization=f"Bearer {token}"), 429)
    judge.take("/login", post("/login", f"token={token}"), 429)


def kept_or_head(judge, path):
    """HEAD, and a conditional request where the answer may be kept."""
    server = judge.server
    head = server.request("HEAD", path)
    judge.take(path, head, head=True)

    def not_modified():  # what changes each tick may have changed in between
        again = server.get(path, If_None_Match=server.get(path).headers["ETag"])
        return again.status == 304 and again

    if "ETag" in head.headers:
        judge.take(path, wait_for(not_modified, f"304 of {path}"), 304)


# ---- all that there is ----


def spoil(lab, ifname, ns=None):
    """Pins of another ABI. Return: what undoes it."""
    key = lab.key(ifname, ns)
    meta = lab.map_value(key, "sampler_meta")
    abi, = struct.unpack_from("=I", meta, ABI_OFFSET)
    lab.map_value(key, "sampler_meta", meta[:ABI_OFFSET] + struct.pack("=I", abi + 9) + meta[ABI_OFFSET + 4:])
    return lambda: lab.map_value(key, "sampler_meta", meta)


def wait_state(judge, key, state):
    def states():
        return {one["id"]: one["health"]["state"] for one in judge.get(INTERFACES)["interfaces"]}
    wait_for(lambda: states().get(key) == state, f"{key} is {state}")


def four_interfaces(judge, lab):
    """
    Recorded; with one record, and tags taken off; in another namespace; without a recorder, and what it transmits not
    counted. Return: what ends them.
    """
    lab.configure("[services]\ndns = udp/53\n", "v0")
    lab.configure("[attach]\ntx = no\n", "bare")
    link = lab.veth()
    recorder = lab.record("v0", interval="100ms")
    for _ in range(2):
        recorder.wait_record()  # the first interval may be too short to be a peak
    link.send(FRAMES * 100)
    link.reversed().send(FRAMES * 100)
    for _ in range(3):
        recorder.wait_record()
    lab.veth("strips", "p1")
    lab.run("ethtool", "-K", "strips", "rxvlan", "on")
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    interval = max(range(30, 61), key=lambda seconds: seconds - now % seconds)  # so that there is one record only
    slow = lab.record("strips", interval=f"{interval}s", log_interval=None)
    slow.wait_record()
    other = lab.namespace()
    lab.veth("v0", "p2", ns=other)
    lab.attach("v0", "--mode", "skb", ns=other)
    lab.veth("bare", "p3")
    lab.attach("bare")
    wait_for(lambda: judge.server.get(f"{REALTIME}?interface=bare").status == 200, "all of them")
    wait_for(lambda: judge.get(f"{SUMMARY}?interface=v0")["peak_timestamp"], "a peak")
    for query in ("strips", "v0", "bare", lab.key("v0", other).replace("@", "%40")):
        judge.everything(f"?interface={query}")
    judge.everything()
    for path in (REALTIME, SUMMARY, HISTORY, STREAM):
        judge.get(f"{path}?interface=nope", 404)
    judge.get(f"{HISTORY}?interface=bare", 404)
    return recorder, slow, other


def history_queries(judge):
    default = judge.description.operation(HISTORY)["parameters"][4]["schema"]["default"]
    for query in ("", "&from=-2&step=100ms", "&from=0", "&from=-1&step=1d", "&from=-5&to=-1&step=1",
                  "&metrics=rx.services.dns.bytes,rx.vlan.packets,rx.sizes.0-60.packets_per_s",
                  "&metrics=tx.bits_per_s,tx.services.dns.bytes,tx.vlan.packets,tx.sizes.0-60.packets_per_s"):
        judge.get(f"{HISTORY}?interface=v0{query}")
    judge.get(f"{HISTORY}?interface=strips&metrics=rx.vlan.packets,rx.packets")
    moment = judge.get(REALTIME)["timestamp"]
    told = judge.get(f"{HISTORY}?interface=v0&to={moment}&from=0")
    if told["columns"] != ["time", *default]:
        judge.troubles.append(f"the default metrics are {told['columns']}")
    for query in ("from=x", "to=2100-01-01T00:00:00Z", "from=-1&to=-2", "step=0", "step=2years", "step=367d", "metrics=rx",
                  "metrics=rx.sizes.0-60.bytes", "metrics=tx", "metrics=" + ",".join(["rx.bytes"] * 33)):
        judge.get(f"{HISTORY}?interface=v0&{query}", 400)
    judge.get(f"{HISTORY}?interface=v0&metrics=" + ",".join(["rx.bytes"] * 32))
    judge.get(HISTORY, 400)


def streams(judge):
    judge.events("?interface=v0", until=lambda events: len(events) == 3)
    judge.events(last_id="12345-6", until=lambda events: {e.data["interface"] for e in events if e.name == "gap"} ==
                 {"v0", "strips", "bare"})
    judge.get(STREAM, 400, Last_Event_ID="nonsense")
    clients = [Stream(judge.server) for _ in range(N_STREAMS)]
    judge.take(STREAM, judge.server.get(STREAM), 503)
    for client in clients:
        client.close()
    wait_for(lambda: judge.server.request("HEAD", STREAM).status == 200, "room for a stream")


def troubles(judge, lab):
    """Pins of another version, pins that are closed, and a program that is gone."""
    heal = spoil(lab, "bare")
    wait_state(judge, lab.key("bare"), "unreadable")
    judge.everything()
    judge.get(f"{REALTIME}?interface=bare", 503)
    heal()
    os.chmod(PINS, 0o700)
    wait_for(lambda: judge.get(INTERFACES)["trouble"], "closed pins")
    judge.everything(realtime=503)
    os.chmod(PINS, 0o750)
    wait_for(lambda: not judge.get(INTERFACES)["trouble"], "open ones")
    wait_state(judge, lab.key("v0"), "ok")
    lab.run("ip", "link", "set", "dev", "bare", "xdp", "off")
    lab.run("ip", "link", "set", "dev", "bare", "xdpgeneric", "off")
    wait_state(judge, lab.key("bare"), "degraded")
    judge.everything()
    told = re.compile(r'sampler_interface_state\{interface="bare",.*state="(\w+)"\} 1')
    wait_for(lambda: told.findall(judge.server.get("/metrics").body.decode()) == ["degraded"], "degraded for Prometheus")


def come_and_go(judge, lab, recorder):
    """Return: the next recorder."""
    recorder.kill()
    wait_for(lambda: judge.get(f"{REALTIME}?interface=v0")["stale"], "stale")
    judge.everything("?interface=v0")
    judge.events("?interface=v0", until=lambda events: len(events) == 2)
    lab.samplerd("--detach", "v0")
    wait_state(judge, lab.key("v0"), "detached")
    judge.everything("?interface=v0", realtime=503)
    recorder = lab.record("v0")
    recorder.wait_record()
    wait_for(lambda: judge.get(f"{HISTORY}?interface=v0&from=0")["epochs"], "another epoch")
    return recorder


def only_one(judge, lab, slow, other):
    for ifname in ("strips", "bare"):
        lab.samplerd("--detach", ifname)
    lab.samplerd("--detach", "v0", ns=other)
    slow.stop()
    for server in (judge.server, judge.closed):
        wait_for(lambda s=server: s.get("/healthz").json()["status"] == "ok", "all that are attached are well")
    judge.everything(health=200)
    kept_or_head(judge, "/healthz")


def damaged(judge, lab):
    """A history that cannot be read."""
    with open(f"{lab.state_dir}/{lab.key('v0')}.hist", "r+b") as file:
        file.write(b"\xff" * 64)
    judge.server.stop()
    judge.server = WebServer(lab)
    judge.get(f"{HISTORY}?interface={lab.key('v0').replace('@', '%40')}", 503)


@scenario("each answer is as it is described, and all that is described is seen", 180)
def test_answers(t, lab):
    token = new_token()
    server = WebServer(lab, "--streams", str(N_STREAMS))
    judge = Judge(server, WebServer(lab, "--token-file", token_file(token), address=("127.0.0.1", 3001)))
    paths = [path for path, item in judge.description.api["paths"].items() if "get" in item]
    judge.get(PATH)
    judge.everything(realtime=503)
    judge.get(HISTORY, 503)
    for path in paths:
        refusals(judge, path)
    judge.report(t, "no interface; what every path refuses")
    strangers(judge, paths, token)
    judge.report(t, "strangers, and the login")
    recorder, slow, other = four_interfaces(judge, lab)
    judge.report(t, "four interfaces: recorded, not yet, in another namespace, without a recorder")
    history_queries(judge)
    judge.report(t, "history by each parameter, right and wrong")
    streams(judge)
    judge.report(t, "streams")
    for path in paths:
        kept_or_head(judge, path if path != HISTORY else f"{HISTORY}?interface=v0&to=-1&from=-3")
    judge.report(t, "HEAD and conditional requests")
    troubles(judge, lab)
    judge.report(t, "unreadable, closed, degraded")
    recorder = come_and_go(judge, lab, recorder)
    judge.report(t, "stale, detached, attached again")
    only_one(judge, lab, slow, other)
    judge.report(t, "one that is well")
    recorder.stop()
    damaged(judge, lab)
    judge.report(t, "a damaged history")

    description = judge.description
    t.equal(sorted(description.answers_described() - description.seen - UNSEEN.keys()), [], "each answer that is described")
    t.equal(sorted(map(str, description.members_described() - description.seen - UNSEEN.keys())), [],
            "and each member, as each of the things that it may be")
    t.ok(judge.n > 150, "in many answers", judge.n)


@scenario("an answer that is not as described is found out", 60)
def test_judge(t, lab):
    """The judge itself: each kind of difference."""
    server = WebServer(lab)
    description = describe(server)
    answer = server.get("/healthz")
    t.equal(description.troubles_of("/healthz", answer), [], "as it is")
    good, headers = json.loads(answer.body), list(answer.headers.items())

    def troubles(body=None, status=503, without=None, more=()):
        answer.body = json.dumps(good if body is None else body).encode()
        answer.status = status
        for name in list(answer.headers):
            del answer.headers[name]
        for name, value in [*(h for h in headers if h[0].lower() != without), *more]:
            answer.headers[name] = value
        return description.troubles_of("/healthz", answer)

    t.equal(troubles(), [], "and rebuilt")
    for name, found in (("a member more", troubles({**good, "more": 1})),
                        ("a member less", troubles({k: v for k, v in good.items() if k != "reason"})),
                        ("another type", troubles({**good, "checks": None})),
                        ("another word", troubles({**good, "status": "fine"})),
                        ("a nested member more", troubles({**good, "checks": [
                            {"interface": "a", "state": "ok", "reason": None, "more": 1}]})),
                        ("another status", troubles(status=502)),
                        ("a header less", troubles(without="cache-control")),
                        ("a security header less", troubles(without="x-content-type-options")),
                        ("a header more", troubles(more=[("X-Powered-By", "magic")])),
                        ("another media type", troubles(without="content-type", more=[("Content-Type", "text/html")]))):
        t.ok(found, name, found)
    if not description.members_described() or not description.answers_described():
        raise Failure("nothing is described")


laboratory.main()
