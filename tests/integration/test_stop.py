"""Supervision: stops, graceful, quick and as pid 1; no orphan is left. Fault numbers in the docstrings."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from integration.server import DEADLINE_S, Server
from integration.versions import KILLED, MODES, write_app, write_source
from integration.wire import Connection


def refuses(server: Server) -> bool:
    """True when nobody listens any more."""
    try:
        server.connect().close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


def gated(gate: Path, *arguments: str, **options: object) -> Server:
    return Server("gate:app", *arguments, environment={"GATE": str(gate)}, **options)  # type: ignore[arg-type]


def start_requests(server: Server, count: int, target: str) -> list[Connection]:
    """Connections whose requests have reached the app, where they wait."""
    connections = [server.connect() for _ in range(count)]
    for connection in connections:
        connection.request("GET", target, read=False)
    server.log.wait_for("request waits", count=count)
    return connections


def finish_requests(connections: list[Connection]) -> None:
    """Every request is answered, and each answer says that the connection ends."""
    responses = [connection.read_response() for connection in connections]
    for connection in connections:
        connection.close()
    assert [response.body for response in responses] == [b"gate open"] * len(connections)
    assert all(response.says_close for response in responses)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_answers_every_request_in_flight(gate: Path, number: int) -> None:
    """Fault 18: 100 answers with connection: close; refused meanwhile; lifespan shutdown once per worker; code 0."""
    with gated(gate, "--workers", "2") as server:
        connections = start_requests(server, 100, "/wait")
        server.signal(number)
        server.eventually(lambda: refuses(server), "the listener closes")
        gate.touch()
        finish_requests(connections)
        assert server.wait() == 0
        assert server.log.count("lifespan shutdown") == 2


def test_stop_answers_what_waits_in_the_accept_queue(gate: Path) -> None:
    """Fault 19: the only worker is blocked, 30 connections are queued: answered, never reset."""
    with Server("raw:app") as server:
        worker = server.wait_workers(1)[0]
        os.kill(worker, signal.SIGSTOP)
        connections = [server.connect() for _ in range(30)]
        for connection in connections:
            connection.request("GET", "/hello", read=False)
        server.signal(signal.SIGTERM)
        server.log.wait_for("stopping")
        os.kill(worker, signal.SIGCONT)
        assert {connection.read_response().status for connection in connections} <= {200, 503}
        for connection in connections:
            connection.close()
        assert server.wait() == 0


def test_idle_connections_do_not_delay_a_stop() -> None:
    with Server("raw:app") as server, server.connect() as idle, server.connect():
        assert idle.get("/hello").status == 200
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert idle.at_end()


def test_endless_request_is_cancelled_at_the_drain_deadline(gate: Path) -> None:
    """Fault 20: its `finally` runs, lifespan shutdown runs, exit code 0."""
    with gated(gate, "--timeout-graceful-shutdown", "1", allow=("cancelled", "CancelledError")) as server:
        connections = start_requests(server, 1, "/endless")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert server.log.count("finally ran") == server.log.count("lifespan shutdown") == 1
        connections[0].close()


def test_worker_that_ignores_the_deadline_is_killed(tmp_path: Path) -> None:
    """Fault 20: a blocked loop cannot be cancelled: SIGKILL, exit code 1, and the log says so."""
    with Server("raw:app", "--timeout-graceful-shutdown", "1", expect_exit=1,
                allow=("did not end in time", KILLED)) as server:
        with server.connect() as connection:
            connection.request("GET", "/block?ms=60000", read=False)
            server.eventually(lambda: refuses_to_answer(server), "the loop is blocked")
            server.signal(signal.SIGTERM)
            assert server.wait() == 1
        server.log.wait_for("did not end in time")


def refuses_to_answer(server: Server) -> bool:
    """True when a request on a new connection gets no answer within a tenth of a second."""
    with server.connect() as connection:
        connection.socket.settimeout(0.1)
        try:
            connection.get("/hello")
        except TimeoutError:
            return True
    return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_second_signal_ends_at_once_but_cleanly(gate: Path, number: int, code: int) -> None:
    """Fault 21, P56: no drain, but lifespan shutdown still runs; 128 + signal as exit code."""
    with gated(gate, "--workers", "2", expect_exit=code, allow=("cancelled", "CancelledError")) as server:
        connections = start_requests(server, 4, "/endless")
        server.signal(number)
        server.log.wait_for("requests in progress may end")
        server.signal(number)
        assert server.wait() == code
        assert server.log.count("lifespan shutdown") == 2
        for connection in connections:
            connection.close()


def test_quit_is_fast(gate: Path) -> None:
    """QUIT: no drain, exit code 0, lifespan shutdown runs."""
    with gated(gate, allow=("cancelled", "CancelledError")) as server:
        connections = start_requests(server, 1, "/endless")
        server.signal(signal.SIGQUIT)
        assert server.wait() == 0
        assert server.log.count("lifespan shutdown") == 1
        connections[0].close()


def test_ctrl_c_reaches_the_whole_group_and_stops_once(gate: Path) -> None:
    """Fault 22: one graceful stop, no traceback; the workers ignore the terminal's INT."""
    with gated(gate, "--workers", "2") as server:
        connections = start_requests(server, 10, "/wait")
        os.killpg(server.pid, signal.SIGINT)
        server.eventually(lambda: refuses(server), "the listener closes")
        gate.touch()
        finish_requests(connections)
        assert server.wait() == 0
        assert server.log.count("Traceback|KeyboardInterrupt") == 0


def test_stop_while_a_reload_is_under_way(tmp_path: Path) -> None:
    """Fault 15: the signal is served at once although a replacement boots for a minute."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", app_dir=tmp_path) as server:
        server.wait_workers(2)
        write_source(tmp_path, "import os, time\nos.write(1, b'booting\\n')\ntime.sleep(60)\n")
        server.signal(signal.SIGHUP)
        server.log.wait_for("booting")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_shutdown_delay_serves_on_until_a_second_signal(tmp_path: Path) -> None:
    """Window 9: after TERM new connections are served, a killed worker is respawned, and the manager hears of it."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.settimeout(DEADLINE_S)
    with Server("raw:app", "--workers", "2", "--shutdown-delay", "600", allow=(KILLED,),
                environment={"NOTIFY_SOCKET": str(tmp_path / "notify")}) as server, manager:
        workers = server.wait_workers(2)
        with server.connect() as connection:
            assert connection.get("/hello").status == 200
            server.signal(signal.SIGTERM)
            server.log.wait_for("stopping after --shutdown-delay")
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
    with gated(gate, "--shutdown-delay", "1") as server:
        server.signal(signal.SIGTERM)
        server.log.wait_for("stopping after --shutdown-delay")
        connections = start_requests(server, 3, "/wait")
        server.log.wait_for("requests in progress may end")
        server.eventually(lambda: refuses(server), "the sockets are closed")
        gate.touch()
        finish_requests(connections)
        assert server.wait() == 0


@MODES
def test_killed_master_leaves_no_orphan(gate: Path, mode: tuple[str, ...]) -> None:
    """Fault 23: requests in flight complete, then every worker and zygote ends, and the port is free."""
    with gated(gate, "--workers", "2", *mode, expect_exit=-signal.SIGKILL) as server:
        connections = start_requests(server, 10, "/wait")
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        server.log.wait_for("master is gone")
        gate.touch()
        responses = [connection.read_response() for connection in connections]
        assert [response.body for response in responses] == [b"gate open"] * 10
        server.eventually(lambda: not server.family(), "everything ends")
        for connection in connections:
            connection.close()


@pytest.mark.root
def test_as_process_one_of_a_container() -> None:
    """Faults 25, 23: as pid 1 it reaps strangers and stops by TERM; its end takes everything along."""
    unshare = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no process namespaces here")
    with Server("orphans:app", "--workers", "2", command_prefix=unshare) as server:
        assert server.get("/").body == b"20 orphans"
        server.eventually(lambda: not [p for p in server.family() if p.zombie], "no zombie")
        master = next(p for p in server.family() if p.parent == server.pid)
        os.kill(master.pid, signal.SIGTERM)
        assert server.wait() == 0
