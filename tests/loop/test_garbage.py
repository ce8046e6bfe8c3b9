"""What fails leaves no reference cycles: an exception goes with all that its frames hold, without the collector."""

import asyncio
import gc
import socket
import ssl
import weakref
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

import tricorn

from loop.tls_peers import Echo, serving
from loop.turns import without_collector


class Marker:
    """A local of the frame that an exception passes."""


def is_freed_at_once(loop: asyncio.AbstractEventLoop, attempt: Callable[[], Coroutine[Any, Any, object]]) -> bool:
    """Whether what `attempt` raises is gone when it was caught."""
    markers: list[weakref.ref[Marker]] = []

    async def fail() -> None:
        marker = Marker()
        markers.append(weakref.ref(marker))
        try:
            await attempt()
        except OSError:
            return
        pytest.fail("nothing was raised")

    async def main() -> None:
        await fail()
        await asyncio.sleep(0.01)  # for callbacks that are under way

    gc.collect()
    with without_collector():
        loop.run_until_complete(main())
        return markers[0]() is None


def test_a_refused_connection(loop: tricorn.Loop) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # and does not listen
        port = unused.getsockname()[1]
        assert is_freed_at_once(loop, lambda: loop.create_connection(asyncio.Protocol, "127.0.0.1", port))


def test_a_failed_handshake(loop: tricorn.Loop, server_context: ssl.SSLContext) -> None:
    """As clean as asyncio, whose create_connection() this is: its older versions leave a cycle."""

    async def attempt() -> None:
        context = ssl.create_default_context()  # trusts nobody here
        running = asyncio.get_running_loop()
        async with serving(server_context, Echo) as port:
            await running.create_connection(
                asyncio.Protocol, "127.0.0.1", port, ssl=context, server_hostname="localhost"
            )

    theirs = asyncio.new_event_loop()
    expected = is_freed_at_once(theirs, attempt)
    theirs.close()
    assert is_freed_at_once(loop, attempt) or not expected


def test_a_failed_start_tls(loop: tricorn.Loop, server_context: ssl.SSLContext) -> None:
    async def attempt() -> None:
        context = ssl.create_default_context()
        async with serving(server_context, Echo) as port:
            transport, protocol = await loop.create_connection(asyncio.Protocol, "127.0.0.1", port)
            await loop.start_tls(transport, protocol, context, server_hostname="localhost")

    assert is_freed_at_once(loop, attempt)
