"""A WebSocket client that sends any frames, whole or in fragments, and reads strictly (RFC 6455 5)."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from typing import NamedTuple

from conformance.wire import Wire, request
from integration.wire import Response

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


class Frame(NamedTuple):
    opcode: int
    payload: bytes
    fin: bool = True


def encode(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True, length_bytes: int | None = None) -> bytes:
    """One frame. `length_bytes` forces the size of the length: 0 (in the second byte), 2 or 8."""
    size = len(payload)
    width = length_bytes if length_bytes is not None else 0 if size < 126 else 2 if size < 65536 else 8
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode, (0x80 if masked else 0) | {0: size, 2: 126, 8: 127}[width]])
    head += size.to_bytes(width, "big") if width else b""
    if not masked:
        return head + payload
    mask = os.urandom(4)
    long = mask * (size // 4 + 1)
    return head + mask + (int.from_bytes(payload, "big") ^ int.from_bytes(long[:size], "big")).to_bytes(size, "big")


def close_payload(code: int, reason: str | bytes = b"") -> bytes:
    return struct.pack("!H", code) + (reason.encode() if isinstance(reason, str) else reason)


def handshake(target: str, fields: str = "", *, key: str = KEY, version: str = "13", method: str = "GET", http: str = "HTTP/1.1") -> bytes:
    return request(f"{method} {target} {http}|upgrade: websocket|connection: Upgrade|sec-websocket-key: {key}"
                   f"|sec-websocket-version: {version}{fields}")


class Socket:
    """One WebSocket over a wire."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def open(self, target: str, fields: str = "", *, then: bytes = b"") -> Response:
        """Shakes hands; `then` is sent right behind."""
        self.wire.send(handshake(target, fields) + then)
        response = self.wire.read_head()
        assert response.status == 101, response
        assert response.header("upgrade") == "websocket" and response.header("connection") == "upgrade"
        digest = hashlib.sha1(KEY.encode() + GUID).digest()
        assert response.header("sec-websocket-accept") == base64.b64encode(digest).decode()
        return response

    def send(self, opcode: int, payload: bytes = b"", **how: object) -> None:
        self.wire.send(encode(opcode, payload, **how))  # type: ignore[arg-type]

    def read(self) -> Frame:
        first, second = self.wire.read_exactly(2)
        assert not first & 0x70, "a reserved bit"
        assert not second & 0x80, "a server does not mask"
        size = second & 0x7F
        if size > 125:
            width = 2 if size == 126 else 8
            size = int.from_bytes(self.wire.read_exactly(width), "big")
            assert size > (125 if width == 2 else 65535), "not the shortest length"
        return Frame(first & 15, self.wire.read_exactly(size), bool(first & 0x80))

    def read_text(self) -> str:
        frame = self.read()
        assert frame.opcode == TEXT and frame.fin
        return frame.payload.decode()

    def read_close(self) -> tuple[int | None, str]:
        """Its code (None: there is none) and reason; then the end of the connection, once we have answered."""
        frame = self.read()
        assert frame.opcode == CLOSE and frame.fin, frame
        if not frame.payload:
            return None, ""
        return struct.unpack("!H", frame.payload[:2])[0], frame.payload[2:].decode()

    def answer_close(self, payload: bytes = b"") -> None:
        self.wire.send_if_open(encode(CLOSE, payload))
        assert self.wire.ends()
