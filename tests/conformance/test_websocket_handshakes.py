"""P69 to P73, P80: how a WebSocket begins, or does not."""

from __future__ import annotations

import json

import pytest

from conformance.socket_wire import KEY, TEXT, Socket, encode, handshake
from conformance.wire import Probed, Wire, request


@pytest.fixture
def socket(wire: Wire) -> Socket:
    return Socket(wire)


# --- P69: the handshake -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("fields", [
    "upgrade: websocket|connection: Upgrade", "UPGRADE: WebSocket|CONNECTION: keep-alive, uPGRADE",
    "upgrade: h2c, websocket|connection: keep-alive|connection: upgrade"], ids=["plain", "case and list", "repeated"])
def test_p69_tokens_are_found_in_any_case_and_in_lists(wire: Wire, fields: str) -> None:
    socket = Socket(wire)
    wire.send(request(f"GET /ws-echo HTTP/1.1|{fields}|sec-websocket-key: {KEY}|sec-websocket-version: 13"))
    assert wire.read_head().status == 101
    socket.send(TEXT, b"hi")
    assert socket.read_text() == "hi"


@pytest.mark.parametrize("version", ["12", "14", "8", "x", ""])
def test_p69_other_versions_are_told_ours(wire: Wire, version: str) -> None:
    wire.send(handshake("/ws-echo", version=version))
    response = wire.read_response()
    assert (response.status, response.header("sec-websocket-version")) == (426, "13")


@pytest.mark.parametrize("key", ["", "short", KEY[:-1], KEY + "=", "dGhlIHNhbXBsZSBub25jZQ!=", "dGhlIHNhbXBsZSBub25jZTE="],
                         ids=["empty", "short", "no padding", "too long", "not base64", "17 bytes"])
def test_p69_bad_keys_are_refused(wire: Wire, key: str) -> None:
    wire.send_if_open(handshake("/ws-echo", key=key))
    assert wire.read_response().status == 400
    assert wire.ends_cleanly()


def test_p69_a_missing_key_is_refused(wire: Wire) -> None:
    wire.send_if_open(request("GET /ws-echo HTTP/1.1|upgrade: websocket|connection: upgrade|sec-websocket-version: 13"))
    assert wire.read_response().status == 400


def test_p69_other_methods_are_refused(wire: Wire) -> None:
    wire.send_if_open(handshake("/ws-echo", method="POST"))
    assert wire.read_response().status == 400


def test_p69_http_10_does_not_upgrade(wire: Wire) -> None:
    wire.send_if_open(handshake("/mirror", http="HTTP/1.0"))
    assert wire.read_response().status != 101


def test_p69_subprotocols_are_split_and_trimmed_over_all_fields(socket: Socket) -> None:
    socket.open("/ws-scope", "|sec-websocket-protocol: chat.v2 ,\tchat|x: y|Sec-WebSocket-Protocol: ,superchat")
    assert json.loads(socket.read_text())["subprotocols"] == ["chat.v2", "chat", "superchat"]


def test_p69_frames_right_behind_the_handshake_are_taken(socket: Socket) -> None:
    socket.open("/ws-echo", then=encode(TEXT, b"early"))
    assert socket.read_text() == "early"


# --- P70: connect and accept ----------------------------------------------------------------------------------------------------
def test_p70_accept_sends_subprotocol_and_headers(socket: Socket) -> None:
    response = socket.open("/ws-accept?subprotocol=chat&x-one=1&set-cookie=a%3Db", "|sec-websocket-protocol: chat")
    assert response.header("sec-websocket-protocol") == "chat"
    assert (response.header("x-one"), response.header("set-cookie")) == ("1", "a=b")
    assert response.header("date") and response.header("server") == "tricorn"
    assert response.header("content-length") is None is response.header("transfer-encoding")


def test_p70_without_a_subprotocol_none_is_said(socket: Socket) -> None:
    assert socket.open("/ws-accept", "|sec-websocket-protocol: chat").header("sec-websocket-protocol") is None


@pytest.mark.parametrize("field", ["sec-websocket-protocol=chat", "sec-websocket-accept=x", "connection=close", "upgrade=x",
                                   "content-length=0", "x=a%0d%0ab:%20c"])
def test_p70_fields_of_the_handshake_are_not_the_apps(mistakes: Probed, fragment: int, field: str) -> None:
    with mistakes.wire(fragment) as wire:
        wire.send(handshake(f"/ws-accept?{field}"))
        assert wire.read_response().status == 403
    mistakes.expect("RuntimeError")


# --- P71, P72: refusals of the app's ----------------------------------------------------------------------------------------------
def test_p71_close_before_accept_is_403(probes: Probed, wire: Wire) -> None:
    wire.send(handshake("/ws-refuse"))
    response = wire.read_response()
    assert (response.status, response.body) == (403, b"")
    assert wire.ends_cleanly(), "and no frame"
    probes.expect("websocket.disconnect 1006", "RuntimeError")


def test_p72_denial_is_a_response_of_several_parts(probes: Probed, wire: Wire) -> None:
    wire.send(handshake("/ws-deny"))
    response = wire.read_response()
    assert (response.status, response.body, response.header("www-authenticate")) == (401, b"not \x00\xff", "Basic")
    probes.expect("websocket.disconnect")


def test_p72_connection_goes_on_after_a_denial(probes: Probed, wire: Wire) -> None:
    for _ in range(2):
        wire.send(handshake("/ws-deny"))
        assert wire.read_response().status == 401
    probes.expect("websocket.disconnect", "websocket.disconnect")
    assert wire.ask("GET /hello HTTP/1.1").body == b"Hello, world!"


def test_p72_denial_after_accept_is_a_mistake(socket: Socket) -> None:
    socket.open("/ws-deny-late")
    assert socket.read_text() == "RuntimeError"


# --- P73: an app that ends -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["raise", "return"])
def test_p73_app_that_ends_before_accept_is_500(mistakes: Probed, fragment: int, how: str) -> None:
    with mistakes.wire(fragment) as wire:
        wire.send(handshake(f"/ws-end?when=before&how={how}"))
        response = wire.read_response()
        assert (response.status, response.body) == (500, b"Internal Server Error")


@pytest.mark.parametrize("how", ["raise", "return"])
def test_p73_app_that_ends_in_a_denial_cuts_it_off(mistakes: Probed, fragment: int, how: str) -> None:
    with mistakes.wire(fragment) as wire:
        wire.send(handshake(f"/ws-end?when=denying&how={how}"))
        assert wire.read_head().status == 401
        assert not wire.read_to_end().endswith(b"0\r\n\r\n")


def test_p73_app_that_raises_after_accept_closes_with_1011(mistakes: Probed, fragment: int) -> None:
    with mistakes.wire(fragment) as wire:
        socket = Socket(wire)
        socket.open("/ws-end?when=after&how=raise")
        assert socket.read_close() == (1011, "")
        socket.answer_close()


def test_p73_app_that_returns_after_accept_closes_with_1000(socket: Socket) -> None:
    socket.open("/ws-end?when=after&how=return")
    assert socket.read_close() == (1000, "")
    socket.answer_close()


# --- P80: the scope, the log ---------------------------------------------------------------------------------------------------------
def test_p80_scope_has_what_a_request_has(probes: Probed, socket: Socket) -> None:
    socket.open("/ws-scope/%C3%BC?a=b%20c", "|cookie: a=b|X-Up: Up")
    scope = json.loads(socket.read_text())
    assert scope["type"] == "websocket"
    assert scope["asgi"] == {"version": "3.0", "spec_version": "2.4"}
    assert (scope["http_version"], scope["scheme"]) == ("1.1", "ws")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/ws-scope/ü", "/ws-scope/%C3%BC", "a=b%20c")
    assert scope["root_path"] == "" and scope["subprotocols"] == []
    assert ["cookie", "a=b"] in scope["headers"] and ["x-up", "Up"] in scope["headers"]
    assert scope["extensions"] == {"websocket.http.response": {}}
    assert "shared" in scope["state"] and "method" not in scope
    assert scope["client"] is None or scope["client"][0] == "127.0.0.1"
    assert scope["server"] is not None


@pytest.mark.parametrize(("target", "status"), [("/ws-end?when=after&how=return", 101), ("/ws-refuse", 403), ("/ws-deny", 401)])
def test_p80_log_has_the_status_of_the_handshake(probes: Probed, target: str, status: int) -> None:
    with probes.wire() as wire:
        wire.send(handshake(target))
        assert wire.read_head().status == status
    probes.server.log.wait_for(rf'"GET {target.replace("?", chr(92) + "?")} HTTP/1.1" {status}')
    probes.get("/events?clear")
