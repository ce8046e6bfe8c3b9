"""A small FastAPI application: an async endpoint, a plain one, a stream, and what a health check asks for.

tricorn --app-dir examples/hello app:app
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Runs in each worker: before its first request, and after its last."""
    app.state.started = time.monotonic()
    yield


app = FastAPI(title="hello", lifespan=lifespan)


class Order(BaseModel):
    """What POST /orders takes."""

    item: str
    count: int = 1


@app.get("/")
async def hello(name: str = "world") -> dict[str, str | int]:
    """Says hello, and from which worker."""
    return {"hello": name, "worker": os.getpid()}


@app.post("/orders", status_code=201)
async def order(order: Order) -> Order:
    """Answers a validated body."""
    return order


@app.get("/blocking")
def blocking(seconds: float = 0.1) -> dict[str, float]:
    """A plain `def`: runs in a thread, so it may block."""
    time.sleep(min(seconds, 5.0))
    return {"slept": seconds}


@app.get("/stream")
async def stream(lines: int = 5) -> StreamingResponse:
    """Sends one line after the other, each as soon as it is there."""

    async def body() -> AsyncIterator[str]:
        for number in range(min(lines, 1000)):
            yield f"line {number}\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(body(), media_type="text/plain")


@app.get("/healthz")
async def healthz() -> dict[str, float]:
    """For load balancers and container health checks."""
    return {"up_s": round(time.monotonic() - app.state.started, 3)}
