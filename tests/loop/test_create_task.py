"""create_task: its arguments, its factory, and which class of tasks it makes."""

import asyncio
import contextvars
import subprocess
import sys
from typing import Any

import pytest
import tricorn

from loop.turns import in_loop

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


def test_create_task_takes_name_and_context(loop: tricorn.Loop) -> None:
    async def read() -> str:
        return variable.get()

    context = contextvars.copy_context()
    context.run(variable.set, "given")
    task = loop.create_task(read(), name="reader", context=context)
    assert type(task) is asyncio.Task
    assert task.get_name() == "reader"
    assert loop.run_until_complete(task) == "given"


def test_create_task_asks_the_factory(loop: tricorn.Loop) -> None:
    calls: list[dict[str, Any]] = []

    def factory(for_loop: asyncio.AbstractEventLoop, coro: Any, **keywords: Any) -> asyncio.Task[Any]:
        calls.append(keywords)
        return asyncio.Task(coro, loop=for_loop, **keywords)

    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    task = loop.create_task(asyncio.sleep(0, "slept"), name="named")
    started = []
    in_loop(
        loop, lambda: started.append(loop._start_task(asyncio.sleep(0, 1), contextvars.copy_context(), "started"))
    )
    assert len(calls) == 2
    assert (task.get_name(), started[0].get_name()) == ("named", "started")
    assert loop.run_until_complete(task) == "slept"
    assert loop.run_until_complete(started[0]) == 1


def test_create_task_makes_what_asyncio_calls_a_task(loop: tricorn.Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """As nest_asyncio and debuggers replace it; before tricorn is imported as well as later."""
    pure_python: type = asyncio.tasks._PyTask  # type: ignore[attr-defined]
    monkeypatch.setattr(asyncio.tasks, "Task", pure_python)

    async def main() -> str:
        await asyncio.sleep(0)
        return "ran"

    task = loop.create_task(main(), name="a name")
    assert type(task) is pure_python
    assert (task.get_name(), loop.run_until_complete(task)) == ("a name", "ran")


def test_the_loop_is_imported_after_asyncios_task_was_replaced() -> None:
    code = f"""
import asyncio, sys
sys.path[:] = {sys.path!r}
asyncio.Task = asyncio.tasks.Task = asyncio.tasks._CTask = asyncio.tasks._PyTask
asyncio.Future = asyncio.futures.Future = asyncio.futures._CFuture = asyncio.futures._PyFuture
import tricorn
with asyncio.Runner(loop_factory=tricorn.new_event_loop) as runner:
    assert runner.run(asyncio.sleep(0, "ran")) == "ran"
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_create_task_refuses_what_is_no_coroutine(loop: tricorn.Loop) -> None:
    with pytest.raises(TypeError, match="a coroutine was expected"):
        loop.create_task(5)
    with pytest.raises(TypeError):
        loop.create_task()
    loop.close()
    coro = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.create_task(coro)
    coro.close()
