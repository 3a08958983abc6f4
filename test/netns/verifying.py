# SPDX-License-Identifier: MIT OR Apache-2.0
"""
What sampler-loadgen --verify is tried with: an interface that is sampled, a server behind it, a sampler
that is asked over that link or over another one, and the generator at the other end.
"""
import functools
import os
import re
import subprocess

import lab as laboratory
import tap
from lab import Failure
from reports import json_report
from servers import CERTS, LOADGEN, Nginx, certificates
from web import WebServer

SERVER, CLIENT = "198.18.0.1", "198.18.0.2"
ASIDE, ASIDE_CLIENT = "198.19.0.1", "198.19.0.2"  # of a link that is not sampled
URL = f"http://{SERVER}/"
SAMPLER = f"http://{SERVER}:3000/"
ANYWHERE = "0.0.0.0"

# A recorder of a program that a test has attached: with privilege it would put the right one in its place.
WITHOUT_PRIVILEGE = ("setpriv", f"--reuid={laboratory.USER}", "--regid=nogroup", "--clear-groups",
                     "--inh-caps=-all", "--bounding-set=-all")


# A machine that is held up for a second makes the recorder's samples stale, if it is not the first to go on then.
PROMPT = ("nice", "-n", "-10")


def staged(function):
    """A scenario that gets a Stage besides; it is made as its decorator's @stage says."""

    @functools.wraps(function)
    def on_stage(t, lab, stage=None, **arguments):
        with Stage(lab, **(stage or {})) as made:
            function(t, made, **arguments)

    return on_stage


def lose_some(lab, link, which="lossy"):
    """From now on the way from a link's peer loses one in 50 frames of over 1,000 bytes, or all but 50 ("cut")."""
    lab.run("ip", "link", "set", "dev", link.peer, "gso_max_segs", "1", ns=link.peer_ns)  # else it would be segments
    lab.run("tc", "qdisc", "add", "dev", link.peer, "clsact", ns=link.peer_ns)
    lab.run("tc", "filter", "add", "dev", link.peer, "egress", "bpf", "direct-action", "object-file",
            f"{laboratory.OBJECTS}/{which}.bpf.o", "section", "tc", ns=link.peer_ns)


def lose_none(lab, link):
    lab.run("tc", "qdisc", "del", "dev", link.peer, "clsact", ns=link.peer_ns)


class Stage:
    """server0, which is sampled and has nginx and sampler-web behind it, and the client at its peer."""

    def __init__(self, lab, mode="native", interval="100ms", record=True, aside=False):
        self.lab = lab
        self.link = lab.veth("server0", "client0")
        self.peer_ns = self.link.peer_ns
        self._address(self.link, SERVER, CLIENT)
        if aside:
            self.aside = lab.veth("aside0", "aside1", peer_ns=self.peer_ns)
            self._address(self.aside, ASIDE, ASIDE_CLIENT)
        certificates(lab, names=f"IP:{SERVER}")
        self.nginx = Nginx(lab, address=ANYWHERE, port=80, tls_port=443, tls=True)
        self.recorder = None
        if record:
            self.record(mode, interval)
        self.web = self.serve()

    def _address(self, link, server, client):
        for ns, name, address in ((link.ns, link.name, server), (link.peer_ns, link.peer, client)):
            self.lab.run("ip", "address", "add", f"{address}/24", "dev", name, ns=ns)

    def record(self, mode="native", interval="100ms", wrap=()):
        self.recorder = self.lab.record("server0", "--mode", mode, interval=interval, log_interval=None,
                                        wrap=(*PROMPT, *wrap))
        self.recorder.wait_record()

    def serve(self):
        return WebServer(self.lab, "--listen", f"{ANYWHERE}:3000", "--insecure-no-token", listen=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.nginx.stop()

    def http(self):
        """Frames and bytes of the service http, as samplerd itself says."""
        service = self.lab.snapshot("server0")["rx"]["services"]["http"]
        return service["packets"], service["bytes"]

    def start(self, *argv, verify=SAMPLER, stdout=subprocess.PIPE, **popen):
        """Start the generator; its text goes to a pipe, its report to a file."""
        self.report_path = f"{laboratory.RUN}/report.json"
        if os.path.exists(self.report_path):
            os.unlink(self.report_path)
        argv = (LOADGEN, *argv, "--verify", verify, f"--json={self.report_path}")
        return self.lab.spawn(*argv, ns=self.peer_ns, stdout=stdout, stderr=subprocess.PIPE,
                              text=True, **popen)

    def finish(self, process, seconds=60):
        """Return: Run, at the end of a process."""
        try:
            out, err = process.communicate(timeout=seconds * tap.SLOWNESS)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Failure(f"not done: {process.communicate()}") from None
        return Run(process.returncode, out, err, self.report_path)

    def run(self, *argv, seconds=60, **options):
        return self.finish(self.start(*argv, **options), seconds)


class Run:
    """What a run came to."""

    def __init__(self, status, out, err, path):
        self.status, self.out, self.err = status, out, err
        self.report = self.verify = None
        try:
            with open(path, encoding="utf-8") as file:
                self.report = json_report(file.read())
            self.verify = self.report["verify"]
        except FileNotFoundError:
            pass  # it had no start

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}\nverify: {self.verify}"

    def verdict(self):
        """Exit status and verdict, with the reason where there is none."""
        return self.status, self.verify and (self.verify["verdict"], self.verify["reason"])

    def rows(self):
        """By name."""
        return {row["name"]: row for row in self.verify["rows"]}

    def differing(self):
        return {row["name"] for row in self.verify["rows"] if row["differs"]}

    def table(self):
        """The text's rows: name, then the numbers that are there; "!" where it differs."""
        _, _, text = self.out.partition("\nVerification by ")
        return {words[0]: words[1:] for line in text.splitlines()
                if len(words := line.split()) > 2 and re.match(r"  [\w-]+ +(\d|- )", line)}


VERIFIED = (0, ("verified", None))
DIFFERS = (3, ("differs", None))
TLS = ("--url", f"https://{SERVER}/", "--ca-file", f"{CERTS}/ca.pem")
