# SPDX-License-Identifier: MIT OR Apache-2.0
"""The web service's certificate, key and tokens under systemd: credentials, files, reload; sockets that others can reach."""
import os
import pwd
import re
import shutil

import guest
from guest import scenario, wait_for

STORE, FILES = "/etc/credstore", "/etc/sampler/tls"
TOKEN = "0123456789abcdef" * 4


def make_pair(machine, folder, name, owner=0):
    """A certificate that signs itself and its key, as <folder>/<name>.crt and .key."""
    os.makedirs(folder, mode=0o700 if folder == STORE else 0o755, exist_ok=True)
    cert, key = f"{folder}/{name}.crt", f"{folder}/{name}.key"
    machine.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "90",
                "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    os.chown(key, owner, 0)
    os.chmod(key, 0o600)
    return cert


def curl(machine, cert, *argv, path="/api/interfaces", port=guest.PORT):
    """Return: the status of an answer over TLS, by a certificate that is to be trusted."""
    return machine.try_run("curl", "-sS", "-m", "30", "--cacert", cert, "-o", "/dev/null", "-w", "%{http_code}", *argv,
                           f"https://localhost:{port}{path}").out


@scenario("certificate, key and token by credentials", 90)
def test_credentials(t, machine):
    try:
        cert = make_pair(machine, STORE, "sampler-web")
        with open(f"{STORE}/sampler-web.token", "w", encoding="ascii", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            file.write(TOKEN + "\n")
        machine.systemctl("start", "sampler-web.socket")
        t.equal(curl(machine, cert), "401", "files in /etc/credstore, and nothing else: TLS, and a token is asked for")
        bearer = ("-H", f"Authorization: Bearer {TOKEN}")
        t.equal(curl(machine, cert, *bearer), "200", "which lets in")
        said = machine.journal("sampler-web")
        t.match(said, r"listening at 127\.0\.0\.1:3000, as systemd says, with TLS, for who has a token", "the journal says so")
        t.ok("every user" not in said and "reload will keep" not in said, "and has nothing to say of them", said)
        pid = machine.pid("sampler-web")
        machine.systemctl("reload", "sampler-web")
        wait_for(lambda: "credentials are those that systemd passed at the start" in machine.journal("sampler-web"), "a reload")
        t.equal((machine.pid("sampler-web"), curl(machine, cert, *bearer)), (pid, "200"), "a reload says what it takes to change them")
        t.equal(machine.show("sampler-web.service", "ActiveState"), "active", "and is over")
        new = make_pair(machine, STORE, "sampler-web")
        machine.systemctl("restart", "sampler-web")
        t.equal(curl(machine, new, *bearer), "200", "a restart has the new certificate")
    finally:
        shutil.rmtree(STORE, ignore_errors=True)


@scenario("a certificate of files, renewed", 90)
def test_files(t, machine):
    try:
        user = pwd.getpwnam("sampler-web").pw_uid
        cert = make_pair(machine, FILES, "web", user)
        machine.configure(f"[web]\ntls_cert = {cert}\ntls_key = {FILES}/web.key\n")
        machine.systemctl("start", "sampler-web.socket")
        t.equal(curl(machine, cert), "200", "TLS")
        pid, old = machine.pid("sampler-web"), f"{guest.tap_dir()}/old.crt"
        shutil.copy(cert, old)
        make_pair(machine, FILES, "web", user)
        t.equal(curl(machine, old), "200", "renewed: nothing changes by itself")
        machine.systemctl("reload", "sampler-web")
        wait_for(lambda: "reloaded: certificate and key" in machine.journal("sampler-web"), "the reload")
        t.equal((curl(machine, cert), curl(machine, old)), ("200", "000"), "reloaded, it is the new one")
        t.equal(machine.pid("sampler-web"), pid, "of the same process")
        os.unlink(f"{FILES}/web.key")
        machine.systemctl("reload", "sampler-web")
        wait_for(lambda: re.search(r"certificate and key stay as they were: tls_key \S+web\.key: No such file",
                                   machine.journal("sampler-web")), "the reason")
        t.equal((curl(machine, cert), machine.is_active("sampler-web")), ("200", True), "a mistake: the old one stays, and the journal says why")
    finally:
        shutil.rmtree(FILES, ignore_errors=True)


@scenario("a socket that other machines can reach", 90)
def test_reach(t, machine):
    machine.drop_in("[Socket]\nListenStream=\nListenStream=3001\n", "sampler-web.socket")
    try:
        machine.systemctl("start", "sampler-web.socket")
        machine.systemctl("start", "sampler-web.service", check=False)
        wait_for(lambda: "which needs a token" in machine.journal("sampler-web"), "the refusal")
        t.ok(True, "without a token it does not start, and the journal says what is missing")
        machine.configure("[web]\ninsecure_no_token = yes\n")
        wait_for(lambda: machine.is_active("sampler-web.service"), "its next start", 20)
        t.equal(machine.get("/api/interfaces", 3001)[0], 200, "forced by the configuration it does")
        t.match(machine.journal("sampler-web"), r":3001: other machines can reach this, and nothing asks", "with a warning")
    finally:
        machine.systemctl("stop", "sampler-web.socket", "sampler-web.service", check=False)
        machine.drop_in("", "sampler-web.socket")
