"""How each event loop is made. Only the one that is asked for is imported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module

Factory = Callable[[], asyncio.AbstractEventLoop]


def factory(name: str) -> Factory:
    """`name`: asyncio, or a module that has new_event_loop()."""
    if name == "asyncio":
        return asyncio.SelectorEventLoop
    made: Factory = import_module(name).new_event_loop
    return made
