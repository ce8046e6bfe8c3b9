"""Fixtures of the loop's tests: of the package in TRICORN_PACKAGE, else of the release build."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, os.environ.get("TRICORN_PACKAGE", str(Path(__file__).parents[2] / "build" / "release" / "python")))

import tricorn  # noqa: E402 (after the path is set)


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
