"""Starts the servers that a suite's tests talk to. They end with the namespace, or with stop()."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

PORT, TLS_PORT, SENTINEL_PORTS = 6379, 6666, (26379, 26380, 26381)  # what redis-py's tests expect
BOOT_S = 60.0


def postgresql_folder() -> str:
    """Where the newest PostgreSQL has its programs. asyncpg's tests make and end their clusters themselves."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not folders:
        raise SystemExit("error: PostgreSQL is missing: scripts/install_deps suites")
    return str(folders[-1])


class Redis:
    """A server with and without TLS, and three sentinels that watch it."""

    def __init__(self, folder: Path, tree: Path) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        certificates = tree / "dockers" / "standalone" / "tls"
        make_certificates(certificates)
        tls = ["--tls-port", str(TLS_PORT), "--tls-cert-file", str(certificates / "redis.crt"),
               "--tls-key-file", str(certificates / "redis.key"), "--tls-ca-cert-file", str(certificates / "ca.crt"),
               "--tls-auth-clients", "optional"]  # fmt: skip
        self._start(folder, PORT, *tls, "--save", "", "--enable-debug-command", "yes", "--enable-module-command", "yes")
        for port in SENTINEL_PORTS:
            config = folder / f"sentinel-{port}.conf"
            config.write_text(f"port {port}\nsentinel monitor redis-py-test 127.0.0.1 {PORT} 2\n")
            self._start(folder, port, "--sentinel", config=config)

    def _start(self, folder: Path, port: int, *options: str, config: Path | None = None) -> None:
        home = folder / f"redis-{port}"
        home.mkdir()
        command = ["redis-server", *([str(config)] if config else ["--port", str(port)]), *options, "--dir", str(home)]
        self._processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL))
        wait_for_port(port)

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def wait_for_port(port: int) -> None:
    """Until somebody listens there."""
    deadline = time.monotonic() + BOOT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"error: nothing listens on port {port}") from None
            time.sleep(0.05)


def make_certificates(folder: Path) -> None:
    """An authority, and certificates of it with the names that redis-py's tests look for."""
    import trustme  # type: ignore[import-not-found]  # of the suites' venv

    folder.mkdir(parents=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    for name, identities in (("redis", ("localhost", "127.0.0.1", "::1")), ("client", ()), ("test_user", ())):
        issued = authority.issue_cert(*identities, common_name=name)
        issued.private_key_pem.write_to_path(str(folder / f"{name}.key"))
        for number, pem in enumerate(issued.cert_chain_pems):
            pem.write_to_path(str(folder / f"{name}.crt"), append=number > 0)
