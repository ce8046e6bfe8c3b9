"""A stream of server-sent events that ends only with its connection: who sends it, again and again."""

from __future__ import annotations

import asyncio
import os

from asgi import Receive, Scope, Send, make_app, respond


def who() -> str:
    return f"{os.environ['TRICORN_WORKER_ID']} {os.getpid()}"


async def events(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    while True:
        event = f"data: {who()}\n\n"
        await send({"type": "http.response.body", "body": event.encode(), "more_body": True})
        await asyncio.sleep(0.02)


async def identity(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, who().encode())


app = make_app({"/events": events, "/identity": identity})
