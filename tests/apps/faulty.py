"""An app that makes every mistake an ASGI app can make; each must cost one request and one line in the log."""

from __future__ import annotations

import asyncio

from asgi import Message, Receive, Scope, Send, make_app, query, respond, respond_json

START: Message = {"type": "http.response.start", "status": 200, "headers": []}
BAD_MESSAGES: dict[str, list[Message]] = {
    "body-first": [{"type": "http.response.body", "body": b"x"}],
    "unknown-type": [{"type": "http.response.nonsense"}],
    "no-type": [{}],
    "status-str": [{"type": "http.response.start", "status": "200"}],
    "status-missing": [{"type": "http.response.start"}],
    "status-range": [{"type": "http.response.start", "status": 1000}],
    "header-str": [{**START, "headers": [("x", "y")]}, {"type": "http.response.body"}],
    "header-newline-name": [{**START, "headers": [(b"x\r\ny", b"1")]}, {"type": "http.response.body"}],
    "header-newline-value": [{**START, "headers": [(b"x", b"1\r\ny: 2")]}, {"type": "http.response.body"}],
    "header-nul": [{**START, "headers": [(b"x", b"a\0b")]}, {"type": "http.response.body"}],
    "header-shape": [{**START, "headers": [b"xy"]}, {"type": "http.response.body"}],
}
AFTER_START: dict[str, list[Message]] = {
    "start-twice": [START, {"type": "http.response.body", "body": b"a", "more_body": True}, START],
    "body-str": [START, {"type": "http.response.body", "body": "text"}],
    "too-long": [{**START, "headers": [(b"content-length", b"3")]}, {"type": "http.response.body", "body": b"12345"}],
    "too-short": [{**START, "headers": [(b"content-length", b"9")]}, {"type": "http.response.body", "body": b"12345"}],
}


async def bad_message(scope: Scope, receive: Receive, send: Send) -> None:
    for message in (BAD_MESSAGES | AFTER_START)[query(scope)["kind"]]:
        await send(message)


async def raise_before_start(scope: Scope, receive: Receive, send: Send) -> None:
    raise LookupError("mistake before start")


async def raise_after_sleep(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(0.01)
    raise LookupError("mistake after a suspension")


async def raise_after_start(scope: Scope, receive: Receive, send: Send) -> None:
    await send({**START, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"part", "more_body": True})
    raise LookupError("mistake in the middle")


async def return_without_start(scope: Scope, receive: Receive, send: Send) -> None:
    return


async def return_incomplete(scope: Scope, receive: Receive, send: Send) -> None:
    await send(START)
    await send({"type": "http.response.body", "body": b"part", "more_body": True})


async def return_value(scope: Scope, receive: Receive, send: Send) -> int:
    await respond(send, b"fine")
    return 42


async def raise_after_response(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, b"fine")
    raise LookupError("mistake after the response")


async def cancel_itself(scope: Scope, receive: Receive, send: Send) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(60)


async def fine(scope: Scope, receive: Receive, send: Send) -> None:
    await respond_json(send, "fine")


app = make_app({
    "/bad-message": bad_message, "/raise": raise_before_start, "/raise-after-sleep": raise_after_sleep,
    "/raise-after-start": raise_after_start, "/return": return_without_start, "/return-incomplete": return_incomplete,
    "/return-value": return_value, "/raise-after-response": raise_after_response, "/cancel-itself": cancel_itself,
    "/fine": fine,
})
