#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Measure sampler against its budgets (DESIGN.md, section 11), and tell ratios and spread.

Called by test/bench/run, in mount, network and process namespaces of its own. A figure over its budget
is told and is no failure: a machine that others use is slow at times. What cannot be measured is one.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

from common import (SERVER, command, cpu_ticks, in_client, machine, make_link, memory, on_cpu_ns,
                    progress, samplerd, spread, verdict)
from bench_loadgen import measure_speed, server, tell_speed
from bench_pace import measure_pace, tell_pace
from bench_raw import measure_raw, tell_raw
from bench_web import measure_web, tell_web

BUDGET_RX_NS = 8.0
BUDGET_CPU_PERCENT = 0.1
BUDGET_ANON_KIB = 2048
MODES = ("none", "native", "skb")


# ---- the program ----


def measure_rx(build, rounds, repeat):
    """What sampler_rx adds to an empty program, for each kind of frame."""
    progress(f"sampler_rx over an empty program: {rounds} rounds of {repeat:,} frames, four kinds")
    told = command(build / "test/bench/bench-rx", str(rounds), str(repeat), stdout=subprocess.PIPE)
    results = []
    for kind in json.loads(told.stdout):
        added = [s - e for e, s in zip(kind["empty_ns"], kind["sampler_ns"])]
        results.append(
            {
                "frame": kind["name"],
                "bytes": kind["bytes"],
                "empty_ns": spread(kind["empty_ns"]),
                "sampler_ns": spread(kind["sampler_ns"]),
                "added_ns": spread(added),
                "budget_ns": BUDGET_RX_NS,
                "ratio": statistics.median(added) / BUDGET_RX_NS,
            }
        )
    return results


# ---- the recorder ----


def mapped_history_kib(pid):
    smaps = pathlib.Path(f"/proc/{pid}/smaps").read_text()
    return sum(map(int, re.findall(r"\.hist\n(?:\w+:.*\n)*?Rss:\s*(\d+) kB", smaps)))


def child_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


def measure_recorder(build, seconds, state_dir):
    """CPU and memory of samplerd at its default interval, 1 s."""
    progress(f"samplerd's CPU and memory over {seconds} s")
    recorder = subprocess.Popen(
        samplerd(build, "--state-dir", state_dir, "server0"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        for line in recorder.stderr:
            if b": attached: " in line:
                break
        else:
            sys.exit("bench: samplerd has not attached")
        time.sleep(3)
        return watch(recorder.pid, seconds)
    finally:
        recorder.terminate()
        recorder.communicate(timeout=20)


def watch(pid, seconds):
    start, ns, ticks = time.monotonic(), on_cpu_ns(pid), cpu_ticks(pid)
    time.sleep(seconds)
    elapsed = time.monotonic() - start
    percent = (on_cpu_ns(pid) - ns) / elapsed / 1e9 * 100
    rss = memory(pid)
    return {
        "seconds": elapsed,
        "cpu_percent": percent,
        "cpu_percent_by_ticks": (cpu_ticks(pid) - ticks) / os.sysconf("SC_CLK_TCK") / elapsed * 100,
        "cpu_budget_percent": BUDGET_CPU_PERCENT,
        "cpu_ratio": percent / BUDGET_CPU_PERCENT,
        "rss_anon_kib": rss["RssAnon"],
        "rss_anon_budget_kib": BUDGET_ANON_KIB,
        "rss_anon_ratio": rss["RssAnon"] / BUDGET_ANON_KIB,
        "rss_file_kib": rss["RssFile"],
        "rss_shmem_kib": rss["RssShmem"],
        "mapped_history_kib": mapped_history_kib(pid),
        "privileged_child_rss_anon_kib": memory(child_of(pid))["RssAnon"],
    }


# ---- TCP over veth ----


def attach(build, mode):
    if mode != "none":
        command(*samplerd(build, "--quiet", "--mode", mode, "--attach", "server0"), stderr=subprocess.DEVNULL)


def detach(build, mode):
    if mode != "none":
        command(*samplerd(build, "--quiet", "--detach", "server0"))


def iperf3(seconds):
    told = command(
        *in_client(), "iperf3", "-c", SERVER, "-t", str(seconds), "-O", "1", "-J",
        stdout=subprocess.PIPE,
    )  # fmt: skip
    return json.loads(told.stdout)["end"]["sum_received"]["bits_per_second"] / 1e9


def measure_tcp(build, rounds, seconds):
    """One stream of TCP received by server0, with sampler_rx on it and without, in turns."""
    progress(f"TCP over veth: {rounds} rounds of {seconds} s, {', '.join(MODES)}")
    server = subprocess.Popen(
        ["iperf3", "-s", "-B", SERVER],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    gbits = {mode: [] for mode in MODES}
    try:
        time.sleep(0.5)
        for i in range(rounds):
            for mode in MODES[i % 3 :] + MODES[: i % 3]:
                attach(build, mode)
                gbits[mode].append(iperf3(seconds))
                detach(build, mode)
    finally:
        server.terminate()
        server.wait()
    ratios = {m: [g / n for g, n in zip(gbits[m], gbits["none"])] for m in MODES}
    return {m: {"gbit_per_s": spread(gbits[m]), "ratio": spread(ratios[m])} for m in MODES}


# ---- the load generator ----


def measure_loadgen(build, folder, rounds, seconds, schedule_seconds):
    with server(folder):
        time.sleep(1)
        return {**measure_speed(build, folder, rounds, seconds), **measure_pace(build, schedule_seconds)}


def tell_loadgen(results):
    tell_speed(results)
    tell_pace(results)


# ---- telling ----


def tell_rx(results):
    print("\nsampler_rx over an empty XDP program, ns a frame (budget: 8 more)")
    print(f"  {'frame':<28} {'bytes':>5} {'empty':>7} {'sampler':>8} {'added':>7}  spread of added")
    for r in results:
        a = r["added_ns"]
        print(
            f"  {r['frame']:<28} {r['bytes']:>5} {r['empty_ns']['median']:7.2f}"
            f" {r['sampler_ns']['median']:8.2f} {a['median']:7.2f}"
            f"  {a['q1']:.2f} to {a['q3']:.2f} (min {a['min']:.2f}, max {a['max']:.2f},"
            f" n {a['n']})  {verdict(r['ratio'])}"
        )


def tell_recorder(r):
    print(f"\nsamplerd at an interval of 1 s, over {r['seconds']:.0f} s")
    print(
        f"  CPU                  {r['cpu_percent']:8.4f} % of a core (by clock ticks"
        f" {r['cpu_percent_by_ticks']:.2f} %; budget {BUDGET_CPU_PERCENT} %)  {verdict(r['cpu_ratio'])}"
    )
    print(
        f"  RssAnon              {r['rss_anon_kib']:8} KiB (budget {BUDGET_ANON_KIB} KiB)"
        f"  {verdict(r['rss_anon_ratio'])}"
    )
    print(
        f"  RssFile              {r['rss_file_kib']:8} KiB, of which {r['mapped_history_kib']} KiB"
        " are the mapped history; the rest is code that is shared"
    )
    print(
        f"  its privileged child {r['privileged_child_rss_anon_kib']:8} KiB RssAnon"
        " (none under systemd)"
    )


def tell_tcp(results):
    print("\nOne stream of TCP over veth, received Gbit/s")
    for mode, r in results.items():
        g, ratio = r["gbit_per_s"], r["ratio"]
        print(
            f"  {mode:<8} {g['median']:6.2f} (min {g['min']:.2f}, max {g['max']:.2f}, n {g['n']})"
            f"   {ratio['median']:.2f} x none (min {ratio['min']:.2f}, max {ratio['max']:.2f})"
        )


def tell(results):
    m = results["machine"]
    print(
        f"Linux {m['kernel']} {m['architecture']}, {m['cpu']}, {m['cores']} cores, load {m['load']:.2f},"
        f" BPF JIT {m['bpf_jit']}"
    )
    tellers = {"rx": tell_rx, "recorder": tell_recorder, "tcp": tell_tcp, "web": tell_web,
               "loadgen": tell_loadgen, "raw": tell_raw}
    for name, teller in tellers.items():
        if name in results:
            teller(results[name])


def main():
    parser = argparse.ArgumentParser(prog="test/bench/run", description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", type=pathlib.Path, required=True)
    parser.add_argument("--state-dir", required=True)
    parser.add_argument("--bpf-jit", default="unknown")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("what", nargs="*")
    args = parser.parse_args()
    what = args.what or ["rx", "recorder", "tcp", "web", "loadgen", "raw"]

    results = {"machine": {**machine(), "bpf_jit": args.bpf_jit}}
    if "rx" in what:
        rounds, repeat = (9, 500_000) if args.quick else (31, 2_000_000)
        results["rx"] = measure_rx(args.build_dir, rounds, repeat)
    if {"recorder", "tcp", "web", "loadgen", "raw"} & set(what):
        make_link()
    if "recorder" in what:
        with tempfile.TemporaryDirectory(dir=args.state_dir) as state:
            os.chmod(state, 0o711)
            seconds = 30 if args.quick else 60
            results["recorder"] = measure_recorder(args.build_dir, seconds, state + "/history")
    if "tcp" in what:
        results["tcp"] = measure_tcp(args.build_dir, 3, 3 if args.quick else 6)
    if "web" in what:
        with tempfile.TemporaryDirectory(dir=args.state_dir) as state:
            os.chmod(state, 0o711)
            rounds, seconds, rest, loads = (2, 2, 15, 8) if args.quick else (3, 3, 30, 16)
            results["web"] = measure_web(args.build_dir, pathlib.Path(state), rounds, seconds, rest, loads)
    if "loadgen" in what:
        with tempfile.TemporaryDirectory(dir=args.state_dir) as folder:
            rounds, seconds, schedule = (2, 1, 3) if args.quick else (5, 2, 10)
            results["loadgen"] = measure_loadgen(args.build_dir, pathlib.Path(folder), rounds, seconds, schedule)
    if "raw" in what:
        with tempfile.TemporaryDirectory(dir=args.state_dir) as folder:
            rounds, seconds = (20, 2) if args.quick else (100, 10)
            results["raw"] = measure_raw(args.build_dir, folder, rounds, seconds)
    if args.json:
        json.dump(results, sys.stdout, indent=2)
        print()
    else:
        tell(results)


if __name__ == "__main__":
    main()
