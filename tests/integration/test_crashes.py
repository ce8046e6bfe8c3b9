"""Supervision: processes that die or never come up, beside what tests/faults has."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from integration.load import Load
from integration.server import APPS, Server
from integration.versions import KILLED


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


def test_worker_that_is_sent_term_serves_until_another_one_has_its_place() -> None:
    """No request fails, there is never a worker less, and it is no crash."""
    with Server("raw:app", "--exit-on-worker-crash") as server:
        worker = server.wait_workers(1)[0]
        with Load(server, "/hello", lambda body: body != b"", keep_alive=4, new_per_second=50) as load:
            os.kill(worker, signal.SIGTERM)
            server.log.wait_for(f"worker 0 .pid {worker}. is to be replaced: was sent SIGTERM")
            server.eventually(lambda: worker not in (pids := [pid for of in server.workers().values() for pid in of]) and pids,
                              "another worker")
        load.assert_no_failure()


def test_worker_that_is_sent_term_twice_does_not_wait_for_another_one(tmp_path: Path) -> None:
    (tmp_path / "once.py").write_text(
        "import os, pathlib\nfrom raw import app\nplace = pathlib.Path(__file__).with_name('imported')\n"
        "if place.exists(): raise RuntimeError('broken meanwhile')\nplace.touch()\n")
    with Server("once:app", app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)}, allow=(".*",)) as server:
        worker = server.wait_workers(1)[0]
        os.kill(worker, signal.SIGTERM)
        server.log.wait_for("the old worker serves on, trying again")
        assert server.get("/hello").status == 200
        os.kill(worker, signal.SIGTERM)
        server.eventually(lambda: worker not in [pid for of in server.workers().values() for pid in of], "it ends")
        (tmp_path / "imported").unlink()
        server.wait_workers(1)
