"""Life and death of a worker: boots that hang, loops that do not turn, crashes that end the server. Faults 6 to 10 and 36
are in tests/faults."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from integration import processes
from integration.blocking import BLOCKING, line_of, write_blocking
from integration.server import Server
from integration.versions import KILLED

BOOT_S = "6"  # the interpreter itself must have started by then, on a busy machine and under ASan too


@pytest.fixture
def app_dir(tmp_path: Path) -> Path:
    return write_blocking(tmp_path)


# --- boots --------------------------------------------------------------------------------------------------------------

def test_check_of_an_app_that_hangs_shows_where(tmp_path: Path) -> None:
    (tmp_path / "sleepy.py").write_text("import time\ntime.sleep(600)\n")
    server = Server("sleepy:app", "--check", "--timeout-boot", BOOT_S, app_dir=tmp_path, expect_exit=3, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count(r'sleepy\.py", line 2 in <module>') == 1


# --- loops that do not turn -------------------------------------------------------------------------------------------

def test_hang_that_ends_before_the_limit_is_only_shown(app_dir: Path) -> None:
    """At four fifths of the limit; the request is answered."""
    with Server("blocking:app", "--timeout-worker-healthcheck", "10", app_dir=app_dir) as server:
        before = server.wait_workers(1)
        assert server.get("/block?8.5").status == 200
        server.log.wait_for(rf'blocking\.py", line {line_of("the line to find")} in block')
        assert server.wait_workers(1) == before
        assert server.log.count("has not turned") == 1


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
