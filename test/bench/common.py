# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the benchmarks have in common: commands, a link of their own, CPU and memory of a process."""

import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import sys

BPFFS = "/sys/fs/bpf"
SERVER, CLIENT = "198.18.0.1", "198.18.0.2"  # RFC 2544's range


def progress(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def command(*words, **options):
    return subprocess.run(words, check=True, stdin=subprocess.DEVNULL, **options)


def spread(values):
    """Median and what is around it."""
    ordered = sorted(values)
    quartile = statistics.quantiles(ordered, n=4, method="inclusive")
    return {
        "median": statistics.median(ordered),
        "q1": quartile[0],
        "q3": quartile[2],
        "min": ordered[0],
        "max": ordered[-1],
        "n": len(ordered),
    }


def first_match(path, pattern):
    match = re.search(pattern, pathlib.Path(path).read_text(), re.M)
    return match.group(1) if match else "unknown"


def machine():
    system = os.uname()
    return {
        "kernel": system.release,
        "architecture": system.machine,
        "cpu": first_match("/proc/cpuinfo", r"^model name\s*: (.*)$"),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


# ---- a link ----


def make_link():
    """server0, and client0 in the network namespace "client"."""
    command("mount", "-n", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run")
    command("mount", "-n", "-t", "bpf", "bpf", BPFFS)
    command("ip", "netns", "add", "client")
    command(*"ip link add server0 type veth peer name client0 netns client".split())
    command(*f"ip address add {SERVER}/24 dev server0".split())
    command(*"ip link set lo up".split())
    command(*"ip link set server0 up".split())
    command(*in_client(), *f"ip address add {CLIENT}/24 dev client0".split())
    command(*in_client(), *"ip link set client0 up".split())


def in_client():
    return "nsenter", "--net=/run/netns/client"


def samplerd(build, *arguments):
    return build / "daemon/samplerd", "--user", "nobody", *arguments


# ---- a process ----


def on_cpu_ns(pid):
    """Of all its threads, to the nanosecond."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)


def cpu_ticks(pid):
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(stat[11]) + int(stat[12])


def memory(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {
        field: int(re.search(rf"^{field}:\s*(\d+) kB", status, re.M).group(1))
        for field in ("RssAnon", "RssFile", "RssShmem")
    }


def cores():
    """Return: the core of the server and that of its client; one, where there is no other."""
    available = sorted(os.sched_getaffinity(0))
    return str(available[0]), str(available[-1])


@contextlib.contextmanager
def process(*words, **options):
    running = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, **options)
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=20)


def nginx(folder, server, connections=1024):
    """A real server on the server's core, with what it needs in a folder; server is its block."""
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind}; "
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"""daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
worker_rlimit_nofile {connections + 100}; events {{ worker_connections {connections}; }}
http {{
    access_log off; keepalive_requests 100000000; open_file_cache max=16; sendfile on;
    client_body_buffer_size 1m; {temporary}
    types {{ application/json json; }}
    server {{ {server} }}
}}
"""
    )
    return process(
        "taskset", "-c", cores()[0], "nginx", "-e", folder / "nginx.log", "-p", folder,
        "-c", folder / "nginx.conf",
    )  # fmt: skip


# ---- telling ----


def verdict(ratio):
    return f"{ratio:5.2f} x budget{'' if ratio <= 1 else '  OVER BUDGET'}"
