# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Raw frames of the load generator over veth: frames a second on one core, in turns with trafgen, tcpreplay
and a bare loop of sendmmsg, which is the kernel's limit; and how punctual they are, from one a second to as
many as go.
"""

import json
import os
import pathlib
import re
import resource
import struct
import subprocess
import sys

from common import CLIENT, cores, in_client, progress, spread

SIZES = (64, 512, 1514)
BUDGET_TRAFGEN = 1.1  # at 64 bytes
MAC, SOURCE_MAC = "02:00:00:00:50:02", "02:00:00:00:50:01"  # of no interface
DESTINATION = "198.18.0.9"
RATES = (1, 10, 100, 1000, 10_000, 100_000, 300_000)
SHARES = (0.5, 0.8, 0.95)  # of the maximum


def frame(size):
    """UDP over IPv4 as the generator's, but for checksums."""
    ethernet = bytes.fromhex(MAC.replace(":", "") + SOURCE_MAC.replace(":", "") + "0800")
    ip = struct.pack("!BBHHHBBH", 0x45, 0, size - 14, 0, 0, 1, 17, 0)
    ip += bytes(map(int, CLIENT.split("."))) + bytes(map(int, DESTINATION.split(".")))
    return ethernet + ip + struct.pack("!HHHH", 1024, 9, size - 34, 0) + b"\x41" * (size - 42)


class Senders:
    """Each is called with a size and a number of frames, and returns frames a second by its own clock."""

    def __init__(self, build, folder):
        self.build, self.folder = build, pathlib.Path(folder)
        for size in SIZES:
            data = frame(size)
            (self.folder / f"{size}.bin").write_bytes(data)
            (self.folder / f"{size}.cfg").write_text("{" + ", ".join(map(str, data)) + "}\n")
            (self.folder / f"{size}.pcap").write_bytes(
                struct.pack("=IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
                + struct.pack("=IIII", 0, 0, size, size) + data)

    def _run(self, *words):
        """On the first core; also that of trafgen's only thread. Return: what it said."""
        done = subprocess.run([*in_client(), "taskset", "-c", cores()[0], *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"bench: {words[0]}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def sampler_loadgen(self, size, n):
        said = self._run(self.build / "loadgen/sampler-loadgen", "--raw", "--interface", "client0",
                         "--destination", DESTINATION, "--destination-mac", MAC, "--frame-size", size,
                         "--bandwidth", "0", "--frames", n, "--json")
        return json.loads(said)["achieved"]["frames_per_s"]

    def trafgen(self, size, n):
        said = self._run("trafgen", "--dev", "client0", "--conf", self.folder / f"{size}.cfg", "--num", n,
                         "--cpus", "1", "--no-sock-mem", "--qdisc-path")  # the way of all others here
        seconds = re.search(r"(\d+) sec, (\d+) usec on CPU0 \((\d+) packets\)", said)
        if int(seconds[3]) != n:
            sys.exit(f"bench: trafgen has not sent {n}: {said}")
        return n / (int(seconds[1]) + int(seconds[2]) / 1e6)

    def tcpreplay(self, size, n):
        said = self._run("tcpreplay", "--topspeed", "--preload-pcap", "--loop", n, "--intf1", "client0",
                         self.folder / f"{size}.pcap")
        return float(re.search(r"Rated: .* ([\d.]+) pps", said)[1])

    def bare(self, size, n):
        return float(self._run(self.build / "test/bench/send-bare", "client0", self.folder / f"{size}.bin", n))


def tx_packets():
    said = subprocess.run([*in_client(), "ip", "-j", "-s", "link", "show", "client0"], check=True,
                          capture_output=True, text=True).stdout
    return json.loads(said)[0]["stats64"]["tx"]["packets"]


def measure_one(send, size, n):
    """Frames a second, and CPU of a frame, user and system, in ns."""
    before, packets = resource.getrusage(resource.RUSAGE_CHILDREN), tx_packets()
    rate = send(size, n)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if tx_packets() - packets < n:
        sys.exit(f"bench: {send.__name__}: {tx_packets() - packets} of {n} frames left the interface")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"frames_per_s": rate, "cpu_ns": cpu / n * 1e9}


def in_turns(senders, size, rounds, n):
    progress(f"raw frames of {size} bytes: {rounds} rounds of {n:,}, in turns with trafgen, tcpreplay and a bare loop")
    sends = [senders.sampler_loadgen, senders.trafgen, senders.tcpreplay, senders.bare]
    rows = {send.__name__: [] for send in sends}
    for i in range(rounds):
        for send in sends[i % 4:] + sends[:i % 4]:
            rows[send.__name__].append(measure_one(send, size, n))
    ours = rows["sampler_loadgen"]
    return {name: {
        "frames_per_s": spread([row["frames_per_s"] for row in found]),
        "cpu_ns": spread([row["cpu_ns"] for row in found]),
        "ours": spread([a["frames_per_s"] / b["frames_per_s"] for a, b in zip(ours, found)]),
    } for name, found in rows.items()}


def run_ndjson(build, *argv):
    """Return: the objects of each second, and the report."""
    said = subprocess.run(
        [*in_client(), "taskset", "-c", cores()[0], str(build / "loadgen/sampler-loadgen"), "--raw", "--interface",
         "client0", "--destination", DESTINATION, "--destination-mac", MAC, *argv, "--ndjson"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True).stdout
    *rows, report = map(json.loads, said.splitlines())
    return rows, report


def maximum(build, seconds):
    """Frames a second without any pace."""
    _, report = run_ndjson(build, "--bandwidth", "0", "--duration", f"{seconds}s")
    return report["achieved"]["frames_per_s"]


def pace(build, rate, seconds):
    """One rate: what was sent of what was due, in all and in the worst second; how late; CPU."""
    progress(f"raw frames at {rate:,}/s for {seconds} s")
    rows, report = run_ndjson(build, "--rate", str(rate), "--duration", f"{seconds}s")
    whole = [row for row in rows if row["interval_s"] > 0.9 and rate >= 10]
    return {
        "rate": rate,
        "seconds": seconds,
        "sent_of_due": report["frames"]["sent"] / report["frames"]["asked_for"],
        "seconds_off": max((abs(row["achieved"]["frames_per_s"] / rate - 1) for row in whole), default=None),
        "lateness_us": {name: report["lateness_us"][name] for name in ("p50", "p99", "max")},
        "cpu_percent": report["cpu_percent"],
    }


def measure_raw(build, folder, rounds, n, seconds):
    senders = Senders(build, folder)
    os.chmod(folder, 0o755)
    results = {
        "speed": {str(size): in_turns(senders, size, rounds, n) for size in SIZES},
        "pace": [pace(build, rate, seconds) for rate in RATES],
    }
    for share in SHARES:  # of what goes just then, on a machine that others use as well
        most = maximum(build, seconds)
        results["pace"].append({**pace(build, round(share * most), seconds), "share": share})
    return results


def tell_raw(results):
    print("\nRaw frames over veth on one core, Mpps, in turns; x: how many times as many sampler-loadgen sends")
    for size, rows in results["speed"].items():
        print(f"  {size} bytes")
        for name, row in rows.items():
            rate, ours = row["frames_per_s"], row["ours"]
            over = size == "64" and name == "trafgen" and ours["median"] < BUDGET_TRAFGEN
            print(f"    {name:<16} {rate['median'] / 1e6:6.3f} (min {rate['min'] / 1e6:.3f}, max"
                  f" {rate['max'] / 1e6:.3f})  {row['cpu_ns']['median']:6.0f} ns CPU   x {ours['median']:.2f}"
                  f" ({ours['q1']:.2f} to {ours['q3']:.2f})"
                  f"{f'  budget {BUDGET_TRAFGEN}' if size == '64' and name == 'trafgen' else ''}"
                  f"{'  UNDER BUDGET' if over else ''}")
    print("\nRaw frames at a rate, up to so much of the maximum: sent of due, the worst second, lateness in us, CPU")
    for p in results["pace"]:
        late, off = p["lateness_us"], p["seconds_off"]
        print(f"  {p['rate']:>9,}/s  {p['sent_of_due']:.5f}  {'-' if off is None else f'{off * 100:.2f} %':>8}"
              f"  p50 {late['p50']:8.1f}  p99 {late['p99']:9.1f}  max {late['max']:10.1f}"
              f"  {p['cpu_percent']:5.1f} %" + (f"  {p['share']:.0%} of what goes" if "share" in p else ""))
