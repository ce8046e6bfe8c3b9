"""tricorn: an ASGI server with a native master, and its event loop for any asyncio program.

    tricorn app:app --workers 4          # the server, from a shell
    tricorn.run("app:app", workers=4)    # the same, from a script
    asyncio.run(main(), loop_factory=tricorn.new_event_loop)   # the loop alone (Python 3.12+)

Names are loaded when they are first used: the zygote and every worker import this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._loop import EventLoopPolicy, Loop, install, new_event_loop
    from ._run import run
    from ._tricorn import ClientDisconnected, __version__

__all__ = [
    "ClientDisconnected",
    "EventLoopPolicy",
    "Loop",
    "__version__",
    "install",
    "new_event_loop",
    "run",
]

_HOMES = {
    "ClientDisconnected": "_tricorn",
    "__version__": "_tricorn",
    "EventLoopPolicy": "_loop",
    "Loop": "_loop",
    "install": "_loop",
    "new_event_loop": "_loop",
    "run": "_run",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
