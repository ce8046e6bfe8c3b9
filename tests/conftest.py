"""Shared by all Python tests: the tests folder is importable, and a missing executable is one clear error."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.server import executable


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "root: needs root rights (skipped without them)")


@pytest.fixture(scope="session", autouse=True)
def _executable_exists() -> None:
    path = Path(executable())
    assert os.access(path, os.X_OK), f"{path} is missing: build it first (cmake --preset release, then --build)"


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """For integration.gates: it opens by being made."""
    return tmp_path / "gate"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Everybody may enter and read it; pytest's own folders are for who runs it alone."""
    folder = Path(tempfile.mkdtemp(prefix="tricorn-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root"))
