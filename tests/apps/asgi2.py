"""ASGI 2 apps, app(scope)(receive, send): a class, and a function. Lifespan state reaches requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ended: list[str] = []


class App:
    def __init__(self, scope: dict[str, Any]) -> None:
        self.scope = scope

    async def __call__(self, receive: Receive, send: Send) -> None:
        if self.scope["type"] == "lifespan":
            await self.lifespan(receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        version = self.scope["asgi"]["version"]
        text = f"{version} {self.scope['path']} {self.scope['state']['name']} {body.decode()}"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": text.encode()})

    async def lifespan(self, receive: Receive, send: Send) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        self.scope["state"]["name"] = "started"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        print("asgi2 shut down", flush=True)
        await send({"type": "lifespan.shutdown.complete"})


def function(scope: dict[str, Any]) -> Callable[[Receive, Send], Awaitable[None]]:
    if scope["type"] != "http":
        raise ValueError("only http")

    async def run(receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"a function"})

    return run
