#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The README's workflows from end to end: sampler-loadgen sends to a real nginx over a link, samplerd
counts what arrives, sampler-web tells it; and both sides agree on what was on the wire.
"""
import functools
import re

import lab as laboratory
from lab import RUN, scenario
from servers import CERTS, LOADGEN, Nginx, Summary, certificates
from web import WebServer

SERVER, CLIENT = "198.18.0.1", "198.18.0.2"
AGREE = 0.02  # of the generator's own figure

FIRST_USE = """
[target]
url = http://{server}/
protocol = http

[traffic]
bandwidth = {bandwidth}
connections = {connections}
request_size = {size}
latency = {latency}

[limits]
duration = {duration}
total_size = 0
"""


def staged(function):
    """A scenario that gets a Stage besides."""

    @functools.wraps(function)
    def on_stage(t, lab, **arguments):
        with Stage(lab) as stage:
            function(t, stage, **arguments)

    return on_stage


class Stage:
    """server0, which is sampled and has nginx behind it, and the client at its peer."""

    def __init__(self, lab):
        self.lab = lab
        self.link = lab.veth("server0", "client0")
        for ns, name, address in ((self.link.ns, "server0", SERVER),
                                  (self.link.peer_ns, "client0", CLIENT)):
            lab.run("ip", "address", "add", f"{address}/24", "dev", name, ns=ns)
        certificates(lab, names=f"IP:{SERVER}")
        self.nginx = Nginx(lab, address=SERVER, port=80, tls_port=443, tls=True)
        self.recorder = lab.record("server0", "--mode", "native", interval="1s", log_interval=None)
        self.recorder.wait_record()
        self.web = WebServer(lab)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nginx.stop()

    def load(self, *argv, seconds=60):
        """Run sampler-loadgen at the client. Return: Summary."""
        return Summary(self.lab.try_run(LOADGEN, *argv, ns=self.link.peer_ns, seconds=seconds))

    def get(self, path):
        return self.web.get(path).json()

    def totals(self):
        snapshot = self.lab.snapshot("server0")
        return snapshot["rx"]["packets"], snapshot["rx"]["bytes"]

    def seconds(self, service="http"):
        """
        What the history says of each step that had any, once all that was counted is in it. A step is a second; where
        a tick was missed, on a machine that was held up, the seconds beside it are unknown and longer steps are not.
        Return: (bytes, bits per second, seconds of a step), the first two of them lists.
        """
        size = self.lab.snapshot("server0")["rx"]["services"][service]["bytes"]
        path = f"rx.services.{service}"

        def complete():
            for step in (1, 2, 3, 5, 7):
                _, *columns = self.get(f"/api/history?from=-90&step={step}s&metrics={path}.bytes,"
                                       f"{path}.bits_per_s")["data"]
                busy = [(n, rate) for n, rate in zip(*columns) if n]
                if sum(n for n, _ in busy) >= size:
                    return *zip(*busy), step
            return None

        return laboratory.wait_for(complete, "the last second in the history")


def near(got, want):
    return abs(got - want) <= AGREE * want


def agree(t, stage, run, before, what):
    """The generator's wire figure against what the sampler has counted of it."""
    packets, size = (after - b for after, b in zip(stage.totals(), before))
    sent, frames = run.pair("wire")[0], run.pair("frames")[0]
    t.ok(near(size, sent), f"{what}: the sampler's bytes are the generator's wire bytes",
         f"counted {size}, predicted {sent}: {size / sent - 1:+.3%}")
    t.ok(near(packets, frames), f"{what}: and so are the frames",
         f"counted {packets}, predicted {frames}: {packets / frames - 1:+.3%}")
    t.note(f"{what}: bytes {size / sent - 1:+.4%}, frames {packets / frames - 1:+.4%}")


def agree_with_asked(t, stage, run, before, asked, size):
    """
    What was asked for, in bytes of payload, against what the sampler has counted without what the generator tells
    of heads, headers and acknowledgements. What no connection was free for at the end, on a machine that was held
    up, was not sent, and is told.
    """
    told = re.findall(r"(?m)^  (?:unsent|skipped) +(\d+)", run.text)
    others = re.findall(r"of others was sent: (\d+) B", run.text)
    payload = run.pair("payload")[0] + sum(map(int, others))
    counted = stage.totals()[1] - before[1] - (run.pair("wire")[0] - payload)
    due = asked - sum(map(int, told)) * size
    t.ok(near(counted, due), "and their payload is what was asked for",
         f"counted {counted}, asked for {asked}, due {due}: {counted / due - 1:+.3%}\n{run.text}")
    t.note(f"payload {counted / due - 1:+.4%} of what was asked for")


def ini(**values):
    path = f"{RUN}/loadgen.ini"
    with open(path, "w", encoding="ascii") as file:
        file.write(FIRST_USE.format(server=SERVER, **values))
    return path


@scenario("watch your own traffic", 60)
@staged
def test_watch(t, stage):
    page = stage.web.get("/")
    t.equal((page.status, "text/html" in page.headers["Content-Type"]), (200, True),
            "there is a page")
    before = stage.totals()
    run = stage.load("--url", f"http://{SERVER}/", "--requests", "500", "--rate", "200",
                     "--request-size", "2KB")
    t.equal(run.requests(), (500, 0, 0), "500 requests are made")
    agree(t, stage, run, before, "500 requests")
    agree_with_asked(t, stage, run, before, 500 * 2000, 2000)
    t.ok(run.seconds() >= 499 / 200, "no sooner than at the asked rate", run.text)
    laboratory.wait_for(lambda: stage.get("/api/metrics/realtime")["total_packets"]
                        == stage.totals()[0], "the service has them all")
    summary = stage.get("/api/stats/summary?interface=server0")
    t.ok(summary["http_percentage"] > 95 and summary["peak_bandwidth_bps"] > 0,
         "nearly all of it was HTTP, and there is a peak", summary)


@scenario("10 Mbit/s for a while", 60, duration=6, rate=10e6,
          values={"bandwidth": "10Mbps", "connections": 10, "size": "1KB", "latency": "0ms"})
@scenario("100 Mbit/s, 50 connections, 100 KB a request", 60, duration=6, rate=100e6,
          values={"bandwidth": "100Mbps", "connections": 50, "size": "100KB", "latency": "0ms"})
@scenario("a slow network: 100 KB/s, 500 ms", 60, duration=6, rate=800e3,
          values={"bandwidth": "100KB/s", "connections": 60, "size": "1KB", "latency": "500ms"})
@staged
def test_bandwidth(t, stage, values, duration, rate):
    before = stage.totals()
    run = stage.load("-c", ini(duration=f"{duration}s", **values), seconds=30)
    t.equal(run.result.status, 0, "the generator ends well")
    completed, failed, unfinished = run.requests()
    size = 1000 if values["size"] == "1KB" else 100_000
    due = rate / 8 * duration / size
    t.equal(failed, 0, "no request failed")
    t.ok(completed + unfinished >= 0.9 * due, "what was asked for was sent", (completed, due))
    agree(t, stage, run, before, values["bandwidth"])
    agree_with_asked(t, stage, run, before, rate / 8 * duration, size)
    counted, rates, step = stage.seconds()
    t.ok(len(counted) * step >= duration, "the run's seconds are in the history", counted)
    t.ok(near(sum(counted), run.pair("wire")[0]), "whose rate over the run is the generator's wire rate",
         (counted, run.text))
    # A request is on the wire between its due time and its answer, which is late on a machine that is held
    # up: by that, the seconds between the first and the last may have more or less than their share.
    # What opens and closes connections is in neither.
    outside = int(re.search(r"wire includes (\d+) B sent", run.text)[1])
    inner = rates[1:-1]
    if not inner:
        t.note(f"ticks were missed: no step of {step} s lies between the first and the last")
        inner = [(sum(counted) - outside) * 8 / duration]
    mean, sent_bps = sum(inner) / len(inner), (run.pair("wire")[0] - outside) * 8 / duration
    held_up = run.latency("corrected")["max"] / 1000 / (len(inner) * step)
    t.ok(abs(mean - sent_bps) <= (AGREE + held_up) * sent_bps, "the rate between is the generator's",
         (rates, sent_bps, held_up))
    served = len(stage.nginx.stop())
    t.ok(completed <= served <= completed + unfinished, "nginx has served them", served)


@scenario("a slow network limits what is asked of it", 60)
@staged
def test_slow_limits(t, stage):
    """10 connections with 100 ms of think time send 100 requests a second, no more."""
    before = stage.totals()
    run = stage.load("-c", ini(bandwidth="10Mbps", connections=10, size="1KB",
                               latency="100ms", duration="4s"), seconds=30)
    completed, failed, _ = run.requests()
    t.ok(failed == 0 and completed <= 410, "the think time holds the connections", completed)
    t.match(run.result.err, "(?i)warning", "that it cannot reach 10 Mbit/s is said at once")
    agree(t, stage, run, before, "think time")


@scenario("HTTPS", 60)
@staged
def test_https(t, stage):
    before = stage.totals()
    run = stage.load("--url", f"https://{SERVER}/", "--ca-file", f"{CERTS}/ca.pem",
                     "--bandwidth", "20Mbps", "--request-size", "10KB", "--duration", "5s",
                     "--connections", "20", seconds=30)
    t.equal((run.result.status, run.requests()[1]), (0, 0), "the generator ends well")
    agree(t, stage, run, before, "https")
    agree_with_asked(t, stage, run, before, 20e6 / 8 * 5, 10_000)
    counted, _, _ = stage.seconds("https")
    t.ok(near(sum(counted), run.pair("wire")[0]), "it is what the history has of the https service",
         (counted, run.text))


laboratory.main()
