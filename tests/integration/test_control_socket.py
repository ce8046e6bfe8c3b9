"""The control socket: its file, who is heard, and whatever else may come over it. Fault numbers in the docstrings."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.control import DONE, FAILED, NO_SERVER, TIMEOUT, USAGE, Control, read_answer
from integration.server import APPS, DEADLINE_S, Server, clean_environment, executable
from integration.versions import KILLED


@pytest.fixture
def control(tmp_path: Path) -> Control:
    return Control(tmp_path)


@pytest.fixture(scope="module")
def _steered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Control]]:
    control = Control(tmp_path_factory.mktemp("steered"))
    with Server("raw:app", "--workers", "2", *control.option) as server:
        yield server, control


@pytest.fixture
def steered(_steered: tuple[Server, Control]) -> Iterator[Control]:
    """A server of two workers for tests that leave it as it was."""
    server, control = _steered
    yield control
    server.wait_workers(2)
    server.assert_sound()


# --- the socket ---------------------------------------------------------------------------------------------------------
def test_without_a_server_there_is_a_clear_answer(control: Control, tmp_path: Path) -> None:
    done = control.ctl("status")
    assert (done.returncode, done.stdout) == (NO_SERVER, "") and "no such socket" in done.stderr
    answer = json.loads(control.ctl("status", "--json").stdout)
    assert (answer["ok"], answer["error"]) == (False, "no-server")
    Path(control.path).touch()
    assert control.ctl("status").returncode == NO_SERVER
    unnamed = subprocess.run([executable(), "ctl", "status"], capture_output=True, text=True, check=False, env=clean_environment())
    assert unnamed.returncode == USAGE and "TRICORN_CONTROL_SOCKET" in unnamed.stderr
    assert control.ctl("reload", "now").returncode == control.ctl("scale").returncode == USAGE


def test_hung_server_is_given_up_in_time(control: Control) -> None:
    with Server("raw:app", *control.option) as server:
        server.signal(signal.SIGSTOP)
        done = control.ctl("status", "--ready", "--timeout", "0.1")
        server.signal(signal.SIGCONT)
        assert done.returncode == TIMEOUT and "in time" in done.stderr


def test_socket_is_the_owners_alone_and_goes_with_the_server(control: Control) -> None:
    """Fault 31: mode 600 whatever the umask; no worker and no zygote inherits it."""
    before = os.umask(0)
    try:
        server = Server("raw:app", *control.option).start()
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(control.path).st_mode) == 0o600
    with control.connect():
        server.eventually(lambda: control.status()["workers_ready"] == 1, "the connection before is taken")
        os.kill(server.wait_workers(1)[0], signal.SIGKILL)
        server.allow.append(KILLED)
        server.log.wait_for("ready", count=2)
        ours = [line.split()[6] for line in Path("/proc/net/unix").read_text().splitlines() if line.endswith(control.path)]
        assert ours
        for process in server.family():
            if process.pid != server.pid:
                assert not descriptors_of(process.pid) & {f"socket:[{inode}]" for inode in ours}, process
    assert server.stop() == 0
    assert not os.path.exists(control.path)
    server.assert_gone()


def test_dead_socket_is_replaced_and_a_live_one_refused(control: Control) -> None:
    """Fault 31."""
    first = Server("raw:app", *control.option, expect_exit=-signal.SIGKILL, allow=(".",)).start()
    second = Server("raw:app", *control.option, expect_exit=1, allow=(".",)).spawn()
    second.assert_gone()
    second.log.wait_for("--control-socket: .*another server is listening there")
    assert control.status()["pid"] == first.pid
    first.signal(signal.SIGKILL)
    first.assert_gone()
    assert os.path.exists(control.path)
    with Server("raw:app", *control.option) as third:
        assert control.status()["pid"] == third.pid


def test_file_that_is_no_socket_is_left_alone(control: Control) -> None:
    Path(control.path).write_text("mine")
    server = Server("raw:app", *control.option, expect_exit=1, allow=(".",)).spawn()
    server.assert_gone()
    server.log.wait_for("--control-socket: .*not a socket")
    assert Path(control.path).read_text() == "mine"


@pytest.mark.parametrize(("path", "message"), [("@abstract", "no permissions"), ("/tmp/" + "x" * 120, "longer than 107"),
                                               ("/tmp/same.sock", "is there as --bind")])
def test_path_that_cannot_be_is_refused(path: str, message: str) -> None:
    done = subprocess.run([executable(), "--control-socket", path, "--bind", "unix:/tmp/same.sock", "raw:app"], check=False,
                          capture_output=True, text=True, timeout=DEADLINE_S, env=clean_environment())
    assert done.returncode == 2 and "--control-socket" in done.stderr and message in done.stderr


@pytest.mark.parametrize("garbage", ["status\n", "{}\n", "[1,2]\n", "\n", '{"command":"fire"}\n', '{"command":"status","x":1}\n',
                                     "GET / HTTP/1.1\r\n\r\n", b"\0\xff\xfe\n", '{"command":"scale","workers":0}\n',
                                     "[" * 4000 + "\n", "x" * 5000 + "\n", b"\x16\x03\x01" * 3000])
def test_garbage_is_refused(steered: Control, garbage: str | bytes) -> None:
    answer = steered.say(garbage)
    assert (answer["ok"], answer["error"]) == (False, "bad-request") and answer["message"]
    assert steered.status()["workers_ready"] == 2


def test_silent_and_half_said_clients_hold_nobody_up(steered: Control) -> None:
    with steered.connect(), steered.connect() as half, steered.connect() as gone:
        half.sendall(b'{"command":"sta')
        gone.sendall(b'{"command":')
        gone.close()
        assert steered.status()["workers_ready"] == 2
        half.sendall(b'tus"}\n')
        assert read_answer(half)["ok"]


def test_client_that_has_done_its_half_is_answered(steered: Control) -> None:
    with steered.connect() as client:
        client.sendall(b'{"command":"status"}\n')
        client.shutdown(socket.SHUT_WR)
        assert read_answer(client)["ok"]
        assert client.recv(1) == b""


def test_a_hundred_clients_are_bounded(steered: Control) -> None:
    """Those above the bound are told; when they have gone there is room again."""
    clients = [steered.connect() for _ in range(100)]
    answers = [read_answer(client) for client in clients[32:]]
    assert {answer["error"] for answer in answers} == {"busy"}
    refused = steered.ctl("status")
    assert refused.returncode == FAILED and "too many" in refused.stderr
    clients[0].sendall(b'{"command":"status"}\n')
    assert read_answer(clients[0])["ok"]
    assert steered.status()["workers_ready"] == 2, "one place was free"
    for client in clients:
        client.close()


@pytest.mark.root
def test_other_users_are_not_heard(control: Control) -> None:
    """By the mode; and if somebody has opened the mode, by who they are."""
    with tempfile.TemporaryDirectory(prefix="tricorn-") as folder:
        os.chmod(folder, 0o755)
        control = Control(Path(folder))
        with Server("raw:app", *control.option):
            with pytest.raises(PermissionError):
                connect_as_nobody(control)
            os.chmod(control.path, 0o777)
            with connect_as_nobody(control) as client:
                assert read_answer(client)["error"] == "forbidden"
            assert control.status()["workers_ready"] == 1


def descriptors_of(pid: int) -> set[str]:
    """What they lead to; none of a process that has ended meanwhile."""
    try:
        return {os.readlink(entry.path) for entry in os.scandir(f"/proc/{pid}/fd")}
    except FileNotFoundError:
        return set()


def connect_as_nobody(control: Control) -> socket.socket:
    os.seteuid(65534)
    try:
        return control.connect()
    finally:
        os.seteuid(0)


# --- the name -----------------------------------------------------------------------------------------------------------
def test_app_may_be_called_ctl(tmp_path: Path) -> None:
    (tmp_path / "ctl.py").write_text("from raw import app\n")
    with Server("ctl:app", app_dir=tmp_path, environment={"PYTHONPATH": str(APPS)}) as server:
        assert server.get("/hello").status == 200
    for first in (["ctl:app"], ["--workers", "1", "ctl:app"]):
        checked = subprocess.run([executable(), *first, "--check", "--app-dir", tmp_path], capture_output=True, text=True, check=False,
                                 env=clean_environment({"PYTHONPATH": str(APPS)}))
        assert checked.returncode == 0, checked


def test_help_and_usage() -> None:
    done = subprocess.run([executable(), "ctl", "--help"], capture_output=True, text=True, check=False, env=clean_environment())
    assert done.returncode == DONE and done.stdout.startswith("Usage: tricorn ctl")
    package = {"PYTHONPATH": str(Path(executable()).parent / "python")}
    as_module = subprocess.run([os.environ.get("TRICORN_PYTHON", sys.executable), "-m", "tricorn", "ctl", "-h"], capture_output=True,
                               text=True, check=False, env=clean_environment(package))
    assert as_module.stdout == done.stdout, as_module
    wrong = subprocess.run([executable(), "ctl", "relaod"], capture_output=True, text=True, check=False, env=clean_environment())
    assert wrong.returncode == USAGE and "did you mean reload?" in wrong.stderr
