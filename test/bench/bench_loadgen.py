# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The load generator against wrk, in turns, on nginx over loopback: POST of 1 KB as fast as it goes, one
thread; and how well it keeps a schedule.
"""

import os
import re
import statistics
import subprocess
import sys
import time

from common import command, cores, nginx, progress, spread, verdict

PORT, TLS_PORT = 8080, 8443
CONNECTIONS = 20
BODY_BYTES = 1000
BUDGET_CPU = {"http": 1.0, "https": 0.9}  # of wrk's
BUDGET_LATE_MS = {"p50": 0.06, "p99": 1.0}
BUDGET_RATE = 0.001
WRK_SCRIPT = f'wrk.method = "POST"\nwrk.body = string.rep("x", {BODY_BYTES})\n'


def run(*words):
    """Run a client on its core. Return: (what it says, CPU seconds, seconds)."""
    start = time.monotonic()
    child = subprocess.Popen(
        ["taskset", "-c", cores()[1], *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = child.stdout.read()
    errors = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"bench: {words[0]} failed:\n{said}{errors}")
    return said, used.ru_utime + used.ru_stime, time.monotonic() - start


def number(pattern, text):
    match = re.search(pattern, text, re.M)
    if not match:
        sys.exit(f"bench: no /{pattern}/ in:\n{text}")
    return float(match.group(1))


def by_wrk(scheme, port, seconds, script):
    said, cpu, _ = run(
        "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", script,
        f"{scheme}://127.0.0.1:{port}/",
    )  # fmt: skip
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"bench: wrk had errors:\n{said}")
    requests = number(r"(\d+) requests in", said)
    return number(r"Requests/sec:\s*([\d.]+)", said), cpu / requests * 1e6


def by_loadgen(build, scheme, port, seconds):
    said, cpu, _ = run(
        build / "loadgen/sampler-loadgen", "--quiet", "--insecure", "--bandwidth", "0",
        "--connections", CONNECTIONS, "--request-size", BODY_BYTES, "--duration", f"{seconds}s",
        "--url", f"{scheme}://127.0.0.1:{port}/",
    )  # fmt: skip
    if number(r"^Errors +(\d+)", said):
        sys.exit(f"bench: the load generator had errors:\n{said}")
    requests = number(r"completed +(\d+)", said)
    return number(r"completed +\d+ +([\d.]+) a second", said), cpu / requests * 1e6


def against_wrk(build, scheme, port, folder, rounds, seconds):
    """In turns, each first in every other round."""
    progress(f"sampler-loadgen and wrk, {scheme}: {rounds} rounds of {seconds} s each")
    script = folder / "post.lua"
    script.write_text(WRK_SCRIPT)
    clients = {
        "loadgen": lambda: by_loadgen(build, scheme, port, seconds),
        "wrk": lambda: by_wrk(scheme, port, seconds, script),
    }
    figures = {who: [] for who in clients}
    for i in range(rounds):
        for who in sorted(clients, reverse=i % 2):
            figures[who].append(clients[who]())
    pairs = list(zip(figures["loadgen"], figures["wrk"]))
    cpu_ratio = statistics.median(ours[1] / theirs[1] for ours, theirs in pairs)
    rate_ratio = statistics.median(ours[0] / theirs[0] for ours, theirs in pairs)
    return {
        "scheme": scheme,
        "requests_per_s": {who: spread([f[0] for f in figures[who]]) for who in figures},
        "cpu_us_per_request": {who: spread([f[1] for f in figures[who]]) for who in figures},
        "rate_ratio_to_wrk": rate_ratio,
        "rate_budget": 1.0,
        "cpu_ratio_to_wrk": cpu_ratio,
        "cpu_budget": BUDGET_CPU[scheme],
    }


def schedule(build, rate, seconds):
    progress(f"sampler-loadgen at {rate:,} requests/s for {seconds} s")
    said, _, _ = run(
        build / "loadgen/sampler-loadgen", "--quiet", "--rate", rate, "--connections", 50,
        "--request-size", BODY_BYTES, "--duration", f"{seconds}s",
        "--url", f"http://127.0.0.1:{PORT}/",
    )  # fmt: skip
    # min mean p50 p90 p99 p99.9 max, in ms
    late = re.search(r"^ *lateness +([\d. ]+)$", said, re.M).group(1).split()
    sent = number(r"completed +(\d+)", said) + number(r"unfinished +(\d+)", said)
    return {
        "rate": rate,
        "seconds": seconds,
        "sent_of_due": sent / (rate * seconds),
        "budget": BUDGET_RATE,
        "lateness_ms": {"p50": float(late[2]), "p99": float(late[4]), "max": float(late[6])},
    }


def certificate(folder):
    command(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2",
        "-subj", "/CN=127.0.0.1", stderr=subprocess.DEVNULL,
    )  # fmt: skip


def measure_loadgen(build, folder, rounds, seconds, schedule_seconds):
    certificate(folder)
    server = (
        f"listen 127.0.0.1:{PORT}; listen 127.0.0.1:{TLS_PORT} ssl;"
        f" ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
        " location / { return 204; }"
    )
    with nginx(folder, server):
        time.sleep(1)
        return {
            "against_wrk": [
                against_wrk(build, "http", PORT, folder, rounds, seconds),
                against_wrk(build, "https", TLS_PORT, folder, rounds, seconds),
            ],
            "schedule": [schedule(build, rate, schedule_seconds) for rate in (10, 1000, 10000)],
        }


def tell_loadgen(results):
    print(
        f"\nsampler-loadgen against wrk: POST of {BODY_BYTES} bytes, {CONNECTIONS} connections, one"
        " thread, nginx on another core"
    )
    for r in results["against_wrk"]:
        for name, unit, ratio, budget in (
            ("requests_per_s", "requests/s", "rate_ratio_to_wrk", "rate_budget"),
            ("cpu_us_per_request", "CPU us a request", "cpu_ratio_to_wrk", "cpu_budget"),
        ):
            ours, theirs = r[name]["loadgen"], r[name]["wrk"]
            over = r[ratio] < r[budget] if ratio.startswith("rate") else r[ratio] > r[budget]
            print(
                f"  {r['scheme']:<6} {unit:<17} {ours['median']:>10,.1f}"
                f" (q1 {ours['q1']:,.1f}, q3 {ours['q3']:,.1f})   wrk {theirs['median']:>10,.1f}"
                f" (q1 {theirs['q1']:,.1f}, q3 {theirs['q3']:,.1f})   {r[ratio]:.2f} x wrk"
                f" (budget {r[budget]}){'  OVER BUDGET' if over else ''}"
            )
    for r in results["schedule"]:
        late = r["lateness_ms"]
        print(
            f"  at {r['rate']:>6,}/s: sent {r['sent_of_due']:.5f} of what was due, late by p50"
            f" {late['p50']:.3f} ms {verdict(late['p50'] / BUDGET_LATE_MS['p50']).strip()}, p99"
            f" {late['p99']:.3f} ms {verdict(late['p99'] / BUDGET_LATE_MS['p99']).strip()},"
            f" max {late['max']:.3f} ms"
        )
