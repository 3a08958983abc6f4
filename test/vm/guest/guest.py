# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The test machine from inside: systemd, units, links with known traffic, and what is installed.

A Machine is a Lab (test/netns/lab.py) without namespaces of its own: the links under test are in
init's network namespace, samplerd is the installed one, and units run it. After each scenario
everything is stopped and taken away; what is left then is a failed point of its own.
"""
import functools
import glob
import grp
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import dbus
import tap

os.environ.update(SAMPLERD="/usr/sbin/samplerd", ATTACH_OBJECT="/run/payload/attach-object",
                  SAMPLER_TEST_OBJECTS="/run/payload")

import lab  # noqa: E402 (reads the environment)
from frames import IPV4, UDP, eth, ipv4, udp  # noqa: E402
from known import KNOWN  # noqa: E402
from lab import Failure, wait_for  # noqa: E402

BOOT = int(os.environ.get("SAMPLER_TEST_BOOT", "1"))
PAYLOAD, OUT, CONFIG, STATE = "/run/payload", "/run/out", "/etc/sampler", "/var/lib/sampler"
PORT = 3000
QUICK = "[sampler]\ninterval = 250ms\n"  # what is waited for comes at ticks
DISCARD = eth(IPV4, ipv4(UDP, udp(40000, 9, bytes(64))))  # what dropping members of a chain drop
DNS = eth(IPV4, ipv4(UDP, udp(40000, 53, bytes(40))))
MANAGER, MANAGER_PATH = "org.freedesktop.systemd1.Manager", "/org/freedesktop/systemd1"
UNIT_PROPERTIES = ("ActiveState", "LoadState", "UnitFileState")  # of any kind of unit
BUSY_STATES = ("active", "reloading", "activating", "deactivating")
MOST_BYTES = 1514  # a chain with a program that knows no fragments has no room for more


def scenario(title, seconds=60, clean=True, **arguments):
    """Register a scenario: a function of a Report and a Machine."""

    def register(function):
        @functools.wraps(function)
        def in_machine(report, **more):
            with Machine(report, clean) as machine:
                function(report, machine, **more)

        tap.scenario(title, seconds, **arguments)(in_machine)
        return function

    return register


def frames(n):
    """Return: (n known frames that go through any chain, their bytes)."""
    small = [frame for frame, _, _ in KNOWN if len(frame) <= MOST_BYTES]
    chosen = [small[i % len(small)] for i in range(n)]
    return chosen, sum(map(len, chosen))


def escape(ifname):
    """An interface's name as a unit's instance has it."""
    if ifname.isalnum():
        return ifname
    return subprocess.run(["systemd-escape", "--", ifname], stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()


def unit_name(name):
    """Return: a unit's whole name; without a kind it is a service, as for systemctl."""
    return name if re.search(r"\.(service|socket|path|mount|device)$", name) else f"{name}.service"


def readme_commands(before):
    """Return: the lines of the README's block of code behind these words, without their remarks."""
    with open(f"{PAYLOAD}/README.md", encoding="utf-8") as file:
        block = re.search(rf"{re.escape(before)}\n\n((?: {{4}}.*\n)+)", file.read())[1]
    return [line.split("  #")[0].strip() for line in block.splitlines()]


class Requests:
    """Requests for /healthz, one after the other, each on a connection of its own, until it is stopped."""

    def __init__(self, statuses="200"):
        self._wanted = re.compile(rf"HTTP/1\.1 ({statuses}) ".encode())
        self.done, self.failed, self._stop = 0, [], threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.05):  # leaves the one CPU to those that are asked
            try:
                with socket.create_connection(("127.0.0.1", PORT), 60) as sock:
                    sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    data = b""
                    while chunk := sock.recv(65536):
                        data += chunk
                if not self._wanted.match(data):
                    self.failed.append(data[:200])
                self.done += 1
            except OSError as error:
                self.failed.append(repr(error))

    def stop(self):
        self._stop.set()
        self._thread.join()


class Machine(lab.Lab):
    def __init__(self, report, clean):
        self._report, self._clean = report, clean
        self._recorders, self._n, self.sanitizer_log = [], 0, ""
        self.state_dir, self.config_dir = STATE, CONFIG
        self._links = []
        self._bus = dbus.SystemBus(private=True)  # one that is shared would be shared with who forked us
        self._kept = f"{tap_dir()}/etc-sampler"
        shutil.rmtree(self._kept, ignore_errors=True)
        if os.path.isdir(CONFIG):
            shutil.copytree(CONFIG, self._kept)
        self.ns = self._prepare_namespace()
        self.begun = time.time()

    def __exit__(self, kind, error, _):
        if kind:
            self.tell()
        if not self._clean:
            return
        self.systemctl("stop", "sampler@*", "sampler-web.socket", "sampler-web.service", check=False)
        self._ask_systemd(MANAGER_PATH, f"{MANAGER}.ResetFailed", "")
        try:
            wait_for(lambda: not self.pins() and not self.units("sampler-*@*"), "nothing is left")
        except Failure:
            self._report.ok(False, "stopped, nothing is attached or pinned",
                            f"{self.pins()} {self.units('sampler-*@*')}\n{self.journal()[-3000:]}")
        self._ip(*(f"link del {name}" for name in self._links), check=False)  # some are gone, or with another
        for path in glob.glob(f"{STATE}/*.hist*"):
            os.unlink(path)
        shutil.rmtree(CONFIG, ignore_errors=True)
        if os.path.isdir(self._kept):
            shutil.copytree(self._kept, CONFIG)

    def tell(self):
        """What a failure's reader wants to see."""
        self._report.note(self.journal()[-4000:])

    def _options(self):
        return ()  # what is installed needs none

    def configure(self, text, name="sampler"):
        """Write a configuration file; what was there before comes back after the scenario."""
        os.makedirs(CONFIG, exist_ok=True)
        super().configure(text, name)

    # ---- links ----

    def _ip(self, *lines, ns=None, check=True):
        """Commands of ip(8), in one process; all of them where it need not succeed."""
        with tempfile.NamedTemporaryFile("w", suffix=".ip") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            (self.run if check else self.try_run)("ip", *(() if check else ("-force",)), "-batch", file.name, ns=ns)

    def veth(self, name="v0", peer=None, mtu=1500, ns=None, peer_ns=None):
        if not self._links:
            self.configure(QUICK)
        link = super().veth(name, peer or "p" + name, mtu, ns, peer_ns)
        self._links.append(name)
        return link

    def veths(self, names):
        """Many links at once, whose peers are in one namespace."""
        self._links += names
        peers = self.namespace()
        self._ip(*(f"link add name {name} up type veth peer name p{name} netns {peers.path}" for name in names))
        self._ip(*(f"link set dev p{name} up" for name in names), ns=peers)
        return [lab.Link(name, f"p{name}", self.ns, peers) for name in names]

    def spawn(self, *argv, ns=None, **options):
        """As in a lab. But where no namespace is to be entered Python needs no copy of itself for it."""
        if ns:
            return super().spawn(*argv, ns=ns, **options)
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)

    def last_record(self, ifname, ns=None):
        return super().last_record(ifname)

    # ---- systemd ----

    def systemctl(self, *argv, check=True, seconds=60):
        """Return: lab.Result."""
        result = self.try_run("systemctl", "--no-pager", *argv, seconds=seconds)
        if check and result.status:
            raise Failure(f"systemctl {' '.join(argv)}: {result!r}\n{self.journal()}")
        return result

    def drop_in(self, text, *units):
        """Add to units; with no text, take it back. What systemd has not loaded it reads when it does."""
        for unit in units:
            folder = f"/run/systemd/system/{unit}.d"
            shutil.rmtree(folder, ignore_errors=True)
            if text:
                os.makedirs(folder)
                with open(f"{folder}/test.conf", "w", encoding="ascii") as file:
                    file.write(text)
        patterns = [unit.replace("@.", "@*.") for unit in units]
        if self._ask_systemd(MANAGER_PATH, f"{MANAGER}.ListUnitsByPatterns", "asas", (), patterns):
            self.systemctl("daemon-reload")

    def start(self, *ifnames):
        """systemctl start sampler@… """
        self.systemctl("start", *(f"sampler@{escape(ifname)}" for ifname in ifnames))

    def stop(self, ifname):
        """systemctl stop, and the end of the attach unit, which is no longer needed then."""
        self.systemctl("stop", f"sampler@{escape(ifname)}")
        self.wait_inactive(f"sampler-attach@{escape(ifname)}")

    def _ask_systemd(self, path, method, signature, *argv):
        """Ask its first process. To be asked by a systemctl costs an emulated machine five times as much."""
        interface, method = method.rsplit(".", 1)
        return self._bus.call_blocking("org.freedesktop.systemd1", path, interface, method, signature, argv)

    def show(self, unit, name):
        """Return: one property of a unit, as text; times in us."""
        unit = unit_name(unit)
        path = self._ask_systemd(MANAGER_PATH, f"{MANAGER}.LoadUnit", "s", unit)
        kind = "Unit" if name in UNIT_PROPERTIES else unit.rsplit(".", 1)[1].title()
        return str(self._ask_systemd(path, "org.freedesktop.DBus.Properties.Get", "ss",
                                     f"org.freedesktop.systemd1.{kind}", name))

    def is_active(self, unit):
        return bool(self.units(unit_name(unit), "active"))

    def wait_inactive(self, unit):
        wait_for(lambda: not self.units(unit_name(unit), *BUSY_STATES), f"the end of {unit}")

    def wait_packets(self, ifname, packets):
        """Wait until the API has that many. Return: how many it has."""

        def got():
            status, answer = self.get(f"/api/metrics/realtime?interface={ifname}")
            return status == 200 and answer["total_packets"] >= packets and answer["total_packets"]

        return wait_for(got, f"{packets} packets of {ifname} in the API")

    def pid(self, unit):
        return int(self.show(unit, "MainPID"))

    def units(self, pattern, *states):
        """Return: names of loaded units that are in one of the states; active or failed, if none is given."""
        found = self._ask_systemd(MANAGER_PATH, f"{MANAGER}.ListUnitsByPatterns", "asas",
                                  states or ("active", "failed"), (pattern,))
        return [str(unit[0]) for unit in found]

    def journal(self, unit="sampler*", *argv):
        """Return: what the journal has of units, as text."""
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "-o", "short-precise", "-b", "-u", unit,
                        f"--since=@{self.begun:.6f}", *argv)

    def entries(self, unit, *argv):
        """Return: the journal's entries as dictionaries."""
        self.run("journalctl", "--sync")
        out = self.run("journalctl", "--no-pager", "-o", "json", "-b", "-u", unit,
                       f"--since=@{self.begun:.6f}", *argv)
        return [json.loads(line) for line in out.splitlines()]

    def explained(self, t, unit, message, text):
        """A point: a unit has said @text, with the id MESSAGE_@message, and `journalctl -x` explains it."""
        with open(f"{PAYLOAD}/message-ids.h", encoding="utf-8") as file:
            number = re.search(rf'MESSAGE_{message}\s+"(\w+)"', file.read())[1]
        path, = glob.glob("/usr/**/sampler.catalog", recursive=True)
        with open(path, encoding="utf-8") as file:
            subject, explanation = re.search(rf"-- {number}\nSubject: (.*)\n(?:.+\n)+\n(.*)\n", file.read()).groups()

        def said():
            return [e for e in self.entries(unit, f"MESSAGE_ID={number}") if re.search(text, e["MESSAGE"])]

        entry = wait_for(said, f"{message} of {unit}: {text}", 20)[0]
        want = [f"░░ {line}".replace("@SAMPLER_INTERFACE@", entry["SAMPLER_INTERFACE"])
                for line in (f"Subject: {subject}", explanation)]
        out = self.journal(unit, "-x", f"MESSAGE_ID={number}").splitlines()
        t.ok(all(line in out for line in want), f"{message} is explained: {entry['MESSAGE'][:60]}", f"{want}\n{out}")

    # ---- counting ----

    def packets(self, ifname="v0"):
        """What the map has counted by now."""
        return self.snapshot(ifname)["rx"]["packets"]

    def counted(self, ifname, link, n=997):
        """Send n known frames at rest. Return: what was counted less what was sent: (frames, bytes)."""
        chosen, size = frames(n)
        before = self.snapshot(ifname)["rx"]
        sent = link.send(chosen)
        if sent != (n, size):
            raise Failure(f"sent {sent} of {(n, size)}")
        after = self.snapshot(ifname)["rx"]
        return after["packets"] - before["packets"] - n, after["bytes"] - before["bytes"] - size

    def attach_object(self, name, ifname, *argv, ns=None):
        return super().attach_object(name, ifname, "-g", str(grp.getgrnam("sampler").gr_gid), *argv)

    # ---- other XDP programs ----

    def load(self, name, ifname="v0", mode="native"):
        """Load a member of meson.build's chain_members through libxdp."""
        self.run("xdp-loader", "load", "-m", mode, ifname, f"{PAYLOAD}/{name}.bpf.o")

    def displace(self, ifname):
        """Somebody who knows no dispatcher puts a program of his own where ours is."""
        self.run("ip", "-force", "link", "set", "dev", ifname, "xdpdrv", "obj", f"{PAYLOAD}/foreign.bpf.o", "sec", "xdp")

    def unload(self, name, ifname="v0"):
        self.run("xdp-loader", "unload", ifname, "-i", str(self.chain(ifname)[name]["id"]))

    def chain(self, ifname="v0"):
        """Return: {name: {"priority", "id"}} in the order in which they run, by xdp-loader."""
        out = self.run("xdp-loader", "status", ifname)
        found = re.findall(r"(?m)^ =>\s+(\d+)\s+(\S+)\s+(\d+)", out)
        return {name: {"priority": int(priority), "id": int(number)}
                for priority, name, number in found}

    def hits(self, name):
        """How many frames have reached a member."""
        dump = json.loads(self.run("bpftool", "-j", "map", "dump", "name", f"{name}_hits"[:15]))
        if "elements" in dump[0]:  # one that was unloaded is not gone yet; the newest has the highest id
            dump = max(dump, key=lambda one: one["id"])["elements"]
        return int.from_bytes(bytes(int(byte, 16) for byte in dump[0]["value"]), "little")

    # ---- web ----

    def get(self, path, port=PORT):
        """Return: (status, answer as JSON)."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20 * tap.SLOWNESS)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body)


def tap_dir():
    """A folder for what a scenario keeps."""
    os.makedirs("/run/sampler-test", exist_ok=True)
    return "/run/sampler-test"
