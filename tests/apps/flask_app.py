"""A Flask app: WSGI with werkzeug's reading of bodies, sessions and closing iterables."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response, abort, request, send_file, session

app = Flask(__name__)
app.secret_key = "only for tests"
gate = threading.Event()


@app.after_request
def add_header(response: Response) -> Response:
    response.headers["x-middleware"] = "passed"
    return response


@app.get("/json")
def get_json() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/sync")
def get_sync() -> dict[str, str]:
    assert threading.current_thread() is not threading.main_thread()
    return {"hello": "from a thread"}


@app.get("/items/<int:number>")
def get_item(number: int) -> dict[str, Any]:
    if number == 404:
        abort(404)
    return {"number": number, "q": request.args.get("q")}


@app.post("/echo")
def echo() -> Any:
    return request.get_json()


@app.post("/upload")
def upload() -> dict[str, Any]:
    size = 0
    while piece := request.files["file"].stream.read(1 << 20):
        size += len(piece)
    return {"size": size, "note": request.form["note"]}


@app.get("/stream")
def stream() -> Response:
    return Response((f"line {number}\n" for number in range(100)), mimetype="text/plain")


@app.get("/cookie")
def cookie() -> Response:
    response = app.json.response({"session": request.cookies.get("session", ""), "agent": "User-Agent" in request.headers})
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


@app.get("/error")
def error() -> Response:
    raise LookupError("mistake in an endpoint")


@app.post("/log-in")
def log_in() -> str:
    session["name"] = request.form["name"]
    return "welcome"


@app.get("/who-am-i")
def who_am_i() -> str:
    return str(session.get("name", "nobody"))


@app.get("/gated")
def gated() -> Response:
    def blocks() -> Iterator[bytes]:
        yield b"first"
        assert gate.wait(30)
        yield b"second"
    return Response(blocks(), mimetype="text/plain")


@app.get("/open")
def open_gate() -> Response:
    gate.set()
    return Response(status=204)


@app.post("/raw")
def raw() -> dict[str, int]:
    """A body without a length."""
    return {"size": len(request.stream.read())}


@app.get("/source")
def source() -> Response:
    return send_file(__file__, mimetype="text/plain", conditional=True)
