"""wsgi.file_wrapper: which files are handed to a server that sends files itself, and which are read."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.server import executable

sys.path.insert(0, str(Path(executable()).parent / "python"))
wsgi = pytest.importorskip("tricorn._wsgi", reason="the package is of another Python")

ZERO_COPY = "http.response.zerocopysend"


def serve(app: Callable[..., Any], method: str, extensions: dict[str, Any]) -> list[dict[str, Any]]:
    """What the app around `app` sends for one request."""
    sent: list[dict[str, Any]] = []
    scope = {"type": "http", "method": method, "path": "/", "raw_path": b"/", "query_string": b"", "root_path": "",
             "http_version": "1.1", "scheme": "http", "client": None, "server": None, "headers": [], "extensions": extensions}

    async def send(message: dict[str, Any]) -> None:
        if "file" in message:
            message["closed_before"] = message["file"].closed
        sent.append(message)

    async def run() -> None:
        served = wsgi.WsgiApp(app, 1, asyncio.get_running_loop())
        await served(scope, None, send)
        assert served.pool.close(10) == 0

    asyncio.run(run())
    assert sent[0]["type"] == "http.response.start"
    return sent[1:]


def respond_with(file: Any) -> Callable[..., Any]:
    def app(environ: dict[str, Any], start_response: Any) -> Any:
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](file, 4)
    return app


def regular_file() -> Any:
    file = tempfile.TemporaryFile()
    file.write(b"skipped, sent")
    file.seek(9)
    return file


def pipe() -> Any:
    reading, writing = os.pipe()
    os.write(writing, b"sent")
    os.close(writing)
    return open(reading, "rb")


def test_regular_file_is_handed_over_from_its_position_on_and_closed_later() -> None:
    file = regular_file()
    assert serve(respond_with(file), "GET", {ZERO_COPY: {}}) == [
        {"type": ZERO_COPY, "file": file, "offset": 9, "more_body": False, "closed_before": False}]
    assert file.closed


@pytest.mark.parametrize(("make", "extensions"), [
    (regular_file, {}), (pipe, {ZERO_COPY: {}}), (lambda: io.BytesIO(b"sent"), {ZERO_COPY: {}}),
], ids=["no extension", "pipe", "memory"])
def test_what_cannot_be_handed_over_is_read(make: Callable[[], Any], extensions: dict[str, Any]) -> None:
    file = make()
    sent = serve(respond_with(file), "GET", extensions)
    assert b"".join(message.get("body", b"") for message in sent) == b"sent"
    assert file.closed and not sent[-1].get("more_body", False)


def test_head_opens_no_file() -> None:
    assert serve(respond_with(regular_file()), "HEAD", {ZERO_COPY: {}}) == [{"type": "http.response.body"}]
