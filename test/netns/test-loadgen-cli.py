#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""
sampler-loadgen's command line: what is printed where, exit statuses, what is refused. No network:
each scenario runs in a network namespace where even the loopback is down. test-loadgen.py has the
traffic; test-loadgen-config.c has every bad value.
"""
import collections
import os
import re
import subprocess
import tempfile

import lab as laboratory
import tap
from lab import VERSION

LOADGEN = os.environ.get("LOADGEN", f"{laboratory.BUILD}/loadgen/sampler-loadgen")
DONE, FAILED, USAGE = 0, 1, 2
URL = "http://192.0.2.1:8080/upload"
RAW = ("--raw", "--interface", "v0", "--destination", "198.18.0.2", "--duration", "1s")

FIRST_INI = f"""\
[target]
url = {URL}
protocol = http

[traffic]
bandwidth = 10Mbps
connections = 10
request_size = 1KB
latency = 0ms

[limits]
duration = 60s
total_size = 0
"""

Result = collections.namedtuple("Result", "status out err")


def loadgen(*argv, stdout=subprocess.PIPE):
    done = subprocess.run([LOADGEN, *argv], stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, text=True, timeout=20 * tap.SLOWNESS,
                          check=False)
    return Result(done.returncode, done.stdout or "", done.stderr)


def scenario(title, seconds=60):
    """A scenario in an empty network namespace and a directory of its own."""

    def register(function):
        def apart(t):
            if tap.libc.unshare(laboratory.CLONE_NEWNET):
                raise tap.Failure("cannot unshare the network")
            with tempfile.TemporaryDirectory(prefix="loadgen-cli-") as folder:
                os.chdir(folder)
                function(t)
                os.chdir("/")

        tap.scenario(title, seconds)(apart)
        return function

    return register


def write(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def values(text):
    """Of a configuration as it is printed."""
    return dict(re.findall(r"(?m)^(\w+) = ?(.*)$", plain(text)))


def plain(text):
    """A configuration as it is printed, without where each value came from."""
    return re.sub(r"(?m) +;.*$", "", text)


def refused(result, *words):
    """Status 2, one line on standard error that has the words, nothing on standard output."""
    return (result.status, result.out) == (USAGE, "") and result.err.count("\n") == 1 and \
        all(word in result.err for word in words)


@scenario("help and version")
def test_help(t):
    helped = loadgen("--help")
    t.equal((helped.status, helped.err), (DONE, ""), "--help: on standard output, status 0")
    t.equal([line for line in helped.out.splitlines() if len(line) > 80], [], "at most 80 columns")
    t.ok("\t" not in helped.out, "without tabs")
    short = loadgen("-h")
    t.equal((short.status, short.out, short.err), (DONE, helped.out, ""), "-h equals --help")
    version = loadgen("--version")
    t.equal((version.status, version.err), (DONE, ""), "--version: standard output, status 0")
    if VERSION:
        t.equal(version.out, f"sampler-loadgen {VERSION}\n", "it is the project's version")
    else:
        t.skip("it is the project's version", "SAMPLER_VERSION is not set: not run by meson")
    with open("/dev/full", "w", encoding="utf-8") as full:
        for option in ("--help", "--version"):
            result = loadgen(option, stdout=full)
            t.ok(result.status == FAILED and "No space left" in result.err,
                 f"{option} that cannot be written: status 1 and a message", result)
    t.match(helped.out, r"Exit status: 0 done; 1 (.|\n)*2 wrong usage(.|\n)*3 a thresh(.|\n)*130 or 143", "exit statuses")


@scenario("every key is an option and every option is there")
def test_options(t):
    helped = loadgen("--help").out
    options = dict(re.findall(r"(?m)^ .*?--([a-z0-9-]+)(?: ([A-Z]\S*|yes\|no)|\[=\S+\])?(?:  |\n| of )",
                              helped))
    keys = values(loadgen("--print-config", "--url", URL).out)
    t.ok(len(keys) >= 14, "there are keys", keys)
    t.equal(sorted({key.replace("_", "-") for key in keys} - options.keys()), [],
            "each key has an option in --help")
    unknown = [name for name, value in options.items()
               if loadgen(f"--{name}", *(["x"] if value else []), "--help").status != DONE]
    t.equal(unknown, [], "each option of --help is known")
    for name in ("json", "ndjson", "csv", "hdr"):
        t.equal(values(loadgen("--print-config", "--url", URL, f"--{name}").out)[name], "-",
                f"--{name} alone is standard output")
    set_to = {"url": "https://a:1/b", "protocol": "https", "bandwidth": "2Mbps", "rate": "0",
              "connections": "20", "threads": "2", "request_size": "3KB", "latency": "4ms",
              "duration": "5s", "total_size": "6MB", "requests": "7", "tls_verify": "no",
              "connect_timeout": "8s", "timeout": "9s",
              "ca_file": "/x.pem", "quiet": "yes", "method": "PUT", "header": "A: b; c", "ramp": "1s",
              "give_up": "2s", "cert_file": "/c.pem", "key_file": "/k.pem", "server_name": "a.b",
              "min_version": "1.3", "session_reuse": "no", "json": "-", "ndjson": "/n", "csv": "/c",
              "hdr": "/h", "max_p50": "1ms", "max_p99": "2ms", "max_p99_9": "3ms", "max_errors": "4%",
              "min_achieved": "99.5%", "verify": "https://a:3000/?interface=b", "verify_others": "yes",
              "verify_token_file": "/t", "verify_ca_file": "/v.pem"}
    t.equal(sorted(set_to), sorted(keys), "the test knows all keys")
    argv = [f"--{key.replace('_', '-')}={value}" for key, value in set_to.items()
            if key != "quiet"]
    t.equal(values(loadgen("--print-config", "-q", *argv).out), set_to, "each sets its key")
    optional = {"--json", "--ndjson", "--csv", "--hdr"}  # a value of theirs is not the next word
    argv = [word for pair in argv
            for word in ([pair] if pair.split("=")[0] in optional else pair.split("=", 1))]
    t.equal(values(loadgen("--dry-run", "--quiet", *argv).out), set_to,
            "so does an option with its value as the next word")
    t.equal(values(loadgen("--print-config", "--url", URL, "--insecure").out)["tls_verify"], "no",
            "--insecure is --tls-verify no")


@scenario("quiet in a file can be undone")
def test_quiet(t):
    path = write("quiet.ini", FIRST_INI + "[output]\nquiet = yes\n")
    for argv, want in ((["-c", path], "yes"), (["-c", path, "--quiet=no"], "no"), (["-q"], "yes"),
                       (["--quiet"], "yes"), (["--quiet=yes"], "yes"), (["-q", "--quiet=no"], "no")):
        got = loadgen("--print-config", "--url", URL, *argv)
        t.equal(values(got.out).get("quiet"), want, f"{' '.join(argv)}: quiet = {want}")


def readme_keys():
    """The README's table. Return: [(section, key, what stands as its default)]"""
    with open(f"{laboratory.HERE}/../../README.md", encoding="utf-8") as file:
        _, _, table = file.read().partition("| section | key | meaning | default |\n")
    rows, section = [], ""
    for line in table.partition("\n\n")[0].splitlines()[1:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        section = cells[0] or section
        rows.append((section, cells[1].strip("`"), cells[-1]))
    return rows


def printed_keys(text):
    """A configuration as it is printed. Return: [(section, key)]"""
    found = [part.split("\n") for part in re.split(r"(?m)^\[", text)[1:]]
    return [(lines[0].rstrip("]"), line.partition(" =")[0])
            for lines in found for line in lines[1:] if " =" in line]


@scenario("the README's table of keys")
def test_readme(t):
    printed = loadgen("--print-config", "--url", URL).out
    raw = loadgen("--print-config", *RAW).out
    table = readme_keys()
    found = printed_keys(printed)
    t.equal([row[:2] for row in table if row[:2] in found], found,
            "names the keys of --print-config, section by section")
    t.equal([row[:2] for row in table if row[:2] not in found],
            [key for key in printed_keys(raw) if key not in found],
            "those of raw frames as well, and no others")
    literal = {key: found[1] for _, key, cell in table
               if (found := re.match(r"`?([^`\s]+)`?(?:$|,)", cell)) and found[1] != "none"}
    t.ok(len(literal) >= 12, "most have a literal default", literal)
    for key, value in literal.items():
        mode, want = (RAW, raw) if key not in values(printed) else (("--url", URL), printed)
        given = loadgen("--print-config", *mode, f"--{key.replace('_', '-')}={value}")
        t.equal(plain(given.out), plain(want), f"{key}: {value} is the default")


@scenario("a configuration that is printed")
def test_print(t):
    path = write("first.ini", FIRST_INI)
    for option in ("--print-config", "--dry-run"):
        first = loadgen("-c", path, option)
        t.equal((first.status, first.err), (DONE, ""), f"{option}: status 0, no complaint")
    got = values(first.out)
    t.equal({key: got[key] for key in ("url", "protocol", "bandwidth", "connections", "latency",
                                       "request_size", "duration", "total_size", "tls_verify")},
            {"url": URL, "protocol": "http", "bandwidth": "10Mbps", "connections": "10",
             "latency": "0s", "request_size": "1KB", "duration": "1min", "total_size": "0",
             "tls_verify": "yes"}, "has the values of the file")
    again = loadgen("--config", write("printed.ini", first.out), "--print-config")
    t.equal(plain(again.out), plain(first.out), "and reads back the same")
    t.match(first.out, rf"(?m)^bandwidth = 10Mbps +; {path}:6$", "a value of the file says where")
    t.match(first.out, r"(?m)^threads = 1 +; default$", "one of nobody that it is the default")
    t.match(first.out, r"(?m)^method = POST +; default$", "also of a method")
    won = loadgen("-c", path, "--print-config", "--rate=5", "--bandwidth=0", "--header", "A: b").out
    t.match(won, r"(?m)^rate = 5 +; --rate$", "and one of the command line names its option")
    t.match(won, r"(?m)^header = A: b +; --header$", "a header as well")
    won = values(loadgen("-c", path, "--print-config", "--bandwidth=1MB/s", "--connections",
                         "3").out)
    t.equal((won["bandwidth"], won["connections"], won["duration"]), ("8Mbps", "3", "1min"),
            "options win over the file, wherever they stand")
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = loadgen("-c", path, "--print-config", stdout=full)
    t.ok(result.status == FAILED and "No space left" in result.err,
         "a full disk: status 1 and a message", result)


@scenario("wrong usage")
def test_usage(t):
    cases = [
        ("an unknown option", ["--nope", "--url", URL], ["--nope"]),
        ("an unknown short option", ["-x"], ["'x'"]),
        ("an option without its value", ["--url"], ["--url"]),
        ("-c without its value", ["-c"], ["'c'"]),
        ("a value for an option that has none", ["--insecure=yes", "--url", URL], ["--insecure"]),
        ("a value that --quiet has not", ["--quiet=maybe", "--url", URL],
         ["--quiet maybe: expected yes or no"]),
        ("a value of --quiet apart", ["--quiet", "no", "--url", URL], [": no: no option"]),
        ("a file of --json apart", ["--json", "a.json", "--url", URL], [": a.json: no option", "--json=FILE"]),
        ("an abbreviated option", ["--dur", "5s", "--url", URL], ["--dur"]),
        ("a word that is no option", [URL], [f": {URL}: no option", "--url URL"]),
        ("no url", [], ["no url", "--url http://HOST", "[target]"]),
        ("no url, but a limit", ["--requests", "5"], ["no url"]),
        ("a file that is not there", ["-c", "/nonexistent/x"], ["/nonexistent/x: no such file"]),
        ("a directory", ["-c", "/"], ["/: Is a directory"]),
        ("a bandwidth without unit", ["--url", URL, "--bandwidth", "10M"],
         ["--bandwidth 10M: expected", "10Mbps", "10Mbit/s", "100KB/s"]),
        ("a size without B", ["--url", URL, "--request-size", "1K"],
         ["--request-size 1K: expected", "1KB", "1KiB"]),
        ("a duration without unit", ["--url", URL, "--duration", "60"],
         ["--duration 60: expected", "60s"]),
        ("no timeout at all", ["--url", URL, "--connect-timeout", "0"],
         ["--connect-timeout 0: expected", "from 100ms to 1h"]),
        ("protocol and url that disagree", ["--url", "https://a", "--protocol", "http"],
         ["protocol = http", "url = https://a"]),
        ("bandwidth and rate", ["--url", URL, "--bandwidth", "1Mbps", "--rate", "5"],
         ["bandwidth = 1Mbps", "rate = 5"]),
        ("more threads than connections", ["--url", URL, "--threads", "11"],
         ["threads = 11", "connections = 10"]),
        ("a method that there is not", ["--url", URL, "--method", "TRACE"],
         ["--method TRACE: expected POST, PUT or PATCH"]),
        ("a header that is none", ["--url", URL, "--header", "x"], ["--header x: expected a header"]),
        ("a header that would end the head", ["--url", URL, "--header", "A: b\r\n\r\nGET /"],
         ["--header A: b", "expected a header"]),
        ("payload of a GET", ["--url", URL, "--method", "GET", "--request-size", "5"],
         ["method = GET (--method)", "request_size = 5B (--request-size)"]),
        ("two formats for standard output", ["--url", URL, "--json", "--csv"],
         ["json = - (--json)", "csv = - (--csv)", "a file of its own"]),
        ("a threshold of a share without %", ["--url", URL, "--max-errors", "1"],
         ["--max-errors 1: expected a share such as 1%"]),
        ("too many options", ["--rate=1"] * 257, ["too many options"]),
    ]
    for name, argv, words in cases:
        result = loadgen(*argv)
        t.ok(refused(result, *words), f"{name}: status 2, one line on standard error", result)
    for option in ("--print-config", "--dry-run", "-q", "-v"):
        result = loadgen(option, "--url", URL, "--rate", "x")
        t.ok(refused(result, "--rate x"), f"{option} changes nothing about that", result)


@scenario("wrong files")
def test_files(t):
    cases = [
        ("an unknown section", "[cooked]\n", 1, "unknown section [cooked]; known: target, traffic"),
        ("an unknown key", "[target]\n\nport = 80\n", 3, 'unknown key "port" in [target]'),
        ("a key of another section", "[target]\nrate = 1\n", 2, 'unknown key "rate"'),
        ("a bad value", "[traffic]\nbandwidth = 10\n", 2, "expected a bandwidth such as 10Mbps"),
        ("a bad url", "[target]\nurl = http://a:99999/\n", 2, "port"),
        ("a key twice", "[target]\nurl = a\nurl = b\n", 3, "already set in line 2"),
        ("no equals sign", "[target]\nurl\n", 2, "neither a [section], nor key = value"),
    ]
    for name, text, line, words in cases:
        path = write("bad.ini", text)
        result = loadgen("-c", path)
        t.ok(refused(result, f"{path}:{line}: ", words), f"{name}: file and line", result)
    path = write("half.ini", f"[target]\nurl = {URL}\n[limits]\ntotal_size = 5B\n")
    result = loadgen("-c", path, "--request-size", "6", "--print-config")
    t.ok(refused(result, "request_size = 6B (--request-size)", f"total_size = 5B ({path}:4)"),
         "file and option that disagree: both are named with where they stand", result)
    path = write("first.ini", FIRST_INI)
    result = loadgen("-c", path, "--url", "https://a", "--rate", "10", "--method", "GET", "--print-config")
    got = values(result.out)
    t.ok(result.status == DONE and (got.get("protocol"), got.get("bandwidth"), got.get("request_size"))
         == ("https", "0", "0"), "options that exclude what the file has: they count", result)


@scenario("no network")
def test_no_network(t):
    """The loopback is down: the first thing a run does fails, after the configuration is printed."""
    result = loadgen("--url", "http://127.0.0.1:9", "--requests", "1")
    t.equal(result.status, FAILED, "a run that cannot start: status 1")
    t.ok(result.err.count("\n") == 1 and "127.0.0.1" in result.err,
         "one line on standard error that names the target", result)
    t.match(result.out, r"^\[target\]\nurl = http://127.0.0.1:9 ", "the resolved values first")
    result = loadgen("--url", "http://127.0.0.1:9", "--requests", "1", "-q")
    t.ok(result.status == FAILED and result.out == "", "with -q not even these", result)
    result = loadgen("--url", "http://127.0.0.1:9", "--requests", "1", "--json")
    t.ok(result.status == FAILED and result.out == "", "nor where a format has standard output", result)
    result = loadgen("--url", "http://127.0.0.1:9", "--requests", "1", "--csv=/nonexistent/x")
    t.equal(result.status, FAILED, "a file that cannot be written: status 1")
    t.match(result.err, r"cannot write /nonexistent/x: No such file or directory\n$", "by its name")
    t.ok("connect" not in result.err, "before anything is sent", result)
    for kind in ("json", "ndjson", "csv", "hdr"):
        write("old", "the report before\n")
        argv = ("--url", "http://127.0.0.1:9", "--requests", "1")
        t.equal(loadgen(*argv, f"--{kind}=old").status, FAILED, f"{kind}: no report")
        with open("old", encoding="utf-8") as file:
            t.equal(file.read(), "the report before\n", f"{kind}: so the file keeps the one before")
        t.equal(loadgen(*argv, f"--{kind}=new").status, FAILED, f"{kind}: no report in a new file")
        t.ok(not os.path.lexists("new"), f"{kind}: which is not left behind")


tap.main()
