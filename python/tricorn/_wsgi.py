"""WSGI (PEP 3333) on ASGI: the app runs in a pool of threads, its requests are relayed in the loop.

    loop     serve() ── submit ──▶ thread    run(): environ, app(environ, start_response), iterate, close()
    loop     relay() ◀── posts ─── thread    head, blocks, "read", the end: a deque, and one wake-up for many of them
    loop     ──── bell, pieces ──▶ thread    a piece of the body; room for more blocks; the client is gone
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

from ._thread_pool import ThreadPool
from ._tricorn import ClientDisconnected
from ._wsgi_call import DONE, END, MOST_UNSENT, READ, Call, Message
from ._wsgi_environ import base_environ
from ._wsgi_files import FileWrapper

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE", "TRACE"})  # as a rule: what they send is read when asked for


class _RequestOver(ClientDisconnected):
    """For an app that keeps its input, or write(), too long. Raised by its class: an instance would gather tracebacks."""

    def __init__(self) -> None:
        super().__init__("the request is over")


class WsgiApp:
    """A WSGI app as an ASGI 3 app to be served on `loop`, by this thread."""

    def __init__(self, app: Callable[..., Any], threads: int, loop: asyncio.AbstractEventLoop) -> None:
        self.app = app
        self.pool = ThreadPool(threads)
        self.environ = base_environ(threads=threads, file_wrapper=FileWrapper)
        self.loop = loop
        self._context = copy_context()
        self._posted: deque[_Request] = deque()
        self._called = False  # the loop was asked to look at _posted, and did not yet

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http":
            return _Request(self, scope, receive, send).serve()
        return _refuse(scope)

    def wake(self, request: _Request) -> None:
        """From any thread: has the loop look at what `request` has posted."""
        self._posted.append(request)
        if not self._called:
            self._called = True
            try:
                self.loop.call_soon_threadsafe(self._wake_posted, context=self._context)
            except RuntimeError:
                pass  # the loop is closed: the worker has given up on this thread

    def _wake_posted(self) -> None:
        self._called = False
        posted = self._posted
        while posted:
            posted.popleft().look()


async def _refuse(scope: Scope) -> None:
    raise RuntimeError(f"a WSGI app has no {scope['type']}")


class _Request(Call):
    """The loop's half of a request."""

    __slots__ = ("_receive", "_send", "_server", "_waiter")

    def __init__(self, server: WsgiApp, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(server.app, server.environ, scope, copy_context())
        self._server, self._receive, self._send = server, receive, send
        self._waiter: asyncio.Future[None] | None = None

    async def serve(self) -> None:
        if self.scope["method"] not in _BODILESS:
            self._peek()
        self._server.pool.submit(self.run)
        try:
            await self._relay()
        except BaseException:
            if self.failure is None:
                self._fail(ClientDisconnected("the request was given up"))  # cancelled: nobody listens any more
            raise
        self.failure = self.failure or _RequestOver

    def _peek(self) -> None:
        """Takes what has come of the body already, so that the thread need not ask for it."""
        if any(name == b"expect" for name, _ in self.scope["headers"]):
            return  # waiting for it would tell the client to go on
        receiving: Any = self._receive()
        try:
            receiving.send(None)
        except StopIteration as stop:
            self._take(stop.value)
        else:
            receiving.close()

    async def _relay(self) -> None:
        """Does what the thread posts until it is done with the request."""
        posts = self.posts
        while True:
            while not posts:
                self._waiter = self._server.loop.create_future()
                await self._waiter
            item = posts.popleft()
            if item is DONE:
                break
            if isinstance(item, BaseException):
                raise item
            if self.failure is None:
                try:
                    await self._do(item)
                except Exception as error:  # the client is gone, or what the app said cannot be sent
                    self._fail(error)
        if self.failure is not None and not isinstance(self.failure, ClientDisconnected):
            raise self.failure

    async def _do(self, item: Any) -> None:
        if type(item) is bytes:
            await self._send_blocks(item)
        elif item is END:
            await self._send({"type": "http.response.body"})
        elif item is READ:
            self._take(await self._receive())
            self._ring()
        else:
            await self._send(item)
            if item["type"] != "http.response.start":
                self.sent_bytes = self._posted_bytes
                self._ring()

    async def _send_blocks(self, block: bytes) -> None:
        """Sends `block` and what follows it, up to a full message: a small response is a single one."""
        posts = self.posts
        more = True
        if posts:
            blocks, size = [block], len(block)
            while posts and size < MOST_UNSENT and type(posts[0]) is bytes:
                blocks.append(posts.popleft())
                size += len(blocks[-1])
            if posts and posts[0] is END:
                posts.popleft()
                more = False
            if len(blocks) > 1:
                block = b"".join(blocks)
        await self._send({"type": "http.response.body", "body": block, "more_body": more})
        self.sent_bytes += len(block)
        self._ring()

    def wake_loop(self) -> None:
        self._server.wake(self)

    def look(self) -> None:
        """The thread has posted something."""
        self.woken = False
        waiter = self._waiter
        if waiter is not None:
            self._waiter = None
            if not waiter.done():
                waiter.set_result(None)

    def _take(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            raise ClientDisconnected("the client has disconnected")
        self.body_complete = not message["more_body"]
        self.pieces.append(message["body"])

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self._ring()

    def _ring(self) -> None:
        if self.waiting and self.bell is not None:
            self.waiting = False
            self.bell.put(None)
