"""A small HTTP/1.1 client on a raw socket: it sends any bytes, and reads responses strictly."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, field
from types import TracebackType

DEADLINE_S = 20.0  # for every blocking call: far above what a slow machine needs


@dataclass
class Response:
    """One response as it came over the wire; names lower-cased, order and duplicates kept."""

    version: str
    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes = b""
    trailers: list[tuple[str, str]] = field(default_factory=list)

    def header(self, name: str) -> str | None:
        """The only value of `name`; None when absent; a duplicate is an error."""
        values = self.header_values(name)
        assert len(values) < 2, f"{name} occurs {len(values)} times: {self.headers}"
        return values[0] if values else None

    def header_values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def says_close(self) -> bool:
        tokens = ",".join(self.header_values("connection")).lower().split(",")
        return "close" in [token.strip() for token in tokens]


class Truncated(AssertionError):
    """The peer closed the connection within a response (or before one)."""


class Connection:
    """A client connection. `address` is (host, port) or the path of a unix socket."""

    def __init__(self, address: tuple[str, int] | str, *, receive_buffer: int | None = None) -> None:
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        self.socket.settimeout(DEADLINE_S)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        self._buffer = bytearray()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """Closes with RST instead of FIN, as a killed client does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def half_close(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def request(self, method: str, target: str, headers: dict[str, str] | None = None, body: bytes | None = None,
                *, read: bool = True) -> Response:
        """Sends a well-formed request and reads its response (with read=False only sends, returns an empty one)."""
        fields = {"host": "test", **(headers or {})}
        if body is not None and "transfer-encoding" not in fields:
            fields["content-length"] = str(len(body))
        head = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in fields.items()) + "\r\n"
        self.send(head.encode("latin-1") + (body or b""))
        return self.read_response(head_only=method == "HEAD") if read else Response("", 0, "", [])

    def get(self, target: str, headers: dict[str, str] | None = None) -> Response:
        return self.request("GET", target, headers)

    def read_response(self, *, head_only: bool = False) -> Response:
        response = self.read_head()
        if head_only or response.status in (204, 304) or response.status < 200:
            return response
        coding = response.header("transfer-encoding")
        length = response.header("content-length")
        assert not (coding and length), "both transfer-encoding and content-length"
        if coding is not None:
            assert coding == "chunked", coding
            response.body, response.trailers = self._read_chunked()
        elif length is not None:
            response.body = self.read_exactly(int(length))
        else:
            response.body = self.read_to_end()
        return response

    def read_head(self) -> Response:
        lines = self._read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        match = re.fullmatch(r"(HTTP/1\.[01]) (\d{3}) ?([^\r\n]*)", lines[0])
        assert match, f"not a status line: {lines[0]!r}"
        return Response(match[1], int(match[2]), match[3], [_split_field(line) for line in lines[1:] if line])

    def read_exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._fill(f"{count} bytes of a body")
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def read_up_to(self, most: int) -> bytes:
        """What has come, at least one byte."""
        data = bytes(self._buffer[:most]) or self.socket.recv(most)
        del self._buffer[:most]
        if not data:
            raise Truncated("closed while waiting for more of a body")
        return data

    def read_to_end(self) -> bytes:
        while True:
            try:
                self._fill("")
            except Truncated:
                data, self._buffer = bytes(self._buffer), bytearray()
                return data

    def at_end(self) -> bool:
        """True when the server closed the connection and nothing more came; waits for one or the other."""
        if self._buffer:
            return False
        try:
            self._fill("")
        except (Truncated, ConnectionResetError):
            return True
        return False

    def _read_chunked(self) -> tuple[bytes, list[tuple[str, str]]]:
        body = bytearray()
        while size := int(self._read_until(b"\r\n").decode().split(";")[0], 16):
            body += self.read_exactly(size)
            assert self.read_exactly(2) == b"\r\n", "chunk without its end"
        trailers = []
        while line := self._read_until(b"\r\n")[:-2].decode("latin-1"):
            trailers.append(_split_field(line))
        return bytes(body), trailers

    def _read_until(self, mark: bytes) -> bytes:
        while (at := self._buffer.find(mark)) < 0:
            self._fill(f"{mark!r}")
        data = bytes(self._buffer[:at + len(mark)])
        del self._buffer[:at + len(mark)]
        return data

    def _fill(self, wanted: str) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise Truncated(f"closed while waiting for {wanted}; so far {bytes(self._buffer[-300:])!r}")
        self._buffer += data


def _split_field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    assert colon and name and not name[-1].isspace(), f"not a header field: {line!r}"
    return name.lower(), value.strip()
