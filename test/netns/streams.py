# SPDX-License-Identifier: MIT OR Apache-2.0
"""
A client of /api/stream that reads no more than it is asked to.

    stream = Stream(server)
    event = stream.next()                          # .name .id .record .data .packets
"""
import email.message
import json
import socket
import types

import tap
from lab import Failure
from web import PATIENCE_S, statuses

STREAM = "/api/stream"


class Event:
    def __init__(self, text):
        fields = [line.partition(": ")[::2] for line in text.splitlines()]
        self.name = dict(fields).get("event", "message")
        self.id = dict(fields).get("id")
        self.data = json.loads(dict(fields)["data"])

    @property
    def record(self):
        return int(self.id.split("-")[1])

    @property
    def packets(self):
        return self.data["total_packets"]


class Stream:
    """A client."""

    def __init__(self, server, path=STREAM, last_id=None, receive_buffer=None, method="GET", version="1.1"):
        self._sock = socket.socket()
        if receive_buffer:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._sock.settimeout(3 * PATIENCE_S * tap.SLOWNESS)
        self._sock.connect(server.address)
        head = f"{method} {path} HTTP/{version}\r\nHost: localhost\r\n"
        head += f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self._sock.sendall(head.encode() + b"\r\n")
        self._raw, self._text, self.ended = b"", "", False
        while b"\r\n\r\n" not in self._raw:
            self._more()
        head, _, self._raw = self._raw.partition(b"\r\n\r\n")
        self.status = statuses(head + b"\r\n\r\n")[0]
        self.headers = {name.lower(): value for name, value in
                        (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])}
        self.chunked = self.headers.get("transfer-encoding") == "chunked"

    def head(self):
        """Return: what web.Answer would be of the first words."""
        headers = email.message.Message()
        for name, value in self.headers.items():
            headers[name] = value
        return types.SimpleNamespace(status=self.status, headers=headers, body=self.block().encode())

    def _more(self):
        data = self._sock.recv(65536)
        if not data:
            raise EOFError
        self._raw += data

    def _take_chunk(self):
        while b"\r\n" not in self._raw:
            self._more()
        size, _, rest = self._raw.partition(b"\r\n")
        while len(rest) < int(size, 16) + 2:
            self._more()
            rest = self._raw.partition(b"\r\n")[2]
        self._text += rest[:int(size, 16)].decode()
        self._raw = rest[int(size, 16) + 2:]
        self.ended = int(size, 16) == 0

    def block(self):
        """Return: what comes up to the next empty line, None at the end of the stream."""
        while "\n\n" not in self._text:
            if self.ended:
                return None
            self._take_chunk()
        block, _, self._text = self._text.partition("\n\n")
        return block

    def next(self):
        """Return: the next Event, None at the end of the stream."""
        while (block := self.block()) is not None:
            if block.startswith("retry:") and block != "retry: 2000":
                raise Failure(block)
            if not block.startswith((":", "retry:")):
                return Event(block)
        return None

    def take(self, n):
        return [self.next() for _ in range(n)]

    def close(self):
        self._sock.close()
