# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Raw frames of the load generator over veth: what of a core's time one takes, in turns with trafgen, tcpreplay
and a bare loop of sendmmsg, which is the kernel's limit; and how punctual they are, from one a second to as
many as go.

A machine that others use as well is now twice as fast as it is then. So all senders are there at once, on one
core, stopped but for one; turns are of milliseconds, and what counts is the time that a sender was on the core
for each frame that came out of the other end.
"""

import contextlib
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import threading
import time

from common import CLIENT, cores, first_match, in_client, on_cpu_ns, process, progress, spread

SIZES = (64, 512, 1514)
BUDGET_TRAFGEN = 1.1  # at 64 bytes, by AF_XDP; of AF_PACKET the kernel has nearly all, as a bare loop shows
WAYS = {"queue": "through the queue", "bypass": "past the queue", "xdp": "past the queue, by AF_XDP"}
MANY = 10**12  # frames: until it is ended
OURS = "sampler-loadgen"
TURN_S, TURN_FRAMES = 0.008, 4000  # at least
WARM_S = 0.1
LONG_S = 20
MAC, SOURCE_MAC = "02:00:00:00:50:02", "02:00:00:00:50:01"  # of no interface
DESTINATION = "198.18.0.9"
GENERATOR = ("--raw", "--interface", "client0", "--destination", DESTINATION, "--destination-mac", MAC)
RATES = (1, 10, 100, 1000, 10_000, 100_000, 300_000)
SHARES = (0.5, 0.8, 0.95)  # of the maximum


def frame(size):
    """UDP over IPv4 as the generator's, but for checksums."""
    ethernet = bytes.fromhex(MAC.replace(":", "") + SOURCE_MAC.replace(":", "") + "0800")
    ip = struct.pack("!BBHHHBBH", 0x45, 0, size - 14, 0, 0, 1, 17, 0)
    ip += bytes(map(int, CLIENT.split("."))) + bytes(map(int, DESTINATION.split(".")))
    return ethernet + ip + struct.pack("!HHHH", 1024, 9, size - 34, 0) + b"\x41" * (size - 42)


def arrived():
    """Frames that came out of server0, which is all that left client0."""
    return int(first_match("/proc/net/dev", r"^ *server0:(.*)$").split()[1])


class Senders:
    """The command lines of all of them, that send one frame again and again until they are ended."""

    def __init__(self, build, folder):
        self.build, self.folder = build, pathlib.Path(folder)
        for size in SIZES:
            data = frame(size)
            (self.folder / f"{size}.bin").write_bytes(data)
            (self.folder / f"{size}.cfg").write_text("{" + ", ".join(map(str, data)) + "}\n")
            (self.folder / f"{size}.pcap").write_bytes(
                struct.pack("=IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
                + struct.pack("=IIII", 0, 0, size, size) + data)

    def _loadgen(self, size, *more):
        return (self.build / "loadgen/sampler-loadgen", *GENERATOR, "--frame-size", size, "--bandwidth", "0",
                "--frames", MANY, *more)

    def _trafgen(self, size, *more):
        return ("trafgen", "--dev", "client0", "--conf", self.folder / f"{size}.cfg", "--num", MANY, "--cpus", "1",
                "--no-sock-mem", *more)

    def all(self, size):
        """The first is compared with those after it, which go the same way: by the queue, or past it."""
        return {
            "queue": {
                OURS: self._loadgen(size),
                "trafgen": self._trafgen(size, "--qdisc-path"),
                "tcpreplay": ("tcpreplay", "--topspeed", "--preload-pcap", "--loop", MANY, "--intf1", "client0",
                              self.folder / f"{size}.pcap"),
                "bare": (self.build / "test/bench/send-bare", "client0", self.folder / f"{size}.bin", MANY),
            },
            "bypass": {
                OURS: self._loadgen(size, "--qdisc-bypass", "yes"),
                "trafgen": self._trafgen(size),
            },
            "xdp": {
                OURS: self._loadgen(size, "--socket", "xdp"),
                "trafgen": self._trafgen(size),
            },
        }


class Sender:
    """One that runs in turns: it is stopped by a signal while others have theirs, all on the first core."""

    def __init__(self, words):
        self.words = words

    def __enter__(self):
        self.run = subprocess.Popen([*in_client(), "taskset", "-c", cores()[0], *map(str, self.words)],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    start_new_session=True)
        try:
            self.await_frames(arrived() + TURN_FRAMES, WARM_S)
        except BaseException:
            self.__exit__()
            raise
        self.signal(signal.SIGSTOP)
        self.pids = [self.run.pid, *children(self.run.pid)]  # trafgen's threads are processes
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        self.run.wait()

    def signal(self, number):
        os.killpg(self.run.pid, number)

    def await_frames(self, n, seconds):
        """Longer where others take the core."""
        deadline = time.monotonic() + LONG_S
        time.sleep(seconds)
        while arrived() < n:
            if self.run.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"bench: no frames: {' '.join(self.run.args)}: status {self.run.returncode}")
            time.sleep(0.002)

    def cpu_ns(self):
        return sum(map(on_cpu_ns, self.pids))

    def turn(self):
        """Return: CPU of a frame, user and system, in ns."""
        cpu, n = self.cpu_ns(), arrived()
        self.signal(signal.SIGCONT)
        self.await_frames(n + TURN_FRAMES, TURN_S)
        self.signal(signal.SIGSTOP)
        for pid in self.pids:
            await_stopped(pid)
        return (self.cpu_ns() - cpu) / (arrived() - n)


def children(pid):
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def await_stopped(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        while (task / "stat").read_text().rpartition(")")[2].split()[0] not in "TZ":
            time.sleep(0.0002)


def compare(ours, other, rounds):
    """Forth and back at once, so that what else the machine does hits both. Return: CPU of a frame, of each."""
    pairs = []
    for _ in range(rounds):
        turns = [sender.turn() for sender in (ours, other, other, ours)]
        pairs.append(((turns[0] + turns[3]) / 2, (turns[1] + turns[2]) / 2))
    return pairs


def in_turns(senders, size, rounds):
    progress(f"raw frames of {size} bytes: {rounds} rounds of turns with trafgen, tcpreplay and a bare loop")
    results = {}
    for way, them in senders.all(size).items():
        results[way] = {}
        with contextlib.ExitStack() as stack:
            running = {name: stack.enter_context(Sender(words)) for name, words in them.items()}
            ours = running.pop(OURS)
            for name, other in running.items():
                pairs = compare(ours, other, rounds)
                results[way][name] = {
                    "cpu_ns": spread([pair[1] for pair in pairs]),
                    "ours_cpu_ns": spread([pair[0] for pair in pairs]),
                    "ours": spread([b / a for a, b in pairs]),
                }
    return results


def wait_ns(pid):
    """For how long its threads have waited for a core that others had."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks)


def run_ndjson(build, *argv):
    """Return: the objects of each second, with for how long of it others had the core, and the report."""
    words = (build / "loadgen/sampler-loadgen", *GENERATOR, *argv, "--ndjson")
    rows, waited = [], 0
    with process(*in_client(), "taskset", "-c", cores()[0], *words, stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            rows.append(json.loads(line))
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread has ended
                now = wait_ns(run.pid)
                rows[-1]["waited_s"], waited = max(0, now - waited) / 1e9, max(now, waited)
        if run.wait():
            sys.exit(f"bench: {' '.join(map(str, words))}: status {run.returncode}")
    return rows[:-1], rows[-1]


def maximum(build, seconds):
    """Frames a second without any pace."""
    _, report = run_ndjson(build, "--bandwidth", "0", "--duration", f"{seconds}s")
    return report["achieved"]["frames_per_s"]


def worst_second(rate, rows):
    """Frames more or less than were due; one is the edge of the second."""
    found = [{"frames": row["frames"] - rate * row["interval_s"], "waited_s": row.get("waited_s", 0)}
             for row in rows if row["interval_s"] > 0.5]
    return max(found, key=lambda second: abs(second["frames"]))


@contextlib.contextmanager
def watch():
    """One who only sleeps: the longest that the machine kept it from waking is in the list at the end."""
    found, over = [0.0], threading.Event()

    def sleep():
        while not over.is_set():
            due = time.monotonic() + 0.005
            time.sleep(0.005)
            found[0] = max(found[0], time.monotonic() - due)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    try:
        yield found
    finally:
        over.set()
        sleeper.join()


def pace(build, rate, seconds):
    """One rate: what was sent of what was due, in all and in the worst second; how late; CPU."""
    progress(f"raw frames at {rate:,}/s for {seconds} s")
    with watch() as stall:
        rows, report = run_ndjson(build, "--rate", str(rate), "--duration", f"{seconds}s")
    return {
        "rate": rate,
        "seconds": seconds,
        "sent": report["frames"]["sent"],
        "due": report["frames"]["asked_for"],
        "worst_second": worst_second(rate, rows),
        "waited_s": sum(row.get("waited_s", 0) for row in rows),
        "stall_ms": stall[0] * 1e3,
        "lateness_us": {name: report["lateness_us"][name] for name in ("p50", "p99", "max")},
        "cpu_percent": report["cpu_percent"],
    }


def measure_raw(build, folder, rounds, seconds):
    senders = Senders(build, folder)
    os.chmod(folder, 0o755)
    results = {
        "speed": {str(size): in_turns(senders, size, rounds) for size in SIZES},
        "pace": [pace(build, rate, seconds) for rate in RATES],
    }
    for share in SHARES:  # of what goes just then, on a machine that others use as well
        most = maximum(build, seconds)
        results["pace"].append({**pace(build, round(share * most), seconds), "share": share})
    return results


def tell_cpu(ns):
    return f"{1e3 / ns['median']:6.3f} {ns['median']:5.0f} ns ({ns['q1']:.0f} to {ns['q3']:.0f})"


def tell_raw(results):
    print("\nRaw frames over veth: millions in a second of one core's time, and what of it a frame takes, of each and"
          f"\nof {OURS} in turns with it; x: how many times as many the latter sends; medians (quartiles)")
    for size, ways in results["speed"].items():
        for way, rows in ways.items():
            print(f"  {size} bytes, {WAYS[way]}")
            for name, row in rows.items():
                budget = f"  budget {BUDGET_TRAFGEN}" if (size, way, name) == ("64", "xdp", "trafgen") else ""
                over = "  UNDER BUDGET" if budget and row["ours"]["median"] < BUDGET_TRAFGEN else ""
                ours = row["ours"]
                print(f"    {name:<10}{tell_cpu(row['cpu_ns'])}   {OURS}{tell_cpu(row['ours_cpu_ns'])}"
                      f"   x {ours['median']:.3f} ({ours['q1']:.3f} to {ours['q3']:.3f}){budget}{over}")
    print("\nRaw frames at a rate, up to so much of the maximum: sent less due, in all and in the worst second, of"
          "\nwhich one is its edge; lateness in ms; CPU, and how long others had the core, of that second and in all;"
          "\nhow late one was who only slept")
    for p in results["pace"]:
        late, worst = p["lateness_us"], p["worst_second"]
        print(f"  {p['rate']:>9,}/s {p['sent'] - p['due']:+8,d} {worst['frames']:+9,.0f}"
              f" {'exact' if abs(worst['frames']) <= 1 else format(abs(worst['frames']) / p['rate'], '.2%'):>6}"
              f"  p50 {late['p50'] / 1e3:.3f} p99 {late['p99'] / 1e3:.3f} max {late['max'] / 1e3:.3f}"
              f"  CPU {p['cpu_percent']:.0f} % others {worst['waited_s']:.0%} {p['waited_s'] / p['seconds']:.0%}"
              f" sleeper {p['stall_ms']:.1f}" + (f"  {p['share']:.0%} of what goes" if "share" in p else ""))
