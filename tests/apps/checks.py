"""Each route checks one promise of the ASGI contract from inside and answers with what it found."""

from __future__ import annotations

import asyncio
import contextvars
import threading

import anyio
import anyio.to_thread

from asgi import Message, Receive, Scope, Send, make_app, query, read_body, respond, respond_json

marker: contextvars.ContextVar[str] = contextvars.ContextVar("marker", default="clean")
threads: set[int] = set()
finished: list[str] = []


async def context_variable(scope: Scope, receive: Receive, send: Send) -> None:
    """P64: what this request found before it set its own value, here, in a child task and in a callback."""
    found = marker.get()
    marker.set("dirty")
    in_task = await asyncio.create_task(_read_marker())
    in_callback: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: in_callback.set_result(marker.get()))
    await respond_json(send, {"found": found, "in_task": in_task, "in_callback": await in_callback})


async def _read_marker() -> str:
    return marker.get()


async def current_task(scope: Scope, receive: Receive, send: Send) -> None:
    """P65: before and after a suspension the same task, known to all_tasks."""
    before = asyncio.current_task()
    await asyncio.sleep(0)
    after = asyncio.current_task()
    await respond_json(send, {
        "task": before is not None, "same": before is after, "listed": before in asyncio.all_tasks(),
        "loop": asyncio.get_running_loop() is asyncio.get_event_loop(),
        "library": anyio.get_current_task().id == id(after),
    })


async def timeouts(scope: Scope, receive: Receive, send: Send) -> None:
    """P65: asyncio.timeout, wait_for and anyio's cancel scope all end a sleep, and only that."""
    results = {}
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(60)
    except TimeoutError:
        results["timeout"] = True
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.01)
    except TimeoutError:
        results["wait_for"] = True
    with anyio.move_on_after(0.01) as scope_of_anyio:
        await anyio.sleep(60)
    results["anyio"] = scope_of_anyio.cancelled_caught
    async with asyncio.timeout(60):
        results["body"] = len(await read_body(receive))
    await respond_json(send, results)


async def timeout_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    """P67: a cancel scope entered before the first suspension, around receive() itself."""
    with anyio.CancelScope() as outer:
        outer.cancel()
        await anyio.sleep(60)
    await respond_json(send, {"cancelled": outer.cancelled_caught})


async def groups(scope: Scope, receive: Receive, send: Send) -> None:
    """P65: task groups of asyncio and anyio, one child failing."""
    done: list[int] = []

    async def child(number: int) -> None:
        await asyncio.sleep(0.001 * number)
        done.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(5):
            group.create_task(child(number))
    async with anyio.create_task_group() as anyio_group:
        for number in range(5, 10):
            anyio_group.start_soon(child, number)
    failed = False
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(child(60_000))
            raise LookupError
    except* LookupError:
        failed = True
    await respond_json(send, {"done": sorted(done), "failed": failed})


async def worker_thread(scope: Scope, receive: Receive, send: Send) -> None:
    """P68: the idents of all threads that anyio has used so far."""
    threads.add(await anyio.to_thread.run_sync(threading.get_ident))
    await respond_json(send, len(threads))


async def background(scope: Scope, receive: Receive, send: Send) -> None:
    """P48: goes on after its response is complete."""
    await respond(send, b"done")
    await asyncio.sleep(int(query(scope).get("ms", "200")) / 1000)
    finished.append("background")


async def what_finished(scope: Scope, receive: Receive, send: Send) -> None:
    await respond_json(send, finished)


async def concurrent_receive(scope: Scope, receive: Receive, send: Send) -> None:
    """P41: a receive() beside the response blocks, can be cancelled, and the next one works."""
    await read_body(receive)
    waiting = asyncio.create_task(_receive(receive))
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first,", "more_body": True})
    await asyncio.sleep(0.02)
    blocked = not waiting.done()
    waiting.cancel()
    try:
        await waiting
        cancelled = False
    except asyncio.CancelledError:
        cancelled = True
    again = asyncio.create_task(_receive(receive))
    await asyncio.sleep(0.02)
    blocked_again = not again.done()
    await send({"type": "http.response.body", "body": f"{blocked},{cancelled},{blocked_again}".encode()})
    finished.append(f"receive after completion: {(await again)['type']}")


async def _receive(receive: Receive) -> Message:
    return await receive()


async def receive_after_completion(scope: Scope, receive: Receive, send: Send) -> None:
    """P40: at once http.disconnect, as often as asked; send() raises."""
    await read_body(receive)
    await respond(send, b"done")
    kinds = {(await receive())["type"] for _ in range(3)}
    try:
        await send({"type": "http.response.body", "body": b"more"})
        sent = "accepted"
    except RuntimeError:
        sent = "RuntimeError"
    finished.append(f"after completion: {kinds} {sent}")


async def get_body(scope: Scope, receive: Receive, send: Send) -> None:
    """P3: exactly one empty http.request for a GET, of real bytes."""
    message = await receive()
    await respond_json(send, [message["type"], type(message["body"]).__name__, len(message["body"]),
                              message["more_body"], sorted(message)])


async def body_types(scope: Scope, receive: Receive, send: Send) -> None:
    """P26: bytes, bytearray and memoryview, each changed right after send() returned."""
    await send({"type": "http.response.start", "status": 200, "headers": [[b"x-list", b"1"]], "unknown": 1})
    await send({"type": "http.response.body", "body": b"bytes,", "more_body": True})
    for body in (bytearray(b"bytearray,"), memoryview(bytearray(b"memoryview,"))):
        await send({"type": "http.response.body", "body": body, "more_body": True})
        body[:3] = b"XXX"
    await send({"type": "http.response.body"})


async def large_bytearray(scope: Scope, receive: Receive, send: Send) -> None:
    """P26: a large mutable body, overwritten while it may still be in the write queue."""
    body = bytearray(b"a" * 3_000_000)
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    body[:] = b"b" * len(body)
    await send({"type": "http.response.body", "body": body})


async def async_generators(scope: Scope, receive: Receive, send: Send) -> None:
    """An abandoned async generator is closed by the loop's hooks."""
    async def numbers():  # type: ignore[no-untyped-def]
        try:
            yield 1
            yield 2
        finally:
            await asyncio.sleep(0)
            finished.append("generator closed")

    async for _ in numbers():
        break
    await respond(send, b"left")


app = make_app({
    "/context": context_variable, "/current-task": current_task, "/timeouts": timeouts,
    "/timeout-at-once": timeout_at_once, "/groups": groups, "/thread": worker_thread, "/background": background,
    "/finished": what_finished, "/concurrent-receive": concurrent_receive,
    "/receive-after-completion": receive_after_completion, "/get-body": get_body, "/body-types": body_types,
    "/large-bytearray": large_bytearray, "/async-generators": async_generators,
})
