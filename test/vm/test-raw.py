# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Raw frames by AF_XDP on the oldest kernel that is supported: it is late to say what it has taken of a ring. What a
run tells has to be what arrives, whatever it was at.
"""
import json
import signal
import subprocess

from guest import scenario, wait_for


def start(machine, link, interface, *argv):
    return machine.spawn("sampler-loadgen", "--raw", "--interface", interface, "--destination", "198.18.0.2", "--source",
                         "198.18.0.1", "--allow-any-source", "yes", "--destination-mac", "02:00:00:00:50:02",
                         "--socket", "xdp", "--json", *argv, ns=link.peer_ns, stdout=subprocess.PIPE, text=True)


def above_a_shaper(machine, rate, burst, limit):
    """Return: a link whose peer has the interface "above" on it, behind a queue of a rate."""
    link = machine.veth()
    machine.run("tc", "qdisc", "add", "dev", "pv0", "root", "tbf", "rate", rate, "burst", burst, "limit", limit,
                ns=link.peer_ns)
    machine.run("ip", "link", "add", "link", "pv0", "name", "above", "type", "vlan", "id", "5", ns=link.peer_ns)
    machine.run("ip", "link", "set", "above", "up", ns=link.peer_ns)
    return link


def frames(process):
    """Return: exit status, and what became of the run's frames."""
    out, _ = process.communicate(timeout=60)
    return process.returncode, json.loads(out)["frames"]


@scenario("AF_XDP: one of a batch is refused for a while", 120)
def test_refused(t, machine):
    link = machine.veth()
    process = start(machine, link, "pv0", "--frame-size", "60:5 1514:1", "--rate", "2000", "--burst", "50",
                    "--duration", "60s")
    for _ in range(2):
        before = link.stats().rx_packets
        wait_for(lambda first=before: link.stats().rx_packets > first + 50, "frames")
        refused = link.dropped()
        machine.run("ip", "link", "set", "v0", "mtu", "1000")  # all behind the next large one have to wait
        wait_for(lambda first=refused: link.dropped() > first + 20, "frames that are refused")
        machine.run("ip", "link", "set", "v0", "mtu", "1500")
    before = link.stats().rx_packets
    wait_for(lambda: link.stats().rx_packets > before + 50, "frames at the end")
    process.send_signal(signal.SIGINT)
    status, told = frames(process)
    t.equal((status, told["dropped"]), (130, 0), "none is lost")
    t.ok(told["refused"] > 40, "what was refused is told", told)
    t.equal(link.stats().rx_packets, told["sent"], "each arrives once")


@scenario("AF_XDP: interrupted where some of a batch are taken", 120)
def test_no_room(t, machine):
    link = above_a_shaper(machine, "16mbit", burst="10kb", limit="10mb")
    for n in range(3):
        before = link.stats().rx_packets
        process = start(machine, link, "above", "--frame-size", "1000", "--bandwidth", "0", "--duration", "60s")
        wait_for(lambda first=before, n=n: link.stats().rx_packets > first + 150 + 17 * n, "frames")
        process.send_signal(signal.SIGINT)
        status, told = frames(process)
        t.ok(status == 130 and told["sent"] > 180, f"{n}: more were taken than have left", told)
        wait_for(lambda first=before, n=told["sent"]: link.stats().rx_packets >= first + n, "the rest")
        t.equal(link.stats().rx_packets - before, told["sent"], f"{n}: what was taken is told, to the frame")


@scenario("AF_XDP: refused by a queue below that is full", 120)
def test_full_below(t, machine):
    """Frames are dropped while others, which have not left yet, have chunks as well."""
    link = above_a_shaper(machine, "4mbit", burst="2kb", limit="20kb")
    for size in ("1000", "60:3 1000:1"):
        before = link.stats().rx_packets
        status, told = frames(start(machine, link, "above", "--frame-size", size, "--rate", "4000", "--burst", "40",
                                    "--frames", "500"))
        t.equal((status, told["sent"], told["dropped"]), (0, 500, 0), f"{size}: all are sent, none is lost")
        t.ok(told["refused"] > 20, f"{size}: what was refused is told", told)
        wait_for(lambda first=before: link.stats().rx_packets >= first + 500, "the rest")
        t.equal(link.stats().rx_packets - before, 500, f"{size}: each arrives once")
