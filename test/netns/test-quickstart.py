#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
packaging/quickstart as a user runs it, with everything installed: rates show, and however it ends
nothing is left behind.

It runs on this machine, not in a laboratory: that it makes its own is what is tested. Only what needs
an interface gets namespaces, so that no interface of the machine is touched.
"""
import contextlib
import glob
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

import tap
from tap import Failure, eventually, libc, scenario

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICKSTART = ROOT + "/packaging/quickstart"
BPFFS = "/sys/fs/bpf"
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE, MNT_DETACH = 0x4000, 0x40000, 2

RATES = re.compile(r"samplerd: (\S+): rx ([\d.]+) (\S*)bit/s.* http ([\d.]+) (\S*)bit/s")
PAGE = re.compile(r"Dashboard: (http://localhost:(\d+)/)")
BUILT = r"Building \.\.\. done"
BUILD_S = 200  # on a busy machine
ATTACHED = re.compile(r"attached: .*program id (\d+)")


class Quickstart:
    """A run of packaging/quickstart, and all that it says on both outputs."""

    def __init__(self, *arguments, env=None, terminal=False, prefix=()):
        environment = {k: v for k, v in os.environ.items() if k not in ("TERM", "JOURNAL_STREAM")}
        self._temporary = tempfile.mkdtemp()  # of its own: others may run at the same time
        os.chmod(self._temporary, 0o755)
        environment.update({"TMPDIR": self._temporary, **(env or {})})
        self.text, self.before = "", self.surroundings()
        self._controller, into = pty.openpty() if terminal else os.pipe()
        self.process = subprocess.Popen(
            [*prefix, QUICKSTART, *arguments],
            cwd="/",
            env=environment,
            stdin=into if terminal else subprocess.DEVNULL,
            stdout=into,
            stderr=into,
            preexec_fn=take_terminal if terminal else os.setsid,
        )
        os.close(into)

    def read(self, seconds):
        """Return: whether there may be more."""
        if not select.select([self._controller], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self._controller, 65536)
        except OSError:  # a terminal that nobody has open any more
            data = b""
        self.text += data.decode(errors="replace").replace("\r", "")
        return bool(data)

    def wait_for(self, pattern, times=1, seconds=60):
        """Once it is built: the first one builds, and others wait for it."""
        if pattern != BUILT:
            self.wait_for(BUILT, seconds=BUILD_S)
        deadline = time.monotonic() + seconds * tap.SLOWNESS
        while len(re.findall(pattern, self.text)) < times:
            if time.monotonic() > deadline or not self.read(0.2):
                raise Failure(f"/{pattern}/ does not show {times} times in:\n{self.text}")

    def type(self, data):
        os.write(self._controller, data)

    def end(self, seconds=20):
        """Return: the exit status, when it and all that write where it writes have ended."""
        deadline = time.monotonic() + seconds * tap.SLOWNESS
        while self.read(0.2):
            if time.monotonic() > deadline:
                raise Failure(f"has not ended after {seconds} s:\n{self.text}")
        return self.process.wait(max(1, deadline - time.monotonic()))

    def surroundings(self):
        return {
            "mounts": mounts(),
            "interfaces": interfaces(),
            "namespaces with a name": sorted(glob.glob("/run/netns/*")),
            "temporary folders": os.listdir(self._temporary),
            "pins": sorted(path for path in glob.glob(BPFFS + "/*") if not path.endswith(".debug")),
        }

    @property
    def programs(self):
        return ATTACHED.findall(self.text)


def take_terminal():
    os.setsid()
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first one opened becomes the session's


def mounts():
    with open("/proc/self/mounts", encoding="utf-8") as f:
        return sorted(f.read().splitlines())


def interfaces():
    with open("/proc/self/net/dev", encoding="utf-8") as f:
        return sorted(re.findall(r"^ *([^ :]+):", f.read(), re.M))


def program_exists(number):
    done = subprocess.run(
        ["bpftool", "prog", "show", "id", number],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode == 0


def check_nothing_left(report, run, attached=True):
    # Processes are left to tap.py, which adopts and names them.
    report.equal(bool(run.programs), attached, "the program's number was told, if any")
    for number in run.programs:
        gone = eventually(lambda n=number: not program_exists(n))
        report.ok(gone, "the program is gone", f"program {number} is still there")
    report.ok(
        eventually(lambda: run.surroundings() == run.before),
        "mounts, interfaces, names, folders and pins are as before",
        f"before {run.before}\nafter {run.surroundings()}",
    )


def get(run, path):
    """What the page's server answers while quickstart runs, as text."""
    run.wait_for(PAGE.pattern)
    with urllib.request.urlopen(PAGE.search(run.text)[1].rstrip("/") + path,
                                timeout=10 * tap.SLOWNESS) as answer:
        return answer.read().decode()


def check_page(report, run, ifname):
    """The dashboard's address leads to the page, and the API behind it shows the same traffic."""
    run.wait_for(RATES.pattern, times=3)
    report.match(get(run, "/"), r"<title>.*sampler", "there is a page at the dashboard's address")
    answers = []

    def live():  # an interval in which the machine stood still has no frames
        answers.append(json.loads(get(run, "/api/metrics/realtime")))
        return answers[-1]["http_bandwidth_bps"] > 0 and not answers[-1]["stale"]

    good = eventually(live)
    report.equal(answers[-1]["interfaces"], [ifname], "the API shows the interface")
    report.ok(good, "and its HTTP", answers[-1])


def http_rates(text):
    return [float(match[4]) for match in RATES.finditer(text)]


# ---- a link of its own ----


def answers(run):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", int(PAGE.search(run.text)[2])), 5).close()
        return True
    return False


@scenario("by itself", seconds=BUILD_S + 120)
def by_itself(report):
    run = Quickstart("--seconds", "15")
    check_page(report, run, "web0")
    report.equal(run.end(seconds=100), 0, "ends as asked, status 0")
    report.ok(not answers(run), "nothing answers at the dashboard's address any more")
    rates = http_rates(run.text)
    spans = [float(span) for span in re.findall(r"bytes in ([\d.]+) s\)", run.text)]
    report.ok(len(rates) >= 3 and len(spans) >= len(rates), "lines with rates", run.text)
    report.ok(sorted(spans)[len(spans) // 2] < 2.5, "of about a second each, most of them", run.text)
    report.ok(sorted(rates)[len(rates) // 2] > 0, "http is among what is received", run.text)
    report.match(run.text, r"web0: detached", "detaches by itself")
    check_nothing_left(report, run)


def after_signal(report, number):
    run = Quickstart()
    run.wait_for(RATES.pattern, times=2)
    os.kill(run.process.pid, number)
    report.equal(run.end(), 0, "ends with status 0")
    report.match(run.text, r"web0: detached", "detaches by itself")
    check_nothing_left(report, run)


for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    scenario(f"after {one.name}", seconds=BUILD_S + 90, number=one)(after_signal)


@scenario("Ctrl-C at a terminal", seconds=BUILD_S + 90)
def control_c(report):
    run = Quickstart(terminal=True, env={"TERM": "vt100"})
    run.wait_for(RATES.pattern, times=2)
    run.type(b"\x03")
    report.equal(run.end(), 0, "ends with status 0")
    report.match(run.text, r"web0: detached", "detaches by itself")
    check_nothing_left(report, run)


@scenario("killed", seconds=BUILD_S + 90)
def killed(report):
    run = Quickstart()
    run.wait_for(RATES.pattern)
    run.process.kill()
    report.equal(run.end(), -signal.SIGKILL, "is killed")
    check_nothing_left(report, run)


def pid_of(program):
    """Of samplerd the one that records, not its privileged child; of our run, as each has a session."""
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            with open(path, encoding="utf-8") as f:
                pid, name = re.match(r"(\d+) \((.*)\) ", f.read()).groups()
            if name == program[:15] and is_below_us(int(pid)):
                return int(pid)
    raise Failure(f"no {program}")


def is_below_us(pid):
    while pid > 1:
        if pid == os.getpid():
            return True
        with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
            pid = int(f.read().rpartition(")")[2].split()[1])
    return False


@scenario("samplerd killed", seconds=BUILD_S + 90, program="samplerd", words="samplerd was killed by SIGKILL")
@scenario("sampler-web killed", seconds=BUILD_S + 90, program="sampler-web", words="the web service has ended")
@scenario("sampler-loadgen killed", seconds=BUILD_S + 90, program="sampler-loadgen",
          words="the load generator has ended")
def program_killed(report, program, words):
    run = Quickstart()
    run.wait_for(RATES.pattern)
    os.kill(pid_of(program), signal.SIGKILL)
    report.equal(run.end(), 1, "ends with status 1")
    report.match(run.text, f"error: {words}", "says what has happened")
    check_nothing_left(report, run)


@scenario("the page's port", seconds=BUILD_S + 120)
def the_pages_port(report):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        run = Quickstart("--seconds", "3", "--port", str(port))
        report.equal(run.end(seconds=60), 1, "one that is taken is refused")
        report.match(run.text, f"error: no page: .*127.0.0.1:{port}", "by its number")
        check_nothing_left(report, run, attached=False)
    run = Quickstart("--seconds", "3", "--port", str(port))
    report.match(get(run, "/api/interfaces"), '"schema"', "one that is free is used")
    report.equal(PAGE.search(run.text)[2], str(port), "and told")
    report.equal(run.end(seconds=60), 0, "it ends well")
    with contextlib.ExitStack() as stack:
        for first in range(3000, 3003):  # whoever has them: the next free one is taken
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.1", first)))
        run = Quickstart("--seconds", "3")
        run.wait_for(PAGE.pattern)
        report.ok(int(PAGE.search(run.text)[2]) > 3002, "ports in use are passed by", run.text)
        report.equal(run.end(seconds=60), 0, "it ends well")


# ---- an interface that is there ----


def own_namespaces(with_bpffs):
    """Namespaces with the link test0 - peer0 in them, and a bpffs or none."""
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise Failure("cannot unshare")
    libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    while libc.umount2(BPFFS.encode(), MNT_DETACH) == 0:
        pass
    if with_bpffs and libc.mount(b"bpf", BPFFS.encode(), b"bpf", 0, None) != 0:
        raise Failure("cannot mount bpffs")
    for command in (
        "ip link add test0 type veth peer name peer0",
        "ip link set lo up",
        "ip link set test0 up",
        "ip link set peer0 up",
    ):
        subprocess.run(command.split(), check=True)


@contextlib.contextmanager
def frames_arriving():
    """TCP to port 80, a hundred frames a second, from peer0."""
    frame = bytes.fromhex(
        "02000000000202000000000108004500002800010000400600000a0000010a000002"
        "c000005000000001000000005010ffff00000000"
    )
    done = threading.Event()
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("peer0", 0))

    def send():
        while not done.wait(0.01):
            with contextlib.suppress(OSError):  # ENOBUFS: the next one is as good
                sender.send(frame)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        sender.close()


def on_an_interface(report, with_bpffs):
    own_namespaces(with_bpffs)
    with frames_arriving():
        run = Quickstart("test0")
        check_page(report, run, "test0")
        os.kill(run.process.pid, signal.SIGINT)
        report.equal(run.end(), 0, "ends with status 0")
    report.match(run.text, r"test0: rx .*http [1-9]", "shows what test0 receives")
    check_nothing_left(report, run)


scenario("an interface, no bpffs", seconds=BUILD_S + 90, with_bpffs=False)(on_an_interface)
scenario("an interface, bpffs there", seconds=BUILD_S + 90, with_bpffs=True)(on_an_interface)


@scenario("samplerd killed on an interface", seconds=BUILD_S + 90)
def samplerd_killed_on_an_interface(report):
    own_namespaces(with_bpffs=False)
    with frames_arriving():
        run = Quickstart("test0")
        run.wait_for(RATES.pattern)
        os.kill(pid_of("samplerd"), signal.SIGKILL)
        report.equal(run.end(), 1, "ends with status 1")
    report.match(run.text, r"error: samplerd was killed by SIGKILL", "says what has happened")
    check_nothing_left(report, run)


@scenario("an interface that is sampled already", seconds=BUILD_S + 90)
def sampled_already(report):
    own_namespaces(with_bpffs=True)
    samplerd = os.environ["SAMPLERD"]
    command = [samplerd, "--user", "nobody", "test0"]
    subprocess.run([*command[:-1], "--attach", "test0"], check=True, stderr=subprocess.DEVNULL)
    run = Quickstart("test0")
    report.equal(run.end(), 1, "is refused")
    report.match(run.text, r"error: test0 is being sampled already", "says why")
    still = subprocess.run([samplerd, "--verify-attached", "test0"], check=False)
    report.equal(still.returncode, 0, "and is sampled as before")
    subprocess.run([samplerd, "--detach", "test0"], check=True, stderr=subprocess.DEVNULL)


# ---- what goes wrong ----


@scenario("wrong usage")
def wrong_usage(report):
    for arguments, status, words in (
        (["nonesuch"], 1, r'error: there is no interface "nonesuch"; there are: .*lo'),
        (["../../lo"], 1, r"error: there is no interface"),
        (["lo", "lo"], 2, r"one interface at most"),
        (["--seconds"], 2, r"--seconds needs a number"),
        (["--seconds", "0"], 2, r"--seconds needs a number"),
        (["--port"], 2, r"--port needs a number"),
        (["--port", "65536"], 2, r"--port needs a number"),
        (["--nonesuch"], 2, r"unknown option --nonesuch"),
    ):
        run = Quickstart(*arguments)
        report.equal(run.end(), status, f"{' '.join(arguments)}: status {status}")
        report.match(run.text, words, f"{' '.join(arguments)}: says why")
        report.ok("..." not in run.text, f"{' '.join(arguments)}: before any step", run.text)


@scenario("help")
def help_text(report):
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    for option in ("-h", "--help"):
        run = Quickstart(option, prefix=("bash", "-c", 'exec "$@" 2>/dev/null', "-"))
        report.equal(run.end(), 0, f"{option}: status 0")
        report.match(run.text, r"^Usage: packaging/quickstart", f"{option}: on standard output")
        report.ok(max(map(len, run.text.splitlines())) <= 80, f"{option}: narrow", run.text)
    with readable_copy() as copy:
        run = Quickstart(prefix=(*nobody, "bash", "-c", f"exec {copy}/packaging/quickstart"))
        report.equal(run.end(), 1, "not root: status 1")
        report.match(run.text, r"error: needs root", "not root: says so")


@contextlib.contextmanager
def readable_copy():
    """Of packaging/, where anyone may read it: the checkout may be in a closed folder."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        shutil.copytree(ROOT + "/packaging", folder + "/packaging")
        yield folder


@scenario("a step fails")
def a_step_fails(report):
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + "/meson", "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho out of luck\nexit 3\n")
        os.chmod(folder + "/meson", 0o755)
        with readable_copy() as copy:
            script = f"PATH={folder}:$PATH; exec {copy}/packaging/quickstart"
            run = Quickstart(prefix=("bash", "-c", script))
            report.equal(run.end(), 1, "status 1")
    report.match(run.text, r'error: "Building" failed with status 3', "says which step")
    report.match(run.text, r"out of luck", "and why")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as tempfile.tempdir:
        os.chmod(tempfile.tempdir, 0o755)
        tap.main(jobs=2)
