# SPDX-License-Identifier: MIT OR Apache-2.0
"""A real journald in a laboratory, and how a recorder finds it."""
import glob
import json
import os
import shutil

import lab as laboratory

JOURNALD = "/lib/systemd/systemd-journald"
# What systemd says of a standard error that is its journal: device and inode.
WITH_JOURNAL = ("sh", "-c", "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec \"$@\"", "sh")


class Journal:
    """A systemd-journald of our own: /run is private, so are its sockets and files."""

    def __init__(self, lab):
        if not os.path.exists(JOURNALD):
            raise laboratory.Skip(f"no {JOURNALD}: systemd is not installed")
        if not os.path.exists("/etc/machine-id") or not os.path.getsize("/etc/machine-id"):
            raise laboratory.Skip("no /etc/machine-id, which journald needs")
        os.makedirs("/run/systemd/journal")
        os.makedirs("/run/log/journal")
        self._lab = lab
        with open("/run/journald-log", "w", encoding="ascii") as log:
            self.process = lab.spawn(JOURNALD, stdout=log, stderr=log)
        laboratory.wait_for(lambda: os.path.exists("/run/systemd/journal/socket"), "journald")

    def entries(self, ifname="v0"):
        """Return: samplerd's entries with fields, as dictionaries."""
        folder = next(iter(glob.glob("/run/log/journal/*")), None)
        if not folder:
            return []  # it comes with the first entry
        text = self._lab.run("journalctl", "-q", "-D", folder, "-o", "json", "--all",
                             f"SAMPLER_INTERFACE={ifname}")
        return [json.loads(line) for line in text.splitlines()]

    def end(self):
        self.process.terminate()
        self.process.wait(5)
        shutil.rmtree("/run/log/journal")
        shutil.rmtree("/run/systemd/journal")
