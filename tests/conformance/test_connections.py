"""P20 to P24, P46 to P48: what a connection does before, between and after its requests."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from conformance.conftest import probed_server
from conformance.wire import Probed, Wire, request

HELLO = request("GET /hello HTTP/1.1")
WEBSOCKET = "|connection: upgrade|upgrade: websocket|sec-websocket-version: 13|sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="


# --- P20: a body that stops coming -------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def _bored(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with probed_server(tmp_path_factory.mktemp("bored"), "--timeout-request-body", "0.3") as probed:
        yield probed


@pytest.fixture
def bored(_bored: Probed):  # type: ignore[no-untyped-def]
    """The same app, on a server that waits 0.3 s for more of a body."""
    yield _bored
    _bored.server.assert_sound()


@pytest.mark.parametrize("head", ["|content-length: 9", "|transfer-encoding: chunked"], ids=["length", "chunked"])
def test_p20_body_that_stops_coming_is_408_and_a_disconnect(bored: Probed, fragment: int, head: str) -> None:
    """408 if nothing was answered yet; the app hears http.disconnect."""
    with bored.wire(fragment) as wire:
        wire.send(request(f"POST /note HTTP/1.1{head}") + (b"9\r\n" if "chunked" in head else b"") + b"part")
        response = wire.read_response()
        assert (response.status, response.says_close) == (408, True)
        assert wire.ends_cleanly()
    bored.expect("part then http.disconnect then http.disconnect")


def test_p20_body_that_drips_in_is_in_time(bored: Probed) -> None:
    """It is the time between two pieces that counts, not the whole: this takes twice as long."""
    with bored.wire() as wire, bored.wire() as clock:
        wire.send(request("POST /mirror HTTP/1.1|content-length: 40"))
        for _ in range(4):
            for _ in range(10):
                clock.ask("GET /rest?ms=15 HTTP/1.1")
                wire.send(b"x")
        assert json.loads(wire.read_response().body)["body"] == "x" * 40


def test_p20_an_app_that_does_not_read_may_take_its_time(bored: Probed, fragment: int) -> None:
    """Neither while nothing of the body is asked for, nor while reading is paused behind what was not read."""
    with bored.wire(fragment) as wire, bored.wire() as clock:
        wire.send(request("POST /read-late HTTP/1.1|content-length: 4"))
        bored.expect("at the gate")
        assert clock.ask("GET /rest?ms=700 HTTP/1.1").status == 200
        bored.open_gate()
        wire.send(b"body")
        assert sum(json.loads(wire.read_response().body)) == 4


def test_p20_without_the_option_a_body_may_stop(probes: Probed) -> None:
    with probes.wire() as wire:
        wire.send(request("POST /mirror HTTP/1.1|content-length: 4") + b"bo")
        assert probes.get("/rest?ms=700").status == 200
        wire.send(b"dy")
        assert json.loads(wire.read_response().body)["body"] == "body"


# --- P21, P22: pipelining -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [2, 300])
def test_p21_pipelined_requests_are_answered_in_order(wire: Wire, count: int) -> None:
    if wire.fragment:  # so that all responses fit behind a client that still sends
        count = min(count, 100)
    for path in ("/hello", "/mirror"):
        wire.send(b"".join(request(f"POST {path}/{i} HTTP/1.1", b"body %d" % i) for i in range(count)))
        for i in range(count):
            response = wire.read_response()
            assert response.status == 200
            if path == "/mirror":
                found = json.loads(response.body)
                assert (found["scope"]["path"], found["body"]) == (f"/mirror/{i}", f"body {i}")


def test_p21_one_app_call_at_a_time(probes: Probed, wire: Wire) -> None:
    wire.send(request("GET /answer-late/1 HTTP/1.1") + request("GET /answer-late/2 HTTP/1.1") + HELLO)
    probes.expect("at the gate")  # the first; the second has not begun
    probes.open_gate()
    assert wire.read_response().body == b"/answer-late/1"
    probes.expect("at the gate")
    probes.open_gate()
    assert wire.read_response().body == b"/answer-late/2"
    assert wire.read_response().body == b"Hello, world!"


def test_p21_p48_next_request_begins_when_the_response_is_complete(probes: Probed, wire: Wire) -> None:
    """Though the app goes on with work of its own."""
    wire.send(request("GET /stay HTTP/1.1") * 2 + HELLO)
    assert [wire.read_response().body for _ in range(3)] == [b"answered", b"answered", b"Hello, world!"]
    probes.expect("at the gate", "at the gate")
    probes.open_gate()
    probes.expect("background done", "background done")


def test_p21_reading_pauses_while_too_much_is_held_back(probes: Probed) -> None:
    with probes.wire() as wire:
        wire.send(request("GET /answer-late HTTP/1.1"))
        probes.expect("at the gate")
        many = 200_000
        sent = wire.send_while_taken(HELLO * many)
        assert sent < len(HELLO) * many
        whole = sent // len(HELLO)
        rest = HELLO[sent % len(HELLO):]
        probes.open_gate()
        assert wire.read_response().body == b"/answer-late"
        writer = threading.Thread(target=wire.send, args=(rest,))
        writer.start()
        for _ in range(whole + 1):
            assert wire.read_response().body == b"Hello, world!"
        writer.join()


@pytest.mark.parametrize("head", ["GET /hello HTTP/1.1|connection: close", "GET /hello HTTP/1.1|Connection: foo, CLOSE",
                                  "GET /hello HTTP/1.0", "GET /hello HTTP/1.1|connection: keep-alive|connection: close"])
def test_p22_bytes_behind_a_closing_request_are_ignored(wire: Wire, head: str) -> None:
    wire.send_if_open(request(head) + request("POST /note HTTP/1.1", b"never seen"))
    response = wire.read_response()
    assert (response.body, response.says_close) == (b"Hello, world!", True)
    # A cut sends on after the close, against RFC 9112 section 9.6: those bytes may meet a reset, behind the response.
    assert wire.ends_cleanly() if wire.fragment == 0 else wire.ends()


# --- P23: upgrades ------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "unknown"])
def test_p23_upgrade_that_is_not_served_is_ignored(wire: Wire, protocol: str) -> None:
    wire.send(request(f"POST /mirror HTTP/1.1|connection: upgrade, http2-settings|upgrade: {protocol}", b"body") + HELLO)
    assert json.loads(wire.read_response().body)["body"] == "body"
    assert wire.read_response().body == b"Hello, world!"


def test_p23_websocket_without_websocket_support_is_plain_http(tmp_path: Path, fragment: int) -> None:
    with probed_server(tmp_path, "--ws", "none") as probed, probed.wire(fragment) as wire:
        wire.send(request(f"GET /mirror HTTP/1.1{WEBSOCKET}") + HELLO)
        assert json.loads(wire.read_response().body)["scope"]["type"] == "http"
        assert wire.read_response().body == b"Hello, world!"


@pytest.mark.parametrize("fields", ["|content-length: 4", "|transfer-encoding: chunked"])
def test_p23_websocket_upgrade_with_a_body_is_refused(wire: Wire, fields: str) -> None:
    wire.send_if_open(request(f"GET /mirror HTTP/1.1{WEBSOCKET}{fields}") + b"0\r\n\r\n")
    assert wire.read_response().status == 400
    assert wire.ends_cleanly()


# --- P24: half-close -----------------------------------------------------------------------------------------------------------------
def test_p24_client_that_half_closes_gets_its_answer(probes: Probed, wire: Wire) -> None:
    """receive() says http.disconnect, send() still works: the client may be waiting (nc, curl)."""
    wire.send(request("POST /listen HTTP/1.1", b"body"))
    wire.half_close()
    response = wire.read_response()
    assert response.body == b"body, then http.disconnect"
    assert wire.ends_cleanly()


def test_p24_all_pipelined_requests_are_answered_after_a_half_close(wire: Wire) -> None:
    wire.send(HELLO * 20 + request("GET /hello HTTP/1.1"))
    wire.half_close()
    responses = [wire.read_response() for _ in range(21)]
    assert {response.body for response in responses} == {b"Hello, world!"}
    assert wire.ends_cleanly()


def test_p24_half_close_without_a_request_or_within_a_head_is_the_end(wire: Wire) -> None:
    assert wire.ask("GET /hello HTTP/1.1").status == 200
    wire.send(b"GET /hello HTT")
    wire.half_close()
    assert wire.ends_cleanly()


# --- P46 to P48 ----------------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def drowsy(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with probed_server(tmp_path_factory.mktemp("drowsy"), "--timeout-keep-alive", "1") as probed:
        yield probed


def test_p46_idle_connection_is_closed_silently_and_only_when_idle(drowsy: Probed, fragment: int) -> None:
    """The timer runs from the end of a response to the first byte of the next request, never during one."""
    with drowsy.wire(fragment) as wire, drowsy.wire(fragment) as busy:
        for connection in (wire, busy):
            assert connection.ask("GET /hello HTTP/1.1").status == 200
        assert busy.ask("GET /rest?ms=1400 HTTP/1.1").body == b"rested"
        assert busy.ask("GET /hello HTTP/1.1").status == 200
        assert wire.ends_cleanly()


def test_p46_no_keep_alive_is_said(tmp_path: Path) -> None:
    with probed_server(tmp_path, "--timeout-keep-alive", "0") as probed, probed.wire() as wire:
        assert wire.ask("GET /hello HTTP/1.1").says_close
        assert wire.ends_cleanly()


@pytest.mark.parametrize("read", ["", "?read"])
def test_p47_small_unread_body_is_read_over(wire: Wire, read: str) -> None:
    """It never becomes the next request, and the connection goes on."""
    body = HELLO * 10
    wire.send(request(f"POST /refuse{read} HTTP/1.1", body) + HELLO)
    assert wire.read_response().body == b"enough"
    assert wire.read_response().body == b"Hello, world!"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_p47_large_unread_body_does_not_destroy_the_answer(probes: Probed, fragment: int, framing: str) -> None:
    """The rest is read over for a while, before or after the close, so that no reset overtakes the answer."""
    size = 4_000_000
    head = f"content-length: {size}" if framing == "length" else "transfer-encoding: chunked"
    chunk = b"x" * size if framing == "length" else b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    with probes.wire(fragment) as wire:
        wire.send(request(f"POST /refuse HTTP/1.1|{head}"))
        wire.fragment = 0
        wire.send_if_open(chunk)
        response = wire.read_response()
        assert (response.status, response.body) == (403, b"enough")
        if response.says_close:
            assert wire.ends_cleanly()
        else:  # what came of the body was read over
            assert wire.ask("GET /hello HTTP/1.1").body == b"Hello, world!"


def test_p48_client_sees_the_end_although_the_app_goes_on(probes: Probed, wire: Wire) -> None:
    assert wire.ask("GET /stay HTTP/1.1").body == b"answered"
    assert wire.ask("GET /hello HTTP/1.1").status == 200
    probes.expect("at the gate")
    probes.open_gate()
    probes.expect("background done")


def test_p48_shutdown_waits_for_work_after_the_response(tmp_path: Path) -> None:
    with probed_server(tmp_path) as probed, probed.wire() as opener:
        assert probed.get("/stay").body == b"answered"
        probed.expect("at the gate")
        opener.send(request("POST /open-gate HTTP/1.1|content-length: 4") + b"bo")
        probed.get("/hello")
        probed.server.signal(15)
        probed.server.log.wait_for("stopping")
        opener.send(b"dy")
        assert opener.read_response().body == b"open"
        assert probed.server.wait() == 0
        assert probed.server.log.count("background done") == 1
