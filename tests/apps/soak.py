"""The app of scripts/soak: answers at once, after a wait, takes uploads slowly, sends without end, and counts what lives."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import json
from typing import Any

from asgi import Receive, Scope, Send, make_app, respond

PIECE = b"x" * 65536
GIBIBYTE = 2**30
user: contextvars.ContextVar[Any] = contextvars.ContextVar("user")


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"Hello, world!")


async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
    """What a request may leave behind: a task, a timer, a context variable, a changed scope, a cycle."""
    user.set(scope)
    scope["itself"] = scope
    task = asyncio.create_task(asyncio.sleep(0.001))
    async with asyncio.timeout(10):
        await task
    await respond(send, b"waited")


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await respond(send, body)


async def slow_upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Slower than any client on the loopback: a turn of the loop and a nap for each message."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message["body"]), message["more_body"]
        await asyncio.sleep(0.0005)
    await respond(send, b"%d" % size)


async def download(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % GIBIBYTE)]})
    for _ in range(GIBIBYTE // len(PIECE)):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body"})


async def counts(scope: Scope, receive: Receive, send: Send) -> None:
    gc.collect()
    seen = {"objects": len(gc.get_objects()), "tasks": len(asyncio.all_tasks())}
    await respond(send, json.dumps(seen).encode())


async def socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Echoes, with a task and a cycle of its own; "close" and "return" end it."""
    user.set(scope)
    scope["itself"] = scope
    task = asyncio.create_task(asyncio.sleep(3600))
    try:
        assert await receive() == {"type": "websocket.connect"}
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "close":
                return await send({"type": "websocket.close", "code": 4000})
            if message.get("text") == "return":
                return
            await send({**message, "type": "websocket.send"})
    except OSError:
        pass  # the client has left
    finally:
        task.cancel()


app = make_app({"/plain": plain, "/waiting": waiting, "/echo": echo, "/slow-upload": slow_upload,
                "/download": download, "/counts": counts, "/socket": socket})
