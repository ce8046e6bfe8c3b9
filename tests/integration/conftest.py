"""Shared servers: one per test module and process, checked after every test and, as all of them, at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.server import Server


@pytest.fixture(scope="module")
def _raw_server() -> Iterator[Server]:
    with Server("raw:app") as server:
        yield server


@pytest.fixture
def raw(_raw_server: Server) -> Iterator[Server]:
    """One worker with the raw app; the log stays free of errors."""
    yield _raw_server
    _raw_server.assert_sound()


@pytest.fixture(scope="module")
def _checks_server() -> Iterator[Server]:
    with Server("checks:app") as server:
        yield server


@pytest.fixture
def checks(_checks_server: Server) -> Iterator[Server]:
    """One worker with the app that checks the ASGI contract from inside."""
    yield _checks_server
    _checks_server.assert_sound()


@pytest.fixture(scope="module")
def _faulty_server() -> Iterator[Server]:
    with Server("faulty:app", allow=(r".",)) as server:
        yield server


@pytest.fixture
def faulty(_faulty_server: Server) -> Iterator[Server]:
    """One worker with an app full of mistakes; each test counts the errors that its own mistake logs."""
    yield _faulty_server
    _faulty_server.assert_sound()
