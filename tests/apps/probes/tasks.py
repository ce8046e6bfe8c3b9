"""Probes of P64 to P68: the task and the context that a request runs in, seen from inside the app.

A probe returns what it found, each finding True when it is as it should be. With ?suspend the request has been suspended
before, without it runs in the task's first step: there must be no difference.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import threading
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread

from asgi import Handler, Receive, Scope, Send, query, read_body, respond, respond_json
from probes.record import events

Findings = dict[str, bool]

mark: contextvars.ContextVar[str] = contextvars.ContextVar("mark", default="clean")
threads: set[int] = set()
alive: weakref.WeakSet[Any] = weakref.WeakSet()  # things that a request has let go of
keyed: weakref.WeakKeyDictionary[asyncio.Task[Any], str] = weakref.WeakKeyDictionary()
parked: dict[str, asyncio.Task[Any]] = {}


def probe(check: Callable[[Scope], Awaitable[Findings]]) -> Handler:
    async def handler(scope: Scope, receive: Receive, send: Send) -> None:
        if "suspend" in query(scope):
            await asyncio.sleep(0)
        await read_body(receive)
        await respond_json(send, await check(scope))
    return handler


def current() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


# --- P65, P67: the task ---------------------------------------------------------------------------------------------------
async def task_is_real(scope: Scope) -> Findings:
    task = current()
    others = asyncio.all_tasks() - {task}
    keyed[task] = scope["path"]
    return {
        "is a Task": isinstance(task, asyncio.Task),
        "is itself each time": task is asyncio.current_task(),
        "of this loop": task.get_loop() is asyncio.get_running_loop() is asyncio.get_event_loop(),
        "running": not task.done() and not task.cancelled() and task.cancelling() == 0,
        "listed": task in asyncio.all_tasks() and task not in others,
        "no finished task listed": not any(other.done() for other in others),
        "named": scope["path"] in task.get_name(),
        "weakly referable": weakref.ref(task)() is task,
        "key of a weak dictionary": keyed[task] == scope["path"] and list(keyed) == [task],
        "hashable": {task: 1}[task] == 1 and task == current(),
        "has a coroutine": inspect.isawaitable(task.get_coro()),
        "has a repr": scope["path"] in repr(task),
        "has a stack": isinstance(task.get_stack(), list),
        "no result yet": _raises(asyncio.InvalidStateError, task.result),
        "anyio knows it": anyio.get_current_task().id == id(task),
        "anyio works": await _anyio_checkpoint(),
        "the same afterwards": task is asyncio.current_task() and keyed[task] == scope["path"],
    }


def _raises(kind: type[Exception], call: Callable[[], object]) -> bool:
    try:
        call()
    except kind:
        return True
    return False


async def _anyio_checkpoint() -> bool:
    await anyio.lowlevel.checkpoint()
    return True


async def task_can_be_renamed(scope: Scope) -> Findings:
    task = current()
    before = task.get_name()
    task.set_name("renamed")
    return {"own name first": before != "renamed", "renamed": task.get_name() == "renamed" and "renamed" in repr(task)}


async def task_in_a_callback(scope: Scope) -> Findings:
    """Callbacks run outside of any task, and in a copy of the context they were made in."""
    loop = asyncio.get_running_loop()
    mark.set("mine")
    seen: list[object] = []
    reached = loop.create_future()
    loop.call_soon(lambda: seen.append((asyncio.current_task(), mark.get())))
    loop.call_later(0, lambda: reached.set_result(mark.get()))
    before = list(seen)
    in_timer = await reached
    return {"not at once": before == [], "no task": seen == [(None, "mine")], "in a timer": in_timer == "mine"}


async def task_is_done_at_last(scope: Scope, receive: Receive, send: Send) -> None:
    """Done-callbacks run once, with the task itself, in the context asked for."""
    if "suspend" in query(scope):
        await asyncio.sleep(0)
    task, context = current(), contextvars.copy_context()
    context.run(mark.set, "of the callback")

    def done(finished: asyncio.Task[Any]) -> None:
        good = finished is task and task.done() and not task.cancelled() and task.result() is None
        events.append(f"done: {good} {task.exception()} {mark.get()} {asyncio.current_task()}")

    task.add_done_callback(done, context=context)
    task.add_done_callback(_never)
    task.remove_done_callback(_never)
    await respond(send, b"sent")


def _never(task: asyncio.Task[Any]) -> None:
    events.append("a removed callback ran")


# --- P65: timeouts, scopes, groups -------------------------------------------------------------------------------------------
async def timeouts(scope: Scope) -> Findings:
    found = {}
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)
    except TimeoutError:
        found["asyncio.timeout"] = current().cancelling() == 0
    try:
        await asyncio.wait_for(asyncio.sleep(60), 0.001)
    except TimeoutError:
        found["wait_for"] = True
    async with asyncio.timeout(60):
        found["wait_for in time"] = await asyncio.wait_for(_value("x"), 60) == "x"
    with anyio.move_on_after(0.001) as passed:
        await anyio.sleep(60)
    found["move_on_after"] = passed.cancelled_caught
    with anyio.CancelScope() as cancelled:
        cancelled.cancel()
        await anyio.sleep(60)
    found["cancel scope"] = cancelled.cancelled_caught
    with anyio.move_on_after(0.001), anyio.CancelScope(shield=True):
        await anyio.sleep(0.005)
        found["shield"] = True
    done, _ = await asyncio.wait({asyncio.create_task(_value("y"))}, timeout=60)
    found["wait"] = [task.result() for task in done] == ["y"]
    found["not cancelled"] = current().cancelling() == 0
    return found


async def _value(value: str) -> str:
    return value


async def groups(scope: Scope) -> Findings:
    done: list[int] = []

    async def child(number: int) -> None:
        await asyncio.sleep(0)
        done.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(child(number))
    async with anyio.create_task_group() as anyio_group:
        for number in range(3, 6):
            anyio_group.start_soon(child, number)
    found = {"all ran": sorted(done) == list(range(6))}
    for make in (asyncio.TaskGroup, anyio.create_task_group):
        try:
            async with make() as failing:
                _start(failing, _sleep_for_ever)
                raise LookupError
        except* LookupError:
            found[f"{make.__qualname__} ends its children"] = current().cancelling() == 0
    found["gather"] = await asyncio.gather(_value("a"), _value("b")) == ["a", "b"]
    return found


def _start(group: Any, function: Callable[[], Any]) -> None:
    group.start_soon(function) if hasattr(group, "start_soon") else group.create_task(function())


async def _sleep_for_ever() -> None:
    await asyncio.sleep(3600)


async def children_go_on(scope: Scope, receive: Receive, send: Send) -> None:
    """A task made in a request outlives it."""
    mark.set(scope["path"])

    async def child() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        events.append(f"child of {mark.get()}")

    task = asyncio.create_task(child())
    parked[task.get_name()] = task
    task.add_done_callback(lambda task: parked.pop(task.get_name()))
    await respond(send, b"left")


# --- P65: cancellation by the app itself ------------------------------------------------------------------------------------
async def cancels_and_goes_on(scope: Scope) -> Findings:
    task = current()
    task.cancel("by itself")
    counted = task.cancelling() == 1
    try:
        await asyncio.sleep(0)
        caught = ""
    except asyncio.CancelledError as error:
        caught = str(error)
    return {"counted": counted, "caught": caught == "by itself", "taken back": task.uncancel() == 0}


async def cancels_after_answering(scope: Scope, receive: Receive, send: Send) -> None:
    """Its task ends cancelled although the app returned."""
    task = current()
    task.add_done_callback(lambda task: events.append(f"cancelled: {task.cancelled()}"))
    await respond(send, b"answered")
    task.cancel()


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """Parks its task where /cancel finds it, waiting in ?where."""
    parked["waiting"] = current()
    await read_body(receive)
    if query(scope)["where"] == "receive":
        await receive()
    elif query(scope)["where"] == "send":
        await send({"type": "http.response.start", "status": 200})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    else:
        await _sleep_for_ever()


async def cancels_the_other(scope: Scope, receive: Receive, send: Send) -> None:
    while "waiting" not in parked or current() is parked["waiting"]:
        await asyncio.sleep(0)
    other = parked.pop("waiting")
    other.cancel()
    await asyncio.wait({other})
    await respond_json(send, {"done": other.done(), "swallowed": not other.cancelled()})


async def leaves(scope: Scope, receive: Receive, send: Send) -> None:
    if "suspend" in query(scope):
        await asyncio.sleep(0)
    raise {"SystemExit": SystemExit(7), "KeyboardInterrupt": KeyboardInterrupt()}[query(scope)["by"]]


# --- P67: what receive() and send() return can be used as a coroutine ---------------------------------------------------------
async def receive_in_tasks(scope: Scope, receive: Receive, send: Send) -> None:
    if "suspend" in query(scope):
        await asyncio.sleep(0)
    first = await asyncio.create_task(receive())  # type: ignore[arg-type]
    found = {"create_task": first["type"] == "http.request", "awaitable": inspect.isawaitable(unused := receive())}
    unused.close()  # type: ignore[attr-defined]
    while first["more_body"]:
        first = await asyncio.ensure_future(receive())
    try:
        await asyncio.wait_for(receive(), 0.001)
    except TimeoutError:
        found["wait_for"] = True
    try:
        async with asyncio.timeout(0.001):
            await receive()
    except TimeoutError:
        found["timeout"] = True
    with anyio.move_on_after(0.001):
        await receive()
    pending = asyncio.gather(receive(), return_exceptions=True)
    await asyncio.sleep(0)
    found["waits"] = not pending.done()
    pending.cancel()
    await asyncio.gather(send({"type": "http.response.start", "status": 200}))
    await asyncio.wait_for(send({"type": "http.response.body", "body": repr(found).encode()}), 60)


# --- P64: the context ------------------------------------------------------------------------------------------------------------
async def context(scope: Scope) -> Findings:
    """Every request begins in a clean context, its own, which its children inherit."""
    found = mark.get()
    mark.set("dirty")
    token = mark.set("dirtier")
    mark.reset(token)
    in_child = await asyncio.create_task(_read_mark())
    in_thread = await asyncio.to_thread(mark.get)
    in_anyio_thread = await anyio.to_thread.run_sync(mark.get)
    copied = contextvars.copy_context()
    return {"clean at first": found == "clean", "kept": mark.get() == "dirty", "in a child": in_child == "dirty",
            "in a thread": in_thread == "dirty", "in anyio's thread": in_anyio_thread == "dirty",
            "children change their own": mark.get() == "dirty", "copied": copied[mark] == "dirty",
            "of the lifespan": from_lifespan.get() == "set at startup",
            "the task's own": not hasattr(current(), "get_context") or current().get_context()[mark] == "dirty"}


async def _read_mark() -> str:
    found = mark.get()
    mark.set("of the child")
    return found


from_lifespan: contextvars.ContextVar[str] = contextvars.ContextVar("from_lifespan", default="unset")


async def context_after_response(scope: Scope, receive: Receive, send: Send) -> None:
    """Its background work goes on while the connection's next request runs: neither sees the other's values."""
    before = mark.get()
    await respond(send, before.encode())
    mark.set("in the background")
    for _ in range(20):
        await asyncio.sleep(0)
    events.append(f"background: {mark.get()}")


# --- P66, P68 -----------------------------------------------------------------------------------------------------------------------
class Witness:
    """Something that a request holds on to until it is gone."""


async def let_go(scope: Scope, receive: Receive, send: Send) -> None:
    """What the requests before held is gone, without the cyclic collector."""
    gc.disable()
    left = len(alive)
    if "suspend" in query(scope):
        await asyncio.sleep(0)
    scope["witness"] = witness = Witness()
    alive.update({witness, current()})
    if "raise" in query(scope):
        raise LookupError("on purpose")
    await read_body(receive)
    await respond(send, str(left).encode())


async def worker_threads(scope: Scope, receive: Receive, send: Send) -> None:
    threads.add(await anyio.to_thread.run_sync(threading.get_ident))
    back = await anyio.to_thread.run_sync(anyio.from_thread.run, _value, "from the thread")
    await respond_json(send, {"threads": len(threads), "back": back})


ROUTES: dict[str, Handler] = {
    "/task": probe(task_is_real), "/rename": probe(task_can_be_renamed), "/callback": probe(task_in_a_callback),
    "/done": task_is_done_at_last, "/timeouts": probe(timeouts), "/groups": probe(groups),
    "/children": children_go_on, "/cancel-itself": probe(cancels_and_goes_on),
    "/cancel-after-answer": cancels_after_answering, "/wait": waits, "/cancel": cancels_the_other, "/leave": leaves,
    "/receive-in-tasks": receive_in_tasks, "/context": probe(context), "/context-after": context_after_response,
    "/let-go": let_go, "/threads": worker_threads,
}
