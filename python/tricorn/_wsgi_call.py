"""A call of a WSGI app: what its thread does, and what it shares with the loop (_wsgi.py).

A block is in the server's hands before the app is asked for the next one. A thread waits when more than MOST_UNSENT
bytes of it are unsent: a slow client costs a thread, not memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, MutableMapping
from contextvars import Context
from typing import Any

from ._thread_pool import Bell
from ._wsgi_environ import Environ, make_environ
from ._wsgi_files import FileWrapper, file_message
from ._wsgi_input import Input

Message = MutableMapping[str, Any]
Headers = list[tuple[str, str]]

MOST_UNSENT = 64 * 1024


class Mark:
    """What a thread posts besides heads and files (dicts), blocks (bytes) and the exception that ended it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


END = Mark("the response is complete")
READ = Mark("the app waits for the next piece of the request's body")
DONE = Mark("the thread is done with the request")


class Call:
    """The thread's half of a request. Each attribute is written by one side only, which is said beside it."""

    __slots__ = ("_app", "_base", "_context", "_head", "_head_posted", "_posted_bytes", "bell", "body_complete",
                 "failure", "pieces", "posts", "scope", "sent_bytes", "waiting", "woken")

    def __init__(self, app: Callable[..., Any], base: Environ, scope: dict[str, Any], context: Context) -> None:
        self._app, self._base, self._context = app, base, context
        self.scope = scope
        self.posts: deque[Any] = deque()  # thread → loop: Marks, heads, blocks, an exception
        self.woken = False  # thread sets, loop resets: the loop will look at posts
        self.pieces: deque[bytes] = deque()  # loop → thread: of the request's body
        self.body_complete = False  # thread, before it reads; then loop
        self.bell: Bell | None = None  # thread
        self.waiting = False  # thread sets, loop resets: the bell is to ring when anything of the loop's has changed
        self._head: Message | None = None  # thread: what start_response was called with
        self._head_posted = False  # thread
        self._posted_bytes = 0  # thread
        self.sent_bytes = 0  # loop
        self.failure: BaseException | type[BaseException] | None = None  # loop: why nothing more can be sent or received

    def wake_loop(self) -> None:
        """Has the loop look at `posts`."""
        raise NotImplementedError

    def run(self, bell: Bell) -> None:
        self.bell = bell
        outcome: Any = DONE
        if self.failure is None:  # else it was cancelled while it waited for a thread
            try:
                self._context.run(self._run_app)
            except BaseException as error:
                if error is not self.failure:
                    outcome = _without_exit(error)
        self._post(outcome)

    def _run_app(self) -> None:
        environ = make_environ(self.scope, self._base)
        # HTTP/2 frames a body without either.
        if "CONTENT_LENGTH" not in environ and "HTTP_TRANSFER_ENCODING" not in environ and self.scope["http_version"] != "2":
            self.body_complete = True
        environ["wsgi.input"] = Input(self._fetch)
        result = self._app(environ, self._start_response)
        try:
            self._respond(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def _respond(self, result: Any) -> None:
        kind = type(result)
        if kind is list or kind is tuple:
            self._send_whole(result)
        elif kind is FileWrapper and (message := file_message(result, self.scope)):
            self._send_file(message)
        else:
            self._send_each(result)

    def _send_whole(self, blocks: Iterable[bytes]) -> None:
        """All blocks are there: nothing is asked for between them."""
        whole = [_checked(block) for block in blocks]
        self._post_head()
        self.posts.extend(filter(None, whole))
        self._post(END)

    def _send_each(self, result: Iterable[bytes]) -> None:
        try:
            blocks = iter(result)
        except TypeError:
            hint = "; is it an ASGI app? (--interface)" if hasattr(result, "__await__") else ""
            raise TypeError(f"the WSGI app returned {type(result).__name__}, which cannot be iterated{hint}") from None
        only_head = self.scope["method"] == "HEAD"
        for block in blocks:
            if not block:
                continue
            if only_head:
                _checked(block)
                break  # its headers were all that was asked for
            self._write(block)
        self._post_head()
        self._post(END)

    def _send_file(self, message: Message) -> None:
        self._post_head()
        self._posted_bytes += 1
        self._post(message)
        self._wait(lambda: self.sent_bytes == self._posted_bytes)

    def _start_response(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info is not None:
            try:
                if self._head_posted:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None
        elif self._head is not None:
            raise AssertionError("start_response was called twice, the second time without exc_info")
        code = status.partition(" ")[0]
        if len(code) != 3 or not code.isdecimal():
            raise ValueError(f"a WSGI status begins with three digits, as in '200 OK': {status!r}")
        self._head = {
            "type": "http.response.start",
            "status": int(code),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        }
        return self._write

    def _write(self, block: bytes) -> None:
        block = _checked(block)
        if not self._head_posted:
            self._post_head()
        if self.failure is not None:
            raise self.failure
        self._post(block)
        self._posted_bytes += len(block)
        if self._posted_bytes - self.sent_bytes > MOST_UNSENT:
            self._wait(lambda: self._posted_bytes - self.sent_bytes <= MOST_UNSENT)

    def _post_head(self) -> None:
        """The head goes out with the first block, or with the end (PEP 3333)."""
        if self._head_posted:
            return
        if self._head is None:
            raise AssertionError("the WSGI app sends a response without calling start_response")
        self._head_posted = True
        self.posts.append(self._head)

    def _fetch(self) -> bytes:
        """The next piece of the body; b"" at its end."""
        pieces = self.pieces
        while True:
            if pieces:
                if piece := pieces.popleft():
                    return piece
            elif self.body_complete:
                return b""
            else:
                self._post(READ)
                self._wait(lambda: bool(pieces))

    def _post(self, item: Any) -> None:
        self.posts.append(item)
        if not self.woken:
            self.woken = True
            self.wake_loop()

    def _wait(self, may_go_on: Callable[[], bool]) -> None:
        """Until the loop has done what `may_go_on` looks at. Raises what has failed there."""
        assert self.bell is not None
        while True:
            self.waiting = True  # first: the loop may change things at any moment
            if may_go_on():
                return
            if self.failure is not None:
                raise self.failure
            self.bell.get()


def _checked(block: bytes) -> bytes:
    if type(block) is bytes:
        return block
    if not isinstance(block, bytes):
        raise TypeError(f"a WSGI app must yield bytes, not {type(block).__name__}")
    return bytes(block)


def _without_exit(error: BaseException) -> BaseException:
    """What to raise in the loop. SystemExit and the like were meant for the thread, or for nobody."""
    if isinstance(error, Exception):
        return error
    raised = RuntimeError(f"the app raised {error!r}, which ends its request and no more")
    raised.__cause__ = error
    return raised
