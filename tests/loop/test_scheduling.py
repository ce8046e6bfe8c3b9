"""call_soon, call_later, call_at and call_soon_threadsafe: order, time, cancelling, contexts, arguments."""

import asyncio
import contextvars
import math
import threading

import pytest
import tricorn

from loop.turns import run, run_turn


def test_call_soon_runs_in_order_one_turn_later(loop: tricorn.Loop) -> None:
    log: list[str] = []

    def first() -> None:
        log.append("first")
        loop.call_soon(log.append, "next turn")

    loop.call_soon(first)
    loop.call_soon(log.append, "second")
    assert log == []
    run_turn(loop)
    assert log == ["first", "second"]
    run_turn(loop)
    assert log == ["first", "second", "next turn"]


def test_stop_finishes_the_turn(loop: tricorn.Loop) -> None:
    log: list[str] = []
    loop.call_soon(loop.stop)
    loop.call_soon(log.append, "after stop")
    loop.run_forever()
    assert log == ["after stop"]


@pytest.mark.parametrize("count", [0, 1, 3, 4, 40])
def test_any_number_of_arguments(loop: tricorn.Loop, count: int) -> None:
    seen: list[tuple[object, ...]] = []
    arguments = tuple(object() for _ in range(count))
    handle = loop.call_soon(lambda *a: seen.append(a), *arguments)
    assert handle._args == arguments
    run_turn(loop)
    assert seen == [arguments]


def test_a_timer_shows_when_as_aiohttp_looks_for_it(loop: tricorn.Loop) -> None:
    handle = loop.call_at(loop.time() + 60, print)
    assert handle._when == handle.when()  # type: ignore[attr-defined]
    handle.cancel()


def test_keywords_are_those_of_asyncio(loop: tricorn.Loop) -> None:
    log: list[str] = []
    loop.call_soon(callback=lambda: log.append("soon"))
    loop.call_later(delay=0, callback=lambda: log.append("later"))
    loop.call_at(when=0, callback=lambda: log.append("at"))
    run_turn(loop)
    assert log == ["soon", "later", "at"]


@pytest.mark.parametrize(
    ("method", "arguments", "keywords", "message"),
    [
        ("call_soon", (), {}, "missing required argument 'callback'"),
        ("call_later", (1,), {}, "missing required argument 'callback'"),
        ("call_later", (), {"callback": print}, "missing required argument 'delay'"),
        ("call_soon", (print,), {"callback": print}, "multiple values for argument 'callback'"),
        ("call_soon", (print,), {"colour": 1}, "unexpected keyword argument 'colour'"),
        ("call_later", (None, print), {}, "delay must not be None"),
        ("call_at", (None, print), {}, "when must not be None"),
        ("call_at", ("soon", print), {}, "must be real number"),
    ],
)
def test_wrong_calls_are_type_errors(
    loop: tricorn.Loop, method: str, arguments: tuple[object, ...], keywords: dict[str, object], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        getattr(loop, method)(*arguments, **keywords)


def test_not_a_number_is_no_time(loop: tricorn.Loop) -> None:
    with pytest.raises(ValueError, match="NaN"):
        loop.call_later(math.nan, print)


def test_callbacks_run_in_the_context_of_their_caller(loop: tricorn.Loop) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")
    log: list[str] = []
    other = contextvars.copy_context()
    other.run(variable.set, "other")
    variable.set("here")
    loop.call_soon(lambda: log.append(variable.get()))
    loop.call_soon(lambda: log.append(variable.get()), context=other)
    loop.call_soon(lambda: variable.set("lost"))
    loop.call_later(0, lambda: log.append(variable.get()), context=None)
    variable.set("changed later")
    run_turn(loop)
    assert log == ["here", "other", "here"]
    assert variable.get() == "changed later"


def test_cancelled_handles_do_not_run(loop: tricorn.Loop) -> None:
    log: list[str] = []
    soon = loop.call_soon(log.append, "soon")
    timer = loop.call_later(0.001, log.append, "timer")
    for handle in (soon, timer):
        assert not handle.cancelled()
        handle.cancel()
        handle.cancel()
        assert handle.cancelled()
        assert handle._callback is None
    loop.call_later(0.002, loop.stop)
    loop.run_forever()
    assert log == []


def test_a_callback_may_cancel_its_own_handle(loop: tricorn.Loop) -> None:
    log: list[object] = []

    def cancel_me(argument: object) -> None:
        handle.cancel()
        log.append(argument)

    handle = loop.call_soon(cancel_me, ["kept alive by the call"])
    run_turn(loop)
    assert log == [["kept alive by the call"]]


def test_timers_run_by_time_and_never_early(loop: tricorn.Loop) -> None:
    log: list[float] = []
    due = []
    for delay in (0.012, 0.003, 0.0071, 0.0002):
        when = loop.time() + delay
        due.append(when)
        loop.call_at(when, lambda when=when: log.append(loop.time() - when))
    loop.call_later(0.015, loop.stop)
    loop.run_forever()
    assert len(log) == len(due)
    assert all(late >= 0 for late in log)


def test_no_short_timer_is_slept_through() -> None:
    """A timer that is due before the loop gets to its poll must still end it: many tries, to meet the moment."""

    async def sleep_often() -> None:
        for _ in range(300):
            await asyncio.sleep(1e-5)

    threads = [threading.Thread(target=lambda: run(sleep_often()), daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads)


def test_timers_due_at_the_same_time_keep_their_order(loop: tricorn.Loop) -> None:
    log: list[int] = []
    when = loop.time() + 0.001
    for i in range(20):
        loop.call_at(when, log.append, i)
    loop.call_at(when, loop.stop)
    loop.run_forever()
    assert log == list(range(20))


def test_a_delay_that_is_over_keeps_its_place_among_call_soon(loop: tricorn.Loop) -> None:
    log: list[str] = []
    loop.call_soon(log.append, "a")
    timer = loop.call_later(0, log.append, "b")
    loop.call_later(-5, log.append, "c")
    loop.call_soon(log.append, "d")
    assert timer.when() <= loop.time()
    run_turn(loop)
    assert log == ["a", "b", "c", "d"]


def test_far_timers_do_not_wake_the_loop(loop: tricorn.Loop) -> None:
    for when in (math.inf, 1e300, 9e9, loop.time() + 1e6):
        loop.call_at(when, pytest.fail)
    loop.call_later(0.002, loop.stop)
    loop.run_forever()


def test_many_cancelled_timers_are_swept(loop: tricorn.Loop) -> None:
    class Target:
        def __call__(self) -> None:
            pytest.fail("cancelled")

    for _ in range(1000):
        loop.call_later(3600, Target()).cancel()
    log: list[str] = []
    loop.call_later(0.001, log.append, "live")
    loop.call_later(0.002, loop.stop)
    loop.run_forever()
    assert log == ["live"]


def test_timer_handles_compare_by_time(loop: tricorn.Loop) -> None:
    early, late = loop.call_at(1e9, print), loop.call_at(2e9, print)
    assert early < late and late > early and early <= late and late >= early
    assert early != late and early == early
    assert early == loop.call_at(1e9, print)
    assert early != loop.call_at(1e9, print, 1)
    assert hash(early) == hash(1e9)
    assert early.when() == 1e9
    with pytest.raises(TypeError):
        _ = early < 1


def test_repr_names_the_callback(loop: tricorn.Loop) -> None:
    handle = loop.call_soon(print)
    timer = loop.call_at(1e9, print)
    assert repr(handle) == "<Handle print()>"
    assert repr(timer) == "<TimerHandle when=1000000000.0 print()>"
    timer.cancel()
    assert repr(timer) == "<TimerHandle cancelled when=1000000000.0>"


def test_threads_wake_a_sleeping_loop(loop: tricorn.Loop) -> None:
    asleep = threading.Event()
    log: list[int] = []

    def other_thread() -> None:
        asleep.wait()
        for i in range(1000):
            loop.call_soon_threadsafe(log.append, i)
        loop.call_soon_threadsafe(loop.stop)

    thread = threading.Thread(target=other_thread)
    thread.start()
    loop.call_soon(asleep.set)
    loop.run_forever()
    thread.join()
    assert log == list(range(1000))


def test_threads_run_while_the_loop_is_busy_in_native_code(loop: tricorn.Loop) -> None:
    ran = threading.Event()
    thread = threading.Thread(target=ran.set)
    calls = iter(range(50_000_000))

    def again() -> None:
        if ran.is_set():
            loop.stop()
        else:
            next(calls)
            loop.call_soon(again)

    thread.start()
    loop.call_soon(again)
    loop.run_forever()
    thread.join()
    assert ran.is_set()


def test_a_closed_loop_takes_nothing(loop: tricorn.Loop) -> None:
    loop.close()
    loop.close()
    assert loop.is_closed()
    for call in (
        lambda: loop.call_soon(print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.call_later(1, print),
        lambda: loop.call_at(1, print),
        lambda: loop.add_reader(0, print),
        loop.run_forever,
    ):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            call()
    assert loop.remove_reader(0) is False


def test_debug_mode_checks_thread_and_callback(loop: tricorn.Loop) -> None:
    loop.set_debug(True)

    async def coroutine() -> None: ...

    with pytest.raises(TypeError, match=r"coroutines cannot be used with call_soon\(\)"):
        loop.call_soon(coroutine)
    with pytest.raises(TypeError, match="a callable object was expected by call_later"):
        loop.call_later(1, 5)
    failures: list[BaseException] = []

    def other_thread() -> None:
        try:
            loop.call_soon(print)
        except RuntimeError as error:
            failures.append(error)
        loop.call_soon_threadsafe(loop.stop)

    loop.call_soon(lambda: threading.Thread(target=other_thread).start())
    loop.run_forever()
    assert "Non-thread-safe operation" in str(failures[0])


def test_debug_mode_records_where_handles_come_from(loop: tricorn.Loop) -> None:
    loop.set_debug(True)
    handle = loop.call_later(5, print, "kept in repr")
    assert handle._source_traceback[-1].name == "test_debug_mode_records_where_handles_come_from"
    handle.cancel()
    assert "print('kept in repr')" in repr(handle) and "created at" in repr(handle)
