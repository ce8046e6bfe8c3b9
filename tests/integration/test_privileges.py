"""--user, --group, --umask and --chdir: who runs the app, where, and who owns what is made for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from integration.privileges import NOBODY, ids_of, server_as_nobody, tricorn_as_nobody
from integration.server import APPS, Server, clean_environment, executable
from integration.versions import KILLED, MODES, write_app

GROUP = "daemon"  # a group that nobody is not in
GROUP_ID = 1


def tell(server: Server) -> Any:
    return json.loads(server.get("/").body)


def privileged_port() -> int:
    for port in range(1023, 600, -1):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    pytest.skip("no port below 1024 can be had here")


@pytest.mark.root
@MODES
def test_app_runs_as_the_user_and_the_master_stays_root(mode: tuple[str, ...]) -> None:
    """From its first line on, and without root's port, home or groups."""
    with server_as_nobody("whoami:app", "--user", "nobody", "--workers", "2", *mode, "--bind",
                          f"127.0.0.1:{privileged_port()}", bind=()) as server:
        told = tell(server)
        for moment in ("import", "now"):
            assert set(told[moment]["uids"]) == {NOBODY.pw_uid}
            assert set(told[moment]["gids"]) == {NOBODY.pw_gid}
            assert told[moment]["groups"] == [NOBODY.pw_gid]
            variables = told[moment]["environment"]
            assert (variables["HOME"], variables["USER"], variables["LOGNAME"]) == (NOBODY.pw_dir, "nobody", "nobody")
        for process in server.family():
            assert ids_of(process.pid, "Uid") == {0 if process.pid == server.pid else NOBODY.pw_uid}, process
        worker = server.wait_workers(2)[0]
        os.kill(worker, signal.SIGKILL)
        server.allow.append(KILLED)
        server.eventually(lambda: worker not in server.workers().get(0, [worker]), "another worker")
        assert all(ids_of(pid, "Uid") == {NOBODY.pw_uid} for pid in server.wait_workers(2).values())


@pytest.mark.root
def test_group_is_instead_of_the_users_own() -> None:
    with server_as_nobody("whoami:app", "--user", str(NOBODY.pw_uid), "--group", GROUP) as server:
        told = tell(server)["now"]
        assert set(told["uids"]) == {NOBODY.pw_uid} and set(told["gids"]) == {GROUP_ID}


@pytest.mark.root
def test_reload_keeps_the_user(open_folder: Path) -> None:
    """Another one in the configuration takes a restart: the sockets are the old one's."""
    config = open_folder / "tricorn.toml"
    config.write_text('user = "nobody"\n')
    write_app(open_folder, "v1")
    with server_as_nobody("site_app:app", "--config", str(config), app_dir=open_folder) as server:
        config.write_text('user = "daemon"\n')
        write_app(open_folder, "v2")
        server.signal(signal.SIGHUP)
        server.log.wait_for("user has changed: that takes")
        server.log.wait_for("reloaded: generation 2")
        server.wait_workers(1)  # the old one may still take what waits
        assert server.get("/").body.startswith(b"v2:")
        assert ids_of(server.wait_workers(1)[0], "Uid") == {NOBODY.pw_uid}


@pytest.mark.root
def test_unix_socket_belongs_to_the_user_and_the_group(open_folder: Path) -> None:
    path = open_folder / "socket"
    with server_as_nobody("raw:app", "--user", "nobody", "--group", GROUP, "--uds-permissions", "660",
                          bind=("--bind", f"unix:{path}")) as server:
        info = path.stat()
        assert (info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)) == (NOBODY.pw_uid, GROUP_ID, 0o660)
        assert server.get("/hello").status == 200
    assert not path.exists()


@pytest.mark.root
def test_access_log_is_the_users(open_folder: Path) -> None:
    """Made with the user's rights, and opened anew after a rotation with the same."""
    logs = open_folder / "logs"
    logs.mkdir()
    os.chown(logs, NOBODY.pw_uid, NOBODY.pw_gid)
    log = logs / "access"
    with server_as_nobody("raw:app", "--user", "nobody", "--access-logfile", str(log)) as server:
        assert log.stat().st_uid == NOBODY.pw_uid
        log.rename(logs / "access.1")
        server.signal(signal.SIGUSR1)
        server.eventually(log.exists, "a new file")
        assert log.stat().st_uid == NOBODY.pw_uid


@pytest.mark.root
def test_access_log_that_the_user_cannot_write_is_said_at_the_start(open_folder: Path) -> None:
    log = open_folder / "access"
    server = server_as_nobody("raw:app", "--user", "nobody", "--access-logfile", str(log), expect_exit=1,
                              allow=("--access-logfile",)).spawn()
    server.assert_gone()
    assert server.log.count(f"--access-logfile: open {log}: Permission denied .as user nobody.") == 1
    assert not log.exists(), "root has not made it either"


@pytest.mark.root
def test_app_folder_that_the_user_cannot_read_is_named(open_folder: Path) -> None:
    write_app(open_folder, "v1")
    open_folder.chmod(0o700)
    server = server_as_nobody("site_app:app", "--user", "nobody", app_dir=open_folder, expect_exit=4, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count(f"the folder {open_folder} cannot be read by this user") == 1


@pytest.mark.root
def test_folder_that_the_user_cannot_enter_is_named(open_folder: Path) -> None:
    open_folder.chmod(0o700)
    server = server_as_nobody("raw:app", "--user", "nobody", "--chdir", str(open_folder), expect_exit=1, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count(f"enter {open_folder} as user nobody: Permission denied") == 1


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([executable(), *arguments], capture_output=True, text=True, check=False, timeout=30,
                          env=clean_environment(), **options)


@pytest.mark.parametrize("option", ["--user", "--group"])
def test_unknown_names_end_the_start(option: str) -> None:
    ended = run(option, "no-such", "raw:app")
    assert (ended.returncode, ended.stderr) == (2, f"tricorn: error: {option}: there is no {option[2:]} 'no-such' here\n")


@pytest.mark.root
def test_who_is_not_root_cannot_ask_for_another_user(open_folder: Path) -> None:
    """One line, before anything is bound or made."""
    socket_file, pid_file = open_folder / "socket", open_folder / "pid"
    open_folder.chmod(0o777)
    ended = tricorn_as_nobody("--user", "daemon", "--uds", str(socket_file), "--pid-file", str(pid_file), "raw:app")
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1 and "cannot run the app as user daemon" in ended.stderr
    assert list(open_folder.iterdir()) == []


@pytest.mark.root
def test_who_asks_for_himself_needs_no_rights() -> None:
    """As a configuration for root that is tried by hand. The interpreter is missing: the user was no matter."""
    ended = tricorn_as_nobody("--user", "nobody", "--port", "0", "--python", "/no/such", "raw:app")
    assert "--python /no/such" in ended.stderr, ended.stderr


@pytest.mark.root
def test_check_loads_the_app_as_the_user() -> None:
    server = server_as_nobody("whoami:app", "--check", "--user", "nobody").spawn()
    assert server.wait() == 0
    assert server.log.count("ok: whoami:app loads on Python") == 1


def test_chdir_is_where_the_app_runs_and_where_paths_count_from(tmp_path: Path) -> None:
    (tmp_path / "app.env").write_text("FROM_FILE=1\n")
    config = tmp_path / "tricorn.toml"
    config.write_text(f'chdir = "{tmp_path}"\nenv-file = ["app.env"]\npid-file = "pid"\naccess-logfile = "log"\n')
    with Server("whoami:app", "--config", str(config), "--app-dir", str(APPS), app_dir=None,
                bind=("--bind", "unix:socket")) as server:
        told = tell(server)
        for moment in ("import", "now"):
            assert told[moment]["folder"] == told[moment]["environment"]["PWD"] == str(tmp_path)
        assert (tmp_path / "pid").read_text() == f"{server.pid}\n"
        assert (tmp_path / "log").exists() and (tmp_path / "socket").is_socket()
        assert os.readlink(f"/proc/{server.pid}/cwd") == os.getcwd(), "the master stays where it was started"
    assert not (tmp_path / "pid").exists()


def test_chdir_through_a_link_leads_to_the_new_release_at_a_reload(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        (tmp_path / version).mkdir()
        write_app(tmp_path / version, version)
    link = tmp_path / "current"
    link.symlink_to("v1")
    with Server("site_app:app", "--chdir", str(link), app_dir=None) as server:
        assert server.get("/").body.startswith(b"v1:")
        (tmp_path / "next").symlink_to("v2")
        (tmp_path / "next").rename(link)
        server.signal(signal.SIGHUP)
        server.log.wait_for("reloaded: generation 2")
        server.wait_workers(1)  # the old one may still take what waits
        assert server.get("/").body.startswith(b"v2:")
        assert os.readlink(f"/proc/{server.wait_workers(1)[0]}/cwd") == str(tmp_path / "v2")


def test_umask_holds_for_sockets_and_for_what_the_app_makes(tmp_path: Path) -> None:
    path, made = tmp_path / "socket", tmp_path / "made"
    with Server("whoami:app", "--umask", "027", bind=("--bind", f"unix:{path}")) as server:
        assert stat.S_IMODE(path.stat().st_mode) == 0o750
        assert server.get(f"/make?path={made}").status == 200
        assert stat.S_IMODE(made.stat().st_mode) == 0o640
