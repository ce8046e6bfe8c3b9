"""Probes of P69 to P80: WebSockets. What they notice is noted for /events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from asgi import Handler, Message, Receive, Scope, Send, query
from probes.record import events, gate

ACCEPT: Message = {"type": "websocket.accept"}


async def accept(receive: Receive, send: Send, message: Message = ACCEPT) -> None:
    assert await receive() == {"type": "websocket.connect"}
    await send(message)


def plain(value: Any) -> Any:
    """For JSON: bytes as text."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends each message back; with ?note, notes how the socket ended, at two receive(), and what send() makes of it."""
    await accept(receive, send)
    while (message := await receive())["type"] == "websocket.receive":
        assert set(message) in ({"type", "text"}, {"type", "bytes"}), message
        await send({**message, "type": "websocket.send"})
    if "note" not in query(scope):
        return
    again = await receive()
    events.append(f"{message['code']} {message['reason']!r}{'' if again == message else ' changed'}")
    for late in ({"type": "websocket.send", "text": "late"}, {"type": "websocket.close"}):
        try:
            await send(late)
        except OSError:
            continue
        events.append(f"{late['type']} was accepted")


async def show_scope(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send)
    await send({"type": "websocket.send", "text": json.dumps(plain(scope))})


async def accept_as_asked(scope: Scope, receive: Receive, send: Send) -> None:
    """?subprotocol=...&x=...: the fields of the accept message."""
    fields = query(scope)
    message = {**ACCEPT, "subprotocol": fields.pop("subprotocol", None),
               "headers": [(name.encode(), value.encode()) for name, value in fields.items()]}
    try:
        await accept(receive, send, message)
    except Exception as error:
        events.append(type(error).__name__)
        await send({"type": "websocket.close"})


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send, {"type": "websocket.close", "code": 4000, "reason": "not now"})
    message = await receive()
    events.append(f"{message['type']} {message['code']}")
    try:
        await send({"type": "websocket.send", "text": "late"})
    except RuntimeError:
        events.append("RuntimeError")


async def deny(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send, {"type": "websocket.http.response.start", "status": 401, "headers": [(b"www-authenticate", b"Basic")]})
    for part in (b"not ", b"\x00\xff", b""):
        await send({"type": "websocket.http.response.body", "body": part, "more_body": part != b""})
    events.append((await receive())["type"])


async def deny_too_late(scope: Scope, receive: Receive, send: Send) -> None:
    await accept(receive, send)
    try:
        await send({"type": "websocket.http.response.start", "status": 401, "headers": []})
    except RuntimeError:
        await send({"type": "websocket.send", "text": "RuntimeError"})


async def end(scope: Scope, receive: Receive, send: Send) -> None:
    """?when=before|after|denying &how=raise|return"""
    asked = query(scope)
    if asked["when"] == "after":
        await accept(receive, send)
    elif asked["when"] == "denying":
        await accept(receive, send, {"type": "websocket.http.response.start", "status": 401, "headers": []})
        await send({"type": "websocket.http.response.body", "body": b"cut", "more_body": True})
    if asked["how"] == "raise":
        raise ValueError("as asked")


async def close(scope: Scope, receive: Receive, send: Send) -> None:
    """?code=...&reason=...: closes, notes what it hears of the end, and that it can send no more."""
    await accept(receive, send)
    asked = query(scope)
    try:
        await send({"type": "websocket.close", **({"code": int(asked["code"])} if "code" in asked else {}), "reason": asked.get("reason")})
    except RuntimeError as error:
        events.append(f"refused: {error}")
        return
    try:
        await send({"type": "websocket.send", "text": "late"})
    except RuntimeError:
        events.append("RuntimeError")
    message = await receive()
    events.append(f"{message['type']} {message['code']} {message['reason']!r}")


MISTAKES: dict[str, tuple[Message, type[Exception]]] = {
    "neither": ({"type": "websocket.send"}, ValueError),
    "both": ({"type": "websocket.send", "text": "a", "bytes": b"b"}, ValueError),
    "both None": ({"type": "websocket.send", "text": None, "bytes": None}, ValueError),
    "text of bytes": ({"type": "websocket.send", "text": b"a"}, TypeError),
    "bytes of str": ({"type": "websocket.send", "bytes": "a"}, TypeError),
    "lone surrogate": ({"type": "websocket.send", "text": "\ud800"}, UnicodeEncodeError),
    "accepted twice": (ACCEPT, RuntimeError),
    "message of a request": ({"type": "http.response.start", "status": 200}, RuntimeError),
    "no type": ({"text": "a"}, KeyError),
    "type of bytes": ({"type": b"websocket.send"}, TypeError),
    "code of str": ({"type": "websocket.close", "code": "1000"}, TypeError),
    "reason of bytes": ({"type": "websocket.close", "reason": b"x"}, TypeError),
}


async def make_mistakes(scope: Scope, receive: Receive, send: Send) -> None:
    """Each raises, and the socket works on."""
    await accept(receive, send)
    for name, (message, expected) in MISTAKES.items():
        try:
            await send(message)
        except expected:
            continue
        except Exception as error:
            events.append(f"{name}: {error!r}")
        else:
            events.append(f"{name}: nothing")
    await send({"type": "websocket.send", "text": "still here"})


async def send_kinds(scope: Scope, receive: Receive, send: Send) -> None:
    """Everything that holds bytes; empty messages; the other key None."""
    await accept(receive, send)
    for data in (b"bytes", bytearray(b"bytearray"), memoryview(b"memoryview"), b""):
        await send({"type": "websocket.send", "bytes": data, "text": None})
    for text in ("text", "ü€𝄞", ""):
        await send({"type": "websocket.send", "text": text, "bytes": None})


async def flood(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends until it has to wait, then on until the client is gone."""
    await accept(receive, send)
    waited = asyncio.get_running_loop().call_later(0.5, lambda: events.append("had to wait"))
    try:
        while True:
            await send({"type": "websocket.send", "bytes": b"x" * 65536})
    except OSError:
        events.append("OSError")
    waited.cancel()


async def read_late(scope: Scope, receive: Receive, send: Send) -> None:
    """Receives nothing until the test says so; then tells how much came."""
    await accept(receive, send)
    await gate()
    size = 0
    while (message := await receive()).get("text") != "done":
        size += len(message["bytes"])
    await send({"type": "websocket.send", "text": str(size)})


async def wait_in_every_way(scope: Scope, receive: Receive, send: Send) -> None:
    """Each message names the way in which the next one is waited for; it is answered with what came of that."""
    await accept(receive, send)
    task, waits = asyncio.current_task(), {"plainly": receive, "with a deadline": lambda: asyncio.wait_for(receive(), 60),
                                           "after a sleep": lambda: slept(receive), "in a task": lambda: asyncio.create_task(take(receive))}
    way = "plainly"
    while way != "end":
        try:
            if way == "too long":
                async with asyncio.timeout(0.01):
                    await receive()
            if way == "cancelled":
                task.cancel()
                await receive()
            if way == "twice":
                answers = await asyncio.gather(take(receive), take(receive))
                message = {"text": "".join(sorted(answer["text"] for answer in answers))}
            elif way != "too long":
                message = await waits[way]()
        except (TimeoutError, asyncio.CancelledError) as error:
            task.uncancel()
            message = {"text": type(error).__name__}
        assert asyncio.current_task() is task and not task.done() and task in asyncio.all_tasks()
        await send({"type": "websocket.send", "text": message["text"]})
        way = (await receive())["text"]


async def take(receive: Receive) -> Message:
    return await receive()


async def slept(receive: Receive) -> Message:
    await asyncio.sleep(0.001)
    return await receive()


async def rest(scope: Scope, receive: Receive, send: Send) -> None:
    """Accepts, and neither sends nor receives until the test says so."""
    await accept(receive, send)
    await gate()


ROUTES: dict[str, Handler] = {
    "/ws-echo": echo, "/ws-scope": show_scope, "/ws-accept": accept_as_asked, "/ws-refuse": refuse, "/ws-deny": deny,
    "/ws-deny-late": deny_too_late, "/ws-end": end, "/ws-close": close, "/ws-mistakes": make_mistakes, "/ws-kinds": send_kinds,
    "/ws-flood": flood, "/ws-read-late": read_late, "/ws-rest": rest, "/ws-waits": wait_in_every_way,
}
