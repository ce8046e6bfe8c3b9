"""The servers that are compared: how each is made ready, started, and what it can serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness import places
from harness.places import HERE

NATIVE = frozenset({"plain"})
ANY_APP = frozenset({"plain", "fastapi", "access-log"})
APPS = {"plain": "plain:app", "fastapi": "fastapi_app:app", "access-log": "plain:app"}


@dataclass(frozen=True)
class Setting:
    """What a server is started for. `workload`: plain, fastapi, or access-log (plain with an access log)."""

    workload: str
    port: int
    workers: int = 1
    preload: bool = False
    supervised: bool = False  # dead workers come back, where that is an option


@dataclass(frozen=True)
class ServerKind:
    """One line of the tables."""

    name: str
    label: str
    command: Callable[[Setting], list[str]]
    prepare: Callable[[], None]
    serves: frozenset[str] = NATIVE
    environment: Mapping[str, str] = field(default_factory=dict)
    sleeps: bool = True  # has a route that sleeps


def tricorn(setting: Setting) -> list[str]:
    log = [] if setting.workload == "access-log" else ["--no-access-log"]
    preload = ["--preload"] if setting.preload else []
    return [str(places.TRICORN), "--python", str(places.venv_python("tricorn")), "--app-dir", str(HERE / "apps"), "--port",
            str(setting.port), "--workers", str(setting.workers), *log, *preload, APPS[setting.workload]]


def uvicorn(venv: str) -> Callable[[Setting], list[str]]:
    def command(setting: Setting) -> list[str]:
        log = [] if setting.workload == "access-log" else ["--no-access-log"]
        return [str(places.venv_python(venv)), "-m", "uvicorn", "--app-dir", str(HERE / "apps"), "--port", str(setting.port),
                "--workers", str(setting.workers), "--loop", "uvloop", "--http", "httptools", *log, APPS[setting.workload]]
    return command


def granian(setting: Setting) -> list[str]:
    log = "--access-log" if setting.workload == "access-log" else "--no-access-log"
    respawn = ["--respawn-failed-workers"] if setting.supervised else []
    return [str(places.venv_python("granian").with_name("granian")), "--interface", "asgi", "--http", "1", "--no-ws",
            "--loop", "rloop", "--runtime-mode", "st", "--runtime-threads", "1", "--backlog", "2048",
            "--working-dir", str(HERE / "apps"), "--port", str(setting.port), "--workers", str(setting.workers), log,
            *respawn, APPS[setting.workload]]


def prepare_venv(name: str) -> Callable[[], None]:
    return lambda: places.ensure_venv(name)


def prepare_tricorn() -> None:
    places.ensure_tricorn()
    places.ensure_venv("tricorn")


SERVERS = [
    ServerKind("tricorn", "tricorn", tricorn, prepare_tricorn, ANY_APP),
    ServerKind("bare", "bare libuv + llhttp", lambda s: [str(places.BARE), str(s.port)], places.ensure_bare, sleeps=False),
    ServerKind("uvicorn-fastest", "uvicorn, uvloop 0.22.1", uvicorn("uvicorn-fastest"), prepare_venv("uvicorn-fastest"), ANY_APP),
    ServerKind("uvicorn-today", "uvicorn, as pip installs it", uvicorn("uvicorn-today"), prepare_venv("uvicorn-today"), ANY_APP),
    ServerKind("granian", "granian", granian, prepare_venv("granian"), ANY_APP),
    ServerKind("go", "Go net/http", lambda s: [str(places.GO), str(s.port)], places.ensure_go,
               environment={"GOMAXPROCS": "1"}),
    ServerKind("node", "node:http", lambda s: ["node", str(HERE / "peers" / "server.mjs"), str(s.port)], lambda: None),
]
BY_NAME = {server.name: server for server in SERVERS}
