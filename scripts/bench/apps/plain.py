"""The raw ASGI app of the benchmark: fixed bodies, an echo, a sleep. The same for every Python server."""

from __future__ import annotations

import asyncio
import os
from typing import Any

BODIES = {"/plain": b"Hello, world!", "/1k": b"x" * 1024, "/10k": b"x" * 10 * 1024, "/100k": b"x" * 100 * 1024}


def start(length: int) -> dict[str, Any]:
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": 200, "headers": headers}


ANSWERS = {path: (start(len(body)), {"type": "http.response.body", "body": body}) for path, body in BODIES.items()}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    path = scope["path"]
    if answer := ANSWERS.get(path):
        await send(answer[0])
        await send(answer[1])
        return
    if path == "/echo":
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
    elif path == "/sleep":
        await asyncio.sleep(0.01)
        body = b"Hello, world!"
    else:
        body = str(os.getpid()).encode()
    await send(start(len(body)))
    await send({"type": "http.response.body", "body": body})
