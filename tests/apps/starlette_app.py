"""A Starlette app: routes as in the other frameworks, and files, BaseHTTPMiddleware, client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from asgi import say

HERE = Path(__file__).resolve().parent
done: list[str] = []


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, str]]:
    yield {"greeting": "from lifespan"}
    say("starlette shut down")


class AddHeader(BaseHTTPMiddleware):
    async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        response.headers["x-middleware"] = "passed"
        return response


async def get_json(request: Request) -> Response:
    return JSONResponse({"hello": "world"})


def get_sync(request: Request) -> Response:
    return JSONResponse({"hello": "from a thread"})


async def get_item(request: Request) -> Response:
    number = request.path_params["number"]
    if number == 404:
        return PlainTextResponse("no such item", 404)
    return JSONResponse({"number": number, "q": request.query_params.get("q")})


async def echo(request: Request) -> Response:
    return JSONResponse(await request.json())


async def upload(request: Request) -> Response:
    async with request.form() as form:
        return JSONResponse({"size": len(await form["file"].read()), "note": form["note"]})


async def stream(request: Request) -> Response:
    async def pieces() -> AsyncIterator[str]:
        for number in range(100):
            yield f"line {number}\n"
    return StreamingResponse(pieces(), media_type="text/plain")


async def endless(request: Request) -> Response:
    """Streams until the client leaves, and notes that its generator was closed."""
    async def pieces() -> AsyncIterator[str]:
        try:
            while True:
                yield "tick\n"
                await asyncio.sleep(0.01)
        finally:
            done.append("endless stream closed")
    return StreamingResponse(pieces(), media_type="text/plain")


async def read_slowly(request: Request) -> Response:
    try:
        await request.body()
    except ClientDisconnect:
        done.append("ClientDisconnect")
        raise
    return PlainTextResponse("complete")


async def is_disconnected(request: Request) -> Response:
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    done.append("is_disconnected")
    return PlainTextResponse("nobody reads this")


async def background(request: Request) -> Response:
    async def work() -> None:
        await asyncio.sleep(0.05)
        done.append("background done")
    return PlainTextResponse("accepted", background=BackgroundTask(work))


async def get_done(request: Request) -> Response:
    return JSONResponse(done)


async def cookie(request: Request) -> Response:
    response = JSONResponse({"session": request.cookies.get("session", ""), "agent": "user-agent" in request.headers})
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


async def state(request: Request) -> Response:
    return JSONResponse(request.state.greeting)


async def error(request: Request) -> Response:
    raise LookupError("mistake in an endpoint")


async def file(request: Request) -> Response:
    return FileResponse(HERE / "starlette_app.py", headers={"cache-control": "no-cache"})


app = Starlette(
    lifespan=lifespan,
    middleware=[Middleware(AddHeader)],
    routes=[
        Route("/json", get_json), Route("/sync", get_sync), Route("/items/{number:int}", get_item),
        Route("/echo", echo, methods=["POST"]), Route("/upload", upload, methods=["POST"]), Route("/stream", stream),
        Route("/background", background), Route("/done", get_done), Route("/cookie", cookie), Route("/state", state),
        Route("/error", error), Route("/file", file), Route("/endless", endless),
        Mount("/static", GZipMiddleware(StaticFiles(directory=HERE)), name="static"),
    ],
)

# Without BaseHTTPMiddleware, through which Starlette's is_disconnected() never sees anything.
plain = Starlette(routes=[
    Route("/read-slowly", read_slowly, methods=["POST"]), Route("/is-disconnected", is_disconnected),
    Route("/done", get_done),
])
