"""A first boot that fails ends the server, with one reason and nothing left in place."""

from __future__ import annotations

import re
from pathlib import Path

from faults.harness import WORKERS, FaultServer, reserved_port
from integration.processes import refuses
from integration.versions import MODES


@MODES
def test_fault_04_import_error_ends_the_start_with_one_traceback(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """Exit code 4 tells a failed import from the 3 of a failed startup."""
    (tmp_path / "broken.py").write_text("import json\nraise ImportError('no settings')\n")
    pid_file, socket_file = tmp_path / "pid", tmp_path / "socket"
    with reserved_port() as port:
        server = FaultServer("broken:app", "--workers", str(WORKERS), *mode, "--pid-file", str(pid_file), app_dir=tmp_path,
                             bind=("--bind", f"127.0.0.1:{port}", "--bind", f"unix:{socket_file}"),
                             expect_exit=4, allow=("ERROR", "Traceback")).spawn()
        server.assert_gone()
        assert server.log.count("Traceback") == server.log.count("ImportError: no settings") == 1, server.log
        assert server.log.count(r"\bERROR\b") == 1, server.log
        assert refuses(("127.0.0.1", port))
    assert not pid_file.exists() and not socket_file.exists()


FAILS_WHEN_TOLD = """
import asyncio, os, pathlib
GATE = pathlib.Path(__file__).parent / "gate"
async def app(scope, receive, send):
    await receive()
    os.write(1, b"starting\\n")
    while not GATE.exists():
        await asyncio.sleep(0.01)
    await send({"type": "lifespan.startup.failed", "message": "the db is down"})
"""


def test_fault_05_failed_startup_ends_the_start_and_no_connection_was_accepted(tmp_path: Path) -> None:
    """Neither before the failure nor after it: the sockets are bound, but nobody listens before a worker is ready."""
    (tmp_path / "waiting.py").write_text(FAILS_WHEN_TOLD)
    socket_file = tmp_path / "socket"
    with reserved_port() as port:
        server = FaultServer("waiting:app", "--workers", str(WORKERS), app_dir=tmp_path,
                             bind=("--bind", f"127.0.0.1:{port}", "--bind", f"unix:{socket_file}"),
                             expect_exit=3, allow=("ERROR",)).spawn()
        server.log.wait_for("starting", count=WORKERS)
        assert refuses(("127.0.0.1", port)) and refuses(str(socket_file))
        (tmp_path / "gate").touch()
        server.assert_gone()
        assert refuses(("127.0.0.1", port)) and not socket_file.exists()
    assert server.log.count("the db is down") == 1
    assert server.log.count(re.compile(r"\bERROR\b")) == 1, server.log
