"""The master is killed, and its workers are another user's: what tells them of its death must not be root's alone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from integration.privileges import server_as_nobody
from integration.versions import MODES


@pytest.mark.root
@MODES
def test_fault_23_user_killed_master_leaves_no_orphan(open_folder: Path, mode: tuple[str, ...]) -> None:
    """Requests in flight complete, then every worker and zygote ends, and the port is free."""
    gate = open_folder / "gate"
    with server_as_nobody("gate:app", "--user", "nobody", "--workers", "2", *mode, environment={"GATE": str(gate)},
                          expect_exit=-signal.SIGKILL) as server:
        connections = [server.connect() for _ in range(10)]
        for connection in connections:
            connection.request("GET", "/wait", read=False)
        server.log.wait_for("request waits", count=10)
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
        server.log.wait_for("master is gone", count=2)
        gate.touch()
        assert [connection.read_response().body for connection in connections] == [b"gate open"] * 10
        server.eventually(lambda: not server.family(), "everything ends")
        for connection in connections:
            connection.close()
