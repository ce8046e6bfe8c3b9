"""The event loop: asyncio's selector event loop with its scheduler, timers and readiness replaced by native code.

``_tricorn.Loop`` comes first in the MRO and holds everything that is per callback. What is per connection or rarer
(transports, servers, DNS, TLS, subprocesses, signals) is asyncio's own code, working over the native ``_add_reader``.
"""

from __future__ import annotations

import asyncio
import selectors
import signal
import threading
import weakref
from asyncio import unix_events
from collections.abc import Callable
from typing import Any

from . import _tricorn

__all__ = ["Loop", "install", "new_event_loop"]


class Loop(_tricorn.Loop, unix_events._UnixSelectorEventLoop):
    """An asyncio event loop. It belongs to the thread that runs it, and to the process that made it."""

    _ssock = None
    _csock = None

    def __init__(self) -> None:
        unix_events._UnixSelectorEventLoop.__init__(self, _Selector(self))

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
        if not self.is_running():  # super() refuses then
            for sig in list(self._signal_handlers):
                self.remove_signal_handler(sig)  # before what they write to is closed
        super().close()
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

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """As asyncio's, but silent about a task's SystemExit or KeyboardInterrupt: run_forever() has raised it."""
        if "future" not in context or not isinstance(context.get("exception"), (SystemExit, KeyboardInterrupt)):
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
