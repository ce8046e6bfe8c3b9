"""resume_task: the later steps of a task at once, when what it waits for comes from C++."""

import asyncio
import contextvars
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
    assert mailbox.put("end") and not task.done()
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
