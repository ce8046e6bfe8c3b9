"""What an app noticed when nobody listened any more, for /events; and a gate that a test opens when it is time."""

from __future__ import annotations

import asyncio

from asgi import Handler, Receive, Scope, Send, query, read_body, respond, respond_json

events: list[str] = []
_waiting: list[asyncio.Future[None]] = []


async def gate() -> None:
    """Returns when the test has asked for /open-gate. Notes "at the gate" first."""
    events.append("at the gate")
    opened = asyncio.get_running_loop().create_future()
    _waiting.append(opened)
    await opened


async def open_gate(scope: Scope, receive: Receive, send: Send) -> None:
    await read_body(receive)
    for future in _waiting:
        if not future.done():
            future.set_result(None)
    _waiting.clear()
    await respond(send, b"open")


async def what_happened(scope: Scope, receive: Receive, send: Send) -> None:
    found = list(events)
    if "clear" in query(scope):
        events.clear()
    await respond_json(send, found)


ROUTES: dict[str, Handler] = {"/events": what_happened, "/open-gate": open_gate}
