# SPDX-License-Identifier: MIT OR Apache-2.0
"""The Debian packages: upgraded under traffic, removed, purged, and installed again."""
import glob
import json
import os
import re
import shutil

import guest
from guest import scenario, wait_for

PACKAGES = ("sampler", "sampler-loadgen")


def status(machine, package="sampler"):
    """Return: (what dpkg has of it, its version)."""
    result = machine.try_run("dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package)
    return tuple(result.out.split()) or ("not-installed",)


def install(machine, folder=guest.PAYLOAD, *options):
    machine.run("dpkg", "-i", *options, *glob.glob(f"{folder}/*.deb"), seconds=120)


def program_tag(machine):
    """What our program's instructions are."""
    number = machine.chain()["sampler_rx"]["id"]
    return json.loads(machine.run("bpftool", "-j", "prog", "show", "id", str(number)))["tag"]


def begin(machine):
    """Return: a link that is sampled between two others, with the web service at hand."""
    link = machine.veth()
    machine.load("early")
    machine.start("v0")
    machine.load("late")
    machine.systemctl("start", "sampler-web.socket")
    machine.get("/healthz")
    return link


@scenario("installed")
def test_installed(t, machine):
    for package in PACKAGES:
        t.equal(status(machine, package)[0], "installed", package)
    conffiles = machine.run("dpkg-query", "-W", "-f", "${Conffiles}", "sampler")
    t.match(conffiles, r"/etc/sampler/sampler\.conf", "its configuration is a conffile")
    t.equal(machine.try_run("samplerd", "--check-config").status, 0, "and has no mistake")
    t.equal(machine.show("sampler-web.socket", "UnitFileState"), "enabled", "the web service's socket is enabled")
    t.equal(machine.show("sampler@v0.service", "UnitFileState"), "disabled", "no interface is sampled by itself")
    for name in ("samplerd.8", "sampler-web.8", "sampler.7", "sampler.conf.5", "sampler-loadgen.1", "loadgen.ini.5"):
        t.ok(glob.glob(f"/usr/share/man/man?/{name}*"), f"{name} is there")
    t.equal(machine.run("dpkg", "--verify", *PACKAGES), "", "every file is as it was packed")


@scenario("an upgrade under traffic, and one that brings another program", 240)
def test_upgrade(t, machine):
    link = begin(machine)
    chain, pid, version = machine.chain(), machine.pid("sampler@v0"), status(machine)[1]
    traffic = guest.lab.Traffic(link, guest.frames(50)[0], 500)
    requests = guest.Requests("200|503")  # in a moment without recorder
    install(machine, f"{guest.PAYLOAD}/next")
    sent, _ = traffic.stop()
    requests.stop()
    t.equal(status(machine), ("installed", version + "+next"), "the newer version is there")
    t.ok(sent > 300, "there was traffic", sent)
    t.equal((machine.packets(), machine.hits("late")), (sent, sent), "no frame is lost")
    t.equal(machine.chain(), chain, "nobody was detached")
    t.ok(requests.done > 0 and not requests.failed, "each request was answered meanwhile",
         f"{requests.done}, {requests.failed}")
    with open(f"{guest.CONFIG}/sampler.conf", encoding="utf-8") as file:
        t.equal(file.read(), guest.QUICK, "what was changed in the configuration has stayed")
    wait_for(lambda: machine.is_active("sampler@v0") and machine.pid("sampler@v0") not in (0, pid), "the new recorder")
    with open(f"/proc/{machine.pid('sampler@v0')}/maps", encoding="utf-8") as file:
        t.ok("samplerd (deleted)" not in file.read(), "the recorder was restarted, and is the new file")
    wait_for(lambda: machine.last_record("v0")["rx"]["packets"] == sent, "all in the history")
    t.equal(machine.wait_packets("v0", sent), sent, "the web service answers")
    tag = program_tag(machine)
    before = machine.packets()
    traffic = guest.lab.Traffic(link, guest.frames(50)[0], 500)
    install(machine, f"{guest.PAYLOAD}/next2")
    sent, _ = traffic.stop()
    t.equal(status(machine), ("installed", version + "+next2"), "one that brings another program is there")
    t.ok(sent > 300, "there was traffic again", sent)
    t.ok(program_tag(machine) != tag, "its program has taken over", tag)
    t.ok(abs(machine.packets() - before - sent) <= os.cpu_count(), "at most a frame a CPU is in doubt",
         f"{machine.packets() - before} of {sent}")
    t.equal(list(machine.chain()), ["early", "sampler_rx", "late"], "in its place of the chain")
    total = machine.packets()
    wait_for(lambda: machine.last_record("v0")["rx"]["packets"] == total, "all in the history")
    t.equal(len({record["epoch"] for record in machine.history("v0")}), 1, "the history goes on, in one epoch")
    t.equal(machine.counted("v0", link, 100), (0, 0), "counting goes on")


@scenario("removed, purged, and installed again", 240)
def test_remove(t, machine):
    link = begin(machine)
    machine.systemctl("enable", "sampler@v0")
    link.send(guest.frames(100)[0])
    wait_for(lambda: machine.last_record("v0")["rx"]["packets"] == 100, "the history")
    machine.run("dpkg", "-r", "sampler", seconds=120)
    t.equal(status(machine)[0], "config-files", "removed")
    t.equal(list(machine.chain()), ["early", "late"], "our program is detached, the others stay")
    t.equal(machine.pins(), [], "nothing is pinned")
    t.equal(machine.units("sampler*"), ["sampler-test.service"], "no unit of it is left")
    t.ok(glob.glob(f"{guest.STATE}/v0.hist"), "the history is kept")
    t.ok(os.path.exists("/etc/sampler/sampler.conf"), "so is the configuration")
    machine.run("dpkg", "-P", *PACKAGES, seconds=120)
    t.equal(status(machine)[0], "not-installed", "purged")
    left = [path for path in ("/var/lib/sampler", "/etc/sampler", "/sys/fs/bpf/sampler", "/run/sampler",
                              "/usr/share/sampler") if os.path.exists(path)]
    t.equal(left, [], "no history, no configuration, no pin is left")
    found = machine.run("find", "/etc", "/usr", "/var/lib/systemd", "-xdev", "-name", "*sampler*")
    strange = [p for p in found.splitlines() if "sampler-test" not in p and not re.search("python|perl", p)]
    t.equal(strange, [], "and no other file")
    as_the_readme_says(t, machine)


def as_the_readme_says(t, machine):
    """Its three commands, word by word; only the build of the packages was before."""
    build, *commands = guest.readme_commands("in three commands:")
    t.equal((build, len(commands)), ("packaging/deb", 2), "the README has three commands, the first builds")
    shutil.copytree(guest.PAYLOAD, f"{guest.tap_dir()}/tree/build-deb",
                    ignore=lambda _, names: [name for name in names if not name.endswith(".deb")])
    link = machine.veth("eth0", "p0")
    for command in commands:
        result = machine.try_run("bash", "-c", f"cd {guest.tap_dir()}/tree && {command}", seconds=120)
        t.equal(result.status, 0, f"{command}: done") or t.note(result)
    t.equal([status(machine, package)[0] for package in PACKAGES], ["installed"] * 2, "both are installed again")
    t.equal(machine.counted("eth0", link, 100), (0, 0), "the interface is counted")
    t.equal(machine.wait_packets("eth0", 100), 100, "the page's API has it")
    t.equal(machine.show("sampler@eth0", "UnitFileState"), "enabled", "at each boot as well")
    machine.systemctl("disable", "sampler@eth0")
