"""Supervision: stops, beside what tests/faults has of them."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

from integration.gates import finish_requests, gated, start_requests
from integration.processes import refuses
from integration.server import DEADLINE_S, Server
from integration.versions import KILLED


def test_idle_connections_do_not_delay_a_stop() -> None:
    with Server("raw:app") as server, server.connect() as idle, server.connect():
        assert idle.get("/hello").status == 200
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert idle.at_end()


def test_quit_is_fast(gate: Path) -> None:
    """QUIT: no drain, exit code 0, lifespan shutdown runs."""
    with gated(Server, gate, allow=("cancelled", "CancelledError")) as server:
        connections = start_requests(server, 1, "/endless")
        server.signal(signal.SIGQUIT)
        assert server.wait() == 0
        assert server.log.count("lifespan shutdown") == 1
        connections[0].close()


def test_shutdown_delay_serves_on_until_a_second_signal(tmp_path: Path) -> None:
    """Window 9: after TERM new connections are served, a killed worker is respawned, and the manager hears of it."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(DEADLINE_S)
    with Server("raw:app", "--workers", "2", "--shutdown-delay", "600", "--readiness-path", "/-/ready", allow=(KILLED,),
                environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as server, manager:
        workers = server.wait_workers(2)
        with server.connect() as connection:
            assert connection.get("/hello").status == 200
            assert connection.get("/-/ready").status == 200
            server.signal(signal.SIGTERM)
            server.log.wait_for("stopping after --shutdown-delay")
            assert connection.get("/-/ready").status == 503
            while b"STOPPING=1" not in manager.recv(4096):
                pass
            assert b"STATUS=" in (status := manager.recv(4096)) and b"stopping" in status
            response = connection.get("/hello")
            assert response.status == 200 and not response.says_close
        assert server.get("/hello").status == 200
        os.kill(workers[0], signal.SIGKILL)
        server.eventually(lambda: server.wait_workers(2)[0] != workers[0], "it is respawned")
        server.signal(signal.SIGHUP)
        assert server.get("/hello").status == 200
        assert server.stop(signal.SIGTERM) == 0
        assert not server.log.count("reloading: generation")


def test_shutdown_delay_ends_by_itself_in_a_graceful_stop(gate: Path) -> None:
    """A request that came in the delay is answered after it."""
    with gated(Server, gate, "--shutdown-delay", "1") as server:
        server.signal(signal.SIGTERM)
        server.log.wait_for("stopping after --shutdown-delay")
        connections = start_requests(server, 3, "/wait")
        server.log.wait_for("requests in progress may end")
        server.eventually(lambda: refuses(server.address), "the sockets are closed")
        gate.touch()
        finish_requests(connections)
        assert server.wait() == 0
