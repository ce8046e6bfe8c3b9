"""Requests that are refused: ambiguous, malformed, too large, too slow."""

from __future__ import annotations

import pytest

from integration.server import Server

AMBIGUOUS = {
    "length and chunked": b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
    "length with a sign": b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: +4\r\n\r\nbody",
    "hexadecimal length": b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0x4\r\n\r\nbody",
    "coding not last": b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST /echo HTTP/1.0\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space before colon": b"GET /hello HTTP/1.1\r\nHost : t\r\n\r\n",
    "obsolete folding": b"GET /hello HTTP/1.1\r\nHost: t\r\nx: 1\r\n folded\r\n\r\n",
    "bare line feed": b"GET /hello HTTP/1.1\nHost: t\n\n",
    "control character in value": b"GET /hello HTTP/1.1\r\nHost: t\r\nx: a\0b\r\n\r\n",
    "no host": b"GET /hello HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "lower-case method": b"get /hello HTTP/1.1\r\nHost: t\r\n\r\n",
    "bad chunk size": b"POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello\r\n\r\n",
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_or_malformed_request_is_refused(raw: Server, name: str) -> None:
    """P6, P7, P13: 4xx or 501, then the connection is closed; never a traceback."""
    with raw.connect() as connection:
        connection.send(AMBIGUOUS[name])
        response = connection.read_response()
        assert response.status in (400, 501), response
        assert response.says_close and connection.at_end()
    assert raw.get("/hello").status == 200


def test_target_too_long_is_414(raw: Server) -> None:
    """P19: 16 KiB is the default limit."""
    assert raw.get("/hello?" + "x" * 8000).status == 200
    with raw.connect() as connection:
        connection.send(b"GET /" + b"x" * 17_000 + b" HTTP/1.1\r\nhost: t\r\n\r\n")
        assert connection.read_response().status == 414
        assert connection.at_end()


def test_headers_too_large_is_431(raw: Server) -> None:
    """P19: 64 KiB is the default limit; a large cookie below it passes."""
    assert raw.get("/hello", {"cookie": "c" * 30_000}).status == 200
    with raw.connect() as connection:
        connection.send(b"GET /hello HTTP/1.1\r\nhost: t\r\ncookie: " + b"c" * 70_000 + b"\r\n\r\n")
        assert connection.read_response().status == 431
        assert connection.at_end()


def test_limits_are_options() -> None:
    """P19: 414 and 431 at the configured sizes, 413 by content-length and by counting a chunked body."""
    options = ("--limit-target-bytes", "100", "--limit-header-bytes", "1000", "--limit-body-bytes", "1000")
    with Server("raw:app", *options) as server:
        assert server.get("/" + "x" * 200).status == 414
        assert server.get("/hello", {"x": "y" * 2000}).status == 431
        assert server.request("POST", "/echo", body=b"x" * 1000).status == 200
        with server.connect() as connection:
            connection.send(b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 1001\r\n\r\n")
            assert connection.read_response().status == 413
        with server.connect() as connection:
            connection.send(b"POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n")
            connection.send(b"320\r\n" + b"x" * 800 + b"\r\n320\r\n" + b"x" * 800 + b"\r\n0\r\n\r\n")
            assert connection.read_response().status == 413


def test_head_that_never_ends_times_out() -> None:
    """P19: armed at accept, not re-armed by a drip: 408 or a silent close, also for a peer that says nothing."""
    with Server("raw:app", "--timeout-header", "1") as server:
        with server.connect() as silent, server.connect() as drip:
            drip.send(b"GET /hello HTTP/1.1\r\nhost: t\r\nx: ")
            drip.socket.settimeout(0.1)
            while True:  # one byte each 100 ms until the server has had enough
                try:
                    drip.send(b"y")
                    if answer := drip.socket.recv(4096):
                        assert answer.startswith(b"HTTP/1.1 408 "), answer
                    break
                except TimeoutError:
                    continue
                except (BrokenPipeError, ConnectionResetError):
                    break
            assert silent.socket.recv(4096)[:12] in (b"", b"HTTP/1.1 408")
