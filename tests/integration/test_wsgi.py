"""WSGI (PEP 3333) on the real server: environ, bodies both ways, start_response, errors, threads, the stop."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integration.server import Server
from integration.wire import Connection, Truncated


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    with Server("wsgi:app", "--threads", "4", allow=(r".",)) as server:
        yield server


@pytest.fixture
def wsgi(_server: Server) -> Iterator[Server]:
    """One worker with four threads; its log is clean unless the test looks at it."""
    since = len(_server.log.lines)
    yield _server
    assert _server.process.poll() is None
    assert _server.log.count("a thread of the pool failed", since) == 0


def environ(server: Server, target: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(server.get(target, headers).body)
    return values


def raw_environ(server: Server, request: bytes) -> dict[str, Any]:
    with server.connect() as connection:
        connection.send(request)
        values: dict[str, Any] = json.loads(connection.read_response().body)
        return values


def eventually_noted(server: Server, note: str) -> None:
    server.eventually(lambda: note in json.loads(server.get("/notes").body), note)


def test_a_websocket_handshake_is_a_request_like_any_other(wsgi: Server) -> None:
    request = (b"GET /a HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
               b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert raw_environ(wsgi, request)["HTTP_UPGRADE"] == "websocket"


# --- environ ------------------------------------------------------------------------------------------------------------
def test_environ_of_a_simple_request(wsgi: Server) -> None:
    values = environ(wsgi, "/a/b?c=d&e=%20", {"host": "example.org:80", "x-one": "1"})
    port = str(wsgi.address[1])
    expected = {
        "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/a/b", "QUERY_STRING": "c=d&e=%20", "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": port, "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "example.org:80",
        "HTTP_X_ONE": "1", "wsgi.url_scheme": "http", "wsgi.multithread": True, "wsgi.run_once": False,
        "wsgi.input_terminated": True, "wsgi.version": "(1, 0)", "RAW_URI": "/a/b?c=d&e=%20",
    }
    assert {name: values.get(name) for name in expected} == expected
    assert values["REMOTE_PORT"].isdigit()
    assert "CONTENT_LENGTH" not in values and "CONTENT_TYPE" not in values


@pytest.mark.parametrize(("target", "path"), [
    ("/caf%C3%A9", "/cafÃ©"), ("/%FF%00x", "/ÿ\0x"), ("/a%2Fb+c", "/a/b+c"), ("//x/../y", "//x/../y"), ("/%F0%9F%90%AE", "/ð\x9f\x90®"),
])
def test_path_info_holds_the_decoded_bytes_as_latin1(wsgi: Server, target: str, path: str) -> None:
    assert environ(wsgi, target)["PATH_INFO"] == path


def test_headers_are_joined_and_those_that_pass_for_others_dropped(wsgi: Server) -> None:
    values = raw_environ(wsgi, b"GET / HTTP/1.1\r\nhost: h\r\nx-a: 1\r\nX-A: 2\r\ncookie: a=1\r\nCookie: b=2\r\n"
                               b"x_a: forged\r\nX_Forwarded_For: forged\r\nProxy: forged\r\nx-high: \xe9\r\n\r\n")
    assert values["HTTP_X_A"] == "1,2"
    assert values["HTTP_COOKIE"] == "a=1; b=2"
    assert values["HTTP_X_HIGH"] == "é"
    assert "forged" not in json.dumps(values)


def test_content_headers_have_their_own_names(wsgi: Server) -> None:
    response = wsgi.request("POST", "/", {"content-type": "text/x"}, b"body")
    values = json.loads(response.body)
    assert (values["CONTENT_TYPE"], values["CONTENT_LENGTH"]) == ("text/x", "4")
    assert "HTTP_CONTENT_TYPE" not in values and "HTTP_CONTENT_LENGTH" not in values


def test_http_10(wsgi: Server) -> None:
    assert raw_environ(wsgi, b"GET / HTTP/1.0\r\n\r\n")["SERVER_PROTOCOL"] == "HTTP/1.0"


@pytest.mark.parametrize(("root", "target", "script", "path"), [
    ("/api", "/api/x", "/api", "/x"), ("/api", "/x", "/api", "/x"), ("/api", "/api", "/api", ""), ("/api", "/apix", "/api", "/apix"),
    ("/é", "/%C3%A9/ö".replace("ö", "%C3%B6"), "/Ã©", "/Ã¶"), ("/é", "/x", "/Ã©", "/x"),
])
def test_root_path_is_script_name(root: str, target: str, script: str, path: str) -> None:
    with Server("wsgi:app", "--root-path", root) as server:
        values = environ(server, target)
        assert (values["SCRIPT_NAME"], values["PATH_INFO"]) == (script, path)


def test_unix_socket(tmp_path: Path) -> None:
    with Server("wsgi:app", bind=("--uds", str(tmp_path / "socket"))) as server:
        values = environ(server, "/", {"host": "example.org:8080"})
        assert (values["SERVER_NAME"], values["SERVER_PORT"], values["REMOTE_ADDR"]) == ("example.org", "8080", "")
        assert environ(server, "/", {"host": "[::1]"})["SERVER_NAME"] == "[::1]"


# --- the request's body -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 1000, 70_000, 3_000_000])
def test_echo(wsgi: Server, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    assert wsgi.request("POST", "/echo", body=body[:size]).body == body[:size]


def test_chunked_upload_without_length(wsgi: Server) -> None:
    with wsgi.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
        connection.send(b"6\r\n world\r\n0\r\n\r\n")
        assert connection.read_response().body == b"hello world"
        assert connection.get("/echo").body == b""


def test_every_way_of_reading(wsgi: Server) -> None:
    body = b"abcdef\nghij\nkl\nmno\npq\n\nlast"
    expected = [b"abc", b"def\n", b"gh", b"ij\n", [b"kl\n", b"mno\n"], b"pq\n", [b"\n", b"last"], b"", b"", b""]
    assert wsgi.request("POST", "/lines", body=body).text == repr(expected)
    with wsgi.connect() as connection:  # the same, byte by byte
        connection.send(b"POST /lines HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n")
        for byte in body:
            connection.send(b"1\r\n" + bytes([byte]) + b"\r\n")
        connection.send(b"0\r\n\r\n")
        assert connection.read_response().text == repr(expected)


def test_body_is_read_while_it_arrives(wsgi: Server) -> None:
    """The answer's first block comes when the first line has come, the rest when the client has sent the rest."""
    with wsgi.connect() as connection:
        connection.send(b"POST /first-line HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n6\r\nline 1\r\n1\r\n\n\r\n")
        assert connection.read_head().header("transfer-encoding") == "chunked"
        assert connection.read_exactly(12) == b"7\r\nline 1\n\r\n"
        connection.send(b"4\r\nrest\r\n0\r\n\r\n")
        assert connection.read_exactly(14) == b"4\r\nrest\r\n0\r\n\r\n"


def test_continue_is_sent_when_the_app_reads(wsgi: Server) -> None:
    with wsgi.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        assert connection.read_head().status == 100
        connection.send(b"body")
        assert connection.read_response().body == b"body"
        connection.send(b"POST /unread HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        assert connection.read_response().body == b"not interested"


def test_memory_flat_during_an_upload_that_nobody_reads(wsgi: Server) -> None:
    """The app holds its thread without reading: the client is stopped by flow control, not by the server's memory."""
    with wsgi.connect() as connection:
        connection.send(b"POST /wait?unread-upload HTTP/1.1\r\nhost: h\r\ncontent-length: 1000000000\r\n\r\n")
        wsgi.log.wait_for("unread-upload waits")
        connection.socket.settimeout(1)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < 1_000_000_000:
                sent += connection.socket.send(b"x" * 65536)
        assert sent < 50_000_000  # what sockets hold, at most
    wsgi.get("/open?unread-upload")


def test_large_upload_in_pieces(wsgi: Server) -> None:
    assert wsgi.request("POST", "/count", body=b"x" * (50 << 20)).text == f"{50 << 20} 100000"


def test_client_that_leaves_within_its_body(wsgi: Server) -> None:
    """The read fails in the app; the thread is free again."""
    for _ in range(5):
        with wsgi.connect() as connection:
            connection.send(b"POST /echo HTTP/1.1\r\nhost: h\r\ncontent-length: 100\r\n\r\nbegun")
    assert all(wsgi.get("/echo").status == 200 for _ in range(5))


# --- the response -------------------------------------------------------------------------------------------------------
def test_a_block_reaches_the_client_before_the_next_is_asked_for(wsgi: Server) -> None:
    with wsgi.connect() as connection:
        connection.request("GET", "/stream", read=False)
        connection.read_head()
        assert connection.read_exactly(10) == b"5\r\nfirst\r\n"
        assert wsgi.get("/open?stream").status == 204
        assert connection.read_exactly(16) == b"6\r\nsecond\r\n0\r\n\r\n"


def test_write_and_close(wsgi: Server) -> None:
    assert wsgi.get("/writes").body == b"written, again, returned"
    eventually_noted(wsgi, "writes closed")


def test_list_of_blocks_has_a_length(wsgi: Server) -> None:
    response = wsgi.get("/lists")
    assert (response.body, response.header("content-length")) == (b"one, two", "8")


def test_repeated_response_headers(wsgi: Server) -> None:
    assert wsgi.get("/status?201%20Made".replace("%20", "+")).status == 500
    response = wsgi.get("/status?404")
    assert (response.status, response.header_values("set-cookie")) == (404, ["a=1", "b=2"])


@pytest.mark.parametrize("path", ["/lists", "/writes", "/stream", "/endless", "/file", "/context"])
def test_head(wsgi: Server, path: str) -> None:
    with wsgi.connect() as connection:
        response = connection.request("HEAD", path)
        assert (response.status, response.header("content-type")) == (200, "text/plain")
        assert connection.get("/pid").status == 200


def test_slow_client_holds_a_thread_and_no_memory(wsgi: Server) -> None:
    """Of an endless answer no more blocks are asked for than sockets hold; when the client leaves it is closed."""
    with wsgi.connect(receive_buffer=4096) as connection:
        connection.request("GET", "/endless", read=False)
        connection.read_head()
        assert wsgi.get("/pid").status == 200
    eventually_noted(wsgi, "endless closed")
    assert all(wsgi.get("/pid").status == 200 for _ in range(5))


def test_client_that_reads_gets_all_blocks(wsgi: Server) -> None:
    with wsgi.connect() as connection:
        connection.request("GET", "/endless", read=False)
        connection.read_head()
        for _ in range(100):
            assert connection.read_exactly(7) == b"10000\r\n"
            assert connection.read_exactly(65538) == b"x" * 65536 + b"\r\n"


def test_file_wrapper(wsgi: Server) -> None:
    for target in ("/file", "/file?chunked"):
        assert wsgi.get(target).body == b"0123456789" * 100_000
    assert wsgi.get("/memory-file").body == b"in memory"
    eventually_noted(wsgi, "memory file closed")


def test_replaced_head(wsgi: Server) -> None:
    response = wsgi.get("/replaced")
    assert (response.status, response.header("x-second"), response.header("x-first")) == (503, "2", None)


def test_every_request_has_a_context_of_its_own(wsgi: Server) -> None:
    with wsgi.connect() as connection:
        assert {connection.get("/context").body for _ in range(20)} == {b"unset set"}


def test_pipelined_requests(wsgi: Server) -> None:
    with wsgi.connect() as connection:
        connection.send(b"GET /lists HTTP/1.1\r\nhost: h\r\n\r\n" * 20)
        assert [connection.read_response().body for _ in range(20)] == [b"one, two"] * 20


# --- mistakes -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("path", "message"), [
    ("/raises", "LookupError: mistake before the start"), ("/twice", "start_response was called twice"),
    ("/exits", r"the app raised SystemExit\(3\)"), ("/no-start", "without calling start_response"),
    ("/text", "a WSGI app must yield bytes, not str"), ("/nothing", "returned NoneType, which cannot be iterated"),
    ("/injects", "x-bad|header"), ("/status?fine", "begins with three digits"),
])
def test_mistake_before_the_first_block_is_500(wsgi: Server, path: str, message: str) -> None:
    since = len(wsgi.log.lines)
    response = wsgi.get(path)
    assert (response.status, response.body) == (500, b"Internal Server Error")
    wsgi.log.wait_for(message, since=since)
    assert wsgi.log.count(r"the app raised \(client", since) == 1
    assert wsgi.get("/pid").status == 200


@pytest.mark.parametrize(("path", "message"), [
    ("/raises-within", "LookupError: mistake within the body"), ("/too-late", "LookupError: too late"),
    ("/too-long", "longer than its content-length"), ("/too-short", "shorter than its content-length"),
])
def test_mistake_after_the_first_block_cuts_the_response_off(wsgi: Server, path: str, message: str) -> None:
    since = len(wsgi.log.lines)
    with wsgi.connect() as connection, pytest.raises((Truncated, ConnectionResetError)):
        connection.get(path)
    wsgi.log.wait_for(message, since=since)
    assert wsgi.log.count(r"the app raised \(client", since) == 1


def test_input_that_is_read_too_late_raises_anew_each_time(wsgi: Server) -> None:
    """One exception for all would gather the tracebacks of all, and hold their frames."""
    with wsgi.connect() as connection:
        depths = [int(connection.request("GET", "/keeps-its-input", body=b"unread").body) for _ in range(4)]
    assert depths[0] == 0 and len(set(depths[1:])) == 1 and depths[1] > 0, depths


def test_wrong_interface_is_one_clear_line() -> None:
    with Server("raw:app", "--interface", "wsgi", allow=(r".",)) as server:
        server.log.wait_for("WARN.*--interface wsgi: the app looks like asgi3")
        assert server.get("/").status == 500
    with Server("wsgi:app", "--interface", "asgi3", allow=(r".",)) as server:
        server.log.wait_for("WARN.*--interface asgi3: the app looks like wsgi")
        assert server.get("/").status == 500


# --- threads and the stop -----------------------------------------------------------------------------------------------
def start_waiting(server: Server, count: int, target: str, line: str) -> list[Connection]:
    connections = [server.connect() for _ in range(count)]
    for connection in connections:
        connection.request("GET", target, read=False)
    server.log.wait_for(line, count=count)
    return connections


def test_requests_beyond_the_threads_wait_their_turn_in_order(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Server("wsgi:app", "--threads", "2") as server:
        held = start_waiting(server, 2, f"/wait-for-file?{gate}", "waits for the file")
        late = [server.connect() for _ in range(10)]
        for connection in late:
            connection.request("GET", "/numbered", read=False)
        connection = late[0]
        connection.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.socket.recv(1, socket.MSG_PEEK)
        connection.socket.settimeout(20)
        gate.touch()
        assert sorted(int(connection.read_response().body) for connection in late) == list(range(10))
        assert all(connection.read_response().status == 200 for connection in held)
        for connection in held + late:
            connection.close()


def test_many_connections_at_once(wsgi: Server) -> None:
    """No request is forgotten in the queue, whatever the order in which threads sleep and wake."""
    connections = [wsgi.connect() for _ in range(50)]
    for _ in range(10):
        for connection in connections:
            connection.send(b"GET /context HTTP/1.1\r\nhost: h\r\n\r\n" * 3)
        for connection in connections:
            assert [connection.read_response().body for _ in range(3)] == [b"unset set"] * 3
    for connection in connections:
        connection.close()


def test_limit_concurrency_bounds_the_queue(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Server("wsgi:app", "--threads", "1", "--limit-concurrency", "3") as server:
        held = [server.connect() for _ in range(3)]
        for connection in held:
            connection.request("GET", f"/wait-for-file?{gate}", read=False)
        server.eventually(lambda: server.get("/").status == 503, "the limit")
        gate.touch()
        assert [connection.read_response().status for connection in held] == [200] * 3
        for connection in held:
            connection.close()


def test_stop_waits_for_the_threads(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Server("wsgi:app") as server:
        waiting = start_waiting(server, 3, f"/wait-for-file?{gate}", "waits for the file")
        server.signal(15)
        server.log.wait_for("stop|drain|SIGTERM")
        gate.touch()
        assert [connection.read_response().body for connection in waiting] == [b"the file is there"] * 3
        for connection in waiting:
            connection.close()
        server.wait()


def test_thread_that_does_not_come_back_does_not_hold_the_stop() -> None:
    with Server("wsgi:app", "--timeout-graceful-shutdown", "0.3") as server:
        stuck = start_waiting(server, 2, "/sleep", "sleeps")
        server.signal(15)
        server.wait()
        assert server.log.count("killed") == 0
        server.log.wait_for("2 threads of the app did not end")
        for connection in stuck:
            connection.close()
