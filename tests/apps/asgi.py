"""What the raw ASGI test apps share: routing, reading a body, answering."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


def say(text: str) -> None:
    """One line to standard output in one write: several workers share the pipe."""
    os.write(1, f"{text}\n".encode())


async def read_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("client left before its body was complete")
        body += message["body"]
        if not message["more_body"]:
            return body


async def respond(send: Send, body: bytes, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None,
                  content_type: bytes = b"text/plain") -> None:
    fields = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def respond_json(send: Send, value: object, status: int = 200) -> None:
    await respond(send, json.dumps(value).encode(), status, content_type=b"application/json")


def query(scope: Scope) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(scope["query_string"].decode(), True).items()}


async def accept_lifespan(receive: Receive, send: Send) -> None:
    while (await receive())["type"] == "lifespan.startup":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def make_app(routes: dict[str, Handler]) -> Handler:
    """An ASGI app that picks a handler by the first part of the path; 404 for the rest."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await accept_lifespan(receive, send)
            return
        handler = routes.get("/" + scope["path"].removeprefix(scope.get("root_path", "")).lstrip("/").partition("/")[0])
        if handler is None:
            await respond(send, b"not found", 404)
        else:
            await handler(scope, receive, send)

    return app
