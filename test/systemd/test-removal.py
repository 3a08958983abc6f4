# SPDX-License-Identifier: MIT OR Apache-2.0
"""What removing the packages touches, and what not."""
import os

import guest
from guest import scenario


class Chroot:
    """A copy of the root, with folders of the machine itself mounted in it, as tools for images do it."""

    def __init__(self, machine):
        self._machine, self._folder = machine, f"{guest.tap_dir()}/chroot"
        self._root = f"{self._folder}/root"

    def __enter__(self):
        for name in ("root", "upper", "work"):
            os.makedirs(f"{self._folder}/{name}", exist_ok=True)
        self._machine.run("mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={self._folder}/upper,"
                          f"workdir={self._folder}/work", "overlay", self._root)
        for name, how in (("proc", "--rbind"), ("sys", "--rbind"), ("dev", "--rbind"), ("run", "--bind")):
            self._machine.run("mount", how, f"/{name}", f"{self._root}/{name}")
        self._machine.run("mount", "--make-rslave", self._root)
        return self

    def __exit__(self, *_):
        self._machine.run("umount", "-R", "-l", self._root)

    def run(self, *argv):
        return self._machine.run("chroot", self._root, *argv, seconds=120)


@scenario("removed and purged in a chroot, the machine around it goes on", 120)
def test_chroot(t, machine):
    link = machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")
    program, pid = link.state().prog_id, machine.pid("sampler@v0")
    with Chroot(machine) as chroot:
        for option, status in (("-r", "config-files"), ("-P", "")):
            chroot.run("dpkg", option, "sampler")
            found = chroot.run("sh", "-c", "dpkg-query -W -f '${db:Status-Status}' sampler 2>/dev/null || :")
            t.equal(found.replace("not-installed", ""), status, f"dpkg {option} sampler, in a chroot")
            t.equal((link.state().prog_id, machine.pid("sampler@v0")), (program, pid),
                    "attached and recorded as before, outside")
            t.equal(machine.counted("v0", link, 100), (0, 0), "and counted")
    t.ok(os.path.exists(guest.lab.SAMPLERD), "the machine's own package is there")
    t.equal(machine.get("/healthz")[0], 200, "and all is well")
