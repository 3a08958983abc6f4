# SPDX-License-Identifier: MIT OR Apache-2.0
"""The journal: rates with their fields, errors with what to do, and not too much of it."""
import glob
import os
import re

import guest
from guest import scenario, wait_for


def rates(machine):
    """Entries of the rate log."""
    return [e for e in machine.entries("sampler@v0") if "SAMPLER_RX_PACKETS" in e]


@scenario("rates have their fields, and these are the API's", 90)
def test_fields(t, machine):
    machine.configure("[sampler]\nlog_interval = 1s\n", "v0")
    link = machine.veth()
    machine.start("v0")
    machine.systemctl("start", "sampler-web.socket")

    def total(name):
        return sum(int(entry[name]) for entry in rates(machine))

    sent = 0
    for packets in (300, 600, 900):
        chosen, _ = guest.frames(300)
        sent += link.send(chosen)[1]
        wait_for(lambda: total("SAMPLER_RX_PACKETS") >= packets, "every frame in the journal")
    machine.wait_packets("v0", 900)
    answer = machine.get("/api/metrics/realtime?interface=v0")[1]
    t.equal((total("SAMPLER_RX_PACKETS"), total("SAMPLER_RX_BYTES")),
            (answer["total_packets"], answer["total_bytes"]), "packets and bytes add up to the API's")
    t.equal(total("SAMPLER_RX_BYTES"), sent, "which is what was sent")
    entry = rates(machine)[0]
    t.equal({e["SAMPLER_INTERFACE"] for e in rates(machine)}, {"v0"}, "each names its interface")
    t.equal(len({e.get("MESSAGE_ID") for e in rates(machine)}), 1, "and all have one MESSAGE_ID")
    t.ok(entry["MESSAGE_ID"], "which is there")
    busy = max(rates(machine), key=lambda e: int(e["SAMPLER_RX_PACKETS"]))
    text = busy["MESSAGE"]
    seconds = int(busy["SAMPLER_INTERVAL_NS"]) / 1e9
    for name in ("RX", "RX_TCP", "RX_SERVICE_HTTP", "RX_IPV4"):
        per_s = int(busy[f"SAMPLER_{name}_PACKETS"]) / seconds, int(busy[f"SAMPLER_{name}_BYTES"]) * 8 / seconds
        told = float(busy[f"SAMPLER_{name}_PPS"]), float(busy[f"SAMPLER_{name}_BPS"])
        t.ok(per_s[0] and all(abs(a - b) <= 1 for a, b in zip(per_s, told)),
             f"{name}: rates are counts over the interval's time", f"{told} for {per_s}")
    sums = [total(f"SAMPLER_RX_{name}_PACKETS") for name in ("TCP", "SERVICE_HTTP", "IPV4")]
    rx = answer["rx"]
    t.equal(sums, [rx["l4"]["tcp"]["packets"], rx["services"]["http"]["packets"], rx["l3"]["ipv4"]["packets"]],
            "protocols and services add up to the API's")
    t.match(text, rf"\({busy['SAMPLER_RX_PACKETS']} packets, {busy['SAMPLER_RX_BYTES']} bytes in", "text and fields agree")
    t.equal(busy["_SYSTEMD_UNIT"], "sampler@v0.service", "under the unit")


@scenario("the catalog explains", 90)
def test_catalog(t, machine):
    machine.veth()
    machine.configure("[attach]\nmod = skb\n", "v0")
    machine.systemctl("start", "sampler@v0", check=False)
    for unit in ("sampler-attach@v0", "sampler@v0"):
        wrong = [e for e in machine.entries(unit) if "v0.conf:2: " in e["MESSAGE"]]
        t.equal(len(wrong), 1, f"a mistake has its line, also for journalctl -u {unit}")
        t.ok(wrong and wrong[0].get("MESSAGE_ID"), "and a MESSAGE_ID")
    machine.explained(t, "sampler@v0", "ATTACH_FAILED", r"v0\.conf:2: ")
    os.unlink(f"{guest.CONFIG}/v0.conf")
    machine.systemctl("reset-failed")
    machine.start("v0")
    t.match(machine.journal("sampler@v0"), r"v0: attached: (native|skb) mode", "the recorder's unit has the attach")
    machine.run("ip", "link", "set", "dev", "v0", "xdpdrv", "off")
    wait_for(lambda: "degraded" in machine.journal("sampler@v0"), "degraded")
    out = machine.journal("sampler@v0", "-x")
    t.match(out, r"degraded: .*\n░░ Subject: .*v0", "degraded has an entry in the catalog")
    t.match(out, r"░░ +(samplerd --attach v0|systemctl reload sampler@v0)",
            "which says what to do, with the interface's name")
    listed = machine.run("journalctl", "--no-pager", "--list-catalog")
    ids = {e["MESSAGE_ID"] for e in machine.entries("sampler*@v0*")
           if e.get("MESSAGE_ID") and e.get("SYSLOG_IDENTIFIER") == "samplerd"}
    t.ok(ids and all(number in listed for number in ids), "each MESSAGE_ID that was logged is in the catalog", ids)


@scenario("each kind of message is explained", 120)
def test_explained(t, machine):
    machine.systemctl("start", "sampler@lo")
    machine.explained(t, "sampler-attach@lo", "ATTACHED_SKB", "no native XDP")
    machine.stop("lo")
    machine.configure("[sampler]\nlog_interval = 250ms\n", "v0")
    link = machine.veth()
    machine.start("v0")
    link.send(guest.frames(100)[0])
    machine.explained(t, "sampler@v0", "RATES", "v0: rx ")
    machine.run("tc", "filter", "del", "dev", "v0", "egress")
    machine.explained(t, "sampler@v0", "TX_UNCOUNTED", "transmitted frames are not counted any more")
    machine.run(guest.lab.SAMPLERD, "--detach", "v0")
    machine.explained(t, "sampler@v0", "NOT_ATTACHED", "v0 is not")
    machine.stop("v0")
    path, = glob.glob(f"{guest.STATE}/v0*.hist")
    os.unlink(path)
    os.mkdir(path)
    machine.systemctl("start", "sampler@v0", check=False)
    machine.explained(t, "sampler@v0", "RECORD_FAILED", re.escape(path))
    os.rmdir(path)


@scenario("nobody looks into a suspicion: the unit for it is masked", 120)
def test_suspect(t, machine):
    link = machine.veth()
    machine.systemctl("mask", "sampler-verify@v0.path")
    try:
        machine.start("v0")
        t.ok(machine.is_active("sampler@v0"), "the recorder starts without it")
        machine.displace("v0")
        machine.explained(t, "sampler@v0", "SUSPECT", "root can tell: samplerd --verify-attached v0")
        machine.try_run(guest.lab.SAMPLERD, "--verify-attached", "v0")
        machine.explained(t, "sampler@v0", "DEGRADED", "attach again: samplerd --attach v0")
        machine.run("ip", "link", "set", "dev", "v0", "xdpdrv", "off")
        machine.run(guest.lab.SAMPLERD, "--attach", "v0")
        link.send(guest.frames(10)[0])
        machine.explained(t, "sampler@v0", "RECOVERED", "v0: counting again")
    finally:
        machine.systemctl("unmask", "sampler-verify@v0.path")


@scenario("a silent link logs seldom", 90)
def test_silence(t, machine):
    machine.configure("[sampler]\ninterval = 100ms\nlog_interval = 100ms\n", "v0")
    link = machine.veth()
    machine.start("v0")
    link.send(guest.frames(10)[0])
    wait_for(lambda: machine.last_record("v0")["rx"]["packets"] == 10, "the frames")
    wait_for(lambda: rates(machine), "a line")
    before = len(rates(machine)), machine.last_record("v0")["record"]
    wait_for(lambda: machine.last_record("v0")["record"] >= before[1] + 30, "thirty silent ticks")
    more = len(rates(machine)) - before[0]
    t.ok(more <= 5, "thirty ticks of silence are not thirty lines", more)


@scenario("what goes wrong again and again is told once", 90)
def test_repeated(t, machine):
    """Somebody takes our program off, and nobody puts it back: a line, not one a tick."""
    machine.configure("[sampler]\ninterval = 100ms\n", "v0")
    machine.veth()
    machine.start("v0")
    machine.run("ip", "link", "set", "dev", "v0", "xdpdrv", "off")
    wait_for(lambda: "degraded" in machine.journal("sampler@v0"), "degraded")
    before = machine.last_record("v0")["record"]
    wait_for(lambda: machine.last_record("v0")["record"] >= before + 30, "thirty ticks")
    t.equal(len(re.findall("degraded:", machine.journal("sampler@v0"))), 1, "once")
