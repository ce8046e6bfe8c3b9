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


async def hangs_at_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "lifespan":
        return await respond(send, b"served")
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    say("hanging in shutdown")
    await asyncio.Event().wait()


async def fails_and_raises(scope: Scope, receive: Receive, send: Send) -> None:
    """As Starlette, whose message is the traceback."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database today"})
    raise LookupError("no database today")


async def dies_while_serving(scope: Scope, receive: Receive, send: Send) -> None:
    """Its lifespan ends with an exception when the first request asks for that."""
    global dying
    if scope["type"] != "lifespan":
        if scope["path"] == "/die":
            dying.set()
        return await respond(send, b"served")
    await receive()
    dying = asyncio.Event()
    await send({"type": "lifespan.startup.complete"})
    await dying.wait()
    raise LookupError("the pool is gone")


dying: asyncio.Event


async def starts_slowly(scope: Scope, receive: Receive, send: Send) -> None:
    """Says so, and completes although it is told to stop meanwhile."""
    if scope["type"] != "lifespan":
        return await respond(send, b"served")
    await receive()
    say("starting")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        say("cleaned up")
        raise


async def notes_its_life(scope: Scope, receive: Receive, send: Send) -> None:
    """Says what it is told, and when the last request ended."""
    if scope["type"] != "lifespan":
        if scope["path"] == "/slow":
            await send({"type": "http.response.start", "status": 200})
            await send({"type": "http.response.body", "body": b"begun ", "more_body": True})
            say("request begun")
            while (await receive())["type"] != "http.disconnect":
                pass
            say("request told to end")
        await respond(send, b"served") if scope["path"] != "/slow" else None
        return
    say(f"scope {sorted(scope)} {scope['asgi']} {scope['state']}")
    for _ in range(2):
        message = await receive()
        say(f"received {message}")
        await send({"type": f"{message['type']}.complete"})


async def sends_nonsense(scope: Scope, receive: Receive, send: Send) -> None:
    """Each wrong message raises; then it starts all the same."""
    if scope["type"] != "lifespan":
        return await respond(send, b"served")
    await receive()
    for kind in ("lifespan.nonsense", "http.response.start", "lifespan.startup"):
        try:
            await send({"type": kind})
        except RuntimeError:
            say(f"refused {kind}")
    await send({"type": "lifespan.startup.complete"})
    try:
        await send({"type": "lifespan.startup.complete"})
    except RuntimeError:
        say("refused twice")
