"""A FastAPI app with what real ones use: models, dependencies, `def` endpoints, streams, forms, background tasks."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import BackgroundTasks, Cookie, Depends, FastAPI, File, Form, Header, HTTPException, Request, UploadFile
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

from asgi import say

done: list[str] = []
threads: set[int] = set()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
    yield {"greeting": "from lifespan"}
    say("fastapi shut down")


app = FastAPI(lifespan=lifespan)


class Item(BaseModel):
    name: str
    price: float
    tags: list[str] = []


@app.get("/json")
async def get_json() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/sync")
def get_sync() -> dict[str, str]:
    threads.add(threading.get_ident())
    return {"hello": "from a thread"}


@app.get("/threads")
def get_threads() -> int:
    return len(threads)


@app.get("/items/{number}")
async def get_item(number: int, q: str | None = None) -> dict[str, int | str | None]:
    if number == 404:
        raise HTTPException(404, "no such item")
    return {"number": number, "q": q}


@app.post("/echo")
async def post_item(item: Item) -> Item:
    return item


async def generated() -> AsyncIterator[str]:
    """A dependency with a clean-up after the response."""
    yield "dependency"
    done.append("dependency closed")


@app.get("/dependency")
async def get_dependency(value: Annotated[str, Depends(generated)]) -> str:
    return value


@app.post("/upload")
async def post_upload(file: Annotated[UploadFile, File()], note: Annotated[str, Form()]) -> dict[str, str | int]:
    return {"size": len(await file.read()), "note": note}


@app.get("/stream")
async def get_stream() -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        for number in range(100):
            yield f"line {number}\n"
    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/background")
async def get_background(tasks: BackgroundTasks) -> str:
    tasks.add_task(done.append, "background done")
    return "accepted"


@app.get("/done")
async def get_done() -> list[str]:
    return done


@app.get("/cookie")
async def get_cookie(session: Annotated[str, Cookie()] = "", user_agent: Annotated[str, Header()] = "") -> Response:
    response = JSONResponse({"session": session, "agent": bool(user_agent)})
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


@app.get("/state")
async def get_state(request: Request) -> str:
    return str(request.state.greeting)


@app.get("/error")
async def get_error() -> None:
    raise LookupError("mistake in an endpoint")


@app.middleware("http")
async def add_header(request: Request, call_next):  # type: ignore[no-untyped-def]
    response = await call_next(request)
    response.headers["x-middleware"] = "passed"
    return response
