"""The path of a unix server, at its end."""

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from loop.turns import run


async def serve_once(path: Path | str | None, **options: object) -> None:
    """A server that answers one client, and is closed."""

    class Greeter(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transport.write(b"hello")  # type: ignore[attr-defined]
            transport.close()

    server = await asyncio.get_running_loop().create_unix_server(Greeter, path, **options)  # type: ignore[arg-type]
    reader, writer = await asyncio.open_unix_connection(server.sockets[0].getsockname())
    assert await reader.read() == b"hello"
    writer.close()
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("cleans", [True, False, None])
def test_the_path_is_removed_if_asked_for(tmp_path: Path, cleans: bool | None) -> None:
    """By default as in the asyncio of the same Python."""
    path = tmp_path / "server"
    run(serve_once(path) if cleans is None else serve_once(path, cleanup_socket=cleans))
    removed = sys.version_info >= (3, 13) if cleans is None else cleans
    assert path.exists() == (not removed)


def test_the_path_of_a_given_socket_is_removed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(tmp_path / "server"))
        run(serve_once(None, sock=sock, cleanup_socket=True))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("replaced", [True, False])
def test_a_path_that_is_not_the_servers_any_more_is_left_alone(tmp_path: Path, replaced: bool) -> None:
    async def main() -> None:
        path = tmp_path / "server"
        server = await asyncio.get_running_loop().create_unix_server(
            asyncio.Protocol, path, cleanup_socket=True  # type: ignore[call-arg, unused-ignore]
        )
        os.rename(path, tmp_path / "moved")
        if replaced:
            path.write_text("mine")
        server.close()
        assert path.exists() == replaced

    run(main())


def test_an_abstract_name_has_no_path() -> None:
    run(serve_once(f"\0tricorn-test-{os.getpid()}", cleanup_socket=True))
