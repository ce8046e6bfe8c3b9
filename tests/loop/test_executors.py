"""run_in_executor(): results, failures and cancellation between the loop and a pool of threads."""

import asyncio
import concurrent.futures
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import tricorn

from loop.turns import run, without_collector

Pool = concurrent.futures.ThreadPoolExecutor


def fail(error: BaseException) -> None:
    raise error


def test_results_and_threads() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, divmod, 17, 5) == (3, 2)
        name = await loop.run_in_executor(None, lambda: threading.current_thread().name)
        assert name.startswith("asyncio")
        with Pool(1, "mine") as pool:
            name = await loop.run_in_executor(pool, lambda: threading.current_thread().name)
            assert name == "mine_0"
        futures = [loop.run_in_executor(None, pow, 2, number) for number in range(100)]
        assert all(isinstance(future, asyncio.Future) for future in futures)
        assert await asyncio.gather(*futures) == [2**number for number in range(100)]
        assert await asyncio.to_thread(len, "four") == 4

    run(main())


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError("own"), TimeoutError("late")])
def test_exceptions_are_the_futures(error: BaseException) -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().run_in_executor(None, fail, error)
        await asyncio.wait([future])
        found = future.exception()
        assert (type(found), found.args) == (type(error), error.args)

    run(main())


def test_a_thread_that_wants_to_exit_is_told_of_if_nobody_asks(loop: tricorn.Loop) -> None:
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    async def main() -> None:
        await asyncio.wait([loop.run_in_executor(None, fail, SystemExit(3))])

    loop.run_until_complete(main())
    gc.collect()
    assert [repr(context["exception"]) for context in told] == ["SystemExit(3)"]


def test_exceptions_of_pools_are_told_as_asyncios() -> None:
    async def main() -> None:
        future = asyncio.get_running_loop().run_in_executor(None, fail, concurrent.futures.CancelledError())
        await asyncio.wait([future])
        assert type(future.exception()) is asyncio.CancelledError

    run(main())


def test_what_cannot_be_called_fails_in_the_thread() -> None:
    async def main() -> None:
        with pytest.raises(TypeError, match="not callable"):
            await asyncio.get_running_loop().run_in_executor(None, 5)  # type: ignore[arg-type]

    run(main())


def busy_pool(free: threading.Event) -> Pool:
    """A pool whose only thread waits until `free` is set."""
    pool = Pool(1)
    pool.submit(free.wait)
    return pool


def test_cancelling_takes_back_what_has_not_begun() -> None:
    async def main() -> None:
        free, ran = threading.Event(), threading.Event()
        pool = busy_pool(free)
        future = asyncio.get_running_loop().run_in_executor(pool, ran.set)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        await asyncio.sleep(0)  # the loop tells the pool
        free.set()
        pool.shutdown()
        assert not ran.is_set()

    run(main())


def test_cancelling_what_has_begun_leaves_it_to_end() -> None:
    async def main() -> None:
        begun, free, ended = threading.Event(), threading.Event(), threading.Event()

        def work() -> None:
            begun.set()
            free.wait()
            ended.set()

        future = asyncio.get_running_loop().run_in_executor(None, work)
        while not begun.is_set():
            await asyncio.sleep(0.001)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        free.set()
        await asyncio.get_running_loop().shutdown_default_executor()
        assert ended.is_set()

    run(main())


def test_a_pool_that_is_shut_down_cancels_what_waits_in_it() -> None:
    async def main() -> None:
        free = threading.Event()
        pool = busy_pool(free)
        future = asyncio.get_running_loop().run_in_executor(pool, print)
        pool.shutdown(wait=False, cancel_futures=True)
        free.set()
        with pytest.raises(asyncio.CancelledError):
            await future
        assert future.cancelled()
        with pytest.raises(RuntimeError, match="shutdown"):
            asyncio.get_running_loop().run_in_executor(pool, print)

    run(main())


def test_a_pool_whose_threads_cannot_start_fails_what_waits_in_it() -> None:
    async def main() -> None:
        pool = Pool(1, initializer=fail, initargs=(ValueError("no thread"),))
        with pytest.raises(concurrent.futures.BrokenExecutor):
            await asyncio.get_running_loop().run_in_executor(pool, print)
        pool.shutdown()

    run(main())


def test_submit_may_be_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """As tools do that look into programs: what it is given runs within something else."""
    original = Pool.submit
    instead: list[Callable[[], Any]] = []

    def submit(pool: Any, fn: Any, /, *args: Any, **keywords: Any) -> Any:
        return original(pool, instead.pop() if instead else lambda: fn(*args, **keywords))

    monkeypatch.setattr(Pool, "submit", submit)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, abs, -1) == 1
        instead.append(lambda: "another result")
        assert await loop.run_in_executor(None, abs, -1) == "another result"
        instead.append(lambda: fail(KeyError("another error")))
        with pytest.raises(KeyError):
            await loop.run_in_executor(None, abs, -1)

    run(main())


def test_other_executors_and_debug_mode_go_asyncios_way() -> None:
    class Odd(concurrent.futures.Executor):
        def submit(self, fn: Any, /, *args: Any, **keywords: Any) -> Any:
            future: concurrent.futures.Future[Any] = concurrent.futures.Future()
            future.set_result((fn, args))
            return future

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(Odd(), print, 1) == (print, (1,))
        loop.set_debug(True)
        assert await loop.run_in_executor(None, abs, -1) == 1

        async def coroutine() -> None: ...

        with pytest.raises(TypeError, match="coroutines cannot be used"):
            loop.run_in_executor(None, coroutine)  # type: ignore[arg-type]

    run(main())


def test_after_its_executors_shutdown_a_loop_has_none() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, abs, -1)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="shutdown"):
            loop.run_in_executor(None, abs, -1)

    run(main())


def test_a_loop_closed_meanwhile() -> None:
    loop = tricorn.new_event_loop()
    free, ended = threading.Event(), threading.Event()

    def work() -> None:
        free.wait()
        ended.set()

    pool = Pool(1)
    future = loop.run_in_executor(pool, work)
    loop.close()
    free.set()
    pool.shutdown()
    assert ended.is_set()
    assert not future.done()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_in_executor(pool, work)


def test_nothing_is_kept_of_a_call_that_is_done() -> None:
    class Thing:
        pass

    async def main() -> None:
        loop = asyncio.get_running_loop()
        argument, result = Thing(), Thing()
        alive = [weakref.ref(argument), weakref.ref(result)]
        future = loop.run_in_executor(None, lambda given, result=result: result, argument)
        del argument, result
        await future
        del future
        await loop.run_in_executor(None, abs, 1)  # the thread is through with the first
        await asyncio.sleep(0)
        assert [reference() for reference in alive] == [None, None]

    with without_collector():
        run(main())
