"""Each request has a scope of its own (P17), although an untouched one serves the next request too."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from integration.server import APPS, Server

sys.path.insert(0, str(APPS))
from scopes import SPOILERS  # noqa: E402 (the app's own list)


@pytest.fixture(scope="module", params=["on", "off"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server("scopes:app", "--lifespan", request.param) as running:
        yield running


@pytest.mark.parametrize("how", SPOILERS)
def test_no_request_sees_what_another_did_to_its_scope(server: Server, how: str) -> None:
    """Whether the spoiled scope was new, had come back once, or had served several requests."""
    spoil = f"/spoil?how={how.replace(' ', '+')}"
    with server.connect() as connection:
        before = connection.request("GET", "/show").body
        for requests_before in (0, 1, 2, 3, 0):
            for _ in range(requests_before):
                assert connection.request("GET", "/show").body == before
            assert connection.request("GET", spoil).body == b"spoiled"
            assert connection.request("GET", "/show").body == before
            assert connection.request("GET", "/spoil-kept").body == b"spoiled"
            assert connection.request("GET", "/show").body == before
    server.assert_sound()


def test_each_request_has_its_own_values_in_a_scope_that_serves_again(server: Server) -> None:
    with server.connect() as first, server.connect() as second:
        for number in range(4):
            for connection in (first, second):
                shown = connection.request("POST" if number % 2 else "GET", f"/show?{number}", {"x-number": str(number)}).body
                port = str(connection.socket.getsockname()[1]).encode()
                assert b"'client': ('127.0.0.1', " + port + b")" in shown
                assert b"'query_string': b'%d'" % number in shown and b"(b'x-number', b'%d')" % number in shown
                assert (b"'method': 'POST'" if number % 2 else b"'method': 'GET'") in shown
    server.assert_sound()
