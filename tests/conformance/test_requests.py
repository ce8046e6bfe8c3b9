"""P1 to P5, P8 to P18: what of a request reaches the app. The probes are in tests/apps/probes/requests.py."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import probed_server
from conformance.wire import Probed, Wire, request

EXPECT = "|expect: 100-continue"
CHUNKED = "|transfer-encoding: chunked"


def mirrored(wire: Wire, head: str, body: bytes = b"") -> dict[str, Any]:
    """The scope that the app saw, with its types spelled out, and the body."""
    wire.send(request(head, body))
    found = json.loads(wire.read_response().body)
    scope: dict[str, Any] = found["scope"]
    return scope | {"body": found["body"]}


def raw_bytes(text: str) -> dict[str, str]:
    return {"bytes": text}


def fields(scope: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers: a real list of pairs of bytes."""
    assert set(scope["headers"]) == {"list"}
    pairs = [list(pair.values())[0] for pair in scope["headers"]["list"]]
    return [(name["bytes"], value["bytes"]) for name, value in pairs]


# --- P1, P2: Expect: 100-continue ------------------------------------------------------------------------------------------
def test_p01_expect_100_continue_only_when_body_is_wanted(wire: Wire) -> None:
    wire.send(request(f"POST /messages HTTP/1.1{EXPECT}|content-length: 4"))
    assert wire.read_head().status == 100
    wire.send(b"body")
    final = wire.read_response()  # and no second 100 before it
    assert (final.status, "".join(message[2] for message in json.loads(final.body))) == (200, "body")
    assert mirrored(wire, f"POST /mirror HTTP/1.1|content-length: 0{EXPECT}")["body"] == ""  # nothing to wait for


def test_p01_expectation_in_any_case_and_of_a_chunked_body(wire: Wire) -> None:
    wire.send(request(f"POST /mirror HTTP/1.1|Expect: 100-Continue{CHUNKED}"))
    assert wire.read_head().status == 100
    wire.send(b"4\r\nbody\r\n0\r\n\r\n")
    assert json.loads(wire.read_response().body)["body"] == "body"


def test_p01_no_100_when_the_body_is_there_already(probes: Probed) -> None:
    with probes.wire() as wire:
        assert mirrored(wire, f"POST /mirror HTTP/1.1{EXPECT}", b"body")["body"] == "body"


def test_p01_no_100_after_the_start_of_the_response(wire: Wire) -> None:
    wire.send(request(f"POST /start-first HTTP/1.1{EXPECT}|content-length: 4"))
    assert wire.read_head().status == 200
    wire.send(b"body")
    assert b"body" in wire.read_until_closed_or(b"0\r\n\r\n")


def test_p01_no_100_for_http_1_0(wire: Wire) -> None:
    assert mirrored(wire, f"POST /mirror HTTP/1.0{EXPECT}", b"body")["body"] == "body"


def test_p02_answer_without_the_awaited_body_ends_the_connection(wire: Wire) -> None:
    """What follows may be the body or the next request: nobody can know, so it is neither."""
    next_request = request("GET /hello HTTP/1.1")
    wire.send(request(f"POST /refuse HTTP/1.1{EXPECT}|content-length: {len(next_request)}"))
    refused = wire.read_response()
    assert (refused.status, refused.says_close) == (403, True)
    wire.send_if_open(next_request)
    assert wire.at_end()


# --- P3 to P5: the body --------------------------------------------------------------------------------------------------------
def test_p03_receive_returns_bytes_and_a_get_has_one_empty_message(wire: Wire) -> None:
    assert json.loads(wire.ask("GET /messages HTTP/1.1").body) == [["http.request", "bytes", "", False]]
    received = json.loads(wire.ask("POST /messages HTTP/1.1", b"some body").body)
    assert {(message[0], message[1]) for message in received} == {("http.request", "bytes")}
    assert "".join(message[2] for message in received) == "some body"
    assert [message[3] for message in received] == [True] * (len(received) - 1) + [False]


@pytest.mark.parametrize("body", [
    b"4\r\nWiki\r\n6\r\npedia \r\nB\r\nin \r\nchunks\r\n0\r\n\r\n",
    b"4;name=value\r\nWiki\r\n6;a;b=\"q;\\\"x\"\r\npedia \r\nb\r\nin \r\nchunks\r\n0;last\r\n\r\n",
    b"004\r\nWiki\r\n06\r\npedia \r\n0b\r\nin \r\nchunks\r\n000\r\nX-Trailer: 1\r\nhost: evil\r\n\r\n",
], ids=["plain", "extensions", "zeros-and-trailers"])
def test_p04_chunked_body_is_decoded(wire: Wire, body: bytes) -> None:
    """Extensions and trailers are dropped, and the connection stays in step."""
    for _ in range(2):
        wire.send(request(f"POST /mirror HTTP/1.1{CHUNKED}") + body)
        found = json.loads(wire.read_response().body)
        assert found["body"] == "Wikipedia in \r\nchunks"
        assert "x-trailer" not in dict(fields(found["scope"]))
    assert wire.ask("GET /hello HTTP/1.1").status == 200


@pytest.mark.parametrize("line", ["1;" + "x" * 2000, "0" * 2000 + "1", "1\r\na\r\n0\r\nx: " + "y" * 2000],
                         ids=["extension", "zeros", "trailer"])
def test_p04_framing_of_chunks_is_limited(tiny: Probed, fragment: int, line: str) -> None:
    """What is read over and never seen by the app cannot go on for ever."""
    with tiny.wire(fragment) as wire:
        wire.send_if_open(request(f"POST /mirror HTTP/1.1{CHUNKED}") + line.encode())
        assert wire.read_response().status in (400, 431)
        assert wire.at_end()


def test_p04_many_small_chunks_are_no_excess(tiny: Probed, fragment: int) -> None:
    with tiny.wire(fragment) as wire:
        wire.send(request(f"POST /mirror HTTP/1.1{CHUNKED}") + b"1\r\nx\r\n" * 500 + b"0\r\n\r\n")
        assert json.loads(wire.read_response().body)["body"] == "x" * 500


@pytest.mark.parametrize("head", ["|content-length: 9", CHUNKED], ids=["length", "chunked"])
def test_p05_truncated_body_is_a_disconnect_and_never_complete(probes: Probed, wire: Wire, head: str) -> None:
    wire.send(request(f"POST /note HTTP/1.1{head}") + (b"9\r\n" if "chunked" in head else b"") + b"part")
    wire.half_close()
    probes.expect("part then http.disconnect then http.disconnect")
    assert wire.at_end()


# --- P8 to P17: the scope ----------------------------------------------------------------------------------------------------------
def test_p08_headers_are_lower_cased_pairs_in_order(wire: Wire) -> None:
    scope = mirrored(wire, "GET /mirror HTTP/1.1|Host:test|X-One: a|X-Two: \t padded \t|x-ONE: b|X-Latin: caf\xe9|X-Empty:|X-One: a")
    assert fields(scope) == [("host", "test"), ("x-one", "a"), ("x-two", "padded"), ("x-one", "b"), ("x-latin", "caf\xe9"),
                             ("x-empty", ""), ("x-one", "a")]


def test_p09_underscores_in_names_are_kept_apart(wire: Wire) -> None:
    scope = mirrored(wire, "GET /mirror HTTP/1.1|host: test|x_forwarded_for: 1.2.3.4|x-forwarded-for: 5.6.7.8|content_length: 7")
    assert fields(scope)[1:] == [("x_forwarded_for", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8"), ("content_length", "7")]
    assert scope["body"] == ""


@pytest.mark.parametrize(("target", "path"), [
    ("/mirror/%2F/x", "/mirror///x"), ("/mirror/caf%C3%A9", "/mirror/café"), ("/mirror/%FF", "/mirror/\ufffd"),
    ("/mirror//a/../b/./c", "/mirror//a/../b/./c"), ("/mirror/a+b", "/mirror/a+b"), ("/mirror/100%", "/mirror/100%"),
    ("/mirror/%zz%4", "/mirror/%zz%4"), ("/mirror/%00%0d%0a", "/mirror/\0\r\n"), ("/mirror/a;b=c", "/mirror/a;b=c"),
    ("/mirror/%25%32%46", "/mirror/%2F"),
])
def test_p10_path_is_decoded_and_raw_path_is_not(wire: Wire, target: str, path: str) -> None:
    scope = mirrored(wire, f"GET {target}?q=%20 HTTP/1.1")
    assert (scope["path"], scope["raw_path"]) == (path, raw_bytes(target))


@pytest.mark.parametrize(("target", "query_string"), [
    ("/mirror", ""), ("/mirror?", ""), ("/mirror?a=b?c&d=%20+", "a=b?c&d=%20+"), ("/mirror??", "?")])
def test_p11_query_string_is_raw_bytes(wire: Wire, target: str, query_string: str) -> None:
    assert mirrored(wire, f"GET {target} HTTP/1.1")["query_string"] == raw_bytes(query_string)


@pytest.mark.parametrize(("target", "path", "query_string"), [
    ("http://other:81/mirror/x?y", "/mirror/x", "y"), ("HTTPS://other:81/mirror", "/mirror", ""),
    ("http://other:81/mirror?http://z", "/mirror", "http://z")])
def test_p12_absolute_form_is_reduced_and_its_host_wins(wire: Wire, target: str, path: str, query_string: str) -> None:
    scope = mirrored(wire, f"GET {target} HTTP/1.1|Host: mine|x: 1")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == (path, raw_bytes(path), raw_bytes(query_string))
    assert fields(scope) == [("host", "other:81"), ("x", "1")]
    assert scope["scheme"] == "http"  # the connection's, not the target's


def test_p12_absolute_form_without_a_path(wire: Wire) -> None:
    assert wire.ask("GET http://other HTTP/1.1").status == 404
    assert wire.ask("GET http://other?mirror HTTP/1.1").status == 404


def test_p12_asterisk_form_is_for_options_only(probes: Probed, fragment: int) -> None:
    with probes.wire(fragment) as wire:
        assert wire.ask("OPTIONS * HTTP/1.1").status == 404  # "*" has no handler
    with probes.wire(fragment) as wire:
        assert wire.ask("GET * HTTP/1.1").status == 400


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "PURGE", "QUERY"])
def test_p13_methods_reach_the_app_in_upper_case(wire: Wire, method: str) -> None:
    assert mirrored(wire, f"{method} /mirror HTTP/1.1|content-length: 0")["method"] == method


def test_p14_version_and_scheme(wire: Wire) -> None:
    scope = mirrored(wire, "GET /mirror HTTP/1.1")
    assert (scope["type"], scope["http_version"], scope["scheme"]) == ("http", "1.1", "http")
    assert mirrored(wire, "GET /mirror HTTP/1.0")["http_version"] == "1.0"


def test_p15_client_and_server(probes: Probed, wire: Wire) -> None:
    """A unix client has no address (asgi.md: client is optional), and the server's is its path."""
    scope = mirrored(wire, "GET /mirror HTTP/1.1")
    if wire.socket.family == socket.AF_UNIX:
        assert (scope["client"], list(scope["server"].values())) == (None, [[probes.unix_path, None]])
    else:
        assert list(scope["client"].values()) == [list(wire.socket.getsockname())]
        assert list(scope["server"].values()) == [list(wire.socket.getpeername())]


def test_p15_peer_that_left_before_it_was_accepted_is_no_error(probes: Probed) -> None:
    for _ in range(20):
        probes.wire().reset()
    assert probes.get("/hello").status == 200


def test_p16_root_path_is_part_of_the_path_once(tmp_path: Path) -> None:
    """A proxy may have stripped the prefix or kept it."""
    with probed_server(tmp_path, "--root-path", "/api") as probed:
        for size in (0, 1, 2, 3):
            with probed.wire(size) as wire:
                for target in ("/mirror/x", "/api/mirror/x"):
                    scope = mirrored(wire, f"GET {target} HTTP/1.1")
                    assert (scope["root_path"], scope["path"], scope["raw_path"]) == \
                        ("/api", "/api/mirror/x", raw_bytes("/api/mirror/x"))
                assert wire.ask("GET /apis HTTP/1.1").status == 404  # /api/apis: not below /api by accident


def test_p17_scope_is_fresh_for_each_request(wire: Wire) -> None:
    """As are its state (a shallow copy of the lifespan's), asgi, extensions and headers."""
    before = mirrored(wire, "GET /mirror HTTP/1.1")
    for _ in range(2):
        assert wire.ask("GET /spoil HTTP/1.1").body == b"spoiled"
        assert mirrored(wire, "GET /mirror HTTP/1.1") == before
    assert before["asgi"] == {"version": "3.0", "spec_version": "2.4"} and before["state"] == {"shared": {"list": []}}


def test_p17_no_state_without_lifespan(tmp_path: Path) -> None:
    with probed_server(tmp_path, "--lifespan", "off") as probed, probed.wire() as wire:
        assert "state" not in mirrored(wire, "GET /mirror HTTP/1.1")


# --- P18: backpressure -----------------------------------------------------------------------------------------------------------------
def test_p18_segments_that_came_meanwhile_are_one_message(probes: Probed, wire: Wire) -> None:
    wire.send(request("POST /read-late HTTP/1.1|content-length: 30"))
    probes.expect("at the gate")
    for _ in range(10):
        wire.send(b"abc")
    if not wire.fragment:
        probes.get("/hello")  # by now the server has read: it looks at all its sockets in each turn
    probes.open_gate()
    assert json.loads(wire.read_response().body) == [30]


def test_p18_reading_stops_while_the_app_does_not_read(probes: Probed, fragment: int) -> None:
    """The client is held up after 64 KiB and what the kernel's buffers take; nothing is lost when the app goes on."""
    size = 8 << 20
    with probes.wire(fragment) as wire:
        wire.fragment = 0
        wire.send(request(f"POST /read-late HTTP/1.1|content-length: {size}"))
        probes.expect("at the gate")
        sent = wire.send_while_taken(b"x" * size)
        assert sent < size
        probes.open_gate()
        wire.send(b"x" * (size - sent))
        assert sum(json.loads(wire.read_response().body)) == size
