#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-web where it may not read, and whatever lies in the place of pins and histories: what is wrong
is said, with what to do and without a path of the host, and what is well is answered as before.
"""
import os
import pwd

import lab as laboratory
from known import known_frames
from lab import PINS, scenario
from web import HISTORY, INTERFACES, REALTIME, SUMMARY, WebServer, get, wait_totals


def listed_anew(server):
    """Wait until what is in the folders has been looked at once more: a new folder of pins is known."""
    name = f"new{len(os.listdir(PINS))}"
    os.mkdir(f"{PINS}/{name}")
    laboratory.wait_for(lambda: f'no interface \\"{name}\\"' not in server.get(f"{REALTIME}?interface={name}").body.decode(),
                        f"{name} is listed")


@scenario("pins of another version", 60)
def test_other_abi(t, lab):
    links = [lab.veth(f"v{i}", f"p{i}", mtu=9000) for i in range(2)]
    server = WebServer(lab)
    for link in links:
        lab.record(link.name).wait_record()
    frames, _ = known_frames(20)
    links[1].send(frames)
    wait_totals(server, 20, f"{REALTIME}?interface=v1")
    lab.change_abi(lab.key("v0"), 9)
    laboratory.wait_for(lambda: server.get(f"{REALTIME}?interface=v0").status == 503, "refused")
    told = server.get(f"{REALTIME}?interface=v0").body.decode()
    t.ok("version" in told and PINS not in told, "says why, and no path of the host", told)
    both = get(server, REALTIME)
    t.equal((both["interfaces"], [m["interface"] for m in both["missing"]]), (["v1"], ["v0"]),
            "the sum is of the other, and says what is missing")
    states = {i["interface"]: i["health"]["state"] for i in get(server, INTERFACES)["interfaces"]}
    t.equal(states, {"v0": "unreadable", "v1": "ok"}, "interfaces tells them apart")
    t.equal(server.get("/healthz").status, 503, "healthz is not content")
    lab.attach("v0")
    laboratory.wait_for(lambda: server.get(f"{REALTIME}?interface=v0").status == 200, "healed")


def spoil(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


@scenario("hostile histories", 120)
def test_hostile_histories(t, lab):
    link = lab.veth("v0", mtu=9000)
    recorder = lab.record("v0")
    recorder.wait_record()
    frames, _ = known_frames(30)
    link.send(frames)
    recorder.wait_record()
    recorder.wait_record()
    lab.attach("v0")
    recorder.kill()
    good = f"{lab.state_dir}/{lab.key('v0')}.hist"
    with open(good, "rb") as file:
        content = file.read()
    server = WebServer(lab)
    nobody = pwd.getpwnam(laboratory.USER)
    hostile = {
        "empty": b"", "short": content[:100], "cut": content[:len(content) // 3],
        "noise": os.urandom(100_000), "other": content[:8] + b"\xff" * 8 + content[16:],
        "huge": content[:512] + b"\xff" * 512 + content[1024:],
        "epochs": content[:4096] + os.urandom(81920) + content[86016:],
        "slots": content[:86016] + os.urandom(len(content) - 86016),
    }
    for name, data in hostile.items():
        path = f"{lab.state_dir}/{name}.hist"
        with open(path, "wb") as file:
            file.write(data)
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    os.mkdir(f"{lab.state_dir}/folder.hist")
    os.mkfifo(f"{lab.state_dir}/fifo.hist")
    os.symlink("/etc/shadow", f"{lab.state_dir}/link.hist")
    os.symlink("nowhere", f"{lab.state_dir}/dangling.hist")
    for name in (b"\xff\xfe.hist", b"%2e%2e.hist", b"a b.hist", b"%.hist", b"x" * 200 + b".hist"):
        os.symlink(good.encode(), lab.state_dir.encode() + b"/" + name)
    paths = [REALTIME, SUMMARY, INTERFACES, "/healthz"] + [
        f"{p}?interface={name}" for p in (REALTIME, SUMMARY, HISTORY)
        for name in [*hostile, "folder", "fifo", "link", "dangling", "%2e%2e", "..", "a+b", "%FF"]]
    counted = f"{HISTORY}?interface=v0&from=-600&step=5s&metrics=rx.packets"

    def known():
        return sum(filter(None, get(server, counted)["data"][1]))

    laboratory.wait_for(lambda: known() == 30, "the end of the steps that have them")
    t.ok(True, "what is well is answered")
    for _ in range(3):
        for path in paths:
            answer = server.get(path)
            t.ok(answer.status in (200, 400, 404, 503) and "/run/" not in answer.body.decode(),
                 f"{path}: answered, without a path of the host", answer)
        listed_anew(server)
    t.equal(known(), 30, "and still is")
    spoil(good, 512, b"\xff" * 64)  # the head, under the reader's eyes
    for path in paths:
        server.get(path)
    os.truncate(good, 86016)
    for path in paths:
        server.get(path)
    t.ok(server.running(), "a file spoilt and cut while it is open harms nothing", server.log())
    t.equal(server.stop(), 0, "it ends well")


@scenario("hostile folders of pins", 60)
def test_hostile_pins(t, lab):
    link = lab.veth("v0", mtu=9000)
    lab.attach("v0")
    server = WebServer(lab)
    frames, _ = known_frames(9)
    link.send(frames)
    wait_totals(server, 9)
    for name in ("@lock", "v9~", "nothing", "%2e%2e", "x" * 200):
        os.mkdir(f"{PINS}/{name}")
    lab.run("bpftool", "map", "create", f"{PINS}/nothing/sampler_meta", "type", "hash", "key", "4",
            "value", "4", "entries", "1", "name", "wrong")
    os.mkdir(f"{PINS}/v5")
    lab.run("bpftool", "map", "create", f"{PINS}/v5/sampler_meta", "type", "array", "key", "4",
            "value", "512", "entries", "1", "name", "zeros")
    listed_anew(server)
    for path in (REALTIME, SUMMARY, INTERFACES, "/healthz", f"{REALTIME}?interface=v5",
                 f"{REALTIME}?interface=nothing", f"{REALTIME}?interface=%40lock"):
        answer = server.get(path)
        t.ok(answer.status in (200, 400, 404, 503) and "/sys/" not in answer.body.decode(),
             f"{path}: answered, without a path of the host", answer)
    t.equal(get(server, REALTIME)["total_packets"], 9, "what is well is told")
    names = [i["interface"] for i in get(server, INTERFACES)["interfaces"]]
    t.ok("@lock" not in names and "v9~" not in names, "locks and leavings are not listed", names)
    lab.run("chmod", "0700", PINS)
    server.stop()
    server = WebServer(lab)
    answer = server.get(REALTIME)
    t.equal(answer.status, 503, "without access nothing is told")
    t.equal(server.stop(), 0, "it ends well")


# ---- permissions ----


OTHER = "daemon"  # a user who is in none of samplerd's groups
UNDER_WAY = "an attach is under way or was broken off; attach again if this stays"
REMEDY = "sampler-web has to be in samplerd's group"


def mode(path, bits, uid=None):
    """Change who may what. Return: what changes it back."""
    before = os.stat(path)
    os.chmod(path, bits)
    if uid is not None:
        os.chown(path, uid, uid)

    def back():
        os.chown(path, before.st_uid, before.st_gid)
        os.chmod(path, before.st_mode & 0o7777)
    return back


def complaints(server):
    """What the log says of permissions, without what a line begins with."""
    return [line.split("warning: ", 1)[-1] for line in server.log().splitlines()
            if "Permission denied" in line]


def check_told(t, server, what, realtime):
    """@what is how all answers begin; @realtime how that one does where it is given."""
    listed, health = get(server, INTERFACES), server.get("/healthz")
    t.equal(listed["trouble"], f"{what} cannot be read (Permission denied): {REMEDY}",
            "interfaces says it, and what to do")
    t.equal((health.status, health.json()["status"], health.json()["reason"]),
            (503, "failing", listed["trouble"]), "so does healthz")
    answer = server.get(REALTIME)
    t.ok(f"cannot be read (Permission denied): {REMEDY}" in answer.body.decode(),
         "and realtime", answer)
    t.equal(answer.status, realtime, "which has what it can have")
    t.ok(not any(path in answer.body.decode() + str(listed) + str(health.json())
                 for path in ("/sys/", "/run/")), "none of them with a path of the host")


def wait_trouble(server, what):
    laboratory.wait_for(lambda: (get(server, INTERFACES)["trouble"] or "").startswith(f"{what} cannot be read "),
                        f"trouble with {what}")


def attach_and_record(lab, *names):
    for name in names:
        lab.veth(name, f"p{name}")
        lab.record(name).wait_record()


@scenario("pins and histories of another group", 60)
def test_other_group(t, lab):
    """Everybody may pass on the way, and this user is in the wrong group."""
    attach_and_record(lab, "v0", "v1")
    back = mode(lab.state_dir, 0o750)
    server = WebServer(lab, "--user", OTHER)
    laboratory.wait_for(lambda: server.get("/healthz").status == 503 and len(complaints(server)) == 2, "a word of each")
    check_told(t, server, "pins and histories", 503)
    said = complaints(server)
    t.equal(len(said), 2, "the log says each folder, whatever is in it")
    t.match(said[0], rf"^cannot list {PINS}: Permission denied: {PINS} is open to user root and "
            rf"group nogroup \(mode 0750\), and this is user {OTHER}: .*usermod -aG nogroup {OTHER}",
            "with its group, and how to join it")
    t.match(said[1], rf"^cannot list {lab.state_dir}: .* is open to user nobody and group nogroup",
            "and that of the histories")
    for folder, closed in ((PINS, "histories"), (lab.state_dir, "pins")):
        shut = mode(folder, 0o755)
        wait_trouble(server, closed)
        shut()
        wait_trouble(server, "pins and histories")
    listings = [line.split(":")[0] for line in complaints(server) if line.startswith("cannot list ")]
    t.equal(listings, [f"cannot list {folder}" for folder in (PINS, lab.state_dir) * 2],
            "each once, and once more after it could be listed")
    back()
    server.stop()


@scenario("histories that cannot be read", 60)
def test_closed_histories(t, lab):
    attach_and_record(lab, "v0")
    back = mode(lab.state_dir, 0o750, 1)
    server = WebServer(lab)
    laboratory.wait_for(lambda: server.get(REALTIME).status == 200, "the counters themselves")
    check_told(t, server, "histories", 200)
    t.match(get(server, REALTIME)["stale_reason"], r"^v0: its history cannot be read", "stale: why")
    for _ in range(2):
        listed_anew(server)
    said = complaints(server)
    t.equal(len(said), 1, "the log says it once")
    t.match(said[0], rf"{lab.state_dir} is open to user daemon and group daemon", "and for whom it is")
    back()
    laboratory.wait_for(lambda: server.get("/healthz").status == 200, "all well")
    t.equal(get(server, INTERFACES)["trouble"], None, "it heals by itself")
    one = f"{lab.state_dir}/{lab.key('v0')}.hist"
    mode(one, 0o600, 1)
    server.stop()
    server = WebServer(lab)
    laboratory.wait_for(lambda: server.get(REALTIME).status == 200, "the counters themselves")
    t.match(get(server, REALTIME)["stale_reason"], r"^v0: its history cannot .*: sampler-web's log",
            "a file that its group may not read")
    t.match("\n".join(complaints(server)), rf"^v0\S*: cannot open {one}: .* chmod g\+r {one}$",
            "the log says what to do")


@scenario("pins of one interface that cannot be read", 60)
def test_closed_pins(t, lab):
    attach_and_record(lab, "v0", "v1")
    folder = f"{PINS}/{lab.key('v0')}"
    back = mode(folder, 0o750, 1)
    server = WebServer(lab)
    laboratory.wait_for(lambda: server.get(REALTIME).status == 200, "the other one")
    missing, = get(server, REALTIME)["missing"]
    why = f"its pins cannot be read (Permission denied): {REMEDY}"
    t.equal(missing, {"interface": "v0", "reason": why}, "realtime says that it is missing, and why")
    health = {i["interface"]: i["health"] for i in get(server, INTERFACES)["interfaces"]}
    t.equal((health["v0"], health["v1"]["state"]), ({"state": "unreadable", "reason": why}, "ok"),
            "so does interfaces")
    t.equal(server.get("/healthz").json()["status"], "failing", "and healthz")
    for _ in range(2):
        listed_anew(server)  # once a second, as each interface's own pins
    said = complaints(server)
    t.equal(len(said), 1, "the log says it once")
    t.match(said[0], rf"^v0\S*: .*: {folder} is open to user daemon and group daemon ",
            "and what is closed")
    back()
    laboratory.wait_for(lambda: server.get("/healthz").status == 200, "all well")
    t.ok(True, "it heals by itself")
    server.stop()
    back = mode(f"{folder}/sampler_meta", 0o600, 0)  # as it is until an attach is over
    server = WebServer(lab)
    laboratory.wait_for(lambda: server.get(REALTIME).status == 200, "the other one")
    t.equal(get(server, REALTIME)["missing"], [{"interface": "v0", "reason": UNDER_WAY}], "an attach that is under way")
    t.equal(complaints(server), [], "is no lack of permission")
    back()
    laboratory.wait_for(lambda: server.get("/healthz").status == 200, "all well")
    t.ok(True, "and is over by itself")


@scenario("a bpffs that only root may enter", 60)
def test_closed_bpffs(t, lab):
    """As systemd mounts it: no group helps then, and the log says what does."""
    attach_and_record(lab, "v0")
    mode(laboratory.BPFFS, 0o700)
    server = WebServer(lab)
    laboratory.wait_for(lambda: get(server, INTERFACES)["trouble"], "trouble")
    t.match(get(server, INTERFACES)["trouble"], "^pins cannot be read .*: sampler-web's log says",
            "clients are told where to look")
    t.match("\n".join(complaints(server)), rf"{laboratory.BPFFS} is closed to all but user root "
            rf"\(mode 0700\), .*: chmod o\+x {laboratory.BPFFS} ", "the log says what to do")


@scenario("folders that are not there", 30)
def test_no_folders(t, lab):
    server = WebServer(lab, "--pin-dir", "/nope/pins", "--state-dir", "/nope")
    for path in ("/nope/pins", "/nope"):
        t.match(server.log(), rf"warning: {path} does not exist yet: samplerd makes it",
                f"{path}: a warning at the start")
    t.match(server.get(REALTIME).body.decode(), "no interface is sampled", "and no error")
    t.equal(get(server, INTERFACES), {"schema": 1, "interfaces": [], "trouble": None},
            "nothing is listed")
    t.equal(server.get("/healthz").json()["status"], "no interface", "healthz tells it from failing")
    t.equal(server.stop(), 0, "it ends well")


laboratory.main()
