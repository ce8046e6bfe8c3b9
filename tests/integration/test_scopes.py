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
    with server.connect() as connection:
        before = connection.request("GET", "/show").body
        assert connection.request("GET", "/show").body == before
        for _ in range(2):
            assert connection.request("GET", f"/spoil?how={how.replace(' ', '+')}").body == b"spoiled"
            assert connection.request("GET", "/show").body == before
        assert connection.request("GET", "/spoil-kept").body == b"spoiled"
        assert connection.request("GET", "/show").body == before
    server.assert_sound()
