# SPDX-License-Identifier: MIT OR Apache-2.0
"""The units do what the words of systemctl say, and lose no frame by it."""
import os
import re
import signal
import socket
import threading

import guest
from guest import escape, scenario, wait_for


def attach_unit(ifname="v0"):
    return f"sampler-attach@{escape(ifname)}.service"


@scenario("start, status, restart, reload, stop", 90)
def test_words(t, machine):
    link = machine.veth()
    machine.start("v0")
    t.ok(machine.is_active("sampler@v0") and machine.is_active(attach_unit()), "started: both units are active")
    program = link.state().prog_id
    t.ok(program, "and our program is attached")
    t.equal(machine.counted("v0", link), (0, 0), "each frame is counted")
    wait_for(lambda: re.search(r"rx .*bit/s, .*pkt/s", machine.show("sampler@v0", "StatusText")), "rates")
    out = machine.systemctl("status", "sampler@v0").out
    t.match(out, r"Status: \"rx [\d.]+ \S*bit/s, [\d.]+ \S*pkt/s", "status has the current rates")
    pid = machine.pid("sampler@v0")
    before = machine.packets()
    traffic = guest.lab.Traffic(link, guest.frames(20)[0], 2000)
    machine.systemctl("restart", "sampler@v0")
    t.ok(machine.pid("sampler@v0") not in (0, pid), "restart: another process")
    pid = machine.pid("sampler@v0")
    machine.systemctl("reload", "sampler@v0")
    t.equal(machine.pid("sampler@v0"), pid, "reload: the same one")
    os.kill(pid, signal.SIGSEGV)
    wait_for(lambda: machine.pid("sampler@v0") not in (0, pid) and machine.is_active("sampler@v0"), "a crash", 20)
    sent, _ = traffic.stop()
    t.ok(sent > 500, "there was traffic all the time", sent)
    t.equal(machine.packets() - before, sent, "restart, reload and a crash lose no frame")
    t.equal(link.state().prog_id, program, "and detach nothing")
    machine.stop("v0")
    t.equal((link.state().prog_id, machine.pins()), (0, []), "stop detaches and unpins")
    t.ok(machine.history("v0"), "and keeps the history")
    t.equal(machine.units("sampler*@*"), [], "no unit is left active or failed")


@scenario("names that are escaped", 120, name="br-lan")
@scenario("names with a dot", 120, name="eth0.100")
def test_names(t, machine, name):
    link = machine.veth(name, peer="p0")
    machine.systemctl("start", "sampler-web.socket")
    unit = f"sampler@{escape(name)}.service"
    machine.systemctl("start", unit)
    t.ok(machine.is_active(unit), f"{unit} is active")
    t.equal(machine.counted(name, link, 100), (0, 0), "and counts")
    t.equal(machine.wait_packets(name, 100), 100, "the API has it")
    machine.systemctl("reload", unit)
    machine.systemctl("restart", unit)
    t.equal(machine.counted(name, link, 100), (0, 0), "reload and restart find it")
    machine.stop(name)
    t.equal((link.state().prog_id, machine.pins()), (0, []), "stopped: detached")


@scenario("a configuration is changed, and reloaded", 90)
def test_reload(t, machine):
    link = machine.veth()
    machine.start("v0")
    machine.configure("[sampler]\nlog_interval = 3s\n[services]\ndns = udp/53\n", "v0")
    program = link.state().prog_id
    machine.systemctl("reload", "sampler@v0")
    wait_for(lambda: "log_interval = 3s" in machine.journal("sampler@v0"), "the recorder has read it")
    before = machine.snapshot("v0")["rx"]["services"]
    link.send([guest.DNS] * 100)
    after = machine.snapshot("v0")["rx"]["services"]
    t.equal((before["dns"]["packets"], after["dns"]["packets"]), (0, 100),
            "a new service is in the kernel, and counts")
    t.equal(link.state().prog_id, program, "with the same program")
    t.match(machine.journal("sampler@v0"), r"dns = udp/53 \(was \) is for samplerd --attach v0", "which is told")
    machine.configure("[sampler]\ninterval = sometimes\n", "v0")
    machine.systemctl("reload", "sampler@v0", check=False)
    wait_for(lambda: "not reloaded, all stays as it was: /etc/sampler/v0.conf:2" in
             machine.journal("sampler@v0"), "the journal names file and line")
    t.ok(machine.is_active("sampler@v0"), "a mistake is told with its file and line, and all goes on as it was")
    link.send(guest.frames(100)[0])
    machine.stop("v0")
    t.equal((link.state().prog_id, machine.pins()), (0, []), "a mistake keeps nothing from being stopped")
    os.unlink(f"{guest.CONFIG}/v0.conf")
    t.equal(machine.last_record("v0")["rx"]["packets"], 200, "and every frame was recorded")


@scenario("start fails", 90)
def test_start_fails(t, machine):
    machine.veth("d0")
    machine.configure("[sampler]\nmod = skb\n", "d0")
    result = machine.systemctl("start", "sampler@d0", check=False)
    t.ok(result.status, "a configuration with a mistake: systemctl start fails")
    t.match(machine.journal("sampler-attach@d0"), r"d0\.conf:2: .*mod", "and the journal has the line")
    machine.systemctl("reset-failed", "sampler*", check=False)


@scenario("several interfaces at once", 90)
def test_several(t, machine):
    links = {name: machine.veth(name) for name in ("v0", "v1", "v2")}
    machine.start(*links)
    for n, (name, link) in enumerate(links.items()):
        t.equal(machine.counted(name, link, 50 + n), (0, 0), f"{name} counts")
    machine.stop("v1")
    t.equal(machine.counted("v0", links["v0"], 50), (0, 0), "the others go on when one is stopped")
    t.equal(links["v1"].state().prog_id, 0, "which is detached")


@scenario("without privilege", 60)
def test_privileges(t, machine):
    machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    machine.get("/healthz")
    for unit in ("sampler@v0", "sampler-web"):
        with open(f"/proc/{machine.pid(unit)}/status", encoding="utf-8") as file:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
        t.equal([status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs")],
                ["0000000000000000"] * 5 + ["1"], f"{unit}: no capability, not even in the bounding set")
        t.ok(status["Uid"].split()[0] != "0", f"{unit}: not root")


# ---- the web service ----


@scenario("the first request starts the web service", 60)
def test_socket(t, machine):
    machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    t.ok(not machine.is_active("sampler-web.service"), "nobody asks: it does not run")
    status, answer = machine.get("/api/interfaces")
    t.equal((status, [i["interface"] for i in answer["interfaces"]]), (200, ["v0"]), "asked, it answers")
    t.ok(machine.is_active("sampler-web.service"), "and runs")


@scenario("the web service is restarted under requests", 90)
def test_web_restart(t, machine):
    machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    machine.get("/healthz")
    stop, done, failed = threading.Event(), [0], []

    def client():
        """Each request on a connection of its own; what fails to connect or to be answered is kept."""
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", guest.PORT), 60) as sock:
                    sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    data = b""
                    while chunk := sock.recv(65536):
                        data += chunk
                if not data.startswith(b"HTTP/1.1 200 "):
                    failed.append(data[:200])
                done[0] += 1
            except OSError as error:
                failed.append(repr(error))

    thread = threading.Thread(target=client)
    thread.start()
    pids = set()
    for _ in range(4):
        before = done[0]
        machine.systemctl("restart", "sampler-web.service")
        pids.add(machine.pid("sampler-web"))
        wait_for(lambda before=before: done[0] > before + 5, "more answers", 30)
    stop.set()
    thread.join()
    t.equal(len(pids), 4, "restarted four times")
    t.equal(failed, [], f"each of {done[0]} requests was answered")


@scenario("exposure, as systemd judges it", 120)
def test_security(t, machine):
    machine.veth()
    machine.start("v0")
    for unit, most in (("sampler@v0.service", 1.5), ("sampler-web.service", 1.5), (attach_unit(), 3.0)):
        out = machine.run("systemd-analyze", "security", "--no-pager", unit)
        value, = re.findall(r"Overall exposure level for \S+: ([\d.]+)", out)
        t.ok(float(value) <= most, f"{unit}: at most {most}", value)
        t.note(f"{unit}: {value}")
