"""The app of tests/conformance: the first part of the path selects what it checks or does."""

from __future__ import annotations

from asgi import Receive, Scope, Send, make_app
from probes import record, requests, responses, sockets, tasks

_requests = make_app(record.ROUTES | requests.ROUTES | responses.ROUTES | tasks.ROUTES | sockets.ROUTES)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        tasks.from_lifespan.set("set at startup")
        scope["state"]["shared"] = []
    await _requests(scope, receive, send)
