"""Leaves grandchildren behind that nobody waits for, ending in every way."""

from __future__ import annotations

import os
import signal

from asgi import Receive, Scope, Send, accept_lifespan, respond


def leave_orphan(number: int) -> None:
    """A double fork: the grandchild becomes a child of the next subreaper."""
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            if number % 4 == 3:
                signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # a sanitizer may have it
                os.kill(os.getpid(), signal.SIGSEGV)
            os._exit((0, 3, 4)[number % 4])
        os._exit(0)
    os.waitpid(child, 0)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await accept_lifespan(receive, send)
        return
    if scope["path"] == "/":
        for number in range(20):
            leave_orphan(number)
    await respond(send, b"20 orphans")
