"""The same small application in six frameworks, on 1 and 4 workers, asked by three clients."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.http_clients import CLIENTS, Call
from integration.server import Server

FRAMEWORKS = ["fastapi", "starlette", "django", "quart", "django_wsgi", "flask"]


@pytest.fixture(scope="module", params=[(name, workers) for name in FRAMEWORKS for workers in (1, 4)],
                ids=lambda param: f"{param[0]}-{param[1]}")
def running(request: pytest.FixtureRequest) -> Iterator[tuple[str, Server]]:
    framework, workers = request.param
    with Server(f"{framework}_app:app", "--workers", str(workers),
                allow=("mistake in an endpoint", "Traceback", "/error", "Internal Server Error")) as server:
        yield framework, server


@pytest.fixture
def server(running: tuple[str, Server]) -> Iterator[Server]:
    yield running[1]
    running[1].assert_log_clean()


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_typical_requests(server: Server, client: str) -> None:
    """JSON, a thread, path and query, 404, a JSON body, a form with a file, a stream, cookies, middleware."""
    ask = CLIENTS[client]

    def get(path: str, headers: dict[str, str] | None = None) -> object:
        answer = ask(Call("GET", server.url + path, headers))
        assert (answer.status, answer.header_values("x-middleware")) == (200, ["passed"]), answer
        return answer.json()

    assert get("/json") == {"hello": "world"}
    assert get("/sync") == {"hello": "from a thread"}
    assert get("/items/7?q=%C3%A9%20x") == {"number": 7, "q": "é x"}
    assert ask(Call("GET", server.url + "/items/404")).status == 404
    item = {"name": "tea", "price": 2.5, "tags": ["a", "é" * 5000]}
    assert ask(Call("POST", server.url + "/echo", payload=item)).json() == item
    form: dict[str, str | bytes] = {"note": "a note", "file": b"\0\xff" * 150_000}
    assert ask(Call("POST", server.url + "/upload", form=form)).json() == {"size": 300_000, "note": "a note"}
    assert ask(Call("GET", server.url + "/stream")).body.decode() == "".join(f"line {n}\n" for n in range(100))
    answer = ask(Call("GET", server.url + "/cookie", {"cookie": "session=abc"}))
    assert answer.json() == {"session": "abc", "agent": True}
    assert [value.split(";")[0] for value in answer.header_values("set-cookie")] == ["first=1", "second=2"]


def test_head_and_unknown_path(server: Server, client: str) -> None:
    answer = CLIENTS[client](Call("GET", server.url + "/nowhere"))
    assert answer.status == 404
    with server.connect() as connection:
        assert connection.request("HEAD", "/nowhere").status == 404
        assert connection.get("/json").status == 200


def test_error_in_an_endpoint_is_500(server: Server) -> None:
    """The framework answers and raises again for the server to log; the worker goes on."""
    assert server.get("/error").status == 500
    assert server.get("/json").status == 200


def test_hundred_requests_on_one_connection(server: Server) -> None:
    with server.connect() as connection:
        for number in range(100):
            target = "/sync" if number % 3 == 0 else f"/items/{number}"
            assert connection.get(target).status == 200
