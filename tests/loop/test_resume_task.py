"""resume_task: the later steps of a task at once, when what it waits for comes from C++."""

import asyncio
import contextvars
import sys
from collections.abc import Callable
from typing import Any

import pytest
import tricorn

from loop.turns import in_loop, run_turn

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Mailbox:
    """What the server does for receive(): items come one by one, and a task that waits for one is resumed."""

    def __init__(self, loop: tricorn.Loop) -> None:
        self.loop = loop
        self.task: asyncio.Task[Any] | None = None
        self.items: list[object] = []
        self.future: Any = None
        self.futures: list[object] = []

    def start(self, main: Callable[["Mailbox"], Any]) -> asyncio.Task[Any]:
        in_loop(self.loop, lambda: setattr(self, "task", self.loop._start_task(main(self), contextvars.copy_context(), "request")))
        assert self.task is not None
        return self.task

    def put(self, item: object) -> bool:
        """Whether the task went on at once."""
        self.items.append(item)
        resumed: list[bool] = []
        in_loop(self.loop, lambda: resumed.append(self.loop._resume_task(self.task, self.future)))
        if not resumed[0] and not self.future.done():
            self.future.set_result(None)
        return resumed[0]

    def __await__(self) -> Any:
        while not self.items:
            self.future = self.loop._future_to_await()
            self.futures.append(self.future)
            self.future._asyncio_future_blocking = True
            yield self.future
        return self.items.pop(0)


def test_a_task_that_waits_is_resumed_at_once(loop: tricorn.Loop) -> None:
    seen: list[object] = []

    async def main(mailbox: Mailbox) -> str:
        task = asyncio.current_task()
        while (item := await mailbox) != "end":
            assert asyncio.current_task() is task and task in asyncio.all_tasks()
            seen.append((item, variable.get()))
            variable.set(str(item))
        return "ended"

    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    for item in (1, 2, 3):
        assert mailbox.put(item)
        assert seen[-1] == (item, "unset" if item == 1 else str(item - 1))
    assert len(set(map(id, mailbox.futures))) == 1  # asyncio was told once
    assert mailbox.put("end") and task.done()
    assert loop.run_until_complete(task) == "ended"


@pytest.mark.parametrize("how", ["another task is current", "it waits for something else", "debug mode", "another task"])
def test_a_task_is_resumed_only_where_that_is_right(loop: tricorn.Loop, how: str) -> None:
    async def main(mailbox: Mailbox) -> object:
        if how == "it waits for something else":
            mailbox.future = loop.create_future()
            await asyncio.sleep(0.01)
        return await mailbox

    async def put(mailbox: Mailbox) -> bool:
        mailbox.items.append("item")
        return loop._resume_task(mailbox.task, mailbox.future)

    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    if how == "debug mode":
        loop.set_debug(True)
    if how == "another task is current":
        assert not loop.run_until_complete(put(mailbox))
        mailbox.future.set_result(None)
    elif how == "another task":
        other = loop.create_task(asyncio.sleep(0.01))
        assert not loop._resume_task(other, mailbox.future)
        assert mailbox.put("item")
        loop.run_until_complete(other)
    else:
        assert not mailbox.put("item")
    assert loop.run_until_complete(task) == "item"


def test_a_resumed_step_may_end_in_every_way(loop: tricorn.Loop) -> None:
    async def main(mailbox: Mailbox) -> str:
        try:
            for item in ("timeout", "sleep"):
                assert await mailbox == item
                if item == "sleep":
                    await asyncio.sleep(0.001)
                    continue
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.001):
                        await mailbox
            assert await mailbox == "cancel"
            asyncio.current_task().cancel()
            await mailbox
        except asyncio.CancelledError:
            asyncio.current_task().uncancel()
        assert await mailbox == "raise"
        raise LookupError("its own")

    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    assert mailbox.put("timeout")
    loop.run_until_complete(asyncio.sleep(0.01))  # timed out
    assert mailbox.put("sleep")
    loop.run_until_complete(asyncio.sleep(0.01))
    assert mailbox.put("cancel")
    run_turn(loop)
    run_turn(loop)
    assert mailbox.put("raise")
    with pytest.raises(LookupError, match="its own"):
        loop.run_until_complete(task)
    assert task.cancelling() == 0


def test_a_task_that_is_cancelled_while_it_waits_is_not_resumed(loop: tricorn.Loop) -> None:
    async def main(mailbox: Mailbox) -> None:
        await mailbox

    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    task.cancel("enough")
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)
    assert not mailbox.put("late") and mailbox.items == ["late"]


def test_what_a_resumed_step_waits_for_others_may_wait_for_too(loop: tricorn.Loop) -> None:
    """At once: asyncio is told before anybody else runs."""
    shared = loop.create_future()

    async def main(mailbox: Mailbox) -> object:
        await mailbox
        return await shared

    async def another() -> object:
        return await shared

    mailboxes = [Mailbox(loop) for _ in range(3)]
    tasks = [mailbox.start(main) for mailbox in mailboxes]
    run_turn(loop)

    def put_all() -> None:
        for mailbox in mailboxes:
            mailbox.items.append("item")
            assert loop._resume_task(mailbox.task, mailbox.future)

    plain = loop.create_task(another())
    in_loop(loop, put_all)
    shared.set_result("shared")
    assert loop.run_until_complete(asyncio.gather(*tasks, plain)) == ["shared"] * 4


@pytest.mark.parametrize("how", ["by itself", "right after"])
def test_a_cancellation_of_a_resumed_step_reaches_what_it_awaits(loop: tricorn.Loop, how: str) -> None:
    inner = loop.create_future()

    async def main(mailbox: Mailbox) -> None:
        await mailbox
        if how == "by itself":
            asyncio.current_task().cancel("enough")
        await inner

    def put() -> None:
        mailbox.items.append("item")
        assert loop._resume_task(mailbox.task, mailbox.future)
        if how == "right after":
            task.cancel("enough")

    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    in_loop(loop, put)
    with pytest.raises(asyncio.CancelledError, match="enough"):
        loop.run_until_complete(task)
    assert inner.cancelled()


@pytest.mark.skipif(sys.version_info < (3, 13), reason="uncancel() forgets since 3.13")
def test_a_cancellation_that_a_resumed_step_takes_back_is_none(loop: tricorn.Loop) -> None:
    async def main(mailbox: Mailbox) -> object:
        await mailbox
        asyncio.current_task().cancel()
        asyncio.current_task().uncancel()
        return await mailbox

    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    assert mailbox.put("first")
    mailbox.put("second")
    assert loop.run_until_complete(task) == "second"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are Python 3.12's")
def test_an_eager_task_in_a_resumed_step_waits_by_itself(loop: tricorn.Loop) -> None:
    async def main(mailbox: Mailbox) -> object:
        await mailbox
        child = asyncio.Task(take(mailbox), loop=loop, eager_start=True)
        child.cancel()
        with pytest.raises(asyncio.CancelledError):
            await child
        return await mailbox

    async def take(mailbox: Mailbox) -> object:
        return await mailbox

    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    assert mailbox.put("first")
    run_turn(loop)
    run_turn(loop)
    mailbox.put("second")
    assert loop.run_until_complete(task) == "second"


def test_a_task_is_resumed_so_often_in_a_turn_and_then_others_are(loop: tricorn.Loop) -> None:
    async def main(mailbox: Mailbox) -> None:
        while await mailbox != "end":
            pass

    def put_many() -> None:
        for number in range(1000):
            mailbox.items.append(number)
            if not loop._resume_task(mailbox.task, mailbox.future):
                done.append(number)
                return

    done: list[int] = []
    mailbox = Mailbox(loop)
    task = mailbox.start(main)
    run_turn(loop)
    for _ in range(3):
        in_loop(loop, put_many)
        mailbox.future.set_result(None)
        run_turn(loop)
        run_turn(loop)
    assert done[0] == done[1] == done[2] < 100
    mailbox.put("end")
    loop.run_until_complete(task)
