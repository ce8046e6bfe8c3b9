"""Supervision: scaling, beside what tests/faults has of reloads."""

from __future__ import annotations

import signal
from pathlib import Path

from integration.load import Load
from integration.server import Server
from integration.versions import complete, write_app


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
