"""P25 to P45: what an app may send and what the client sees of it. The probes are in tests/apps/probes/responses.py."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import probed_server
from conformance.wire import Probed, Wire, request
from integration.wire import Response, Truncated

START: dict[str, Any] = {"type": "http.response.start", "status": 200}
END: dict[str, Any] = {"type": "http.response.body"}
HELLO = request("GET /hello HTTP/1.1")


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data: object, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


def play(wire: Wire, *messages: object, query: str = "", head: str = "", method: str = "POST", version: str = "1.1") -> Response:
    """What the client gets of an app that sends these messages."""
    wire.send(request(f"{method} /play{query} HTTP/{version}{head}", repr(list(messages)).encode()))
    return wire.read_response(head_only=method == "HEAD")


def in_step(wire: Wire) -> None:
    """The connection goes on with the next request, so the last response ended where it said."""
    assert wire.ask("GET /hello HTTP/1.1").body == b"Hello, world!"


# --- P25, P28, P34, P40: mistakes of the app --------------------------------------------------------------------------------
BAD_FIRST: dict[str, tuple[object, str]] = {
    "body first": (body(b"x"), "RuntimeError"),
    "unknown type": ({"type": "http.response.nonsense"}, "RuntimeError"),
    "message of a websocket": ({"type": "websocket.send", "bytes": b""}, "RuntimeError"),
    "no type": ({"status": 200}, "KeyError"),
    "no dict": (["http.response.start"], "TypeError"),
    "no status": ({"type": "http.response.start"}, "KeyError"),
    "status of letters": ({**START, "status": "200"}, "TypeError"),
    "status of a float": ({**START, "status": 200.0}, "TypeError"),
    "status too small": ({**START, "status": 99}, "ValueError"),
    "status too large": ({**START, "status": 1000}, "ValueError"),
    "name of text": (start(("x", b"y")), "TypeError"),  # type: ignore[arg-type]
    "value of text": (start((b"x", "y")), "TypeError"),  # type: ignore[arg-type]
    "value of None": (start((b"x", None)), "TypeError"),  # type: ignore[arg-type]
    "header of three": ({**START, "headers": [(b"x", b"y", b"z")]}, "(Type|Value)Error"),
    "headers of a number": ({**START, "headers": 1}, "TypeError"),
}
INJECTED = {
    "newline in a name": (b"x\r\ny", b"z"), "CR in a name": (b"x\ry", b"z"), "LF in a value": (b"x", b"1\ny: 2"),
    "CR in a value": (b"x", b"1\ry"), "newline in a value": (b"x", b"1\r\n\r\ninjected"), "NUL in a value": (b"x", b"a\0b"),
    "NUL in a name": (b"x\0", b"z"), "colon in a name": (b"x:y", b"z"), "space in a name": (b"x y", b"z"), "empty name": (b"", b"z"),
}


@pytest.mark.parametrize("query", ["?raise", "?raise&suspend"])
@pytest.mark.parametrize("name", BAD_FIRST)
def test_p25_wrong_message_raises_in_the_app_and_is_500(mistakes: Probed, name: str, query: str) -> None:
    message, raised = BAD_FIRST[name]
    since = len(mistakes.server.log.lines)
    with mistakes.wire() as wire:
        response = play(wire, message, query=query)
        assert (response.status, response.body, response.says_close) == (500, b"Internal Server Error", True)
        assert response.header("content-length") == "21" and (response.header("content-type") or "").startswith("text/plain")
        assert wire.ends_cleanly()
    noted_error(mistakes, raised)
    mistakes.server.log.wait_for("ERROR", since=since)
    assert mistakes.server.log.count(r"Traceback \(most", since) == 1


def noted_error(probed: Probed, raised: str) -> None:
    found: list[str] = []

    def happened() -> bool:
        found.append(probed.get("/events").text)
        return found[-1] != "[]"
    probed.server.eventually(happened, raised)
    probed.get("/events?clear")
    assert re.fullmatch(rf'\["{raised}: False"\]', found[-1]), found[-1]


def test_p25_app_may_go_on_after_a_mistake(probes: Probed, wire: Wire) -> None:
    """Nothing of the wrong message reached the wire: the right one still can."""
    assert play(wire, body(b"x"), START, body(b"right")).body == b"right"
    assert play(wire, start((b"x", b"1\r\n2")), START, body(b"right")).body == b"right"
    assert play(wire, START, START, body(b"right")).body == b"right"
    in_step(wire)
    probes.expect(*["RuntimeError: False"] * 3)


@pytest.mark.parametrize("data", ["text", 1, None, [b"x"]], ids=["text", "number", "None", "list"])
def test_p25_body_that_is_no_bytes_raises(probes: Probed, wire: Wire, data: object) -> None:
    assert play(wire, START, body(data, True), body(b"right")).body == b"right"
    in_step(wire)
    probes.expect("TypeError: False")


# --- P26, P27: bodies and heads --------------------------------------------------------------------------------------------------
def test_p26_every_key_but_type_and_status_has_a_default(wire: Wire) -> None:
    response = play(wire, START, END)
    assert (response.body, response.header("content-length")) == (b"", "0")
    assert play(wire, {**START, "trailers": False, "x": 1}, {**END, "body": b"ab", "x": 1}).body == b"ab"
    assert play(wire, {**START, "headers": [[b"x-list", b"1"]]}, body(b"")).header("x-list") == "1"
    assert play(wire, {**START, "headers": ((b"x-tuple", b"1"),)}, body(b"")).header("x-tuple") == "1"
    in_step(wire)


@pytest.mark.parametrize("size", [10, 100_000])
@pytest.mark.parametrize("kind", ["bytearray", "memoryview", "mutable view"])
def test_p26_any_buffer_is_copied_or_held(wire: Wire, kind: str, size: int) -> None:
    """The app overwrites it as soon as send() has returned."""
    if wire.fragment and size > 10:
        wire.fragment = 0
    piece = {kind: b"a" * size}
    assert play(wire, START, body(piece, True), body(piece)).body == b"a" * 2 * size
    in_step(wire)


def test_p27_head_and_body_are_there_before_the_app_waits(probes: Probed, wire: Wire) -> None:
    for query, seen in (("", b""), ("?piece", b"5\r\npiece\r\n")):
        wire.send(request(f"GET /keep-open{query} HTTP/1.1"))
        assert wire.read_head().status == 200
        assert wire.read_exactly(len(seen)) == seen
        probes.expect("at the gate")
        probes.open_gate()
        assert wire.read_until_closed_or(b"0\r\n\r\n") == b"3\r\nend\r\n0\r\n\r\n"


# --- P28 to P32: framing ------------------------------------------------------------------------------------------------------------
def test_p28_more_than_content_length_raises_and_is_not_written(probes: Probed, wire: Wire) -> None:
    length = (b"content-length", b"5")
    assert play(wire, start(length), body(b"1234", True), body(b"567", True), body(b"5")).body == b"12345"
    in_step(wire)
    probes.expect("RuntimeError: False")


def test_p28_less_than_content_length_raises_and_cuts(mistakes: Probed, fragment: int) -> None:
    with mistakes.wire(fragment) as wire:
        with pytest.raises((Truncated, ConnectionResetError)):
            play(wire, start((b"content-length", b"9")), body(b"12345"))
    mistakes.expect("RuntimeError: False")


@pytest.mark.parametrize("value", [b"x", b"-1", b"+5", b"5, 5", b"", b" "])
def test_p28_content_length_that_is_no_number_raises(probes: Probed, wire: Wire, value: bytes) -> None:
    assert play(wire, start((b"content-length", value)), START, body(b"12345")).body == b"12345"
    probes.expect("RuntimeError: False")


def test_p29_unknown_length_is_chunked_and_a_whole_body_is_counted(wire: Wire) -> None:
    whole = play(wire, START, body(b"whole"))
    assert (whole.header("content-length"), whole.body) == ("5", b"whole")
    pieces = play(wire, START, body(b"one", True), body(b"two"))
    assert (pieces.header("transfer-encoding"), pieces.body) == ("chunked", b"onetwo")
    in_step(wire)


def test_p29_http_1_0_is_never_chunked(wire: Wire) -> None:
    response = play(wire, START, body(b"one", True), body(b"two"), version="1.0")
    assert (response.header("transfer-encoding"), response.header("content-length"), response.body) == (None, None, b"onetwo")


def test_p30_empty_piece_does_not_end_the_body(wire: Wire) -> None:
    for messages in ((body(b"", True), body(b"a", True), body(b"", True), body(b"b", True), END), (body(b"", True), body(b"ab"))):
        assert play(wire, START, *messages).body == b"ab"
    in_step(wire)


@pytest.mark.parametrize("messages", [
    (START, body(b"whole")), (START, body(b"one", True), body(b"two")), (start((b"content-length", b"9")), END),
    (start((b"content-length", b"5")), body(b"whole")),
], ids=["whole", "pieces", "length without a body", "length"])
def test_p31_head_is_get_without_a_body(wire: Wire, messages: tuple[Any, ...]) -> None:
    """Its length is not held against the body, which need not be sent."""
    response = play(wire, *messages, method="HEAD")
    assert response.status == 200 and not response.says_close
    in_step(wire)
    if messages[1] is not END:
        get = play(wire, *messages)
        ours = ("date", "transfer-encoding")  # a HEAD has none: nothing is transferred
        assert [field for field in get.headers if field[0] not in ours] == \
            [field for field in response.headers if field[0] not in ours]


@pytest.mark.parametrize("status", [204, 205, 304])
def test_p32_status_without_a_body(wire: Wire, status: int) -> None:
    for messages in ((body(b"unwanted"),), (body(b"unwanted", True), body(b"more")), (END,)):
        response = play(wire, start(status=status), *messages)
        assert (response.status, response.body, response.header("transfer-encoding")) == (status, b"", None)
        assert response.header("content-length") == {204: None, 205: "0"}.get(status, response.header("content-length"))
        in_step(wire)
    if status == 304:
        assert play(wire, start((b"content-length", b"7"), status=304), END).header("content-length") == "7"
        in_step(wire)


# --- P33 to P36: headers ----------------------------------------------------------------------------------------------------------------
def test_p33_framing_and_connection_are_the_servers(wire: Wire) -> None:
    response = play(wire, start((b"transfer-encoding", b"chunked"), (b"Transfer-Encoding", b"gzip")), body(b"plain"))
    assert (response.header("transfer-encoding"), response.body) == (None, b"plain")
    assert play(wire, start((b"connection", b"keep-alive")), body(b"x")).header_values("connection") in ([], ["keep-alive"])
    in_step(wire)
    response = play(wire, start((b"Connection", b"Close")), body(b"bye"))
    assert response.says_close and wire.ends_cleanly()


def test_p33_date_and_server_of_the_app_replace_ours(wire: Wire) -> None:
    response = play(wire, start((b"Date", b"yesterday"), (b"Server", b"mine")), body(b"x"))
    assert (response.header("date"), response.header("server")) == ("yesterday", "mine")


@pytest.mark.parametrize("name", INJECTED)
def test_p34_injected_headers_raise_and_reach_nobody(probes: Probed, wire: Wire, name: str) -> None:
    response = play(wire, start((b"a", b"b"), INJECTED[name]), start((b"clean", b"yes")), body(b"ok"))
    assert (response.body, response.header("clean"), response.header("a")) == (b"ok", "yes", None)
    in_step(wire)
    probes.expect("RuntimeError: False")


def test_p34_order_and_duplicates_are_kept(wire: Wire) -> None:
    headers = [(b"Set-Cookie", b"a=1"), (b"x", b"\tpadded "), (b"set-cookie", b"b=2"), (b"X-Latin", b"caf\xe9"), (b"empty", b"")]
    response = play(wire, start(*headers), body(b""))
    assert response.headers[:5] == [("set-cookie", "a=1"), ("x", "padded"), ("set-cookie", "b=2"), ("x-latin", "caf\xe9"), ("empty", "")]


def test_p35_default_headers(wire: Wire) -> None:
    response = play(wire, START, body(b"x"))
    assert response.header("server") == "tricorn"
    assert abs((datetime.now(UTC) - parsedate_to_datetime(response.header("date") or "")).total_seconds()) < 30


def test_p35_date_goes_on_while_the_server_idles(probes: Probed) -> None:
    """It is kept current, not made when the server started or was last asked."""
    with probes.wire() as wire:
        first = parsedate_to_datetime(play(wire, START, END).header("date") or "")
        while (later := datetime.now(UTC)).timestamp() < first.timestamp() + 2.1:
            time.sleep(0.1)
        second = parsedate_to_datetime(play(wire, START, END).header("date") or "")
        assert second > first and (later - second).total_seconds() < 1.5


def test_p35_default_headers_are_options(tmp_path: Path) -> None:
    options = ("--no-server-header", "--no-date-header", "--header", "X-Extra: 1", "--header", "x-more: 2")
    with probed_server(tmp_path, *options) as probed:
        for size in (0, 1, 2, 3):
            with probed.wire(size) as wire:
                response = play(wire, START, body(b"x"))
                assert response.headers == [("x-extra", "1"), ("x-more", "2"), ("content-length", "1")]


def test_p36_http_1_0_keeps_alive_only_when_asked(wire: Wire) -> None:
    for _ in range(2):
        response = play(wire, START, body(b"x"), head="|Connection: Keep-Alive", version="1.0")
        assert (response.header("connection") or "").lower() == "keep-alive" and response.header("content-length") == "1"
    assert play(wire, START, body(b"x"), version="1.0").says_close
    assert wire.ends_cleanly()


def test_p36_http_1_0_stream_ends_with_the_connection(wire: Wire) -> None:
    response = play(wire, START, body(b"a", True), body(b"b"), head="|connection: keep-alive", version="1.0")
    assert response.body == b"ab" and response.header("connection") != "keep-alive"


@pytest.mark.parametrize("value", ["close", "Close", "foo, close", "close , foo", "keep-alive, close"])
def test_p36_close_is_honoured_and_echoed(wire: Wire, value: str) -> None:
    assert play(wire, START, body(b"x"), head=f"|Connection: {value}").says_close
    assert wire.ends_cleanly()


# --- P37 to P40: how apps end -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("suspend", ["", "&suspend"])
def test_p37_exception_or_return_before_the_start_is_500(mistakes: Probed, fragment: int, suspend: str) -> None:
    for query, logged in (("?fail", r"LookupError: on purpose"), ("?nothing", "without sending a response")):
        since = len(mistakes.server.log.lines)
        with mistakes.wire(fragment) as wire:
            response = play(wire, query=query + suspend)
            assert (response.status, response.body, response.header("content-length")) == (500, b"Internal Server Error", "21")
            assert response.says_close and wire.ends_cleanly()
        mistakes.server.log.wait_for(logged, since=since)
        assert mistakes.server.log.count(r"Traceback \(most", since) == (query == "?fail")


@pytest.mark.parametrize("query", ["?fail", "", "?fail&suspend", "?suspend"])
@pytest.mark.parametrize("headers", [[], [(b"content-length", b"9")]], ids=["chunked", "length"])
def test_p38_p39_response_that_is_not_complete_is_cut(mistakes: Probed, fragment: int, headers: list[Any], query: str) -> None:
    """By an exception, or by returning: never a clean end."""
    since = len(mistakes.server.log.lines)
    with mistakes.wire(fragment) as wire:
        with pytest.raises((Truncated, ConnectionResetError)):
            play(wire, start(*headers), body(b"part", True), query=query)
    mistakes.server.log.wait_for("on purpose" if "fail" in query else "without completing its response", since=since)


def test_p38_cut_response_of_http_1_0_is_a_reset(mistakes: Probed) -> None:
    """Its body ends with the connection, so only a reset tells a cut one from a whole one."""
    with mistakes.wire() as wire, pytest.raises(ConnectionResetError):
        play(wire, START, body(b"part", True), query="?fail", version="1.0")


def test_p39_value_that_the_app_returns_is_tolerated(wire: Wire) -> None:
    assert play(wire, START, body(b"x"), query="?value").body == b"x"
    in_step(wire)


def test_p40_send_after_completion_raises_and_reaches_nobody(probes: Probed, wire: Wire) -> None:
    assert play(wire, START, body(b"x"), body(b"more"), START, query="?suspend").body == b"x"
    in_step(wire)
    probes.expect("RuntimeError: False", "RuntimeError: False")


@pytest.mark.parametrize("unread", ["", "?unread"])
def test_p40_receive_after_completion_is_a_disconnect_at_once(probes: Probed, wire: Wire, unread: str) -> None:
    wire.send(request(f"POST /receive-after{unread} HTTP/1.1", b"body"))
    assert wire.read_response().body == b"done"
    probes.expect("{'http.disconnect'}")
    in_step(wire)


# --- P41 to P45: disconnects and slow clients -------------------------------------------------------------------------------------------
def test_p41_receive_beside_the_response_waits_and_can_be_cancelled(probes: Probed, wire: Wire) -> None:
    wire.send(request("POST /receive-beside HTTP/1.1", b"body"))
    assert wire.read_response().body == b"waits: True"
    probes.expect("cancelled", "http.disconnect")
    in_step(wire)


@pytest.mark.parametrize("leave", ["reset", "close"])
@pytest.mark.parametrize("query", ["", "?start"])
def test_p42_p44_disconnect_is_told_again_and_again_and_cancels_nothing(probes: Probed, fragment: int, leave: str, query: str) -> None:
    """Noticed while the app waits, after the body that came before it."""
    wire = probes.wire(fragment)
    wire.send(request(f"POST /await-disconnect{query} HTTP/1.1", b"body"))
    probes.expect("waiting")
    getattr(wire, leave)()
    told = f"body {['http.disconnect'] * 3}"
    found = probes.wait_for_events(2)
    probes.get("/events?clear")
    # A FIN may be a half-close: then the answer is sent, and lost. A unix socket knows nothing else.
    sure = leave == "reset" and fragment == 0
    assert found[0] == told and found[1] in (["ClientDisconnected"] if sure else ["ClientDisconnected", "sent"])


def test_p43_send_after_a_disconnect_raises_an_oserror_that_is_not_logged(probes: Probed) -> None:
    """The `probes` fixture asserts that the log has no error."""
    wire = probes.wire()
    wire.send(request("POST /await-disconnect?raise HTTP/1.1", b"body"))
    probes.expect("waiting")
    wire.reset()
    probes.expect(f"body {['http.disconnect'] * 3}", "ClientDisconnected")


def test_p44_what_came_before_the_end_is_delivered_before_it(probes: Probed, fragment: int) -> None:
    with probes.wire(fragment) as wire:
        wire.send(request("POST /sleep HTTP/1.1|content-length: 200"))
        probes.expect("at the gate")
        wire.send(b"x" * 100)
    probes.get("/hello")
    probes.open_gate()
    probes.expect("100 then http.disconnect")


def test_p45_send_waits_for_a_slow_client_and_goes_on(probes: Probed, fragment: int) -> None:
    with probes.wire(fragment) as wire:
        wire.send(request("GET /flood?size=8000000 HTTP/1.1"))
        assert "held up" in probes.wait_for_events(1)
        response = wire.read_response()
        assert len(response.body) == 8_000_000
    probes.get("/events?clear")


@pytest.mark.parametrize("leave", ["reset", "close"])
def test_p45_sender_that_waits_is_released_when_the_client_goes(probes: Probed, fragment: int, leave: str) -> None:
    wire = probes.wire(fragment)
    wire.send(request("GET /flood HTTP/1.1"))
    assert "held up" in probes.wait_for_events(1)
    getattr(wire, leave)()
    probes.server.eventually(lambda: "ClientDisconnected" in probes.get("/events").text, "the sender is released")
    probes.get("/events?clear")
