"""Supervision: processes that die or never come up, beside what tests/faults has."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from integration.server import Server
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
