"""What outlives what: requests and their clients, the app and the worker, messages and exceptions."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.server import APPS, Server
from integration.wire import Connection


def open_request(server: Server, target: str) -> Connection:
    connection = server.connect()
    connection.send(f"GET {target} HTTP/1.1\r\nHost: example\r\n\r\n".encode())
    return connection


# --- requests and the end of their worker ------------------------------------------------------------------------------------
def test_request_outlives_the_server_it_came_through() -> None:
    """P58: cleaning up past the end of the drain, the app still finds a request that says disconnected."""
    with Server("lifetimes:app", "--timeout-graceful-shutdown", "1", allow=(".",)) as server, \
            open_request(server, "/cleans-up-slowly"):
        server.log.wait_for("serving")
        assert server.stop() == 0
        assert server.log.count("at the end: http.disconnect") == 1
        assert server.log.count("SystemError|Segmentation|died|killed") == 0


def test_cancelled_requests_leave_no_error() -> None:
    """P58: requests that are cancelled at the drain's end are neither errors of the app nor of ours."""
    with Server("lifetimes:app", "--timeout-graceful-shutdown", "1") as server:
        with open_request(server, "/waits"), open_request(server, "/waits"):
            server.log.wait_for("serving", count=2)
            assert server.stop() == 0
        assert server.log.count("cancelled 2 requests") == 1


def test_exit_in_a_request_ends_the_worker_and_nothing_else() -> None:
    """P65: SystemExit is not the server's to swallow; the worker is replaced."""
    with Server("lifetimes:app", allow=(".",)) as server:
        before = server.wait_workers(1)
        with open_request(server, "/waits"):
            server.log.wait_for("serving")
            with open_request(server, "/exits"):
                server.eventually(lambda: server.workers().get(0) not in ([], None, list(before.values())), "a new worker")
        server.log.wait_for("ended with exit code 7")
        assert server.log.count("ERROR.*/waits|SystemError|Segmentation|SIGSEGV") == 0


# --- clients that leave --------------------------------------------------------------------------------------------------------
def test_error_of_anothers_client_is_an_error_of_this_request() -> None:
    """P37, P43: only a request whose own client left may end in ClientDisconnected unheard."""
    with Server("lifetimes:app", allow=("/broadcasts", "Traceback")) as server:
        with open_request(server, "/listens") as listener:
            listener.read_head()
        server.log.wait_for("listener left")
        assert server.get("/broadcasts").status == 500
        server.log.wait_for("ERROR.*GET /broadcasts: the app raised")
        assert server.get("/ready-probe").body == b"ready"


def test_client_that_leaves_a_task_group_is_no_error() -> None:
    """P43: anyio's and asyncio's groups wrap what send() raised."""
    with Server("lifetimes:app") as server:
        with open_request(server, "/streams-in-a-group") as client:
            client.read_head()
            client.reset()
        server.log.wait_for("stream ended")
        assert server.get("/ready-probe").body == b"ready"


def test_two_tasks_receive_and_one_is_cancelled() -> None:
    """P41: the body goes to the one that is left."""
    with Server("lifetimes:app") as server, server.connect() as client:
        client.send(b"POST /two-receivers HTTP/1.1\r\nHost: example\r\nContent-Length: 6\r\n\r\n")
        assert client.read_head().status == 200
        client.send(b"whole.")
        assert client.read_exactly(len(b"6\r\nwhole.\r\n0\r\n\r\n")) == b"6\r\nwhole.\r\n0\r\n\r\n"


# --- what is logged --------------------------------------------------------------------------------------------------------------
def test_path_cannot_forge_a_line_of_the_log() -> None:
    with Server("lifetimes:app", allow=("the app raised", "Traceback")) as server:
        assert server.get("/unprintable/%0A2026-11-22%20CRITICAL%20forged%1B%5B0m").status == 500
        server.log.wait_for("the app raised")
        assert server.log.count("^2026-11-22 CRITICAL") == 0


def test_exception_that_utf8_cannot_say_keeps_its_traceback() -> None:
    with Server("lifetimes:app", allow=("the app raised", "Traceback")) as server:
        assert server.get("/unprintable").status == 500
        server.log.wait_for(r"LookupError: \\udcff a lone surrogate")
        assert server.log.count("in fails_in_cleanup") == 1


def test_text_printed_while_preloading_appears_once(tmp_path: Path) -> None:
    """What the zygote has not flushed yet would be printed by each of its forks."""
    (tmp_path / "talks.py").write_text("print('imported')\nasync def app(scope, receive, send): raise ValueError\n")
    with Server("talks:app", "--preload", "--workers", "3", app_dir=tmp_path, allow=(".",),
                environment={"PYTHONUNBUFFERED": ""}) as server:
        server.stop()
        assert server.log.count("^imported$") == 1


def test_preloaded_app_may_ignore_sigchld(tmp_path: Path) -> None:
    """The kernel then reaps the process in the middle of the double fork."""
    (tmp_path / "ignores.py").write_text("import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
                                         "from raw import app\n")
    with Server("ignores:app", "--preload", "--workers", "2", app_dir=tmp_path,
                environment={"PYTHONPATH": str(APPS)}) as server:
        server.wait_workers(2)
        assert server.get("/hello").status == 200


@pytest.mark.parametrize("preload", [(), ("--preload",)])
def test_a_worker_knows_which_cpu_it_runs_on(tmp_path: Path, preload: tuple[str, ...]) -> None:
    """sched_getcpu() reads what the kernel writes for registered threads (rseq): allocators rely on it, too."""
    (tmp_path / "cpus.py").write_text("""
import ctypes, os
from asgi import respond
libc = ctypes.CDLL(None)
async def app(scope, receive, send):
    if scope["type"] != "http": raise ValueError
    wrong = []
    for cpu in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {cpu})
        if libc.sched_getcpu() != cpu: wrong.append(cpu)
    await respond(send, repr(wrong).encode())
""")
    with Server("cpus:app", "--workers", "1", *preload, app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)}) as server:
        assert server.get("/").body == b"[]"


# --- lifespan ----------------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("app", ["receives_for_ever", "completes_then_raises"])
def test_lifespan_after_shutdown_complete(app: str) -> None:
    """P61: an app that asks for one more message does not hold the worker."""
    with Server(f"lifespans:{app}", allow=(".",)) as server:
        assert server.get("/").body == b"served"
        assert server.stop() == 0
        assert server.log.count("killed|SIGKILL") == 0
        assert server.log.count("LookupError: after the end") == (app == "completes_then_raises")


@pytest.mark.parametrize(("mode", "served"), [("auto", True), ("on", False)])
def test_lifespan_that_cancels_itself_is_an_error_like_others(mode: str, served: bool) -> None:
    """P60."""
    server = Server("lifespans:cancels_itself", "--lifespan", mode, allow=(".",), expect_exit=0 if served else 3)
    if served:
        with server:
            assert server.get("/").body == b"served"
    else:
        server.spawn().assert_gone()
    assert server.log.count("CancelledError: given up") == 1


def test_exit_in_startup_is_fatal_and_says_why() -> None:
    """P61: sys.exit("why") is how scripts give up; the message is not lost, the worker not tried for ever."""
    server = Server("lifespans:exits", allow=(".",), expect_exit=3).spawn()
    server.assert_gone()
    assert server.log.count("no settings today") == 1
