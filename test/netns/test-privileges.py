#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What the recorder may do (nothing), who may read, who is refused; and CPUs that come and go.
"""
import os
import pwd
import re
import signal
import stat

import lab as laboratory
from frames import ACK, IPV4, TCP, eth, ipv4, tcp
from lab import PINS, RUN, USER, scenario, wait_for, wakeups

FRAMES = [eth(IPV4, ipv4(TCP, tcp(40000, 80, ACK, b"x" * 60)))]
BUSY, UNSUPPORTED = 4, 5
STRANGER = 54321
CPU1 = "/sys/devices/system/cpu/cpu1/online"


def become(uid, gid, *groups):
    """A wrapper that takes everything from root but the ids given."""
    chosen = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
    return ("setpriv", f"--reuid={uid}", f"--regid={gid}", chosen, "--inh-caps=-all",
            "--bounding-set=-all", "--no-new-privs")


def packets(lab, **options):
    return lab.snapshot("v0", **options)["rx"]["packets"]


@scenario("the resident recorder")
def test_resident(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    nobody = pwd.getpwnam(USER)
    status = recorder.status()
    t.equal(status["Uid"].split(), [str(nobody.pw_uid)] * 4, "all four user ids are the user's")
    t.equal(status["Gid"].split(), [str(nobody.pw_gid)] * 4, "all four group ids are the user's")
    t.ok("0" not in status["Groups"].split(), "root's group is not among the others",
         status["Groups"])
    sets = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd",
                                                    "CapAmb")}
    t.equal(sets, dict.fromkeys(sets, 0), "no capability, in no set, not even to be had again")
    t.equal(status["NoNewPrivs"], "1", "no program that it runs could give it one")
    t.equal(status["Threads"], "1", "and that is all of it: one thread")
    writable = []
    for fd in os.listdir(f"/proc/{recorder.pid}/fd"):
        target = os.readlink(f"/proc/{recorder.pid}/fd/{fd}")
        with open(f"/proc/{recorder.pid}/fdinfo/{fd}", encoding="ascii") as file:
            flags = int(re.search(r"flags:\s+(\d+)", file.read())[1], 8)
        if flags & os.O_ACCMODE != os.O_RDONLY or "bpf-prog" in target:
            writable.append(target)
    allowed = (r"socket:|anon_inode:\[(eventpoll|eventfd|timerfd|signalfd)\]|/dev/null$|"
               r"/run/sampler-test/")
    t.equal([target for target in writable if not re.match(allowed, target)], [],
            "it has no map open for writing, no program, no other file than its own")
    child, = recorder.children()
    with open(f"/proc/{child}/comm", encoding="ascii") as file:
        t.equal(file.read().strip(), "samplerd-priv", "the privileged child is another process")
    sent, _ = link.send(FRAMES * 100)
    wait_for(lambda: lab.last_record("v0")["rx"]["packets"] == sent, "the history")
    t.ok(True, "and that is enough to record")
    t.equal(recorder.stop(), 0, "it ends well")
    t.equal(link.state().prog_id, 0, "and detaches by the child")


@scenario("files and pins")
def test_files(t, lab):
    lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    nobody = pwd.getpwnam(USER)
    status = os.stat(f"{lab.state_dir}/{lab.key('v0')}.hist")
    t.equal((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)),
            (nobody.pw_uid, nobody.pw_gid, 0o640), "the history is the user's, 0640")
    t.ok(status.st_size <= 12 << 20, "of at most 12 MiB", status.st_size)
    for path, mode in ((PINS, 0o750), (f"{PINS}/{lab.key('v0')}", 0o710)):
        status = os.stat(path)
        t.equal((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)),
                (0, nobody.pw_gid, mode), f"{os.path.basename(path)}: root's, {mode:o}, the group's")
    for name in lab.pins()[1:]:
        status = os.stat(f"{PINS}/{name}")
        t.equal((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)),
                (0, nobody.pw_gid, 0o640), f"{os.path.basename(name)}: root's, 0640, the group's")
    path = f"{PINS}/{lab.key('v0')}/sampler_control"
    result = lab.try_run(*become(nobody.pw_uid, nobody.pw_gid), "bpftool", "map", "update",
                         "pinned", path, "key", "0", "0", "0", "0", "value", *["0"] * 8)
    t.ok(result.status, "the user cannot write a map", result)
    recorder.stop()


@scenario("a recorder without any privilege")
def test_unprivileged(t, lab):
    """As sampler@.service runs it, with another unit that attaches."""
    link = lab.veth("v0")
    nobody = pwd.getpwnam(USER)
    wrap = become(nobody.pw_uid, nobody.pw_gid)
    recorder = lab.record("v0", wrap=wrap)
    recorder.wait_log(r"error: v0 is not attached: waiting for samplerd --attach v0")
    t.ok(recorder.running(), "without pins it says so, and waits")
    lab.attach("v0")
    recorder.wait_record()
    sent, size = link.send(FRAMES * 100)
    wait_for(lambda: lab.last_record("v0")["rx"]["packets"] == sent, "the history")
    t.ok(True, "when they are there it records")
    t.equal(recorder.children(), [], "it has no privileged child")
    t.equal(recorder.stop(), 0, "it ends well")
    lines = re.findall(r"\((\d+) packets, (\d+) bytes in", recorder.log())
    t.equal((sum(int(n) for n, _ in lines), sum(int(n) for _, n in lines)), (sent, size),
            "the rate log adds up")
    t.ok(link.state().prog_id and lab.pins(), "program and pins stay: they are not its own")
    recorder = lab.record("v0", wrap=wrap)
    recorder.wait_record()
    lab.run("ip", "link", "set", "dev", "v0", "xdp", "off")
    recorder.wait_log("error: v0: degraded: no XDP program is attached")
    t.ok(True, "it sees that somebody took the program off")
    lab.run("ip", "link", "del", "v0")
    t.equal(recorder.wait(), 0, "the end of the interface is its end")
    result = lab.samplerd("--attach", "lo", wrap=wrap)
    t.ok(result.status == UNSUPPORTED and "CAP_NET_ADMIN is missing" in result.err,
         "it cannot attach", result)


@scenario("who may read")
def test_readers(t, lab):
    link = lab.veth("v0")
    lab.attach("v0")
    sent, _ = link.send(FRAMES * 10)
    nobody = pwd.getpwnam(USER)
    stranger = become(STRANGER, STRANGER)
    result = lab.samplerd("--print", "v0", wrap=stranger)
    t.ok(result.status == UNSUPPORTED and result.out == "" and
         "Permission denied: run as root or join the group" in result.err,
         "--print: refused without the group, and told what to do", result)
    member = become(STRANGER, STRANGER, nobody.pw_gid)
    t.equal(packets(lab, wrap=member), sent, "--print: allowed with the group")
    recorder = lab.record("v0")
    recorder.wait_record()
    result = lab.samplerd("--history", "v0", wrap=stranger)
    t.ok(result.status == UNSUPPORTED and result.out == "" and "Permission denied" in result.err,
         "--history: refused without the group", result)
    result = lab.samplerd("--history", "v0", wrap=member)
    t.ok(result.status == 0 and result.out, "--history: allowed with the group", result)
    os.mkdir(f"{RUN}/stranger")
    os.chown(f"{RUN}/stranger", STRANGER, STRANGER)
    other = lab.record("v0", "--state-dir", f"{RUN}/stranger", wrap=stranger)
    other.wait_log("Permission denied: run as root or join the group")
    t.ok(True, "a recorder without the group is told the same")
    other.kill()
    with open("/proc/sys/kernel/unprivileged_bpf_disabled", encoding="ascii") as file:
        t.note(f"kernel.unprivileged_bpf_disabled = {file.read().strip()}")
    recorder.stop()


@scenario("a second recorder")
def test_second(t, lab):
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    before = lab.snapshot("v0")["program"]
    result = lab.samplerd("v0")
    t.ok(result.status == BUSY and result.err.count("error: ") == 1 and
         re.search(rf"another process \(pid {recorder.pid}\) writes \S+\.hist; stop it first",
                   result.err), "is refused, with the first one's pid", result)
    nobody = pwd.getpwnam(USER)
    result = lab.samplerd("v0", wrap=become(nobody.pw_uid, nobody.pw_gid))
    t.ok(result.status == BUSY and "another process" in result.err, "also without privilege",
         result)
    os.mkdir(f"{RUN}/other-state")
    result = lab.samplerd("--state-dir", f"{RUN}/other-state", "v0")
    t.ok(result.status == BUSY and "another samplerd that root started" in result.err,
         "also with a history elsewhere: its end would detach under the first", result)
    t.ok(recorder.running() and lab.snapshot("v0")["program"] == before, "the first one goes on")
    sent, _ = link.send(FRAMES * 10)
    wait_for(lambda: lab.last_record("v0")["rx"]["packets"] == sent, "the history")
    t.ok(True, "and records")
    recorder.stop()


@scenario("a recorder that starts while the child of a killed one is still there")
def test_late_child(t, lab):
    lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    late, = recorder.children()
    os.kill(late, signal.SIGSTOP)
    try:
        recorder.kill()
        following = lab.record("v0")
        wait_for(lambda: not following.running() or following.children(), "its child")

        def pauses():
            child, = following.children()
            return wakeups(child)

        before = pauses()
        wait_for(lambda: pauses() >= before + 3, "pauses of its child")
    finally:
        os.kill(late, signal.SIGCONT)
    following.wait_record()
    t.ok(following.running(), "waits for it, and records")
    t.equal(following.stop(), 0, "and ends well")


@scenario("foreign files in the way of the history")
def test_traps(t, lab):
    """The folder belongs to the user, root opens files in it: it must not be led elsewhere."""
    link = lab.veth("v0")
    name = f"{lab.state_dir}/{lab.key('v0')}.hist"
    target = f"{RUN}/target"
    with open(target, "w", encoding="ascii") as file:
        file.write("precious")
    traps = [
        ("a symbolic link", lambda: os.symlink(target, name), name),
        ("a FIFO", lambda: os.mkfifo(name), name),
        ("a folder", lambda: os.mkdir(name), name),
        ("a symbolic link as its lock", lambda: os.symlink(target, name + ".lock"), name + ".lock"),
    ]
    for what, make, path in traps:
        make()
        result = lab.samplerd("v0")
        t.ok(result.status == 1 and path in result.err, f"{what}: refused", result)
        (os.rmdir if os.path.isdir(path) and not os.path.islink(path) else os.unlink)(path)
        if os.path.exists(name):
            os.unlink(name)
    os.symlink(target, name + ".new")
    recorder = lab.record("v0")
    recorder.wait_record()
    t.ok(True, "a symbolic link as its new file: not followed")
    recorder.stop()
    with open(target, encoding="ascii") as file:
        t.equal(file.read(), "precious", "what they lead to is untouched")
    t.equal(os.stat(target).st_uid, 0, "and stays whose it was")
    t.equal((link.state().prog_id, lab.pins()), (0, []), "nothing is left")


# ---- CPUs ----

def pinned_to_cpu1():
    """A process of somebody that would lose its affinity, or None."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
                text = file.read()
            if re.search(r"Cpus_allowed_list:\t1\n", text) and os.readlink(f"/proc/{pid}/exe"):
                return text.split("\n", 1)[0]
        except OSError:
            pass
    return None


def set_online(value):
    with open(CPU1, "w", encoding="ascii") as file:
        file.write(value)


@scenario("a CPU goes and comes back")
def test_hotplug(t, lab):
    if not os.path.exists(CPU1):
        raise laboratory.Skip("no CPU that can be taken offline")
    if pinned_to_cpu1():
        raise laboratory.Skip(f"{pinned_to_cpu1()} is bound to CPU 1 and would lose that")
    link = lab.veth("v0")
    recorder = lab.record("v0")
    recorder.wait_record()
    cpus = os.sched_getaffinity(0)

    def send_on(cpu, n):
        """What is sent on a CPU is received, and counted, on it."""
        os.sched_setaffinity(0, {cpu})
        sent, _ = link.send(FRAMES * n)
        os.sched_setaffinity(0, cpus)
        return sent

    total = send_on(1, 500)
    t.equal(packets(lab), total, "frames are counted on CPU 1")
    try:
        set_online("0")
    except OSError as error:
        raise laboratory.Skip(f"CPU 1 cannot be taken offline here: {error}") from None
    try:
        gone = packets(lab)
        total += send_on(0, 300)
        less = packets(lab)
        wait_for(lambda: lab.last_record("v0")["rx"]["packets"] == total, "the history")
    finally:
        set_online("1")
    t.equal(gone, 500, "those of the CPU that is gone stay")
    t.equal(less, total, "with fewer CPUs online than possible the sum is right")
    total += send_on(1, 200)
    t.equal(packets(lab), total, "when it is back it counts on")
    wait_for(lambda: lab.last_record("v0")["rx"]["packets"] == total, "the history")
    t.equal({r["epoch"] for r in lab.history("v0")}, {1}, "all in one epoch")
    t.equal(recorder.stop(), 0, "the recorder has seen it through")


laboratory.main()
