# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The web service on a full history of two weeks, with a recorder at work: requests a second and CPU a
request on one core, in turns with nginx that serves a file of the same size; /metrics in turns with
node_exporter's; clients that follow its stream; and what it costs idle.
"""

import contextlib
import os
import pwd
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

from common import (command, cores, memory, nginx, on_cpu_ns, process, progress, samplerd, spread,
                    verdict)

PORT, PEER_PORT, EXPORTER_PORT = 3000, 3001, 9100
METRICS = "/metrics"
N_STREAMS = 200
BUDGET_STREAMS_PERCENT = 1
BUDGET_SCRAPES = 20000  # a second
BUDGET_CPU_PERCENT = 0.1
BUDGET_ANON_KIB = 6144
CONNECTIONS = 16

# name, path
ANSWERS = (
    ("realtime", "/api/metrics/realtime"),
    ("realtime, one interface", "/api/metrics/realtime?interface=server0"),
    ("summary", "/api/stats/summary?interface=server0"),
    ("interfaces", "/api/interfaces"),
    ("history, 5 minutes", "/api/history?interface=server0&from=-300"),
    ("history, 1 hour", "/api/history?interface=server0"),
    ("history, 14 days", "/api/history?interface=server0&from=-1209600&step=5min"),
)


def get(port, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read()


def wait_until_answers(port, path):
    for _ in range(100):
        with contextlib.suppress(OSError):
            return get(port, path)
        time.sleep(0.1)
    sys.exit(f"bench: nothing answers at port {port}")


def wrk(port, path, seconds, client_core):
    """Return: (requests, requests a second)."""
    told = command(
        "taskset", "-c", client_core, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s",
        f"http://127.0.0.1:{port}{path}", stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in told or "Socket errors" in told:
        sys.exit(f"bench: {path} was not answered well:\n{told}")
    return (
        int(re.search(r"(\d+) requests in", told).group(1)),
        float(re.search(r"Requests/sec:\s*([\d.]+)", told).group(1)),
    )


def one_round(pid, port, path, seconds, client_core):
    before = on_cpu_ns(pid)
    requests, per_second = wrk(port, path, seconds, client_core)
    return per_second, (on_cpu_ns(pid) - before) / requests / 1000


def measure_answer(name, path, pids, folder, rounds, seconds):
    body = get(PORT, path)
    file = re.sub(r"\W+", "-", name) + ".json"  # a name of its own: nginx keeps files open
    (folder / file).write_bytes(body)
    took = []
    for _ in range(20):
        start = time.monotonic()
        get(PORT, path)
        took.append((time.monotonic() - start) * 1000)
    figures = {"web": [], "nginx": []}
    for _ in range(rounds):
        for who, port, there in (("web", PORT, path), ("nginx", PEER_PORT, f"/{file}")):
            figures[who].append(one_round(pids[who], port, there, seconds, cores()[1]))
    rates = {who: [f[0] for f in figures[who]] for who in figures}
    return {
        "answer": name,
        "path": path,
        "bytes": len(body),
        "one_request_ms": spread(took),
        "requests_per_s": {who: spread(rates[who]) for who in rates},
        "cpu_us_per_request": {who: spread([f[1] for f in figures[who]]) for who in figures},
        "ratio_to_nginx": statistics.median(
            web / nginx for web, nginx in zip(rates["web"], rates["nginx"])
        ),
    }


def at_rest(pid, seconds):
    """As started: nobody asks."""
    progress(f"sampler-web at rest over {seconds} s")
    start, ns = time.monotonic(), on_cpu_ns(pid)
    time.sleep(seconds)
    percent = (on_cpu_ns(pid) - ns) / (time.monotonic() - start) / 1e9 * 100
    return {
        "seconds": seconds,
        "cpu_percent": percent,
        "cpu_budget_percent": BUDGET_CPU_PERCENT,
        "cpu_ratio": percent / BUDGET_CPU_PERCENT,
        **anonymous(pid),
    }


def anonymous(pid):
    kib = memory(pid)["RssAnon"]
    return {
        "rss_anon_kib": kib,
        "rss_anon_budget_kib": BUDGET_ANON_KIB,
        "rss_anon_ratio": kib / BUDGET_ANON_KIB,
    }


def scrapes(ours, exporter, rounds, seconds):
    """/metrics of both, in turns, each on the same core."""
    progress(f"/metrics of sampler-web and node_exporter, {rounds} rounds of {seconds} s each")
    figures = {"web": [], "node_exporter": []}
    for _ in range(rounds):
        for who, port, pid in (("web", PORT, ours.pid), ("node_exporter", EXPORTER_PORT, exporter.pid)):
            figures[who].append(one_round(pid, port, METRICS, seconds, cores()[1]))
    rates = {who: [f[0] for f in figures[who]] for who in figures}
    return {
        "bytes": {who: len(get(port, METRICS)) for who, port in (("web", PORT), ("node_exporter", EXPORTER_PORT))},
        "requests_per_s": {who: spread(rates[who]) for who in rates},
        "cpu_us_per_request": {who: spread([f[1] for f in figures[who]]) for who in figures},
        "rss_anon_kib": {"web": memory(ours.pid)["RssAnon"], "node_exporter": memory(exporter.pid)["RssAnon"]},
        "ratio_to_node_exporter": statistics.median(
            web / peer for web, peer in zip(rates["web"], rates["node_exporter"])
        ),
        "budget_ratio": BUDGET_SCRAPES / statistics.median(rates["web"]),
    }


def follow(pid, seconds):
    """N_STREAMS clients of /api/stream at the recorder's interval of 1 s."""
    progress(f"{N_STREAMS} clients of /api/stream over {seconds} s")
    received = 0
    with contextlib.ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        for _ in range(N_STREAMS):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", PORT)))
            sock.sendall(b"GET /api/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            selector.register(sock, selectors.EVENT_READ)
        settled = time.monotonic() + 3
        while time.monotonic() < settled:
            for key, _ in selector.select(0.1):
                key.fileobj.recv(65536)
        start, ns = time.monotonic(), on_cpu_ns(pid)
        while time.monotonic() - start < seconds:
            for key, _ in selector.select(0.1):
                received += key.fileobj.recv(65536).count(b"data: ")
        took, used = time.monotonic() - start, on_cpu_ns(pid) - ns
    percent = used / took / 1e9 * 100
    return {
        "clients": N_STREAMS,
        "events_per_client_and_s": received / N_STREAMS / took,
        "cpu_percent": percent,
        "cpu_budget_percent": BUDGET_STREAMS_PERCENT,
        "cpu_ratio": percent / BUDGET_STREAMS_PERCENT,
    }


def fill_history(build, state):
    key = f"server0@{os.stat('/proc/self/ns/net').st_ino}"  # as in a namespace that is not init's
    command(build / "test/bench/fill-history", state, key, "server0", "14")
    nobody = pwd.getpwnam("nobody")
    for path in (state, *state.iterdir()):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def measure_web(build, state, rounds, seconds, rest_seconds):
    """Return: figures of each answer, and at rest before and after."""
    folder = state / "nginx"
    folder.mkdir()
    folder.chmod(0o755)
    history = state / "history"
    history.mkdir()
    progress("a history of 14 days")
    fill_history(build, history)
    common = ("--user", "nobody", "--state-dir", history)
    web = (build / "daemon/sampler-web", *common, "--asset-dir", build / "web", "--listen")
    pinned = ("taskset", "-c", cores()[0])
    with process(
        *samplerd(build, "--quiet", "--state-dir", history, "server0"), stderr=subprocess.DEVNULL
    ), process(*pinned, *web, f"127.0.0.1:{PORT}", stderr=subprocess.DEVNULL) as ours, nginx(
        folder, f"listen 127.0.0.1:{PEER_PORT}; root {folder};"
    ) as peer, process(
        *pinned, "prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{EXPORTER_PORT}",
        stderr=subprocess.DEVNULL,
    ) as exporter:
        wait_until_answers(EXPORTER_PORT, METRICS)
        wait_until_answers(PORT, "/api/interfaces")
        time.sleep(3)
        rest = at_rest(ours.pid, rest_seconds)
        answers = []
        for name, path in ANSWERS:
            progress(f"sampler-web and nginx: {name}, {rounds} rounds of {seconds} s each")
            pids = {"web": ours.pid, "nginx": peer.pid}
            answers.append(measure_answer(name, path, pids, folder, rounds, seconds))
        return {
            "at_rest": rest,
            "answers": answers,
            "scrapes": scrapes(ours, exporter, rounds, seconds),
            "streams": follow(ours.pid, rest_seconds),
            "afterwards": anonymous(ours.pid),
        }


def tell_web(results):
    print("\nsampler-web on one core, 16 connections (wrk), in turns with nginx serving a file of that size")
    print(
        f"  {'answer':<24} {'bytes':>7} {'requests/s':>11} {'CPU us':>8} {'one ms':>7}"
        f"   {'nginx/s':>8} {'CPU us':>7}   ratio"
    )
    for a in results["answers"]:
        rate, cpu = a["requests_per_s"], a["cpu_us_per_request"]
        print(
            f"  {a['answer']:<24} {a['bytes']:>7} {rate['web']['median']:>11,.0f}"
            f" {cpu['web']['median']:>8.1f} {a['one_request_ms']['median']:>7.2f}"
            f"   {rate['nginx']['median']:>8,.0f} {cpu['nginx']['median']:>7.1f}"
            f"   {a['ratio_to_nginx']:.2f} x nginx"
        )
    s = results["scrapes"]
    for who, of_budget in (("web", f"(budget {BUDGET_SCRAPES:,}) {verdict(s['budget_ratio'])}"), ("node_exporter", "")):
        print(
            f"  /metrics of {who:<14} {s['bytes'][who]:>7} bytes"
            f" {s['requests_per_s'][who]['median']:>9,.0f}/s {s['cpu_us_per_request'][who]['median']:>8.1f} us"
            f" {s['rss_anon_kib'][who]:>6} KiB {of_budget}"
        )
    print(f"  which is {s['ratio_to_node_exporter']:.0f} x node_exporter")
    f = results["streams"]
    print(
        f"  {f['clients']} clients of /api/stream, {f['events_per_client_and_s']:.2f} events/s each:"
        f" {f['cpu_percent']:.3f} % of a core (budget {BUDGET_STREAMS_PERCENT} %) {verdict(f['cpu_ratio'])}"
    )
    r = results["at_rest"]
    print(
        f"  at rest {r['cpu_percent']:.4f} % of a core (budget {BUDGET_CPU_PERCENT} %)"
        f" {verdict(r['cpu_ratio'])}"
    )
    for when, m in (("at rest", r), ("afterwards", results["afterwards"])):
        print(
            f"  RssAnon {when:<10} {m['rss_anon_kib']:>6} KiB (budget {BUDGET_ANON_KIB} KiB)"
            f" {verdict(m['rss_anon_ratio'])}"
        )
