"""Probes of P1 to P24: what of a request reaches the app, and when."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import raw
from asgi import Handler, Receive, Scope, Send, query, read_body, respond, respond_json, say
from probes.record import events, gate


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """The scope and the body as they came."""
    body = await read_body(receive)
    await respond_json(send, {"scope": raw.printable(scope), "body": body.decode("latin-1")})


async def messages(scope: Scope, receive: Receive, send: Send) -> None:
    """Every message of the body: type, class of the bytes, the bytes, more_body."""
    received: list[list[Any]] = []
    while not received or received[-1][3]:
        message = await receive()
        received.append([message["type"], type(message["body"]).__name__, message["body"].decode(), message["more_body"]])
    await respond_json(send, received)


async def notes_messages(scope: Scope, receive: Receive, send: Send) -> None:
    """Takes messages until the client is gone, and notes them: more_body False would be "complete"."""
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            events.append("complete")
    events.append(f"{body.decode()} then {message['type']} then {(await receive())['type']}")


async def starts_before_it_reads(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200})
    await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": await read_body(receive)})


async def reads_at_the_gate(scope: Scope, receive: Receive, send: Send) -> None:
    """Is busy while the body comes; then notes how many messages it took, of what size."""
    await gate()
    sizes = deque[int]()
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        sizes.append(len(message["body"]))
    await respond_json(send, list(sizes))


async def answers_at_the_gate(scope: Scope, receive: Receive, send: Send) -> None:
    await gate()
    await respond(send, scope["path"].encode())


async def stays_after_its_answer(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"answered")
    await gate()
    events.append("background done")
    say("background done")


async def listens_then_answers(scope: Scope, receive: Receive, send: Send) -> None:
    """Hears of the end of the client's input, and answers all the same."""
    body = await read_body(receive)
    await send({"type": "http.response.start", "status": 200})
    heard = (await receive())["type"]
    await send({"type": "http.response.body", "body": body + b", then " + heard.encode()})


async def stops_reading(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers while most of the body has not come, or has not been read."""
    if "read" in query(scope):
        await receive()
    await respond(send, b"enough", 403)


ROUTES: dict[str, Handler] = {
    "/mirror": mirror, "/hello": raw.hello, "/rest": raw.pause, "/spoil": raw.spoil_scope, "/messages": messages, "/note": notes_messages,
    "/start-first": starts_before_it_reads, "/read-late": reads_at_the_gate, "/answer-late": answers_at_the_gate,
    "/stay": stays_after_its_answer, "/listen": listens_then_answers, "/refuse": stops_reading,
}
