"""What is asked of the servers, and what each must answer, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

from harness.process import RunningServer, get

HEADER_NAMES = ["content-length", "content-type", "date", "server"]
HELLO = b"Hello, world!"


@dataclass(frozen=True)
class Scenario:
    """One row of the throughput table. `workload` names the kind of app that must be served, `script` wrk's."""

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

    def verify(self, server: RunningServer) -> None:
        """Refuses to measure a server that answers anything else than the others."""
        answer = get(server.setting.port, self.path, self.body if self.post else None)
        if answer is None or answer.status != 200 or answer.body != self.body:
            raise RuntimeError(f"{server.kind.name} answers {self.path} wrongly: {answer and (answer.status, answer.body[:80])}")
        if answer.header_names != HEADER_NAMES:
            raise RuntimeError(f"{server.kind.name} sends headers {answer.header_names}, the others {HEADER_NAMES}")


SCENARIOS = [
    Scenario("13b", "13 B", "/plain", HELLO),
    Scenario("1k", "1 KiB", "/1k", b"x" * 1024),
    Scenario("10k", "10 KiB", "/10k", b"x" * 10 * 1024),
    Scenario("100k", "100 KiB", "/100k", b"x" * 100 * 1024),
    Scenario("post", "POST echo 10 KiB", "/echo", b"e" * 10 * 1024, script="post"),
    Scenario("sleep", "sleep 10 ms, 512 connections", "/sleep", HELLO, connections=512),
    Scenario("mix", "13 B, each tenth after 10 ms, 512 connections", "/plain", HELLO, connections=512, script="mix"),
    Scenario("connect", "13 B, a connection for each request, 4 workers", "/plain", HELLO, "connections", close=True),
    Scenario("log", "13 B with access log, to a file", "/plain", HELLO, "access-log"),
    Scenario("log-pipe", "13 B with access log, to a pipe", "/plain", HELLO, "access-log-pipe"),
    Scenario("json", "FastAPI JSON", "/json", b'{"message":"Hello, world!"}', "fastapi"),
    Scenario("def", "FastAPI `def` endpoint", "/def", b'{"message":"Hello, world!"}', "fastapi"),
    Scenario("django", "Django JSON", "/json", b'{"message":"Hello, world!"}', "django"),
]
