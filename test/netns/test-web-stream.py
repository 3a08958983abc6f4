#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
GET /api/stream: each record is an event, for as many clients as are allowed, also for those that were away
or are slow.
"""
import json
import signal
import time

import lab as laboratory
import tap
from frames import IPV4, UDP, eth, ipv4, udp
from lab import scenario, wait_for
from streams import STREAM, Stream
from web import REALTIME, WebServer

FRAME = eth(IPV4, ipv4(UDP, udp(40000, 53, bytes(60))))


def begin(lab, *options, interval="100ms", config=""):
    """Return: (link, recorder, server) with a record."""
    lab.configure(config)
    link = lab.veth()
    recorder = lab.record("v0", interval=interval, log_interval=None)
    recorder.wait_record()
    server = WebServer(lab, *options)
    wait_for(lambda: server.get(REALTIME).status == 200, "counters")
    return link, recorder, server


def truth(lab, ifname="v0"):
    """Return: {number: packets} of all records."""
    return {record["record"]: record["rx"]["packets"] for record in lab.history(ifname)}


def check_all(t, lab, events, name):
    """Each event is the record of its number, and none is left out."""
    numbers = [event.record for event in events]
    t.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), f"{name}: record by record")
    known = truth(lab)
    t.equal({event.record: event.packets for event in events},
            {number: known.get(number) for number in numbers}, f"{name}: with what each has")


@scenario("each record is an event", 60)
def test_events(t, lab):
    link, _, server = begin(lab)
    stream = Stream(server)
    t.equal((stream.status, stream.headers["content-type"], stream.headers["cache-control"],
             stream.headers["x-accel-buffering"]), (200, "text/event-stream", "no-store", "no"), "its head")
    t.ok("content-security-policy" in stream.headers, "security headers, as everywhere")
    t.equal(stream.block(), "retry: 2000", "it says first when to come back")
    events = stream.take(3)
    for _ in range(5):
        link.send([FRAME] * 10)
        events += stream.take(3)
    seen = {event.record: event for event in events}
    # A machine that is held up may skip one: the newest counts.
    t.equal(sorted(seen), [event.record for event in events], "ids grow")
    known = truth(lab)
    t.equal({n: event.packets for n, event in seen.items()}, {n: known[n] for n in seen}, "each has its record's totals")
    t.equal({event.id.split("-")[0] for event in events}, {str(lab.snapshot("v0")["epoch"])}, "and the epoch in its id")
    want = list(server.get(f"{REALTIME}?interface=v0").json())
    t.equal(list(events[-1].data), want, "the object is realtime's")
    t.equal(events[-1].data["interface"], "v0", "of one interface")
    stream.close()


@scenario("who was away gets what it has missed", 90)
def test_resume(t, lab):
    link, recorder, server = begin(lab)
    stream = Stream(server, f"{STREAM}?interface=v0")
    last = stream.take(3)[-1]
    stream.close()
    for _ in range(12):
        link.send([FRAME] * 7)
        recorder.wait_record()
    stream = Stream(server, f"{STREAM}?interface=v0", last.id)
    missed = stream.take(12)
    t.equal(missed[0].record, last.record + 1, "it begins with the next one")
    check_all(t, lab, missed, "missed")
    more = stream.take(6)
    t.ok(more[0].record > missed[-1].record, "and goes on with what comes")
    stream.close()
    first = min(truth(lab))
    epoch = last.id.split("-")[0]
    stream = Stream(server, STREAM, f"{epoch}-{first}")
    check_all(t, lab, stream.take(lab.last_record("v0")["record"] - first), "all since the first")
    stream.close()


@scenario("what the history has no more is a gap", 120)
def test_gap(t, lab):
    _, recorder, server = begin(lab, config="[history]\nfine_records = 60\n")
    stream = Stream(server)
    last = stream.next()
    stream.close()
    wait_for(lambda: lab.last_record("v0")["record"] > last.record + 65, "another lap of the ring", 30)
    stream = Stream(server, last_id=last.id)
    gap = stream.next()
    t.equal((gap.name, gap.id, gap.data["interface"]), ("gap", None, "v0"), "is said at once")
    events = stream.take(30)
    t.ok(events[0].record > last.record + 1, "then come the oldest there are")
    # A server that is held up meanwhile may find that the next ones have gone, too, and says so.
    jumps = [after.name for before, after, then in zip(events, events[1:], events[2:])
             if then.id and before.id and after.name == "gap" or after.id and before.id
             and after.record != before.record + 1]
    t.ok(set(jumps) <= {"gap"}, "one by one", jumps)
    t.ok(gap.data["resumes_at"] <= events[0].data["timestamp"], "from the moment it says", gap.data)
    stream.close()
    for name, last_id in (("another epoch", "12345-3"), ("a record to come", f"{last.id.split('-')[0]}-999999")):
        stream = Stream(server, last_id=last_id)
        t.equal(stream.next().name, "gap", f"{name}: a gap")
        t.ok(stream.next().record > last.record, f"{name}: and then what is new")
        stream.close()
    recorder.stop()


@scenario("what is no stream", 60)
def test_refused(t, lab):
    _, _, server = begin(lab)
    for last_id in ("x", "1", "-", "1-", "-1", "1-x", "1-2-3", "99999999999999999999-1", "1-99999999999999999999",
                    "0x1-2", "1" * 100 + "-1"):
        answer = server.get(STREAM, Last_Event_ID=last_id)
        t.equal((answer.status, answer.headers["Content-Type"]), (400, "application/problem+json"), f"{last_id!r}: 400")
    t.equal(server.get(f"{STREAM}?interface=v7").status, 404, "an unknown interface")
    t.equal(server.get(f"{STREAM}?from=1").status, 400, "an unknown parameter")
    stream = Stream(server, method="HEAD")
    t.equal((stream.status, stream.headers["content-type"]), (200, "text/event-stream"), "HEAD has the head alone")
    stream.close()
    stream = Stream(server, version="1.0")
    t.equal((stream.status, stream.chunked), (200, False), "HTTP/1.0 gets it without chunks")
    stream.close()


@scenario("no more clients than are allowed", 60)
def test_limit(t, lab):
    _, _, server = begin(lab, "--streams", "3")
    streams = [Stream(server) for _ in range(3)]
    answer = server.get(STREAM)
    t.equal((answer.status, answer.headers["Retry-After"]), (503, "5"), "the next one is told when to come again")
    t.ok(all(stream.next().id for stream in streams), "the others are served")
    t.equal(server.get(REALTIME).status, 200, "and so are requests")
    streams.pop().close()

    def room():
        stream = Stream(server)
        status = stream.status
        stream.close()
        return status == 200

    wait_for(room, "room for another")
    t.ok(True, "one has left: there is room")
    for stream in streams:
        stream.close()


def kept_waiting_ns(server):
    """How long the machine has kept the server from running when it could have."""
    with open(f"/proc/{server.pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1])


@scenario("a client that reads nothing for a minute harms no one", 120)
def test_stuck(t, lab):
    """
    A minute at the usual interval is 60 events an interface: so many go by here in 12 s. Four interfaces make more
    of them than the kernel's buffers of a connection hold.
    """
    n_records, interval_s = 60, 0.2
    names = [f"v{i}" for i in range(4)]
    links = {name: lab.veth(name, f"p{name}") for name in names}
    for name in names:
        lab.record(name, interval="200ms", log_interval=None).wait_record()
    server = WebServer(lab)
    wait_for(lambda: server.get(REALTIME).status == 200 and server.get(REALTIME).json()["interfaces"] == names, "all")
    quick = [Stream(server)]  # one that came before those, and one after
    stuck = [Stream(server, receive_buffer=2048) for _ in range(50)]
    quick.append(Stream(server))
    came = [[], []]

    def read_on(until):
        """The quick ones read, in turns, until each of them has what is wanted."""
        while not all(map(until, came)):
            for stream, events in zip(quick, came):
                event = stream.next()
                if not event:
                    raise laboratory.Failure("a stream has ended")
                events.append(event)

    def newest(events):
        return {event.data["interface"]: event for event in events}

    read_on(lambda events: len(newest(events)) == len(names))
    waited, memory = kept_waiting_ns(server), int(server.status()["RssAnon"].split()[0])
    end = {name: newest(came[0])[name].record + n_records for name in names}
    read_on(lambda events: all(event.record >= end[name] for name, event in newest(events).items()))
    waited, grown = kept_waiting_ns(server) - waited, int(server.status()["RssAnon"].split()[0]) - memory
    sizes = [len(json.dumps(event.data)) for event in came[0]]
    t.ok(sum(sizes) > 400_000, "more events than a connection's buffers hold", (len(sizes), sum(sizes)))
    t.ok(server.get(REALTIME).status == 200, "requests are answered meanwhile")
    for n, events in enumerate(came):
        for name in names:
            numbers = [event.record for event in events if event.data["interface"] == name]
            skipped = numbers[-1] - numbers[0] + 1 - len(numbers)
            # Nobody gets what comes while the server itself is not let run: the newest counts.
            t.ok(skipped <= waited / 1e9 / interval_s and numbers == sorted(set(numbers)),
                 f"quick client {n}, {name}: each event, once and in order", (skipped, waited, numbers))
    if tap.SLOWNESS == 1:
        t.ok(grown < 400, "no queue: for 50 of them the server has not grown by what one has missed", f"{grown} KiB")

    sent = {name: link.send([FRAME] * 11)[0] for name, link in links.items()}
    read_on(lambda events: all(event.packets == sent[name] for name, event in newest(events).items()))
    skipped = 0
    for stream in stuck:
        last = {}
        while {name: event.packets for name, event in last.items()} != sent:
            event = stream.next()
            if not event:
                raise laboratory.Failure("one that was stuck was sent away before its time")
            before = last.get(event.data["interface"])
            skipped += bool(before) and event.record - before.record - 1
            last[event.data["interface"]] = event
    t.ok(skipped > len(stuck), "the stuck ones have the newest when they read again, and not all before it", skipped)
    for stream in (*stuck, *quick):
        stream.close()


@scenario("several interfaces", 90)
def test_several(t, lab):
    links = {"v0": lab.veth(), "v1": lab.veth("v1", "p1")}
    recorders = {name: lab.record(name, log_interval=None) for name in links}
    for recorder in recorders.values():
        recorder.wait_record()
    server = WebServer(lab)
    stream = Stream(server)
    events = []
    while {event.data["interface"] for event in events} != {"v0", "v1"} or len(events) < 6:
        events.append(stream.next())
    t.ok(True, "all of them come, each as an event of its own")
    stream.close()
    last = events[-1]
    for _ in range(5):
        for name, recorder in recorders.items():
            links[name].send([FRAME] * 3)
            recorder.wait_record()
    stream = Stream(server, last_id=last.id)
    seen = {"v0": [], "v1": []}
    while min(map(len, seen.values())) < 6:
        event = stream.next()
        seen[event.data["interface"]].append(event)
    stream.close()
    had = {name: max([e.record for e in events if e.data["interface"] == name], default=None) for name in seen}
    for name, came in seen.items():
        numbers = [event.record for event in came]
        t.ok(numbers[0] <= had[name] + 1, f"{name} goes on where it was, at the latest", (numbers, had))
        t.equal(numbers[:6], list(range(numbers[0], numbers[0] + 6)), f"{name}: without a gap")
    stream = Stream(server, f"{STREAM}?interface=v1")
    t.equal({event.data["interface"] for event in stream.take(4)}, {"v1"}, "or only one")
    stream.close()


@scenario("while no recorder is at work", 90)
def test_stale(t, lab):
    link, recorder, server = begin(lab)
    stream = Stream(server)
    t.ok(stream.next().id, "a record")
    recorder.kill()
    while not (event := stream.next()).data["stale"]:
        pass
    t.equal(event.id, None, "the counters, without an id")
    sent, _ = link.send([FRAME] * 5)
    while (event := stream.next()).packets != sent:
        pass
    t.ok(event.data["stale"], "as they are now, and stale")
    lab.record("v0", log_interval=None).wait_record()
    while not (event := stream.next()).id:
        pass
    t.equal((event.data["stale"], event.packets), (False, sent), "then records again")
    stream.close()


@scenario("nothing to say, and the end", 90)
def test_quiet(t, lab):
    """An interval of a minute: only comments come."""
    _, _, server = begin(lab, interval="60s")
    stream, other = Stream(server), Stream(server)
    t.ok(stream.next().id, "what there is comes at once")
    start = time.monotonic()
    while not stream.block().startswith(":"):
        start = time.monotonic()  # the minute is over: a record
    t.ok(time.monotonic() - start >= 10, "a sign of life when there was nothing for a while")
    t.ok(other.next().id, "another client")
    server.send_signal(signal.SIGTERM)
    for one in (stream, other):
        while one.next():
            pass
        t.ok(one.ended, "a stop ends streams as it should, to the last chunk")
    t.equal(server.wait(), 0, "and the server ends")


laboratory.main()
