"""Life and death of a worker: boots that hang, loops that do not turn, processes that are stopped. Fault numbers in the
docstrings. Fault 36 (the kernel's OOM killer) is tested in supervisor/runner_test.cc, since a cgroup of one's own takes
rights that a test need not have."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from integration import processes
from integration.server import Server
from integration.versions import KILLED
from integration.wire import Truncated

HUNG = "gave no sign of life"
LOST = (Truncated, ConnectionResetError)
BOOT_S = "6"  # the interpreter itself must have started by then, on a busy machine and under ASan too

BLOCKING = '''\
import asyncio, os, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = str(os.getpid()).encode()
    if scope["path"] == "/block":
        block(float(scope["query_string"]))
    if scope["path"] == "/hold-gil":
        sum(range(10 ** 12))
    if scope["path"] == "/await":
        await asyncio.gather(asyncio.sleep(float(scope["query_string"])),
                             asyncio.to_thread(time.sleep, float(scope["query_string"])))
    if scope["path"] == "/exit":
        os._exit(int(scope["query_string"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

def block(seconds):
    time.sleep(seconds)  # the line to find
'''


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    (tmp_path / "blocking.py").write_text(BLOCKING)
    return tmp_path


def line_of(text: str) -> int:
    """Of the app."""
    return next(number for number, line in enumerate(BLOCKING.splitlines(), 1) if text in line)


# --- boots --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("mode", [(), ("--preload",)], ids=["import in the worker", "preload"])
def test_boot_that_hangs_shows_where(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """Fault 6: at the boot timeout the stacks are logged and the process is ended: a failed first boot."""
    (tmp_path / "sleepy.py").write_text("import time\ntime.sleep(600)\nasync def app(scope, receive, send): pass\n")
    server = Server("sleepy:app", "--timeout-boot", BOOT_S, *mode, app_dir=tmp_path, expect_exit=3, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count("not ready (with)?in") == 1
    assert server.log.count("was aborted; its threads were here") == 1
    assert server.log.count(r'sleepy\.py", line 2 in <module>') == 1


def test_check_of_an_app_that_hangs_shows_where(tmp_path: Path) -> None:
    (tmp_path / "sleepy.py").write_text("import time\ntime.sleep(600)\n")
    server = Server("sleepy:app", "--check", "--timeout-boot", BOOT_S, app_dir=tmp_path, expect_exit=3, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count(r'sleepy\.py", line 2 in <module>') == 1


def test_boot_that_holds_the_gil_is_not_hung(tmp_path: Path) -> None:
    """Fault 7: a boot has its own clock; the heartbeat limit does not count for it."""
    (tmp_path / "slow.py").write_text("import ctypes\nctypes.PyDLL(None).sleep(5)\nfrom raw import app\n")
    apps = str(Path(__file__).resolve().parents[1] / "apps")
    with Server("slow:app", "--timeout-worker-healthcheck", "3", "--timeout-boot", "60", app_dir=tmp_path,
                environment={"PYTHONPATH": apps}) as server:
        assert server.get("/hello").status == 200
        assert server.log.count("has not turned|not ready") == 0


# --- loops that do not turn -------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("target", "where"), [("/block?60", "the line to find"), ("/hold-gil", "sum(range")],
                         ids=["blocks", "holds the GIL"])
def test_worker_that_hangs_is_shown_aborted_and_replaced(app_dir: Path, target: str, where: str) -> None:
    """Fault 8: the stack names file and line, the worker is replaced, and the others serve on meanwhile."""
    with Server("blocking:app", "--workers", "2", "--timeout-worker-healthcheck", "2", app_dir=app_dir,
                allow=(HUNG, "was aborted")) as server:
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
        assert server.log.count("has not turned") == 1


def test_hang_that_ends_before_the_limit_is_only_shown(app_dir: Path) -> None:
    """At four fifths of the limit; the request is answered."""
    with Server("blocking:app", "--timeout-worker-healthcheck", "10", app_dir=app_dir) as server:
        before = server.wait_workers(1)
        assert server.get("/block?8.5").status == 200
        server.log.wait_for(rf'blocking\.py", line {line_of("the line to find")} in block')
        assert server.wait_workers(1) == before
        assert server.log.count("has not turned") == 1


def test_waiting_is_not_hanging(app_dir: Path) -> None:
    """Fault 9: a handler that awaits, and a thread that blocks, for longer than the limit."""
    with Server("blocking:app", "--timeout-worker-healthcheck", "3", app_dir=app_dir) as server:
        before = server.wait_workers(1)
        assert server.get("/await?5").status == 200
        assert server.wait_workers(1) == before
        assert server.log.count("has not turned|no sign of life") == 0


def test_no_limit_no_watchdog(app_dir: Path) -> None:
    with Server("blocking:app", "--timeout-worker-healthcheck", "0", app_dir=app_dir) as server:
        before = server.wait_workers(1)
        assert processes.thread_count(before[0]) == 1
        assert server.get("/block?3").status == 200
        assert server.wait_workers(1) == before
        assert server.log.count("has not turned") == 0


def test_watchdog_is_one_thread_that_sleeps(app_dir: Path) -> None:
    """And the zygote, which forks, has none."""
    with Server("blocking:app", app_dir=app_dir) as server:
        worker = server.wait_workers(1)[0]
        names = {Path(f"/proc/{worker}/task/{task}/comm").read_text().strip() for task in os.listdir(f"/proc/{worker}/task")}
        assert processes.thread_count(worker) == 2 and "watchdog" in names
        zygote = next(p for p in server.family() if "zygote" in p.title)
        assert processes.thread_count(zygote.pid) == 1


# --- stopped processes ------------------------------------------------------------------------------------------------

def test_stopped_worker_is_killed_and_replaced(app_dir: Path) -> None:
    """Fault 10: SIGKILL works on a process that does not run."""
    with Server("blocking:app", "--workers", "2", "--timeout-worker-healthcheck", "2", app_dir=app_dir,
                allow=(HUNG, KILLED)) as server:
        before = server.wait_workers(2)
        os.kill(before[0], signal.SIGSTOP)
        server.log.wait_for(f"worker 0 .*{HUNG}")
        server.eventually(lambda: server.workers().get(0, [before[0]]) not in ([before[0]], []), "a new worker 0")
        assert server.wait_workers(2)[1] == before[1]


def test_everything_stopped_and_continued_kills_nobody(app_dir: Path) -> None:
    """Fault 10, the suspend guard: nobody is blamed for the time in which nothing ran."""
    with Server("blocking:app", "--workers", "2", "--timeout-worker-healthcheck", "3", app_dir=app_dir) as server:
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


# --- crashes that are to be seen ----------------------------------------------------------------------------------------

@pytest.mark.parametrize(("end", "code"), [("SIGKILL", 137), ("exit code 7", 7), ("exit code 0", 1)])
def test_exit_on_worker_crash(app_dir: Path, end: str, code: int) -> None:
    """The other worker finishes what it does, and the server ends with the code of the one that crashed."""
    with Server("blocking:app", "--workers", "2", "--exit-on-worker-crash", app_dir=app_dir, expect_exit=code,
                allow=(KILLED, "exit-on-worker-crash")) as server:
        server.wait_workers(2)
        with server.connect() as busy, contextlib.ExitStack() as others:
            spared = busy.get("/pid").body
            while (victim := others.enter_context(server.connect())).get("/pid").body == spared:
                pass
            busy.request("GET", "/await?2", read=False)
            if end == "SIGKILL":
                os.kill(int(victim.get("/pid").body), signal.SIGKILL)
            else:
                victim.request("GET", f"/exit?{end[-1]}", read=False)
            server.log.wait_for(f"{end}.*; stopping, as --exit-on-worker-crash asks")
            assert busy.read_response().body == spared
        assert server.wait() == code


def test_exit_on_worker_crash_is_not_for_failed_reloads_and_stops(app_dir: Path) -> None:
    with Server("blocking:app", "--exit-on-worker-crash", app_dir=app_dir, allow=("reload aborted", "Traceback")) as server:
        before = server.wait_workers(1)
        (app_dir / "blocking.py").write_text("raise RuntimeError('broken')\n")
        server.signal(signal.SIGHUP)
        server.log.wait_for("reload aborted")
        assert server.get("/pid").status == 200
        (app_dir / "blocking.py").write_text(BLOCKING)
        server.signal(signal.SIGHUP)
        server.log.wait_for("reloaded: generation")
        assert server.wait_workers(1) != before
