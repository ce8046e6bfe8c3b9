"""Supervision: what happens to requests when processes die or never come up. Fault numbers in the docstrings."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from integration.load import Load
from integration.server import APPS, Server
from integration.versions import KILLED, MODES, complete, concurrently, identity, write_app
from integration.wire import Truncated


@MODES
def test_killed_worker_is_replaced_in_its_slot(mode: tuple[str, ...]) -> None:
    """Fault 1: a new pid in the same slot, the others untouched, the reason in the log."""
    with Server("raw:app", "--workers", "3", *mode, allow=(KILLED,)) as server:
        before = server.wait_workers(3)
        os.kill(before[1], signal.SIGKILL)
        server.log.wait_for(f"worker 1 .*{KILLED}")
        server.eventually(lambda: before[1] not in sum(server.workers().values(), []), "the dead worker is gone")
        after = server.wait_workers(3)
        assert after[1] != before[1]
        assert (after[0], after[2]) == (before[0], before[2])
        server.eventually(lambda: identity(server) == after[1], "the new worker serves")


def test_zygote_killed_is_replaced() -> None:
    """The workers serve on, and a worker that dies afterwards is still replaced."""
    with Server("raw:app", "--workers", "2", allow=(KILLED,)) as server:
        before = server.wait_workers(2)
        zygote = next(p for p in server.family() if "zygote" in p.title)
        os.kill(zygote.pid, signal.SIGKILL)
        server.eventually(lambda: [p for p in server.family() if "zygote" in p.title and p.pid != zygote.pid], "a new zygote")
        assert server.wait_workers(2) == before
        os.kill(before[0], signal.SIGKILL)
        server.eventually(lambda: server.workers().get(0, [before[0]]) not in ([before[0]], []), "a new worker 0")
        assert server.get("/hello").status == 200


def test_requests_in_the_accept_queue_survive_a_workers_death() -> None:
    """Fault 2: workers stopped, 50 requests queued, one worker killed, the others woken: 50 answers."""
    with Server("raw:app", "--workers", "3", allow=(KILLED,)) as server:
        workers = server.wait_workers(3)
        for pid in workers.values():
            os.kill(pid, signal.SIGSTOP)
        connections = [server.connect() for _ in range(50)]
        for connection in connections:
            connection.request("GET", "/hello", read=False)
        os.kill(workers[0], signal.SIGKILL)
        for slot in (1, 2):
            os.kill(workers[slot], signal.SIGCONT)
        assert [connection.read_response().status for connection in connections] == [200] * 50
        for connection in connections:
            connection.close()
        server.wait_workers(3)


def test_load_goes_on_while_workers_are_killed(tmp_path: Path) -> None:
    """Fault 1: only requests in flight on a killed worker may fail; new connections never do."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "4", app_dir=tmp_path, allow=(KILLED,)) as server:
        with Load(server, "/", complete, keep_alive=16) as load:
            for slot in range(4):
                workers = server.wait_workers(4)
                os.kill(workers[slot], signal.SIGKILL)
                server.eventually(lambda: workers[slot] not in server.workers().get(slot, []), "the dead worker is gone")
                load.wait_answered(50)
        connects = [failure for failure in load.failures if failure.startswith("connect")]
        assert not connects
        assert len(load.failures) <= 4 * 16


def test_app_that_keeps_crashing_leaves_the_other_worker_alone(tmp_path: Path) -> None:
    """Fault 3: respawned with growing delays and six lines a minute; healed when the cause is gone."""
    crash = tmp_path / "crash"
    (tmp_path / "crashing.py").write_text(
        "import os, pathlib, asyncio\nfrom raw import app as inner\n"
        f"CRASH = pathlib.Path({str(crash)!r})\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'http' and scope['path'] == '/crash':\n        os._exit(1)\n"
        "    if scope['type'] == 'lifespan' and CRASH.exists():\n        asyncio.get_running_loop().call_later(0.02, os._exit, 1)\n"
        "    await inner(scope, receive, send)\n")
    with Server("crashing:app", "--workers", "2", app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)},
                allow=("ended with exit code 1",)) as server:
        server.wait_workers(2)
        crash.touch()
        with server.connect() as connection, pytest.raises((Truncated, ConnectionResetError)):
            connection.get("/crash")
        server.log.wait_for("exit code 1", count=3)
        assert server.get("/hello").status == 200
        crash.unlink()
        server.eventually(lambda: len(set(concurrently(8, lambda _: identity(server)))) == 2, "both workers serve again")
        assert server.log.count("worker 0") + server.log.count("worker 1") <= 12


def test_grandchildren_are_reaped_and_change_nothing() -> None:
    """Fault 25: strangers that end with our own exit codes, as children of the master (a subreaper)."""
    with Server("orphans:app", "--workers", "2") as server:
        workers = server.wait_workers(2)
        assert server.get("/").body == b"20 orphans"
        server.eventually(lambda: not [p for p in server.family() if p.zombie], "no zombie")
        assert server.wait_workers(2) == workers
        assert server.get("/").status == 200
