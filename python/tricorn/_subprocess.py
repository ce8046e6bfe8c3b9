"""Subprocesses of the loop: asyncio's subprocess transport, over ChildExit instead of a child watcher.

What protocols see, and in which order, is asyncio.base_subprocess's doing. Two things are as asyncio means them rather
than as 3.11 has them: wait() does not wait for pipes that a grandchild holds open (CPython issue 119710), and no signal
goes to a process that merely has got the child's number.

The child's stdin is a pipe, as in asyncio on Linux. (A socket pair is for systems where the writing end of a pipe does
not tell that the reader is gone; and a program cannot open it again as /dev/stdin.)

The process is made by subprocess.Popen: vfork() unless an argument like `user` or `preexec_fn` needs more.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import warnings
from asyncio.log import logger
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any

from ._child_exit import ChildExit

if TYPE_CHECKING:
    from ._loop import Loop

STDIN = 0


class SubprocessTransport(asyncio.SubprocessTransport):
    """A child process and its pipes. Private attributes that asyncio's transport has, too, have the names of asyncio's.

    From connection_lost() on there is no loop, protocol and child any more.
    """

    _closed = True  # until there is something to close

    def __init__(
        self,
        loop: Loop,
        protocol: asyncio.SubprocessProtocol,
        child: subprocess.Popen[bytes],
        extra: dict[str, Any] | None,
    ) -> None:
        super().__init__({**(extra or {}), "subprocess": child})
        self._loop = loop
        self._protocol = protocol
        self._proc: subprocess.Popen[bytes] | None = child
        self._pid = child.pid
        self._returncode: int | None = None
        self._pipes: dict[int, PipeProtocol] = {}
        self._pending_calls: list[tuple[Any, ...]] | None = []  # of the protocol, before connection_made()
        self._exit_waiters: list[asyncio.Future[int]] = []
        self._exit = ChildExit(loop, child, self._has_open_pipes, self._process_exited)
        self._closed = False

    async def start(self) -> None:
        """Connect the pipes and call connection_made(). If that fails or is cancelled, the child is killed."""
        try:
            try:
                await self._connect_pipes()
            finally:
                if not self._loop.is_closed():
                    self._exit.watch()
            await self._connection_made()
        except (SystemExit, KeyboardInterrupt, GeneratorExit):
            raise  # nobody goes on waiting here
        except BaseException:
            self.close()
            await self._wait()
            raise

    async def _connect_pipes(self) -> None:
        child = self._proc
        assert child is not None
        files = {fd: file for fd, file in enumerate((child.stdin, child.stdout, child.stderr)) if file is not None}
        self._pipes = {fd: PipeProtocol(self, fd) for fd in files}
        try:
            for fd, file in files.items():
                await self._connect_pipe(self._pipes[fd], file)
        except BaseException:
            for fd, file in files.items():
                if self._pipes[fd].pipe is None:
                    del self._pipes[fd]
                    file.close()
            raise

    async def _connect_pipe(self, protocol: PipeProtocol, file: IO[bytes]) -> None:
        connect = self._loop.connect_write_pipe if protocol.fd == STDIN else self._loop.connect_read_pipe
        await connect(lambda: protocol, file)

    async def _connection_made(self) -> None:
        assert self._pending_calls is not None
        pending_calls, self._pending_calls = self._pending_calls, None
        self._loop.call_soon(self._protocol.connection_made, self)
        for call in pending_calls:
            self._loop.call_soon(*call)
        made = self._loop.create_future()
        self._loop.call_soon(_set_result, made, None)
        await made

    def __repr__(self) -> str:
        state = "running" if self._returncode is None else f"returncode={self._returncode}"
        info = [*(["closed"] if self._closed else []), f"pid={self._pid}", state]
        info += [f"{('stdin', 'stdout', 'stderr')[fd]}={protocol.pipe}" for fd, protocol in self._pipes.items()]
        return f"<{type(self).__name__} {' '.join(info)}>"

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if not self._closed:
            _warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self.close()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol  # type: ignore[assignment]

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def is_closing(self) -> bool:
        return self._closed

    def get_pid(self) -> int:
        return self._pid

    def get_returncode(self) -> int | None:
        return self._returncode

    def get_pipe_transport(self, fd: int) -> asyncio.BaseTransport | None:
        protocol = self._pipes.get(fd)
        return None if protocol is None else protocol.pipe

    def send_signal(self, sig: int) -> None:
        if self._returncode is None:
            self._exit.send_signal(sig)
        elif not self._has_open_pipes():
            raise ProcessLookupError  # as in asyncio: not before connection_lost() is due

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close the pipes, and kill the child if it runs."""
        if self._closed:
            return
        self._closed = True
        if self._proc is None:
            return
        if not self._loop.is_closed():
            for protocol in self._pipes.values():
                if protocol.pipe is not None:
                    protocol.pipe.close()
        if not self._exit.is_running():
            return
        if self._loop.get_debug():
            logger.warning("Close running child process: kill %r", self)
        try:
            self._proc.kill()
        except (ProcessLookupError, PermissionError):  # gone by now; or it runs as another user
            pass

    async def _wait(self) -> int:
        """What asyncio's Process.wait() waits for."""
        if self._returncode is not None:
            return self._returncode
        waiter: asyncio.Future[int] = self._loop.create_future()
        self._exit_waiters.append(waiter)
        return await waiter

    def _call(self, callback: Callable[..., object], *args: Any) -> None:
        if self._pending_calls is None:
            self._loop.call_soon(callback, *args)
        else:
            self._pending_calls.append((callback, *args))

    def _pipe_data_received(self, fd: int, data: bytes) -> None:
        self._call(self._protocol.pipe_data_received, fd, data)

    def _pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._call(self._protocol.pipe_connection_lost, fd, exc)
        if self._returncode is not None and not self._has_open_pipes():
            self._call(self._connection_lost)

    def _process_exited(self, returncode: int) -> None:
        self._returncode = returncode
        if self._loop.get_debug():
            logger.info("%r exited with return code %r", self, returncode)
        self._call(self._protocol.process_exited)
        if not self._has_open_pipes():
            self._call(self._connection_lost)
        self._loop.call_soon(self._wake_waiters)

    def _has_open_pipes(self) -> bool:
        return any(not protocol.disconnected for protocol in self._pipes.values())

    def _connection_lost(self) -> None:
        try:
            self._protocol.connection_lost(None)
        finally:
            self._loop = self._protocol = self._proc = None  # type: ignore[assignment]

    def _wake_waiters(self) -> None:
        waiters, self._exit_waiters = self._exit_waiters, []
        for waiter in waiters:
            _set_result(waiter, self._returncode)


class PipeProtocol(asyncio.Protocol):
    """Passes what happens to one pipe of a child on to the child's protocol."""

    def __init__(self, child: SubprocessTransport, fd: int) -> None:
        self.fd = fd
        self.pipe: Any = None  # its transport, once it is connected
        self.disconnected = False
        self._child = child

    def __repr__(self) -> str:
        return f"<{type(self).__name__} fd={self.fd} pipe={self.pipe!r}>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.pipe = transport

    def data_received(self, data: bytes) -> None:
        self._child._pipe_data_received(self.fd, data)

    def pause_writing(self) -> None:
        self._child._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._child._protocol.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self.disconnected = True
        child, self._child = self._child, None  # type: ignore[assignment]  # no cycle is left
        child._pipe_connection_lost(self.fd, exc)


async def make_subprocess_transport(
    loop: Loop,
    protocol: asyncio.SubprocessProtocol,
    args: Any,
    shell: bool,
    stdin: Any,
    stdout: Any,
    stderr: Any,
    bufsize: int,
    extra: dict[str, Any] | None = None,
    **keywords: Any,
) -> SubprocessTransport:
    """Loop._make_subprocess_transport(). The keywords are those of Popen."""
    child = subprocess.Popen(
        args, shell=shell, stdin=stdin, stdout=stdout, stderr=stderr, bufsize=bufsize, **keywords
    )
    if loop.get_debug():
        logger.debug("process %r created: pid %s", args if isinstance(args, (bytes, str)) else args[0], child.pid)
    transport = SubprocessTransport(loop, protocol, child, extra)
    await transport.start()
    return transport


def _set_result(future: asyncio.Future[Any], result: object) -> None:
    if not future.done():
        future.set_result(result)
