"""Nothing leaks: callbacks, arguments, contexts, tasks and loops go when they are done with."""

import asyncio
import contextvars
import gc
import os
import resource
import subprocess
import sys
import weakref
from contextlib import suppress
from pathlib import Path

import pytest
import tricorn

from loop.turns import run, run_turn, without_collector


class Thing:
    """Something that can be watched for being freed."""

    def __call__(self, *_: object) -> None: ...

    def fail(self) -> None:
        raise ValueError("no")


def test_a_handle_that_ran_holds_nothing(loop: tricorn.Loop) -> None:
    callback, argument, value = Thing(), Thing(), Thing()
    alive = weakref.WeakSet([callback, argument, value])
    variable: contextvars.ContextVar[Thing] = contextvars.ContextVar("variable")
    context = contextvars.Context()
    context.run(variable.set, value)
    handles = [
        loop.call_soon(callback, argument, 2, 3, 4, context=context),
        loop.call_later(0, callback, argument, context=context),
        loop.call_later(0.001, callback, argument, context=context),
    ]
    del callback, argument, value, context
    loop.call_later(0.002, loop.stop)
    loop.run_forever()
    assert len(alive) == 0
    assert len(handles) == 3


def test_a_cancelled_handle_holds_nothing(loop: tricorn.Loop) -> None:
    callback, argument = Thing(), Thing()
    alive = weakref.WeakSet([callback, argument])
    handles = [loop.call_soon(callback, argument), loop.call_later(3600, callback, argument)]
    del callback, argument
    for handle in handles:
        handle.cancel()
    assert len(alive) == 0


def test_a_failed_handle_holds_nothing(loop: tricorn.Loop) -> None:
    thing = Thing()
    alive = weakref.WeakSet([thing])
    loop.set_exception_handler(lambda *_: None)
    handle = loop.call_soon(thing.fail)
    del thing
    run_turn(loop)
    assert len(alive) == 0
    assert handle._callback is None


@pytest.mark.parametrize("delay_s", [0, 3600])
def test_handles_can_be_referenced_weakly(loop: tricorn.Loop, delay_s: float) -> None:
    """As asyncio's."""
    handle = loop.call_later(delay_s, print) if delay_s else loop.call_soon(print)
    gone: list[object] = []
    reference = weakref.ref(handle, gone.append)
    assert reference() is handle
    handle.cancel()
    del handle
    loop.close()
    assert reference() is None and gone == [reference]


def test_closing_drops_what_is_scheduled() -> None:
    loop = tricorn.new_event_loop()
    thing = Thing()
    alive = weakref.WeakSet([thing])
    soon, timer = loop.call_soon(thing), loop.call_later(3600, thing)
    del thing
    loop.close()
    assert len(alive) == 0
    soon.cancel()
    timer.cancel()


def test_handles_outlive_their_loop() -> None:
    loop = tricorn.new_event_loop()
    handles = [loop.call_soon(print), loop.call_later(3600, print)]
    loop.close()
    del loop
    gc.collect()
    for handle in handles:
        handle.cancel()
        assert handle.cancelled()
        assert "Handle" in repr(handle)


def test_code_that_runs_while_closing_finds_a_closed_loop() -> None:
    class Late:
        def __call__(self) -> None: ...

        def __del__(self) -> None:
            try:
                loop.call_soon(print)
            except RuntimeError as error:
                errors.append(str(error))

    errors: list[str] = []
    loop = tricorn.new_event_loop()
    loop.call_soon(Late())
    loop.call_later(5, Late())
    loop.close()
    assert errors == ["Event loop is closed"] * 2


def test_a_closed_loop_is_freed_without_the_collector() -> None:
    gc.collect()
    with without_collector():
        loop = tricorn.new_event_loop()
        run_turn(loop)
        loop.close()
        alive = weakref.ref(loop)
        del loop
        assert alive() is None


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_an_unclosed_loop_in_a_cycle_is_collected_with_its_callbacks() -> None:
    thing = Thing()
    alive = weakref.WeakSet([thing])
    loop = tricorn.new_event_loop()
    thing.loop = loop  # type: ignore[attr-defined]
    loop.call_soon(thing)
    loop.call_later(3600, print, thing)
    loop.set_task_factory(thing)
    del thing, loop
    gc.collect()
    assert len(alive) == 0


def test_an_unclosed_loop_warns() -> None:
    loop = tricorn.new_event_loop()
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        del loop
        gc.collect()


def test_loops_give_their_descriptors_back() -> None:
    def use_one() -> None:
        async def main() -> None:
            await asyncio.to_thread(int)
            server = await asyncio.start_server(lambda _, w: w.close(), "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.close()
            await writer.wait_closed()
            server.close()
            await server.wait_closed()

        run(main())

    use_one()
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        use_one()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_loop_that_cannot_be_made_leaves_no_descriptors() -> None:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = len(os.listdir("/proc/self/fd"))
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 2, limit[1]))
    fillers: list[int] = []
    failed = 0
    try:
        with suppress(OSError):
            while True:
                fillers.append(os.dup(0))
        while fillers:
            try:
                tricorn.new_event_loop().close()
                break
            except OSError:
                failed += 1
                os.close(fillers.pop())
    finally:
        for filler in fillers:
            os.close(filler)
        resource.setrlimit(resource.RLIMIT_NOFILE, limit)
    gc.collect()
    assert failed > 0
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_million_of_everything_does_not_grow_memory() -> None:
    script = """
import asyncio, contextvars, tricorn

def run(main):
    with asyncio.Runner(loop_factory=tricorn.new_event_loop) as runner:
        runner.run(main)

async def step():
    for _ in range(200):
        await asyncio.gather(*[asyncio.sleep(0) for _ in range(20)])
        asyncio.get_running_loop().call_later(3600, print, object()).cancel()
        await asyncio.sleep(1e-6)
        await asyncio.to_thread(int)
        try:
            async with asyncio.timeout(1e-4):
                await asyncio.sleep(1)
        except TimeoutError:
            pass

def start(loop):
    async def nothing():
        await asyncio.sleep(0)
    for _ in range(2000):
        loop._start_task(nothing(), contextvars.copy_context(), "t")

async def rounds(count):
    for _ in range(count):
        await step()
        asyncio.get_running_loop().call_soon(start, asyncio.get_running_loop())
    await asyncio.sleep(0.01)

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

run(rounds(2))
before = peak()
run(rounds(10))
print(peak() - before)
"""
    # Not getrusage(): its peak begins with that of the process that forked. ASan keeps what is freed, by default.
    options = ":".join(["quarantine_size_mb=0:thread_local_quarantine_size_kb=0", os.environ.get("ASAN_OPTIONS", "")])
    environment = {**os.environ, "PYTHONPATH": str(Path(tricorn.__file__).parents[1]), "ASAN_OPTIONS": options}
    command = [sys.executable, "-c", script]
    grown_kib = int(subprocess.run(command, env=environment, check=True, capture_output=True).stdout)
    assert grown_kib < 1024


def test_a_cycle_through_the_context_of_a_callback_is_collected(loop: tricorn.Loop) -> None:
    variable: contextvars.ContextVar[Thing] = contextvars.ContextVar("variable")
    alive: weakref.WeakSet[Thing] = weakref.WeakSet()

    def remember() -> None:
        thing = Thing()
        alive.add(thing)
        thing.token = variable.set(thing)  # type: ignore[attr-defined]  # which refers to the context

    loop.call_soon(remember)
    loop.call_later(0, remember)
    run_turn(loop)
    gc.collect()
    assert len(alive) == 0


@pytest.mark.parametrize("shown", [False, True])
@pytest.mark.filterwarnings("ignore:unclosed event loop")
def test_a_lost_loop_is_collected_with_the_contexts_of_what_waits_in_it(shown: bool) -> None:
    variable: contextvars.ContextVar[object] = contextvars.ContextVar("variable")

    def lose_a_loop() -> weakref.ref[tricorn.Loop]:
        loop = tricorn.new_event_loop()
        variable.set(loop)
        handles = [loop.call_soon(print), loop.call_later(3600, print)]
        if shown:
            loop.contexts = [handle.get_context() for handle in handles]  # type: ignore[attr-defined]
        return weakref.ref(loop)

    lost = contextvars.copy_context().run(lose_a_loop)
    gc.collect()
    assert lost() is None
