"""P55 to P58: who is let in, and in which order things end."""

from __future__ import annotations

import re
import signal
import socket
from contextlib import ExitStack
from pathlib import Path

from conformance.conftest import probed_server
from conformance.wire import request
from integration.server import Server

LIFE = "probes.lifespans:notes_its_life"


def test_p55_requests_above_the_limit_get_503_at_once(tmp_path: Path) -> None:
    """Requests count, not connections: idle ones, and ones whose request has not come, are free."""
    with probed_server(tmp_path, "--limit-concurrency", "2") as probed, ExitStack() as stack:
        idle = [stack.enter_context(probed.wire()) for _ in range(5)]
        for connection in idle:
            assert connection.ask("GET /hello HTTP/1.1").status == 200
        running = [stack.enter_context(probed.wire(size)) for size in (0, 1)]
        for connection in running:
            connection.send(request("GET /answer-late HTTP/1.1"))
        for size, refused in zip((0, 1, 2, 3), [*idle[:1], *(stack.enter_context(probed.wire(size)) for size in (1, 2, 3))]):
            response = refused.ask("GET /hello HTTP/1.1")
            assert (response.status, response.body, response.header("retry-after")) == (503, b"Service Unavailable", "1")
            assert (response.header("content-type") or "").startswith("text/plain") and response.says_close
            assert refused.ends_cleanly()
        running[0].close()  # its app does not hear of that, and still counts
        assert idle[1].ask("GET /hello HTTP/1.1").status == 503
        # There is room for nobody who could open the gate: a stop cancels what runs.
        probed.server.allow.append(".")
        probed.server.signal(signal.SIGQUIT)
        probed.server.wait()


def test_p55_room_is_made_when_a_request_ends(tmp_path: Path) -> None:
    with probed_server(tmp_path, "--limit-concurrency", "1") as probed, probed.wire() as first:
        first.send(request("POST /mirror HTTP/1.1|content-length: 4"))
        probed.server.eventually(lambda: probed.get("/hello").status == 503, "the limit is reached")
        first.send(b"body")
        assert first.read_response().status == 200
        assert probed.get("/hello").status == 200


def order(server: Server, *patterns: str) -> None:
    """The patterns occur in the log in this order."""
    text = "\n".join(server.log.lines)
    found = [re.search(pattern, text) for pattern in patterns]
    assert all(found), (patterns, text)
    places = [match.start() for match in found if match]
    assert places == sorted(places), text


def test_p56_stop_closes_idle_connections_and_ends_what_runs(tmp_path: Path) -> None:
    """The listener closes, idle connections end, a request in progress is finished and says that it was the last."""
    with probed_server(tmp_path) as probed, probed.wire() as idle, probed.wire() as running:
        assert idle.ask("GET /hello HTTP/1.1").status == 200
        running.send(request("POST /mirror HTTP/1.1|content-length: 4"))
        probed.get("/hello")
        probed.server.signal(signal.SIGTERM)
        assert idle.ends_cleanly()
        probed.server.eventually(lambda: _refuses(probed.server), "the listener closes")
        running.send(b"body")
        response = running.read_response()
        assert (response.status, response.says_close) == (200, True)
        assert running.ends_cleanly()
        assert probed.server.wait() == 0


def _refuses(server: Server) -> bool:
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    return False


def test_p56_second_signal_is_quick_and_still_shuts_the_app_down() -> None:
    with Server(LIFE, expect_exit=130, allow=("cancelled", "CancelledError")) as server, server.connect() as stream:
        stream.request("GET", "/slow", read=False)
        server.log.wait_for("request begun")
        server.signal(signal.SIGINT)
        server.log.wait_for("stopping")
        server.signal(signal.SIGINT)
        assert server.wait() == 130
        assert server.log.count("lifespan.shutdown") == 1


def test_p57_shutdown_of_the_app_comes_after_its_last_request() -> None:
    """Listeners close, requests end, the lifespan shuts down, the process ends."""
    with Server(LIFE) as server, server.connect() as stream:
        stream.request("GET", "/slow", read=False)
        server.log.wait_for("request begun")
        server.signal(signal.SIGTERM)
        server.eventually(lambda: _refuses(server), "the listener closes")
        stream.half_close()
        assert server.wait() == 0
        order(server, "request begun", "stopping", "request told to end", "lifespan.shutdown", "stopped$")


def test_p57_connections_in_the_accept_queue_are_served() -> None:
    """They were accepted by the kernel before the stop: the client has every reason to expect an answer."""
    with Server("raw:app") as server, ExitStack() as stack:
        blocked = stack.enter_context(server.connect())
        blocked.request("GET", "/block?ms=500", read=False)
        queued = [stack.enter_context(server.connect()) for _ in range(20)]
        for connection in queued:
            connection.request("GET", "/hello", read=False)
        server.signal(signal.SIGTERM)
        assert blocked.read_response().status == 200
        assert [connection.read_response().body for connection in queued] == [b"Hello, world!"] * 20
        assert server.wait() == 0


def test_p58_at_the_deadline_requests_are_cancelled_and_counted() -> None:
    options = ("--timeout-graceful-shutdown", "1")
    with Server(LIFE, *options, allow=("cancelled",)) as server, ExitStack() as stack:
        streams = [stack.enter_context(server.connect()) for _ in range(3)]
        for stream in streams:
            stream.request("GET", "/slow", read=False)
        server.log.wait_for("request begun", count=3)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        order(server, "stopping", "cancelled 3 requests at the end of the drain", "lifespan.shutdown")
        for stream in streams:
            stream.socket.settimeout(10)
            assert _ended(stream.socket)


def _ended(connection: socket.socket) -> bool:
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True
