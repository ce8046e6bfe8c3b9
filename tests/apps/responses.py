"""A raw ASGI app for what a response can have beside head and body: early hints, trailers, files."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from asgi import Receive, Scope, Send, make_app, query, respond, respond_json


async def start(send: Send, **fields: Any) -> None:
    await send({"type": "http.response.start", "status": 200} | fields)


def length_headers(wanted: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(b"content-length", wanted["length"].encode())] if "length" in wanted else []


async def extensions(scope: Scope, receive: Receive, send: Send) -> None:
    """The extensions; with ?spoil it then changes them in every way."""
    shown = {name: dict(value) for name, value in scope["extensions"].items()}
    if "spoil" in query(scope):
        for value in scope["extensions"].values():
            value["spoiled"] = True
        scope["extensions"]["moved"] = scope["extensions"].pop("http.response.zerocopysend")
    await respond_json(send, shown)


async def hint(scope: Scope, receive: Receive, send: Send) -> None:
    """Two early hints; with ?wait the answer comes only when the client has sent its body."""
    await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload; as=style", b"</b.js>"]})
    await send({"type": "http.response.early_hint", "links": []})
    await send({"type": "http.response.early_hint", "links": (link for link in [b"</c>"])})
    if "wait" in query(scope):
        while (await receive()).get("more_body"):
            pass
    await respond(send, b"hinted")


async def mistakes(scope: Scope, receive: Receive, send: Send) -> None:
    """The error that each wrong message raises; then a good response with trailers."""
    errors: list[list[str]] = []

    async def attempt(message: dict[str, Any]) -> None:
        try:
            await send({"type": f"http.response.{message.pop('kind')}"} | message)
            errors.append(["", ""])
        except Exception as error:  # noqa: BLE001 (it is the result)
            errors.append([type(error).__name__, str(error)])

    await attempt({"kind": "early_hint", "links": [b"a\r\nb: c"]})
    await attempt({"kind": "early_hint", "links": [b"\0"]})
    await attempt({"kind": "early_hint", "links": ["</text>"]})
    await attempt({"kind": "start", "status": 103})
    await attempt({"kind": "start", "status": 101})
    await attempt({"kind": "pathsend", "path": "/"})
    await attempt({"kind": "trailers", "headers": []})
    await start(send, trailers=True)
    await attempt({"kind": "early_hint", "links": [b"</late>"]})
    await attempt({"kind": "trailers", "headers": []})
    await send({"type": "http.response.body", "body": b"."})
    await attempt({"kind": "body", "body": b"more"})
    await attempt({"kind": "pathsend", "path": __file__})
    await attempt({"kind": "trailers", "headers": [(b"content-length", b"1")]})
    await attempt({"kind": "trailers", "headers": [(b"x", b"a\nb")]})
    await send({"type": "http.response.trailers"})
    await attempt({"kind": "trailers"})
    results.append(errors)


results: list[list[list[str]]] = []


async def what_was_raised(scope: Scope, receive: Receive, send: Send) -> None:
    await respond_json(send, results.pop())


async def trailers(scope: Scope, receive: Receive, send: Send) -> None:
    """A body in ?pieces, then trailers in two messages."""
    wanted = query(scope)
    await start(send, trailers=True, headers=length_headers(wanted))
    pieces = wanted.get("pieces", "abc").split(",")
    for number, piece in enumerate(pieces, 1):
        await send({"type": "http.response.body", "body": piece.encode(), "more_body": number < len(pieces)})
    await send({"type": "http.response.trailers", "headers": [(b"x-sum", b"1")], "more_trailers": True})
    await asyncio.sleep(0)
    await send({"type": "http.response.trailers", "headers": [[b"x-end", b"2"]], "more_trailers": False})


async def no_trailers(scope: Scope, receive: Receive, send: Send) -> None:
    """Announces trailers and forgets them."""
    await start(send, trailers=True)
    await send({"type": "http.response.body", "body": b"abc"})


async def path(scope: Scope, receive: Receive, send: Send) -> None:
    """pathsend of ?path, with a content-length if there is a ?length; ?early lets the head leave before."""
    wanted = query(scope)
    await start(send, headers=length_headers(wanted))
    if "early" in wanted:
        await asyncio.sleep(0.01)
    await send({"type": "http.response.pathsend", "path": wanted["path"]})


async def path_or_404(scope: Scope, receive: Receive, send: Send) -> None:
    """A second response in place of a file that cannot be had."""
    await start(send, headers=[(b"content-length", b"1000")])
    try:
        await send({"type": "http.response.pathsend", "path": query(scope)["path"]})
    except OSError as error:
        await respond(send, type(error).__name__.encode(), 404)


async def path_after_body(scope: Scope, receive: Receive, send: Send) -> None:
    await start(send)
    await send({"type": "http.response.body", "body": b"x", "more_body": True})
    await send({"type": "http.response.pathsend", "path": __file__})


async def zerocopy(scope: Scope, receive: Receive, send: Send) -> None:
    """Parts of ?path between body messages: by position, by offset and count, by descriptor; closed at once."""
    await start(send, headers=length_headers(query(scope)))
    positions = []
    with open(query(scope)["path"], "rb") as file:
        file.read(1)  # the reader is ahead in its descriptor now
        await send({"type": "http.response.zerocopysend", "file": file, "count": 3, "more_body": True})
        positions.append(file.tell())
        await send({"type": "http.response.body", "body": b"|", "more_body": True})
        await send({"type": "http.response.zerocopysend", "file": file, "offset": 2, "count": 2, "more_body": True})
        positions.append(file.tell())
    await send({"type": "http.response.body", "body": b"|", "more_body": True})
    descriptor = os.open(query(scope)["path"], os.O_RDONLY)
    os.lseek(descriptor, 5, os.SEEK_SET)
    await send({"type": "http.response.zerocopysend", "file": descriptor, "more_body": True})
    positions.append(os.lseek(descriptor, 0, os.SEEK_CUR))
    await send({"type": "http.response.zerocopysend", "file": descriptor, "offset": 7, "count": 10**9})
    os.close(descriptor)
    results.append([[str(position) for position in positions]])


async def zerocopy_stream(scope: Scope, receive: Receive, send: Send) -> None:
    """The whole of ?path, in pieces of 1 MiB; send() waits for the client."""
    wanted = query(scope)
    await start(send)
    with open(wanted["path"], "rb") as file:
        size = os.fstat(file.fileno()).st_size
        for offset in range(0, size, 1 << 20):
            await send({"type": "http.response.zerocopysend", "file": file, "offset": offset, "count": 1 << 20,
                        "more_body": True})
    await send({"type": "http.response.body"})


async def zerocopy_pipe(scope: Scope, receive: Receive, send: Send) -> None:
    """What a pipe and a negative offset raise."""
    reading, writing = os.pipe()
    await start(send)
    kinds = []
    with tempfile.TemporaryFile() as file:
        for message in ({"file": reading}, {"file": file, "offset": -1}, {"file": object()}, {}):
            try:
                await send({"type": "http.response.zerocopysend", "more_body": True} | message)
            except Exception as error:  # noqa: BLE001 (it is the result)
                kinds.append(type(error).__name__)
    os.close(reading)
    os.close(writing)
    await send({"type": "http.response.body", "body": ",".join(kinds).encode()})


class Acting:
    """A value of a message that acts when it is read: as a flag, a path, a descriptor or an iterable."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def __bool__(self) -> bool:
        self._act()
        return False

    def __fspath__(self) -> str:
        self._act()
        return os.devnull

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        self._act()
        return iter([(b"x-outer", b"1")])


async def nested(scope: Scope, receive: Receive, send: Send) -> None:
    """While a message of ?kind is read, the response is completed by others. What happens to the first is a 500 or nothing."""
    def complete(*, begin: bool = False) -> None:
        if begin:
            send({"type": "http.response.start", "status": 200, "headers": [(b"x-inner", b"1")]})
        send({"type": "http.response.body", "body": b"inner"})

    kind = query(scope)["kind"]
    if kind in ("start", "early_hint"):
        field = Acting(lambda: complete(begin=True))
        await send({"type": f"http.response.{kind}", "status": 200, "headers": field, "links": field})
    elif kind == "trailers":
        await start(send, trailers=True)
        await send({"type": "http.response.body", "body": b"inner"})
        await send({"type": "http.response.trailers",
                    "headers": Acting(lambda: send({"type": "http.response.trailers"}))})
    else:
        await start(send)
        field = Acting(complete)
        with tempfile.TemporaryFile() as file:
            await send({"type": f"http.response.{kind}", "more_body": field, "path": field, "file": file})


async def nested_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """While the fields of a start are read, another start is refused: nothing of it is in the response."""
    def attempt() -> None:
        with suppress(RuntimeError):
            send({"type": "http.response.start", "status": 200, "headers": [(b"x-inner", b"1"), (b"bad", b"\n")]})

    await send({"type": "http.response.start", "status": 200, "headers": Acting(attempt)})
    await send({"type": "http.response.body", "body": b"outer"})


async def vanishing_headers(scope: Scope, receive: Receive, send: Send) -> None:
    """Reading the start runs code that empties the list of fields, which nobody else holds: the flag's, or a pair's."""
    by_flag = query(scope)["by"] == "flag"
    headers: list[Any] = [(b"x-%d" % number, b"value %d" % number) for number in range(20)]

    def pair() -> Iterator[bytes]:
        headers.clear()
        yield b"x-last"
        yield b"1"

    if not by_flag:
        headers.append(pair())
    flag = Acting(headers.clear) if by_flag else False
    await send({"type": "http.response.start", "status": 200, "headers": headers, "trailers": flag})
    await send({"type": "http.response.body", "body": b"sent"})


async def path_too_late(scope: Scope, receive: Receive, send: Send) -> None:
    """The head has left behind an early hint when the file turns out to be missing; the app sends something else."""
    await send({"type": "http.response.early_hint", "links": [b"</a>"]})
    await start(send)
    await asyncio.sleep(0)
    with suppress(FileNotFoundError):
        await send({"type": "http.response.pathsend", "path": "/no/such/file"})
    await send({"type": "http.response.body", "body": b"x-body: 1\r\n\r\n"})


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"refused", 403)


app = make_app({
    "/extensions": extensions, "/hint": hint, "/mistakes": mistakes, "/raised": what_was_raised, "/trailers": trailers,
    "/no-trailers": no_trailers, "/path": path, "/path-or-404": path_or_404, "/path-after-body": path_after_body,
    "/zerocopy": zerocopy, "/zerocopy-stream": zerocopy_stream, "/zerocopy-pipe": zerocopy_pipe, "/refuse": refuse,
    "/nested": nested, "/nested-headers": nested_headers, "/path-too-late": path_too_late,
    "/vanishing-headers": vanishing_headers,
})
