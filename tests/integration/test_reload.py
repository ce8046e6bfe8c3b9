"""Supervision: reloads, recycling and scaling under load. Fault numbers in the docstrings."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from integration import processes
from integration.load import Load
from integration.processes import open_descriptors, thread_count
from integration.server import Server
from integration.versions import BROKEN, MODES, VERSIONS, complete, identity, reload, write_app, write_source


@MODES
def test_reloads_under_load_lose_no_request(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """Fault 11: HUP after HUP with changing code; no failed request, no incomplete body; slots kept, nothing leaks.

    In the middle the code is broken once: the old workers serve on, exactly one ERROR, with the traceback (fault 12).
    """
    rounds = 20 if not mode else 8
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", *mode, app_dir=tmp_path, allow=("reload aborted", "Traceback")) as server:
        before = server.wait_workers(2)
        reload(server, 1)
        descriptors, threads = open_descriptors(server.pid), thread_count(server.pid)
        with Load(server, "/", complete) as load:
            for number in range(2, rounds + 2):
                version = "v2" if number % 2 == 0 else "v1"
                write_app(tmp_path, version)
                reload(server, number)
                load.wait_answered(64)
                assert set(load.bodies) <= {f"{v}:{VERSIONS[v] * 13}".encode() for v in VERSIONS}
                if number == rounds // 2:
                    serving = server.wait_workers(2)
                    write_source(tmp_path, "raise LookupError('half a deploy')\n")
                    server.signal(signal.SIGHUP)
                    server.log.wait_for("reload aborted")
                    server.log.wait_for("LookupError: half a deploy")
                    load.wait_answered(64)
                    assert server.wait_workers(2) == serving
        load.assert_no_failure()
        assert server.log.count(r"\bERROR\b") == server.log.count("Traceback") == 1, server.log
        after = server.wait_workers(2)
        assert set(after) == set(before) and not set(after.values()) & set(before.values())
        server.eventually(lambda: open_descriptors(server.pid) <= descriptors, "no descriptor leaked in the master")
        assert thread_count(server.pid) == threads


@MODES
@pytest.mark.parametrize("fault", BROKEN)
def test_reload_with_broken_code_keeps_the_old_workers(tmp_path: Path, mode: tuple[str, ...], fault: str) -> None:
    """Faults 12, 13: same pids, one ERROR; the fixed file and another HUP succeed."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", *mode, app_dir=tmp_path, allow=(".",)) as server:
        before = server.wait_workers(2)
        write_source(tmp_path, BROKEN[fault])
        server.signal(signal.SIGHUP)
        server.log.wait_for(r"\bERROR\b.*reload aborted")
        assert server.get("/").body.startswith(b"v1:")
        assert server.wait_workers(2) == before
        assert server.log.count(r"\bERROR\b") == 1, server.log
        write_app(tmp_path, "v2")
        reload(server, 1)
        server.eventually(lambda: server.get("/").body.startswith(b"v2:"), "the old workers have stopped accepting")


def test_storm_of_reloads_ends_in_order(tmp_path: Path) -> None:
    """Fault 16: fifty HUPs are coalesced; it ends with exactly the workers that were asked for."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", app_dir=tmp_path) as server:
        server.wait_workers(2)
        write_app(tmp_path, "v2")
        for _ in range(50):
            server.signal(signal.SIGHUP)
        server.log.wait_for("reloaded: generation")
        server.eventually(lambda: server.get("/").body.startswith(b"v2:"), "the new code serves")
        server.wait_workers(2)
        assert server.log.count("reloading: generation") <= 3


def test_open_stream_does_not_delay_a_reload() -> None:
    """Fault 17: the new worker serves at once; the stream goes on until the drain deadline."""
    with Server("raw:app", "--timeout-graceful-shutdown", "3", allow=("cancelled",)) as server:
        old = identity(server)
        with server.connect() as stream:
            stream.request("GET", "/start-only", read=False)
            assert stream.read_head().status == 200
            reload(server, 1)
            server.eventually(lambda: identity(server) != old, "the old worker has stopped accepting")
            assert processes.read_process(old) is not None, "the old worker still has its stream"
            assert stream.at_end()
        server.wait_workers(1)


def test_worker_is_replaced_after_max_requests_without_a_loss(tmp_path: Path) -> None:
    """Fault 30: the same path as a reload: replacement first."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", "--limit-max-requests", "100", app_dir=tmp_path) as server:
        first = server.wait_workers(2)
        with Load(server, "/", complete, keep_alive=8) as load:
            server.log.wait_for("is to be replaced", count=4)
            load.wait_answered(100)
        load.assert_no_failure()
        server.wait_workers(2)
        assert not set(first.values()) & set(server.wait_workers(2).values())


def test_workers_can_be_added_and_taken_away_under_load(tmp_path: Path) -> None:
    """TTIN, TTOU: one more, one less, no request lost, never below one."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "1", app_dir=tmp_path) as server:
        with Load(server, "/", complete, keep_alive=8) as load:
            for signal_number, expected in ((signal.SIGTTIN, 2), (signal.SIGTTIN, 3), (signal.SIGTTOU, 2), (signal.SIGTTOU, 1)):
                server.signal(signal_number)
                server.wait_workers(expected)
                load.wait_answered(30)
            server.signal(signal.SIGTTOU)
            load.wait_answered(30)
            assert len(server.wait_workers(1)) == 1
        load.assert_no_failure()


def test_winch_retires_the_workers_and_reload_brings_them_back() -> None:
    with Server("raw:app", "--workers", "2") as server:
        server.wait_workers(2)
        server.signal(signal.SIGWINCH)
        server.eventually(lambda: not server.workers(), "no worker left")
        server.signal(signal.SIGHUP)
        server.wait_workers(2)
        assert server.get("/hello").status == 200
