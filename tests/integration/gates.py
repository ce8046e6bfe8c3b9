"""Requests that wait for a gate (apps/gate.py), so that a test decides when they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from integration.server import Server
from integration.wire import Connection

S = TypeVar("S", bound=Server)


def gated(kind: type[S], gate: Path, *arguments: str, **options: Any) -> S:
    """A server of `kind` with the app that waits for the gate."""
    return kind("gate:app", *arguments, environment={"GATE": str(gate)}, **options)


def start_requests(server: Server, count: int, target: str) -> list[Connection]:
    """Connections whose requests have reached the app, where they wait."""
    connections = [server.connect() for _ in range(count)]
    for connection in connections:
        connection.request("GET", target, read=False)
    server.log.wait_for("request waits", count=count)
    return connections


def finish_requests(connections: list[Connection]) -> None:
    """Every request is answered, and each answer says that the connection ends."""
    responses = [connection.read_response() for connection in connections]
    for connection in connections:
        connection.close()
    assert [response.body for response in responses] == [b"gate open"] * len(connections)
    assert all(response.says_close for response in responses)
