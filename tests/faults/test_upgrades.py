"""Fault 37: binary upgrade by USR2. Whatever becomes of the new master, one of the two serves, and no request is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from faults.harness import reserved_port
from faults.upgrades import ServiceManager, Upgradable
from integration.control import DONE, Control
from integration.load import Load
from integration.processes import open_descriptors
from integration.server import Server, executable
from integration.versions import BROKEN, MODES, complete, write_app, write_source

FAILED = "upgrade failed"


@pytest.fixture
def app(tmp_path: Path) -> Path:
    write_app(tmp_path, "v1")
    return tmp_path


def pid_by_ctl(server: Upgradable, path: Path) -> int:
    answer = subprocess.run([executable(), "ctl", "status", "--json", "--control-socket", str(path)],
                            capture_output=True, text=True, env=server.environment, timeout=60)
    return int(json.loads(answer.stdout)["status"]["pid"]) if answer.returncode == 0 else 0


def serves(server: Server, version: str) -> bool:
    return server.get("/").body.startswith(version.encode())


@pytest.mark.parametrize("fault", ["missing file", "crash", "exit", "import", "startup", "options", "busy port", "control socket"])
def test_fault_37_upgrade_that_fails_keeps_the_old_master(app: Path, fault: str) -> None:
    """One ERROR with the reason; same workers, same pid file, nothing kept; after the repair the next one succeeds."""
    config = app / "app.toml"
    config.write_text('bind = ["127.0.0.1:0"]\n')
    with (Upgradable(app, "site_app:app", "--workers", "2", "--config", str(config), bind=(), app_dir=app, allow=(".",)) as server,
          socket.create_server(("127.0.0.1", 0)) as holder):
        before, descriptors = server.wait_workers(2), open_descriptors(server.pid)
        port = holder.getsockname()[1]
        reason = {
            "missing file": lambda: server.program.unlink() or "No such file or directory",
            "crash": lambda: server.install_script("#!/bin/sh\nkill -SEGV $$\n") or r"killed by signal 11 \(SIGSEGV\)",
            "exit": lambda: server.install_script("#!/bin/sh\nexit 7\n") or "exit code 7",
            "import": lambda: write_source(app, BROKEN["syntax error"]) or "could not be imported",
            "startup": lambda: write_source(app, BROKEN["failed startup"]) or "the app did not start",
            "options": lambda: config.write_text("log-level = 'loud'\n") and "its options are wrong",
            "busy port": lambda: config.write_text(f'bind = ["127.0.0.1:0", "127.0.0.1:{port}"]\n') and "could not listen",
            "control socket": lambda: config.write_text(
                f'bind = ["127.0.0.1:0"]\ncontrol-socket = "{app}/missing/control"\n') and "could not listen",
        }[fault]()
        with Load(server, "/", complete) as load:
            server.signal(signal.SIGUSR2)
            server.log.wait_for(rf"\bERROR\b.*{FAILED}.*{reason}.* serves on")
            load.wait_answered(64)
            assert server.wait_workers(2) == before and server.in_charge() == server.pid
            assert not server.oldbin().exists()
            assert server.log.count(FAILED) == 1
            server.eventually(lambda: open_descriptors(server.pid) <= descriptors, "nothing of the new master is kept")
            config.write_text('bind = ["127.0.0.1:0"]\n')
            write_app(app, "v2")
            server.install(executable())
            launched = server.log.count("the new master is pid")
            server.start_upgrade(server.pid, count=launched + 1)
            server.log.wait_for("is in charge now")
            server.eventually(lambda: serves(server, "v2"), "the new code serves")
        load.assert_no_failure()


@MODES
def test_fault_37_upgrade_under_load_loses_no_request(app: Path, mode: tuple[str, ...]) -> None:
    """Both masters serve, then the new one alone; the right process tells the service manager at the right time."""
    manager = ServiceManager(app)
    with Upgradable(app, "site_app:app", "--workers", "2", *mode, app_dir=app,
                    environment={"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "40000", "WATCHDOG_PID": "1"}) as server:
        old_workers, old = server.wait_workers(2), server.pid
        manager.wait_for(old, "READY=1")
        with Load(server, "/", complete) as load:
            write_app(app, "v2")
            new = server.upgrade(old)
            told = manager.wait_for(old, f"MAINPID={new}")
            assert new not in {pid for pid, _text in manager.told[:told]}, "a candidate is silent"
            manager.wait_for(new, "READY=1", since=told)
            manager.wait_for(new, "WATCHDOG=1", since=told)
            load.wait_answered(64)
            assert server.in_charge() == new and int(server.oldbin().read_text()) == old
            assert len(server.workers_of(new)) == 2 and not set(server.workers_of(new)) & set(old_workers.values())
            server.signal(signal.SIGTERM)
            assert server.wait() == 0, "the old one may go"
            load.wait_answered(64)
            assert serves(server, "v2") and server.in_charge() == new and not server.oldbin().exists()
            assert old not in {pid for pid, _text in manager.told[told:]}, "the old one says nothing more"
        load.assert_no_failure()
        os.kill(new, signal.SIGTERM)
        server.wait_exit(new)
        assert not server.pid_file.exists()


@MODES
def test_fault_37_undo_by_hup_to_the_old_master(app: Path, mode: tuple[str, ...]) -> None:
    """Its own workers first, with the old code; then the new master leaves. After that an upgrade is possible again."""
    manager = ServiceManager(app)
    with Upgradable(app, "site_app:app", "--workers", "2", *mode, app_dir=app,
                    environment={"NOTIFY_SOCKET": str(manager.path)}) as server:
        server.wait_workers(2)
        descriptors = open_descriptors(server.pid)
        with Load(server, "/", complete) as load:
            new = server.upgrade(server.pid)
            load.wait_answered(64)
            since = len(manager.told)
            server.signal(signal.SIGHUP)
            server.log.wait_for("is in charge again")
            told = manager.wait_for(new, f"MAINPID={server.pid}", since=since)
            manager.wait_for(server.pid, "READY=1", since=told)
            server.log.wait_for("the new master ended with exit code 0")
            load.wait_answered(64)
            assert server.masters() == [server.pid] == [server.in_charge()] and not server.oldbin().exists()
            assert server.workers_of(server.pid) == sorted(server.wait_workers(2).values())
            server.eventually(lambda: open_descriptors(server.pid) <= descriptors, "nothing of the new master is kept")
            write_app(app, "v2")
            server.upgrade(server.pid, count=2)
            server.eventually(lambda: serves(server, "v2"), "the new code serves")
        load.assert_no_failure()


def test_fault_37_old_master_leaves_by_itself_and_the_next_upgrade_follows(app: Path) -> None:
    with Upgradable(app, "site_app:app", "--upgrade-undo-window", "1", app_dir=app) as server:
        with Load(server, "/", complete, keep_alive=8) as load:
            second = server.upgrade(server.pid)
            assert server.wait() == 0
            third = server.upgrade(second, count=2)
            server.wait_exit(second)
            load.wait_answered(32)
            assert server.masters() == [third] == [server.in_charge()]
        load.assert_no_failure()


def test_fault_37_old_master_takes_over_when_the_new_one_is_killed(app: Path) -> None:
    with Upgradable(app, "site_app:app", "--workers", "2", app_dir=app, allow=("the new master killed by signal 9", "killed by")) as server:
        new = server.upgrade(server.pid)
        os.kill(new, signal.SIGKILL)
        server.log.wait_for("is in charge again")
        assert server.get("/").status == 200
        server.eventually(lambda: len(server.workers_of(server.pid)) == 2, "its own workers are back")
        server.wait_workers(2)
        assert server.in_charge() == server.pid and not server.oldbin().exists()


def test_fault_37_new_master_takes_over_when_the_old_one_is_killed(app: Path) -> None:
    """While it boots: nobody is left to hand over."""
    with Upgradable(app, "site_app:app", app_dir=app, allow=("master is gone",), expect_exit=-signal.SIGKILL) as server:
        write_source(app, "import time\nfrom pathlib import Path\n"
                     f"while not Path({str(app / 'go')!r}).exists(): time.sleep(0.01)\n" + (app / "site_app.py").read_text())
        new = server.start_upgrade(server.pid)
        server.signal(signal.SIGKILL)
        server.log.wait_for("the old master is gone before it handed over")
        (app / "go").touch()
        server.eventually(lambda: server.get("/").status == 200, "an answer of the new master")
        assert server.in_charge() == new
        os.kill(new, signal.SIGTERM)
        server.wait_exit(new)


def test_fault_37_control_socket_is_the_one_of_the_master_in_charge(app: Path) -> None:
    """Whether it keeps its path or gets another one."""
    config = app / "app.toml"
    for before, after in (("control", "control"), ("control", "other")):
        config.write_text(f'control-socket = "{app / before}"\n')
        with Upgradable(app, "site_app:app", "--config", str(config), app_dir=app) as server:
            assert pid_by_ctl(server, app / before) == server.pid
            config.write_text(f'control-socket = "{app / after}"\n')
            new = server.upgrade(server.pid)
            server.eventually(lambda: pid_by_ctl(server, app / after) == new, "the new master is steered")
            server.signal(signal.SIGHUP)
            server.log.wait_for("the new master ended with exit code 0")
            server.eventually(lambda: pid_by_ctl(server, app / before) == server.pid, "the old master is steered again")
            assert (app / after).exists() == (before == after)


def test_fault_37_stop_is_answered_while_the_old_master_waits_for_the_new_ones_end(app: Path) -> None:
    """Its own stop is over; a second one hurries the new master, as a second signal does."""
    control = Control(app)
    with Upgradable(app, "site_app:app", *control.option, app_dir=app, allow=("the new master killed by signal 15",)) as server:
        server.install_script("#!/bin/sh\necho deaf\nexec sleep 60\n")
        server.start_upgrade(server.pid)
        server.log.wait_for("deaf")
        server.signal(signal.SIGTERM)
        server.log.wait_for("stopped$")
        assert server.process.poll() is None
        done = control.ctl("stop", "--wait")
        assert done.returncode == DONE, done
        assert server.wait() == 0


def test_fault_37_control_socket_that_cannot_be_bound_is_tried_again(app: Path) -> None:
    folder = app / "run"
    folder.mkdir()
    with Upgradable(app, "site_app:app", "--control-socket", str(folder / "control"), app_dir=app,
                    allow=("--control-socket: .*; tried again",)) as server:
        folder.rename(app / "away")
        new = server.upgrade(server.pid)
        server.log.wait_for("--control-socket: .*; tried again")
        folder.mkdir()
        server.eventually(lambda: pid_by_ctl(server, folder / "control") == new, "the new master is steered")


def test_fault_37_unix_socket_stays_in_place(app: Path) -> None:
    path = app / "app.sock"
    with Upgradable(app, "site_app:app", app_dir=app, bind=("--bind", f"unix:{path}")) as server:
        inode = path.stat().st_ino
        new = server.upgrade(server.pid)
        assert server.stop() == 0, "the old one leaves it"
        assert path.stat().st_ino == inode and server.get("/").status == 200
        os.kill(new, signal.SIGTERM)
        server.wait_exit(new)
        assert not path.exists()


def test_fault_37_new_addresses_are_bound_and_old_ones_left(app: Path) -> None:
    """What a reload cannot do. The old master holds the old address for as long as it may be wanted back."""
    config = app / "app.toml"
    config.write_text(f'bind = ["127.0.0.1:0", "unix:{app}/a.sock"]\n')
    with Upgradable(app, "site_app:app", "--config", str(config), bind=(), app_dir=app) as server:
        config.write_text(f'bind = ["127.0.0.1:0", "unix:{app}/b.sock"]\n')
        server.upgrade(server.pid)
        for path in (app / "a.sock", app / "b.sock"):
            assert path.exists(), path
        assert server.get("/").status == 200
        assert server.stop() == 0
        assert not (app / "a.sock").exists() and (app / "b.sock").exists()
        server.address = f"{app}/b.sock"
        assert server.get("/").status == 200


def test_fault_37_address_that_the_new_master_has_not_got_is_refused_when_the_old_one_has_left(app: Path) -> None:
    """Nobody holds a socket that nobody accepts from: clients would wait without an end."""
    config = app / "app.toml"
    with reserved_port() as port:
        config.write_text(f'bind = ["127.0.0.1:0", "127.0.0.1:{port}"]\n')
        with Upgradable(app, "site_app:app", "--config", str(config), bind=(), app_dir=app) as server:
            config.write_text('bind = ["127.0.0.1:0"]\n')
            server.upgrade(server.pid)
            assert server.stop() == 0
            with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=5):
                pass
            assert server.get("/").status == 200


@pytest.mark.parametrize("who", ["old", "new", "both"])
def test_fault_37_stop_of_the_master_in_charge_stops_both(app: Path, who: str) -> None:
    """The old one while the new one boots; the new one while the old one waits; as a service manager that signals all."""
    path = app / "app.sock"
    with Upgradable(app, "site_app:app", app_dir=app, bind=("--bind", f"unix:{path}")) as server:
        if who == "old":
            write_source(app, "import os, time\nos.write(1, b'booting\\n')\ntime.sleep(60)\n")
            server.start_upgrade(server.pid)
            server.log.wait_for("booting")
            server.signal(signal.SIGTERM)
        else:
            new = server.upgrade(server.pid)
            if who == "both":
                server.signal(signal.SIGTERM)
            os.kill(new, signal.SIGTERM)
            server.wait_exit(new)
        assert server.wait() == 0
        assert not server.family() and not path.exists() and not server.pid_file.exists()


def test_fault_37_stop_of_the_master_in_charge_ends_an_undo_and_both(app: Path) -> None:
    with Upgradable(app, "site_app:app", app_dir=app) as server:
        new = server.upgrade(server.pid)
        write_source(app, "import os, time\nos.write(1, b'booting\\n')\ntime.sleep(60)\n")
        server.signal(signal.SIGHUP)
        server.log.wait_for("booting")
        os.kill(new, signal.SIGTERM)
        server.wait_exit(new)
        assert server.wait() == 0
        assert not server.family() and not server.pid_file.exists()


def test_fault_37_stop_of_the_old_master_ends_the_wait_for_clients_of_the_new_one(app: Path) -> None:
    """After an undo it keeps idle connections for those who come back; nobody can when the old one stops, too."""
    with Upgradable(app, "site_app:app", "--timeout-graceful-shutdown", "300", app_dir=app) as server:
        new = server.upgrade(server.pid)
        with server.connect() as idle:
            assert idle.get("/").status == 200
            server.signal(signal.SIGHUP)
            server.log.wait_for("is in charge again")
            assert server.masters() == [server.pid, new]
            server.signal(signal.SIGTERM)
            server.wait_exit(new)
            assert server.wait() == 0


def test_fault_37_both_end_with_the_code_of_the_new_master(app: Path) -> None:
    """The old one is what the service manager looks at in the end: it is to restart what has failed."""
    with Upgradable(app, "site_app:app", "--exit-on-worker-crash", app_dir=app, expect_exit=137,
                    allow=("killed by signal 9", "as --exit-on-worker-crash asks")) as server:
        new = server.upgrade(server.pid)
        os.kill(server.workers_of(new)[0], signal.SIGKILL)
        server.wait_exit(new, 137)
        assert server.wait() == 137
        assert server.log.count("the new master stops: the old one stops, too") == 1


def test_fault_37_shutdown_delay_of_the_new_master_is_served_by_it(app: Path) -> None:
    """It stays in charge until its stop begins, and the old one waits for it; a second TERM cuts the delay short."""
    path = app / "app.sock"
    with Upgradable(app, "site_app:app", "--shutdown-delay", "60", app_dir=app, bind=("--bind", f"unix:{path}")) as server:
        new = server.upgrade(server.pid)
        os.kill(new, signal.SIGTERM)
        server.log.wait_for("serving goes on until then")
        assert server.get("/").status == 200 and server.in_charge() == new
        assert server.masters() == [server.pid, new]
        os.kill(new, signal.SIGTERM)
        server.wait_exit(new)
        assert server.wait() == 0
        assert not server.family() and not path.exists() and not server.pid_file.exists()


def test_fault_37_candidate_that_is_told_to_stop_does_so_without_a_delay(app: Path) -> None:
    """Nobody sends it requests by name; and what is about to stop must not take charge."""
    with Upgradable(app, "site_app:app", "--shutdown-delay", "60", app_dir=app, allow=(FAILED,)) as server:
        before = server.wait_workers(1)
        new = server.start_upgrade(server.pid)
        server.log.wait_for("ready: 1 worker", count=2)
        os.kill(new, signal.SIGTERM)
        server.log.wait_for(f"{FAILED}: the new master ended with exit code 0")
        assert server.wait_workers(1) == before and server.in_charge() == server.pid
        server.signal(signal.SIGTERM)
        server.log.wait_for("serving goes on until then")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0


def test_fault_37_hup_calls_off_an_upgrade_and_a_second_usr2_is_ignored(app: Path) -> None:
    with Upgradable(app, "site_app:app", app_dir=app) as server:
        before = server.wait_workers(1)
        write_source(app, "import os, time\nos.write(1, b'booting\\n')\ntime.sleep(60)\n")
        new = server.start_upgrade(server.pid)
        server.log.wait_for("booting")
        server.signal(signal.SIGUSR2)
        server.log.wait_for("SIGUSR2 ignored: an upgrade is under way")
        os.kill(new, signal.SIGUSR2)
        server.log.wait_for("SIGUSR2 ignored: the workers have not been ready yet")
        server.signal(signal.SIGHUP)
        server.log.wait_for("the new master ended with exit code")
        assert server.wait_workers(1) == before and server.in_charge() == server.pid
        assert server.log.count("reloading") == 0, "the HUP was for the upgrade"


@pytest.mark.root
def test_fault_37_process_one_is_not_upgraded() -> None:
    """Its end would be the container's."""
    unshare = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    if subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        pytest.skip("no process namespaces here")
    with Server("raw:app", command_prefix=unshare) as server:
        master = next(p.pid for p in server.family() if p.parent == server.pid)
        os.kill(master, signal.SIGUSR2)
        server.log.wait_for("SIGUSR2 ignored: this is process 1")
        assert server.get("/hello").status == 200
        os.kill(master, signal.SIGTERM)
        assert server.wait() == 0
