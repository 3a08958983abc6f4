# SPDX-License-Identifier: MIT OR Apache-2.0
"""
A laboratory for samplerd: network and mount namespaces of its own, veth links with known traffic on
them, and samplerd itself.

Each scenario gets a Lab. In it /run is a private tmpfs, /sys/fs/bpf a private bpffs, no interface
but lo exists, and IPv6 is off, so that no frame is sent but by the test. All goes away with the
scenario's process.

Where things are comes from the environment, as test/netns/meson.build sets it; by hand
SAMPLER_BUILD=<build folder> is enough.
"""
import ctypes
import errno
import functools
import itertools
import json
import os
import pwd
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import netlink
import tap
from tap import Failure, Skip, libc

__all__ = ["Failure", "Lab", "Skip", "main", "scenario"]

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.environ.get("SAMPLER_BUILD", "/nonexistent")
SAMPLERD = os.environ.get("SAMPLERD", f"{BUILD}/daemon/samplerd")
ATTACH_OBJECT = os.environ.get("ATTACH_OBJECT", f"{BUILD}/test/netns/attach-object")
OBJECTS = os.environ.get("SAMPLER_TEST_OBJECTS", f"{BUILD}/test/netns")
WALLCLOCK = os.environ.get("WALLCLOCK", f"{BUILD}/test/netns/libwallclock.so")
VERSION = os.environ.get("SAMPLER_VERSION")

USER = "nobody"  # there is no user "sampler" on a machine where it is not installed
BPFFS = "/sys/fs/bpf"
PINS = BPFFS + "/sampler"
RUN = "/run/sampler-test"

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000

ABI_OFFSET = 8  # of sampler_meta.abi_version
BURST = 64  # frames; a veth's ring takes 256
SANITIZER_WORDS = re.compile(r"AddressSanitizer|LeakSanitizer|runtime error:")


def scenario(title, seconds=30, **arguments):
    """Register a scenario: a function of a Report and a Lab."""

    def register(function):
        @functools.wraps(function)
        def in_lab(report, **more):
            with Lab(report) as lab:
                function(report, lab, **more)

        tap.scenario(title, seconds, **arguments)(in_lab)
        return function  # as it was, for the next decorator

    return register


def main(jobs=2):
    """Run the scenarios, so many at a time: more than there are cores where most of them wait. Never returns."""
    for path in (SAMPLERD, ATTACH_OBJECT):
        if not os.access(path, os.X_OK):
            sys.exit(f"no {path}: set SAMPLER_BUILD to the build folder, and build what "
                     "`meson test --suite netns` needs")
    tap.main(jobs=int(os.environ.get("SAMPLER_TEST_JOBS", jobs)))


def _call(function, *arguments):
    if function(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")


def mount(kind, where, flags=0):
    _call(libc.mount, kind.encode() if kind else b"none", where.encode(),
          kind.encode() if kind else None, ctypes.c_ulong(flags), None)


def wait_for(condition, what, seconds=10):
    """tap.eventually(), and a failure where it is not. Return: what @condition() returned."""
    value = tap.eventually(condition, seconds)
    if not value:
        raise Failure(f"not within {seconds * tap.SLOWNESS:.0f} s: {what}")
    return value


def cpu_s(pid):
    """How long a process, with the children that it has, has had a CPU."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        family = [pid, *map(int, file.read().split())]
    return sum(time.clock_gettime(~one << 3 | 2) for one in family)  # what clock_getcpuclockid() makes of a pid


def until_run(process, seconds):
    """Wait until a process, with its children, has had a CPU for so long, or has ended: a moment of its work."""
    while process.poll() is None and (left := seconds - cpu_s(process.pid)) > 0:
        time.sleep(left / 2)


def until_after(record, seconds):
    """Wait until so long after a record was taken."""
    while time.clock_gettime_ns(time.CLOCK_BOOTTIME) < record["boottime_ns"] + seconds * 1e9:
        os.sched_yield()


def wakeups(pid):
    """How often the threads of a process were woken, by what the kernel counts as voluntary switches."""
    return sum(int(status_of(f"{pid}/task/{thread}")["voluntary_ctxt_switches"]) for thread in os.listdir(f"/proc/{pid}/task"))


class Namespace:
    """A network namespace, kept alive by its descriptor alone."""

    def __init__(self, fd):
        self.fd = fd
        self.path = f"/proc/{os.getpid()}/fd/{fd}"
        self.open_netlink()

    def open_netlink(self):
        """A socket of this process's own: after fork() two would take each other's answers."""
        with self:
            self.netlink = netlink.Netlink()

    def enter(self):
        _call(libc.setns, self.fd, CLONE_NEWNET)

    def __enter__(self):
        self._before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.enter()
        return self

    def __exit__(self, *_):
        _call(libc.setns, self._before, CLONE_NEWNET)
        os.close(self._before)

    @property
    def inode(self):
        return os.fstat(self.fd).st_ino


class Link:
    """A veth pair: frames sent at the peer are received by the interface under test."""

    def __init__(self, name, peer, ns, peer_ns):
        self.name, self.peer, self.ns, self.peer_ns = name, peer, ns, peer_ns
        self._socket = None

    def state(self):
        """Return: netlink.LinkState of the interface under test."""
        state = self.ns.netlink.link(self.name)
        if state is None:
            raise Failure(f"no link {self.name}")
        return state

    def stats(self):
        return self.state().stats

    def dropped(self):
        """
        Frames that were lost before any XDP program could see them: the veth's ring is full (native),
        or the CPU's backlog (skb), and veth counts both. What the stack drops afterwards, which is
        rx_dropped, is none of these; nor is what all backlogs drop of everybody's (softnet_stat).
        """
        return self.peer_ns.netlink.link(self.peer).stats.tx_dropped

    def socket(self):
        """An AF_PACKET socket at the peer, with a protocol of 0: it receives nothing."""
        if not self._socket:
            with self.peer_ns:
                self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self._socket.bind((self.peer, 0))
        return self._socket

    def reversed(self):
        """The same pair the other way round: what is sent there is transmitted by the interface under test."""
        return Link(self.peer, self.name, self.peer_ns, self.ns)

    def send(self, frames):
        """Send at the pace of the receiver. Return: (frames, bytes)."""
        pacer = Pacer(self)
        size = 0
        for frame in frames:
            pacer.send(frame)
            size += len(frame)
        pacer.drain()
        return pacer.sent, size


class Pacer:
    """
    Sends without loss: never more frames on the way than the link has room for. A veth in native
    mode drops what its ring (256 frames) has no room for; in skb mode the backlog takes 1,000.
    """

    def __init__(self, link):
        self.link, self.sent, self._told = link, 0, 0
        self._socket = link.socket()
        self._base = link.stats().rx_packets
        self._dropped = link.dropped()

    def send(self, frame):
        while True:
            try:
                self._socket.send(frame)
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                time.sleep(0.001)  # dropped, and we were told
                self._told += 1
        self.sent += 1
        if self.sent % BURST == 0:
            self.drain()

    def drain(self, seconds=5):
        """Wait until the interface has received all that was sent."""
        deadline = time.monotonic() + seconds * tap.SLOWNESS
        time.sleep(0.0005)  # also what paces skb mode: frames count there before they are handled
        while self.link.stats().rx_packets - self._base < self.sent:
            if time.monotonic() > deadline:
                got = self.link.stats().rx_packets - self._base
                raise Failure(f"the link itself received {got} of {self.sent} frames, "
                              f"{self.lost()} were dropped on the way")
            time.sleep(0.0005)

    def lost(self):
        """Frames of those sent that were dropped on the way."""
        return self.link.dropped() - self._dropped - self._told


class Traffic:
    """A process that sends the same frames over and over at a steady rate, until it is stopped."""

    _stops = []  # of all that are at work: a child that kept another's would keep it from its end

    def __init__(self, link, frames, rate=20000):
        self._link, self._frames, self._rate = link, frames, rate
        link.socket()
        stop, self._stop = os.pipe()
        self._result, result = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            tap.die_with_parent()
            for fd in (self._stop, *Traffic._stops):
                os.close(fd)
            try:
                answer = self._pump(stop)
            except BaseException as error:
                answer = {"error": repr(error)}
            os.write(result, json.dumps(answer).encode())
            os._exit(0)
        Traffic._stops.append(self._stop)
        os.close(stop)
        os.close(result)

    def _pump(self, stop):
        self._link.ns.open_netlink()
        self._link.peer_ns.open_netlink()
        pacer = Pacer(self._link)
        frames = itertools.cycle(self._frames)
        size, start, baseline, stopped = 0, time.monotonic(), 0, False
        os.set_blocking(stop, False)
        while not stopped:
            due = int((time.monotonic() - start) * self._rate) - (pacer.sent - baseline)
            if due > 4 * BURST:  # held up: go on at the rate, without making up for it
                start, baseline, due = time.monotonic(), pacer.sent, BURST
            for _ in range(due):
                frame = next(frames)
                pacer.send(frame)
                size += len(frame)
            time.sleep(max(0.001, 4 / self._rate))
            try:
                stopped = os.read(stop, 1) == b""
            except BlockingIOError:
                pass
        pacer.drain()
        return {"frames": pacer.sent, "bytes": size, "lost": pacer.lost()}

    def stop(self):
        """Return: (frames, bytes) sent, all of which the interface has received."""
        Traffic._stops.remove(self._stop)
        os.close(self._stop)
        with os.fdopen(self._result) as result:
            answer = json.loads(result.read() or '{"error": "it has ended"}')
        os.waitpid(self.pid, 0)
        if "error" in answer or answer["lost"]:
            raise Failure(f"the sender: {answer}")
        return answer["frames"], answer["bytes"]


class Result:
    """A finished command."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}"


def status_of(pid):
    """Return: /proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


class Recorder:
    """A samplerd that records in the foreground."""

    def __init__(self, lab, process, log_path, ifname, ns):
        self._lab, self.process, self._log_path, self.ifname = lab, process, log_path, ifname
        self._ns = ns
        self.pid = process.pid

    def log(self):
        with open(self._log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def log_time_ns(self):
        """Return: wall-clock time of the log's last line, or up to a tick of the kernel earlier."""
        return os.stat(self._log_path).st_mtime_ns

    def wait_log(self, pattern, seconds=10):
        """Wait for a line. Return: the match."""

        def found():
            match = re.search(pattern, self.log())
            if not match and not self.running():
                raise Failure(f"{self.ifname}: ended without /{pattern}/")
            return match

        return self._wait_for(found, f"/{pattern}/ in the log", seconds)

    def _wait_for(self, condition, what, seconds=10):
        """wait_for(), and what it has said by the end of that where it fails."""
        try:
            return wait_for(condition, what, seconds)
        except Failure as failure:
            raise Failure(f"{failure}:\n{self.log()}") from None

    def wait_record(self, n=1):
        """Wait until so many more records are in the history. Return: the newest."""
        last = self._lab.last_record(self.ifname, ns=self._ns)
        wanted = (last["record"] if last else -1) + n
        newest = []

        def more():
            if not self.running():
                raise Failure(f"{self.ifname}: ended")
            newest[:] = self._lab.history(self.ifname, ns=self._ns)[-1:]
            return newest and newest[0]["record"] >= wanted

        self._wait_for(more, f"record {wanted} of {self.ifname}")
        return newest[0]

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=10):
        """Wait until it ends. Return: exit status; negative: signal."""
        try:
            return self.process.wait(seconds * tap.SLOWNESS)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.ifname}: still running:\n{self.log()}") from None

    def send_signal(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGINT):
        """Return: exit status."""
        self.send_signal(number)
        return self.wait()

    def kill(self):
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def status(self):
        return status_of(self.pid)


class Lab:
    """What a scenario works in. Ends what it started."""

    def __init__(self, report):
        self._report = report
        self._n = 0
        self._recorders = []
        self.sanitizer_log = ""
        _call(libc.unshare, CLONE_NEWNS | CLONE_NEWNET)
        mount(None, "/", MS_REC | MS_PRIVATE)
        mount("tmpfs", "/run")
        os.chmod("/run", 0o755)
        mount("bpf", BPFFS)
        self.state_dir, self.config_dir = RUN + "/state", RUN + "/config"
        for path in (RUN, self.state_dir, self.config_dir):
            os.mkdir(path, 0o755)
        nobody = pwd.getpwnam(USER)
        os.chown(self.state_dir, nobody.pw_uid, nobody.pw_gid)
        self.ns = self._prepare_namespace()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for recorder in self._recorders:
            if recorder.running():
                recorder.kill()
            self.sanitizer_log += self._sanitizer_lines(recorder.log())
        if self.sanitizer_log:
            self._report.ok(False, "no sanitizer complains", self.sanitizer_log)

    @staticmethod
    def _sanitizer_lines(text):
        return text if SANITIZER_WORDS.search(text) else ""

    # ---- namespaces and links ----

    def _prepare_namespace(self):
        for name in ("all", "default"):
            path = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
            if os.path.exists(path):
                with open(path, "w", encoding="ascii") as file:
                    file.write("1")
        ns = Namespace(os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        self.run("ip", "link", "set", "lo", "up", ns=ns)
        return ns

    def namespace(self):
        """A further network namespace, over the same mounts."""
        before = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _call(libc.unshare, CLONE_NEWNET)
        ns = self._prepare_namespace()
        _call(libc.setns, before, CLONE_NEWNET)
        os.close(before)
        return ns

    def veth(self, name="v0", peer="p0", mtu=1500, ns=None, peer_ns=None, queues=1):
        """A veth pair, up, that strips no VLAN tags. Its peer is in another namespace."""
        like = ("mtu", str(mtu), "numtxqueues", str(queues), "numrxqueues", str(queues))
        ns = ns or self.ns
        peer_ns = peer_ns or self.namespace()
        self.run("ip", "link", "add", "name", name, *like, "type", "veth", "peer", "name", peer, *like,
                 "netns", peer_ns.path, ns=ns)
        self.run("ethtool", "-K", name, "rxvlan", "off", ns=ns)
        self.run("ethtool", "-K", peer, "txvlan", "off", ns=peer_ns)
        self.run("ip", "link", "set", "dev", name, "up", ns=ns)
        self.run("ip", "link", "set", "dev", peer, "up", ns=peer_ns)
        return Link(name, peer, ns, peer_ns)

    # ---- commands ----

    def spawn(self, *argv, ns=None, **options):
        def prepare():
            tap.die_with_parent()
            if ns:
                ns.enter()

        return subprocess.Popen(argv, preexec_fn=prepare, stdin=subprocess.DEVNULL, **options)

    def try_run(self, *argv, ns=None, env=None, seconds=30):
        """Run a command to its end. Return: Result."""
        process = self.spawn(*argv, ns=ns, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                             env={**os.environ, **(env or {})}, text=True, errors="replace")
        try:
            out, err = process.communicate(timeout=seconds * tap.SLOWNESS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Failure(f"{' '.join(argv)}: not done after {seconds} s") from None
        self.sanitizer_log += self._sanitizer_lines(err)
        return Result(process.returncode, out, err)

    def run(self, *argv, **options):
        """Run a command that has to succeed. Return: its output."""
        result = self.try_run(*argv, **options)
        if result.status:
            raise Failure(f"{' '.join(argv)}: {result!r}")
        return result.out

    # ---- samplerd ----

    def _options(self):
        return ("--user", USER, "--state-dir", self.state_dir, "--config-dir", self.config_dir)

    def samplerd(self, *argv, ns=None, env=None, wrap=(), defaults=True):
        """Run samplerd to its end. Later options win over the lab's own. Return: Result."""
        return self.try_run(*wrap, SAMPLERD, *(self._options() if defaults else ()), *argv, ns=ns,
                            env=env)

    def attach(self, ifname, *argv, **options):
        """samplerd --attach that has to succeed. Return: what it said."""
        result = self.samplerd("--attach", *argv, "--", ifname, **options)
        if result.status:
            raise Failure(f"--attach {ifname}: {result!r}")
        return result.err

    def attach_at_once(self, ifname, n):
        """So many samplerd --attach at a time. Return: their exit statuses."""
        processes = [self.spawn(SAMPLERD, "--user", USER, "--attach", ifname, stderr=subprocess.DEVNULL)
                     for _ in range(n)]
        return [process.wait() for process in processes]

    def attach_object(self, name, ifname, *argv, ns=None):
        """Attach another BPF object than the built-in one. Return: Result."""
        return self.try_run(ATTACH_OBJECT, *argv, f"{OBJECTS}/{name}.bpf.o", ifname, ns=ns)

    def snapshot(self, ifname, **options):
        """Return: what samplerd --print says."""
        result = self.samplerd("--print", "--", ifname, **options)
        if result.status:
            raise Failure(f"--print {ifname}: {result!r}")
        return json.loads(result.out)

    def history(self, ifname, **options):
        """Return: the records of samplerd --history; none where there is no file yet."""
        result = self.samplerd("--history", "--", ifname, **options)
        if result.status and "No such file" not in result.err:
            raise Failure(f"--history {ifname}: {result!r}")
        return [json.loads(line) for line in result.out.splitlines()]

    def last_record(self, ifname, **options):
        return (self.history(ifname, **options) or [None])[-1]

    def record(self, ifname, *argv, ns=None, env=None, wrap=(), interval="100ms",
               log_interval="300ms"):
        """
        Start samplerd in the foreground; an interval of None is left to the configuration.
        Return: Recorder.
        """
        self._n += 1
        times = ["--interval", interval] if interval else []
        times += ["--log-interval", log_interval] if log_interval else []
        path = f"{RUN}/log-{self._n}"
        env = {**os.environ, **(env or {})}
        # It gives up root, and the leak check of a process without privilege cannot trace it: it
        # ends as if it had found leaks. All other verbs, and the unit tests, are checked.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        with open(path, "w", encoding="utf-8") as log:
            process = self.spawn(*wrap, SAMPLERD, *self._options(), *times, *argv, "--", ifname,
                                 ns=ns, env=env, stdout=log, stderr=log)
        recorder = Recorder(self, process, path, ifname, ns)
        self._recorders.append(recorder)
        return recorder

    def configure(self, text, name="sampler"):
        """Write a configuration file."""
        with open(f"{self.config_dir}/{name}.conf", "w", encoding="utf-8") as file:
            file.write(text)

    def pins(self):
        """Return: everything that is pinned, as sorted paths below the folder of pins."""
        found = []
        for folder, folders, files in os.walk(PINS):
            found += [os.path.relpath(os.path.join(folder, f), PINS) for f in folders + files]
        return sorted(found)

    def map_value(self, ifname_key, name, value=None):
        """Read, or write where @value is given, the only element of an array map, as bytes."""
        path = f"{PINS}/{ifname_key}/{name}"
        if value is not None:
            self.run("bpftool", "map", "update", "pinned", path, "key", "0", "0", "0", "0", "value",
                     *(str(byte) for byte in value))
            return value
        dump = self.run("bpftool", "-j", "map", "dump", "pinned", path)
        return bytes(int(byte, 16) for byte in json.loads(dump)[0]["value"])

    def change_abi(self, key, by=1):
        """Have pins say that they are of another ABI. Return: that, and the one before."""
        meta = self.map_value(key, "sampler_meta")
        before, = struct.unpack_from("=I", meta, ABI_OFFSET)
        self.map_value(key, "sampler_meta",
                       meta[:ABI_OFFSET] + struct.pack("=I", before + by) + meta[ABI_OFFSET + 4:])
        return before + by, before

    def key(self, ifname, ns=None):
        """The name of an interface's folder of pins, in a namespace that is not init's."""
        plain = re.sub(rb"[^A-Za-z0-9_-]", lambda m: b"%%%02X" % m[0][0],
                       ifname.encode("utf-8", "surrogateescape"))
        return f"{plain.decode()}@{(ns or self.ns).inode}"
