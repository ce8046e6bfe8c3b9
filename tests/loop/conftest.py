"""Fixtures of the loop's tests: of the package in TRICORN_PACKAGE, else of the release build."""

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, os.environ.get("TRICORN_PACKAGE", str(Path(__file__).parents[2] / "build" / "release" / "python")))

import tricorn  # noqa: E402 (after the path is set)

# A shell's job in the background ignores it, and Python then too: tests that interrupt themselves would not end.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(params=["pidfd", "thread"])
def _how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How the loop waits for a child: both ways."""
    if request.param == "thread":

        def no_pidfd(pid: int, flags: int = 0) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(os, "pidfd_open", no_pidfd)


@pytest.fixture
def _sigchld() -> Iterator[None]:
    """Puts SIGCHLD back."""
    before = signal.getsignal(signal.SIGCHLD)
    yield
    signal.signal(signal.SIGCHLD, before)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Key and certificate of localhost."""
    folder = tmp_path_factory.mktemp("tls")
    key, crt = folder / "key.pem", folder / "crt.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return key, crt


@pytest.fixture
def server_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """For servers with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate[1], certificate[0])
    return context


@pytest.fixture
def client_context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    """For clients that trust it."""
    return ssl.create_default_context(cafile=str(certificate[1]))
