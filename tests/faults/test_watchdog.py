"""Boots that hang, loops that do not turn, processes that are stopped, and what the kernel kills for its memory."""

from __future__ import annotations

import os
import re
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faults.harness import UNDER_ASAN, FaultServer
from integration.blocking import line_of, write_blocking
from integration.server import APPS
from integration.versions import KILLED
from integration.wire import Truncated

HUNG = "gave no sign of life"
LOST = (Truncated, ConnectionResetError)


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    return write_blocking(tmp_path)


@pytest.mark.parametrize("mode", [(), ("--preload",)], ids=["import in the worker", "preload"])
def test_fault_06_import_that_sleeps_shows_where_and_is_ended(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """At the boot timeout the stacks are logged and the process is ended: a failed first boot."""
    (tmp_path / "sleepy.py").write_text("import time\ntime.sleep(600)\nasync def app(scope, receive, send): pass\n")
    boot_s = "10" if UNDER_ASAN else "3"
    server = FaultServer("sleepy:app", "--timeout-boot", boot_s, *mode, app_dir=tmp_path, expect_exit=3, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count("not ready (with)?in") == 1
    assert server.log.count("was aborted; its threads were here") == 1
    assert server.log.count(r'sleepy\.py", line 2 in <module>') == 1


def test_fault_07_import_that_holds_the_gil_is_not_hung(tmp_path: Path) -> None:
    """A boot has its own clock; the heartbeat limit does not count for it."""
    (tmp_path / "slow.py").write_text("import ctypes\nctypes.PyDLL(None).sleep(5)\nfrom raw import app\n")
    with FaultServer("slow:app", "--timeout-worker-healthcheck", "3", "--timeout-boot", "60", app_dir=tmp_path,
                     environment={"PYTHONPATH": str(APPS)}) as server:
        assert server.get("/hello").status == 200
        assert server.log.count("has not turned|not ready") == 0


@pytest.mark.parametrize(("target", "where"), [("/block?60", "the line to find"), ("/hold-gil", "sum(range")],
                         ids=["blocks", "holds the GIL"])
def test_fault_08_worker_that_hangs_is_shown_aborted_and_replaced(app_dir: Path, target: str, where: str) -> None:
    """The stack names file and line, the worker is replaced, and the others serve on meanwhile."""
    with FaultServer("blocking:app", "--workers", "2", "--timeout-worker-healthcheck", "2", app_dir=app_dir,
                     allow=(HUNG, "was aborted", r"killed by signal 6 \(SIGABRT\)")) as server:
        before = server.wait_workers(2)
        with server.connect() as connection:
            connection.request("GET", target, read=False)
            server.log.wait_for(r"worker \d: the event loop \(pid \d+\) has not turned for \d\.\d s \(it may for 2 s\)")
            at = rf'blocking\.py", line {line_of(where)} in '
            server.log.wait_for(at)
            server.log.wait_for(f"worker .*{HUNG}.*; respawning now")
            for _ in range(20):
                assert server.get("/pid").status == 200
            with pytest.raises(LOST):
                connection.read_response()
        after = server.wait_workers(2)
        changed = [slot for slot in before if before[slot] != after[slot]]
        assert len(changed) == 1
        server.log.wait_for(at, count=2)  # once as a warning, once when it was aborted
        server.log.wait_for(rf'"GET {re.escape(target)} HTTP/1\.1" 500')
        assert server.log.count("has not turned") == 1


def test_fault_09_waiting_is_not_hanging(app_dir: Path) -> None:
    """A handler that awaits, and a thread that blocks, for longer than the limit."""
    with FaultServer("blocking:app", "--timeout-worker-healthcheck", "3", app_dir=app_dir) as server:
        before = server.wait_workers(1)
        assert server.get("/await?5").status == 200
        assert server.wait_workers(1) == before
        assert server.log.count("has not turned|no sign of life") == 0


def test_fault_10_stopped_worker_is_killed_and_replaced(app_dir: Path) -> None:
    """SIGKILL works on a process that does not run."""
    with FaultServer("blocking:app", "--workers", "2", "--timeout-worker-healthcheck", "2", app_dir=app_dir,
                     allow=(HUNG, KILLED)) as server:
        before = server.wait_workers(2)
        os.kill(before[0], signal.SIGSTOP)
        server.log.wait_for(f"worker 0 .*{HUNG}")
        server.eventually(lambda: server.workers().get(0, [before[0]]) not in ([before[0]], []), "a new worker 0")
        assert server.wait_workers(2)[1] == before[1]


def test_fault_10_everything_stopped_and_continued_kills_nobody(app_dir: Path) -> None:
    """The suspend guard: nobody is blamed for the time in which nothing ran."""
    with FaultServer("blocking:app", "--workers", "2", "--timeout-worker-healthcheck", "3", app_dir=app_dir) as server:
        before = server.wait_workers(2)
        everybody = [process.pid for process in server.family()]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(5)  # what is tested is that time passes: more than the limit
        for pid in everybody:
            os.kill(pid, signal.SIGCONT)
        assert server.get("/await?4").status == 200  # long enough for a late verdict
        assert server.wait_workers(2) == before
        assert server.log.count("has not turned|no sign of life") == 0


MIB = 2**20
GREEDY = """
import os
from raw import app as inner
async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"] == "/greedy":
        os.kept = b"x" * (4 << 30)
    await inner(scope, receive, send)
"""


@contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Path]:
    """One of our own, or a skipped test."""
    first = Path("/sys/fs/cgroup/memory")
    folder = (first if first.is_dir() else Path("/sys/fs/cgroup")) / f"tricorn-{uuid.uuid4().hex}"
    limit = "memory.limit_in_bytes" if first.is_dir() else "memory.max"
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("no cgroup can be made here")
    try:
        try:
            (folder / limit).write_text(str(limit_bytes))
        except OSError:
            pytest.skip("no memory controller for it here")
        yield folder
    finally:
        folder.rmdir()


@pytest.mark.root
@pytest.mark.parametrize("arguments", [(), ("--exit-on-worker-crash",)], ids=["respawned", "exit-on-worker-crash"])
def test_fault_36_worker_killed_for_its_memory_is_said_to_be(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "greedy.py").write_text(GREEDY)
    with memory_cgroup(1024 * MIB) as group:
        into_group = ("sh", "-c", f'echo $$ >{group}/cgroup.procs; exec "$@"', "sh")
        with FaultServer("greedy:app", "--workers", "2", *arguments, app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)},
                         command_prefix=into_group, expect_exit=137 if arguments else 0,
                         allow=(KILLED, "exit-on-worker-crash")) as server:
            before = server.wait_workers(2)
            with server.connect() as connection, pytest.raises(LOST):
                connection.get("/greedy")
            server.log.wait_for(rf"worker \d .*killed by the kernel: out of memory \(cgroup /{group.name}\), 1 so far")
            if arguments:
                assert server.wait() == 137
            else:
                server.eventually(lambda: server.wait_workers(2) != before, "another worker")
                assert server.get("/hello").status == 200
