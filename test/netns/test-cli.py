#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
The command line's contract: what is printed where, exit statuses, every bad value, every bad file.
"""
import os
import re

import lab as laboratory
from lab import SAMPLERD, VERSION, scenario

USAGE = 2

# Option: (values that it refuses, what the message has to say is expected)
BAD_VALUES = {
    "--interval": (["", "5", "1", "0", "99ms", "61s", "2min", "1 s", " 1s", "1s ", "-1s", "+1s",
                    "1x", "1.5", ".5s", "1.s", "0x1s", "s", "1e3ms", "100000001us1", "\u0661s",
                    "99999999999999999999s", "0.0000000001s"],
                   r"a duration such as 1s or 500ms, from 100ms to 60s"),
    "--log-interval": (["", "5", "1", "50ms", "2d", "x", "-1s", "00", "0s"],
                       r"a duration such as 10s, from 100ms to 1d, or 0 for no rate log"),
    "--mode": (["", "xdp", "NATIVE", "native ", "auto,skb", "0"], r"auto, native or skb"),
    "--priority": (["", "0", "-1", "65536", "1.5", "0x10", "10 ", "ten", "99999999999999999999"],
                   r"a run priority from 1 \(first\) to 65535"),
    "--state-dir": (["", "relative", "./x", "/" + "x" * 300], r"an absolute path"),
    "--pin-dir": (["", "relative", "../x", "/" + "x" * 128], r"an absolute path on a bpffs"),
    "--user": (["", "u" * 64], r"the name of a user"),
}

GOOD = """\
# a comment
[web]
listen = [::1]:3000 unix:/run/web.sock
allow_hosts = box.example.org box
[sampler]
  interval = 500ms ; another
log_interval=0
[attach]
mode = native
priority = 7
chain_actions = pass, drop
tx = no
reattach = yes

[services]
quic = udp/443
dns = udp/53 tcp/53
ranges = tcp/8000-8010
; http may be somewhere else
http = tcp/8080
"""

# (what is wrong, the file, the line, the message)
BAD_FILES = [
    ("unknown section", "[sampled]\n", 1, r"unknown section \[sampled\]; known: sampler, attach"),
    ("unknown key", "[sampler]\n\nintervall = 1s\n", 3, r'unknown key "intervall" in \[sampler\]'),
    ("key of another section", "[attach]\ninterval = 1s\n", 2, r'unknown key "interval"'),
    ("key before a section", "interval = 1s\n", 1, r'"interval" stands before the first \[section'),
    ("no unit", "[sampler]\ninterval = 5\n", 2, r"interval = 5: expected a duration such as 1s"),
    ("unknown unit", "[sampler]\ninterval = 5sec\n", 2, r"interval = 5sec: expected a duration"),
    ("too short", "[sampler]\ninterval = 10ms\n", 2, r"from 100ms to 60s"),
    ("no value", "[sampler]\ninterval =\n", 2, r"expected a duration"),
    ("no equals sign", "[sampler]\ninterval\n", 2, r"neither a \[section\], nor key = value"),
    ("open bracket", "[sampler\ninterval = 1s\n", 1, r"neither a \[section\]"),
    ("text behind a section", "[sampler] interval = 1s\n", 1, r"nothing can follow a section"),
    ("key twice", "[sampler]\ninterval = 1s\n\ninterval = 2s\n", 4, r"already set in line 2"),
    ("mode", "[attach]\nmode = driver\n", 2, r"mode = driver: expected auto, native or skb"),
    ("priority", "[attach]\n\n\npriority = 0\n", 4, r"expected a run priority from 1"),
    ("chain actions without pass", "[attach]\nchain_actions = drop\n", 2, r"pass among them"),
    ("unknown chain action", "[attach]\nchain_actions = pass accept\n", 2, r"XDP actions"),
    ("tx", "[attach]\ntx = maybe\n", 2, r"tx = maybe: expected yes or no"),
    ("reattach", "[attach]\nreattach = 1\n", 2, r"reattach = 1: expected yes or no"),
    ("history", "[history]\nfine_records = 59\n", 2, r"from 60 to 1000000"),
    ("history's span", "[history]\nmedium = 5min\n", 2, r"from 10min to 366d"),
    ("relative path", "[sampler]\nstate_dir = x\n", 2, r"expected an absolute path"),
    ("port 0", "[services]\nx = tcp/0\n", 2, r'service "x": expected ports'),
    ("port out of range", "[services]\nx = udp/65536\n", 2, r'1 to 65535, got "udp/65536"'),
    ("unknown protocol", "[services]\nx = sctp/5\n", 2, r'expected ports such as "tcp/80"'),
    ("range from above", "[services]\nx = tcp/9-8\n", 2, r'got "tcp/9-8"'),
    ("name of a service", "[services]\nX = tcp/9\n", 2, r'"X" is no name for a service'),
    ("port of two services", "[services]\na = tcp/9\nb = tcp/1-10\n", 3,
     r"tcp/9 belongs to two services"),
    ("services without ports", "[services]\na =\n", 2, r'service "a": expected ports'),
    ("17 services", "[services]\n" + "".join(f"s{n} = tcp/{n}\n" for n in range(1, 16)), 16,
     r'"s15" is one too many'),
    ("sampler-web's address", "[web]\nlisten = example.org:80\n", 2, r"ADDRESS:PORT such as"),
    ("one of several", "[web]\nlisten = 127.0.0.1:1 80\n", 2, r"expected one or more of"),
    ("sampler-web's hosts", "[web]\nallow_hosts = http://x/\n", 2, r"expected names of hosts"),
    ("a very long line", "[sampler]\nuser = " + "u" * 5000 + "\n", 2, r"line too long"),
    ("a NUL byte", "[sampler]\nuser = \0\n", 2, r"a NUL byte; this is not a text file"),
]


@scenario("help and version")
def test_help(t, lab):
    helped = lab.samplerd("--help", defaults=False)
    t.equal((helped.status, helped.err), (0, ""), "--help: on standard output, status 0")
    t.equal([line for line in helped.out.splitlines() if len(line) > 80], [], "at most 80 columns")
    t.ok("\t" not in helped.out, "without tabs")
    short = lab.samplerd("-h", defaults=False)
    t.equal((short.status, short.out, short.err), (0, helped.out, ""), "-h equals --help")
    version = lab.samplerd("--version", defaults=False)
    t.equal((version.status, version.err), (0, ""), "--version: on standard output, status 0")
    if VERSION:
        t.equal(version.out, f"samplerd {VERSION}\n", "it is the project's version")
    else:
        t.skip("it is the project's version", "SAMPLER_VERSION is not set: not run by meson")
    options = sorted(set(re.findall(r"^ .*?(--[a-z-]+)( [A-Z]+)?", helped.out, re.M)))
    t.ok(len(options) >= 18, "--help has the options", options)
    unknown = []
    for name, value in options:
        argv = [name, "x"] if value else [name]
        if lab.samplerd(*argv, "--help", defaults=False).status:
            unknown.append(name)
    t.equal(unknown, [], "all of which there are")


@scenario("wrong usage")
def test_usage(t, lab):
    cases = [
        ("an unknown option", ["--nope", "v0"], "--nope"),
        ("an unknown short option", ["-x", "v0"], "'x'"),
        ("an option without its value", ["v0", "--interval"], "--interval"),
        ("a value for an option that has none", ["--attach=x", "v0"], "--attach"),
        ("two interfaces", ["v0", "v1"], "more than one interface"),
        ("two verbs", ["--attach", "--detach", "v0"], "more than one verb"),
        ("more options than there is room for", ["--interval", "1s"] * 33 + ["v0"], "too many options"),
        ("an option cut short", ["--mod", "skb", "v0"], "no option --mod; did you mean --mode?"),
        ("one cut so short that it may be several", ["--p", "v0"], "no option --p;"),
        ("one cut short behind the interface", ["v0", "--pri"], "no option --pri;"),
        ("a verb without its dashes", ["attach", "v0"], "did you mean --attach?"),
        ("a folder of configuration that is not there", ["--config-dir", "/nowhere", "--print",
                                                         "v0"], "--config-dir /nowhere: no such"),
        ("a file in its place", ["--config-dir", "/etc/passwd", "--print", "v0"], "/etc/passwd"),
    ]
    verbs = ["--attach", "--detach", "--verify-attached", "--print", "--history", "--purge"]
    cases += [(f"{verb} without interface", [verb], "which interface") for verb in verbs]
    cases.append(("no argument", [], "which interface"))
    for name, argv, word in cases:
        result = lab.samplerd(*argv, defaults=False)
        t.ok((result.status, result.out) == (USAGE, "") and result.err.count("\n") == 1 and
             word in result.err, f"{name}: status 2, one line on standard error", result)
    t.equal(lab.pins(), [], "and nothing is done")


@scenario("bad values", 120)
def test_values(t, lab):
    """Before anything else is looked at: the interface need not exist."""
    for option, (values, expected) in BAD_VALUES.items():
        wrong = []
        for value in values:
            result = lab.samplerd("--check-config", f"{option}={value}", "v0")
            key = option[2:].replace("-", "_")
            if not (result.status == USAGE and result.out == "" and result.err.count("\n") == 1 and
                    f"{key} = {value}: expected " in result.err and
                    re.search(expected, result.err)):
                wrong.append((value, result))
        t.equal(wrong, [], f"{option}: {len(values)} bad values, told what is expected")
    for verb in ("--attach", "--print", "--detach", "--purge", "--history", "--verify-attached"):
        result = lab.samplerd(verb, "--interval=5", "v0")
        t.equal(result.status, USAGE, f"{verb} refuses them, too")
    t.equal(lab.samplerd("--interval=5", "v0").status, USAGE, "so does recording")
    result = lab.samplerd("--config-dir", "/" + "x" * 600, "--check-config", "v0", defaults=False)
    t.equal(result.status, USAGE, "--config-dir: a path that is too long")


def check(lab, *argv):
    return lab.samplerd("--check-config", *argv)


@scenario("good configurations")
def test_good(t, lab):
    plain = check(lab)
    t.equal((plain.status, plain.err), (0, ""), "without any file, without an interface")
    lab.configure(GOOD)
    result = check(lab, "v0")
    t.equal((result.status, result.err), (0, ""), "with a file")
    for line in ("interval = 500ms", "log_interval = 0", "mode = native", "priority = 7",
                 "chain_actions = drop pass", "tx = no", "reattach = yes", "quic = udp/443",
                 "dns = udp/53 tcp/53", "ranges = tcp/8000-8010", "http = tcp/8080",
                 "https = tcp/443", "listen = [::1]:3000 unix:/run/web.sock",
                 "allow_hosts = box.example.org box"):
        t.ok(f"\n{line}\n" in result.out, f"has {line}", result.out)
    t.match(result.out, r"\n# history file of each interface: [\d.]+ MiB", "tells the file's size")
    lab.configure(result.out)
    t.equal(check(lab, "v0").out, result.out, "what it prints is a file that means the same")
    lab.configure(GOOD)
    lab.configure("[attach]\nmode = skb\n[services]\nquic = udp/4433\n", "v0")
    out = check(lab, "v0").out
    t.ok("\nmode = skb\n" in out and "\nquic = udp/4433\n" in out and "\npriority = 7\n" in out,
         "the interface's file wins over the common one, key by key", out)
    t.ok("\nmode = native\n" in check(lab, "v1").out, "for that interface only")
    out = check(lab, "--mode", "auto", "--interval=2s", "--interval=3s", "v0").out
    t.ok("\nmode = auto\n" in out and "\ninterval = 3s\n" in out,
         "the command line wins over both, its last word over those before", out)
    lab.configure("\ufeff" + GOOD.replace("\n", "\r\n"))
    t.equal(check(lab, "v1").status, 0, "a file from Windows is read as well")


@scenario("bad configurations", 60)
def test_bad(t, lab):
    for name, text, line, message in BAD_FILES:
        lab.configure(text)
        result = check(lab)
        where = re.escape(f"{lab.config_dir}/sampler.conf:{line}: ")
        t.ok(result.status == USAGE and result.out == "" and result.err.count("\n") == 1 and
             re.search(where + ".*" + message, result.err), f"{name}: file, line and reason",
             f"want /{where}.*{message}/, got {result!r}")
    t.ok(len(BAD_FILES) >= 20, f"{len(BAD_FILES)} bad files")
    lab.configure("")
    lab.configure("[sampler]\ninterval = 5\n", "v0")
    result = check(lab, "v0")
    t.match(result.err, re.escape(f"{lab.config_dir}/v0.conf:2: "), "of the interface's file, too")
    lab.configure("[web]\nlisten = 127.0.0.1:80\n", "v0")
    t.match(check(lab, "v0").err, "v0.conf:2: .*: .web. is not an interface's",
            "which has no [web]")
    t.equal(check(lab, "v1").status, 0, "which other interfaces do not read")
    for verb in ("--attach", "--print"):
        t.equal(lab.samplerd(verb, "v0").status, USAGE, f"{verb} refuses it")
    os.unlink(f"{lab.config_dir}/sampler.conf")
    os.mkdir(f"{lab.config_dir}/sampler.conf")
    t.equal(check(lab).status, USAGE, "a folder in its place is an error")


@scenario("verbosity")
def test_verbosity(t, lab):
    lab.veth("v0")
    quiet = lab.samplerd("-q", "--attach", "v0")
    t.ok(quiet.status == 0 and all("warning: " in line for line in quiet.err.splitlines()),
         "-q: warnings only", quiet)
    t.ok("debug: " in lab.samplerd("-v", "--attach", "--priority", "5", "v0").err,
         "-v: what libbpf and libxdp say")
    said = lab.samplerd("--attach", "--priority", "6", "v0").err
    t.ok("debug: " not in said and "libbpf" not in said, "neither: nothing of them", said)
    said = lab.run("sh", "-c", f"exec {SAMPLERD} --detach v0 2>&1")
    t.equal(said, "samplerd: v0: detached\n", "plain lines with the program's name")


laboratory.main()
