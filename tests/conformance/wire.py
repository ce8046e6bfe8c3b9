"""A connection that sends its bytes in fragments which the server provably reads one by one.

How a cut is made certain, without sleeping: over a unix socket SIOCOUTQ tells how much of what was sent the peer has not
read yet, so the next fragment is sent when that is nothing. (Over TCP it tells what was not acknowledged, and the kernel
acknowledges and joins what the server has not read.) Whole sends go over TCP, so that every behaviour is seen on both.
"""

from __future__ import annotations

import fcntl
import json
import select
import socket
import struct
import termios
import time

from integration.server import Server
from integration.wire import DEADLINE_S, Connection, Response, Truncated

HEAD_END = b"\r\n\r\n"


class Wire(Connection):
    """`fragment`: bytes per send, 0 for all at once; the address must be a unix socket's unless it is 0."""

    def __init__(self, address: tuple[str, int] | str, fragment: int = 0) -> None:
        assert isinstance(address, str) or fragment == 0
        super().__init__(address)
        self.fragment = fragment

    def send(self, data: bytes) -> None:
        if self.fragment == 0:
            super().send(data)
            return
        for begin in range(0, len(data), self.fragment):
            self.socket.sendall(data[begin:begin + self.fragment])
            self._wait_until_read()

    def send_if_open(self, data: bytes, *, whatever_comes: bool = False) -> None:
        """As send(), to a server that may have refused the beginning and closed. Of fragments none is sent once it has answered
        (unless `whatever_comes`): it listens for two seconds, which a busy machine needs for a thousand of them."""
        try:
            if self.fragment == 0:
                self.send(data)
                return
            for begin in range(0, len(data), self.fragment):
                if not whatever_comes and select.select([self.socket], [], [], 0)[0]:
                    return
                self.send(data[begin:begin + self.fragment])
        except (BrokenPipeError, ConnectionResetError):
            pass

    def send_while_taken(self, data: bytes) -> int:
        """Sends until the kernel takes no more for half a second: the server does not read. The bytes sent."""
        sent = 0
        while sent < len(data) and select.select([], [self.socket], [], 0.5)[1]:
            sent += self.socket.send(data[sent:sent + 65536], socket.MSG_DONTWAIT)
        return sent

    def ends_cleanly(self) -> bool:
        """True when nothing more comes but the end, and that is not a reset."""
        return not self._buffer and self.socket.recv(1) == b""

    def ends(self) -> bool:
        """True when nothing more comes but the end, or the reset that a peer gets who sends to a closed socket."""
        try:
            return self.ends_cleanly()
        except ConnectionResetError:
            return not self._buffer

    def read_until_closed_or(self, mark: bytes) -> bytes:
        """What comes up to and with `mark`; all of it if the server closes first."""
        try:
            return self._read_until(mark)
        except Truncated:
            return bytes(self._buffer)

    def ask(self, head: str, body: bytes = b"", *, head_only: bool = False) -> Response:
        """Sends a head given as lines without their ends ("GET / HTTP/1.1|x: 1"), and a body; reads the response."""
        self.send(request(head, body))
        return self.read_response(head_only=head_only)

    def _wait_until_read(self) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while struct.unpack("i", fcntl.ioctl(self.socket, termios.TIOCOUTQ, bytes(4)))[0] > 0:
            assert time.monotonic() < deadline, "the server does not read"
            time.sleep(0.00002)  # lets the server run, also on a busy machine


def request(head: str, body: bytes = b"") -> bytes:
    """Lines joined by "|"; adds a host to HTTP/1.1, and the length of a body, where there is none."""
    lines = head.split("|")
    names = [line.partition(":")[0].lower() for line in lines[1:]]
    if "host" not in names and lines[0].endswith("1.1"):
        lines.insert(1, "host: test")
    if body and not {"content-length", "transfer-encoding"} & set(names):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + HEAD_END + body


class Probed:
    """A server with an app of tests/apps/probes, reached by TCP and by a unix socket."""

    def __init__(self, server: Server, unix_path: str) -> None:
        self.server = server
        self.unix_path = unix_path

    def wire(self, fragment: int = 0) -> Wire:
        return Wire(self.unix_path if fragment else self.server.address, fragment)

    def get(self, target: str) -> Response:
        return self.server.get(target)

    def open_gate(self) -> None:
        assert self.get("/open-gate").body == b"open"

    def wait_for_events(self, count: int) -> list[str]:
        """What happened in the app, when that is `count` things at least."""
        found: list[str] = []

        def happened() -> bool:
            found[:] = json.loads(self.get("/events").body)
            return len(found) >= count
        self.server.eventually(happened, f"{count} events; found {found}")
        return found

    def expect(self, *wanted: str) -> None:
        """Waits until all of `wanted` happened in the app, and nothing else; then forgets them."""
        found = self.wait_for_events(len(wanted))
        self.get("/events?clear")
        assert sorted(found) == sorted(wanted)
