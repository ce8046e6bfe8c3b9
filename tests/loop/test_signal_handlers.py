"""Signal handlers and the wakeup descriptor."""

import os
import signal
import threading

import pytest
import tricorn

from loop.turns import run_turn


def wakeup_fd() -> int:
    """The current wakeup descriptor."""
    fd = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(fd)
    return fd


def test_handlers_run_in_the_loop(loop: tricorn.Loop) -> None:
    log: list[str] = []

    def note(name: str) -> None:
        log.append(name)
        if len(log) == 2:
            loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, note, "usr1")
    loop.add_signal_handler(signal.SIGCHLD, note, "chld")
    loop.call_soon(os.kill, os.getpid(), signal.SIGUSR1)
    loop.call_soon(os.kill, os.getpid(), signal.SIGCHLD)
    loop.run_forever()
    assert sorted(log) == ["chld", "usr1"]
    assert loop.remove_signal_handler(signal.SIGUSR1) is True
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_a_signal_between_two_runs_is_not_lost(loop: tricorn.Loop) -> None:
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    run_turn(loop)
    os.kill(os.getpid(), signal.SIGUSR1)
    loop.run_forever()


def test_removing_the_last_handler_keeps_interrupts_working(loop: tricorn.Loop) -> None:
    def remove_and_sleep() -> None:
        loop.remove_signal_handler(signal.SIGUSR1)
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()

    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.call_soon(remove_and_sleep)
    with pytest.raises(KeyboardInterrupt):
        loop.run_forever()


def test_the_wakeup_descriptor_is_ours_only_while_we_run(loop: tricorn.Loop) -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    seen: list[int] = []
    loop.call_soon(lambda: seen.append(wakeup_fd()))
    run_turn(loop)
    assert seen and seen[0] not in (-1, write_end)
    assert signal.set_wakeup_fd(-1) == write_end
    os.close(read_end)
    os.close(write_end)


def test_the_wakeup_descriptor_is_given_up_before_it_is_closed() -> None:
    """A signal in between would be reported as an exception."""
    seen: list[int] = []

    class Closing(tricorn.Loop):
        def _close_self_pipe(self) -> None:
            seen.append(signal.set_wakeup_fd(-1))
            super()._close_self_pipe()

    loop = Closing()
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.close()
    assert seen == [-1]


def test_other_threads_leave_signals_alone() -> None:
    failures: list[BaseException] = []
    seen: list[int] = []

    def other_thread() -> None:
        loop = tricorn.new_event_loop()
        try:
            loop.add_signal_handler(signal.SIGUSR1, print)
        except RuntimeError as error:
            failures.append(error)
        run_turn(loop)
        loop.close()

    before = wakeup_fd()
    thread = threading.Thread(target=other_thread)
    thread.start()
    thread.join()
    seen.append(wakeup_fd())
    assert len(failures) == 1
    assert seen == [before]


def test_a_loop_with_handlers_that_another_thread_closes_is_closed() -> None:
    """As asyncio's, though the handlers cannot be removed there."""
    failures: list[BaseException] = []

    def close() -> None:
        try:
            loop.close()
        except ValueError as error:
            failures.append(error)

    descriptors = len(os.listdir("/proc/self/fd"))
    loop = tricorn.new_event_loop()
    loop.add_signal_handler(signal.SIGUSR1, print)
    thread = threading.Thread(target=close)
    thread.start()
    thread.join()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGUSR1, signal.SIG_DFL)
    assert loop.is_closed()
    assert len(failures) == 1
    assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_uncatchable_signals_are_refused(loop: tricorn.Loop, number: int) -> None:
    with pytest.raises(RuntimeError, match="cannot be caught"):
        loop.add_signal_handler(number, print)
