"""Somebody sets the clock: no timeout fires, and none waits longer. The clock of the machine stays as it is, that of the server moves."""

from __future__ import annotations

import struct
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from faults.harness import build_shim
from integration.server import Server

APP = """
import asyncio, os, time
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    seconds = scope["path"].strip("/")
    before = time.time()
    os.write(1, f"asleep for {seconds}\\n".encode())
    await asyncio.sleep(int(seconds) if seconds.isdigit() else 0)
    body = str(time.time() - before).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
"""
HOUR_S = 3600
LONGER_THAN_A_LOOK_AT_THE_HEARTBEATS_S = 8


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    return build_shim("wall_clock", tmp_path)


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S], ids=["ahead", "back"])
def test_fault_34_wall_clock_that_jumps_moves_no_timeout(tmp_path: Path, shim: Path, jump_s: int) -> None:
    (tmp_path / "sleeps.py").write_text(APP)
    clock = tmp_path / "clock"
    clock.write_bytes(struct.pack("q", 0))
    environment = {"LD_PRELOAD": str(shim), "WALL_CLOCK": str(clock), "ASAN_OPTIONS": "verify_asan_link_order=0"}
    with Server("sleeps:app", "--workers", "2", app_dir=tmp_path, environment=environment) as server:
        workers = server.wait_workers(2)
        with server.connect() as idle, server.connect() as busy:
            before = parsedate_to_datetime(idle.get("/0").header("date"))
            busy.request("GET", f"/{LONGER_THAN_A_LOOK_AT_THE_HEARTBEATS_S}", read=False)
            server.log.wait_for(f"asleep for {LONGER_THAN_A_LOOK_AT_THE_HEARTBEATS_S}")
            with clock.open("r+b") as file:
                file.write(struct.pack("q", jump_s))
            slept = float(busy.read_response().body)
            assert abs(slept - jump_s) < HOUR_S / 2, "the jump was to be seen"
            response = idle.get("/0")
            assert response.status == 200, "an idle connection has not timed out"
            moved = (parsedate_to_datetime(response.header("date")) - before).total_seconds()
            assert abs(moved - jump_s) < HOUR_S / 2, "answers show the new time"
        assert server.wait_workers(2) == workers, "nobody was killed for a lost hour"
        assert not server.log.count("no sign of life|not ready|did not end in time")
