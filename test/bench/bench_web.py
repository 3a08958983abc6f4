# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The web service on a full history of two weeks, with a recorder at work: requests a second and CPU a
request on one core, in turns with nginx that serves a file of the same size; /metrics and realtime
against node_exporter and nginx, with the memory of each; the page's first chart; clients that follow its
stream; and what it costs idle.
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

from bench_page import measure_page, tell_page
from common import (command, cores, memory, nginx, on_cpu_ns, process, progress, samplerd, spread,
                    verdict)

PORT, PEER_PORT, EXPORTER_PORT = 3000, 3001, 9100
METRICS = "/metrics"
SCRAPED = (METRICS, "/api/metrics/realtime")
N_STREAMS = 200
BUDGET_STREAMS_PERCENT = 1
BUDGET_SCRAPES = 20000  # a second
BUDGET_HISTORY_MS = 20  # on a core, of all there is
BUDGET_CPU_PERCENT = 0.1
BUDGET_ANON_KIB = 6144
CONNECTIONS = 16

ALL_HISTORY = "history, 14 days"
# name, path
ANSWERS = (
    ("realtime", "/api/metrics/realtime"),
    ("realtime, one interface", "/api/metrics/realtime?interface=server0"),
    ("summary", "/api/stats/summary?interface=server0"),
    ("interfaces", "/api/interfaces"),
    ("history, 5 minutes", "/api/history?interface=server0&from=-300"),
    ("history, 1 hour", "/api/history?interface=server0"),
    (ALL_HISTORY, "/api/history?interface=server0&from=-1209600&step=5min"),
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


def as_file(folder, name, body):
    """A file for nginx, of a name of its own, since nginx keeps files open. Return: its path there."""
    file = re.sub(r"\W+", "-", name) + ".json"
    (folder / file).write_bytes(body)
    return f"/{file}"


def in_turns(who, rounds, seconds):
    """@who: {name: (pid, port, path)}. Return: {name: {figure: a value each round}}."""
    figures = {name: {"requests_per_s": [], "cpu_us_per_request": []} for name in who}
    for _ in range(rounds):
        for name, (pid, port, path) in who.items():
            per_second, cpu_us = one_round(pid, port, path, seconds, cores()[1])
            figures[name]["requests_per_s"].append(per_second)
            figures[name]["cpu_us_per_request"].append(cpu_us)
    return figures


def ratio(ours, theirs):
    """The median of the ratios of each round, whose sides were measured one after the other."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def measure_answer(name, path, pids, folder, rounds, seconds):
    body = get(PORT, path)
    took = []
    for _ in range(20):
        start = time.monotonic()
        get(PORT, path)
        took.append((time.monotonic() - start) * 1000)
    figures = in_turns({"web": (pids["web"], PORT, path),
                        "nginx": (pids["nginx"], PEER_PORT, as_file(folder, name, body))}, rounds, seconds)
    return {
        "answer": name,
        "path": path,
        "bytes": len(body),
        "one_request_ms": spread(took),
        **{figure: {who: spread(figures[who][figure]) for who in figures} for figure in figures["web"]},
        "ratio_to_nginx": ratio(figures["web"]["requests_per_s"], figures["nginx"]["requests_per_s"]),
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


def against_peers(pids, folder, rounds, seconds):
    """What scrapers and pages ask for most, against what else would answer; all on the same core, in turns."""
    told = []
    for path in SCRAPED:
        progress(f"{path} against its peers, {rounds} rounds of {seconds} s each")
        body = get(PORT, path)
        peers = {"node_exporter": (EXPORTER_PORT, METRICS), "nginx": (PEER_PORT, as_file(folder, f"peer {path}", body))}
        figures = in_turns({"web": (pids["web"], PORT, path),
                            **{peer: (pids[peer], *where) for peer, where in peers.items()}}, rounds, seconds)
        kib = {who: memory(pids[who])["RssAnon"] for who in figures}
        told.append({
            "path": path,
            "bytes": {"web": len(body), **{peer: len(get(*where)) for peer, where in peers.items()}},
            **{figure: {who: spread(figures[who][figure]) for who in figures} for figure in figures["web"]},
            "rss_anon_kib": kib,
            "ratio_to": {peer: {
                **{figure: ratio(figures["web"][figure], figures[peer][figure]) for figure in figures["web"]},
                "rss_anon_kib": kib["web"] / kib[peer],
            } for peer in peers},
        })
    rate = told[0]["requests_per_s"]["web"]["median"]
    return {"answers": told, "scrapes_budget_per_s": BUDGET_SCRAPES, "budget_ratio": BUDGET_SCRAPES / rate}


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


def measure_web(build, state, rounds, seconds, rest_seconds, loads):
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
        page = measure_page(f"http://127.0.0.1:{PORT}/", loads)
        pids = {"web": ours.pid, "nginx": peer.pid, "node_exporter": exporter.pid}
        answers = []
        for name, path in ANSWERS:
            progress(f"sampler-web and nginx: {name}, {rounds} rounds of {seconds} s each")
            answers.append(measure_answer(name, path, pids, folder, rounds, seconds))
        return {
            "at_rest": rest,
            "page": page,
            "answers": answers,
            "peers": against_peers(pids, folder, rounds, seconds),
            "streams": follow(ours.pid, rest_seconds),
            "afterwards": anonymous(ours.pid),
        }


def tell_peers(results):
    print(
        f"\n  {'against':<22} {'bytes':>7} {'requests/s':>11} {'CPU us':>8} {'RssAnon':>11}"
        "   ours to it: requests/s, CPU a request, memory"
    )
    for a in results["answers"]:
        for who, rate in a["requests_per_s"].items():
            r = a["ratio_to"].get(who)
            print(
                f"  {'  ' + who if r else a['path']:<22} {a['bytes'][who]:>7} {rate['median']:>11,.0f}"
                f" {a['cpu_us_per_request'][who]['median']:>8.1f} {a['rss_anon_kib'][who]:>7,} KiB"
                + (f"   {r['requests_per_s']:7.2f} x {r['cpu_us_per_request']:7.3f} x {r['rss_anon_kib']:6.2f} x" if r else "")
            )
    print(f"  {METRICS}: budget {results['scrapes_budget_per_s']:,} requests/s {verdict(results['budget_ratio'])}\n")


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
    all_ms = next(a for a in results["answers"] if a["answer"] == ALL_HISTORY)["cpu_us_per_request"]["web"]["median"] / 1000
    print(f"  {ALL_HISTORY}: {all_ms:.1f} ms on a core (budget {BUDGET_HISTORY_MS} ms) {verdict(all_ms / BUDGET_HISTORY_MS)}")
    tell_peers(results["peers"])
    tell_page(results["page"])
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
