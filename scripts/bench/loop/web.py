"""Servers of HTTP that run on any loop: uvicorn and aiohttp, with the same 13 bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from echo import listen

HELLO = b"Hello, world!"
KEEP_ALIVE_S = 3600  # connections idle while other loops have their turns
HEAD = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain"), (b"content-length", b"13")]}
BODY = {"type": "http.response.body", "body": HELLO}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send(HEAD)
    await send(BODY)


running: list[Any] = []  # kept, as long as the process lives


async def uvicorn(line: str) -> str:
    import uvicorn

    listener, address = listen("tcp")
    config = uvicorn.Config(app, loop="none", http="httptools", ws="none", lifespan="off", access_log=False, log_level="warning",
                            timeout_keep_alive=KEEP_ALIVE_S)
    running.append(asyncio.get_running_loop().create_task(uvicorn.Server(config).serve(sockets=[listener])))
    return address


async def aiohttp(line: str) -> str:
    from aiohttp import web

    async def hello(request: web.Request) -> web.Response:
        return web.Response(body=HELLO, content_type="text/plain")

    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application, access_log=None, keepalive_timeout=KEEP_ALIVE_S)
    await runner.setup()
    listener, address = listen("tcp")
    await web.SockSite(runner, listener).start()
    running.append(runner)
    return address


SERVERS = {"uvicorn": uvicorn, "aiohttp": aiohttp}
