"""A Quart app: Flask's interface on ASGI, with its own handling of bodies, disconnects and background tasks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from quart import Quart, Response, abort, jsonify, request

from asgi import say

app = Quart(__name__)
done: list[str] = []


@app.before_serving
async def start() -> None:
    app.config["greeting"] = "from lifespan"


@app.after_serving
async def stop() -> None:
    say("quart shut down")


@app.after_request
async def add_header(response: Response) -> Response:
    response.headers["x-middleware"] = "passed"
    return response


@app.get("/json")
async def get_json() -> Response:
    return jsonify(hello="world")


@app.get("/sync")
def get_sync() -> Response:
    return jsonify(hello="from a thread")


@app.get("/items/<int:number>")
async def get_item(number: int) -> Response:
    if number == 404:
        abort(404, "no such item")
    return jsonify(number=number, q=request.args.get("q"))


@app.post("/echo")
async def echo() -> Response:
    return jsonify(await request.get_json())


@app.post("/upload")
async def upload() -> Response:
    files, form = await request.files, await request.form
    return jsonify(size=len(files["file"].read()), note=form["note"])


@app.get("/stream")
async def stream() -> Response:
    async def pieces() -> AsyncIterator[str]:
        for number in range(100):
            yield f"line {number}\n"
    return Response(pieces(), content_type="text/plain")


@app.get("/background")
async def background() -> str:
    async def work() -> None:
        await asyncio.sleep(0.05)
        done.append("background done")
    app.add_background_task(work)
    return "accepted"


@app.get("/done")
async def get_done() -> Response:
    return jsonify(done)


@app.get("/cookie")
async def cookie() -> Response:
    response = jsonify(session=request.cookies.get("session", ""), agent="User-Agent" in request.headers)
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


@app.get("/state")
async def state() -> Response:
    return jsonify(app.config["greeting"])


@app.get("/error")
async def error() -> None:
    raise LookupError("mistake in an endpoint")
