"""What a response can have beside head and body: early hints, trailers, files; and how connections are closed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.processes import eventually, open_descriptors, rss_bytes
from integration.server import Server
from integration.wire import Connection, Truncated

MIB = 1024 * 1024
EXTENSIONS = {f"http.response.{name}" for name in ("pathsend", "zerocopysend", "early_hint", "trailers")}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server("responses:app", allow=(r".",)) as server:
        yield server


@pytest.fixture
def steady(server: Server) -> Iterator[Server]:
    """The same, with no more descriptors in its worker afterwards than before."""
    (pid,) = server.wait_workers(1).values()
    before = open_descriptors(pid)
    yield server
    eventually(lambda: open_descriptors(pid) <= before, lambda: f"{before} descriptors before", 20)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.txt"
    path.write_bytes(b"0123456789")
    return path


def pattern(size: int) -> bytes:
    """Bytes of which no two pages are alike."""
    return b"".join(number.to_bytes(8, "big") * 512 for number in range(size // 4096))


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.bin"
    path.write_bytes(pattern(32 * MIB))
    return path


# --- what is announced ------------------------------------------------------------------------------------------------
def test_the_extensions_are_named_and_no_request_sees_anothers_changes(server: Server) -> None:
    """P17."""
    with server.connect() as connection:
        for target in ("/extensions?spoil", "/extensions", "/extensions?spoil", "/extensions"):
            assert json.loads(connection.get(target).body) == {name: {} for name in EXTENSIONS}
    with server.connect() as connection:
        connection.send(b"GET /extensions HTTP/1.0\r\n\r\n")
        assert set(json.loads(connection.read_response().body)) == {
            "http.response.pathsend", "http.response.zerocopysend"}


def test_pathsend_can_be_turned_off() -> None:
    with Server("responses:app", "--no-pathsend") as server:
        assert set(json.loads(server.get("/extensions").body)) == EXTENSIONS - {"http.response.pathsend"}


# --- early hints ------------------------------------------------------------------------------------------------------
def test_early_hints_come_before_the_response(server: Server) -> None:
    with server.connect() as connection:
        connection.send(b"POST /hint?wait HTTP/1.1\r\nhost: t\r\ncontent-length: 1\r\n\r\n")
        first = connection.read_head()
        assert (first.status, first.reason) == (103, "Early Hints")
        assert first.headers == [("link", "</a.css>; rel=preload; as=style"), ("link", "</b.js>")]
        assert connection.read_head().headers == [("link", "</c>")]
        connection.send(b"x")  # only now: the hints did not wait for the response
        assert connection.read_response().body == b"hinted"
        assert connection.get("/extensions").status == 200


def test_early_hints_are_not_for_http_10(server: Server) -> None:
    with server.connect() as connection:
        connection.send(b"GET /hint HTTP/1.0\r\n\r\n")
        assert connection.read_response().status == 200


def test_wrong_messages_raise_and_change_nothing(server: Server) -> None:
    with server.connect() as connection:
        response = connection.get("/mistakes", {"te": "trailers"})
        assert (response.status, response.body, response.trailers) == (200, b".", [])
        raised = [kind for kind, _ in json.loads(connection.get("/raised").body)]
    assert raised == ["RuntimeError", "RuntimeError", "TypeError", "ValueError", "ValueError",
                      *["RuntimeError"] * 9]


# --- trailers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pieces", ["abc", "a,bc", "a,"])
def test_trailers_are_sent_to_who_asks(server: Server, pieces: str) -> None:
    with server.connect() as connection:
        for _ in range(2):
            response = connection.get(f"/trailers?pieces={pieces}", {"TE": "gzip;q=0.5, Trailers"})
            assert response.header("transfer-encoding") == "chunked"
            assert response.body.decode() == pieces.replace(",", "")
            assert response.trailers == [("x-sum", "1"), ("x-end", "2")]


@pytest.mark.parametrize(("target", "te"), [("/trailers", "deflate"), ("/trailers?length=3", "trailers")])
def test_trailers_are_dropped_where_they_cannot_be(server: Server, target: str, te: str) -> None:
    with server.connect() as connection:
        for _ in range(2):
            response = connection.get(target, {"te": te})
            assert (response.header("content-length"), response.body, response.trailers) == ("3", b"abc", [])


def test_forgotten_trailers_never_look_whole(server: Server) -> None:
    with server.connect() as connection, pytest.raises(Truncated):
        connection.get("/no-trailers", {"te": "trailers"})


# --- files by path ----------------------------------------------------------------------------------------------------
def test_a_file_by_path(steady: Server, small: Path) -> None:
    with steady.connect() as connection:
        for length in ("", "&length=10"):
            response = connection.get(f"/path?path={small}{length}")
            assert (response.header("content-length"), response.body) == ("10", b"0123456789")
        response = connection.get(f"/path?path={small}&early")
        assert (response.header("transfer-encoding"), response.body) == ("chunked", b"0123456789")
        small.write_bytes(b"")
        assert connection.get(f"/path?path={small}").body == b""


def test_of_a_file_that_has_grown_only_the_announced_bytes(steady: Server, small: Path) -> None:
    with steady.connect() as connection:
        assert connection.get(f"/path?path={small}&length=4").body == b"0123"
        assert connection.get(f"/path?path={small}&length=0").body == b""


def test_head_of_a_file_has_its_length(steady: Server, small: Path) -> None:
    with steady.connect() as connection:
        small.chmod(0)
        for length in ("", "&length=10"):
            response = connection.request("HEAD", f"/path?path={small}{length}")
            assert (response.status, response.header("content-length")) == (200, "10")
        assert connection.request("HEAD", "/path?path=/nonexistent").status == 500


@pytest.mark.parametrize("path", ["/nonexistent", "/etc", "/dev/null"])
def test_a_file_that_cannot_be_had_is_500(steady: Server, path: str) -> None:
    """P50: the head had not left."""
    assert steady.get(f"/path?path={path}&length=10").status == 500
    with steady.connect() as connection, pytest.raises(Truncated):
        connection.get(f"/path?path={path}&early&length=10")


def test_the_app_may_answer_otherwise_when_a_file_cannot_be_had(steady: Server, small: Path) -> None:
    with steady.connect() as connection:
        for path, error in (("/nonexistent", b"FileNotFoundError"), ("/etc", b"IsADirectoryError"), ("/dev/null", b"OSError")):
            response = connection.get(f"/path-or-404?path={path}")
            assert (response.status, response.body) == (404, error)


def test_a_file_shorter_than_its_length_is_cut_off(steady: Server, small: Path) -> None:
    with steady.connect() as connection, pytest.raises(Truncated):
        connection.get(f"/path?path={small}&length=11")


def test_a_path_cannot_follow_a_body(steady: Server) -> None:
    with steady.connect() as connection, pytest.raises(Truncated):
        connection.get("/path-after-body")


def test_pipelined_files_of_a_slow_reader(steady: Server, large: Path, small: Path) -> None:
    expected = large.read_bytes()
    with steady.connect(receive_buffer=16384) as connection:
        request = "GET /path?path={} HTTP/1.1\r\nhost: t\r\n\r\n"
        connection.send((request.format(large) + request.format(small) + request.format(large)).encode())
        assert connection.read_response().body == expected
        assert connection.read_response().body == b"0123456789"
        assert connection.read_response().body == expected


def test_a_file_for_http_10(steady: Server, large: Path) -> None:
    with steady.connect() as connection:
        connection.send(f"GET /path?path={large} HTTP/1.0\r\n\r\n".encode())
        response = connection.read_head()
        assert response.header("content-length") == str(32 * MIB)
        assert connection.read_to_end() == large.read_bytes()


def test_a_client_that_leaves_in_the_middle_of_a_file(steady: Server, large: Path) -> None:
    for leave in (Connection.close, Connection.reset):
        connection = steady.connect(receive_buffer=16384)
        connection.request("GET", f"/path?path={large}", read=False)
        connection.read_exactly(100_000)
        leave(connection)


def test_a_file_that_shrinks_while_it_is_sent(steady: Server, large: Path) -> None:
    with steady.connect(receive_buffer=16384) as connection:
        connection.request("GET", f"/path?path={large}", read=False)
        connection.read_exactly(100_000)
        os.truncate(large, 16 * MIB)
        with pytest.raises((Truncated, ConnectionResetError)):
            connection.read_exactly(32 * MIB)
    steady.log.wait_for("became shorter")


def test_a_deleted_file_is_sent_to_its_end(steady: Server, large: Path) -> None:
    expected = large.read_bytes()
    with steady.connect(receive_buffer=16384) as connection:
        connection.request("GET", f"/path?path={large}", read=False)
        assert connection.read_head().status == 200
        large.unlink()
        assert connection.read_exactly(len(expected)) == expected


def test_a_gigabyte_does_not_pass_through_memory(steady: Server, tmp_path: Path) -> None:
    path = tmp_path / "sparse.bin"
    size = 1024 * MIB
    with path.open("wb") as file:
        file.truncate(size)
        for at in (0, 1, 511, 1022):
            file.seek(at * MIB)
            file.write(f"mark {at}".encode())
    expected, received = hashlib.sha256(), hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(MIB):
            expected.update(piece)
    (pid,) = steady.wait_workers(1).values()
    before = rss_bytes(pid)
    with steady.connect() as connection:
        connection.request("GET", f"/path?path={path}", read=False)
        assert connection.read_head().header("content-length") == str(size)
        left = size
        while left > 0:
            piece = connection.read_up_to(min(left, MIB))
            received.update(piece)
            left -= len(piece)
        assert received.digest() == expected.digest()
        assert rss_bytes(pid) - before < 8 * MIB
        assert connection.get("/extensions").status == 200


def test_other_requests_are_served_while_a_file_is_sent(steady: Server, large: Path) -> None:
    with steady.connect(receive_buffer=16384) as slow:
        slow.request("GET", f"/path?path={large}", read=False)
        slow.read_exactly(1000)
        assert steady.get("/extensions").status == 200


def test_a_download_is_finished_before_the_server_stops(large: Path) -> None:
    with Server("responses:app") as server:
        with server.connect(receive_buffer=16384) as connection:
            connection.request("GET", f"/path?path={large}", read=False)
            assert connection.read_head().status == 200
            server.signal(signal.SIGTERM)
            server.log.wait_for("(?i)stopping|shutting down")
            assert connection.read_exactly(32 * MIB) == large.read_bytes()
        assert server.wait() == 0


# --- files by descriptor ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("length", ["", "&length=15"])
def test_parts_of_open_files(steady: Server, small: Path, length: str) -> None:
    with steady.connect() as connection:
        response = connection.get(f"/zerocopy?path={small}{length}")
        assert response.body == b"123|23|56789789"
        assert response.header("content-length" if length else "transfer-encoding")
        assert json.loads(connection.get("/raised").body) == [["4", "4", "10"]]
        assert connection.request("HEAD", f"/zerocopy?path={small}").body == b""
        assert json.loads(connection.get("/raised").body) == [["4", "4", "10"]]


def test_what_is_no_file_raises(steady: Server) -> None:
    assert steady.get("/zerocopy-pipe").body == b"OSError,ValueError,TypeError,KeyError"


def test_a_stream_of_parts_waits_for_its_reader(steady: Server, large: Path) -> None:
    with steady.connect(receive_buffer=16384) as connection:
        assert connection.get(f"/zerocopy-stream?path={large}").body == large.read_bytes()
    connection = steady.connect(receive_buffer=16384)
    connection.request("GET", f"/zerocopy-stream?path={large}", read=False)
    connection.read_exactly(3 * MIB)
    connection.reset()


# --- Starlette --------------------------------------------------------------------------------------------------------
def test_starlette_files_ranges_and_static_files() -> None:
    content = (Path(__file__).parent.parent / "apps/starlette_app.py").read_bytes()
    for switch in ("--pathsend", "--no-pathsend"):
        with Server("starlette_app:app", switch) as server, server.connect() as connection:
            response = connection.get("/file")
            assert (response.status, response.body) == (200, content)
            assert response.header("content-length") == str(len(content))
            assert connection.get("/static/starlette_app.py").body == content
            packed = connection.get("/static/starlette_app.py", {"accept-encoding": "gzip"}).header("content-encoding")
            assert packed == ("gzip" if switch == "--no-pathsend" else None)  # a file is not the middleware's to see
            part = connection.get("/file", {"range": "bytes=10-19"})
            assert (part.status, part.body) == (206, content[10:20])
            parts = connection.get("/file", {"range": "bytes=0-4,10-19"})
            assert parts.status == 206 and content[10:20] in parts.body
            head = connection.request("HEAD", "/file")
            assert head.header("content-length") == str(len(content))
            assert connection.get("/file", {"if-none-match": response.header("etag") or ""}).status in (200, 304)


# --- closing ----------------------------------------------------------------------------------------------------------
def test_a_response_that_leaves_much_of_the_body_unread_says_that_it_closes(server: Server) -> None:
    """P47."""
    with server.connect() as connection:
        connection.send(b"POST /refuse HTTP/1.1\r\nhost: t\r\ncontent-length: 1000000\r\n\r\n")
        response = connection.read_response()
        assert (response.status, response.says_close) == (403, True)
        connection.send(b"x" * 1_000_000)  # no reset that would destroy the response of a slower reader
        connection.half_close()
        assert connection.at_end()


def test_a_short_unread_body_keeps_the_connection(server: Server) -> None:
    with server.connect() as connection:
        connection.send(b"POST /refuse HTTP/1.1\r\nhost: t\r\ncontent-length: 60000\r\n\r\n")
        assert not connection.read_response().says_close
        connection.send(b"x" * 60_000)
        assert connection.get("/extensions").status == 200


def test_a_client_that_asked_for_the_close_is_not_waited_for(server: Server) -> None:
    """The connection is gone from the worker while the client still holds its end."""
    (pid,) = server.wait_workers(1).values()
    before = open_descriptors(pid)
    connections = [server.connect() for _ in range(20)]
    for connection in connections:
        assert connection.get("/extensions", {"connection": "close"}).status == 200
        assert connection.at_end()
    assert open_descriptors(pid) <= before + 1
    for connection in connections:
        connection.close()


# --- messages that act ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["early_hint", "start", "body", "pathsend", "zerocopysend", "trailers"])
def test_a_response_may_be_completed_while_a_message_is_read(server: Server, kind: str) -> None:
    (worker,) = server.wait_workers(1).values()
    assert server.get(f"/nested?kind={kind}").body == b"inner"
    assert list(server.wait_workers(1).values()) == [worker]


def test_a_start_within_a_start_leaves_no_fields(server: Server) -> None:
    response = server.get("/nested-headers")
    assert (response.status, response.body) == (200, b"outer")
    assert [name for name, _ in response.headers if name.startswith("x-")] == ["x-outer"]


@pytest.mark.parametrize(("by", "fields"), [("flag", []), ("pair", [f"x-{number}" for number in range(20)] + ["x-last"])])
def test_fields_that_vanish_while_the_start_is_read(server: Server, by: str, fields: list[str]) -> None:
    response = server.get(f"/vanishing-headers?by={by}")
    assert (response.status, response.body) == (200, b"sent")
    assert [name for name, _ in response.headers if name.startswith("x-")] == fields


def test_a_missing_file_behind_a_head_that_has_left(server: Server) -> None:
    with server.connect() as connection:
        connection.send(b"GET /path-too-late HTTP/1.1\r\nhost: t\r\n\r\n")
        assert connection.read_head().status == 103
        assert connection.read_response().body == b"x-body: 1\r\n\r\n"
