"""What an app can know of the process that it runs in, and what --preload means for it: forks, hooks, threads."""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from integration.server import APPS, Server
from integration.versions import KILLED

THREADED = """
import threading, time
import whoami
from whoami import app
{threads}
"""
PYTHON_THREAD = "threading.Thread(target=time.sleep, args=(3600,), daemon=True, name='cache-refresher').start()"
# One that Python does not know of, as grpc or OpenBLAS make.
NATIVE_THREAD = """
import ctypes
libc = ctypes.CDLL(None)
libc.pthread_create(ctypes.byref(ctypes.c_ulong()), None, ctypes.cast(libc.sleep, ctypes.c_void_p), ctypes.c_void_p(3600))
"""
ENDED_THREAD = "t = threading.Thread(target=time.sleep, args=(0.01,)); t.start(); t.join()"


def tell(server: Server) -> Any:
    return json.loads(server.get("/").body)


def write_threaded(folder: Path, threads: str) -> None:
    (folder / "new").write_text(THREADED.format(threads=threads))
    (folder / "new").rename(folder / "threaded.py")


def threaded_server(folder: Path, **options: Any) -> Server:
    return Server("threaded:app", "--preload", app_dir=folder, environment={"PYTHONPATH": str(APPS)}, **options)


def test_identity_is_known_before_the_app_is_imported() -> None:
    with Server("whoami:app", "--workers", "1") as server:
        first = tell(server)["import"]["environment"]
        assert first["TRICORN_WORKER_ID"] == "0" and first["TRICORN_GENERATION"] == "1"
        assert first["TRICORN_MASTER_PID"] == str(server.pid)
        server.allow.append(KILLED)
        worker = server.wait_workers(1)[0]
        os.kill(worker, signal.SIGKILL)
        server.eventually(lambda: server.workers().get(0, [worker]) != [worker], "another worker")
        server.signal(signal.SIGHUP)
        server.log.wait_for("reloaded: generation 2")
        server.wait_workers(1)  # the old one may still take what waits
        again = tell(server)["import"]["environment"]
        assert again["TRICORN_WORKER_ID"] == "0" and again["TRICORN_GENERATION"] == "2"


def test_fork_hooks_run_in_each_worker_with_preload() -> None:
    """The app registered them in the zygote; in a worker the fork's "before" and "in child" are to be seen."""
    with Server("whoami:app", "--preload", "--workers", "2") as server:
        told = tell(server)
        zygote, worker = told["import"]["pid"], told["now"]["pid"]
        assert worker in server.wait_workers(2).values() and zygote not in (server.pid, worker)
        own = told["forks"][-2:]
        assert own == [["before", zygote], ["in child", worker]], told["forks"]
        assert all(pid == zygote for _, pid in told["forks"][:-1])
        assert told["now"]["environment"]["TRICORN_WORKER_ID"] in ("0", "1")


@pytest.mark.parametrize(("threads", "name"), [(PYTHON_THREAD, "cache-refresher"), (NATIVE_THREAD, "1 native thread")],
                         ids=["python", "native"])
def test_threads_at_import_make_each_worker_import_for_itself(tmp_path: Path, threads: str, name: str) -> None:
    write_threaded(tmp_path, threads)
    with threaded_server(tmp_path) as server:
        server.log.wait_for(rf"WARN\b.*--preload: importing the app started threads \({name}\)")
        told = tell(server)
        assert told["import"]["pid"] == told["now"]["pid"] == server.wait_workers(1)[0]
        assert told["forks"] == []
        server.allow.append(KILLED)
        worker = server.wait_workers(1)[0]
        os.kill(worker, signal.SIGKILL)
        server.eventually(lambda: server.workers().get(0, [worker]) != [worker], "another worker")
        server.eventually(lambda: tell(server)["now"]["pid"] != worker, "it serves")


def test_next_generation_is_preloaded_again(tmp_path: Path) -> None:
    write_threaded(tmp_path, PYTHON_THREAD)
    with threaded_server(tmp_path) as server:
        write_threaded(tmp_path, "")
        server.signal(signal.SIGHUP)
        server.log.wait_for("reloaded: generation 2")
        server.wait_workers(1)  # the old one may still take what waits
        told = tell(server)
        assert told["import"]["pid"] != told["now"]["pid"]
        assert server.log.count("started threads") == 1


def test_thread_that_has_ended_is_no_reason(tmp_path: Path) -> None:
    write_threaded(tmp_path, ENDED_THREAD)
    with threaded_server(tmp_path) as server:
        told = tell(server)
        assert told["import"]["pid"] != told["now"]["pid"]
        assert not server.log.count("started threads")


def test_check_passes_an_app_with_threads(tmp_path: Path) -> None:
    write_threaded(tmp_path, PYTHON_THREAD)
    server = Server("threaded:app", "--check", app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)}).spawn()
    assert server.wait() == 0
    assert server.log.count("ok: threaded:app loads") == 1


def test_titles_tell_slot_generation_and_state(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with Server("gate:app", "--workers", "2", environment={"GATE": str(gate)}) as server:
        workers = server.wait_workers(2)
        titles = {process.pid: process.title for process in server.family()}
        assert titles[server.pid].startswith("tricorn: master [gate:app]")
        assert [title for title in titles.values() if title.startswith("tricorn: zygote gen 1 [gate:app]")]
        for slot, pid in workers.items():
            assert titles[pid].startswith(f"tricorn: worker {slot} gen 1 [ready] gate:app"), titles
        with server.connect() as connection:
            connection.request("GET", "/wait", read=False)
            server.log.wait_for("request waits")
            server.signal(signal.SIGHUP)
            server.eventually(lambda: [p for p in server.family() if re.search(r"gen 1 \[draining\]", p.title)],
                              "the old worker that has a request says that it drains")
            gate.touch()
            assert connection.read_response().body == b"gate open"
        server.log.wait_for("reloaded: generation 2")
