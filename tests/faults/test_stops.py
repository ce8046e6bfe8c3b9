"""Stops in every situation: each ends, within its deadline, with the right exit code, and answers what it can."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from faults.harness import WORKERS, FaultServer, zygotes
from integration.gates import finish_requests, gated, start_requests
from integration.processes import refuses
from integration.versions import KILLED, MODES, write_app, write_source


def test_fault_15_stop_while_a_replacement_boots(tmp_path: Path) -> None:
    """It would boot for ten minutes. It is told to quit and gets a second, which is less than G."""
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(WORKERS), "--timeout-graceful-shutdown", "2", app_dir=tmp_path) as server:
        server.wait_workers(WORKERS)
        write_source(tmp_path, "import os, time\nos.write(1, b'booting\\n')\ntime.sleep(600)\n")
        server.signal(signal.SIGHUP)
        server.log.wait_for("booting")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_fault_18_stop_answers_every_request_in_flight(gate: Path, number: int) -> None:
    """They end when the gate opens, after the listener has closed; nobody has to be cancelled."""
    with gated(FaultServer, gate, "--workers", str(WORKERS)) as server:
        connections = start_requests(server, 100, "/wait")
        server.signal(number)
        server.eventually(lambda: refuses(server.address), "the listener closes")
        gate.touch()
        finish_requests(connections)
        assert server.wait() == 0
        assert server.log.count("lifespan shutdown") == WORKERS


def test_fault_18_stop_waits_for_requests_of_a_second() -> None:
    """The list's own numbers: 100 requests of 1 s."""
    with FaultServer("raw:app", "--workers", str(WORKERS)) as server:
        connections = [server.connect() for _ in range(100)]
        for connection in connections:
            connection.request("GET", "/pause?ms=1000", read=False)
        server.signal(signal.SIGTERM)
        responses = [connection.read_response() for connection in connections]
        assert [response.body for response in responses] == [b"rested"] * 100
        assert all(response.says_close for response in responses)
        for connection in connections:
            connection.close()
        assert server.wait() == 0


def test_fault_19_stop_answers_what_waits_in_the_accept_queue(gate: Path) -> None:
    """Every worker's loop is blocked by a handler; 30 connections are queued behind them."""
    with gated(FaultServer, gate, "--workers", "2") as server:
        blocking = []
        for number in (1, 2):
            blocking.append(server.connect())
            blocking[-1].request("GET", "/block", read=False)
            server.log.wait_for("loop blocked", count=number)
        queued = [server.connect() for _ in range(30)]
        for connection in queued:
            connection.request("GET", "/hello", read=False)
        server.signal(signal.SIGTERM)
        server.log.wait_for("requests in progress may end")
        gate.touch()
        assert {connection.read_response().status for connection in queued} <= {200, 503}
        assert [connection.read_response().body for connection in blocking] == [b"gate open"] * 2
        for connection in [*queued, *blocking]:
            connection.close()
        assert server.wait() == 0


def test_fault_20_endless_request_is_cancelled_at_the_drain_deadline(gate: Path) -> None:
    """Not earlier, and with its `finally` and lifespan shutdown; nobody had to be killed."""
    allow = ("cancelled", "CancelledError")
    with gated(FaultServer, gate, "--workers", "2", "--timeout-graceful-shutdown", "2", allow=allow) as server:
        connections = start_requests(server, 1, "/endless")
        began = time.monotonic()
        server.signal(signal.SIGTERM)
        server.log.wait_for("finally ran")
        assert time.monotonic() - began >= 2.0 - 0.05  # the loop's clock has milliseconds
        assert server.wait() == 0
        assert server.log.count("finally ran") == 1
        assert server.log.count("lifespan shutdown") == 2
        assert not server.log.count("did not end in time")
        connections[0].close()


def test_fault_20_worker_that_ignores_the_deadline_is_killed(gate: Path) -> None:
    """A blocked loop cannot be cancelled: KILL a second after the deadline, exit code 1, and the log says so."""
    allow = ("did not end in time", KILLED)
    with gated(FaultServer, gate, "--workers", "2", "--timeout-graceful-shutdown", "2", expect_exit=1, allow=allow) as server:
        with server.connect() as connection:
            connection.request("GET", "/block", read=False)
            server.log.wait_for("loop blocked")
            began = time.monotonic()
            server.signal(signal.SIGTERM)
            server.log.wait_for("did not end in time: killed")
            assert time.monotonic() - began >= 3.0
            assert server.wait() == 1
        assert server.log.count("lifespan shutdown") == 1, "the other's"


@pytest.mark.parametrize(("first", "second", "code"), [
    (signal.SIGTERM, signal.SIGTERM, 143), (signal.SIGTERM, signal.SIGINT, 130), (signal.SIGINT, signal.SIGINT, 130)])
def test_fault_21_second_signal_ends_at_once_but_cleanly(gate: Path, first: int, second: int, code: int) -> None:
    """No drain (G is half an hour here), but lifespan shutdown still runs; 128 + the second signal."""
    with gated(FaultServer, gate, "--workers", "2", "--timeout-graceful-shutdown", "1800", expect_exit=code,
               allow=("cancelled", "CancelledError")) as server:
        connections = start_requests(server, 4, "/endless")
        server.signal(first)
        server.log.wait_for("requests in progress may end")
        server.signal(second)
        assert server.wait() == code
        assert server.log.count("lifespan shutdown") == 2
        for connection in connections:
            connection.close()


def test_fault_22_ctrl_c_reaches_the_whole_group_and_stops_once(gate: Path) -> None:
    with gated(FaultServer, gate, "--workers", str(WORKERS)) as server:
        connections = start_requests(server, 10, "/wait")
        os.killpg(server.pid, signal.SIGINT)
        server.eventually(lambda: refuses(server.address), "the listener closes")
        gate.touch()
        finish_requests(connections)
        assert server.wait() == 0
        assert server.log.count("stopping") == 1
        assert server.log.count("Traceback|KeyboardInterrupt") == 0


STUCK = """
async def app(scope, receive, send):
    while scope["path"] == "/stuck":
        pass
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body"})
"""


def test_fault_23_worker_whose_loop_is_stuck_does_not_outlive_a_killed_master_for_long(tmp_path: Path) -> None:
    """Nobody is left to abort it, and it hears of nothing: a thread of its own ends it."""
    (tmp_path / "stuck.py").write_text(STUCK)
    with FaultServer("stuck:app", "--timeout-worker-healthcheck", "8", "--timeout-graceful-shutdown", "1", "--lifespan", "off",
                     app_dir=tmp_path, expect_exit=-signal.SIGKILL) as server:
        with server.connect() as connection:
            connection.request("GET", "/stuck", read=False)
            server.log.wait_for("has not turned")
            server.signal(signal.SIGKILL)
            assert server.wait() == -signal.SIGKILL
            server.eventually(lambda: not server.family(), "everything ends")


@MODES
@pytest.mark.parametrize("with_zygote", [False, True], ids=["master", "master-and-zygote"])
def test_fault_23_killed_master_leaves_no_orphan(gate: Path, mode: tuple[str, ...], with_zygote: bool) -> None:
    """What is in flight is answered although nobody is there to wait for it; then all end, and the port is free."""
    with gated(FaultServer, gate, "--workers", "2", *mode, expect_exit=-signal.SIGKILL) as server:
        connections = start_requests(server, 10, "/wait")
        (zygote,) = zygotes(server)
        server.signal(signal.SIGKILL)
        if with_zygote:
            os.kill(zygote, signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        server.log.wait_for("master is gone", count=2)
        gate.touch()
        responses = [connection.read_response() for connection in connections]
        assert [response.body for response in responses] == [b"gate open"] * 10
        server.eventually(lambda: not server.family(), "everything ends")
        for connection in connections:
            connection.close()
