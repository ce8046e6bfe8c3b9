"""The pid file is a lock: what is in it says nothing about who has that pid now."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from integration.privileges import tricorn_as_nobody
from integration.processes import eventually
from integration.server import Server

HELD = r"pid file \S+ is held by a running server \((?:pid (\d+)|it is just starting)\)"


def pid_in(path: Path) -> int:
    return int(path.read_text())


def server_with(path: Path, **options: object) -> Server:
    return Server("raw:app", "--pid-file", str(path), **options)  # type: ignore[arg-type]


def test_fault_32_stale_file_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with server_with(path, expect_exit=-signal.SIGKILL) as killed:
        killed.signal(signal.SIGKILL)
    assert pid_in(path) == killed.pid
    with server_with(path) as server:
        assert pid_in(path) == server.pid
    assert not path.exists()


def test_fault_32_process_that_has_the_pid_by_now_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with subprocess.Popen(["sleep", "3600"]) as stranger:
        path.write_text(f"{stranger.pid}\n")
        with server_with(path) as server:
            assert pid_in(path) == server.pid
            server.signal(signal.SIGHUP)
            server.log.wait_for("reloaded: generation 2")
            assert pid_in(path) == server.pid
        assert stranger.poll() is None
        stranger.kill()


def test_fault_32_second_starter_learns_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with server_with(path) as server:
        second = server_with(path, expect_exit=1, allow=("pid file",)).spawn()
        second.assert_gone()
        assert second.log.wait_for(HELD)[1] == str(server.pid)
        assert pid_in(path) == server.pid
        assert server.get("/hello").status == 200


def test_fault_32_of_racing_starters_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    starters = [server_with(path, allow=("pid file",)).spawn() for _ in range(5)]
    try:
        def running() -> list[Server]:
            return [server for server in starters if server.process.poll() is None]
        eventually(lambda: len(running()) == 1, lambda: f"one is left of {starters}", 30)
        winner = running()[0]
        winner.log.wait_for(r"\bready: 1 worker")
        assert pid_in(path) == winner.pid
        for loser in starters:
            if loser is not winner:
                assert loser.wait() == 1
                assert loser.log.wait_for(HELD)[1] in (None, str(winner.pid))
        assert winner.stop() == 0
    finally:
        for server in starters:
            server.kill_all()
    assert not path.exists()


def test_fault_32_what_is_no_pid_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "pid"
    path.write_text("the only copy\n")
    server = server_with(path, expect_exit=1, allow=("pid file",)).spawn()
    server.assert_gone()
    assert server.log.count("exists and is not a pid file") == 1
    assert path.read_text() == "the only copy\n"


@pytest.mark.root
def test_fault_32_folder_that_cannot_be_written_is_one_line(open_folder: Path) -> None:
    """Nothing else has begun by then: the interpreter, which is missing, was not looked for."""
    path = open_folder / "pid"
    ended = tricorn_as_nobody("--pid-file", str(path), "--python", "/no/such", "raw:app")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1 and f"open pid file {path}: Permission denied" in ended.stderr
    assert os.listdir(open_folder) == []
