"""A raw ASGI app whose requests, messages and exceptions outlive what they belong to."""

from __future__ import annotations

import asyncio
from typing import Any

from asgi import Receive, Scope, Send, make_app, respond

streams: list[Send] = []  # of clients that listen to the broadcast; left in place when they go


async def cleans_up_slowly(scope: Scope, receive: Receive, send: Send) -> None:
    """Is cancelled at the drain's end, outlives the time it gets for that, and then uses everything it was given."""
    await send({"type": "http.response.start", "status": 200})
    print("serving", flush=True)
    try:
        await receive()
        await receive()
    finally:
        try:
            await asyncio.sleep(60)
        finally:
            print("at the end:", (await receive())["type"], flush=True)
            await send({"type": "http.response.body", "body": b"too late"})


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    print("serving", flush=True)
    await receive()


async def listens(scope: Scope, receive: Receive, send: Send) -> None:
    streams.append(send)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"listening", "more_body": True})
    await receive()
    assert (await receive())["type"] == "http.disconnect"
    print("listener left", flush=True)


async def broadcasts(scope: Scope, receive: Receive, send: Send) -> None:
    """Passes on to another request's client, which is gone: its error is no reason to forget this one."""
    for stream in streams:
        await stream({"type": "http.response.body", "body": b"news", "more_body": True})
    await respond(send, b"sent")


async def streams_in_a_group(scope: Scope, receive: Receive, send: Send) -> None:
    """A client that leaves ends a task of a group: the exception arrives wrapped."""
    await send({"type": "http.response.start", "status": 200})
    async with asyncio.TaskGroup() as group:
        group.create_task(_stream(send))


async def _stream(send: Send) -> None:
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
    finally:
        print("stream ended", flush=True)


async def two_receivers(scope: Scope, receive: Receive, send: Send) -> None:
    """Two tasks wait for the body; one is cancelled before it comes. Nothing of it is lost."""
    first, second = (asyncio.create_task(_next(receive)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await send({"type": "http.response.start", "status": 200})
    message = await second
    assert first.cancelled()
    await send({"type": "http.response.body", "body": message["body"]})


async def _next(receive: Receive) -> dict[str, Any]:
    return await receive()


async def fails_in_cleanup(scope: Scope, receive: Receive, send: Send) -> None:
    raise LookupError("\udcff a lone surrogate and a \0")


async def exits(scope: Scope, receive: Receive, send: Send) -> None:
    raise SystemExit(7)


app = make_app({
    "/ready-probe": lambda scope, receive, send: respond(send, b"ready"),
    "/cleans-up-slowly": cleans_up_slowly, "/waits": waits, "/listens": listens, "/broadcasts": broadcasts,
    "/streams-in-a-group": streams_in_a_group, "/two-receivers": two_receivers, "/unprintable": fails_in_cleanup,
    "/exits": exits,
})
