"""ASGI's lifespan protocol 2.0 (asgiref, specs/lifespan.rst), one per worker."""

from __future__ import annotations

import asyncio
import contextvars
import traceback
from collections.abc import Callable
from typing import Any

from ._log import log_debug, log_error


class StartupFailed(Exception):
    """The app refused to start; str() is what to tell the user."""


class Lifespan:
    """Runs `app` with a lifespan scope in a task of its own, from startup() to shutdown().

    `mode`: "auto" serves without lifespan when the app does not support it, "on" makes that an error, "off" never asks.
    `state` is the dict that the app may fill at startup, None when there is no lifespan; `context` is what it runs in.
    """

    def __init__(self, app: Callable[..., Any], mode: str) -> None:
        self._app = app
        self._mode = mode
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._started: asyncio.Future[str | None] | None = None  # None: complete; else the app's message
        self._stopped: asyncio.Future[str | None] | None = None
        self._received: str | None = None  # the type of the last event that the app took
        self._task: asyncio.Task[None] | None = None
        self._shutdown_begun = False
        self._died = False  # while the worker served
        self.state: dict[str, Any] | None = None
        self.context = contextvars.copy_context()

    async def startup(self) -> None:
        """Returns when the app may be served. Raises StartupFailed."""
        if self._mode == "off":
            return
        loop = asyncio.get_running_loop()
        self._started, self._stopped = loop.create_future(), loop.create_future()
        self.state = {}
        self._events.put_nowait({"type": "lifespan.startup"})
        self._task = loop.create_task(self._run(), name="lifespan", context=self.context)
        await asyncio.wait({self._started, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._started.done():
            message = self._started.result()
            if message:
                self._task.add_done_callback(_error_of)  # frameworks raise as well, what the message says already
            if message is not None:
                raise StartupFailed(f"the app failed to start: {message}" if message else "the app failed to start")
            self._task.add_done_callback(self._ended)
        else:
            self._unsupported(_error_of(self._task))

    async def shutdown(self) -> bool:
        """Returns when the app has shut down; whether it did so without complaint. To be called again if cancelled."""
        if self._task is None or self._stopped is None:
            return True
        if not self._shutdown_begun:
            self._shutdown_begun = True
            self._events.put_nowait({"type": "lifespan.shutdown"})
        if not self._task.done():
            await asyncio.wait({self._stopped, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._stopped.done():
            message = self._stopped.result()
            if message is not None:
                log_error(f"the app failed to shut down: {message}")
                return False
            await self._task_end()
            return True
        error = _error_of(self._task)
        if error is not None and not self._died:
            log_error("the app failed to shut down\n" + _format(error))
        return error is None

    def cancel(self) -> None:
        """Gives up a startup that is not complete."""
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Before the shutdown: what it held open for the requests is probably gone. Returning is the app's right."""
        error = _error_of(task)
        if error is not None and not self._shutdown_begun:
            self._died = True
            log_error("the app's lifespan ended while the worker serves; it serves on\n" + _format(error))

    async def _task_end(self) -> None:
        """What the app still does after shutdown.complete."""
        if self._task is not None:
            await asyncio.wait({self._task})
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                log_error("the app raised after lifespan.shutdown.complete\n" + _format(error))

    def _unsupported(self, error: BaseException | None) -> None:
        """The app's lifespan ended before it said that startup is complete (P60)."""
        self._task = self.state = None
        if error is None:
            reason = "the app's lifespan ended before lifespan.startup.complete"
        elif self._received is not None:
            reason = "the app raised during lifespan startup\n" + _format(error)
        else:
            reason = f"the app does not support lifespan ({type(error).__name__}: {error})"
        if self._mode == "on":
            raise StartupFailed(reason)
        if self._received is not None and error is not None:
            log_error(reason + "\nserving without lifespan, as the ASGI specification asks; --lifespan on makes this fatal")
        else:
            log_debug(reason)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except SystemExit as error:  # it would end the loop at once
            if self._started is None or self._started.done():
                raise
            self._started.set_result(f"it exits ({error.code})")

    async def _receive(self) -> dict[str, Any]:
        if self._received == "lifespan.shutdown" and self._stopped is not None and self._stopped.done():
            assert self._task is not None
            self._task.cancel()  # no event follows: an app that loops for ever would hold the worker
        event = await self._events.get()
        self._received = event["type"]
        return event

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._started is not None and self._stopped is not None
        kind = message["type"]
        step, _, outcome = kind.removeprefix("lifespan.").partition(".")
        future = {"startup": self._started, "shutdown": self._stopped}.get(step)
        if future is None or outcome not in ("complete", "failed"):
            raise RuntimeError(f"unexpected ASGI message {kind!r} in lifespan")
        if future.done():
            raise RuntimeError(f"ASGI message {kind!r} sent after lifespan.{step} was answered")
        future.set_result(None if outcome == "complete" else message.get("message", ""))


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    """What ended it, be it a cancellation."""
    try:
        return task.exception()
    except asyncio.CancelledError as error:
        return error


def _format(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()
