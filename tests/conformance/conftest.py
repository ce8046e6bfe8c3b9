"""Shared servers, one per test module and process, and the fragment sizes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.wire import Probed, Wire
from integration.server import Server


@pytest.fixture(params=[0, 1, 2, 3], ids=["whole", "by1", "by2", "by3"])
def fragment(request: pytest.FixtureRequest) -> int:
    """Bytes per segment; 0: all at once."""
    size: int = request.param
    return size


@contextmanager
def probed_server(folder: Path, *arguments: str, app: str = "probes:app", allow: tuple[str, ...] = ()) -> Iterator[Probed]:
    path = str(folder / "socket")
    with Server(app, *arguments, bind=("--bind", "127.0.0.1:0", "--bind", f"unix:{path}"), allow=allow) as server:
        yield Probed(server, path)


@pytest.fixture(scope="module")
def _probes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    with probed_server(tmp_path_factory.mktemp("probes")) as probed:
        yield probed


@pytest.fixture
def probes(_probes: Probed) -> Iterator[Probed]:
    """One worker whose log stays free of errors."""
    yield _probes
    _probes.server.assert_sound()


@pytest.fixture(scope="module")
def _mistakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    with probed_server(tmp_path_factory.mktemp("mistakes"), allow=(r".",)) as probed:
        yield probed


@pytest.fixture
def mistakes(_mistakes: Probed) -> Iterator[Probed]:
    """The same app, asked for what logs errors; each test counts its own."""
    yield _mistakes
    _mistakes.server.assert_sound()


@pytest.fixture(scope="module")
def _tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    limits = ("--limit-header-bytes", "1000", "--limit-target-bytes", "200", "--limit-headers", "10", "--limit-body-bytes", "2000")
    with probed_server(tmp_path_factory.mktemp("tiny"), *limits) as probed:
        yield probed


@pytest.fixture
def tiny(_tiny: Probed) -> Iterator[Probed]:
    """The same app with small limits: 1000 bytes of head, 200 of target, 10 fields, 2000 of body."""
    yield _tiny
    _tiny.server.assert_sound()


@pytest.fixture(scope="module")
def _impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probed]:
    with probed_server(tmp_path_factory.mktemp("impatient"), "--timeout-header", "0.5") as probed:
        yield probed


@pytest.fixture
def impatient(_impatient: Probed) -> Iterator[Probed]:
    """The same app; a head must come within half a second."""
    yield _impatient
    _impatient.server.assert_sound()


@pytest.fixture
def wire(probes: Probed, fragment: int) -> Iterator[Wire]:
    with probes.wire(fragment) as connection:
        yield connection
