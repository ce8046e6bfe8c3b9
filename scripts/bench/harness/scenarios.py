"""What is asked of the servers, and what each must answer, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from harness.process import RunningServer, get
from harness.sample import Sample
from harness.websocket_load import run_websockets, shakes_hands
from harness.wrk import run_wrk

HEADER_NAMES = ["content-length", "content-type", "date", "server"]
HELLO = b"Hello, world!"


class Scenario(Protocol):
    """One row of the throughput table. `workload` names the kind of app that must be served."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def workload(self) -> str: ...
    @property
    def sleeps(self) -> bool: ...
    def is_served(self, server: RunningServer) -> bool: ...
    def verify(self, server: RunningServer) -> None:
        """Refuses to measure a server that answers anything else than the others."""
    def run(self, server: RunningServer, seconds: float, core: int) -> Sample: ...


@dataclass(frozen=True)
class Requests:
    """`script`: wrk's."""

    name: str
    label: str
    path: str
    body: bytes
    workload: str = "plain"
    connections: int = 128
    script: str | None = None
    close: bool = False  # the client asks for the end of the connection with each request

    @property
    def post(self) -> bool:
        return self.script == "post"

    @property
    def sleeps(self) -> bool:
        return self.path == "/sleep" or self.script == "mix"

    def is_served(self, server: RunningServer) -> bool:
        return get(server.setting.port, "/plain") is not None

    def verify(self, server: RunningServer) -> None:
        answer = get(server.setting.port, self.path, self.body if self.post else None)
        if answer is None or answer.status != 200 or answer.body != self.body:
            raise RuntimeError(f"{server.kind.name} answers {self.path} wrongly: {answer and (answer.status, answer.body[:80])}")
        if answer.header_names != HEADER_NAMES:
            raise RuntimeError(f"{server.kind.name} sends headers {answer.header_names}, the others {HEADER_NAMES}")

    def run(self, server: RunningServer, seconds: float, core: int) -> Sample:
        return run_wrk(server, self.path, self.connections, seconds, core, script=self.script, close=self.close)


@dataclass(frozen=True)
class Sockets:
    """`mode`: echo, or receive what the app broadcasts."""

    name: str
    label: str
    mode: str
    size: int
    connections: int
    workload: str
    sleeps: bool = False

    @property
    def path(self) -> str:
        return "/echo" if self.mode == "echo" else "/broadcast"

    def is_served(self, server: RunningServer) -> bool:
        return shakes_hands(server.setting.port, self.path)

    def verify(self, server: RunningServer) -> None:
        """The load compares every byte that comes."""

    def run(self, server: RunningServer, seconds: float, core: int) -> Sample:
        return run_websockets(server, self.mode, self.path, self.connections, self.size, seconds, core)


REQUESTS = [
    Requests("13b", "13 B", "/plain", HELLO),
    Requests("1k", "1 KiB", "/1k", b"x" * 1024),
    Requests("10k", "10 KiB", "/10k", b"x" * 10 * 1024),
    Requests("100k", "100 KiB", "/100k", b"x" * 100 * 1024),
    Requests("post", "POST echo 10 KiB", "/echo", b"e" * 10 * 1024, script="post"),
    Requests("sleep", "sleep 10 ms, 512 connections", "/sleep", HELLO, connections=512),
    Requests("mix", "13 B, each tenth after 10 ms, 512 connections", "/plain", HELLO, connections=512, script="mix"),
    Requests("connect", "13 B, a connection for each request, 4 workers", "/plain", HELLO, "connections", close=True),
    Requests("log", "13 B with access log, to a file", "/plain", HELLO, "access-log"),
    Requests("log-pipe", "13 B with access log, to a pipe", "/plain", HELLO, "access-log-pipe"),
    Requests("json", "FastAPI JSON", "/json", b'{"message":"Hello, world!"}', "fastapi"),
    Requests("def", "FastAPI `def` endpoint", "/def", b'{"message":"Hello, world!"}', "fastapi"),
    Requests("django", "Django JSON", "/json", b'{"message":"Hello, world!"}', "django"),
]
SOCKETS = [
    Sockets("ws-64b", "WebSocket echo 64 B (ASCII)", "echo", 64, 64, "websocket"),
    Sockets("ws-16k", "WebSocket echo 16 KiB (ASCII)", "echo", 16 * 1024, 64, "websocket"),
    Sockets("ws-broadcast", "WebSocket broadcast 1 KiB to 5,000", "receive", 1024, 5000, "broadcast"),
]
SCENARIOS: list[Scenario] = [*REQUESTS, *SOCKETS]
