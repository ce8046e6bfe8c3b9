"""Fault 38: a reload with a configuration that cannot be. It is refused before any worker is touched."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from faults.upgrades import Upgradable
from integration.load import Load
from integration.versions import complete, write_app

GOOD = 'bind = ["127.0.0.1:0"]\nworkers = 2\n'

BAD: dict[str, Callable[[Path], tuple[str, str]]] = {
    "log pattern": lambda _: ("access-log-format = '%(nonsense)q'", "access-log-format"),
    "log folder": lambda folder: (f"access-logfile = '{folder}/not-there/access.log'", "access-logfile"),
    "log is a folder": lambda folder: (f"access-logfile = '{folder}'", "access-logfile"),
    "log level": lambda _: ("log-level = 'loud'", "log-level"),
    "unknown option": lambda _: ("log-color = true", "log-color"),
}


@pytest.mark.parametrize("fault", BAD)
def test_fault_38_reload_with_a_bad_log_configuration_is_refused(tmp_path: Path, fault: str) -> None:
    """One ERROR that names it; same workers, no request lost; an upgrade is refused as well; the repaired file is taken."""
    config = tmp_path / "app.toml"
    config.write_text(GOOD)
    write_app(tmp_path, "v1")
    with Upgradable(tmp_path, "site_app:app", "--config", str(config), bind=(), app_dir=tmp_path, allow=(r"\bERROR\b",)) as server:
        before = server.wait_workers(2)
        line, named = BAD[fault](tmp_path)
        config.write_text(GOOD + line + "\n")
        with Load(server, "/", complete) as load:
            server.signal(signal.SIGHUP)
            server.log.wait_for(rf"\bERROR\b not reloaded, the workers serve on: .*{named}")
            load.wait_answered(64)
            server.signal(signal.SIGUSR2)
            server.log.wait_for("upgrade failed: the new master ended with exit code [12]")
            load.wait_answered(64)
            assert server.wait_workers(2) == before
            config.write_text(GOOD)
            server.signal(signal.SIGHUP)
            server.log.wait_for("reloaded: generation")
        load.assert_no_failure()


def test_fault_38_busy_port_is_named_and_the_old_listeners_serve_on(tmp_path: Path) -> None:
    """A reload binds nothing: it warns. An upgrade does, and is refused before any worker is touched."""
    config = tmp_path / "app.toml"
    config.write_text(GOOD)
    write_app(tmp_path, "v1")
    with (Upgradable(tmp_path, "site_app:app", "--config", str(config), bind=(), app_dir=tmp_path, allow=(r"\bERROR\b",)) as server,
          socket.create_server(("127.0.0.1", 0)) as holder):
        port = holder.getsockname()[1]
        config.write_text(f'bind = ["127.0.0.1:{port}"]\nworkers = 2\n')
        with Load(server, "/", complete) as load:
            server.signal(signal.SIGHUP)
            server.log.wait_for(rf"\bWARN\b.*127\.0\.0\.1:{port}.*SIGUSR2")
            server.log.wait_for("reloaded: generation")
            before = server.wait_workers(2)
            server.signal(signal.SIGUSR2)
            server.log.wait_for(rf"cannot listen on 127\.0\.0\.1:{port}: the port is in use")
            server.log.wait_for("upgrade failed: the new master ended with exit code 1")
            load.wait_answered(64)
            assert server.wait_workers(2) == before
        load.assert_no_failure()
