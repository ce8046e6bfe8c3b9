"""Recycling: workers that are replaced while the server goes on. Fault 30 is in tests/faults."""

from __future__ import annotations

from pathlib import Path

from integration.load import Load
from integration.processes import eventually
from integration.server import DEADLINE_S, Server
from integration.versions import MODES, complete, identity, write_app, write_source


def test_several_workers_are_replaced_at_once(tmp_path: Path) -> None:
    """--max-surge: two successors boot at the same time, and neither waits for the other."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "3", "--limit-max-requests", "10", "--max-surge", "2",
                app_dir=tmp_path) as server:
        server.wait_workers(3)
        gate = tmp_path / "gate"
        source = (tmp_path / "site_app.py").read_text()
        write_source(tmp_path, f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
                     + source)
        with Load(server, "/", complete, keep_alive=9) as load:
            server.log.wait_for("is to be replaced", count=3)
            server.eventually(lambda: sum(map(len, server.workers().values())) == 5, "two successors at once")
            load.wait_answered(30)
            assert sum(map(len, server.workers().values())) == 5
            gate.touch()
            server.log.wait_for("takes over from", count=3)
        load.assert_no_failure()


@MODES
def test_worker_that_holds_too_much_memory_is_replaced(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """--workers-max-rss: only the one that grew, after several looks, without a lost request."""
    (tmp_path / "leak.py").write_text(
        "import os\nkept = []\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http':\n        raise RuntimeError('no lifespan')\n"
        "    if scope['path'] == '/leak':\n        kept.append(b'x' * (300 << 20))\n"
        "    await send({'type': 'http.response.start', 'status': 200, 'headers': []})\n"
        "    await send({'type': 'http.response.body', 'body': str(os.getpid()).encode()})\n")
    with Server("leak:app", "--workers", "2", "--lifespan", "off", "--workers-max-rss", "250", "--rss-sample-interval", "1",
                "--rss-samples", "2", *mode, app_dir=tmp_path) as server:
        before = server.wait_workers(2)
        grown = int(server.get("/leak").body)
        server.log.wait_for(rf"\(pid {grown}\) is to be replaced: it holds \d+\.\d MiB of memory, 250\.0 MiB are allowed")
        server.log.wait_for(rf"takes over from worker \d \(pid {grown}\)")
        server.eventually(lambda: all(len(pids) == 1 for pids in server.workers().values()), "the old one is gone")
        after = server.wait_workers(2)
        assert len(set(before.values()) & set(after.values())) == 1 and grown not in after.values()


def test_worker_that_has_lived_long_enough_is_replaced() -> None:
    """--workers-lifetime: again and again, while requests are served."""
    with Server("raw:app", "--workers", "1", "--workers-lifetime", "1") as server:
        first = identity(server)
        server.log.wait_for("is to be replaced: its lifetime is over", count=2)
        server.log.wait_for("takes over from", count=2)
        eventually(lambda: identity(server) != first, lambda: "another worker answers", DEADLINE_S)
