"""Shared servers: one per test module and process, checked after every test and, as all of them, at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.server import Server


def _check(server: Server) -> None:
    """What must hold after each test on a server that goes on."""
    assert server.process.poll() is None, f"the server died with {server.process.returncode}:\n{server.log}"
    zombies = [process for process in server.family() if process.zombie]
    assert not zombies, zombies
    server.assert_log_clean()


@pytest.fixture(scope="module")
def _raw_server() -> Iterator[Server]:
    with Server("raw:app") as server:
        yield server


@pytest.fixture
def raw(_raw_server: Server) -> Iterator[Server]:
    """One worker with the raw app; the log stays free of errors."""
    yield _raw_server
    _check(_raw_server)


@pytest.fixture(scope="module")
def _checks_server() -> Iterator[Server]:
    with Server("checks:app") as server:
        yield server


@pytest.fixture
def checks(_checks_server: Server) -> Iterator[Server]:
    """One worker with the app that checks the ASGI contract from inside."""
    yield _checks_server
    _check(_checks_server)


@pytest.fixture(scope="module")
def _faulty_server() -> Iterator[Server]:
    with Server("faulty:app", allow=(r".",)) as server:
        yield server


@pytest.fixture
def faulty(_faulty_server: Server) -> Iterator[Server]:
    """One worker with an app full of mistakes; each test counts the errors that its own mistake logs."""
    yield _faulty_server
    _check(_faulty_server)
