# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The load generator against wrk, h2load and hey, in turns, on nginx over loopback: as fast as it goes, one
thread on a core of its own, in requests a second, CPU and system calls a request. All send the same headers:
they are the server's work, and it is the server that is busy. The generator's sink against nginx, by
wrk. How well it keeps a schedule is bench_pace.py's.
"""

import collections
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys

from common import command, cores, nginx, progress, spread

PORT, TLS_PORT = 8080, 8443
PORTS = {"http": PORT, "https": TLS_PORT}
CONNECTIONS = 20
TRIES = 5
# name: (method, bytes of body)
LOADS = {"GET": ("GET", 0), "POST 1 KB": ("POST", 1000), "POST 100 KB": ("POST", 100_000)}
PEERS = ("wrk", "h2load", "hey")
# of wrk's, for what section 11 of DESIGN.md bounds
BUDGETS = {("http", "POST 1 KB"): {"rate": 1.0, "cpu": 1.0},
           ("https", "POST 1 KB"): {"rate": 1.0, "cpu": 0.9}}
BUDGET_CALLS = 2.1


def run(*words):
    """Run a client on its core. Return: (what it says, CPU seconds)."""
    child = subprocess.Popen(
        ["taskset", "-c", cores()[1], *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "GOMAXPROCS": "1"},
    )
    said = child.stdout.read()
    errors = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode and "no request was completed" not in errors:
        sys.exit(f"bench: {words[0]} failed:\n{said}{errors}")
    return said, used.ru_utime + used.ru_stime


def number(pattern, text):
    match = re.search(pattern, text, re.M)
    if not match:
        sys.exit(f"bench: no /{pattern}/ in:\n{text}")
    return float(match.group(1))


# ---- clients: the words of a run, and what it says: (requests, requests a second) ----


class Load:
    """What all clients are asked for: a method and a body, at an address."""

    def __init__(self, build, folder, scheme, name, seconds, port=None):
        self.build, self.seconds, self.scheme, self.name = build, seconds, scheme, name
        self.method, self.size = LOADS[name]
        self.url = f"{scheme}://127.0.0.1:{port or PORTS[scheme]}/"
        self.body = folder / f"body-{self.size}"
        self.body.write_bytes(os.urandom(self.size // 2).hex().encode())  # text, which hey wants
        self.script = folder / "load.lua"
        # The body as a file: a string of that size would be built for each request.
        self.script.write_text(
            f'wrk.method = "{self.method}"\nwrk.body = io.open("{self.body}"):read("*a")\n')
        # what the generator sends of itself; clients know Host and Content-Length
        self.headers = ["User-Agent: sampler-loadgen/0.1.0", "Accept: */*"]
        self.headers += ["Content-Type: application/octet-stream"] if self.size else []

    def options(self, option):
        return [word for header in self.headers for word in (option, header)]

    def loadgen(self):
        return (self.build / "loadgen/sampler-loadgen", "--quiet", "--insecure", "--bandwidth", "0",
                "--connections", CONNECTIONS, "--request-size", self.size,
                "--duration", f"{self.seconds}s", "--url", self.url)

    def wrk(self):
        script = ("-s", self.script) if self.size else ()
        return ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{self.seconds}s", *self.options("-H"), *script,
                self.url)

    def h2load(self):
        body = ("-d", self.body) if self.size else ()
        return ("h2load", "--h1", "-t1", f"-c{CONNECTIONS}", "-D", self.seconds, *self.options("-H"), *body,
                self.url)

    def hey(self):
        body = ("-D", self.body) if self.size else ()
        return ("hey", "-cpus", 1, "-c", CONNECTIONS, "-z", f"{self.seconds}s", "-m", self.method,
                *self.options("-H"), *body, self.url)


def said_by_loadgen(said):
    if number(r"^Errors +(\d+)", said):
        sys.exit(f"bench: the load generator had errors:\n{said}")
    return number(r"completed +(\d+)", said), number(r"completed +\d+ +([\d.]+) a second", said)


def said_by_wrk(said):
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"bench: wrk had errors:\n{said}")
    return number(r"(\d+) requests in", said), number(r"Requests/sec:\s*([\d.]+)", said)


def said_by_h2load(said):
    if number(r"(\d+) failed", said):
        sys.exit(f"bench: h2load had errors:\n{said}")
    return number(r"(\d+) succeeded", said), number(r"finished in .*, ([\d.]+) req/s", said)


def said_by_hey(said):
    if re.search(r"Error distribution", said):
        sys.exit(f"bench: hey had errors:\n{said}")
    return number(r"\[204\]\s+(\d+) responses", said), number(r"Requests/sec:\s*([\d.]+)", said)


SAID = {"loadgen": said_by_loadgen, "wrk": said_by_wrk, "h2load": said_by_h2load, "hey": said_by_hey}


def run_client(load, client, *before):
    """Return: (requests, requests a second, CPU seconds). Again where a busy machine let none be made."""
    for _ in range(TRIES):
        said, cpu = run(*before, *getattr(load, client)())
        n, rate = SAID[client](said)
        if n:
            return n, rate, cpu
    sys.exit(f"bench: {client} has no request completed in {load.seconds} s, {TRIES} times over")


def measure_one(load, client):
    """Return: (requests a second, CPU microseconds a request)."""
    n, rate, cpu = run_client(load, client)
    return rate, cpu / n * 1e6


# ---- against each other ----


def in_turns(build, folder, scheme, name, rounds, seconds):
    """Each client in each round, each first in its turn."""
    progress(f"sampler-loadgen, {', '.join(PEERS)}: {scheme} {name}: {rounds} rounds of {seconds} s each")
    load = Load(build, folder, scheme, name, seconds)
    clients = ("loadgen", *PEERS)
    figures = {who: [] for who in clients}
    for i in range(rounds):
        for who in clients[i % len(clients) :] + clients[: i % len(clients)]:
            figures[who].append(measure_one(load, who))
    return {
        "scheme": scheme,
        "load": name,
        "requests_per_s": {who: spread([f[0] for f in figures[who]]) for who in clients},
        "cpu_us_per_request": {who: spread([f[1] for f in figures[who]]) for who in clients},
        "ratios": {who: {"rate": ratio(figures, who, 0), "cpu": ratio(figures, who, 1)} for who in PEERS},
        "budgets": BUDGETS.get((scheme, name), {}),
    }


def ratio(figures, peer, i):
    """Ours to theirs, the median of the rounds."""
    return statistics.median(a[i] / b[i] for a, b in zip(figures["loadgen"], figures[peer]))


def traced(build, folder, scheme, name, client, seconds):
    """Return: (requests, how often which system call was made), of the same run."""
    load = Load(build, folder, scheme, name, seconds)
    trace = folder / "calls"
    n, _, _ = run_client(load, client, "strace", "-f", "-c", "-U", "name,calls", "-o", trace)
    return n, collections.Counter({
        found[0]: int(found[1]) for line in trace.read_text().splitlines()
        if (found := line.split()) and len(found) == 2 and found[1].isdigit() and found[0] != "total"})


def system_calls(build, folder, scheme, name, client):
    """
    System calls a request, of what a longer run has more of both than a short one: to start and to connect is
    in neither. The client is slowed down by being traced, so that with each wait it finds more connections
    ready than otherwise: what is told is the least.
    """
    for _ in range(TRIES):
        n, calls = traced(build, folder, scheme, name, client, 1)
        more, more_calls = traced(build, folder, scheme, name, client, 4)
        if more > n:
            break
    else:
        sys.exit(f"bench: {client} makes no more requests in 4 s than in 1 s: the machine is too busy")
    more_calls.subtract(calls)
    each = {call: count / (more - n) for call, count in more_calls.most_common()}
    return {"calls_per_request": sum(each.values()), "most": dict(list(each.items())[:4])}


def certificate(folder):
    command(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2",
        "-subj", "/CN=127.0.0.1", stderr=subprocess.DEVNULL,
    )  # fmt: skip


def server(folder):
    """nginx that takes everything; as a context."""
    certificate(folder)
    return nginx(
        folder,
        f"listen 127.0.0.1:{PORT}; listen 127.0.0.1:{TLS_PORT} ssl;"
        f" ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;"
        " location / { return 204; }",
        connections=12000,  # it ends idle ones when it has less than 1/16 left
    )


@contextlib.contextmanager
def sink(build):
    """The generator's own server on the server's core. Yields a dictionary: its port, and what it has told at its end."""
    told = {}
    child = subprocess.Popen(
        ["taskset", "-c", cores()[0], build / "loadgen/sampler-loadgen", "--sink", "127.0.0.1:0", "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    told["port"] = int(number(r":(\d+)/ and", child.stderr.readline()))
    try:
        yield told
    finally:
        child.terminate()
        said, _ = child.communicate(timeout=20)
    told.update(json.loads(said))


def measure_sink(build, folder, scheme, name, rounds, seconds):
    """wrk on the sink and on nginx, in turns: requests a second."""
    progress(f"the sink and nginx: {scheme} {name}: {rounds} rounds of {seconds} s each")
    rates = {"sink": [], "nginx": []}
    with sink(build) as told:
        for i in range(rounds):
            for who in ("sink", "nginx") if i % 2 else ("nginx", "sink"):
                port = {"sink": told["port"], "nginx": PORTS[scheme]}[who]
                rates[who].append(measure_one(Load(build, folder, scheme, name, seconds, port), "wrk")[0])
    return {"requests_per_s": {who: spread(rates[who]) for who in rates},
            "ratio": statistics.median(a / b for a, b in zip(rates["sink"], rates["nginx"]))}


def measure_speed(build, folder, rounds, seconds):
    """With server() up."""
    progress("system calls a request of sampler-loadgen and its peers")
    return {
        "against": [in_turns(build, folder, scheme, name, rounds, seconds)
                    for scheme in PORTS for name in LOADS],
        "system_calls": {
            f"{scheme} {name}": {who: system_calls(build, folder, scheme, name, who)
                                 for who in ("loadgen", *PEERS)}
            for scheme in PORTS for name in LOADS},
        "calls_budget": BUDGET_CALLS,
        "sink": {f"{scheme} {name}": measure_sink(build, folder, scheme, name, rounds, seconds)
                 for scheme in PORTS for name in LOADS},
    }


# ---- telling ----


def mark(value, budget, most):
    """Whether a figure is within its budget; most: it is an upper bound."""
    if budget is None:
        return ""
    good = value <= budget if most else value >= budget
    return f"  {'within' if good else 'OVER'} {budget}"


def tell_speed(results):
    print(
        f"\nsampler-loadgen against others: {CONNECTIONS} connections, one thread, nginx on another core;"
        " medians, and ratios of ours to theirs"
    )
    for what, key, most in (("requests/s", "rate", False), ("CPU us a request", "cpu", True)):
        print(f"  {what:<22} {'loadgen':>9} " + " ".join(f"{peer:>9} {'ratio':>5}" for peer in PEERS))
        for r in results["against"]:
            figures = r["requests_per_s" if key == "rate" else "cpu_us_per_request"]
            row = " ".join(f"{figures[peer]['median']:>9,.1f} {r['ratios'][peer][key]:5.2f}" for peer in PEERS)
            print(f"    {r['scheme']:<5} {r['load']:<14} {figures['loadgen']['median']:>9,.1f} {row}"
                  f"{mark(r['ratios']['wrk'][key], r['budgets'].get(key), most)}")
    for name, clients in results["system_calls"].items():
        print(f"  system calls a request, {name}")
        for who, r in clients.items():
            most = ", ".join(f"{call} {n:.2f}" for call, n in r["most"].items())
            print(f"    {who:<8} {r['calls_per_request']:5.2f} ({most})"
                  + (mark(r["calls_per_request"], results["calls_budget"], True)
                     if who == "loadgen" and name == "http POST 1 KB" else ""))
    print("  the sink against nginx, by wrk: requests/s")
    for name, r in results["sink"].items():
        rates = r["requests_per_s"]
        print(f"    {name:<18} {rates['sink']['median']:>10,.1f} {rates['nginx']['median']:>10,.1f} {r['ratio']:5.2f}")
