"""A raw ASGI app for protocol and supervision tests: bodies, streams, delays, identity, errors."""

from __future__ import annotations

import asyncio
import hashlib
import os
from typing import Any

from asgi import Receive, Scope, Send, make_app, query, read_body, respond, respond_json

seen: list[str] = []  # what the app noticed after its client had gone; one worker only


def printable(value: Any) -> Any:
    """The value with its Python types spelled out, so that a test can tell bytes from str over JSON."""
    if isinstance(value, bytes):
        return {"bytes": value.decode("latin-1")}
    if isinstance(value, dict):
        return {key: printable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [printable(item) for item in value]}
    return value if value is None or isinstance(value, str | int | float | bool) else {"repr": repr(value)}


async def scope_as_json(scope: Scope, receive: Receive, send: Send) -> None:
    await respond_json(send, {"type": type(scope).__name__, "scope": printable(scope)})


async def spoil_scope(scope: Scope, receive: Receive, send: Send) -> None:
    """Mutates everything mutable in the scope; the next request must not see it."""
    scope["headers"].append((b"x-spoiled", b"1"))
    scope["spoiled"] = scope["asgi"]["spoiled"] = scope["extensions"]["spoiled"] = scope["state"]["spoiled"] = True
    await respond(send, b"spoiled")


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"Hello, world!")


async def identity(scope: Scope, receive: Receive, send: Send) -> None:
    await respond_json(send, {"pid": os.getpid(), "version": os.environ.get("APP_VERSION", "")})


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, await read_body(receive), content_type=b"application/octet-stream")


async def messages(scope: Scope, receive: Receive, send: Send) -> None:
    """Every receive() message of the body: its keys' types and its length."""
    received = []
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        received.append([message["type"], type(message.get("body")).__name__, len(message.get("body", b"")), more])
    await respond_json(send, received)


async def upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Counts and hashes a body without keeping it; ?slow_ms pauses once in the middle."""
    digest, size, largest, more = hashlib.sha256(), 0, 0, True
    pause_s = int(query(scope).get("slow_ms", "0")) / 1000
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            seen.append(f"upload cut after {size}")
            return
        digest.update(message["body"])
        size += len(message["body"])
        largest = max(largest, len(message["body"]))
        more = message["more_body"]
        if pause_s:
            await asyncio.sleep(pause_s)
            pause_s = 0
    await respond_json(send, {"size": size, "sha256": digest.hexdigest(), "largest": largest})


async def download(scope: Scope, receive: Receive, send: Send) -> None:
    """?size bytes in pieces of ?chunk; with ?length also a content-length."""
    wanted = query(scope)
    left, chunk = int(wanted["size"]), int(wanted.get("chunk", "65536"))
    headers = [(b"content-length", str(left).encode())] if "length" in wanted else []
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    piece = b"x" * chunk
    while left > 0:
        await send({"type": "http.response.body", "body": piece[:left], "more_body": True})
        left -= chunk
    await send({"type": "http.response.body"})


async def pause(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(int(query(scope)["ms"]) / 1000)
    await respond(send, b"rested")


async def status(scope: Scope, receive: Receive, send: Send) -> None:
    """?code, with ?body as body in any case, no content-length: what the server makes of it."""
    wanted = query(scope)
    await send({"type": "http.response.start", "status": int(wanted["code"]), "headers": []})
    await send({"type": "http.response.body", "body": wanted.get("body", "").encode()})


async def chunks(scope: Scope, receive: Receive, send: Send) -> None:
    """Three pieces and an empty one between, without a content-length."""
    await send({"type": "http.response.start", "status": 200})
    for piece in (b"one,", b"", b"two,", b"three"):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


async def stream(scope: Scope, receive: Receive, send: Send) -> None:
    """?pieces of 1 KiB, ?ms apart, without a content-length."""
    wanted = query(scope)
    await send({"type": "http.response.start", "status": 200})
    for _ in range(int(wanted["pieces"])):
        await send({"type": "http.response.body", "body": b"s" * 1024, "more_body": True})
        await asyncio.sleep(int(wanted["ms"]) / 1000)
    await send({"type": "http.response.body"})


async def start_only(scope: Scope, receive: Receive, send: Send) -> None:
    """The head at once, the body when the client is gone: the head must not be kept back."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
    assert (await receive())["type"] == "http.request"
    assert (await receive())["type"] == "http.disconnect"
    seen.append("start_only left")


async def wait_for_disconnect(scope: Scope, receive: Receive, send: Send) -> None:
    await read_body(receive)
    kinds = [(await receive())["type"], (await receive())["type"]]
    seen.append("disconnects: " + ",".join(kinds))


async def send_until_error(scope: Scope, receive: Receive, send: Send) -> None:
    """Streams for ever; notes the class of the error that a vanished client causes."""
    await send({"type": "http.response.start", "status": 200})
    try:
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
    except OSError:
        seen.append("send raised OSError")
        raise


async def what_was_seen(scope: Scope, receive: Receive, send: Send) -> None:
    await respond_json(send, seen)


async def headers(scope: Scope, receive: Receive, send: Send) -> None:
    """A response with duplicates, mixed case and a repeated date; ?bad makes the named header invalid."""
    fields = [(b"Set-Cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"X-Mixed", b"MiXed"), (b"server", b"mine"),
              (b"content-length", b"2")]
    bad = {"name": (b"x\r\ny", b"1"), "value": (b"x", b"1\r\ninjected: 1"), "nul": (b"x", b"a\0b")}
    if (kind := query(scope).get("bad")) is not None:
        fields.append(bad[kind])
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


async def say_close(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"bye", headers=[(b"connection", b"close")])


async def no_body_read(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"refused", 403)


async def block(scope: Scope, receive: Receive, send: Send) -> None:
    """Blocks the whole loop, as a careless app does."""
    import time

    time.sleep(int(query(scope)["ms"]) / 1000)
    await respond(send, b"blocked")


app = make_app({
    "/scope": scope_as_json, "/spoil": spoil_scope, "/hello": hello, "/identity": identity, "/echo": echo,
    "/messages": messages, "/upload": upload, "/download": download, "/pause": pause, "/status": status,
    "/chunks": chunks, "/stream": stream, "/start-only": start_only, "/wait-for-disconnect": wait_for_disconnect,
    "/send-until-error": send_until_error, "/seen": what_was_seen, "/headers": headers, "/say-close": say_close,
    "/no-body-read": no_body_read, "/block": block,
})
