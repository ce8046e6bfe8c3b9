"""start_task, which runs a task's first step at once."""

import asyncio
import contextvars
import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tricorn

from loop.turns import in_loop, run_turn

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_the_first_step_runs_at_once_as_a_task(loop: tricorn.Loop) -> None:
    log: list[object] = []

    async def main() -> str:
        task = asyncio.current_task()
        log.append((task.get_name(), variable.get(), task in asyncio.all_tasks()))
        variable.set("inside")
        await asyncio.sleep(0)
        log.append(variable.get())
        return "result"

    def start() -> None:
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        task = loop._start_task(main(), context, "request")
        log.append(task.done())
        tasks.append(task)
        log.append(asyncio.current_task())

    tasks: list[asyncio.Task[str]] = []
    in_loop(loop, start)
    assert log == [("request", "given", True), False, None]
    assert loop.run_until_complete(tasks[0]) == "result"
    assert log[-1] == "inside"
    assert variable.get() == "unset"


def test_a_coroutine_that_does_not_wait_is_done_at_once(loop: tricorn.Loop) -> None:
    async def value() -> int:
        return 5

    async def fail() -> None:
        raise ValueError("no")

    def start() -> None:
        for coro in (value(), fail()):
            tasks.append(loop._start_task(coro, contextvars.copy_context(), "request"))

    tasks: list[asyncio.Task[Any]] = []
    in_loop(loop, start)
    assert tasks[0].result() == 5
    assert isinstance(tasks[1].exception(), ValueError)


def test_timeouts_and_cancelling_work_from_the_first_step(loop: tricorn.Loop) -> None:
    async def main() -> str:
        try:
            async with asyncio.timeout(0.001):
                await asyncio.sleep(3600)
        except TimeoutError:
            return "timed out"
        return "slept"

    async def wait() -> None:
        await asyncio.sleep(3600)

    def start() -> None:
        tasks.append(loop._start_task(main(), contextvars.copy_context(), "timeout"))
        tasks.append(loop._start_task(wait(), contextvars.copy_context(), "cancelled"))
        tasks[1].cancel()

    tasks: list[asyncio.Task[Any]] = []
    in_loop(loop, start)
    assert loop.run_until_complete(tasks[0]) == "timed out"
    assert tasks[1].cancelled()


def test_interrupts_of_the_first_step_leave_run_forever(loop: tricorn.Loop) -> None:
    async def interrupt() -> None:
        raise KeyboardInterrupt

    def start() -> None:
        tasks.append(loop._start_task(interrupt(), contextvars.copy_context(), "request"))

    tasks: list[asyncio.Task[None]] = []
    loop.call_soon(start)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()
    assert isinstance(tasks[0].exception(), KeyboardInterrupt)


def test_tasks_started_by_the_first_step_are_queued_as_usual(loop: tricorn.Loop) -> None:
    log: list[str] = []

    async def child() -> None:
        log.append("child")

    async def main() -> None:
        inner = asyncio.create_task(child())
        asyncio.get_running_loop().call_soon(log.append, "call_soon")
        log.append("main")
        await inner

    in_loop(loop, lambda: loop._start_task(main(), contextvars.copy_context(), "request"))
    assert log == ["main"]
    run_turn(loop)
    assert log == ["main", "child", "call_soon"]
    run_turn(loop)


def test_inside_of_a_task_the_first_step_is_queued(loop: tricorn.Loop) -> None:
    log: list[str] = []

    async def child() -> None:
        log.append(asyncio.current_task().get_name())

    async def main() -> None:
        loop._start_task(child(), contextvars.copy_context(), "child")
        log.append("main")
        await asyncio.sleep(0)

    loop.run_until_complete(main())
    in_loop(loop, lambda: loop._start_task(main(), contextvars.copy_context(), "request"))
    run_turn(loop)
    assert log == ["main", "child", "main", "child"]


def test_what_is_no_coroutine_is_refused(loop: tricorn.Loop) -> None:
    with pytest.raises(TypeError, match="a coroutine was expected"):
        loop._start_task(5, contextvars.copy_context(), "request")
    log: list[str] = []
    loop.call_soon(log.append, "not captured")
    run_turn(loop)
    assert log == ["not captured"]


def test_start_task_in_debug_mode(loop: tricorn.Loop) -> None:
    loop.set_debug(True)
    tasks: list[asyncio.Task[int]] = []
    in_loop(loop, lambda: tasks.append(loop._start_task(asyncio.sleep(0, 1), contextvars.copy_context(), "debug")))
    assert loop.run_until_complete(tasks[0]) == 1


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="tasks are in a linked list")
def test_the_registry_of_tasks_is_right_while_tasks_come_and_go(loop: tricorn.Loop) -> None:
    """Its add() is ours: also while somebody iterates over it, when tasks that go must stay until the end."""

    async def main() -> None:
        assert asyncio.all_tasks() == {asyncio.current_task()}
        tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(10)]
        assert asyncio.all_tasks() == {asyncio.current_task(), *tasks}
        registered = iter(getattr(asyncio.tasks, "_scheduled_tasks", None) or asyncio.tasks._all_tasks)
        next(registered)
        await asyncio.gather(*tasks)
        del tasks
        await asyncio.sleep(0)
        tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]
        registered.close()
        assert asyncio.all_tasks() == {asyncio.current_task(), *tasks}
        await asyncio.gather(*tasks)

    loop.run_until_complete(main())
    assert asyncio.all_tasks(loop) == set()


class Requests:
    """Coroutines started by _start_task, one turn each."""

    def __init__(self, loop: tricorn.Loop) -> None:
        self.loop = loop
        self.ids: list[int] = []

    def run(self, main: Callable[[asyncio.Task[Any]], object], name: str = "request") -> Any:
        """Start a coroutine that ends in its first step after main(current task); what _start_task returned."""

        async def request() -> None:
            task = asyncio.current_task()
            self.ids.append(id(task))
            main(task)

        results: list[Any] = []
        in_loop(self.loop, lambda: results.append(self.loop._start_task(request(), contextvars.copy_context(), name)))
        return results[0]


def test_one_task_serves_coroutines_that_do_not_wait(loop: tricorn.Loop) -> None:
    requests = Requests(loop)
    seen: list[object] = []

    def look(task: asyncio.Task[Any]) -> None:
        assert isinstance(task, asyncio.Task) and not task.done() and task in asyncio.all_tasks()
        assert variable.get() == "unset"
        variable.set("set by an earlier request")
        seen.append((task.get_name(), task.get_coro().__name__, task.cancelling()))

    assert requests.run(look, "first") is None
    assert requests.run(look, "second") is None
    assert seen == [("first", "request", 0), ("second", "request", 0)]
    assert len(set(requests.ids)) == 1
    assert asyncio.all_tasks(loop) == set()


@pytest.mark.parametrize(
    ("leave", "times_kept"),
    [
        (lambda task, kept: kept.append(task), 1),
        (lambda task, kept: kept.append(weakref.ref(task)), 1),
        (lambda task, kept: task.add_done_callback(kept.append), 1),
        (lambda task, kept: task.set_name("mine"), 0),
        (lambda task, kept: setattr(task, "user", "mine"), 0),
        (lambda task, kept: (task.cancel(), task.uncancel()), 0),
    ],
    ids=["reference", "weak reference", "callback", "name", "attribute", "cancel"],
)
def test_a_task_that_a_coroutine_left_something_with_serves_no_other(
    loop: tricorn.Loop, leave: Callable[[asyncio.Task[Any], list[Any]], object], times_kept: int
) -> None:
    requests = Requests(loop)
    kept: list[Any] = []
    first = requests.run(lambda task: leave(task, kept))
    assert first is not None and first.done()
    run_turn(loop)
    assert [one() if isinstance(one, weakref.ref) else one for one in kept] == [first] * times_kept

    def look(task: asyncio.Task[Any]) -> None:
        assert task is not first
        assert (task.get_name(), task.cancelling(), hasattr(task, "user")) == ("request", 0, False)

    requests.run(look)


def test_a_task_whose_coroutine_waits_is_its_own_for_good(loop: tricorn.Loop) -> None:
    log: list[object] = []

    async def main(value: str) -> None:
        task = asyncio.current_task()
        variable.set(value)
        log.append(id(task))
        await asyncio.sleep(0)
        assert asyncio.current_task() is task and variable.get() == value and task.get_name() == value

    tasks: list[asyncio.Task[None]] = []

    def start() -> None:
        tasks.extend(loop._start_task(main(name), contextvars.copy_context(), name) for name in ("a", "b"))

    in_loop(loop, start)
    assert asyncio.all_tasks(loop) == set(tasks)
    run_turn(loop)
    assert [task.done() and task.exception() for task in tasks] == [None, None]
    assert len(set(log)) == 2


@pytest.mark.parametrize("awaited", ["future", "task"])
def test_a_cancellation_from_within_the_first_step_reaches_what_is_awaited(loop: tricorn.Loop, awaited: str) -> None:
    log: list[object] = []

    async def main() -> None:
        task = asyncio.current_task()
        task.cancel("enough")
        inner: Any = loop.create_future() if awaited == "future" else asyncio.create_task(asyncio.sleep(3600))
        try:
            await inner
        except asyncio.CancelledError:
            log.append(inner.cancelled() or inner.cancelling())
            raise

    tasks: list[asyncio.Task[None]] = []
    in_loop(loop, lambda: tasks.append(loop._start_task(main(), contextvars.copy_context(), "request")))
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(tasks[0])
    assert log and log[0]


def test_the_context_of_a_task_is_its_coroutines(loop: tricorn.Loop) -> None:
    def look(task: asyncio.Task[Any]) -> None:
        variable.set("seen")
        if sys.version_info >= (3, 12):
            assert task.get_context()[variable] == "seen"

    Requests(loop).run(look)
    assert variable.get() == "unset"


def test_a_loop_that_is_closed_lets_go_of_its_spare_task(loop: tricorn.Loop) -> None:
    seen: list[Any] = []

    def look(task: asyncio.Task[Any]) -> None:
        seen.append(id(task))

    Requests(loop).run(look)
    errors: list[object] = []
    loop.set_exception_handler(lambda loop, context: errors.append(context))
    loop.close()
    assert errors == []


def test_a_task_in_its_own_context_is_collected(loop: tricorn.Loop) -> None:
    task_variable: contextvars.ContextVar[object] = contextvars.ContextVar("task")
    alive: weakref.WeakSet[Any] = weakref.WeakSet()

    async def main() -> None:
        task = asyncio.current_task()
        task_variable.set(task)
        alive.add(task)

    for _ in range(3):
        in_loop(loop, lambda: loop._start_task(main(), contextvars.copy_context(), "request"))
    run_turn(loop)
    gc.collect()
    assert not alive


def test_an_exception_of_the_first_step_outlives_a_cancellation(loop: tricorn.Loop) -> None:
    """As asyncio has it: the task was over before it could be cancelled."""
    async def main() -> None:
        asyncio.current_task().cancel()
        raise ValueError("kept")

    tasks: list[asyncio.Task[None]] = []
    in_loop(loop, lambda: tasks.append(loop._start_task(main(), contextvars.copy_context(), "request")))
    assert repr(tasks[0].exception()) == "ValueError('kept')"


def test_a_task_may_have_any_name(loop: tricorn.Loop) -> None:
    names: list[str] = []

    async def main() -> None:
        asyncio.current_task().set_name("request")
        names.append(asyncio.current_task().get_name())

    in_loop(loop, lambda: loop._start_task(main(), contextvars.copy_context(), "/path"))
    assert names == ["request"]
