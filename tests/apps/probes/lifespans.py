"""Apps that differ in what they do at startup and shutdown: one attribute for each."""

from __future__ import annotations

import asyncio

from asgi import Receive, Scope, Send, respond, say


async def cancels_all(scope: Scope, receive: Receive, send: Send) -> None:
    """Cleans up, thoroughly, before it says that it is shut down."""
    if scope["type"] != "lifespan":
        return await respond(send, b"served")
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await _cancel_the_others()
    await send({"type": "lifespan.shutdown.complete"})


async def cancels_all_twice(scope: Scope, receive: Receive, send: Send) -> None:
    """And again when it has said so."""
    await cancels_all(scope, receive, send)
    if scope["type"] == "lifespan":
        await asyncio.sleep(0)
        await asyncio.gather(*_cancelled_others(), return_exceptions=True)


async def _cancel_the_others() -> None:
    await asyncio.gather(*_cancelled_others(), return_exceptions=True)
    say("all tasks are gone")


def _cancelled_others() -> set[asyncio.Task[object]]:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    return others
