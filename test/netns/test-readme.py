#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The README's commands for raw frames and for --verify, as they stand: those of two machines over a link
between two namespaces, and the block for one machine by a shell. What they print is what the README shows.
"""
import os
import re

import lab as laboratory
from lab import RUN, scenario
from raw import ENV, LOADGEN
from servers import Nginx, unexpected
from web import ASSETS, SAMPLER_WEB, WebServer

README = os.path.join(laboratory.HERE, "../../README.md")
SERVER, CLIENT = "198.18.0.1", "198.18.0.2"


def section(heading):
    """Return: the README's text below a heading."""
    with open(README, encoding="utf-8") as file:
        return re.search(rf"(?ms)^### {re.escape(heading)}\n(.*?)^##", file.read())[1]


def commands(heading):
    """Return: [(command line, what is shown below it)] of the blocks of a section that begin with a prompt."""
    found = re.findall(r"(?m)^    \$ ((?:.*\\\n)*.*)\n((?:    .*\n|\n(?=    ))*)", section(heading))
    return [(command, shown.splitlines()) for command, shown in found]


def block(heading, begin):
    """Return: the block of a section that begins so."""
    return re.search(rf"(?m)^    {re.escape(begin)}.*\n(?:    .*\n)+", section(heading))[0]


def programs(lab):
    """Programs and page where they are installed. Return: an environment that finds them."""
    folder = f"{RUN}/bin"
    os.mkdir(folder)
    for path in (laboratory.SAMPLERD, SAMPLER_WEB, LOADGEN):
        os.symlink(path, f"{folder}/{os.path.basename(path)}")
    for path in ("/usr/local/share", "/var/lib"):
        laboratory.mount("tmpfs", path)
    os.mkdir("/usr/local/share/sampler")
    os.symlink(ASSETS, "/usr/local/share/sampler/web")
    return {**ENV, "PATH": f"{folder}:{os.environ['PATH']}"}


def plain(line):
    """A line without its figures, and without how wide it is."""
    return " ".join(re.sub(r"-?\d+(\.\d+)?", "N", line).split())


def check_shown(t, out, shown, name):
    """
    Each line that is shown is there, whatever its figures: but for those of what only came along with it, which
    there are at times.
    """
    said = {plain(line) for line in out.splitlines()}
    lines = [plain(line) for line in shown if line.strip() and line.strip() != "…" and not re.search(r" - +\d", line)]
    t.ok(len(lines) > 0, f"{name}: there is something to see")
    t.equal([line for line in lines if line not in said], [], f"{name}: prints what the README shows")


@scenario("raw frames between two machines", 90, heading="Raw frames", n=1)
@scenario("proof that each frame was counted", 90, heading="Proof that each frame was counted", n=2)
def test_commands(t, lab, heading, n):
    """eth0 of the one is sampled and has a web server behind it, eth1 of the other sends."""
    link = lab.veth("eth0", "eth1")
    lab.run("ip", "address", "add", f"{SERVER}/24", "dev", "eth0")
    lab.run("ip", "address", "add", f"{CLIENT}/24", "dev", "eth1", ns=link.peer_ns)
    nginx = Nginx(lab, address=SERVER, port=80)
    lab.record("eth0", "--mode", "native", interval="1s", log_interval=None).wait_record()
    WebServer(lab, "--listen", f"{SERVER}:3000", "--insecure-no-token", address=(SERVER, 3000), listen=False)
    env, found = programs(lab), commands(heading)
    t.equal(len(found), n, f"{n} commands are in the README")
    for command, shown in found:
        run = lab.try_run("bash", "-c", command, ns=link.peer_ns, env=env)
        name = command.splitlines()[0]
        t.equal((run.status, unexpected(run.err)), (0, ""), f"{name}: it ends well")
        check_shown(t, run.out, shown, name)
        exact = [line.strip() for line in shown if re.match(r" {6}[a-z0-9_]+ +\d+ +\d+$", line)]
        got = [line.strip() for line in run.out.splitlines()]
        if "asked for were not sent" in run.out:
            t.note("held up at its end, a duration has cut it")
        elif "--verify" not in command:
            t.ok(exact and set(exact) <= set(got), "frames and bytes of a mix are exactly those", (exact, run.out))
    nginx.stop()


@scenario("on one machine", 90)
def test_one_machine(t, lab):
    script = block("Proof that each frame was counted", "ip netns add generator")
    env = programs(lab)
    run = lab.try_run("bash", "-m", "-e", "-c", script, env=env)
    t.equal(run.status, 0, "all of its commands are good")
    t.match(run.out, r"\nVerified: each frame that was sent was counted, and nothing else\.\n", "it is verified")
    t.match(run.out, r"\n  udp +100000 +100000 +0 ", "to the frame")
    laboratory.wait_for(lambda: "sampled" not in lab.run("ip", "link", "show"), "the link is gone")
    t.equal(lab.run("ip", "netns", "list"), "", "nothing is left")


laboratory.main()
