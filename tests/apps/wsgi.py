"""A raw WSGI app: one path per thing that PEP 3333 says. What it notes, GET /notes tells."""

from __future__ import annotations

import contextvars
import io
import itertools
import json
import os
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Callable[[bytes], None]]

notes: list[str] = []
kept: list[Any] = []
variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
gates: dict[str, threading.Event] = {}
TEXT = [("content-type", "text/plain")]


def gate(name: str) -> threading.Event:
    return gates.setdefault(name, threading.Event())


def tell(line: str) -> None:
    """A line of the log in one write: print() in several threads mixes lines and their ends."""
    os.write(1, f"{line}\n".encode())


class Noting:
    """An iterable that notes its end."""

    def __init__(self, name: str, blocks: Iterable[bytes]) -> None:
        self.name, self.blocks = name, blocks

    def __iter__(self) -> Iterator[bytes]:
        yield from self.blocks

    def close(self) -> None:
        notes.append(f"{self.name} closed")


def get_environ(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", [("content-type", "application/json")])
    shown = {name: value if isinstance(value, (str, bool, int)) else repr(value) for name, value in environ.items()}
    return [json.dumps(shown).encode()]


def echo(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    body = environ["wsgi.input"].read()
    start("200 OK", [*TEXT, ("content-length", str(len(body)))])
    return [body]


def count(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The size of the body, read in pieces that are forgotten."""
    size, most = 0, 0
    while piece := environ["wsgi.input"].read(100_000):
        size += len(piece)
        most = max(most, len(piece))
    start("200 OK", TEXT)
    return [f"{size} {most}".encode()]


def lines(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The body by every way of reading, each its own part."""
    source = environ["wsgi.input"]
    read: list[Any] = [source.read(3), source.readline(), source.readline(2), source.readline(), source.readlines(4),
                       next(source), list(source), source.read(), source.readline(), source.read(5)]
    start("200 OK", TEXT)
    return [repr(read).encode()]


def first_line(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answers after one line of the body, while the client still sends."""
    line = environ["wsgi.input"].readline()
    start("200 OK", TEXT)
    yield line
    yield environ["wsgi.input"].read()


def unread(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return [b"not interested"]


def stream(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The second block is asked for when the first has reached the client, who opens the gate."""
    start("200 OK", TEXT)
    yield b"first"
    assert gate("stream").wait(30)
    yield b""
    yield b"second"


def open_gate(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    gate(environ["QUERY_STRING"]).set()
    start("204 No Content", [])
    return []


def writes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    write = start("200 OK", TEXT)
    write(b"written, ")
    write(b"")
    write(b"again, ")
    return Noting("writes", [b"returned"])


def endless(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Blocks of 64 KiB for ever; how many were asked for is noted at the end."""
    start("200 OK", TEXT)
    asked = 0

    def blocks() -> Iterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            if asked == 64:
                notes.append("endless got far")
            yield b"x" * 65536

    return Noting("endless", blocks())


def file(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    opened = tempfile.TemporaryFile()
    opened.write(b"skipped" + b"0123456789" * 100_000)
    opened.seek(7)
    headers = [*TEXT, ("content-length", "1000000")] if environ["QUERY_STRING"] != "chunked" else TEXT
    start("200 OK", headers)
    return environ["wsgi.file_wrapper"](opened, 8192)  # type: ignore[no-any-return]


def memory_file(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    class Closing(io.BytesIO):
        def close(self) -> None:
            notes.append("memory file closed")
            super().close()

    start("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](Closing(b"in memory"))  # type: ignore[no-any-return]


def replaced(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """An error handler replaces the head that was not sent yet."""
    start("200 OK", [("x-first", "1")])
    try:
        raise LookupError("handled")
    except LookupError:
        start("503 Later", [("x-second", "2")], sys.exc_info())
    return [b"sorry"]


def keeps_its_input(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Answers with the length of the traceback when the input of the request before is read, too late."""
    depth = 0
    if kept:
        try:
            kept.pop().read()
        except OSError as error:
            depth = len(traceback.extract_tb(error.__traceback__))
    kept.append(environ["wsgi.input"])
    start("200 OK", TEXT)
    return [str(depth).encode()]


def too_late(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """The head is sent: start_response raises what it was given."""
    start("200 OK", [("content-length", "10")])
    yield b"begun"
    try:
        raise LookupError("too late")
    except LookupError:
        start("500 Oops", [], sys.exc_info())
    yield b"never"


def twice(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", [])
    start("200 OK", [])
    return []


def raises(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    raise LookupError("mistake before the start")


def raises_within(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    def blocks() -> Iterator[bytes]:
        yield b"some"
        raise LookupError("mistake within the body")
    start("200 OK", TEXT)
    return Noting("raises-within", blocks())


def exits(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    sys.exit(3)


def no_start(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    return [b"headless"]


def text(environ: Environ, start: StartResponse) -> Iterable[Any]:
    start("200 OK", [])
    return Noting("text", ["not bytes"])  # type: ignore[list-item]


def nothing(environ: Environ, start: StartResponse) -> Any:
    start("200 OK", [])


def injects(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", [("x-bad", "a\r\nset-cookie: b")])
    return [b"bad"]


def too_long(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", [("content-length", "3")])
    return iter([b"four"])


def too_short(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", [("content-length", "10")])
    return [b"four"]


def context(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    before = variable.get()
    variable.set("set")
    start("200 OK", TEXT)
    yield before.encode()
    yield b" " + variable.get().encode()


def get_notes(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return [json.dumps(notes).encode()]


def wait(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Holds its thread until the gate of the query opens."""
    name = environ["QUERY_STRING"]
    notes.append(f"{name} waits")
    tell(f"{name} waits")
    assert gate(name).wait(60)
    start("200 OK", TEXT)
    return [threading.current_thread().name.encode()]


def sleep(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    tell("sleeps")
    time.sleep(3600)
    return []


def wait_for_file(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """Holds its thread until the file of the query is there."""
    tell("waits for the file")
    while not Path(environ["QUERY_STRING"]).exists():
        time.sleep(0.01)
    start("200 OK", TEXT)
    return [b"the file is there"]


def lists(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return [b"one, ", b"", b"two"]


def status(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start(environ["QUERY_STRING"], [("set-cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [b""]


def pid(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    start("200 OK", TEXT)
    return [str(os.getpid()).encode()]


numbers = itertools.count()


def numbered(environ: Environ, start: StartResponse) -> Iterable[bytes]:
    """How many of these were called before."""
    start("200 OK", TEXT)
    return [str(next(numbers)).encode()]


PATHS: dict[str, Callable[[Environ, StartResponse], Any]] = {
    "/echo": echo, "/count": count, "/lines": lines, "/first-line": first_line, "/unread": unread, "/stream": stream,
    "/open": open_gate, "/writes": writes, "/endless": endless, "/file": file, "/memory-file": memory_file,
    "/replaced": replaced, "/too-late": too_late, "/keeps-its-input": keeps_its_input, "/twice": twice, "/raises": raises, "/raises-within": raises_within,
    "/exits": exits, "/no-start": no_start, "/text": text, "/nothing": nothing, "/injects": injects,
    "/too-long": too_long, "/too-short": too_short, "/context": context, "/notes": get_notes, "/wait": wait,
    "/sleep": sleep, "/wait-for-file": wait_for_file, "/numbered": numbered, "/lists": lists, "/status": status, "/pid": pid,
}


def app(environ: Environ, start_response: StartResponse) -> Any:
    return PATHS.get(environ["PATH_INFO"], get_environ)(environ, start_response)
