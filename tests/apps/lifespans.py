"""Apps that differ in their lifespan: one attribute for each."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

from asgi import Receive, Scope, Send, respond, respond_json, say

set_in_lifespan: contextvars.ContextVar[str] = contextvars.ContextVar("set_in_lifespan", default="unset")


async def state(scope: Scope, receive: Receive, send: Send) -> None:
    """Puts a value and a shared list into the state; each request changes its own copy and the shared list."""
    if scope["type"] == "lifespan":
        say(f"lifespan scope: {sorted(scope)} {scope['asgi']}")
        await receive()
        scope["state"]["value"] = "from lifespan"
        scope["state"]["shared"] = []
        set_in_lifespan.set("set")
        await send({"type": "lifespan.startup.complete"})
        await receive()
        say(f"shutdown after requests: {len(scope['state']['shared'])}")
        await send({"type": "lifespan.shutdown.complete"})
        return
    found: dict[str, Any] = dict(scope["state"])
    found["shared"] = len(scope["state"]["shared"])
    scope["state"]["value"] = scope["state"]["extra"] = "changed by a request"
    scope["state"]["shared"].append(1)
    await respond_json(send, found)


async def unsupported(scope: Scope, receive: Receive, send: Send) -> None:
    """As Django: no lifespan, an exception for its scope."""
    if scope["type"] != "http":
        raise ValueError("only http is supported")
    await respond_json(send, {"state": "state" in scope})


async def fails(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database today"})
        return
    await respond(send, b"served")


async def raises_after_startup_message(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes the startup message, does some work, and breaks: a real error, not a missing lifespan."""
    if scope["type"] == "lifespan":
        await receive()
        await asyncio.sleep(0)
        raise LookupError("broken while starting")
    await respond(send, b"served")


async def returns_early(scope: Scope, receive: Receive, send: Send) -> None:
    """Completes its startup and returns without waiting for the shutdown."""
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    await respond(send, b"served")


async def fails_at_shutdown(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "could not flush"})
        return
    await respond(send, b"served")


async def hangs(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    say("hanging in startup")
    await asyncio.Event().wait()


async def receives_for_ever(scope: Scope, receive: Receive, send: Send) -> None:
    """Never returns: waits for a message after the last one."""
    if scope["type"] == "lifespan":
        while True:
            step = (await receive())["type"]
            await send({"type": f"{step}.complete"})
    await respond(send, b"served")


async def completes_then_raises(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        for _ in range(2):
            await send({"type": f"{(await receive())['type']}.complete"})
        await asyncio.sleep(0)
        raise LookupError("after the end")
    await respond(send, b"served")


async def cancels_itself(scope: Scope, receive: Receive, send: Send) -> None:
    """As code with a cancel scope that leaks."""
    if scope["type"] == "lifespan":
        await receive()
        raise asyncio.CancelledError("given up")
    await respond(send, b"served")


async def exits(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await receive()
        raise SystemExit("no settings today")
    await respond(send, b"served")
