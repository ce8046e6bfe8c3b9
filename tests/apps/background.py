"""Answers at once and goes on working: a stop must wait for the work."""

from __future__ import annotations

import asyncio

from asgi import Receive, Scope, Send, accept_lifespan, respond, say


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await accept_lifespan(receive, send)
        return
    if scope["path"] == "/ready-probe":
        await respond(send, b"ready")
        return
    await respond(send, b"accepted")
    await asyncio.sleep(0.5)
    say("background work done")
