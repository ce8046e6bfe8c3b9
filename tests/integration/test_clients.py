"""What an app does on our loop besides answering: outgoing connections, processes, threads, names, timers."""

from __future__ import annotations

import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from integration.server import Server


class Hello(BaseHTTPRequestHandler):
    """A keep-alive HTTP server of the standard library, independent of everything under test."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802 (the base class's name)
        self.send_response(200)
        self.send_header("content-length", "8")
        self.end_headers()
        self.wfile.write(b"upstream")

    def log_message(self, format: str, *args: object) -> None:
        pass


def serve(context: ssl.SSLContext | None) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def upstream() -> Iterator[int]:
    yield from serve(None)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    key, crt = folder / "key.pem", folder / "crt.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", crt, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return key, crt


@pytest.fixture(scope="module")
def tls_upstream(certificate: tuple[Path, Path]) -> Iterator[tuple[int, Path]]:
    key, crt = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    for port in serve(context):
        yield port, crt


@pytest.fixture(scope="module")
def _server() -> Iterator[Server]:
    with Server("outgoing:app") as server:
        yield server


@pytest.fixture
def server(_server: Server) -> Iterator[Server]:
    yield _server
    _server.assert_log_clean()


def ask(server: Server, target: str) -> object:
    response = server.get(target)
    assert response.status == 200, server.log
    return json.loads(response.body)


@pytest.mark.parametrize("client", ["httpx", "aiohttp"])
def test_http_client_inside_a_request(server: Server, upstream: int, client: str) -> None:
    assert ask(server, f"/{client}?port={upstream}") == ["upstream"]


@pytest.mark.parametrize("client", ["httpx", "aiohttp"])
def test_https_client_inside_a_request(server: Server, tls_upstream: tuple[int, Path], client: str) -> None:
    port, crt = tls_upstream
    assert ask(server, f"/{client}?port={port}&ca={crt}") == ["upstream"]


def test_streams_both_ways(server: Server) -> None:
    assert ask(server, "/streams") == [1_000_000, 1_000_000]


def test_subprocesses(server: Server) -> None:
    assert ask(server, "/process") == {"output": True, "code": 3, "shell": ["out\n", "err\n"], "killed": -15, "many": [0]}
    assert ask(server, "/anyio-process") == "through cat"


def test_executor(server: Server) -> None:
    assert ask(server, "/executor") == {"result": 7, "called": "from a thread", "error": "in a thread",
                                        "numbers": [2 ** n for n in range(10)]}


def test_name_resolution(server: Server) -> None:
    assert ask(server, "/names") == [["127.0.0.1", 80], "gaierror", ["127.0.0.1", "80"]]


def test_sockets_readers_and_datagrams(server: Server) -> None:
    assert ask(server, "/sockets") == ["hello", True, "cba"]


def test_timers(server: Server) -> None:
    assert ask(server, "/timers") == {"fired": [10, 20, 30], "early": False}


def test_all_at_once(server: Server, upstream: int) -> None:
    """Everything above concurrently on one worker, on connections of their own."""
    targets = [f"/httpx?port={upstream}", f"/aiohttp?port={upstream}", "/streams", "/process", "/executor", "/sockets"]
    failures: list[object] = []

    def one(target: str) -> None:
        try:
            ask(server, target)
        except BaseException as error:  # noqa: BLE001 (collected for the main thread)
            failures.append((target, error))

    threads = [threading.Thread(target=one, args=(target,)) for target in targets * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
