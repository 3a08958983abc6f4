#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Run the tests that meson knows of, tier by tier, and count their TAP points.

Called by test/run, which has installed and built everything. A tier is a suite of meson's. Each test
program runs in a session of its own, against each of the builds that test/suites names for it. Several
run at a time, the longest first; those that meson is told not to run in parallel come last, alone,
but for machines of their own (the tier vm), which run beside each other.
A program fails as a whole, on top of its points, when it crashes, runs out of time, prints no plan or
another number of points than planned, exits with an error that no point explains, or leaves processes
behind (which are ended).

test/suites pins what must run and what may be skipped; a test or a skip that is not in it fails.
"""

import argparse
import concurrent.futures
import ctypes
import dataclasses
import fnmatch
import itertools
import json
import multiprocessing
import os
import pathlib
import re
import resource
import selectors
import shlex
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_SKIP = 77
MACHINES = "vm"  # the tier whose programs are in nobody's way but that of the rest
SANITIZED_SLOWDOWN = 4
JOBS = 1 + (os.cpu_count() or 1)  # many of them wait most of the time
GRACE_S = 5  # from SIGTERM to SIGKILL; and for what a test has asked to end but not waited for
SHOWN_LINES = 60  # of a failed test's output; all of it is in its log

PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$", re.IGNORECASE)
POINT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
DIRECTIVE = re.compile(r"^(.*?)\s*#\s*(skip|todo)\S*\s*(.*)$", re.IGNORECASE)

EXIT_SANITIZER = 99
SANITIZER_ENV = {
    "ASAN_OPTIONS": "strict_string_checks=1:detect_stack_use_after_return=1:exitcode=" + str(EXIT_SANITIZER),
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=" + str(EXIT_SANITIZER),
    "LSAN_OPTIONS": "exitcode=" + str(EXIT_SANITIZER),
}

# What the session that started us must not tell the tests.
FOREIGN_ENV = ("JOURNAL_STREAM", "NOTIFY_SOCKET", "WATCHDOG_USEC", "LISTEN_FDS", "MESON_TEST_ITERATION")


@dataclasses.dataclass(frozen=True)
class Pin:
    """A line of test/suites: this test must run, in these builds."""

    tier: str
    test: str
    builds: tuple


@dataclasses.dataclass(frozen=True)
class Allowance:
    """A line of test/suites: this point may be skipped, for this reason (all three are globs)."""

    test: str
    point: str
    reason: str


@dataclasses.dataclass
class Result:
    """What one program in one build has shown."""

    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)
    skipped: list = dataclasses.field(default_factory=list)  # (point, reason)
    problems: list = dataclasses.field(default_factory=list)  # of the program as a whole
    output: str = ""
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def n_failed(self):
        return len(self.failed) + len(self.problems)


# ---- TAP ----


def parse_tap(text, result):
    """Add the points of a program's standard output to its result."""
    plan, n_points = None, 0
    for line in text.splitlines():
        line = line.rstrip()
        if line.startswith("Bail out!"):
            result.problems.append(line)
            continue
        match = PLAN.match(line)
        if match:
            if plan is not None:
                result.problems.append("two plans")
            plan = int(match.group(1))
            if plan == 0:
                result.skipped.append(("", match.group(2) or "no reason"))
            continue
        match = POINT.match(line)
        if match:
            n_points += 1
            add_point(match, result)
    if plan is None:
        result.problems.append("no plan")
    elif plan != n_points:
        result.problems.append(f"{n_points} points, {plan} were planned")


def add_point(match, result):
    ok, name = not match.group(1), match.group(3)
    directive = DIRECTIVE.match(name)
    if directive and directive.group(2).lower() == "skip":
        result.skipped.append((directive.group(1), directive.group(3) or "no reason"))
    elif ok or (directive and directive.group(2).lower() == "todo"):
        result.passed += 1
    else:
        result.failed.append(name or f"point {match.group(2)}")


def judge_exit(status, sanitized, result):
    """Is the exit status explained by the points?"""
    if status < 0:
        result.problems.append(f"killed by {signal.Signals(-status).name}")
    elif status == EXIT_SANITIZER and sanitized:
        result.problems.append("a sanitizer complained")
    elif status == EXIT_SKIP and result.skipped and not result.passed:
        return
    elif status and not result.failed and not result.problems:
        result.problems.append(f"exit status {status}, with no point that failed")


# ---- processes ----


def adopt_orphans():
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants():
    """The processes below us: pid -> command name. Orphans are ours as well (subreaper)."""
    parents, names = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            stat = (entry / "stat").read_text()
        except OSError:
            continue
        name, _, rest = stat.partition("(")[2].rpartition(")")
        state, parent = rest.split()[:2]
        if state != "Z":
            parents[int(entry.name)] = int(parent)
            names[int(entry.name)] = name
    below = {}
    for pid in parents:
        up = pid
        while up in parents and up != os.getpid():
            up = parents[up]
        if up == os.getpid() and pid != up:
            below[pid] = names[pid]
    return below


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wait_for_descendants():
    """Give them GRACE_S to end. Return the names of those that have not."""
    deadline = time.monotonic() + GRACE_S
    while descendants() and time.monotonic() < deadline:
        reap()
        time.sleep(0.02)
    reap()
    return sorted(descendants().values())


def end_descendants():
    for sign in (signal.SIGTERM, signal.SIGKILL):
        for pid in descendants():
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                pass
        if not wait_for_descendants():
            return


def end_leftovers():
    """End what a test has left behind. Return the names of those that did not end by themselves."""
    left = wait_for_descendants()
    if left:
        end_descendants()
    return left


class Program:
    """A test program, run to its end or to its time-out."""

    def __init__(self, test, env, log):
        self.test, self.env, self.log = test, env, log

    def run(self, timeout):
        """Return (exit status or None on time-out, standard output, all output)."""
        process = subprocess.Popen(
            self.test["cmd"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env,
            cwd=self.test["workdir"],
            start_new_session=True,
        )
        deadline = time.monotonic() + timeout
        out, both = bytearray(), bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            ended = self.collect(process, selector, deadline, out, both)
        if not ended:
            self.kill(process)
        process.stdout.close()
        process.stderr.close()
        decode = lambda data: bytes(data).decode(errors="replace")
        return process.wait() if ended else None, decode(out), decode(both)

    def collect(self, process, selector, deadline, out, both):
        """Read until the program has ended. A pipe that a child of its holds open is not waited for."""
        while time.monotonic() < deadline:
            ended = process.poll() is not None
            ready = selector.select(0 if ended else 0.1)
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                both += data
                if key.fileobj is process.stdout:
                    out += data
                self.log.write(data)
            if ended and not ready:
                return True
            if not selector.get_map():
                try:
                    process.wait(max(0, deadline - time.monotonic()))
                except subprocess.TimeoutExpired:
                    return False
                return True
        return False

    @staticmethod
    def kill(process):
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, sign)
            except ProcessLookupError:
                pass
            try:
                process.wait(GRACE_S)
                return
            except subprocess.TimeoutExpired:
                continue


# ---- what to run ----


def read_suites(path):
    pins, allowances = [], []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] == "skip" and len(words) == 4:
            allowances.append(Allowance(*words[1:]))
        elif words[0] != "skip" and len(words) == 3:
            pins.append(Pin(words[0], words[1], tuple(words[2].split(","))))
        else:
            sys.exit(f"{path}:{number}: expected `tier test builds` or `skip test point reason`")
    return pins, allowances


def read_tests(build_dir):
    """Tier and name -> test, as meson tells."""
    told = subprocess.run(
        ["meson", "introspect", "--tests", str(build_dir)], stdout=subprocess.PIPE, check=True
    )
    tests = {}
    for test in json.loads(told.stdout):
        test["workdir"] = test["workdir"] or str(build_dir)  # as meson test does: its arguments go by that
        for suite in test["suite"]:
            tests[suite.rpartition(":")[2], test["name"]] = test
    return tests


def is_wanted(wanted, tier, name):
    return tier in wanted or f"{tier}/{name}" in wanted


def select(wanted, pins, builds):
    """Return jobs in the order of the pins, and what is wrong with the pins."""
    selected, problems, seen = [], [], set()
    tests = {build: read_tests(path) for build, path in builds.items()}
    for tier in dict.fromkeys(want.partition("/")[0] for want in wanted):
        for pin in pins:
            if pin.tier != tier or not is_wanted(wanted, tier, pin.test):
                continue
            seen.add((tier, pin.test))
            for build in (build for build in pin.builds if build in builds):
                test = tests[build].get((tier, pin.test))
                if test:
                    selected.append(Job(build, tier, pin.test, test))
                else:
                    problems.append(f"{tier}/{pin.test} ({build}) is in test/suites, but is not built")
    for tier, name in sorted({key for known in tests.values() for key in known} - seen):
        if is_wanted(wanted, tier, name):
            problems.append(f"{tier}/{name} is not in test/suites: add it, or nobody will miss it")
    for want in wanted:
        if "/" in want and tuple(want.split("/", 1)) not in seen:
            problems.append(f"there is no test {want}")
    return selected, list(dict.fromkeys(problems))


# ---- running, in processes of its own ----


@dataclasses.dataclass(frozen=True)
class Job:
    """A program to run, in one of the builds."""

    build: str
    tier: str
    name: str
    test: dict  # as meson tells of it

    @property
    def sanitized(self):
        return self.build == "sanitized"

    @property
    def timeout(self):
        return self.test["timeout"] * (SANITIZED_SLOWDOWN if self.sanitized else 1)

    def environment(self):
        env = {key: value for key, value in os.environ.items() if key not in FOREIGN_ENV}
        env.update(LC_ALL="C", TZ="UTC")
        env.update(self.test["env"])
        if self.sanitized:
            for key, value in SANITIZER_ENV.items():
                env[key] = ":".join(filter(None, [value, self.test["env"].get(key)]))
        return env


def begin_worker():
    """A worker adopts what its program orphans, and ends with us."""
    adopt_orphans()
    for number in STOPS:
        signal.signal(number, signal.SIG_DFL)


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def execute(job, log_dir):
    """Run a program in a worker. Return: its Result."""
    result, start, cpu_before = Result(), time.monotonic(), cpu_seconds()
    with (log_dir / f"{job.name}.{job.build}.log").open("wb", buffering=0) as log:
        program = Program(job.test, job.environment(), log)
        try:
            status, out, result.output = program.run(job.timeout)
        except OSError as error:
            result.problems.append(f"cannot be started: {error}")
            return result
        parse_tap(out, result)
        if status is None:
            result.problems = [f"ran out of time ({job.timeout} s)"]
        else:
            judge_exit(status, job.sanitized, result)
        left = end_leftovers()
        if left:
            result.problems.append("left processes behind: " + ", ".join(left))
        for problem in result.problems:
            log.write(f"# test/run: {problem}\n".encode())
    result.seconds = time.monotonic() - start
    result.cpu_seconds = cpu_seconds() - cpu_before
    return result


# ---- telling ----


class Run:
    """All that was asked for; tells of each program when it has ended."""

    def __init__(self, allowances, log_dir, jobs):
        self.allowances, self.log_dir, self.jobs = allowances, log_dir, jobs
        self.passed = self.failed = 0
        self.skipped = []  # (title, point, reason)
        self.failures = []  # titles

    def forbid_skips(self, name, result):
        """A skip that test/suites does not allow is a failure."""
        allowed = []
        for point, reason in result.skipped:
            if any(
                fnmatch.fnmatchcase(name, allowance.test)
                and fnmatch.fnmatchcase(point, allowance.point)
                and fnmatch.fnmatchcase(reason, allowance.reason)
                for allowance in self.allowances
            ):
                allowed.append((point, reason))
            else:
                result.problems.append(f"skipped, and test/suites does not allow it: {point} ({reason})")
        result.skipped = allowed

    def all(self, selected):
        """Run programs, as many at a time as are wanted, and then those that are to be alone."""
        # By what they may take: what begins last should be short.
        together = sorted((job for job in selected if job.test["is_parallel"]), key=lambda job: -job.timeout)
        alone = [job for job in selected if not job.test["is_parallel"]]
        context = multiprocessing.get_context("fork")
        with concurrent.futures.ProcessPoolExecutor(self.jobs, context, begin_worker) as pool:
            running = {pool.submit(execute, job, self.log_dir): job for job in together}
            for future in concurrent.futures.as_completed(running):
                self.take(running[future], future)
            for _, jobs in itertools.groupby(alone, lambda job: MACHINES if job.tier == MACHINES else id(job)):
                for job, future in [(job, pool.submit(execute, job, self.log_dir)) for job in jobs]:
                    self.take(job, future)

    def take(self, job, future):
        """Count and tell what a program has shown, once it has ended."""
        result = future.result()
        title = f"{job.tier}/{job.name}" + ("" if job.build == "plain" else f" ({job.build})")
        self.forbid_skips(job.name, result)
        self.passed += result.passed
        self.failed += result.n_failed
        self.skipped += [(title, *skip) for skip in result.skipped]
        told = [f"{result.passed} passed"]
        told += [f"{result.n_failed} FAILED"] if result.n_failed else []
        told += [f"{len(result.skipped)} skipped"] if result.skipped else []
        print(f"{title:<42} {', '.join(told):<32} {result.seconds:6.1f} s, {result.cpu_seconds:5.1f} s of CPU",
              flush=True)
        if result.n_failed:
            self.failures.append(title)
            self.show(title, job.build, job.name, result)

    def show(self, title, build, name, result):
        for line in [*result.problems, *(f"not ok: {point}" for point in result.failed)]:
            print(f"    {line}")
        lines = [
            line for line in result.output.splitlines() if not re.match(r"ok\b", line.strip())
        ]
        print(f"    --- output (all of it: {self.log_dir / f'{name}.{build}.log'})")
        if len(lines) > SHOWN_LINES:
            print(f"    ... {len(lines) - SHOWN_LINES} lines more")
        for line in lines[-SHOWN_LINES:]:
            print(f"    {line}")
        print(f"    --- end of {title}", flush=True)

    def problem(self, text):
        self.failed += 1
        self.failures.append(text)
        print(f"FAILED: {text}", flush=True)

    def bench(self, status):
        if status:
            self.problem(f"bench: exit status {status}")
        else:
            self.passed += 1

    def summary(self):
        print()
        for title, point, reason in self.skipped:
            print(f"skipped: {title}{': ' if point else ''}{point}: {reason}")
        for title in self.failures:
            print(f"failed: {title}")
        print(f"{self.passed} passed, {self.failed} failed, {len(self.skipped)} skipped", flush=True)
        return 1 if self.failed else 0


def stop(number, _frame):
    """End as asked, and take all that runs along."""
    signal.signal(number, signal.SIG_IGN)
    print("\ninterrupted", flush=True)
    end_descendants()
    os._exit(128 + number)  # without waiting for the workers, which are gone


def main():
    parser = argparse.ArgumentParser(description="Run tiers of tests; test/run calls it.")
    parser.add_argument("--build", action="append", default=[], metavar="NAME=DIR")
    parser.add_argument("--suites", type=pathlib.Path, required=True)
    parser.add_argument("--log-dir", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=JOBS, help="programs at a time (%(default)s)")
    parser.add_argument("--bench", type=int, help="exit status of the benchmarks, one more point")
    parser.add_argument("wanted", nargs="*", metavar="TIER[/TEST]")
    args = parser.parse_args()

    adopt_orphans()
    for number in STOPS:
        signal.signal(number, stop)
    args.log_dir.mkdir(parents=True, exist_ok=True)
    builds = dict(build.split("=", 1) for build in args.build)
    pins, allowances = read_suites(args.suites)
    selected, problems = select(args.wanted, pins, builds)
    run = Run(allowances, args.log_dir, args.jobs)
    try:
        run.all(selected)
    except concurrent.futures.BrokenExecutor:
        run.problem("a runner was killed, and with it what was still to run")
        end_descendants()
    for text in problems:
        run.problem(text)
    if args.bench is not None:
        run.bench(args.bench)
    return run.summary()


if __name__ == "__main__":
    sys.exit(main())
