# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Scenarios, and what they say in TAP.

A test file registers scenarios with @scenario and ends in main(). Each scenario runs in a process
of its own, which may unshare and mount what it likes, is bounded in time, and reports any number of
points. Whatever it leaves running is killed (the process that runs it adopts orphans), and is a failed
point of its own: nothing may outlive a scenario. Scenarios that share nothing may run several at a time.

By hand: test-x.py [-l] [WORD]... runs the scenarios whose titles hold one of the words.
"""
import ctypes
import json
import os
import re
import select
import signal
import sys
import time
import traceback

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 3  # for processes that are ending by themselves
# An instrumented build is several times slower; meson's timeouts are multiplied there too.
SLOWNESS = float(os.environ.get("SAMPLER_TEST_SLOWNESS", "1"))

libc = ctypes.CDLL(None, use_errno=True)
_scenarios = []


class Failure(Exception):
    """The scenario cannot go on."""


class Skip(Exception):
    """The rest of the scenario cannot be tried on this machine; says why."""


def scenario(title, seconds=30, **arguments):
    """Register a function as a scenario; it gets a Report, and the keyword arguments given here."""

    def register(function):
        _scenarios.append((title, seconds, function, arguments))
        return function

    return register


class Report:
    """The points of a scenario, as it makes them."""

    def __init__(self, fd):
        self._out = os.fdopen(fd, "w")

    def _send(self, **point):
        self._out.write(json.dumps(point) + "\n")
        self._out.flush()

    def ok(self, condition, name, why=""):
        """One point. Return: the condition."""
        self._send(ok=bool(condition), name=name, why="" if condition else str(why))
        return bool(condition)

    def equal(self, got, want, name):
        return self.ok(got == want, name, f"got  {got!r}\nwant {want!r}")

    def match(self, text, pattern, name):
        return self.ok(re.search(pattern, text), name, f"want /{pattern}/ in:\n{text}")

    def skip(self, name, reason):
        self._send(ok=True, name=name, skip=reason, why="")

    def note(self, text):
        self._send(note=str(text))


def eventually(condition, seconds=10):
    """Poll until @condition() is true, at most half of the time. Return: what it returned last."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while True:
        begun = time.monotonic()
        value = condition()
        now = time.monotonic()
        if value or now > deadline:
            return value
        time.sleep(max(0.02 * SLOWNESS, now - begun))


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def children():
    """Pids of this process's children, zombies too."""
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as f:
        return [int(pid) for pid in f.read().split()]


def _describe(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            name, state = re.match(r"\d+ \((.*)\) (\S)", f.read(), re.S).groups()
        return None if state in "ZX" else f"{pid} {name}"
    except OSError:
        return None


def is_running(pid):
    """Whether there is such a process, and it has not ended."""
    return _describe(pid) is not None


def _reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _end_leftovers():
    """Return: what still ran after the grace, as "pid name"; it is dead now."""
    left = []
    eventually(lambda: _reap() or not children(), GRACE_S)
    while True:
        _reap()
        pids = children()
        if not pids:
            return left
        left += [text for pid in pids if (text := _describe(pid)) and text not in left]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


class _Runner:
    def __init__(self):
        self.n = 0
        self.failed = 0

    def point(self, good, name, why="", skip=None):
        self.n += 1
        self.failed += not good
        tail = f" # SKIP {skip}" if skip else ""
        name = name.replace("#", "")
        print(f"{'ok' if good else 'not ok'} {self.n} - {name}{tail}")
        for line in why.splitlines() if why else []:
            print("#   " + line)
        sys.stdout.flush()

    def _take(self, title, line):
        point = json.loads(line)
        if "note" in point:
            for text in point["note"].splitlines():
                print("# " + text)
            return
        self.point(point["ok"], f"{title}: {point['name']}", point["why"], point.get("skip"))

    def _follow(self, title, pid, fd, seconds):
        """Report the child's points until it ends. Return: whether it did so in time."""
        deadline = time.monotonic() + seconds
        pidfd = os.pidfd_open(pid)
        pending, watched = b"", [fd, pidfd]
        while True:
            left = deadline - time.monotonic()
            ready = select.select(watched, [], [], max(left, 0))[0]
            if fd in ready:
                data = os.read(fd, 65536)
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._take(title, line)
                if not data:
                    watched = [pidfd]
            elif pidfd in ready or left <= 0:
                os.close(pidfd)
                return pidfd in ready

    def run(self, title, seconds, function, arguments):
        out, into = os.pipe()
        start = time.monotonic()
        pid = os.fork()
        if not pid:
            os.close(out)
            _child(function, arguments, into)
        os.close(into)
        before = self.n
        in_time = self._follow(title, pid, out, seconds * SLOWNESS)
        if not in_time:
            self.point(False, title, f"not done after {seconds * SLOWNESS:.0f} s: killed")
            os.kill(pid, signal.SIGKILL)
        os.close(out)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status) and in_time:
            self.point(False, title, f"ended by signal {os.WTERMSIG(status)}")
        elif self.n == before:
            self.point(False, title, "made no point")
        left = _end_leftovers()
        if left:
            self.point(False, f"{title}: nothing is left running", "\n".join(left))
        print(f"# {title}: {time.monotonic() - start:.1f} s")


def _child(function, arguments, fd):
    """Never returns."""
    die_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    report = Report(fd)
    try:
        function(report, **arguments)
    except Skip as skip:
        report.skip("the rest", str(skip))
    except Failure as failure:
        where = traceback.extract_tb(failure.__traceback__)
        lines = [f"{os.path.basename(f.filename)}:{f.lineno}" for f in where]
        report.ok(False, "goes on", f"{failure}\nat {' > '.join(lines)}")
    except BaseException:
        report.ok(False, "goes on", traceback.format_exc())
    finally:
        os._exit(0)


def _stop(signum, _frame):
    raise SystemExit(128 + signum)


class _Jobs:
    """
    Scenarios side by side, each with a runner in a process of its own, which adopts what is orphaned
    there. What they say is told in the order in which they were registered.
    """

    def __init__(self, chosen, runner):
        self._left, self._runner = list(enumerate(chosen)), runner
        self._running = {}  # descriptor -> (index, pid, text so far)
        self._told, self._next = {}, 0

    def _start(self):
        index, (title, seconds, function, arguments) = self._left.pop(0)
        out, into = os.pipe()
        sys.stdout.flush()
        pid = os.fork()
        if not pid:
            try:
                os.close(out)
                die_with_parent()
                libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
                os.dup2(into, sys.stdout.fileno())
                _Runner().run(title, seconds, function, arguments)
                sys.stdout.flush()
            finally:
                os._exit(0)
        os.close(into)
        self._running[out] = index, pid, b""

    def _read(self, fd):
        index, pid, text = self._running[fd]
        data = os.read(fd, 65536)
        if data:
            self._running[fd] = index, pid, text + data
            return
        os.close(fd)
        os.waitpid(pid, 0)
        del self._running[fd]
        self._told[index] = text.decode(errors="replace")

    def _tell(self):
        while self._next in self._told:
            for line in self._told.pop(self._next).splitlines():
                match = re.match(r"(not )?ok \d+ - (.*?)(?: # SKIP (.*))?$", line)
                if match:
                    self._runner.point(not match[1], match[2], skip=match[3])
                else:
                    print(line)
            self._next += 1

    def run(self, n):
        while self._left or self._running:
            while self._left and len(self._running) < n:
                self._start()
            for fd in select.select(list(self._running), [], [])[0]:
                self._read(fd)
            self._tell()


def main(jobs=1):
    """Run the scenarios that the command line asks for, or all, so many at a time. Never returns."""
    words = [word for word in sys.argv[1:] if word != "-l"]
    chosen = [s for s in _scenarios if not words or any(word in s[0] for word in words)]
    if "-l" in sys.argv:
        print("\n".join(s[0] for s in chosen))
        sys.exit(0)
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root: namespaces, BPF and raw sockets")
        sys.exit(0)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, _stop)
    runner = _Runner()
    print("TAP version 13")
    try:
        if jobs > 1:
            _Jobs(chosen, runner).run(jobs)
        else:
            for title, seconds, function, arguments in chosen:
                runner.run(title, seconds, function, arguments)
    finally:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        _end_leftovers()
    print(f"1..{runner.n}")
    sys.exit(1 if runner.failed else 0)
