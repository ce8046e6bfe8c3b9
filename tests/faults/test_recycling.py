"""Workers that are full, together or while the code on the disk is broken."""

from __future__ import annotations

from pathlib import Path

from faults.harness import FaultServer, fewest_ready
from integration.load import Load
from integration.versions import complete, write_app, write_source

EIGHT = 8


def test_fault_30_eight_workers_that_are_full_together(tmp_path: Path) -> None:
    """No jitter, and a boot of a second: replacement first, and no request is lost."""
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(EIGHT), "--limit-max-requests", "40", app_dir=tmp_path) as server:
        first = server.wait_workers(EIGHT)
        with open(tmp_path / "site_app.py", "a") as source:
            source.write("import time\ntime.sleep(1)\n")
        with Load(server, "/", complete, keep_alive=16) as load:
            server.log.wait_for("is to be replaced", count=EIGHT)
            server.log.wait_for("takes over from", count=EIGHT)
            load.wait_answered(100)
        load.assert_no_failure()
        assert fewest_ready(server, EIGHT) >= EIGHT - 1
        assert not set(first.values()) & set(server.wait_workers(EIGHT).values())


def test_fault_30_full_worker_serves_on_while_the_code_on_the_disk_is_broken(tmp_path: Path) -> None:
    """Its slot tries again, the server stays up, and a repaired file is enough."""
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", "2", "--limit-max-requests", "50", app_dir=tmp_path,
                     allow=("ERROR", "Traceback")) as server:
        first = server.wait_workers(2)
        write_source(tmp_path, "raise LookupError('half a deploy')\n")
        with Load(server, "/", complete, keep_alive=8) as load:
            server.log.wait_for("the old worker serves on, trying again", count=2)
            server.log.wait_for("LookupError: half a deploy")
            load.wait_answered(50)
            assert {pid for pids in server.workers().values() for pid in pids} >= set(first.values())
            write_app(tmp_path, "v2")
            server.log.wait_for("takes over from", count=2)
            load.wait_answered(50)
        load.assert_no_failure()
        server.eventually(lambda: server.get("/").body.startswith(b"v2:"), "the new code serves")
