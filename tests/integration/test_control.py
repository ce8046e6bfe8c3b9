"""Steering: what `tricorn ctl` makes of a running server. Fault numbers in the docstrings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.control import DONE, FAILED, NO_SERVER, TIMEOUT, Control, ends_with
from integration.processes import open_descriptors
from integration.server import APPS, DEADLINE_S, Server, clean_environment, executable
from integration.versions import BROKEN, KILLED, MODES, write_app, write_source

GATED = "import pathlib, time\nwhile not pathlib.Path({gate!r}).exists():\n    time.sleep(0.01)\nfrom raw import app\n"


@pytest.fixture
def control(tmp_path: Path) -> Control:
    return Control(tmp_path)


# --- status -----------------------------------------------------------------------------------------------------------
def test_status_tells_of_the_server_and_each_worker(control: Control) -> None:
    with Server("raw:app", "--workers", "2", *control.option) as server:
        workers = server.wait_workers(2)
        with server.connect() as connection:
            for _ in range(3):
                assert connection.get("/hello").status == 200
            status = control.status()
        assert (status["pid"], status["app"], status["generation"]) == (server.pid, "raw:app", 1)
        assert status["listeners"] == [server.url] and status["python"].startswith("Python 3.")
        assert (status["workers_wanted"], status["workers_ready"], status["reloading"]) == (2, 2, False)
        assert {worker["slot"]: worker["pid"] for worker in status["workers"]} == workers
        assert {worker["state"] for worker in status["workers"]} == {"ready"}
        assert sum(worker["requests"] for worker in status["workers"]) >= 3
        assert sum(worker["connections"] for worker in status["workers"]) == 1
        assert all(worker["rss_bytes"] > 1 << 20 and worker["heartbeat_age_s"] >= 0 for worker in status["workers"])
        assert [(slot["slot"], slot["respawns"], slot["last_exit"]) for slot in status["slots"]] == [(0, 0, ""), (1, 0, "")]
        table = control.ctl("status")
        assert table.returncode == DONE and table.stderr == "" and "\033" not in table.stdout
        assert f"pid {server.pid}" in table.stdout and server.url in table.stdout
        rows = [line.split() for line in table.stdout.splitlines()]
        assert {(row[0], row[1], row[3]) for row in rows if row and row[0] in "01"} == {
            (str(slot), str(pid), "ready") for slot, pid in workers.items()}


def test_status_tells_of_a_worker_that_was_lost(control: Control) -> None:
    with Server("raw:app", *control.option, allow=(KILLED,)) as server:
        first = server.wait_workers(1)[0]
        os.kill(first, signal.SIGKILL)
        server.log.wait_for("ready", count=2)
        server.eventually(lambda: control.status()["workers_ready"] == 1, "the worker is back")
        slot = control.status()["slots"][0]
        assert (slot["respawns"], slot["last_exit"]) == (1, "killed by signal 9 (SIGKILL)")


def test_status_ready_is_a_health_check(control: Control, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    (tmp_path / "gated.py").write_text(GATED.format(gate=str(gate)))
    server = Server("gated:app", *control.option, app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)}).spawn()
    server.eventually(lambda: os.path.exists(control.path), "the control socket")
    server.eventually(lambda: control.status()["workers"], "a worker that boots")
    assert control.ctl("status").returncode == DONE, "it can be asked before it serves"
    not_yet = control.ctl("status", "--ready")
    assert not_yet.returncode == FAILED and "0 of 1 workers ready" in not_yet.stdout and "not ready" in not_yet.stderr
    gate.touch()
    server.log.wait_for(r"\bready: 1 worker")
    assert control.ctl("status", "--ready").returncode == DONE
    assert server.stop() == 0
    server.assert_gone()


# --- reload -----------------------------------------------------------------------------------------------------------
@MODES
def test_reload_waits_until_the_new_code_serves(control: Control, tmp_path: Path, mode: tuple[str, ...]) -> None:
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", *mode, *control.option, app_dir=tmp_path) as server:
        server.wait_workers(2)
        write_app(tmp_path, "v2")
        done = control.ctl("reload", "--wait")
        assert (done.returncode, done.stdout, done.stderr) == (DONE, "reloaded: generation 2 serves with 2 workers\n", "")
        status = control.status()
        assert {worker["generation"] for worker in status["workers"] if worker["state"] == "ready"} == {2}
        assert (status["last_reload"]["generation"], status["last_reload"]["outcome"]) == (2, "completed")
        server.eventually(lambda: server.get("/").body.startswith(b"v2:"), "the old workers have stopped accepting")
        begun = control.ctl("reload", "--json")
        assert json.loads(begun.stdout) == {"ok": True, "generation": 3, "queued": False}
        server.log.wait_for("reloaded: generation 3")


@MODES
@pytest.mark.parametrize("fault", BROKEN)
def test_reload_of_broken_code_fails_with_its_traceback(control: Control, tmp_path: Path, mode: tuple[str, ...],
                                                        fault: str) -> None:
    """Fault 12: exit code 1, the traceback on standard error, and the old workers serve on."""
    cause = {"syntax error": "SyntaxError", "exception at import": "LookupError: no settings",
             "failed startup": "no database"}[fault]
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--workers", "2", *mode, *control.option, app_dir=tmp_path, allow=(".",)) as server:
        before = server.wait_workers(2)
        write_source(tmp_path, BROKEN[fault])
        done = control.ctl("reload", "--wait")
        assert (done.returncode, done.stdout) == (FAILED, "")
        assert done.stderr.startswith("tricorn ctl: reload aborted, the old workers serve on: ") and cause in done.stderr
        answer = json.loads((as_json := control.ctl("reload", "--wait", "--json")).stdout)
        assert (as_json.returncode, as_json.stderr, answer["ok"], answer["error"]) == (FAILED, "", False, "aborted")
        assert cause in answer["traceback"]
        assert server.wait_workers(2) == before and server.get("/").body.startswith(b"v1:")
        assert control.status()["last_reload"]["outcome"] == "aborted"
        write_app(tmp_path, "v2")
        assert control.ctl("reload", "--wait").returncode == DONE


def test_reload_of_a_wrong_configuration_touches_nothing(control: Control, tmp_path: Path) -> None:
    config = tmp_path / "tricorn.toml"
    config.write_text(f"workers = 1\ncontrol-socket = '{control.path}'\n")
    with Server("raw:app", "--config", str(config), allow=("not reloaded",)) as server:
        before = server.wait_workers(1)
        config.write_text(f"wokers = 2\ncontrol-socket = '{control.path}'\n")
        done = control.ctl("reload", "--wait")
        assert done.returncode == FAILED and "not reloaded" in done.stderr and "wokers" in done.stderr
        assert control.status()["last_reload"]["outcome"] == "refused"
        config.write_text(f"workers = 2\ncontrol-socket = '{control.path}'\n")
        by_file = subprocess.run([executable(), "ctl", "--config", config, "reload", "--wait"], capture_output=True, text=True,
                                 check=False, timeout=DEADLINE_S, env=clean_environment())
        assert by_file.returncode == DONE, by_file
        assert server.wait_workers(2)[0] != before[0]


@pytest.fixture
def gated(control: Control, tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    """A server whose code, once reloaded, is imported when the gate is there and not before."""
    write_source(tmp_path, "from raw import app\n")
    gate = tmp_path / "gate"
    with Server("site_app:app", *control.option, app_dir=tmp_path,
                environment={"PYTHONPATH": str(APPS)}, allow=("did not end in time",)) as server:
        write_source(tmp_path, GATED.format(gate=str(gate)))
        yield server, gate
        gate.touch()


def test_reloads_meanwhile_share_the_next_one(control: Control, gated: tuple[Server, Path]) -> None:
    """Fault 16: whoever asks during a reload, by HUP or ctl, waits for the one that contains the request."""
    server, gate = gated
    first = control.start("reload", "--wait")
    server.log.wait_for("reloading: generation 2")
    others = [control.start("reload", "--wait") for _ in range(3)]
    server.signal(signal.SIGHUP)
    server.log.wait_for("another reload follows", count=4)
    assert "generation 3" in control.ctl("reload").stdout
    gate.touch()
    assert "generation 2 serves" in ends_with(first, DONE)
    for other in others:
        assert "generation 3 serves" in ends_with(other, DONE)
    assert server.log.count("reloading: generation") == 2


def test_stop_cancels_a_reload_that_is_waited_for(control: Control, gated: tuple[Server, Path]) -> None:
    server, _ = gated
    waiting = [control.start("reload", "--wait")]
    server.log.wait_for("reloading: generation 2")
    waiting.append(control.start("reload", "--wait"))
    server.log.wait_for("another reload follows")
    server.signal(signal.SIGTERM)
    for process in waiting:
        assert "reload cancelled: the server is stopping" in ends_with(process, FAILED)
    server.wait()


def test_who_gives_up_waiting_leaves_nothing_behind(control: Control, gated: tuple[Server, Path]) -> None:
    server, gate = gated
    waiting = control.start("reload", "--wait")
    server.log.wait_for("reloading: generation 2")
    server.eventually(lambda: [w["state"] for w in control.status()["workers"] if w["pid"]] == ["ready", "booting"], "the new worker")
    before = open_descriptors(server.pid)
    leaving = [control.start("reload", "--wait") for _ in range(5)]
    server.log.wait_for("another reload follows", count=5)
    for process in leaving:
        process.kill()
        process.communicate()
    server.eventually(lambda: open_descriptors(server.pid) <= before, "their descriptors are closed")
    late = control.ctl("reload", "--wait", "--timeout", "0.1", "--json")
    assert (late.returncode, json.loads(late.stdout)["error"]) == (TIMEOUT, "timeout")
    gate.touch()
    ends_with(waiting, DONE)
    server.log.wait_for("reloaded: generation 3")


def test_master_that_dies_is_no_answer(control: Control, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    write_source(tmp_path, "from raw import app\n")
    server = Server("site_app:app", *control.option, app_dir=tmp_path, expect_exit=-signal.SIGKILL, allow=(".",),
                    environment={"PYTHONPATH": str(APPS)})
    with server:
        write_source(tmp_path, GATED.format(gate=str(gate)))
        waiting = control.start("reload", "--wait")
        server.log.wait_for("reloading: generation 2")
        server.signal(signal.SIGKILL)
        assert "without an answer" in ends_with(waiting, NO_SERVER)
        gate.touch()


# --- scale, logs, stop --------------------------------------------------------------------------------------------------
def test_scale_is_absolute_and_waits_for_the_workers(control: Control) -> None:
    with Server("raw:app", *control.option) as server:
        done = control.ctl("scale", "3", "--wait")
        assert (done.returncode, done.stdout) == (DONE, "scaled: 3 workers\n")
        assert control.status()["workers_ready"] == 3
        server.wait_workers(3)
        assert control.ctl("scale", "3", "--wait").returncode == DONE, "they are there"
        assert control.ctl("scale", "1").returncode == DONE
        server.wait_workers(1)
        server.signal(signal.SIGWINCH)
        server.eventually(lambda: control.status()["retired"] and not server.workers(), "no worker is left")
        assert control.ctl("status", "--ready").returncode == FAILED
        assert control.ctl("scale", "2", "--wait").returncode == DONE
        server.wait_workers(2)


def test_scale_with_code_that_does_not_start_fails_with_its_traceback(control: Control, tmp_path: Path) -> None:
    write_app(tmp_path, "v1")
    with Server("site_app:app", *control.option, app_dir=tmp_path, allow=(".",)) as server:
        write_source(tmp_path, BROKEN["exception at import"])
        done = control.ctl("scale", "2", "--wait")
        assert done.returncode == FAILED and "LookupError: no settings" in done.stderr
        assert server.get("/").body.startswith(b"v1:")
        empty = control.status()["slots"][1]
        assert empty["respawns"] >= 1 and empty["last_exit"] == "could not start the app"


def test_reopen_logs_serves_a_rotation(control: Control, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    with Server("raw:app", "--access-logfile", str(log), *control.option) as server:
        assert server.get("/before").status > 0
        server.eventually(lambda: "/before" in log.read_text(), "the line")
        log.rename(tmp_path / "access.log.1")
        assert control.ctl("reopen-logs").returncode == DONE
        server.eventually(log.exists, "a new file")
        assert server.get("/after").status > 0
        server.eventually(lambda: "/after" in log.read_text(), "lines go there")


def test_stop_waits_for_the_end_of_the_process(control: Control, tmp_path: Path) -> None:
    server = Server("raw:app", "--pid-file", str(tmp_path / "pid"), *control.option).start()
    done = control.ctl("stop", "--wait")
    assert (done.returncode, done.stdout, server.process.poll()) == (DONE, "stopped\n", 0), done
    assert not os.path.exists(control.path) and not (tmp_path / "pid").exists()
    server.assert_gone()


def test_stop_finishes_requests_and_fast_cancels_them(control: Control, tmp_path: Path) -> None:
    with Server("gate:app", *control.option, environment={"GATE": str(tmp_path / "gate")},
                allow=("ancel", "Traceback")) as server:
        with server.connect() as connection:
            connection.request("GET", "/endless", read=False)
            server.log.wait_for("request waits")
            assert control.ctl("stop").stdout == "stopping\n"
            server.log.wait_for("stopping")
            assert control.status()["stopping"] and control.ctl("status", "--ready").returncode == FAILED
            for refused in (("reload", "--wait"), ("scale", "3")):
                done = control.ctl(*refused)
                assert done.returncode == FAILED and "the server is stopping" in done.stderr
            assert control.ctl("stop", "--fast").returncode == DONE
        server.expect_exit = 128 + signal.SIGQUIT  # as the signals do it: the second was a QUIT
        assert server.wait() == server.expect_exit


def test_forced_stop_is_a_failure(control: Control) -> None:
    with Server("raw:app", *control.option, "--timeout-graceful-shutdown", "1", expect_exit=1,
                allow=("did not end in time", KILLED)) as server:
        os.kill(server.wait_workers(1)[0], signal.SIGSTOP)
        done = control.ctl("stop", "--wait")
        assert done.returncode == FAILED and "exit code 1" in done.stderr
        assert server.process.poll() == 1, "its process is waited for"


# --- stacks -------------------------------------------------------------------------------------------------------------
def test_stacks_of_busy_and_blocked_workers_without_stopping_them(control: Control, tmp_path: Path) -> None:
    """A worker whose loop is blocked is asked as well; afterwards both serve on as the same processes."""
    gate = tmp_path / "gate"
    (tmp_path / "blocking.py").write_text(
        f"import pathlib, time\nfrom raw import app as inner\nGATE = pathlib.Path({str(gate)!r})\n"
        "def wait_for_the_gate():\n    print('blocked', flush=True)\n    while not GATE.exists():\n        time.sleep(0.01)\n"
        "async def app(scope, receive, send):\n    if scope.get('path') == '/gate':\n        wait_for_the_gate()\n"
        "    await inner(scope, receive, send)\n")
    with Server("blocking:app", "--workers", "2", *control.option, app_dir=tmp_path,
                environment={"PYTHONPATH": str(APPS)}) as server:
        before = server.wait_workers(2)
        with server.connect() as connection:
            connection.request("GET", "/gate", read=False)
            server.log.wait_for("blocked")
            done = control.ctl("dump-stacks", "--json")
            assert done.returncode == DONE, done
            workers = json.loads(done.stdout)["workers"]
            assert {worker["slot"]: worker["pid"] for worker in workers} == before
            assert sum("wait_for_the_gate" in (worker["stacks"] or "") for worker in workers) == 1
            assert all(worker["stacks"] and "File " in worker["stacks"] for worker in workers), workers
            text = control.ctl("dump-stacks").stdout
            assert text.count("of generation 1\n") == 2 and "wait_for_the_gate" in text
            gate.touch()
            assert connection.read_response().status > 0
        assert server.wait_workers(2) == before
