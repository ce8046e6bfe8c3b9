"""Requests that fail in the ways that the log must tell apart, and one that does not."""

from __future__ import annotations

from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    path = scope["path"]
    if path == "/raises":
        cause()
    if path == "/group":
        raise ExceptionGroup("several", [ValueError("first of the group"), KeyError("second of the group")])
    if path == "/exits":
        raise SystemExit(7)
    if path == "/returns":
        return
    headers = [(b"content-type", b"text/plain"), (b"x-kind", b"plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello"})
    if path == "/late":
        raise RuntimeError("in the background")


def cause() -> None:
    try:
        raise LookupError("the cause")
    except LookupError as error:
        raise RuntimeError("the effect") from error


def app_of_asgi_2(scope: dict[str, Any]) -> Any:
    async def serve(receive: Any, send: Any) -> None:
        cause()
    return serve
