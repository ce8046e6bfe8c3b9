"""Probes of P25 to P45: what an app sends, and what send() and receive() answer to that."""

from __future__ import annotations

import ast
import asyncio
from typing import Any, BinaryIO

from asgi import Handler, Message, Receive, Scope, Send, query, read_body, respond
from probes.record import events, gate

MUTABLE = {"bytearray": bytearray, "memoryview": memoryview, "mutable view": lambda data: memoryview(bytearray(data))}


async def play(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the messages of the request's body, a Python literal. Notes what send() raised, and goes on.

    A body {"bytearray": b"..."} is of that type, and overwritten as soon as send() has returned; a "file" is given by its
    path, and closed then. ?raise lets the exception
    out, ?suspend waits a turn of the loop before each message, ?return and ?fail end the app so.
    """
    script: list[Any] = ast.literal_eval((await read_body(receive)).decode() or "[]")
    for message in script:
        if "suspend" in query(scope):
            await asyncio.sleep(0)
        kept = _with_real_body(message) if isinstance(message, dict) else None
        file = _with_real_file(message) if isinstance(message, dict) else None
        try:
            await send(message)
        except Exception as error:
            events.append(f"{type(error).__name__}: {isinstance(error, OSError)}")
            if "raise" in query(scope):
                raise
        finally:
            if file is not None:
                file.close()
        if isinstance(kept, bytearray):
            kept[:] = b"X" * len(kept)
    if "fail" in query(scope):
        raise LookupError("on purpose")
    if "value" in query(scope):
        return 42  # type: ignore[return-value]


def _with_real_body(message: Message) -> bytearray | None:
    body = message.get("body")
    if not isinstance(body, dict):
        return None
    (kind, data), = body.items()
    message["body"] = MUTABLE[kind](data)
    return message["body"] if kind == "bytearray" else getattr(message["body"], "obj", None)


def _with_real_file(message: Message) -> BinaryIO | None:
    if not isinstance(message.get("file"), str):
        return None
    message["file"] = file = open(message["file"], "rb")
    return file


async def keeps_the_body_open(scope: Scope, receive: Receive, send: Send) -> None:
    """The head must be there before the body is; ?piece sends one before it waits."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    if "piece" in query(scope):
        await send({"type": "http.response.body", "body": b"piece", "more_body": True})
    await gate()
    await send({"type": "http.response.body", "body": b"end"})


async def receives_when_complete(scope: Scope, receive: Receive, send: Send) -> None:
    if "unread" not in query(scope):
        await read_body(receive)
    await respond(send, b"done")
    kinds = {(await receive())["type"] for _ in range(3)}
    events.append(f"{kinds}")


async def receives_beside_its_response(scope: Scope, receive: Receive, send: Send) -> None:
    """As Django: a listener beside the response, cancelled at its end."""
    await read_body(receive)

    async def listen() -> None:
        try:
            events.append((await receive())["type"])
        except asyncio.CancelledError:
            events.append("cancelled")
            raise

    listener = asyncio.create_task(listen())
    await send({"type": "http.response.start", "status": 200})
    for _ in range(10):
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": f"waits: {not listener.done()}".encode(), "more_body": True})
    listener.cancel()
    await asyncio.wait({listener})
    again = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await send({"type": "http.response.body"})
    await again


async def waits_for_the_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Asleep, then told; never cancelled."""
    body = await read_body(receive)
    if "start" in query(scope):
        await send({"type": "http.response.start", "status": 200})
    events.append("waiting")
    kinds = [(await receive())["type"] for _ in range(3)]
    await asyncio.sleep(0)
    events.append(f"{body.decode()} {kinds}")
    try:
        if "start" not in query(scope):
            await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"too late"})
        events.append("sent")
    except OSError as error:
        events.append(type(error).__name__)
        if "raise" in query(scope):
            raise


async def sleeps_through_the_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    """Leaves part of the body unread, so that the server may be deaf; then reads on."""
    await gate()
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message["body"])
    events.append(f"{size} then {message['type']}")


async def floods(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends until it is held up, for as long as that takes."""
    await send({"type": "http.response.start", "status": 200})
    sent = 0
    try:
        while True:
            sending = asyncio.create_task(send({"type": "http.response.body", "body": b"x" * 50_000, "more_body": True}))  # type: ignore[arg-type]
            sent += 50_000
            await asyncio.sleep(0)
            if not sending.done():
                events.append("held up")
            await sending
            if sent >= int(query(scope).get("size", "1000000000")):
                break
    except OSError as error:
        events.append(type(error).__name__)
        return
    await send({"type": "http.response.body"})


ROUTES: dict[str, Handler] = {
    "/play": play, "/keep-open": keeps_the_body_open, "/receive-after": receives_when_complete,
    "/receive-beside": receives_beside_its_response, "/await-disconnect": waits_for_the_disconnect,
    "/sleep": sleeps_through_the_disconnect, "/flood": floods,
}
