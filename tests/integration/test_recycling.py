"""Recycling: workers that are replaced while the server goes on. Fault numbers in the docstrings."""

from __future__ import annotations

import re
from pathlib import Path

from integration.load import Load
from integration.processes import eventually
from integration.server import DEADLINE_S, Server
from integration.versions import MODES, complete, identity, write_app, write_source

WORKERS = 8


def fewest_ready(server: Server, all_of_them: int) -> int:
    """The lowest number of workers that were ready and not retiring, once all were: from the master's own log."""
    ready: set[str] = set()
    fewest = all_of_them
    complete_once = False
    for line in list(server.log.lines):
        if became := re.search(r"worker \d+ \(pid (\d+)\) ready", line):
            ready.add(became[1])
        elif left := re.search(r"takes over from worker \d+ \(pid (\d+)\)|worker \d+ \(pid (\d+)\) (?:ended|killed)", line):
            ready.discard(left[1] or left[2])
        complete_once = complete_once or len(ready) == all_of_them
        fewest = min(fewest, len(ready)) if complete_once else fewest
    assert complete_once
    return fewest


def test_eight_workers_that_are_full_together(tmp_path: Path) -> None:
    """Fault 30: no jitter, a slow boot: replacement first, and no request is lost."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", str(WORKERS), "--limit-max-requests", "40", app_dir=tmp_path) as server:
        first = server.wait_workers(WORKERS)
        with open(tmp_path / "site_app.py", "a") as source:
            source.write("import time\ntime.sleep(1)\n")
        with Load(server, "/", complete, keep_alive=16) as load:
            server.log.wait_for("is to be replaced", count=WORKERS)
            server.log.wait_for("takes over from", count=WORKERS)
            load.wait_answered(100)
        load.assert_no_failure()
        assert fewest_ready(server, WORKERS) >= WORKERS - 1
        assert not set(first.values()) & set(server.wait_workers(WORKERS).values())


def test_full_worker_serves_on_while_the_code_on_the_disk_is_broken(tmp_path: Path) -> None:
    """Fault 30: the slot retries, the server stays up, and a repaired file is enough."""
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", "--limit-max-requests", "50", app_dir=tmp_path,
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
