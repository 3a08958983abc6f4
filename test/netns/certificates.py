# SPDX-License-Identifier: MIT OR Apache-2.0
"""
Certificates and tokens for sampler-web, made by openssl as an administrator does, in a folder that the user whom the
server becomes can read.
"""
import os
import pwd
import secrets

import lab as laboratory
from lab import RUN

FOLDER = RUN + "/secrets"
EC = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")


class Pair:
    """A certificate for localhost and its key: .cert and .key are paths."""

    def __init__(self, lab, name="web", *, days=90, key=EC, authority=None):
        """@authority signs it; else it signs itself. Days of -1: it has expired."""
        os.makedirs(FOLDER, exist_ok=True)
        self.cert, self.key = f"{FOLDER}/{name}.crt", f"{FOLDER}/{name}.key"
        request = f"{FOLDER}/{name}.csr"
        lab.run("openssl", "req", "-new", *key, "-nodes", "-keyout", self.key, "-out", request, "-subj",
                f"/CN={name}.localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                "-addext", f"basicConstraints=critical,CA:{'FALSE' if authority else 'TRUE'}")
        signer = ("-CA", authority.cert, "-CAkey", authority.key) if authority else ("-signkey", self.key)
        lab.run("openssl", "x509", "-req", "-in", request, *signer, "-days", str(days), "-copy_extensions", "copyall",
                "-out", self.cert)
        give(self.key, 0o600)

    def options(self):
        return "--tls-cert", self.cert, "--tls-key", self.key

    def install(self, other):
        """Put another pair in this one's place, as renewals do: each file in one step."""
        for path, new in ((self.cert, other.cert), (self.key, other.key)):
            with open(new, "rb") as file:
                replace(path, file.read())


def give(path, mode):
    """To the user that sampler-web becomes."""
    user = pwd.getpwnam(laboratory.USER)
    os.chown(path, user.pw_uid, user.pw_gid)
    os.chmod(path, mode)


def replace(path, data, mode=0o600):
    with open(path + ".new", "wb") as file:
        file.write(data)
    give(path + ".new", mode)
    os.rename(path + ".new", path)


def token_file(*tokens, name="tokens"):
    """Write tokens to a file. Return: its path."""
    os.makedirs(FOLDER, exist_ok=True)
    replace(f"{FOLDER}/{name}", "".join(token + "\n" for token in tokens).encode())
    return f"{FOLDER}/{name}"


def new_token():
    return secrets.token_hex(32)
