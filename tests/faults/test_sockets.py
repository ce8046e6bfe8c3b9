"""The listening sockets: nobody's connection is stranded, starved or dropped, and a path is never taken from another."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest

from faults.harness import FaultServer
from integration.server import APPS, DEADLINE_S, clean_environment, executable
from integration.versions import reload

SHARINGS = pytest.mark.parametrize("sharing", [(), ("--reuse-port",)], ids=["shared", "reuse-port"])


@SHARINGS
def test_fault_26_no_connection_is_stranded_by_a_worker_that_retires(sharing: tuple[str, ...]) -> None:
    """One connection at a time: the next one, which would wake somebody, comes only when this one has been answered."""
    with FaultServer("raw:app", "--workers", "2", *sharing) as server:
        stopping = threading.Event()
        failures: list[BaseException] = []
        answered = 0

        def ask() -> None:
            nonlocal answered
            while not stopping.is_set():
                try:
                    assert server.get("/hello").status == 200
                    answered += 1
                except BaseException as failure:  # noqa: BLE001 (it is the result)
                    failures.append(failure)

        client = threading.Thread(target=ask)
        client.start()
        try:
            for number in range(1, 11):
                goal = answered + 20
                reload(server, number)
                server.eventually(lambda: answered >= goal or failures, "answers go on")
        finally:
            stopping.set()
            client.join(DEADLINE_S)
        assert not client.is_alive() and not failures, failures


@SHARINGS
def test_fault_27_too_few_descriptors_cost_no_connection_and_no_cpu(sharing: tuple[str, ...]) -> None:
    """Two workers with 64 descriptors, 200 connections: what does not fit waits in the queue."""
    limited = ("prlimit", "--nofile=64")
    with FaultServer("raw:app", "--workers", "2", "--timeout-header", "60", *sharing, command_prefix=limited,
                allow=("accept: Too many open files",)) as server, ExitStack() as stack:
        workers = server.wait_workers(2)
        served = {one_identity(server) for _ in range(40)}  # UBSan needs descriptors where code runs for the first time
        assert served == set(workers.values())
        connections = [stack.enter_context(server.connect()) for _ in range(200)]
        server.log.wait_for("accept: Too many open files", count=2)  # once each: the other one takes what overflows
        before = {pid: cpu_ticks(pid) for pid in workers.values()}
        threading.Event().wait(1)  # the time over which a busy loop would show
        for pid, ticks in before.items():
            assert cpu_ticks(pid) - ticks < 0.4 * os.sysconf("SC_CLK_TCK")
        assert server.log.count("accept: Too many open files") == 2, "said once"
        for connection in connections:
            connection.request("GET", "/identity", {"connection": "close"}, read=False)
        answers = [connection.read_response() for connection in connections]
        assert [answer.status for answer in answers] == [200] * 200
        assert {json.loads(answer.body)["pid"] for answer in answers} == set(workers.values())


def test_fault_29_a_burst_spreads_evenly_over_the_workers() -> None:
    """256 connections that are opened at once and kept, on 8 workers: the fullest has at most 1.3 times the mean."""
    with FaultServer("raw:app", "--workers", "8") as server, ExitStack() as stack:
        server.wait_workers(8)
        connections = [stack.enter_context(server.connect()) for _ in range(256)]
        for connection in connections:
            connection.request("GET", "/identity", read=False)
        load = Counter(json.loads(connection.read_response().body)["pid"] for connection in connections)
        assert len(load) == 8 and max(load.values()) <= 1.3 * 256 / 8, load


def test_fault_29_each_worker_gets_its_part_of_single_connections() -> None:
    """1000 one after the other on 8 workers: the kernel would always wake the same one."""
    with FaultServer("raw:app", "--workers", "8") as server:
        server.wait_workers(8)
        load = Counter(json.loads(server.get("/identity").body)["pid"] for _ in range(1000))
        assert len(load) == 8 and min(load.values()) >= 50, load


def test_fault_31_dead_socket_is_replaced_and_is_right_before_anybody_can_connect(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    path.chmod(0o777)
    modes: list[int] = []

    def be_the_first_to_connect() -> None:
        with socket.socket(socket.AF_UNIX) as client:
            while True:
                try:
                    client.connect(str(path))
                    return modes.append(stat.S_IMODE(path.stat().st_mode))
                except OSError:
                    if stopping.wait(0.0001):
                        return

    stopping = threading.Event()
    first = threading.Thread(target=be_the_first_to_connect)
    first.start()
    try:
        with FaultServer("raw:app", "--uds-permissions", "620", bind=("--uds", str(path))) as server:
            assert server.get("/hello").status == 200
            first.join(DEADLINE_S)
    finally:
        stopping.set()
        first.join(DEADLINE_S)
    assert modes == [0o620]
    assert not path.exists()


def test_fault_31_live_socket_is_left_to_its_server(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with FaultServer("raw:app", bind=("--uds", str(path))) as server:
        refused(path, "another server is listening there")
        assert server.get("/hello").status == 200


def test_fault_31_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    refused(path, "it exists and is not a socket")
    assert path.read_text() == "data"


def test_fault_31_socket_that_took_the_path_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    with socket.socket(socket.AF_UNIX) as successor:
        with FaultServer("raw:app", bind=("--uds", str(path))):
            path.unlink()
            successor.bind(str(path))
        assert path.is_socket()


def refused(path: Path, reason: str) -> None:
    result = subprocess.run([executable(), "--app-dir", APPS, "--uds", path, "raw:app"], env=clean_environment(),
                            capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert result.returncode == 1, result
    assert f"cannot listen on unix:{path}: {reason}" in result.stderr


def one_identity(server: FaultServer) -> int:
    return int(json.loads(server.get("/identity", {"connection": "close"}).body)["pid"])


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
