"""Workers that die, and forks that fail: their slots are filled again, the others notice nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from faults.harness import WORKERS, FaultServer, cpu_seconds, zygotes
from integration.load import Load
from integration.server import APPS, Server
from integration.versions import KILLED, MODES, complete, identity, write_app


@MODES
def test_fault_01_killed_worker_costs_only_what_it_had_in_flight(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """`respawning now` (or in 0.1 s, had it served for less than a second) stands for the second that the list allows."""
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(WORKERS), *mode, app_dir=tmp_path, allow=(KILLED,)) as server:
        with Load(server, "/", complete, keep_alive=16, new_per_second=20) as load:
            for slot in (2, 0):
                before = server.wait_workers(WORKERS)
                failed = len(load.failed_at)
                os.kill(before[slot], signal.SIGKILL)
                server.log.wait_for(rf"worker {slot} \(pid {before[slot]}\) {KILLED}; respawning (now|in 0\.1 s)")
                server.log.wait_for(rf"worker {slot} \(pid \d+\) ready", count=2)
                after = server.wait_workers(WORKERS)
                assert after[slot] != before[slot]
                assert after | {slot: 0} == before | {slot: 0}, "the others serve on"
                server.eventually(lambda: load.served_by[f"{slot}:{after[slot]}"], "the new worker serves, with the id of the old")
                lost = load.failed_at[failed:]
                assert set(lost) <= {f"{slot}:{before[slot]}", ""}, "only connections of the killed worker"
                assert lost.count("") <= 4, "first requests that it had just accepted"
        assert not [failure for failure in load.failures if failure.startswith("connect") or "Timeout" in failure]


def test_fault_02_accept_queue_survives_a_workers_death() -> None:
    with FaultServer("raw:app", "--workers", str(WORKERS), allow=(KILLED,)) as server:
        workers = server.wait_workers(WORKERS)
        for pid in workers.values():
            os.kill(pid, signal.SIGSTOP)
        connections = [server.connect() for _ in range(50)]
        for connection in connections:
            connection.request("GET", "/hello", read=False)
        os.kill(workers[0], signal.SIGKILL)
        for slot in range(1, WORKERS):
            os.kill(workers[slot], signal.SIGCONT)
        assert [connection.read_response().status for connection in connections] == [200] * 50
        for connection in connections:
            connection.close()
        server.wait_workers(WORKERS)


class CrashLoop:
    """An app whose worker 0 ends itself 100 ms after it is ready, as long as `crash` is there; it notes when it began and ended."""

    SOURCE = """
import asyncio, os, pathlib, time
from raw import app as inner
HERE = pathlib.Path(__file__).parent

def note(what):
    with open(HERE / "notes", "a") as notes:
        notes.write(f"{what} {time.monotonic()}\\n")

def end():
    note("end")
    os._exit(1)

async def app(scope, receive, send):
    if scope["type"] == "lifespan" and os.environ["TRICORN_WORKER_ID"] == "0":
        note("start")
        if (HERE / "crash").exists():
            asyncio.get_running_loop().call_later(0.1, end)
    await inner(scope, receive, send)
"""

    def __init__(self, folder: Path) -> None:
        self.folder, self.crash = folder, folder / "crash"
        (folder / "crashing.py").write_text(self.SOURCE)

    def times(self, what: str) -> list[float]:
        return [float(line.split()[1]) for line in (self.folder / "notes").read_text().splitlines() if line.startswith(what)]

    def pauses(self) -> list[float]:
        """From each end to the next start."""
        return [start - end for end, start in zip(self.times("end"), self.times("start")[2:], strict=False)]


def test_fault_03_crash_loop_backs_off_says_little_and_heals(tmp_path: Path) -> None:
    """Six crashes, so that it ends; the cap of 30 s is tested in supervisor/policy. A slow machine makes pauses longer, never shorter."""
    loop = CrashLoop(tmp_path)
    with FaultServer("crashing:app", "--workers", str(WORKERS), app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)},
                     allow=(KILLED, "ended with exit code 1")) as server:
        before = server.wait_workers(WORKERS)
        loop.crash.touch()
        began, cpu = time.monotonic(), cpu_seconds(server.pid)
        os.kill(before[0], signal.SIGKILL)
        free = server.log.wait_for(f"worker 0 .*{KILLED}; respawning (now|in)")[1] == "now"  # it had settled
        server.eventually(lambda: len(loop.times("end")) == 6, "six crashes")
        loop.crash.unlink()
        share = (cpu_seconds(server.pid) - cpu) / (time.monotonic() - began)
        assert share < 0.02, f"the master used {share:.1%} of a processor"
        expected = [(0.1 if free else 0.2) * 2**number for number in range(5)]
        pauses = loop.pauses()[:5]
        assert all(pause >= 0.8 * delay for pause, delay in zip(pauses, expected, strict=True)), pauses
        told = [float(match[1]) for match in server.log.matches(r"worker 0 .* ended with exit code 1.*; respawning in (\d+\.\d) s")]
        assert all(0.8 * delay - 0.05 <= tell <= 1.2 * delay + 0.05 for tell, delay in zip(told, expected, strict=False)), told
        since_loop = next(number for number, line in enumerate(server.log.lines) if "ended with exit code 1" in line)
        assert 0 < server.log.count("worker 0", since_loop) <= 6
        server.eventually(lambda: identity(server) not in before.values(), "worker 0 serves again")
        assert len(loop.times("start")) == 1 + 6 + 1, "healed with the next start"
        assert server.wait_workers(WORKERS) | {0: 0} == before | {0: 0}, "the other slots were not touched"


def assert_orphans_are_reaped(server: Server) -> None:
    """Strangers that end with our own exit codes: one line each, at debug level."""
    assert server.get("/").body == b"20 orphans"
    server.log.wait_for("reaped a stranger", count=20)
    for end in ("exit code 0", "exit code 3", "exit code 4", r"signal 11 \(SIGSEGV\)"):
        assert server.log.count(rf"reaped a stranger \(pid \d+\): {end}") == 5
    server.eventually(lambda: not [p for p in server.family() if p.zombie], "no zombie")


def test_fault_25_orphans_are_reaped_by_a_subreaper() -> None:
    with FaultServer("orphans:app", "--workers", "2", "--log-level", "debug") as server:
        workers = server.wait_workers(2)
        assert_orphans_are_reaped(server)
        assert server.wait_workers(2) == workers
        assert server.get("/hello").status == 200


@pytest.mark.root
def test_fault_25_orphans_are_reaped_by_process_one() -> None:
    """In a process namespace of its own, as in a container; it stops by TERM."""
    unshare = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no process namespaces here")
    with Server("orphans:app", "--workers", "2", "--log-level", "debug", command_prefix=unshare) as server:
        workers = server.wait_workers(2)
        assert_orphans_are_reaped(server)
        assert server.wait_workers(2) == workers
        master = next(p for p in server.family() if p.parent == server.pid)
        os.kill(master.pid, signal.SIGTERM)
        assert server.wait() == 0


@contextmanager
def soft_limit(pid: int, name: str, limit: int, as_user: tuple[str, ...] = ()) -> Iterator[None]:
    """Of another process: what prlimit(1) calls `name`."""
    def prlimit(*arguments: str) -> str:
        return subprocess.run([*as_user, "prlimit", f"--pid={pid}", *arguments], check=True, capture_output=True, text=True).stdout
    before = prlimit(f"--{name}", "--raw", "--noheadings", "--output=SOFT").strip()
    prlimit(f"--{name}={limit}:")
    try:
        yield
    finally:
        prlimit(f"--{name}={before}:")


COULD_NOT_START = r"worker 0 .*could not be started: (.*); trying again in (\d+\.\d) s"


def test_fault_28_fork_fails_at_a_respawn() -> None:
    """The limit is the zygote's. It does not bind root, who therefore runs the server as a user that may read root's files."""
    may = "-all,+dac_override,+dac_read_search"
    as_user = ("setpriv", "--reuid=54328", f"--inh-caps={may}", f"--ambient-caps={may}") if os.geteuid() == 0 else ()
    if subprocess.run([*as_user, "true"], capture_output=True).returncode != 0:
        pytest.skip("no other user to be here")
    with FaultServer("raw:app", "--workers", "2", "--log-level", "debug", command_prefix=as_user, allow=(KILLED,)) as server:
        before = server.wait_workers(2)
        (zygote,) = zygotes(server)
        with soft_limit(zygote, "nproc", 1, as_user):
            os.kill(before[0], signal.SIGKILL)
            server.log.wait_for(COULD_NOT_START, count=4)
            for _ in range(50):
                assert identity(server) == before[1]
        assert server.log.count(f"WARN .*{COULD_NOT_START}") == 1, "said once; DEBUG has the rest"
        delays = [float(match[2]) for match in server.log.matches(COULD_NOT_START)]
        assert all(later > earlier for earlier, later in pairwise(delays)), delays
        assert server.wait_workers(2)[1] == before[1]
        server.eventually(lambda: identity(server) not in before.values(), "the new worker serves")


def test_fault_28_master_out_of_descriptors() -> None:
    """It can make no pair of sockets: neither for a worker nor, at a reload, for a zygote; both come later."""
    allowed = (KILLED, "cannot start zygote", "reload aborted")
    with FaultServer("raw:app", "--workers", "2", allow=allowed) as server:
        before = server.wait_workers(2)
        with soft_limit(server.pid, "nofile", 3):
            os.kill(before[0], signal.SIGKILL)
            assert re.search("open files", server.log.wait_for(COULD_NOT_START)[1])
            server.signal(signal.SIGHUP)
            server.log.wait_for("reload aborted")
            for _ in range(50):
                assert identity(server) == before[1]
        assert server.wait_workers(2)[1] == before[1]
        server.signal(signal.SIGHUP)
        server.log.wait_for("reloaded: generation")
        assert server.get("/hello").status == 200
