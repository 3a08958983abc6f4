# SPDX-License-Identifier: MIT OR Apache-2.0
"""The units do what the words of systemctl say, and lose no frame by it."""
import glob
import json
import os
import pwd
import re
import signal
import socket

import guest
from guest import escape, scenario, wait_for

INSTANCE = "/run/sampler/instance"


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
    t.equal([machine.show("sampler@v0", name) for name in ("Type", "WatchdogUSec", "Restart")],
            ["notify", "180000000", "always"], "the recorder tells when it is ready, and is watched")
    t.equal(machine.show(attach_unit(), "TimeoutStartUSec"), "120000000", "an attach has a limit of time")
    traffic = guest.lab.Traffic(link, guest.frames(20)[0], 2000)
    rates = r"rx (?!0 )[\d.]+ \S*bit/s, (?!0 )[\d.]+ \S*pkt/s"
    wait_for(lambda: re.search(f'Status: "{rates}', machine.systemctl("status", "sampler@v0").out), "rates", 20)
    t.ok(True, "status has the current rates")
    traffic.stop()
    pid, place = machine.pid("sampler@v0"), os.stat(f"{INSTANCE}/v0").st_ino
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
    t.equal(os.stat(f"{INSTANCE}/v0").st_ino, place, "the place where a re-check is asked for stays, too")
    machine.systemctl("stop", "sampler@v0", attach_unit())
    t.equal((link.state().prog_id, machine.pins()), (0, []), "stop of both units waits until all is detached and unpinned")
    t.equal(os.listdir(INSTANCE), [], "and that place is gone")
    for _ in range(8):
        machine.systemctl("start", "sampler@v0")
        machine.systemctl("stop", "sampler@v0")
    machine.start("v0")
    t.ok(machine.is_active("sampler@v0"), "stopped and started as often and as fast as one likes")
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
    machine.displace(name)
    said = wait_for(lambda: re.search("degraded: .*", machine.journal(unit)), "a re-check")[0]
    t.match(said, 'any more, "foreign"', "a re-check that the recorder has asked for finds who is in our place")
    t.equal([machine.show(f"sampler-verify@{escape(name)}.service", key) for key in ("ExecMainStatus", "Result")],
            ["1", "success"], "which is an answer, and no unit has failed")
    machine.run("ip", "link", "set", "dev", name, "xdpdrv", "off")
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
    for name, said in (("nosuch0", "nosuch0"), ("br-lan", "br/lan")):
        result = machine.systemctl("start", f"sampler@{name}", check=False, seconds=20)
        t.ok(result.status, f"a name that is wrong: sampler@{name} does not start")
        t.match(machine.journal(f"sampler@{name}"), rf'no interface "{said}"; there are: .*d0',
                "and the journal has the names that there are")
    machine.systemctl("reset-failed", "sampler*", check=False)


@scenario("units that are masked", 90)
def test_masked(t, machine):
    """Also over a later version of the package, which asks nobody to unmask them."""
    links = {name: machine.veth(name) for name in ("v0", "v1")}
    machine.start("v0")
    machine.systemctl("enable", "sampler@v1")
    machine.systemctl("mask", "sampler@v1", "sampler-web.socket")
    try:
        result = machine.systemctl("start", "sampler@v1", check=False)
        t.ok(result.status and "masked" in result.err, "a start fails and says why", result)
        machine.run("ip", "link", "del", "v1")
        links["v1"] = machine.veth("v1")
        wait_for(lambda: machine.show("sampler-return@v1", "Result") == "exit-code", "a vain try to return")
        program = links["v0"].state().prog_id
        machine.run("sh", "-c", f"dpkg -i {guest.PAYLOAD}/sampler_*.deb", seconds=60)
        t.equal(machine.counted("v0", links["v0"], 100), (0, 0), "the package again: the other interface goes on")
        t.equal(links["v0"].state().prog_id, program, "with the program that was there")
        t.equal([machine.show(unit, "LoadState") for unit in ("sampler@v1", "sampler-web.socket")], ["masked"] * 2,
                "what was masked stays so")
        t.equal((links["v1"].state().prog_id, machine.is_active("sampler-attach@v1")), (0, False),
                "and nothing is attached for it")
    finally:
        machine.systemctl("unmask", "sampler@v1", "sampler-web.socket")
        machine.systemctl("disable", "sampler@v1")
    machine.start("v1")
    t.equal(machine.counted("v1", links["v1"], 100), (0, 0), "unmasked it starts")


@scenario("stopped during a start", 60, verb="start", key="ExecStart")
@scenario("stopped during a reload", 60, verb="reload", key="ExecReload")
def test_stop_meanwhile(t, machine, verb, key):
    """The attach unit is at it for as long as a file is there."""
    link, held = machine.veth(), f"{guest.tap_dir()}/held"
    if verb == "reload":
        machine.start("v0")
    machine.drop_in(
        f"[Service]\n{key}=/bin/sh -c 'trap \"\" TERM; : >{held}; while [ -e {held} ]; do sleep 0.05; done'\n",
        "sampler-attach@.service")
    try:
        machine.systemctl("--no-block", verb, "sampler@v0")
        wait_for(lambda: os.path.exists(held), f"the {verb}")
        t.ok(link.state().prog_id, "our program is attached")
        machine.systemctl("--no-block", "stop", "sampler@v0", attach_unit())
        wait_for(lambda: machine.show(attach_unit(), "ActiveState") == "deactivating", "the stop")
        os.unlink(held)
        machine.wait_inactive(attach_unit())
        t.equal((link.state().prog_id, machine.pins()), (0, []), "stopped meanwhile, it is detached and unpinned")
        t.equal(machine.units("sampler*@*"), [], "and nothing has failed")
    finally:
        machine.drop_in("", "sampler-attach@.service")


# ---- devices that go and come ----


@scenario("a link goes and comes, faster than units stop", 120, name="v0")
@scenario("a link goes and comes, with an escaped name", 120, name="eth0.100")
def test_flap(t, machine, name):
    machine.veth(name, peer="p0")
    unit = f"sampler@{escape(name)}.service"
    machine.systemctl("enable", "--now", unit)
    pauses = (0, 0, 0.01, 0.03, 0.1, 0.3)
    for pause in pauses:
        machine.run("sh", "-c", 'ip link del "$1"; sleep "$2"; ip link add "$1" type veth peer name q0 && '
                    'ip link set "$1" up', "sh", name, str(pause))
        ifindex = link_index(name)
        wait_for(lambda ifindex=ifindex: sampled(machine, name) == ifindex and machine.is_active(unit),
                 f"its return, after {pause} s", 20)
    t.ok(True, f"it came back {len(pauses)} times")
    machine.run("ip", "link", "del", name)
    link = machine.veth(name, peer="p0")
    wait_for(lambda: sampled(machine, name) == link_index(name) and machine.is_active(unit), "its return", 20)
    t.equal(machine.counted(name, link, 100), (0, 0), "and counts")
    machine.stop(name)
    machine.run("udevadm", "trigger", "-c", "change", f"/sys/class/net/{name}")
    machine.run("udevadm", "settle", "--timeout=10")
    t.ok(not machine.units("sampler*@*") and not machine.run("systemctl", "list-jobs", "--no-legend", "sampler*"),
         "stopped by hand it stays so")
    machine.systemctl("disable", unit)
    wants = machine.run("find", "/etc/systemd/system", "-name", "sampler*@*")
    t.equal(wants, "", "disable takes back what enable has made")


@scenario("a link goes and comes, and the unit was only started", 60)
def test_started_only(t, machine):
    machine.veth()
    machine.start("v0")
    machine.run("ip", "link", "del", "v0")
    wait_for(lambda: not machine.units("sampler*@v0*") and not machine.pins(), "the units end with the device")
    t.ok(not machine.units("sampler*@v0*"), "the units end with the device, and none fails")
    link = machine.veth()
    wait_for(lambda: machine.is_active("sys-subsystem-net-devices-v0.device"), "the device")
    machine.run("udevadm", "settle", "--timeout=10")
    t.ok(not machine.is_active("sampler@v0") and not machine.run("systemctl", "list-jobs", "--no-legend", "sampler*"),
         "it stays stopped, as it was not enabled")
    machine.start("v0")
    t.equal(machine.counted("v0", link), (0, 0), "started again it counts from 0")


def link_index(name):
    with open(f"/sys/class/net/{name}/ifindex", encoding="ascii") as file:
        return int(file.read())


def sampled(machine, name):
    """Return: the ifindex that pins are of, or None."""
    result = machine.try_run(guest.lab.SAMPLERD, "--print", name)
    return None if result.status else json.loads(result.out)["ifindex"]


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
        user = {"sampler@v0": "sampler"}.get(unit, unit)
        t.equal(status["Uid"].split(), [str(pwd.getpwnam(user).pw_uid)] * 4, f"{unit}: runs as {user}")
    pid, (history,) = machine.pid("sampler@v0"), glob.glob(f"{guest.STATE}/v0*.hist")
    for what in (f"kill -0 {pid}", f"ls /proc/{pid}/root/", f"touch {guest.STATE}/x", f"touch {history}",
                 "touch /run/sampler/instance/v0/recheck"):
        as_web = machine.try_run("setpriv", "--reuid=sampler-web", "--regid=sampler", "--clear-groups", "sh", "-c", what)
        t.ok(as_web.status, f"the web service's user may not {what.replace(str(pid), 'RECORDER')}", as_web)


@scenario("members of the group read counters and history", 60)
def test_group(t, machine):
    link = machine.veth()
    machine.start("v0")
    link.send(guest.frames(100)[0])
    wait_for(lambda: machine.last_record("v0")["rx"]["packets"] == 100, "the history")

    def as_nobody(group, *argv):
        return ("setpriv", "--reuid=nobody", f"--regid={group}", "--clear-groups", *argv)

    printed = machine.try_run(*as_nobody("sampler", guest.lab.SAMPLERD, "--print", "v0"))
    t.equal(printed.status or json.loads(printed.out)["rx"]["packets"], 100, "counters, by samplerd --print")
    lines = machine.run(*as_nobody("sampler", guest.lab.SAMPLERD, "--history", "v0")).splitlines()
    t.equal(json.loads(lines[-1])["rx"]["packets"], 100, "history, by samplerd --history")
    for verb in ("--print", "--history"):
        t.ok(machine.try_run(*as_nobody("nogroup", guest.lab.SAMPLERD, verb, "v0")).status, f"others may not: {verb}")
    may_list = [machine.try_run(*as_nobody(group, "ls", guest.STATE)).status == 0 for group in ("sampler", "nogroup")]
    t.equal(may_list, [True, False], "nor see of which interfaces there is one")
    web = machine.spawn(*as_nobody("sampler", "sampler-web", "--listen", "127.0.0.1:3001"))
    try:
        def answered():
            try:
                return machine.get("/api/metrics/realtime?interface=v0", 3001)
            except OSError:
                return None

        status, answer = wait_for(answered, "sampler-web")
        t.equal((status, answer.get("total_packets")), (200, 100), "both, by a sampler-web of one's own")
    finally:
        web.kill()
        web.wait()
    machine.stop("v0")
    t.equal(machine.try_run(*as_nobody("sampler", "ls", "/run/sampler/bpf")).out, "", "nothing is left there after a stop")


# ---- the web service ----


@scenario("the first request starts the web service", 60)
def test_socket(t, machine):
    machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    t.ok(not machine.is_active("sampler-web.service"), "nobody asks: it does not run")
    queue, = machine.run("ss", "-Hltn", f"sport = :{guest.PORT}").splitlines()
    t.equal(queue.split()[2], "511", "as many as it serves at once can wait for it")
    status, answer = machine.get("/api/interfaces")
    t.equal((status, [i["interface"] for i in answer["interfaces"]]), (200, ["v0"]), "asked, it answers")
    t.ok(machine.is_active("sampler-web.service"), "and runs")
    with open("/usr/share/sampler/web/index.html", encoding="utf-8") as file:
        t.equal(machine.run("curl", "-sf", f"http://127.0.0.1:{guest.PORT}/"), file.read(), "its page is the installed one")


@scenario("a mistake in sampler.conf, mended while a request waits", 60)
def test_web_mistake(t, machine):
    machine.veth()
    machine.start("v0")
    machine.drop_in("[Service]\nRestartSec=100ms\n", "sampler-web.service")
    machine.configure("[web]\nlissen = x\n")
    machine.systemctl("start", "sampler-web.socket")
    try:
        with socket.create_connection(("127.0.0.1", guest.PORT), 60) as sock:
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            wait_for(lambda: machine.journal("sampler-web").count("sampler.conf:2: ") >= 8, "eight starts in vain", 30)
            t.ok(machine.is_active("sampler-web.socket"), "the socket outlives as many starts in vain as there are")
            machine.configure(guest.QUICK)
            t.ok(sock.recv(65536).startswith(b"HTTP/1.1 "), "mended, the request that waited is answered")
        t.equal(machine.get("/healthz")[0], 200, "and the next ones")
    finally:
        machine.drop_in("", "sampler-web.service")


@scenario("the web service is restarted under requests", 90)
def test_web_restart(t, machine):
    machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    machine.get("/healthz")
    requests = guest.Requests()
    pids = set()
    for _ in range(4):
        before = requests.done
        machine.systemctl("restart", "sampler-web.service")
        pids.add(machine.pid("sampler-web"))
        wait_for(lambda before=before: requests.done > before + 5, "more answers", 30)
    requests.stop()
    t.equal(len(pids), 4, "restarted four times")
    t.equal(requests.failed, [], f"each of {requests.done} requests was answered")


@scenario("exposure, as systemd judges it", 120)
def test_security(t, machine):
    machine.veth()
    machine.start("v0")
    for unit, most in (("sampler@v0.service", 1.5), ("sampler-web.service", 1.5), (attach_unit(), 3.0)):
        out = machine.run("systemd-analyze", "security", "--no-pager", unit)
        value, = re.findall(r"Overall exposure level for \S+: ([\d.]+)", out)
        t.ok(float(value) <= most, f"{unit}: at most {most}", value)
        t.note(f"{unit}: {value}")
