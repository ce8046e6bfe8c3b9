"""Requests that wait for a file, with the loop or blocking it, so that a test decides when they end; one that never does."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from asgi import Receive, Scope, Send, respond, say

GATE = Path(os.environ["GATE"])


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        say("lifespan shutdown")
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/wait":
        say("request waits")
        while not GATE.exists():
            await asyncio.sleep(0.01)
        await respond(send, b"gate open")
    elif scope["path"] == "/block":
        say("loop blocked")
        while not GATE.exists():
            time.sleep(0.01)
        await respond(send, b"gate open")
    elif scope["path"] == "/endless":
        say("request waits")
        try:
            await asyncio.Event().wait()
        finally:
            say("finally ran")
    else:
        await respond(send, b"hello")
