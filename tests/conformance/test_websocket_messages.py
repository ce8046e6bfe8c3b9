"""P74 to P79: messages both ways, pings, pace, and every way to end."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import probed_server
from conformance.socket_wire import BINARY, CLOSE, PING, PONG, TEXT, Frame, Socket, close_payload, encode
from conformance.wire import Probed, Wire


@pytest.fixture
def socket(wire: Wire) -> Socket:
    return Socket(wire)


@pytest.fixture
def echo(socket: Socket) -> Socket:
    socket.open("/ws-echo")
    return socket


@pytest.fixture
def noted(socket: Socket) -> Socket:
    """An echo that notes how it ended."""
    socket.open("/ws-echo?note")
    return socket


def expect_end(probed: Probed, code: int) -> None:
    """The app was told so."""
    (end,) = probed.wait_for_events(1)
    assert end.startswith(f"{code} ")
    probed.get("/events?clear")


# --- P74: messages ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70001])
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_p74_messages_of_any_length_come_back(echo: Socket, opcode: int, size: int) -> None:
    if echo.wire.fragment and size > 1000:
        pytest.skip("too many fragments; the unit tests cut these")
    payload = os.urandom(size) if opcode == BINARY else ("ü" * (size // 2) + "x" * (size % 2)).encode()
    echo.send(opcode, payload)
    assert echo.read() == Frame(opcode, payload)


def test_p74_fragments_with_pings_between_are_one_message(echo: Socket) -> None:
    text = "häppchen €𝄞".encode()
    for index in range(0, len(text), 3):
        echo.send(TEXT if index == 0 else 0, text[index:index + 3], fin=False)
        echo.send(PING, b"%d" % index)
        assert echo.read() == Frame(PONG, b"%d" % index)
    echo.send(0, b"", fin=True)
    assert echo.read() == Frame(TEXT, text)


def test_p74_kinds_of_data_that_an_app_may_send(socket: Socket) -> None:
    socket.open("/ws-kinds")
    assert [socket.read() for _ in range(7)] == [
        Frame(BINARY, b"bytes"), Frame(BINARY, b"bytearray"), Frame(BINARY, b"memoryview"), Frame(BINARY, b""),
        Frame(TEXT, b"text"), Frame(TEXT, "ü€𝄞".encode()), Frame(TEXT, b"")]


def test_p74_mistakes_of_an_app_raise_and_harm_nothing(probes: Probed, socket: Socket) -> None:
    socket.open("/ws-mistakes")
    assert socket.read_text() == "still here"
    assert probes.wait_for_events(0) == []


WAYS = ["with a deadline", "after a sleep", "in a task", "plainly"]


def test_p74_receive_may_be_waited_for_in_every_way(socket: Socket) -> None:
    """A wait is a wait of asyncio's: deadlines, cancellations and other tasks work, whichever way the message before came."""
    socket.open("/ws-waits")
    socket.send(TEXT, b"first")
    assert socket.read_text() == "first"
    for way in [*WAYS, *reversed(WAYS)]:
        socket.send(TEXT, way.encode())
        socket.send(TEXT, b"after " + way.encode())
        assert socket.read_text() == f"after {way}"
        for trouble, answer in (("too long", "TimeoutError"), ("cancelled", "CancelledError")):
            socket.send(TEXT, trouble.encode())
            assert socket.read_text() == answer
    for part in (b"twice", b"a", b"b"):
        socket.send(TEXT, part)
    assert socket.read_text() == "ab"


BAD_TEXT = {"continuation alone": b"\x80", "overlong": b"\xc0\xaf", "surrogate": b"\xed\xa0\x80", "too high": b"\xf4\x90\x80\x80", "cut": b"a\xe2\x82"}


@pytest.mark.parametrize("text", BAD_TEXT.values(), ids=BAD_TEXT.keys())
def test_p74_text_that_is_no_utf8_is_1007(probes: Probed, noted: Socket, text: bytes) -> None:
    noted.wire.send_if_open(encode(TEXT, text))
    assert noted.read_close()[0] == 1007
    noted.answer_close()
    expect_end(probes, 1007)


def test_p74_text_fails_at_its_first_wrong_byte(probes: Probed, noted: Socket) -> None:
    """The message is not complete yet."""
    noted.wire.send_if_open(encode(TEXT, b"ok \xff not", fin=False))
    assert noted.read_close()[0] == 1007
    expect_end(probes, 1007)


BREACHES = {
    "reserved bit 1": encode(TEXT, b"x", rsv=4), "reserved bit 2": encode(TEXT, b"x", rsv=2), "reserved bit 3": encode(TEXT, b"x", rsv=1),
    "opcode 3": encode(3, b""), "opcode 7": encode(7, b""), "opcode 11": encode(11, b""), "opcode 15": encode(15, b""),
    "not masked": encode(TEXT, b"x", masked=False), "long ping": encode(PING, b"x" * 126), "ping in parts": encode(PING, b"x", fin=False),
    "length in 2 bytes": encode(TEXT, b"x", length_bytes=2), "length in 8 bytes": encode(TEXT, b"x" * 126, length_bytes=8),
    "continuation of nothing": encode(0, b"x"), "message in a message": encode(TEXT, b"x", fin=False) + encode(TEXT, b"y"),
    "close of 1 byte": encode(CLOSE, b"x"),
}


@pytest.mark.parametrize("frames", BREACHES.values(), ids=BREACHES.keys())
def test_p74_breaches_of_the_protocol_are_1002(probes: Probed, noted: Socket, frames: bytes) -> None:
    noted.wire.send_if_open(frames)
    assert noted.read_close()[0] == 1002
    noted.answer_close()
    expect_end(probes, 1002)


@pytest.fixture(scope="module")
def _small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    with probed_server(tmp_path_factory.mktemp("small"), "--ws-max-size", "1000") as probed:
        yield probed


@pytest.mark.parametrize("cut", [1001, 500, 100])
def test_p74_a_message_that_is_too_big_is_1009_and_not_delivered(_small: Probed, cut: int) -> None:
    with _small.wire() as wire:
        socket = Socket(wire)
        socket.open("/ws-echo?note")
        socket.send(TEXT, b"x" * 1000)
        assert socket.read() == Frame(TEXT, b"x" * 1000)
        for begin in range(0, 1001, cut):
            wire.send_if_open(encode(0 if begin else TEXT, b"x" * min(cut, 1001 - begin), fin=begin + cut >= 1001))
        assert socket.read_close()[0] == 1009
    expect_end(_small, 1009)


# --- P75, P76: the end -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def test_p75_close_of_the_client_is_echoed_and_told(probes: Probed, noted: Socket, code: int) -> None:
    """And again at the next receive(); send() raises an OSError (P76)."""
    noted.send(CLOSE, close_payload(code, "bis späti"))
    assert noted.read_close()[0] == code
    assert noted.wire.ends()
    probes.expect(f"{code} 'bis späti'")


def test_p75_close_without_a_code_is_1005_and_echoed_empty(probes: Probed, noted: Socket) -> None:
    noted.send(CLOSE)
    assert noted.read_close() == (None, "")
    probes.expect("1005 ''")


def test_p75_lost_connection_is_1006(probes: Probed, noted: Socket) -> None:
    noted.wire.close()
    probes.expect("1006 ''")


def test_p75_reset_connection_is_1006(probes: Probed) -> None:
    with probes.wire() as wire:
        Socket(wire).open("/ws-echo?note")
        wire.reset()
    probes.expect("1006 ''")


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
def test_p75_codes_that_may_not_be_sent_are_1002(probes: Probed, noted: Socket, code: int) -> None:
    noted.wire.send_if_open(encode(CLOSE, close_payload(code)))
    assert noted.read_close()[0] == 1002
    expect_end(probes, 1002)


def test_p75_reason_that_is_no_utf8_is_1007(probes: Probed, noted: Socket) -> None:
    noted.wire.send_if_open(encode(CLOSE, close_payload(1000, b"\xff")))
    assert noted.read_close()[0] == 1007
    expect_end(probes, 1007)


@pytest.mark.parametrize(("query", "sent"), [("", (1000, "")), ("?code=4001&reason=genug", (4001, "genug")), ("?code=1012", (1012, ""))])
def test_p76_close_of_the_app_is_answered_and_told(probes: Probed, socket: Socket, query: str, sent: tuple[int, str]) -> None:
    socket.open(f"/ws-close{query}")
    assert socket.read_close() == sent
    socket.answer_close(close_payload(*sent))
    probes.expect("RuntimeError", f"websocket.disconnect {sent[0]} {sent[1]!r}")


@pytest.mark.parametrize("query", ["?code=1006", "?code=999", "?code=70000", "?reason=" + "x" * 124])
def test_p76_close_that_may_not_be_sent_raises(mistakes: Probed, query: str) -> None:
    with mistakes.wire() as wire:
        socket = Socket(wire)
        socket.open(f"/ws-close{query}")
        assert socket.read_close() == (1000, ""), "the app returned"
        assert mistakes.wait_for_events(1)[0].startswith("refused: ")
    mistakes.get("/events?clear")


# --- P77: pings -------------------------------------------------------------------------------------------------------------------
def test_p77_pings_are_answered_while_the_app_does_not_read(probes: Probed, socket: Socket) -> None:
    socket.open("/ws-rest")
    for payload in (b"", b"x" * 125):
        socket.send(PING, payload)
        assert socket.read() == Frame(PONG, payload)
    probes.open_gate()
    assert socket.read_close() == (1000, "")
    probes.get("/events?clear")


def test_p77_pongs_that_nobody_asked_for_are_fine(echo: Socket) -> None:
    echo.send(PONG, b"unasked")
    echo.send(TEXT, b"hi")
    assert echo.read_text() == "hi"


@pytest.fixture(scope="module")
def _pinging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    with probed_server(tmp_path_factory.mktemp("pinging"), "--ws-ping-interval", "0.2", "--ws-ping-timeout", "0.5") as probed:
        yield probed


def test_p77_a_client_that_does_not_answer_pings_is_1011(_pinging: Probed) -> None:
    with _pinging.wire() as wire:
        socket = Socket(wire)
        socket.open("/ws-echo?note")
        for _ in range(3):
            ping = socket.read()
            assert ping.opcode == PING
            socket.send(PONG, ping.payload)
        assert socket.read().opcode == PING
        assert socket.read_close()[0] == 1011
    expect_end(_pinging, 1011)


# --- P78: pace --------------------------------------------------------------------------------------------------------------------
def test_p78_app_waits_for_a_slow_client_and_hears_of_its_end(probes: Probed, wire: Wire) -> None:
    socket = Socket(wire)
    socket.open("/ws-flood")
    probes.expect("had to wait")
    wire.close()
    probes.expect("OSError")


def test_p78_client_waits_for_a_slow_app(probes: Probed) -> None:
    """Reading pauses; nothing is lost."""
    with probes.wire() as wire:
        socket = Socket(wire)
        socket.open("/ws-read-late")
        frame = encode(BINARY, b"x" * 60000)
        count = 400
        sent = wire.send_while_taken(frame * count)
        assert sent < len(frame) * count / 2, "the server read it all"
        probes.open_gate()
        wire.socket.setblocking(True)
        wire.socket.sendall((frame * count)[sent:] + encode(TEXT, b"done"))
        assert socket.read_text() == str(60000 * count)
    probes.get("/events?clear")


# --- P79: permessage-deflate ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def _deflating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    with probed_server(tmp_path_factory.mktemp("deflating"), "--ws-per-message-deflate", "true", "--ws-max-size", "100000") as probed:
        yield probed


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")


def test_p79_messages_are_inflated(_deflating: Probed, fragment: int) -> None:
    with _deflating.wire(fragment) as wire:
        socket = Socket(wire)
        response = socket.open("/ws-echo", "|sec-websocket-extensions: permessage-deflate; client_max_window_bits")
        assert (response.header("sec-websocket-extensions") or "").startswith("permessage-deflate")
        socket.send(TEXT, deflated(b"again and again " * 4), rsv=4)
        first, second = wire.read_exactly(2)
        payload = wire.read_exactly(second)
        if first & 0x40:
            payload = zlib.decompressobj(wbits=-15).decompress(payload + b"\0\0\xff\xff")
        assert payload == b"again and again " * 4


def test_p79_contexts_are_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    """Messages that are like each other shrink to nearly nothing, both ways."""
    options = ["--ws-per-message-deflate", "true", "--ws-deflate-context-takeover", "--ws-deflate-threshold", "1", "--ws-deflate-window-bits", "10"]
    message, sizes = b'{"symbol": "TCRN", "price": 1045.5, "time": "12:00:01"}', []
    packer, unpacker = zlib.compressobj(wbits=-10), zlib.decompressobj(wbits=-10)
    with probed_server(tmp_path, *options) as probed, probed.wire() as wire:
        socket = Socket(wire)
        response = socket.open("/ws-echo", "|sec-websocket-extensions: permessage-deflate; client_max_window_bits")
        assert response.header("sec-websocket-extensions") == "permessage-deflate; server_max_window_bits=10; client_max_window_bits=10"
        for _ in range(3):
            packed = (packer.compress(message) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
            socket.send(TEXT, packed, rsv=4)
            first, size = wire.read_exactly(2)
            assert first & 0x40
            assert unpacker.decompress(wire.read_exactly(size) + b"\0\0\xff\xff") == message
            sizes.append(size)
    assert sizes[0] > 3 * sizes[1] >= 3 * sizes[2]


def test_p79_without_an_offer_nothing_is_deflated(_deflating: Probed) -> None:
    with _deflating.wire() as wire:
        assert Socket(wire).open("/ws-rest").header("sec-websocket-extensions") is None
    _deflating.open_gate()
    _deflating.get("/events?clear")


def test_p79_a_bomb_is_1009(_deflating: Probed) -> None:
    with _deflating.wire() as wire:
        socket = Socket(wire)
        socket.open("/ws-echo", "|sec-websocket-extensions: permessage-deflate")
        wire.send_if_open(encode(BINARY, deflated(bytes(50_000_000)), rsv=4))
        assert socket.read_close()[0] == 1009


def test_p79_off_by_default(tmp_path: Path, probes: Probed) -> None:
    with probes.wire() as wire:
        assert Socket(wire).open("/ws-rest", "|sec-websocket-extensions: permessage-deflate").header("sec-websocket-extensions") is None
    probes.open_gate()
    probes.get("/events?clear")
