# SPDX-License-Identifier: MIT OR Apache-2.0
"""
How well the load generator keeps to what it is asked for, over loopback: rates and bandwidths as the receiver
counts them (its own sink), seconds, lateness, limits; and what its connections take of memory (on nginx).
"""

import contextlib
import re
import subprocess
import sys
import time

from bench_loadgen import PORT, TLS_PORT, mark, number, run, sink
from common import cores, memory, process, progress

# name: options, bytes of a request
PACES = {
    "1/s": (("--rate", "1"), 1000, 1),
    "10/s": (("--rate", "10"), 1000, 10),
    "100/s": (("--rate", "100"), 1000, 100),
    "1,000/s": (("--rate", "1000"), 1000, 1000),
    "10,000/s": (("--rate", "10000"), 1000, 10_000),
    "20,000/s": (("--rate", "20000"), 1000, 20_000),
    "100 Kbit/s": (("--bandwidth", "100Kbps"), 500, 25),
    "10 Mbit/s": (("--bandwidth", "10Mbps"), 1000, 1250),
    "100 Mbit/s": (("--bandwidth", "100Mbps"), 100_000, 125),
    "1 Gbit/s": (("--bandwidth", "1Gbps"), 100_000, 1250),
}
BOUNDED_LATENESS = "10,000/s"
QUIET_MS = 0.3  # p99 of the sleeper
QUIET_TRIES = 8
BUDGET_LATE_MS = {"p50": 0.06, "p99": 1.0}
BUDGET_RATE, BUDGET_SECOND = 0.001, 0.01
BUDGET_END_MS = 50
BUDGET_KIB = {"http": 20, "https": 60}
TOTAL = 123_456_789


# Sleeps to each millisecond, and tells at the end how late it was woken.
SLEEPER = """
import ctypes, signal, sys, time
ctypes.CDLL(None).prctl(29, 1, 0, 0, 0)  # PR_SET_TIMERSLACK
going, late, due = True, [], time.monotonic_ns()
def stop(*_):
    global going
    going = False
signal.signal(signal.SIGTERM, stop)
print(flush=True)
while going:
    due += 1_000_000
    time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
    late.append(time.monotonic_ns() - due)
late.sort()
print(late[len(late) // 2] / 1e6, late[len(late) * 99 // 100] / 1e6)
"""


@contextlib.contextmanager
def sleeper():
    """
    What this machine does to a program on the client's core that has next to nothing to do: no generator is
    more punctual. Yields a dictionary that is filled at the end.
    """
    told = {}
    child = subprocess.Popen(["taskset", "-c", cores()[1], sys.executable, "-c", SLEEPER],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    try:
        yield told
    finally:
        child.terminate()
        said = child.stdout.read().split()
        child.wait()
    told["p50"], told["p99"] = map(float, said)


def loadgen(build):
    return build / "loadgen/sampler-loadgen"


def pace(build, name, seconds):
    """
    One schedule: what the receiver had of what was due, in whole requests or, for a bandwidth, in bytes of
    payload; the worst second; lateness.
    """
    options, size, rate = PACES[name]
    progress(f"sampler-loadgen at {name} for {seconds} s")
    with sink(build) as received, sleeper() as machine:
        said, cpu = run(
            loadgen(build), *options, "--connections", 50, "--request-size", size,
            "--duration", f"{seconds}s", "--url", f"http://127.0.0.1:{received['port']}/",
        )  # fmt: skip
    # min mean p50 p90 p99 p99.9 max, in ms
    late = re.search(r"^ *lateness +([\d. ]+)$", said, re.M).group(1).split()
    had = (received["payload_bytes"]["received"] / size if options[0] == "--bandwidth"
           else received["requests"]["answered"])
    each = [float(r) / rate for r in re.findall(r"^ +\d+\.\d +\d+ +([\d.]+) ", said, re.M)]
    return {
        "pace": name,
        "seconds": seconds,
        "received_of_due": had / (rate * seconds),
        "seconds_off": max(abs(one - 1) for one in each) if each else None,
        "lateness_ms": {"p50": float(late[2]), "p99": float(late[4]), "max": float(late[6])},
        "sleeper_late_ms": machine,
        "cpu_percent": cpu / seconds * 100,
    }


def quietest_pace(build, name, seconds):
    """
    Of some tries the one in which the machine held up the sleeper least: chosen by what the machine did, not by
    what the generator did.
    """
    tries = []
    while len(tries) < QUIET_TRIES and not (tries and tries[-1]["sleeper_late_ms"]["p99"] <= QUIET_MS):
        tries.append(pace(build, name, seconds))
    return {**min(tries, key=lambda one: one["sleeper_late_ms"]["p99"]), "tries": len(tries)}


def end(build):
    """From the columns' names, which are written at the start, to the end of the process."""
    late = []
    for _ in range(5):
        child = subprocess.Popen(
            ["taskset", "-c", cores()[1], str(loadgen(build)), "--rate", "1000", "--duration", "1s",
             "--connections", "50", "--url", f"http://127.0.0.1:{PORT}/"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        while not child.stdout.readline().lstrip().startswith("time "):
            if child.poll() is not None:
                sys.exit("bench: the load generator has not begun")
        start = time.monotonic()
        child.stdout.read()
        child.wait()
        late.append((time.monotonic() - start - 1) * 1e3)
    return {"late_ms": sorted(late)}


def total(build, port):
    said, _ = run(
        loadgen(build), "--quiet", "--bandwidth", "0", "--total-size", TOTAL, "--request-size", 10_007,
        "--url", f"http://127.0.0.1:{port}/",
    )  # fmt: skip
    return number(r"^  payload +(\d+) B", said)


def measure_total(build):
    """By the sink, which tells what it has had to the byte."""
    progress(f"sampler-loadgen: total_size of {TOTAL} bytes")
    with sink(build) as received:
        sent = total(build, received["port"])
    return {"asked": TOTAL, "sent": int(sent), "received": received["payload_bytes"]["received"]}


def idle_memory(build, scheme, n):
    """Anonymous memory with so many connections that have each had a request, KiB."""
    port = {"http": PORT, "https": TLS_PORT}[scheme]
    # the first request of each comes at once, then there is a pause
    words = (loadgen(build), "--insecure", "--bandwidth", "0", "--latency", "1h", "--connections", n,
             "--request-size", "1000", "--url", f"{scheme}://127.0.0.1:{port}/")
    with process(*words, stdout=subprocess.PIPE, text=True) as running:
        for line in running.stdout:
            if re.match(rf" +\d+\.\d +{n} +0\.00 ", line):  # all have answered by then
                break
        else:
            sys.exit("bench: the load generator has ended early")
        return memory(running.pid)["RssAnon"]


def measure_memory(build):
    few, many = 100, 2100
    results = {}
    for scheme, budget in BUDGET_KIB.items():
        progress(f"sampler-loadgen: memory of {many - few} idle connections, {scheme}")
        kib = (idle_memory(build, scheme, many) - idle_memory(build, scheme, few)) / (many - few)
        results[scheme] = {"kib_per_connection": kib, "budget_kib": budget}
    return results


def measure_many(build):
    progress("sampler-loadgen: 10,000 connections")
    said, _ = run(loadgen(build), "--quiet", "--connections", 10_000, "--requests", 20_011, "--rate", 5000,
                  "--url", f"http://127.0.0.1:{PORT}/")
    return {"made": int(number(r"^Connections +(\d+) made", said)),
            "completed": int(number(r"completed +(\d+)", said)), "asked": 20_011,
            "errors": int(number(r"^Errors +(\d+)", said))}


def measure_pace(build, seconds):
    """With bench_loadgen.server() up."""
    return {
        "paces": [(quietest_pace if name == BOUNDED_LATENESS else pace)(build, name, seconds) for name in PACES],
        "end": end(build),
        "total_size": measure_total(build),
        "memory": measure_memory(build),
        "many": measure_many(build),
    }


# ---- telling ----


def tell_pace(results):
    print(f"\nsampler-loadgen's schedule: what the receiver had of what was due (within {BUDGET_RATE:.1%} over 10 s, each second"
          f" within {BUDGET_SECOND:.0%}), and how late; in brackets a program that only sleeps, meanwhile on that core")
    for r in results["paces"]:
        late = r["lateness_ms"]
        bounded = r["pace"] == BOUNDED_LATENESS
        off = "-" if r["seconds_off"] is None else f"{r['seconds_off']:.2%}"
        whole = BUDGET_SECOND if PACES[r["pace"]][2] >= 1 / BUDGET_SECOND else None  # else one request is more
        print(
            f"  {r['pace']:>10}: {r['received_of_due']:.5f}{mark(abs(r['received_of_due'] - 1), BUDGET_RATE, True)},"
            f" worst second {off} off{mark(r['seconds_off'] or 0, whole, True)}; late by p50 {late['p50']:.3f} ms"
            f" [{r['sleeper_late_ms']['p50']:.3f}]{mark(late['p50'], BUDGET_LATE_MS['p50'] if bounded else None, True)},"
            f" p99 {late['p99']:.3f} ms [{r['sleeper_late_ms']['p99']:.3f}]"
            f"{mark(late['p99'], BUDGET_LATE_MS['p99'] if bounded else None, True)}, max {late['max']:.3f} ms;"
            f" CPU {r['cpu_percent']:.1f} %"
        )
    late = results["end"]["late_ms"]
    print(f"  ends {late[len(late) // 2]:.1f} ms (median; {late[0]:.1f} to {late[-1]:.1f}) after its duration"
          f"{mark(late[len(late) // 2], BUDGET_END_MS, True)}")
    size = results["total_size"]
    print(f"  total_size {size['asked']}: sent {size['sent']}, received {size['received']}"
          f"  {'exact' if size['asked'] == size['sent'] == size['received'] else 'NOT EXACT'}")
    for scheme, r in results["memory"].items():
        print(f"  memory of an idle connection, {scheme}: {r['kib_per_connection']:.1f} KiB"
              f"{mark(r['kib_per_connection'], r['budget_kib'], True)}")
    many = results["many"]
    print(f"  10,000 connections: {many['made']} made, {many['completed']} of {many['asked']} requests,"
          f" {many['errors']} errors")
