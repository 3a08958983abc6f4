# SPDX-License-Identifier: MIT OR Apache-2.0
"""Without packages: what `meson install` has put below /usr/local, and the commands that the README has for it."""
import glob
import os

import guest
from guest import scenario

INSTALLED = f"{guest.PAYLOAD}/installed"


@scenario("meson install", 120)
def test_meson_install(t, machine):
    machine.run("dpkg", "-P", "sampler", "sampler-loadgen")
    for user in ("sampler", "sampler-web"):
        machine.run("userdel", user)
    machine.run("cp", "-a", f"{INSTALLED}/.", "/")
    try:
        for command in guest.readme_commands("or, after `meson install`, in place of the second:"):
            result = machine.try_run("bash", "-c", command)
            t.equal(result.status, 0, f"{command}: done") or t.note(result)
        guest.lab.SAMPLERD = "/usr/local/sbin/samplerd"
        machine.configure("[sampler]\nlog_interval = 250ms\n", "v0")
        link = machine.veth()
        machine.start("v0")
        t.equal(machine.run("readlink", f"/proc/{machine.pid('sampler@v0')}/exe").strip(), guest.lab.SAMPLERD,
                "the unit runs what was installed")
        t.equal(machine.counted("v0", link, 100), (0, 0), "and counts")
        t.equal(machine.wait_packets("v0", 100), 100, "the web service has it")
        machine.explained(t, "sampler@v0", "RATES", "v0: rx ")
        machine.stop("v0")
        t.equal((link.state().prog_id, machine.pins()), (0, []), "stopped: detached")
        machine.systemctl("disable", "--now", "sampler-web.socket")
    finally:
        machine.run("sh", "-c", f"cd {INSTALLED} && find . ! -type d -printf '/%P\\0' | xargs -0 rm -f")
        machine.run("dpkg", "-i", "--force-confold", *glob.glob(f"{guest.PAYLOAD}/*.deb"))
    t.ok(os.path.exists("/usr/sbin/samplerd"), "the packages take its place again")
