"""What is asked of the servers, and what each must answer, byte for byte."""

from __future__ import annotations

from dataclasses import dataclass

from harness.process import RunningServer, get

HEADERS = {"plain": ["content-length", "content-type", "date", "server"],
           "fastapi": ["content-length", "content-type", "date", "server"]}
HELLO = b"Hello, world!"


@dataclass(frozen=True)
class Scenario:
    """One row of the throughput table. `workload` names the kind of app that must be served."""

    name: str
    label: str
    path: str
    body: bytes
    workload: str = "plain"
    connections: int = 128
    post: bool = False

    def verify(self, server: RunningServer) -> None:
        """Refuses to measure a server that answers anything else than the others."""
        answer = get(server.setting.port, self.path, self.body if self.post else None)
        if answer is None or answer.status != 200 or answer.body != self.body:
            raise RuntimeError(f"{server.kind.name} answers {self.path} wrongly: {answer and (answer.status, answer.body[:80])}")
        expected = HEADERS["fastapi" if self.workload == "fastapi" else "plain"]
        if answer.header_names != expected:
            raise RuntimeError(f"{server.kind.name} sends headers {answer.header_names}, the others {expected}")


SCENARIOS = [
    Scenario("13b", "13 B", "/plain", HELLO),
    Scenario("1k", "1 KiB", "/1k", b"x" * 1024),
    Scenario("10k", "10 KiB", "/10k", b"x" * 10 * 1024),
    Scenario("100k", "100 KiB", "/100k", b"x" * 100 * 1024),
    Scenario("post", "POST echo 10 KiB", "/echo", b"e" * 10 * 1024, post=True),
    Scenario("sleep", "sleep 10 ms, 512 connections", "/sleep", HELLO, connections=512),
    Scenario("log", "13 B with access log", "/plain", HELLO, "access-log"),
    Scenario("json", "FastAPI JSON", "/json", b'{"message":"Hello, world!"}', "fastapi"),
    Scenario("def", "FastAPI `def` endpoint", "/def", b'{"message":"Hello, world!"}', "fastapi"),
]
