"""What each framework relies on beyond ordinary requests: disconnects, background tasks, files, lifespan state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.server import APPS, Server


def run(app: str, *arguments: str) -> Iterator[Server]:
    with Server(app, *arguments) as server:
        yield server


@pytest.fixture(scope="module")
def fastapi() -> Iterator[Server]:
    yield from run("fastapi_app:app")


@pytest.fixture(scope="module")
def starlette() -> Iterator[Server]:
    yield from run("starlette_app:app")


@pytest.fixture(scope="module")
def django() -> Iterator[Server]:
    yield from run("django_app:app")


@pytest.fixture(scope="module")
def quart() -> Iterator[Server]:
    yield from run("quart_app:app")


def noticed(server: Server, what: str) -> None:
    server.eventually(lambda: what in json.loads(server.get("/done").body), what)
    server.assert_log_clean()


def leave_stream(server: Server) -> None:
    """Reads a little of an endless response and goes."""
    with server.connect() as connection:
        connection.request("GET", "/endless", read=False)
        assert connection.read_head().status == 200
        assert connection.read_exactly(8)
        connection.reset()


# --- FastAPI -------------------------------------------------------------------------------------------------------------
def test_fastapi_state_dependency_and_background_task(fastapi: Server) -> None:
    """P17, P48: lifespan state arrives, clean-ups run after the response."""
    assert json.loads(fastapi.get("/state").body) == "from lifespan"
    assert json.loads(fastapi.get("/dependency").body) == "dependency"
    assert json.loads(fastapi.get("/background").body) == "accepted"
    noticed(fastapi, "dependency closed")
    noticed(fastapi, "background done")


def test_fastapi_def_endpoints_reuse_their_threads(fastapi: Server) -> None:
    """P68: one request after the other needs one thread, not one each."""
    with fastapi.connect() as connection:
        for _ in range(100):
            assert connection.get("/sync").status == 200
        assert json.loads(connection.get("/threads").body) <= 3


def test_fastapi_validation_error_is_422(fastapi: Server) -> None:
    response = fastapi.request("POST", "/echo", {"content-type": "application/json"}, b'{"name": 1}')
    assert response.status == 422
    assert fastapi.get("/openapi.json").status == fastapi.get("/docs").status == 200


# --- Starlette ------------------------------------------------------------------------------------------------------------
def test_starlette_stream_ends_with_its_client(starlette: Server) -> None:
    """P42, P43: through BaseHTTPMiddleware too, and without a traceback in the log."""
    leave_stream(starlette)
    noticed(starlette, "endless stream closed")


def test_starlette_sees_the_client_leave() -> None:
    """P41, P42: is_disconnected() polls receive() in a cancelled scope; body() raises ClientDisconnect."""
    with Server("starlette_app:plain", allow=("ClientDisconnect", "Traceback", "Exception")) as server:
        with server.connect() as connection:
            connection.request("GET", "/is-disconnected", read=False)
            connection.reset()
        server.eventually(lambda: "is_disconnected" in json.loads(server.get("/done").body), "is_disconnected")
        with server.connect() as connection:
            connection.send(b"POST /read-slowly HTTP/1.1\r\nhost: t\r\ncontent-length: 100\r\n\r\nhalf")
        server.eventually(lambda: "ClientDisconnect" in json.loads(server.get("/done").body), "ClientDisconnect")


def test_starlette_file_responses(starlette: Server) -> None:
    """P50: whole, by range, HEAD, not modified; however the file is sent."""
    content = (APPS / "starlette_app.py").read_bytes()
    with starlette.connect() as connection:
        whole = connection.get("/file")
        assert (whole.body, whole.header("content-length")) == (content, str(len(content)))
        part = connection.get("/file", {"range": "bytes=10-19"})
        assert (part.status, part.body) == (206, content[10:20])
        assert connection.request("HEAD", "/file").header("content-length") == str(len(content))
        etag = whole.header("etag") or ""
        assert connection.get("/static/starlette_app.py", {"if-none-match": etag}).status in (200, 304)
        assert connection.get("/static/raw.py").body == (APPS / "raw.py").read_bytes()
        assert connection.get("/static/nowhere").status == 404
        assert connection.get("/json").status == 200


def test_starlette_state_background_and_shutdown() -> None:
    with Server("starlette_app:app") as server:
        assert json.loads(server.get("/state").body) == "from lifespan"
        assert server.get("/background").body == b"accepted"
        noticed(server, "background done")
        assert server.stop() == 0
        assert server.log.count("starlette shut down") == 1


# --- Django ------------------------------------------------------------------------------------------------------------------
def test_django_stream_ends_with_its_client(django: Server) -> None:
    """P41, P42: Django listens for the disconnect beside its response."""
    leave_stream(django)
    noticed(django, "endless stream closed")


def test_django_cancels_a_view_whose_client_left(django: Server) -> None:
    """P41."""
    with django.connect() as connection:
        connection.request("GET", "/wait-for-cancel", read=False)
        noticed(django, "view started")
        connection.reset()
    noticed(django, "view cancelled")


def test_django_needs_no_lifespan(django: Server) -> None:
    """P60."""
    assert django.get("/json").status == 200
    assert django.log.count("ERROR|Traceback") == 0


# --- Quart ---------------------------------------------------------------------------------------------------------------------
def test_quart_state_background_and_shutdown(quart: Server) -> None:
    assert json.loads(quart.get("/state").body) == "from lifespan"
    assert quart.get("/background").body == b"accepted"
    noticed(quart, "background done")


# --- where the app is found ------------------------------------------------------------------------------------------------------
def test_app_runs_in_the_users_environment(tmp_path: Path) -> None:
    """Packages of the interpreter's environment are importable, and the working directory is, without --app-dir."""
    (tmp_path / "here.py").write_text(
        "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef root() -> str: return 'here'\n")
    with Server("here:app", app_dir=None, cwd=tmp_path) as server:
        assert json.loads(server.get("/").body) == "here"
