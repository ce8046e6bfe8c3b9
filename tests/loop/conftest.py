"""Fixtures of the loop's tests."""

from collections.abc import Iterator

import pytest

import tricorn


@pytest.fixture(scope="session", autouse=True)
def _executable_exists() -> None:
    """Replaces the check of the other tests: the loop needs no executable."""


@pytest.fixture
def loop() -> Iterator[tricorn.Loop]:
    """A loop of its own for each test, closed afterwards."""
    made = tricorn.new_event_loop()
    yield made
    if not made.is_closed():
        made.close()
