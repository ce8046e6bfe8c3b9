"""The master is killed while a worker is being forked: nobody is left who could tell the child, so it has to see."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from faults.harness import UNDER_ASAN, build_shim
from integration.server import Server

APP = """
import os, signal, time
{term}
def wait_for_the_end_of_the_master():
    master = os.getppid()
    os.write(1, b"about to fork\\n")
    while os.getppid() == master:
        time.sleep(0.01)
os.register_at_fork(before=wait_for_the_end_of_the_master, after_in_child=lambda: os.write(1, b"a worker runs\\n"))
async def app(scope, receive, send):
    pass
"""
TERMS = {"zygote-is-told": "", "zygote-is-deaf": "signal.signal(signal.SIGTERM, signal.SIG_IGN)"}


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS.keys())
def test_fault_24_master_killed_before_the_fork_leaves_no_orphan(tmp_path: Path, term: str) -> None:
    """A zygote is told by the kernel. One that ignores it goes on to fork: the child finds another parent than the master."""
    (tmp_path / "hooked.py").write_text(APP.format(term=term))
    server = Server("hooked:app", "--preload", app_dir=tmp_path, expect_exit=-signal.SIGKILL).spawn()
    try:
        server.log.wait_for("about to fork")
        server.signal(signal.SIGKILL)
        server.assert_gone()
        assert not server.log.count("a worker runs")
    finally:
        server.kill_all()


@pytest.mark.skipif(UNDER_ASAN, reason="the sanitizer has a fork of its own, which the library that delays the child upsets")
def test_fault_24_master_killed_before_the_forked_worker_runs_leaves_no_orphan(tmp_path: Path) -> None:
    """The master knows of the worker, dies, and only then the worker runs its first line: its parent is another one already."""
    gate = tmp_path / "gate"
    server = Server("raw:app", "--log-level", "debug", expect_exit=-signal.SIGKILL, environment={
        "LD_PRELOAD": str(build_shim("late_child", tmp_path)), "LATE_CHILD": str(gate)}).spawn()
    try:
        server.log.wait_for("worker 0 .* started")
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        gate.touch()
        server.assert_gone()
    finally:
        server.kill_all()


def test_fault_24_master_killed_during_the_import_leaves_no_zygote(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import os, time\nos.write(1, b'importing\\n')\ntime.sleep(3600)\n")
    server = Server("slow:app", "--preload", app_dir=tmp_path, expect_exit=-signal.SIGKILL).spawn()
    try:
        server.log.wait_for("importing")
        server.signal(signal.SIGKILL)
        server.assert_gone()
    finally:
        server.kill_all()
