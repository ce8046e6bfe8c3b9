"""HTTP/1.1 as clients see it: framing, connection reuse, limits, disconnects."""

from __future__ import annotations

import socket
import subprocess
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from integration.server import Server
from integration.wire import Connection

MIB = 1024 * 1024


def read_all(connection: Connection, count: int) -> list[bytes]:
    return [connection.read_response().body for _ in range(count)]


# --- keep-alive, pipelining, closing ----------------------------------------------------------------------------------
def test_one_connection_serves_many_requests(raw: Server) -> None:
    with raw.connect() as connection:
        for number in range(50):
            response = connection.request("POST", "/echo", body=str(number).encode())
            assert (response.status, response.body, response.says_close) == (200, str(number).encode(), False)


def test_pipelined_requests_are_answered_in_order(raw: Server) -> None:
    """P21: N requests in one segment, N responses in order, nothing dropped."""
    bodies = [f"request {i}".encode() for i in range(64)]
    segment = b"".join(b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: %d\r\n\r\n%s" % (len(b), b) for b in bodies)
    with raw.connect() as connection:
        connection.send(segment)
        assert read_all(connection, 64) == bodies


def test_pipelined_slow_request_holds_back_the_next(raw: Server) -> None:
    """P21: one app call at a time on a connection."""
    with raw.connect() as connection:
        connection.send(b"GET /pause?ms=50 HTTP/1.1\r\nhost: t\r\n\r\nGET /hello HTTP/1.1\r\nhost: t\r\n\r\n")
        assert read_all(connection, 2) == [b"rested", b"Hello, world!"]


def test_thousands_of_pipelined_requests_lose_nothing(raw: Server) -> None:
    """P21: reading pauses while the queue is full; the client reads only after it has sent everything it can."""
    count = 5000
    with raw.connect() as connection:
        connection.socket.settimeout(60)
        writer = threading.Thread(target=connection.send, args=(b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n" * count,))
        writer.start()
        assert read_all(connection, count) == [b"Hello, world!"] * count
        writer.join()


def test_request_in_single_bytes(raw: Server) -> None:
    with raw.connect() as connection:
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in b"POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody":
            connection.send(bytes([byte]))
        assert connection.read_response().body == b"body"


def test_connection_close_is_honoured_and_echoed(raw: Server) -> None:
    """P36: the token in a list, in any case; the server says that it will close, and closes."""
    with raw.connect() as connection:
        response = connection.get("/hello", {"connection": "foo, Close"})
        assert response.says_close
        assert connection.at_end()


def test_bytes_after_a_closing_request_are_ignored(raw: Server) -> None:
    """P22."""
    with raw.connect() as connection:
        connection.send(b"GET /hello HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\nGET /identity HTTP/1.1\r\nhost: t\r\n\r\n")
        assert connection.read_response().body == b"Hello, world!"
        assert connection.at_end()


def test_app_may_close_the_connection(raw: Server) -> None:
    """P33."""
    with raw.connect() as connection:
        assert connection.get("/say-close").says_close
        assert connection.at_end()


def test_http_1_0_closes_by_default(raw: Server) -> None:
    """P29: raw bytes to the end, never chunked, for a 1.0 client."""
    with raw.connect() as connection:
        connection.send(b"GET /chunks HTTP/1.0\r\n\r\n")
        response = connection.read_response()
        assert (response.status, response.body) == (200, b"one,two,three")
        assert response.header("transfer-encoding") is None


def test_http_1_0_keep_alive_must_be_confirmed(raw: Server) -> None:
    """P36."""
    with raw.connect() as connection:
        for _ in range(2):
            connection.send(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            response = connection.read_response()
            assert (response.header("connection") or "").lower() == "keep-alive"
            assert response.header("content-length") == "13"


def test_idle_connection_is_closed_after_the_keep_alive_timeout() -> None:
    """P46: the timer is armed after a response; closing is silent."""
    with Server("raw:app", "--timeout-keep-alive", "1") as server, server.connect() as connection:
        assert connection.get("/hello").status == 200
        assert connection.at_end()


def test_keep_alive_timer_leaves_a_running_request_alone() -> None:
    """P46: a request that takes longer than the keep-alive timeout is answered, on a reused connection too."""
    with Server("raw:app", "--timeout-keep-alive", "1") as server, server.connect() as connection:
        for _ in range(2):
            assert connection.get("/pause?ms=1300").body == b"rested"


# --- responses without a body -------------------------------------------------------------------------------------------
def test_head_equals_get_without_a_body(raw: Server) -> None:
    """P31: same headers, no body, connection stays in step."""
    with raw.connect() as connection:
        get, head = connection.get("/hello"), connection.request("HEAD", "/hello")
        strip = [[h for h in r.headers if h[0] != "date"] for r in (get, head)]
        assert strip[0] == strip[1]
        assert connection.get("/hello").body == b"Hello, world!"


def test_head_of_a_stream_keeps_the_connection(raw: Server) -> None:
    """P31."""
    with raw.connect() as connection:
        assert connection.request("HEAD", "/chunks").status == 200
        assert connection.get("/hello").body == b"Hello, world!"


@pytest.mark.parametrize("code", [204, 304])
def test_bodyless_status_drops_the_apps_body(raw: Server, code: int) -> None:
    """P32: no body, no transfer-encoding; the connection stays in sync."""
    with raw.connect() as connection:
        response = connection.get(f"/status?code={code}&body=unwanted")
        assert response.status == code
        assert response.header("transfer-encoding") is None
        assert connection.get("/hello").body == b"Hello, world!"


def test_unusual_status_code(raw: Server) -> None:
    assert raw.get("/status?code=299").status == 299


# --- framing of bodies ----------------------------------------------------------------------------------------------------
def test_chunked_response(raw: Server) -> None:
    """P29, P30: an empty piece does not end the body."""
    with raw.connect() as connection:
        response = connection.get("/chunks")
        assert (response.header("transfer-encoding"), response.body) == ("chunked", b"one,two,three")
        assert connection.get("/hello").status == 200


def test_chunked_request_with_extensions_and_trailers(raw: Server) -> None:
    """P4: extensions and trailers are discarded."""
    with raw.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"
                        b"4;name=value\r\nWiki\r\n6\r\npedia \r\nB\r\nin \r\nchunks\r\n0\r\nx-trailer: 1\r\n\r\n")
        assert connection.read_response().body == b"Wikipedia in \r\nchunks"
        assert connection.get("/hello").status == 200


def test_unread_body_does_not_become_the_next_request(raw: Server) -> None:
    """P47: the app answers without reading; the response arrives whole, whatever happens to the connection then."""
    with raw.connect() as connection:
        body = b"GET /identity HTTP/1.1\r\nhost: t\r\n\r\n" * 2000
        connection.request("POST", "/no-body-read", body=body, read=False)
        response = connection.read_response()
        assert (response.status, response.body) == (403, b"refused")
        if not response.says_close:
            assert connection.get("/hello").body == b"Hello, world!"


def test_large_unread_body_does_not_reset_the_response(raw: Server) -> None:
    """P47: lingering close: megabytes still under way do not destroy the response."""
    with raw.connect() as connection:
        connection.send(b"POST /no-body-read HTTP/1.1\r\nhost: t\r\ncontent-length: %d\r\n\r\n" % (4 * MIB))
        try:
            for _ in range(64):
                connection.send(b"x" * 65536)
        except (BrokenPipeError, ConnectionResetError):
            pass  # closed after the response: what counts is that the response can be read
        assert connection.read_response().status == 403


def test_expect_100_continue_by_curl(raw: Server) -> None:
    """P1: curl waits for the interim response before it sends the body."""
    result = subprocess.run(
        ["curl", "-sv", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "--data-binary", "@-",
         raw.url + "/echo"], input=b"y" * 100_000, capture_output=True, timeout=25, check=True)
    assert result.stdout == b"y" * 100_000
    assert b"HTTP/1.1 100 Continue" in result.stderr


def test_expect_100_continue_comes_only_when_the_app_reads(raw: Server) -> None:
    """P1, P2: an app that answers without reading never asks for the body, and the connection is not reused."""
    with raw.connect() as connection:
        connection.send(b"POST /no-body-read HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
        response = connection.read_response()
        assert response.status == 403
        assert response.says_close and connection.at_end()


def test_expect_100_continue_once(raw: Server) -> None:
    """P1."""
    with raw.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n")
        assert connection.read_head().status == 100
        connection.send(b"bo")
        connection.send(b"dy")
        response = connection.read_response()
        assert (response.status, response.body) == (200, b"body")


# --- headers of responses ------------------------------------------------------------------------------------------------------
def test_default_headers_once_and_right(raw: Server) -> None:
    """P35: server and date, each once; the date is now."""
    response = raw.get("/hello")
    assert response.header("server") == "tricorn"
    date = parsedate_to_datetime(response.header("date") or "")
    assert abs((datetime.now(UTC) - date).total_seconds()) < 5


def test_app_headers_keep_order_and_duplicates_and_replace_defaults(raw: Server) -> None:
    """P33, P34."""
    response = raw.get("/headers")
    assert response.header_values("set-cookie") == ["a=1", "b=2"]
    assert response.header("x-mixed") == "MiXed"
    assert response.header("server") == "mine"
