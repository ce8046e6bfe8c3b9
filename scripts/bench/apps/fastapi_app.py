"""The FastAPI app of the benchmark: a JSON endpoint on the loop and one in a thread."""

from __future__ import annotations

import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/json")
async def get_json() -> dict[str, str]:
    return {"message": "Hello, world!"}


@app.get("/def")
def get_in_a_thread() -> dict[str, str]:
    return {"message": "Hello, world!"}


@app.get("/pid")
async def get_pid() -> int:
    return os.getpid()
