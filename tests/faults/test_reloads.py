"""Reloads of good code, bad code and worse, under load: no request is lost, and the old code stays if the new one fails."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from statistics import median

import pytest

from conformance.socket_wire import TEXT, Socket, close_payload
from conformance.wire import Wire
from faults.harness import UNDER_ASAN, WORKERS, FaultServer, fewest_ready, most_staying
from integration import processes
from integration.load import Load
from integration.processes import open_descriptors, rss_bytes, thread_count
from integration.versions import BROKEN, MODES, VERSIONS, complete, reload, write_app, write_source
from integration.wire import Connection

LONG = pytest.mark.timeout(900)


@LONG
@MODES
def test_fault_11_reloads_under_load_lose_no_request(tmp_path: Path, mode: tuple[str, ...]) -> None:
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(WORKERS), *mode, app_dir=tmp_path) as server:
        before = server.wait_workers(WORKERS)
        with Load(server, "/", complete, keep_alive=16, new_per_second=20) as load:
            for number in range(1, 21):
                write_app(tmp_path, "v2" if number % 2 else "v1")
                reload(server, number)
                load.wait_answered(20)
        load.assert_no_failure()
        assert set(load.bodies) == {f"{version}:{VERSIONS[version] * 13}".encode() for version in VERSIONS}
        assert fewest_ready(server, WORKERS) == WORKERS
        after = server.wait_workers(WORKERS)
        assert set(after) == set(before), "the ids are kept"
        assert not set(after.values()) & set(before.values()), "all pids are new"


@MODES
@pytest.mark.parametrize("fault", BROKEN)
def test_fault_12_reload_of_broken_code_keeps_the_old_workers(tmp_path: Path, mode: tuple[str, ...], fault: str) -> None:
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(WORKERS), *mode, app_dir=tmp_path, allow=("ERROR", "Traceback")) as server:
        before = server.wait_workers(WORKERS)
        with Load(server, "/", complete, keep_alive=16, new_per_second=20) as load:
            write_source(tmp_path, BROKEN[fault])
            server.signal(signal.SIGHUP)
            server.log.wait_for(r"\bERROR\b.*reload aborted: .*generation 1 serves on")
            load.wait_answered(100)
            assert server.wait_workers(WORKERS) == before
            assert server.log.count(r"\bERROR\b") == 1, server.log
            assert server.log.count("SyntaxError|LookupError: no settings|no database") == 1, server.log
            assert set(load.bodies) == {b"v1:aaaaaaaaaaaaa"}
            write_app(tmp_path, "v2")
            reload(server, 1)
            server.eventually(lambda: b"v2:bbbbbbbbbbbbb" in load.bodies, "the repaired code serves")
        load.assert_no_failure()


HANGS = """
import asyncio, os
async def app(scope, receive, send):
    await receive()
    os.write(1, f"hanging {os.getpid()}\\n".encode())
    await asyncio.Event().wait()
"""


def test_fault_13_new_code_that_hangs_is_killed_at_the_boot_timeout(tmp_path: Path) -> None:
    write_app(tmp_path, "v1")
    boot_s = 10 if UNDER_ASAN else 3
    with FaultServer("site_app:app", "--workers", str(WORKERS), "--timeout-boot", str(boot_s), app_dir=tmp_path,
                     allow=("reload aborted", "was aborted; its threads were here")) as server:
        before = server.wait_workers(WORKERS)
        with Load(server, "/", complete, keep_alive=16, new_per_second=20) as load:
            write_source(tmp_path, HANGS)
            server.signal(signal.SIGHUP)
            hanging = int(server.log.wait_for(r"hanging (\d+)")[1])
            server.log.wait_for(rf"reload aborted: worker 0 \(pid {hanging}\) not ready within {boot_s}\.0 s")
            server.eventually(lambda: processes.read_process(hanging) is None, "it is killed")
            load.wait_answered(100)
        load.assert_no_failure()
        assert server.log.count(r"^hanging") == 1, "slot 0 alone had been tried"
        assert server.wait_workers(WORKERS) == before
        write_app(tmp_path, "v2")
        reload(server, 1)


CRASHES = """
import os
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        return await send({"type": "lifespan.shutdown.complete"})
    os._exit(9)
"""


@MODES
def test_fault_14_new_workers_that_crash_at_their_first_request_end_the_reload(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """All old workers serve: the first new one was beside them. Only what the two new workers had taken is lost."""
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(WORKERS), *mode, app_dir=tmp_path,
                     allow=("reload aborted", "ended with exit code 9")) as server:
        before = server.wait_workers(WORKERS)
        with Load(server, "/", complete, keep_alive=16, new_per_second=20) as load:
            write_source(tmp_path, CRASHES)
            server.signal(signal.SIGHUP)
            server.log.wait_for("reload aborted: worker 0 .* ended with exit code 9; generation 1 serves on")
            assert server.log.count("ended with exit code 9") == 2
            answered = load.answered
            server.eventually(lambda: load.answered >= answered + 50, "who was cut off has noticed it")
            lost = len(load.failures)
            server.eventually(lambda: load.answered >= answered + 250, "the old workers serve on")
            assert server.wait_workers(WORKERS) == before
        assert len(load.failures) == lost and set(load.failed_at) == {""}
        assert not [failure for failure in load.failures if failure.startswith("connect")]


def test_fault_16_storm_of_reloads_becomes_two(tmp_path: Path) -> None:
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(WORKERS), "--log-level", "debug", app_dir=tmp_path) as server:
        server.wait_workers(WORKERS)
        write_app(tmp_path, "v2")
        for _ in range(50):
            server.signal(signal.SIGHUP)
            server.get("/")
        rolls_meanwhile = server.log.count("reloaded: generation")  # 0, unless this machine is asleep
        server.eventually(lambda: server.get("/").body.startswith(b"v2:"), "the new code serves")
        server.log.wait_for("reloaded: generation", count=2 + rolls_meanwhile)
        server.wait_workers(WORKERS)
        assert server.log.count("reloading: generation") == 2 + rolls_meanwhile
        assert most_staying(server) <= WORKERS + 1


def test_fault_16_storm_of_all_signals_ends_with_as_many_workers(tmp_path: Path) -> None:
    """TTIN and TTOU wait for each other's line, as the kernel makes two of the same one if they come together."""
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", str(WORKERS), app_dir=tmp_path) as server:
        server.wait_workers(WORKERS)
        with Load(server, "/", complete, keep_alive=16, new_per_second=20) as load:
            for round_number in range(1, 11):
                server.signal(signal.SIGHUP)
                server.signal(signal.SIGTTIN)
                server.signal(signal.SIGUSR1)
                server.log.wait_for("one worker more", count=round_number)
                server.signal(signal.SIGHUP)
                server.signal(signal.SIGUSR1)
                server.signal(signal.SIGTTOU)
                server.log.wait_for("one worker less", count=round_number)
            server.log.wait_for("reloaded: generation")
            server.wait_workers(WORKERS)
        load.assert_no_failure()


def sender_of_next_event(stream: Connection) -> tuple[int, int]:
    """Worker id and pid."""
    text = b""
    while not (match := re.search(rb"data: (\d+) (\d+)\n", text)):
        text += stream.read_up_to(1000)
    return int(match[1]), int(match[2])


def test_fault_17_open_stream_delays_no_reload_and_ends_in_time() -> None:
    """The roll is over while the stream still flows; then it ends, and nobody had to be killed for it."""
    with FaultServer("events:app", "--workers", "2", "--timeout-graceful-shutdown", "8", allow=("cancelled",)) as server:
        before = server.wait_workers(2)
        with server.connect() as stream:
            stream.request("GET", "/events", read=False)
            assert stream.read_head().status == 200
            slot, pid = sender_of_next_event(stream)
            assert before[slot] == pid
            reload(server, 1)
            for _ in range(3):
                assert sender_of_next_event(stream) == (slot, pid), "still sent by the old worker"
            server.eventually(lambda: int(server.get("/identity").body.split()[1]) not in before.values(), "new workers serve")
            stream.read_to_end()
        after = server.wait_workers(2)
        assert not set(after.values()) & set(before.values())
        assert not server.log.count("did not end in time")


def test_fault_17_open_websocket_is_told_to_come_back() -> None:
    """1012, "service restart", at once; the app hears of it, and a new connection is served by the new worker."""
    with FaultServer("probes:app") as server:
        before = server.wait_workers(1)
        with Wire(server.address) as wire:
            socket = Socket(wire)
            socket.open("/ws-echo?note")
            reload(server, 1)
            assert socket.read_close()[0] == 1012
            socket.answer_close(close_payload(1012))
        server.eventually(lambda: set(server.wait_workers(1).values()).isdisjoint(before.values()), "the old worker is gone")
        with Wire(server.address) as wire:
            socket = Socket(wire)
            socket.open("/ws-echo")
            socket.send(TEXT, b"again")
            assert socket.read_text() == "again"
        assert not server.log.count("did not end in time|cancelled")


@LONG
@MODES
def test_fault_35_reloads_leave_nothing_behind(tmp_path: Path, mode: tuple[str, ...]) -> None:
    """As many as FAULT_35_RELOADS says; the list's 200 take some minutes, because each canary lives for a second."""
    reloads = int(os.environ.get("FAULT_35_RELOADS", "15"))
    write_app(tmp_path, "v1")
    with FaultServer("site_app:app", "--workers", "2", *mode, app_dir=tmp_path) as server:
        def settled(number: int) -> tuple[int, int, int, float]:
            workers = server.wait_workers(2)
            server.eventually(lambda: len(server.family()) == 4, "master, zygote and two workers")
            assert server.get("/").status == 200
            return (open_descriptors(server.pid), thread_count(server.pid), rss_bytes(server.pid),
                    median(rss_bytes(pid) for pid in workers.values()))

        for number in range(1, 4):
            reload(server, number)
        descriptors, threads, master, worker = settled(3)
        for number in range(4, reloads + 1):
            reload(server, number)
        last = settled(reloads)
        assert last[:2] == (descriptors, threads)
        if not UNDER_ASAN:  # it keeps what was freed
            assert last[2] <= master + 2**19, f"the master grew from {master} to {last[2]} bytes"
            assert last[3] <= worker * 1.1 + 2**20, f"a worker has {last[3]} bytes, of an early generation {worker}"
