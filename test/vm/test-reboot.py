# SPDX-License-Identifier: MIT OR Apache-2.0
"""Enabled units come back by themselves after a reboot, and the history goes on."""
import os

import guest
from guest import BOOT, scenario, wait_for

BOOTS = 2
LINK = """[Unit]
Description=The link under test
DefaultDependencies=no
Before=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip netns add peer
ExecStart=ip netns exec peer sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
ExecStart=/bin/sh -c 'ip link add v0 type veth peer name pv0 netns peer'
ExecStart=ip link set v0 up
ExecStart=ip -n peer link set pv0 up
[Install]
WantedBy=sysinit.target
"""


class Peer(guest.lab.Namespace):
    """The namespace that the unit makes."""

    def __init__(self):
        super().__init__(os.open("/run/netns/peer", os.O_RDONLY | os.O_CLOEXEC))


def link(machine):
    machine.try_run("ethtool", "-K", "v0", "rxvlan", "off")
    machine.try_run("ethtool", "-K", "pv0", "txvlan", "off", ns=Peer())
    return guest.lab.Link("v0", "pv0", machine.ns, Peer())


if BOOT == 1:

    @scenario("before a reboot", 90, clean=False)
    def test_before(t, machine):
        with open("/etc/systemd/system/test-link.service", "w", encoding="ascii") as file:
            file.write(LINK)
        machine.systemctl("enable", "test-link.service", "sampler@v0", "sampler-web.socket")
        machine.systemctl("start", "test-link.service")
        machine.systemctl("start", "sampler@v0", "sampler-web.socket")
        t.equal(machine.counted("v0", link(machine)), (0, 0), "enabled units count")
        wait_for(lambda: machine.last_record("v0")["rx"]["packets"] == 997, "the history has it")
        t.ok(True, "and record")

else:

    @scenario("after a reboot", 120)
    def test_after(t, machine):
        wait_for(lambda: machine.is_active("sampler@v0"), "the recorder", 30)
        t.ok(machine.is_active("sampler-web.socket"), "the units have come back by themselves")
        t.equal(machine.counted("v0", link(machine)), (0, 0), "and count")
        wait_for(lambda: machine.last_record("v0")["rx"]["packets"] == 997, "the new frames")
        records = machine.history("v0")
        t.equal(len({record["epoch"] for record in records}), 2, "the history has both boots, as two epochs")
        t.equal([max(r["rx"]["packets"] for r in records if r["epoch"] == epoch)
                 for epoch in sorted({record["epoch"] for record in records})], [997, 997],
                "and what was counted before")
        numbers = [record["record"] for record in records]
        t.equal(numbers, list(range(numbers[0], numbers[0] + len(numbers))), "in one series of records")

        def shown():  # the newest step is not known before its end
            status, history = machine.get("/api/history?interface=v0&from=-600&metrics=rx.packets")
            return status == 200 and sum(v for v in history["data"][1] if v) == 2 * 997

        wait_for(shown, "both in the API")
        t.ok(True, "the API shows it")
