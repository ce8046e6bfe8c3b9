"""What the app speaks (--interface): telling ASGI 3, ASGI 2 and WSGI apps apart, and serving each as an ASGI 3 app."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ._log import log_debug, log_warning

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from ._thread_pool import ThreadPool

Interface = Literal["asgi3", "asgi2", "wsgi"]

_ARGUMENTS: dict[Interface, int] = {"asgi3": 3, "wsgi": 2, "asgi2": 1}
_FIRST_NAMES: dict[Interface, frozenset[str]] = {
    "asgi3": frozenset({"scope"}), "wsgi": frozenset({"environ", "env"}), "asgi2": frozenset({"scope"})
}


def detect_interface(app: Callable[..., Any]) -> Interface | None:
    """What `app` speaks, by its looks: it is never called. None where they do not tell.

    A coroutine function, or an object whose __call__ is one, is ASGI 3. Else the number of positional arguments decides:
    ASGI 3 takes three, WSGI two, ASGI 2 one; and their names, where the number leaves a choice.
    """
    if inspect.isclass(app):
        return _detect_class(app)
    return "asgi3" if _is_coroutine_function(app) else _by_signature(app)


def adapt(
    app: Callable[..., Any], interface: str, threads: int, loop: AbstractEventLoop
) -> tuple[Callable[..., Any], ThreadPool | None]:
    """`app` as an ASGI 3 app to be served on `loop`, and the threads that it runs in if it is WSGI.

    `interface` is that of --interface; where it can hardly be right, a warning says so.
    """
    detected = detect_interface(app)
    if interface == "auto":
        interface = detected or "asgi3"
        log_debug(f"--interface auto: the app is taken for {interface}")
    elif detected not in (interface, None):
        log_warning(f"--interface {interface}: the app looks like {detected}")
    if interface == "asgi2":
        return Asgi2App(app), None
    if interface != "wsgi":
        return app, None
    from ._wsgi import WsgiApp

    served = WsgiApp(app, threads, loop)
    return served, served.pool


class Asgi2App:
    """An ASGI 2 app, app(scope)(receive, send), as an ASGI 3 app."""

    __slots__ = ("_app",)

    def __init__(self, app: Callable[..., Any]) -> None:
        self._app = app

    def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> Awaitable[None]:
        scope["asgi"]["version"] = "2.0"
        instance = self._app(scope)
        if not callable(instance):
            raise TypeError(
                f"the ASGI 2 app returned {type(instance).__name__} for a scope, which cannot be called; "
                "is it an ASGI 2 app, app(scope)(receive, send)? (--interface)"
            )
        running: Awaitable[None] = instance(receive, send)
        return running


def _detect_class(app: type) -> Interface | None:
    """A class is called to make an instance, so its __init__ says what it takes; the instance is awaited, iterated or
    called again."""
    takes = _by_signature(app)
    if hasattr(app, "__await__"):
        return "asgi3"
    if hasattr(app, "__iter__"):
        return "wsgi" if takes == "wsgi" else None
    if takes == "asgi2" or _is_coroutine_function(inspect.getattr_static(app, "__call__", None)):
        return "asgi2"
    return None


def _is_coroutine_function(app: Any) -> bool:
    """Whether calling it makes a coroutine: an `async def`, or what is marked as one, below any functools.partial."""
    while isinstance(app, partial):
        app = app.func
    candidates = [app] if inspect.isroutine(app) else [app, getattr(app, "__call__", None)]
    return any(
        inspect.iscoroutinefunction(candidate) or getattr(candidate, "_is_coroutine", None) is not None
        for candidate in candidates
    )


def _by_signature(app: Callable[..., Any]) -> Interface | None:
    parameters = _positional_parameters(app)
    if parameters is None:
        return None
    least = sum(parameter.default is inspect.Parameter.empty for parameter in parameters)
    fitting = [interface for interface, count in _ARGUMENTS.items() if least <= count <= len(parameters)]
    if len(fitting) == 1:
        return fitting[0]
    first = parameters[0].name.lstrip("_") if parameters else ""
    return next((interface for interface in fitting if first in _FIRST_NAMES[interface]), None)


def _positional_parameters(app: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """What `app` takes by position; None where that is not known, or any number."""
    target: Any = app
    if not (inspect.isroutine(app) or inspect.isclass(app) or isinstance(app, partial)):
        target = getattr(app, "__call__", app)  # perhaps of the instance alone
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):  # a builtin, or an extension's
        return None
    if any(parameter.kind is inspect.Parameter.VAR_POSITIONAL for parameter in parameters):
        return None
    by_position = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [parameter for parameter in parameters if parameter.kind in by_position]
