"""HTTP/1.1 as clients see it: framing, connection reuse, limits, disconnects."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import pytest

from integration.processes import open_descriptors, rss_bytes
from integration.server import Server
from integration.wire import Connection, Truncated

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


# --- refused requests -------------------------------------------------------------------------------------------------------
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


# --- large bodies -----------------------------------------------------------------------------------------------------------
def worker_pid(server: Server) -> int:
    return int(json.loads(server.get("/identity").body)["pid"])


def test_large_upload_to_a_slow_app_keeps_memory_flat(raw: Server) -> None:
    """P18: reading pauses while the app sleeps; 64 MiB pass, a few stay in memory."""
    pid, piece, count = worker_pid(raw), bytes(range(256)) * 4096, 64
    raw.request("POST", "/upload", body=piece)  # warm: buffers exist
    before = rss_bytes(pid)
    with raw.connect() as connection:
        connection.send(b"POST /upload?slow_ms=300 HTTP/1.1\r\nhost: t\r\ncontent-length: %d\r\n\r\n" % (count * len(piece)))
        peak = before
        for _ in range(count):
            connection.send(piece)
            peak = max(peak, rss_bytes(pid))
        result = json.loads(connection.read_response().body)
    assert result["size"] == count * len(piece)
    assert result["sha256"] == hashlib.sha256(piece * count).hexdigest()
    assert peak - before < 8 * MIB, f"grew by {(peak - before) / MIB:.1f} MiB"


def test_large_download_to_a_slow_client_keeps_memory_flat(raw: Server) -> None:
    """P45: send() waits while more than the high-water mark is unsent."""
    pid, size = worker_pid(raw), 64 * MIB
    raw.get("/download?size=1000000")
    before = peak = rss_bytes(pid)
    with raw.connect(receive_buffer=65536) as connection:
        connection.send(b"GET /download?length&size=%d HTTP/1.1\r\nhost: t\r\n\r\n" % size)
        assert connection.read_head().header("content-length") == str(size)
        while size:
            size -= len(connection.read_exactly(min(size, MIB)))
            peak = max(peak, rss_bytes(pid))
    assert peak - before < 8 * MIB, f"grew by {(peak - before) / MIB:.1f} MiB"


@pytest.mark.parametrize("size", [0, 1, 1023, 65535, 65536, 65537, MIB + 1])
@pytest.mark.parametrize("chunk", [1000, 65536, 2 * MIB])
def test_bodies_of_odd_sizes_arrive_whole(raw: Server, size: int, chunk: int) -> None:
    with raw.connect() as connection:
        assert len(connection.get(f"/download?size={size}&chunk={chunk}").body) == size
        assert len(connection.get(f"/download?length&size={size}&chunk={chunk}").body) == size
        body = bytes(i % 251 for i in range(size))
        assert connection.request("POST", "/echo", body=body).body == body


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


# --- clients that leave -----------------------------------------------------------------------------------------------------
def noticed(server: Server, what: str) -> None:
    server.eventually(lambda: what in json.loads(server.get("/seen").body), f"app sees {what!r}")


def test_half_closed_client_still_gets_its_response(raw: Server) -> None:
    """P24: FIN after a complete request, as `nc` does."""
    with raw.connect() as connection:
        connection.send(b"GET /pause?ms=100 HTTP/1.1\r\nhost: t\r\n\r\n")
        connection.half_close()
        assert connection.read_response().body == b"rested"
        assert connection.at_end()


def test_disconnect_reaches_a_waiting_app_again_and_again(raw: Server) -> None:
    """P42, P44: http.disconnect, also at the second receive(); the app is not cancelled."""
    with raw.connect() as connection:
        connection.request("GET", "/wait-for-disconnect", read=False)
        connection.reset()
    noticed(raw, "disconnects: http.disconnect,http.disconnect")


def test_disconnect_in_the_middle_of_an_upload(raw: Server) -> None:
    """P5: a truncated body is a disconnect, never a clean end."""
    with raw.connect() as connection:
        connection.send(b"POST /upload HTTP/1.1\r\nhost: t\r\ncontent-length: 100000\r\n\r\n" + b"x" * 777)
    noticed(raw, "upload cut after 777")


def test_truncated_chunked_upload(raw: Server) -> None:
    """P5."""
    with raw.connect() as connection:
        connection.send(b"POST /upload HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        connection.half_close()
        assert connection.at_end() or connection.read_to_end() is not None
    noticed(raw, "upload cut after 5")


def test_send_after_disconnect_raises_oserror_and_is_not_logged(raw: Server) -> None:
    """P43, P45: a sender blocked by a full buffer is released; its OSError is no error of ours."""
    with raw.connect(receive_buffer=4096) as connection:
        connection.request("GET", "/send-until-error", read=False)
        connection.read_head()
        connection.reset()
    noticed(raw, "send raised OSError")


def test_streaming_head_is_sent_before_the_first_body_message(raw: Server) -> None:
    """P27: http.response.start must not be held back for ever."""
    with raw.connect() as connection:
        connection.request("GET", "/start-only", read=False)
        assert connection.read_head().status == 200
    noticed(raw, "start_only left")


def test_connections_that_come_and_go_leak_no_descriptor(raw: Server) -> None:
    """Health probes that connect and leave, at every stage of a request."""
    pid = worker_pid(raw)
    stages = [b"", b"GET", b"GET /hello HTTP/1.1\r\nhost: t\r\n", b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 5\r\n\r\nab",
              b"GET /hello HTTP/1.1\r\nhost: t\r\n\r\n", b"GET /pause?ms=20 HTTP/1.1\r\nhost: t\r\n\r\n"]
    before = open_descriptors(pid)
    for number in range(20):
        for stage in stages:
            connection = raw.connect()
            connection.send(stage)
            connection.reset() if number % 2 else connection.close()
    raw.eventually(lambda: open_descriptors(pid) <= before, "descriptors closed again")


def test_truncated_response_is_seen_as_such(raw: Server) -> None:
    """The test client itself: it must notice what the server must never do."""
    left, right = socket.socketpair()
    with left, right:
        client = Connection.__new__(Connection)
        client.socket, client._buffer = left, bytearray()
        right.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        right.shutdown(socket.SHUT_WR)
        with pytest.raises(Truncated):
            client.read_response()
