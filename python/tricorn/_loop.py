"""The event loop: asyncio's selector event loop with its scheduler, readiness and I/O replaced by native code.

``_tricorn.Loop`` comes first in the MRO and holds everything that is per callback, connection, packet or call. What is
done once (the arguments of create_server, happy eyeballs, signals) is asyncio's own code, working over it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import selectors
import signal
import socket
import sys
import threading
import weakref
from asyncio import unix_events
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import _tricorn
from ._subprocess import make_subprocess_transport

if TYPE_CHECKING:
    import ssl

__all__ = ["Loop", "install", "new_event_loop"]

if sys.version_info >= (3, 13):
    _AsyncioLoop = unix_events._UnixSelectorEventLoop
else:
    from ._unix_server import CleaningLoop as _AsyncioLoop

_DATAGRAM_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)


class Loop(_tricorn.Loop, _AsyncioLoop):
    """An asyncio event loop. It belongs to the thread that runs it, and to the process that made it."""

    _ssock = None
    _csock = None

    def __init__(self) -> None:
        _AsyncioLoop.__init__(self, _Selector(self))

    def run_forever(self) -> None:
        """Run until stop() is called."""
        self._check_closed()
        self._check_running()
        if threading.current_thread() is not threading.main_thread():
            super().run_forever()
            return
        previous = self._wake_on_signals()
        try:
            super().run_forever()
        finally:
            # As in asyncio: while a signal has a handler here, its arrival is noted between runs as well.
            if not self._signal_handlers:
                _restore_wakeup_fd(previous)

    def close(self) -> None:
        """Drop what is scheduled and free the loop's resources. The loop must not be running."""
        try:
            if not self.is_running():  # super() refuses then
                for sig in list(self._signal_handlers):
                    self.remove_signal_handler(sig)  # before what they write to is closed
        finally:  # outside the main thread they cannot be removed
            try:
                super().close()
            finally:
                if self.is_closed():
                    self._close_native()

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: Any) -> None:
        """Call ``callback(*args)`` in the loop when the process receives the signal. Main thread only."""
        if not self.is_closed():
            self._open_self_pipe()
        super().add_signal_handler(sig, callback, *args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Undo add_signal_handler(). True if there was a handler."""
        removed = super().remove_signal_handler(sig)
        if removed and not self._signal_handlers and self.is_running():
            self._wake_on_signals()  # asyncio has just switched it off
        return removed

    _make_subprocess_transport = make_subprocess_transport

    def _wake_on_signals(self) -> int:
        """Have each signal write to our socket: a sleeping loop wakes, and Python's handlers run. The previous fd."""
        self._open_self_pipe()
        return signal.set_wakeup_fd(self._csock.fileno(), warn_on_full_buffer=False)

    # asyncio makes its pair of sockets at once; ours only carries signals, so few loops need one.
    def _make_self_pipe(self) -> None:
        pass

    def _open_self_pipe(self) -> None:
        if self._csock is None:
            super()._make_self_pipe()

    def _close_self_pipe(self) -> None:
        if self._csock is not None:
            super()._close_self_pipe()

    async def start_tls(
        self,
        transport: Any,
        protocol: asyncio.BaseProtocol,
        sslcontext: ssl.SSLContext,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> asyncio.Transport | None:
        """Upgrade a transport to TLS; the protocol should use the one that is returned instead."""
        if type(transport) is not _tricorn.SocketTransport or not _is_ssl_context(sslcontext):
            return await super().start_tls(
                transport,
                protocol,
                sslcontext,
                server_side=server_side,
                server_hostname=server_hostname,
                ssl_handshake_timeout=ssl_handshake_timeout,
                ssl_shutdown_timeout=ssl_shutdown_timeout,
            )
        waiter = self.create_future()
        timeouts = ssl_handshake_timeout, ssl_shutdown_timeout
        early = _received_by_stream(protocol) if server_side else None
        tls = self._start_tls(transport, protocol, sslcontext, waiter, server_side, server_hostname, *timeouts, early)
        if early is not None:
            early.clear()
        try:
            await waiter
        except BaseException:
            transport.close()
            del waiter  # its exception has this frame
            raise
        return tls

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], host: Any = None, port: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        """Connect to a TCP server: asyncio's, with a short way to an address that is a number."""
        # A subclass may have methods of its own to connect with.
        connecting = None if options or type(self) is not Loop else self._connect(host, port)
        if connecting is None:
            return await super().create_connection(protocol_factory, host, port, **options)
        try:
            if connecting.connected is not None:
                await connecting.connected
            protocol = protocol_factory()
            waiter = self.create_future()
            transport = connecting.open(protocol, waiter)
        except BaseException:
            connecting.close()
            raise
        try:
            await waiter
        except BaseException:
            transport.close()
            del waiter  # its exception has this frame
            raise
        return transport, protocol

    def _stop_serving(self, sock: socket.socket) -> None:
        self._stop_listening(sock)
        super()._stop_serving(sock)  # closes it, and removes the path of a unix socket

    async def _sendfile_native(self, transport: Any, file: Any, offset: int, count: int | None) -> int:
        """Have the kernel send a part of a file through a transport, after what was written to it."""
        written = transport._make_empty_waiter()
        reads = transport.is_reading()
        transport.pause_reading()
        try:
            await written
            return await self.sock_sendfile(transport._sock, file, offset, count, fallback=False)
        finally:
            transport._reset_empty_waiter()
            if reads:
                transport.resume_reading()

    def _make_socket_transport(self, sock: Any, *arguments: Any, **options: Any) -> Any:
        base = _AsyncioLoop if _may_override(sock) else _tricorn.Loop
        return base._make_socket_transport(self, sock, *arguments, **options)

    def _make_ssl_transport(self, rawsock: Any, *arguments: Any, **options: Any) -> Any:
        base = _AsyncioLoop if _may_override(rawsock) else _tricorn.Loop
        return base._make_ssl_transport(self, rawsock, *arguments, **options)

    def _make_datagram_transport(
        self,
        sock: socket.socket,
        protocol: asyncio.DatagramProtocol,
        address: Any = None,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Any:
        if type(sock) is not socket.socket or sock.family not in _DATAGRAM_FAMILIES:
            return super()._make_datagram_transport(sock, protocol, address, waiter, extra)
        self._ensure_fd_no_transport(sock)
        return self._make_native_datagram_transport(sock, protocol, address, waiter, extra)

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Call ``func(*args)`` in the executor, by default the loop's own pool of threads."""
        pool = self._default_executor if executor is None else executor
        if type(pool) is not concurrent.futures.ThreadPoolExecutor or self.get_debug():
            return super().run_in_executor(executor, func, *args)
        self._check_closed()
        if executor is None:
            self._check_default_executor()
        return self._call_in_executor(pool.submit, func, args)

    async def _look_up_by_name(
        self, host: Any, port: Any, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        answer = self._look_up(host, port, family=family, type=type, proto=proto, flags=flags)
        if answer is not None:
            try:
                return await answer
            finally:
                answer = None  # its exception refers to this frame
        asyncios = unix_events._UnixSelectorEventLoop.getaddrinfo
        return await asyncios(self, host, port, family=family, type=type, proto=proto, flags=flags)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As asyncio's, but silent about a task's SystemExit or KeyboardInterrupt: run_forever() has raised it."""
        is_a_tasks = isinstance(context.get("future"), asyncio.Task)
        if not is_a_tasks or not isinstance(context.get("exception"), (SystemExit, KeyboardInterrupt)):
            super().call_exception_handler(context)

    def _add_callback(self, handle: asyncio.Handle) -> None:
        """Run a handle that asyncio's Python code made: a signal's."""
        self.call_soon(_run_unless_cancelled, handle)


class _Selector:
    """What asyncio's transports ask the loop's selector, for their repr()."""

    def __init__(self, loop: Loop) -> None:
        self._loop = weakref.ref(loop)

    def get_key(self, fd: int) -> selectors.SelectorKey:
        loop = self._loop()
        reads, writes = loop._watched(fd) if loop is not None else (False, False)
        if not reads and not writes:
            raise KeyError(fd)
        events = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if writes else 0)
        return selectors.SelectorKey(fd, fd, events, None)

    def close(self) -> None:
        pass


def _may_override(sock: object) -> bool:
    """Whether it may have methods of its own to send and receive with: asyncio's transport calls them."""
    return type(sock) is not socket.socket and isinstance(sock, socket.socket)


def _is_ssl_context(context: object) -> bool:
    module = sys.modules.get("ssl")  # without it there is none
    return module is not None and isinstance(context, module.SSLContext)


def _received_by_stream(protocol: object) -> bytearray | None:
    """What nobody has read yet: a client may have begun its handshake at once."""
    if not isinstance(protocol, asyncio.StreamReaderProtocol):
        return None
    return getattr(getattr(protocol, "_stream_reader", None), "_buffer", None)


def _run_unless_cancelled(handle: asyncio.Handle) -> None:
    if not handle.cancelled():
        handle._run()


def _restore_wakeup_fd(fd: int) -> None:
    try:
        signal.set_wakeup_fd(fd)
    except (ValueError, OSError):  # its owner has closed it meanwhile
        signal.set_wakeup_fd(-1)


def new_event_loop() -> Loop:
    """A new loop, for ``asyncio.Runner(loop_factory=tricorn.new_event_loop)``."""
    return Loop()


_PolicyBase = getattr(unix_events, "_UnixDefaultEventLoopPolicy", None)

if _PolicyBase is not None:  # policies leave Python in 3.16
    __all__ += ["EventLoopPolicy"]

    class EventLoopPolicy(_PolicyBase):  # type: ignore[misc, valid-type]
        """Makes every new loop of the process a tricorn loop."""

        _loop_factory = Loop

    def install() -> None:
        """Set the policy: ``asyncio.run()`` then uses this loop."""
        asyncio.set_event_loop_policy(EventLoopPolicy())

else:

    def install() -> None:
        """Not possible any more: pass ``loop_factory=tricorn.new_event_loop`` to ``asyncio.run()``."""
        raise RuntimeError("Python has no event loop policies any more: pass loop_factory=tricorn.new_event_loop")
