#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen's latencies, held against what the server itself has measured: both have the same clock, so
that what each request can have taken at least and at most is known whatever this machine is busy with.
"""
import signal
import time

import lab as laboratory
import tap
from lab import scenario
from reports import Written
from servers import (LOADGEN, OK, PORT, Clocked, Flag, Server, always, loadgen, percentile, reset,
                     wait_row)


def check_latency(t, latency, least, most, name):
    """
    Percentiles of the generator between those of what each request has taken at least and at most, by the
    server's clock. It tells values to 1 in 256, and to a microsecond.
    """
    for percent, key in ((50, "p50"), (90, "p90"), (99, "p99"), (99.9, "p99.9")):
        low, high = (percentile(bounds, percent) / 1e6 for bounds in (least, most))
        t.ok(low - 0.001 <= latency[key] <= high * (1 + 1 / 256) + 0.001,
             f"{name}: {key} is as the server has it", (low, latency[key], high))


def service_bounds(times):
    """
    On one connection a request is sent once the answer before has come, and its own has come when the next
    one is there. Return: for each but the first and the last, what it took at least and at most.
    """
    least = [answered - received for received, answered in times[1:-1]]
    most = [after[0] - before[1] for before, after in zip(times, times[2:])]
    return least, most


@scenario("a server that takes a known time", 60)
def test_delay(t, lab):
    server = Server(Clocked(lambda number: 0.03))
    written = Written()
    run = loadgen(lab, "--bandwidth", "0", "--connections", "1", "--requests", "100", *written.options)
    times = server.stop()["times"]
    report = written.read()[0]
    t.equal((run.result.status, run.requests(), len(times)), (0, (100, 0, 0), 100), "100 requests")
    t.ok(min(answered - received for received, answered in times) >= 30e6, "30 ms each", times)
    # The first and the last have no neighbour: they may be anything above what they took.
    least, most = service_bounds(times)
    ends = [answered - received for received, answered in (times[0], times[-1])]
    for name in ("service", "corrected"):
        check_latency(t, run.latency(name), least + ends, most + [float("inf")] * 2, name)
    t.ok(report["latency_us"]["service"]["min"] >= 30000, "the least is no less", report)
    t.ok(report["latency_us"]["service"]["mean"] * 1000 >= sum(least + ends) / 100 * (1 - 1e-9),
         "nor is the mean", report)


@scenario("a stall is seen by those who would have come", 60)
def test_stall(t, lab):
    """
    Request k is due k x 10 ms after the start, which is before the server has the first one and after the
    program was started: so the server's own clock says how late each answer is at least and at most.
    """
    begun = time.monotonic_ns()
    server = Server(Clocked(lambda number: 1 if number == 50 else 0))
    run = loadgen(lab, "--rate", "100", "--connections", "1", "--requests", "300")
    times = server.stop()["times"]
    t.equal((run.result.status, run.requests(), len(times)), (0, (300, 0, 0), 300), "300 requests")
    least = [answered - times[0][0] - k * 10_000_000 for k, (_, answered) in enumerate(times)]
    most = [after[0] - begun - k * 10_000_000 for k, after in enumerate(times[1:])] + [float("inf")]
    check_latency(t, run.latency("corrected"), least, most, "corrected")
    # 50 requests, a sixth of all, were due in the first half of the stall
    t.ok(run.latency("corrected")["p90"] >= 500, "a tenth was late by half a second and more", run.text)
    least, most = service_bounds(times)
    ends = [0, 0]
    check_latency(t, run.latency("service"), least + ends, most + [float("inf")] * 2, "service")
    t.ok(run.latency("service")["max"] >= 1000 and run.latency("corrected")["max"] >= 1000,
         "the stall itself is in both", run.text)


@scenario("who is more than 10 s behind gives up what is older", 60)
def test_skipped(t, lab):
    """The server has a request until the run is in its 12th second: what was due in the first 2 s is lost by then."""
    late, caught_up = Flag(), Flag()

    def behave(client, number):
        if number == 50:
            late.wait()
        client.sendall(OK)
        if number == 60:
            caught_up.set()

    server = Server(behave)
    written = Written()
    process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "100",
                        "--connections", "1", *written.options, stdout=-1, stderr=-1, text=True)
    wait_row(process, 12)
    late.set()
    laboratory.wait_for(caught_up.is_set, "an answer after the long one", 40)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20 * tap.SLOWNESS)
    came = server.stop()["requests"]
    report = written.read()[0]
    requests = report["requests"]
    t.ok(requests["skipped"] >= 149, "some 150 are", requests)
    ended = [requests[key] for key in ("completed", "failed", "unfinished")]
    t.ok(ended[0] <= came <= sum(ended), "the others were sent", (requests, came))
    t.equal(sum(ended) + requests["skipped"] + requests["unsent"],
            int(report["duration_s"] * 100) + 1, "no request is forgotten")


@scenario("a server that hangs keeps to no threshold", 60)
def test_hang(t, lab):
    """
    It answers 20 requests, and none that comes later, for which connections are free: what was answered was
    quick, and all was sent.
    """
    server = Server(lambda client, number: client.sendall(OK) if number <= 20 else None)
    written = Written()
    run = loadgen(lab, "--rate", "100", "--connections", "400", "--duration", "3s", "--max-p50", "900ms",
                  "--max-p99", "900ms", "--min-achieved", "90%", *written.options)
    server.stop()
    report = written.read()[0]
    t.equal(run.result.status, 3, "that is the exit status")
    t.equal([(one["name"], one["missed"]) for one in report["thresholds"]],
            [("max_p50", True), ("max_p99", True), ("min_achieved", True)], "each is missed")
    t.match(run.text, r"\n\d+ requests that were due had no answer: the latencies leave them out; at the end "
            r"the oldest had waited for [\d.]+ s\.\n", "and it is told")
    t.match(run.text, "not reached .*, because requests had no answer", "as the reason")


@scenario("a server that hangs keeps to no threshold in a closed loop either", 60)
def test_hang_closed(t, lab):
    """
    500 requests have an answer, four none: that is less than 1 % of the requests, and most of the time.
    With a timeout the requests fail, as few.
    """
    for name, more in (("until the end", ()), ("until the timeout", ("--timeout", "1100ms"))):
        server = Server(lambda client, number: client.sendall(OK) if number < 500 else None)
        written = Written()
        run = loadgen(lab, "--bandwidth", "0", "--connections", "4", "--duration", "5s", "--max-p50", "900ms",
                      "--max-p99", "1s", *more, *written.options)
        server.stop()
        report = written.read()[0]
        t.ok(report["requests"]["completed"] == 500 and report["latency_us"]["corrected"]["p99"] < 1e6,
             f"{name}: what was answered was quick", report)
        t.equal(run.result.status, 3, f"{name}: that is the exit status")
        t.equal([(one["name"], one["missed"]) for one in report["thresholds"]],
                [("max_p50", True), ("max_p99", True)], f"{name}: each is missed")
        t.match(run.text, "max_p50 = 900ms, but it was no answer", f"{name}: and told")


@scenario("a generator that is held up", 60)
def test_held_up(t, lab):
    """Stopped for half a second of two: what was due meanwhile is late, with connections free."""
    server = Server(always(OK))
    for stops in (True, False):
        written = Written()
        process = lab.spawn(LOADGEN, "--url", f"http://127.0.0.1:{PORT}/", "--rate", "100", "--requests", "200",
                            "--connections", "100", "--max-p50", "1h", *written.options, stdout=-1, stderr=-1, text=True)
        wait_row(process)
        if stops:
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.5)  # how long it stands still is all that this is about
            process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=40 * tap.SLOWNESS)
        report = written.read()[0]
        t.equal((process.returncode, report["requests"]["completed"]), (0, 200), "it ends well")
        t.equal(report["saturated"], "The generator itself was " in out, "JSON and text agree")
        if stops:
            t.match(out, "The generator itself was late", "and tell that it was late")
    server.stop()


@scenario("requests that no connection was free for are late", 60)
def test_unsent(t, lab):
    """The one connection is taken by a request that has no answer, all others wait."""
    server = Server(lambda client, number: client.sendall(OK) if number <= 20 else None)
    run = loadgen(lab, "--rate", "100", "--connections", "1", "--duration", "3s", "--max-p50", "900ms")
    server.stop()
    t.equal(run.result.status, 3, "the threshold is missed")
    t.match(run.result.err, "max_p50 = 900ms, but it was no answer", "by those")


@scenario("requests that fail are late", 60)
def test_failing(t, lab):
    server = Server(lambda client, number: reset(client) if number % 3 == 0 else client.sendall(OK))
    run = loadgen(lab, "--bandwidth", "0", "--requests", "60", "--connections", "1", "--max-p50", "1h",
                  "--max-p99", "1h")
    server.stop()
    t.equal(run.result.status, 3, "a threshold is missed")
    t.equal(run.result.err, "sampler-loadgen: error: threshold missed: max_p99 = 1h, but it was no answer\n",
            "that of 99 %")


laboratory.main()
