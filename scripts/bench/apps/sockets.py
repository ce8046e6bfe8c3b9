"""The raw ASGI app of the WebSocket benchmark: /echo, and /broadcast, where one task sends to all. The same for every server."""

from __future__ import annotations

import asyncio
from typing import Any

import plain

MESSAGE = {"type": "websocket.send", "text": "x" * 1024}
senders: dict[int, Any] = {}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return await plain.app(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    if scope["path"] == "/echo":
        await echo(receive, send)
    else:
        await join(receive, send)


async def echo(receive: Any, send: Any) -> None:
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


async def join(receive: Any, send: Any) -> None:
    """Gets what is broadcast; the one that says "go" is the task that broadcasts, for as long as it lives."""
    senders[id(send)] = send
    try:
        if (await receive())["type"] == "websocket.receive":
            leaves = asyncio.ensure_future(receive())
            while not leaves.done():
                await broadcast()
    finally:
        del senders[id(send)]


async def broadcast() -> None:
    for send in list(senders.values()):
        try:
            await send(MESSAGE)
        except Exception:
            pass  # it has left
    await asyncio.sleep(0)  # a round is what a server may put together, not several
