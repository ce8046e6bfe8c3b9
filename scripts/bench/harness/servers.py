"""The servers that are compared: how each is made ready, started, and what it can serve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness import places
from harness.places import HERE

NATIVE = frozenset({"plain"})
LOGGED = frozenset({"access-log", "access-log-pipe"})
SEVERAL_WORKERS = frozenset({"connections"})
SOCKETS = frozenset({"websocket", "broadcast"})
ANY_APP = frozenset({"plain", "fastapi", "django"}) | LOGGED | SEVERAL_WORKERS | SOCKETS
WORKERS = {"connections": 4}
APPS = {"fastapi": "fastapi_app:app", "django": "django_app:app", "websocket": "sockets:app", "broadcast": "sockets:app"}
PLAIN_APP = "plain:app"


@dataclass(frozen=True)
class Setting:
    """What a server is started for. `workload`: plain, fastapi, django; plain with an access log to a file or a pipe, or with
    several workers for many connections; websocket, broadcast."""

    workload: str
    port: int
    workers: int = 1
    preload: bool = False
    supervised: bool = False  # dead workers come back, where that is an option

    @property
    def app(self) -> str:
        return APPS.get(self.workload, PLAIN_APP)

    @property
    def logs(self) -> bool:
        return self.workload in LOGGED


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
    logs: bool = True  # writes the access log that a workload asks for


def tricorn(setting: Setting) -> list[str]:
    log = [] if setting.logs else ["--no-access-log"]
    preload = ["--preload"] if setting.preload else []
    return [str(places.TRICORN), "--python", str(places.venv_python("tricorn")), "--app-dir", str(HERE / "apps"), "--port",
            str(setting.port), "--workers", str(setting.workers), *log, *preload, setting.app]


def silent_tricorn(setting: Setting) -> list[str]:
    return [*tricorn(setting), "--no-access-log"]


def tricorn_reuse_port(setting: Setting) -> list[str]:
    return [*tricorn(setting), "--reuse-port"]


def uvicorn(venv: str) -> Callable[[Setting], list[str]]:
    def command(setting: Setting) -> list[str]:
        log = [] if setting.logs else ["--no-access-log"]
        return [str(places.venv_python(venv)), "-m", "uvicorn", "--app-dir", str(HERE / "apps"), "--port", str(setting.port),
                "--workers", str(setting.workers), "--loop", "uvloop", "--http", "httptools", "--ws", "websockets-sansio", *log, setting.app]
    return command


def granian(setting: Setting) -> list[str]:
    log = "--access-log" if setting.logs else "--no-access-log"
    sockets = "--ws" if setting.workload in SOCKETS else "--no-ws"
    respawn = ["--respawn-failed-workers"] if setting.supervised else []
    return [str(places.venv_python("granian").with_name("granian")), "--interface", "asgi", "--http", "1", sockets,
            "--loop", "rloop", "--runtime-mode", "st", "--runtime-threads", "1", "--backlog", "2048",
            "--working-dir", str(HERE / "apps"), "--port", str(setting.port), "--workers", str(setting.workers), log,
            *respawn, setting.app]


def bare(setting: Setting) -> list[str]:
    return [str(places.BARE_WEBSOCKET if setting.workload in SOCKETS else places.BARE), str(setting.port)]


def prepare_venv(name: str) -> Callable[[], None]:
    return lambda: places.ensure_venv(name)


def prepare_tricorn() -> None:
    places.ensure_tricorn()
    places.ensure_venv("tricorn")


SERVERS = [
    ServerKind("tricorn", "tricorn", tricorn, prepare_tricorn, ANY_APP),
    ServerKind("tricorn-silent", "tricorn without its log", silent_tricorn, prepare_tricorn, LOGGED, logs=False),
    ServerKind("tricorn-reuse-port", "tricorn --reuse-port", tricorn_reuse_port, prepare_tricorn, SEVERAL_WORKERS),
    ServerKind("bare", "bare libuv", bare, places.ensure_bare, NATIVE | {"websocket"}, sleeps=False),
    ServerKind("uvicorn-fastest", "uvicorn, uvloop 0.22.1", uvicorn("uvicorn-fastest"), prepare_venv("uvicorn-fastest"), ANY_APP),
    ServerKind("uvicorn-today", "uvicorn, as pip installs it", uvicorn("uvicorn-today"), prepare_venv("uvicorn-today"), ANY_APP),
    ServerKind("granian", "granian", granian, prepare_venv("granian"), ANY_APP),
    ServerKind("go", "Go net/http", lambda s: [str(places.GO), str(s.port)], places.ensure_go,
               environment={"GOMAXPROCS": "1"}),
    ServerKind("node", "node:http", lambda s: ["node", str(HERE / "peers" / "server.mjs"), str(s.port)], lambda: None),
]
BY_NAME = {server.name: server for server in SERVERS}
