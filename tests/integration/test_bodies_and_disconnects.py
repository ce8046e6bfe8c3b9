"""Large bodies and clients that leave: memory stays flat, the app hears of it, nothing leaks."""

from __future__ import annotations

import hashlib
import json
import socket

import pytest

from integration.processes import open_descriptors, rss_bytes
from integration.server import Server
from integration.wire import Connection, Truncated

MIB = 1024 * 1024


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
