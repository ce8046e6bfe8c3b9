"""Requests that wait for a file, so that a test decides when they end; a stubborn one that never ends by itself."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from asgi import Receive, Scope, Send, respond

GATE = Path(os.environ["GATE"])


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        print("lifespan shutdown", flush=True)
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["path"] == "/wait":
        print("request waits", flush=True)
        while not GATE.exists():
            await asyncio.sleep(0.01)
        await respond(send, b"gate open")
    elif scope["path"] == "/endless":
        print("request waits", flush=True)
        try:
            await asyncio.Event().wait()
        finally:
            print("finally ran", flush=True)
    else:
        await respond(send, b"hello")
