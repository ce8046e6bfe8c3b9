"""The option of create_unix_server() that asyncio has from Python 3.13 on, and uvloop always: for older Pythons."""

from __future__ import annotations

import contextlib
import os
import socket
from asyncio import Server, unix_events
from asyncio.log import logger
from collections.abc import Callable
from typing import Any

__all__ = ["CleaningLoop"]


class CleaningLoop(unix_events._UnixSelectorEventLoop):
    """asyncio's loop, with ``cleanup_socket``: the path of a unix server goes when it stops serving."""

    def __init__(self, selector: Any) -> None:
        super().__init__(selector)
        self._inodes: dict[socket.socket, int] = {}  # of the paths that are to be removed

    async def create_unix_server(
        self, protocol_factory: Callable[[], Any], path: Any = None, *, cleanup_socket: bool = False, **options: Any
    ) -> Server:
        """Listen on a unix socket. ``cleanup_socket``: remove its path at the end, if it is still the same file."""
        server = await super().create_unix_server(protocol_factory, path, **options)
        if cleanup_socket:
            self._note_path(server._sockets[0])  # type: ignore[attr-defined]
        return server

    def _note_path(self, sock: socket.socket) -> None:
        path = sock.getsockname()
        if path[:1] in ("", "\0", b"\0"):  # has no name, or one that is no path
            return
        with contextlib.suppress(FileNotFoundError):
            self._inodes[sock] = os.stat(path).st_ino

    def _stop_serving(self, sock: socket.socket) -> None:
        inode = self._inodes.pop(sock, None)
        path: Any = None if inode is None else sock.getsockname()
        super()._stop_serving(sock)  # type: ignore[misc]
        if inode is None:
            return
        try:
            if os.stat(path).st_ino == inode:
                os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.error("Unable to clean up listening UNIX socket %r: %r", path, error)
