"""WebSockets, for scripts/soak: clients that leave in every state, bombs, and fragments without end."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from conformance.socket_wire import BINARY, CLOSE, PING, TEXT, close_payload, encode, handshake

LIMIT = 2**20  # --ws-max-size of the worker
DEFLATE = "|sec-websocket-extensions: permessage-deflate"
RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER: on, 0 s


def deflated(data: bytes) -> bytes:
    """A message as permessage-deflate has it (RFC 7692 7.2.1)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def read_head(client: socket.socket) -> bytes:
    """What came behind it."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += (piece := client.recv(4096))
        if not piece:
            raise SystemExit(f"error: no answer to a handshake but {received!r}")
    return received.split(b"\r\n\r\n", 1)[1]


OPEN = handshake("/socket")
OPEN_DEFLATING = handshake("/socket", DEFLATE)
HALF = encode(TEXT, b"x" * 1000)[:500]
#: What a client has sent when it leaves; the states in which it read the handshake's answer first are below.
UNREAD = {
    "nothing": b"", "half a handshake": OPEN[:40], "a handshake": OPEN, "a handshake and half a frame": OPEN + HALF,
    "a handshake and 100 messages": OPEN + encode(TEXT, b"x" * 100) * 100, "a handshake and a close": OPEN + encode(CLOSE),
}
READ = {
    "open": b"", "part of a header": encode(TEXT, b"x" * 1000)[:3], "part of a payload": HALF, "the first fragment": encode(TEXT, b"x" * 3000, fin=False),
    "a text cut in a character": encode(TEXT, b"\xe2\x82", fin=False), "a message that is echoed": encode(BINARY, b"x" * 70_000),
    "many messages that are echoed": encode(BINARY, b"x" * 20_000) * 20, "a ping": encode(PING, b"x"), "a close": encode(CLOSE, close_payload(1001)),
    "a message that ends the app": encode(TEXT, b"close"), "one at which it returns": encode(TEXT, b"return"),
    "a breach of the protocol": encode(TEXT, b"x", rsv=1), "text that is none": encode(TEXT, b"\xff"),
}
DEFLATING = {
    "a compressed message": encode(TEXT, deflated(b"x" * 10_000), rsv=4), "half of one": encode(TEXT, deflated(b"x" * 10_000), rsv=4)[:20],
    "the first fragment of one": encode(TEXT, deflated(b"x" * 10_000)[:10], rsv=4, fin=False), "a broken one": encode(TEXT, b"\xff" * 9, rsv=4),
}


@dataclass(frozen=True)
class SocketParts:
    """`times`: a count of this part, scaled."""

    connect: Callable[[], socket.socket]
    times: Callable[[int], int]
    parts: dict[str, Callable[[], str]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", {"socket drops": self.drops, "socket bombs": self.bombs, "fragments": self.fragments})

    def drops(self) -> str:
        """In every state; half of them by a reset."""
        states = [(sent, None) for sent in UNREAD.values()]
        states += [(OPEN, sent) for sent in READ.values()] + [(OPEN_DEFLATING, sent) for sent in DEFLATING.values()]
        rounds = self.times(100_000) // len(states) + 1
        for number in range(rounds):
            for begin, then in states:
                self._drop(begin, then, reset=number % 2 == 0)
        return f"{rounds * len(states):,} in {len(states)} states"

    def _drop(self, begin: bytes, then: bytes | None, *, reset: bool) -> None:
        with self.connect() as client:
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.sendall(begin)
            if then is not None:
                read_head(client)
                client.sendall(then)

    def bombs(self) -> str:
        """64 MiB in 64 KiB, whole and in fragments; nothing of it is the app's."""
        bomb, count = deflated(bytes(64 * LIMIT)), self.times(2_000)
        whole = encode(BINARY, bomb, rsv=4)
        parts = encode(BINARY, bomb[:1000], rsv=4, fin=False) + encode(0, bomb[1000:])
        for number in range(count):
            self._expect(whole if number % 2 else parts, 1009, handshake("/socket", DEFLATE))
        return f"{count:,} of 64 MiB"

    def fragments(self) -> str:
        """A message of single bytes until it is too big; one of nothing that never ends."""
        count = self.times(LIMIT)
        one, nothing = encode(0, b"x"), encode(0, b"", fin=False)
        one = bytes([one[0] & 0x7F]) + one[1:]
        begin = encode(BINARY, b"x" * (LIMIT - count + 1), fin=False)
        self._expect(begin + one * count, 1009, OPEN)
        self._expect(encode(TEXT, b"", fin=False) + nothing * count + encode(TEXT, b"x"), 1002, OPEN)
        return f"{2 * count:,} of a byte or none"

    def _expect(self, sent: bytes, code: int, begin: bytes) -> None:
        """The server closes with `code`."""
        with self.connect() as client:
            client.sendall(begin)
            rest = read_head(client)
            try:
                client.sendall(sent)
            except OSError:
                pass  # it does not read what comes behind
            while len(rest) < 4 and (piece := client.recv(4096)):
                rest += piece
            if rest[:1] != bytes([0x80 | CLOSE]) or int.from_bytes(rest[2:4], "big") != code:
                raise SystemExit(f"error: not closed with {code}, but {json.dumps(rest[:60].decode('latin-1'))}")
