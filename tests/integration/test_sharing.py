"""How workers share connections, and a log that nobody reads. Fault numbers in the docstrings."""

from __future__ import annotations

import os
import signal
import socket
import threading
from pathlib import Path

from integration.load import Load
from integration.server import Server
from integration.versions import KILLED, complete, identity, reload, write_app


def test_idle_worker_takes_over_from_a_blocked_one() -> None:
    """A worker whose loop is blocked gets no new connection: everybody else is served by the other."""
    with Server("raw:app", "--workers", "2") as server:
        server.wait_workers(2)
        with server.connect() as blocked:
            blocked.request("GET", "/block?ms=2000", read=False)
            for _ in range(20):
                assert server.get("/hello").status == 200
            assert blocked.read_response().body == b"blocked"


def listening_sockets(port: int) -> int:
    return sum(fields[1].endswith(f":{port:04X}") and fields[3] == "0A"
               for fields in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:]))


def test_reuse_port_loses_nothing_whatever_becomes_of_the_workers() -> None:
    """The sockets are the master's, one per worker; each queue is served by those that are there."""
    with Server("raw:app", "--workers", "4", "--reuse-port", allow=(KILLED,)) as server:
        assert isinstance(server.address, tuple)
        assert listening_sockets(server.address[1]) == 4

        def all_are_served(count: int = 60) -> set[int]:
            return {identity(server) for _ in range(count)}

        workers = server.wait_workers(4)
        server.eventually(lambda: all_are_served() == set(workers.values()), "all of them serve")
        os.kill(workers[1], signal.SIGKILL)
        os.kill(workers[2], signal.SIGKILL)
        server.log.wait_for(KILLED, count=2)
        all_are_served()
        server.wait_workers(4)
        for slots in (3, 2, 1):
            server.signal(signal.SIGTTOU)
            all_are_served()
            server.wait_workers(slots)
        assert len(all_are_served()) == 1
        reload(server, 1)
        for slots in (2, 3, 4, 5):
            server.signal(signal.SIGTTIN)
            server.wait_workers(slots)
        workers = server.wait_workers(5)
        server.eventually(lambda: all_are_served() == set(workers.values()), "all of them serve")
        assert listening_sockets(server.address[1]) == 4


def test_reloads_with_reuse_port_lose_no_request(tmp_path: Path) -> None:
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "3", "--reuse-port", app_dir=tmp_path) as server:
        with Load(server, "/", complete, new_per_second=50) as load:
            for number in range(1, 6):
                reload(server, number)
                load.wait_answered(64)
        load.assert_no_failure()


def test_log_that_nobody_reads_does_not_stop_the_server(tmp_path: Path) -> None:
    """Fault 33: standard output and error are a full pipe; requests, HUP and TERM are served all the same."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while os.write(writing, b"x" * 65536):
            pass
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        os.set_inheritable(listener.fileno(), True)
        into_pipe = ("sh", "-c", f'exec "$@" >/proc/self/fd/{writing} 2>&1', "sh")
        server = Server("raw:app", "--log-level", "debug", bind=("--fd", str(listener.fileno())),
                        command_prefix=into_pipe, pass_fds=(listener.fileno(), writing)).spawn()
        os.close(writing)
        server.address = listener.getsockname()[:2]
        try:
            for _ in range(200):
                assert server.get("/hello").status == 200
            old = server.wait_workers(1)[0]
            server.signal(signal.SIGHUP)
            server.eventually(lambda: server.workers().get(0) not in (None, [old]) and len(server.workers()[0]) == 1, "reloaded")
            assert server.get("/hello").status == 200
            server.signal(signal.SIGTERM)
            server.assert_gone()
        finally:
            os.close(reading)
            server.kill_all()
