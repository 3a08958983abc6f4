# SPDX-License-Identifier: MIT OR Apache-2.0
"""What goes wrong on a machine, and what becomes of the counts."""
import os
import re
import signal
import time

import guest
from guest import scenario, wait_for


def begin(machine, name="v0"):
    link = machine.veth(name)
    machine.start(name)
    return link


def recorded(machine, ifname="v0"):
    """What the newest record has."""
    last = machine.last_record(ifname)
    return last["rx"]["packets"] if last else None


@scenario("the recorder hangs: the watchdog", 120)
def test_watchdog(t, machine):
    machine.drop_in("[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\n", "sampler@.service")
    link = begin(machine)
    program, pid = link.state().prog_id, machine.pid("sampler@v0")
    os.kill(pid, signal.SIGSTOP)
    chosen, _ = guest.frames(500)
    link.send(chosen)
    wait_for(lambda: machine.pid("sampler@v0") not in (0, pid) and machine.is_active("sampler@v0"),
             "another recorder", 30)
    t.match(machine.journal("sampler@v0"), r"[Ww]atchdog timeout", "systemd has seen that it hangs")
    t.equal(link.state().prog_id, program, "the program was not touched")
    wait_for(lambda: recorded(machine) == 500, "the frames in the history")
    t.equal(machine.counted("v0", link), (0, 0), "it goes on exactly")
    machine.stop("v0")
    machine.drop_in("", "sampler@.service")


@scenario("the recorder is killed, again and again", 120)
def test_kill(t, machine):
    link = begin(machine)
    program, chosen = link.state().prog_id, guest.frames(100)[0]
    for _ in range(5):
        pid = wait_for(lambda: machine.pid("sampler@v0"), "a recorder", 20)
        link.send(chosen)
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: machine.pid("sampler@v0") != pid, "its end")
    wait_for(lambda: machine.is_active("sampler@v0") and recorded(machine) == 500, "all in the history", 20)
    t.equal(link.state().prog_id, program, "the program was not touched")
    t.equal(machine.packets(), 500, "no frame is lost")
    numbers = [record["record"] for record in machine.history("v0")]
    t.equal(numbers, sorted(set(numbers)), "the history goes on")


@scenario("the disk is full", 120)
def test_disk_full(t, machine):
    """A tmpfs with no room stands for it: the file is made whole, or not at all."""
    machine.systemctl("stop", "sampler@v0", check=False)
    machine.run("mount", "-t", "tmpfs", "-o", "size=1M,mode=755", "full", guest.STATE)
    try:
        machine.run("chown", "sampler:sampler", guest.STATE)
        link = machine.veth()
        machine.systemctl("start", "sampler@v0", check=False)
        wait_for(lambda: "No space left on device" in machine.journal("sampler@v0"), "an error", 20)
        t.match(machine.journal("sampler@v0"), rf"{guest.STATE}\S*.*No space left on device",
                "the log says what, and where")
        t.ok(link.state().prog_id, "counting goes on meanwhile")
        t.equal(machine.counted("v0", link), (0, 0), "exactly")
        machine.run("mount", "-o", "remount,size=64M", guest.STATE)
        wait_for(lambda: machine.is_active("sampler@v0") and recorded(machine) == 997,
                 "room again: it records, by itself", 30)
        t.ok(True, "room again: it records, by itself, and has all that was counted")
        file = os.stat(f"{guest.STATE}/v0.hist")
        t.ok(file.st_blocks * 512 >= file.st_size, "the file has all its room: a disk that fills later does not matter",
             file)
        machine.systemctl("stop", "sampler@v0")
    finally:
        machine.run("umount", "-l", guest.STATE)


@scenario("a limit of memory", 90)
def test_memory(t, machine):
    machine.drop_in("[Service]\nMemoryMax=24M\nMemorySwapMax=0\n", "sampler@.service")
    machine.systemctl("set-property", "--runtime", "sampler-web.service", "MemoryMax=24M", "MemorySwapMax=0")
    link = begin(machine)
    machine.systemctl("start", "sampler-web.socket")
    for _ in range(4):
        machine.get("/api/history?interface=v0")
    for unit in ("sampler@v0", "sampler-web"):
        with open(f"/sys/fs/cgroup{machine.show(unit, 'ControlGroup')}/memory.max", encoding="ascii") as file:
            t.equal(file.read().strip(), str(24 << 20), f"{unit} has the limit")
    t.equal(machine.counted("v0", link), (0, 0), "samplerd within 24 MiB counts exactly")
    t.equal((machine.show("sampler@v0", "NRestarts"), machine.show("sampler-web", "NRestarts")), ("0", "0"),
            "neither it nor sampler-web was ended by it")
    machine.systemctl("set-property", "--runtime", "sampler-web.service", "MemoryMax=infinity",
                      "MemorySwapMax=infinity")
    machine.stop("v0")
    machine.drop_in("", "sampler@.service")


@scenario("the clock is set back and forward", 90)
def test_clock(t, machine):
    link = begin(machine)
    machine.systemctl("start", "sampler-web.socket")
    chosen, _ = guest.frames(200)
    real = time.time()
    steady = time.monotonic()
    try:
        for step in (0, 7200, -7200):
            time.clock_settime(time.CLOCK_REALTIME, real + (time.monotonic() - steady) + step)
            link.send(chosen)
            before = machine.last_record("v0")["record"]
            wait_for(lambda before=before: machine.last_record("v0")["record"] >= before + 2, "two more records")
    finally:
        time.clock_settime(time.CLOCK_REALTIME, real + (time.monotonic() - steady))
    records = machine.history("v0")
    gaps = [b["boottime_ns"] - a["boottime_ns"] for a, b in zip(records, records[1:])]
    t.ok(gaps and min(gaps) > 0, "records go on in order", gaps)
    t.equal(records[-1]["rx"]["packets"], 600, "each frame is in the history")
    t.equal(len({record["epoch"] for record in records}), 1, "and no new epoch was begun")
    t.equal(machine.wait_packets("v0", 600), 600, "the API goes on")
    elapsed = time.monotonic() - steady
    interval = machine.get("/api/metrics/realtime?interface=v0")[1]["interval_ms"] / 1e3
    t.ok(0 < interval < elapsed + 60, "rates are over time that has passed", interval)
    summary = machine.get("/api/stats/summary?interface=v0")[1]
    t.ok(summary["uptime_seconds"] < elapsed + 600, "and so are averages", summary)
    t.equal(machine.get("/healthz")[0], 200, "and all is well")


@scenario("the device is removed and comes back", 90)
def test_device(t, machine):
    machine.veth()
    machine.systemctl("enable", "--now", "sampler@v0")
    machine.run("ip", "link", "del", "v0")
    wait_for(lambda: not machine.units("sampler*@v0*"), "the units end with the device")
    t.ok(not machine.units("sampler*@v0*"), "the units end with the device, and none fails")
    wait_for(lambda: not machine.pins(), "no pins")
    link = machine.veth()
    wait_for(lambda: machine.is_active("sampler@v0"), "it comes back with its device", 20)
    t.equal(machine.counted("v0", link), (0, 0), "it comes back with its device, and counts")
    machine.systemctl("disable", "sampler@v0")


@scenario("twenty interfaces", 180)
def test_many(t, machine):
    names = [f"many{n}" for n in range(20)]
    links = machine.veths(names)
    machine.start(*names)
    t.equal(len(machine.units("sampler@*")), 20, "all are started at once")
    machine.systemctl("start", "sampler-web.socket")
    for n, link in enumerate(links):
        link.send(guest.frames(10 + n)[0])

    def counted():
        answer = machine.get("/api/interfaces")[1]["interfaces"]
        return len(answer) == 20 and answer

    wait_for(counted, "twenty interfaces in the API", 20)
    got = {name: machine.wait_packets(name, 10 + n) for n, name in enumerate(names)}
    t.equal(got, {name: 10 + n for n, name in enumerate(names)}, "each has its own frames")
    status, answer = machine.get("/healthz")
    t.equal(status, 200, f"all are well: {[c for c in answer['checks'] if c.get('state') != 'ok']}")
    t.equal(len(re.findall(r"(?m)Started sampler@", machine.journal("sampler@*"))), 20, "each is its unit")
