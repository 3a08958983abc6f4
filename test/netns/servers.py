# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the load generator is tried with: a real nginx, certificates, and the report of a run."""
import os
import re
import signal

import lab as laboratory
import tap
from lab import Failure

LOADGEN = os.environ.get("LOADGEN", f"{laboratory.BUILD}/loadgen/sampler-loadgen")
PORT, TLS_PORT = 8080, 8443
CERTS = laboratory.RUN + "/certs"


class Summary:
    """What a run's output says."""

    def __init__(self, result):
        self.result, self.text = result, result.out

    def number(self, name):
        """The first number of a line, e.g. of "  completed   17   5.3 a second"."""
        match = re.search(rf"(?m)^ *{name} +(\d+)", self.text)
        if not match:
            raise Failure(f"no {name}: {self.result!r}")
        return int(match[1])

    def pair(self, name):
        """What was sent and received, e.g. of wire."""
        match = re.search(rf"(?m)^  {name} +(\d+)(?: B +\S+ \S+)? +(\d+)", self.text)
        if not match:
            raise Failure(f"no {name}: {self.result!r}")
        return int(match[1]), int(match[2])

    def latency(self, name):
        """min, mean, p50, p90, p99, p99.9, max in ms"""
        match = re.search(rf"(?m)^  {name} +([\d. ]+)$", self.text)
        if not match:
            raise Failure(f"no latency {name}: {self.result!r}")
        names = ("min", "mean", "p50", "p90", "p99", "p99.9", "max")
        return dict(zip(names, map(float, match[1].split())))

    def phases(self):
        """Errors by phase."""
        _, _, tail = self.text.partition("\nErrors ")
        return {name: int(n) for name, n in re.findall(r"(?m)^  (\w+) +(\d+)   first:", tail)}

    def requests(self):
        return tuple(self.number(n) for n in ("completed", "failed", "unfinished"))


class Nginx:
    """A real server; each of its log's lines is one request."""

    def __init__(self, lab, ns=None, address="127.0.0.1", tls=False, port=PORT,
                 tls_port=TLS_PORT):
        self._lab = lab
        self.folder = f"{laboratory.RUN}/nginx"
        os.makedirs(self.folder)
        listen = [f"listen {address}:{port};"]
        if tls:
            listen += [f"listen {address}:{tls_port} ssl;", f"ssl_certificate {CERTS}/server.pem;",
                       f"ssl_certificate_key {CERTS}/server.key;"]
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = f"""
            daemon off; worker_processes 1; pid {self.folder}/pid; user root;
            events {{ worker_connections 1024; }}
            http {{
                log_format sizes '$status $content_length $request_length';
                access_log {self.folder}/access sizes;
                client_max_body_size 0; client_body_buffer_size 1m; {temporary}
                server {{
                    {" ".join(listen)}
                    location / {{ return 200 "ok"; }}
                    location /missing {{ return 404; }}
                }}
            }}"""
        with open(f"{self.folder}/conf", "w", encoding="ascii") as file:
            file.write(config)
        with open(f"{self.folder}/log", "w", encoding="ascii") as log:
            self._process = lab.spawn("nginx", "-e", f"{self.folder}/log", "-p", self.folder, "-c",
                                      f"{self.folder}/conf", ns=ns, stdout=log, stderr=log)
        laboratory.wait_for(lambda: self._process.poll() is not None
                            or os.path.exists(f"{self.folder}/pid"), "nginx")
        if self._process.poll() is not None:
            with open(f"{self.folder}/log", encoding="utf-8") as log:
                raise Failure(f"nginx: {log.read()}")

    def requests(self):
        """Return: [(status, payload)]"""
        with open(f"{self.folder}/access", encoding="ascii") as file:
            lines = [line.split() for line in file]
        return [(int(status), int(size) if size != "-" else 0) for status, size, _ in lines]

    def stop(self):
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(10 * tap.SLOWNESS)
        return self.requests()


def certificates(lab, names="DNS:localhost,IP:127.0.0.1,IP:::1"):
    """An authority, and a server's certificate by it."""
    os.makedirs(CERTS)
    with open(f"{CERTS}/names", "w", encoding="ascii") as file:
        file.write(f"subjectAltName={names}\n")
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    lab.run("openssl", "req", "-x509", *key, "-keyout", f"{CERTS}/ca.key", "-out", f"{CERTS}/ca.pem",
            "-days", "2", "-subj", "/CN=authority")
    lab.run("openssl", "req", *key, "-keyout", f"{CERTS}/server.key", "-out", f"{CERTS}/server.csr",
            "-subj", "/CN=server")
    lab.run("openssl", "x509", "-req", "-in", f"{CERTS}/server.csr", "-CA", f"{CERTS}/ca.pem",
            "-CAkey", f"{CERTS}/ca.key", "-CAcreateserial", "-days", "2", "-extfile",
            f"{CERTS}/names", "-out", f"{CERTS}/server.pem")
