#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
A recorder without privilege has what it suspects looked into: by a file in its runtime directory, as
its unit has it, and the verdict comes by the pins.
"""
import os
import shutil

import lab as laboratory
from frames import ACK, IPV4, TCP, eth, ipv4, tcp
from lab import OBJECTS, RUN, USER, scenario, wait_for

FRAMES = [eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 60)))]

# As a unit does: without privilege, and with a folder of its own.
WITHOUT_PRIVILEGE = ("setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups",
                     "--inh-caps=-all", "--bounding-set=-all")


def record_as_unit(lab, **options):
    """Return: a recorder without privilege, and the path of the file by which it asks."""
    folder = f"{RUN}/runtime"
    os.mkdir(folder, 0o700)
    shutil.chown(folder, USER)
    recorder = lab.record("v0", env={"RUNTIME_DIRECTORY": folder}, wrap=WITHOUT_PRIVILEGE,
                          **options)
    recorder.wait_record()
    return recorder, f"{folder}/recheck"


def take_place(lab, link):
    """In one step: the link is never without a program. Return: id of the foreign one."""
    pin = f"{laboratory.BPFFS}/foreign"
    lab.run("bpftool", "prog", "load", f"{OBJECTS}/foreign.bpf.o", pin)
    lab.run("bpftool", "net", "attach", "xdpdrv", "pinned", pin, "dev", "v0", "overwrite")
    return link.state().prog_id


@scenario("a recorder without privilege asks for a re-check")
def test_asks(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    recorder, request = record_as_unit(lab)
    link.send(FRAMES * 100)
    recorder.wait_record()
    t.ok(not os.path.exists(request), "while all is well it asks for nothing")
    foreign = take_place(lab, link)
    wait_for(lambda: os.path.exists(request), "a request")
    t.equal(os.stat(request).st_size, 0, "a file that says nothing")
    t.equal(lab.samplerd("--verify-attached", "v0").status, 1, "--verify-attached, as the unit")
    recorder.wait_log(r"error: v0: degraded: our program is not on the interface any more, "
                      rf'"foreign" \(id {foreign}\) is; attach again: samplerd --attach v0')
    lab.run("ip", "link", "set", "dev", "v0", "xdp", "off")
    lab.attach("v0")
    wait_for(lambda: link.send(FRAMES) and "v0: counting again" in recorder.log(), "its end")
    os.unlink(request)
    recorder.wait_record()
    recorder.wait_record()
    t.ok(not os.path.exists(request), "after that it asks for nothing")
    t.equal(recorder.stop(), 0, "the recorder ends well")


@scenario("nobody answers a recorder without privilege")
def test_asks_in_vain(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    recorder, request = record_as_unit(lab)
    lab.run("ln", "-s", f"{lab.state_dir}/elsewhere", request)
    take_place(lab, link)
    recorder.wait_log(r"warning: v0: cannot ask for a re-check by \S+/recheck: ")
    t.ok(not os.path.exists(f"{lab.state_dir}/elsewhere"), "it follows no link")
    recorder.wait_log(r"warning: v0: suspect: the interface shows XDP program \d+, expected was "
                      r"\d+; root can tell: samplerd --verify-attached v0")
    recorder.stop()
    shutil.rmtree(os.path.dirname(request))
    recorder, request = record_as_unit(lab)
    wait_for(lambda: os.path.exists(request), "a request")
    recorder.wait_log("warning: v0: suspect: ")
    t.ok(os.path.exists(request), "a request without an answer ends in a warning")
    t.equal(recorder.stop(), 0, "the recorder ends well")


laboratory.main()
