"""Subprocesses: their end, what protocols see of it, and signals."""

import asyncio
import os
import signal
import subprocess
from typing import Any

import pytest
import tricorn

from loop.children import PIPE, SLEEP, record, status_of
from loop.turns import run


@pytest.mark.usefixtures("_how")
@pytest.mark.parametrize(
    ("script", "returncode"),
    [("exit 0", 0), ("exit 1", 1), ("exit 255", 255), ("kill -9 $$", -9), ("kill $$", -15), ("kill -ABRT $$", -6)],
)
def test_the_return_code_tells_the_status_or_the_signal(script: str, returncode: int) -> None:
    assert run(status_of(script)) == returncode


@pytest.mark.usefixtures("_how")
def test_every_waiter_gets_the_return_code_and_a_cancelled_one_does_no_harm() -> None:
    async def main() -> list[int]:
        child = await asyncio.create_subprocess_exec(*SLEEP)
        waiters = [asyncio.create_task(child.wait()) for _ in range(3)]
        cancelled = asyncio.create_task(child.wait())
        await asyncio.sleep(0)
        cancelled.cancel()
        child.kill()
        assert (await asyncio.gather(cancelled, return_exceptions=True))[0].__class__ is asyncio.CancelledError
        return [*(await asyncio.gather(*waiters)), await child.wait()]

    assert run(main()) == [-9] * 4


def test_the_protocol_hears_of_output_ends_exit_and_loss_in_that_order() -> None:
    async def main() -> list[Any]:
        transport, protocol = await record("/bin/sh", "-c", "echo out; echo err >&2", stdout=PIPE, stderr=PIPE)
        await protocol.lost
        transport.close()
        return protocol.calls

    calls = run(main())
    assert calls[0] == "made"
    assert calls[-2:] == ["exited", "lost"]
    assert [call for call in calls if call[0] == 1] == [(1, b"out\n"), (1, None)]
    assert [call for call in calls if call[0] == 2] == [(2, b"err\n"), (2, None)]


def test_without_pipes_the_protocol_hears_of_exit_and_loss() -> None:
    async def main() -> list[Any]:
        transport, protocol = await record("/bin/true")
        assert protocol.calls == ["made"]
        await protocol.lost
        transport.close()
        return protocol.calls

    assert run(main()) == ["made", "exited", "lost"]


def test_the_transport_tells_of_its_child() -> None:
    async def main() -> None:
        transport, protocol = await record(*SLEEP, stdout=PIPE)
        child = transport.get_extra_info("subprocess")
        assert isinstance(child, subprocess.Popen)
        assert transport.get_pid() == child.pid
        assert child.args == SLEEP
        assert (transport.get_returncode(), child.returncode) == (None, None)
        assert f"pid={child.pid} running stdout=" in repr(transport)
        assert transport.get_pipe_transport(0) is None
        assert transport.get_pipe_transport(1) is not None
        assert transport.get_protocol() is protocol
        assert not transport.is_closing()
        transport.kill()
        await protocol.lost
        assert (transport.get_returncode(), child.returncode) == (-9, -9)
        assert f"pid={child.pid} returncode=-9" in repr(transport)
        transport.close()
        assert transport.is_closing()

    run(main())


@pytest.mark.usefixtures("_how")
def test_signals_reach_the_child_until_it_is_gone() -> None:
    async def main() -> None:
        script = "trap 'echo usr1' USR1; trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done"
        child = await asyncio.create_subprocess_shell(script, stdout=PIPE)
        assert child.stdout is not None
        assert await child.stdout.readline() == b"ready\n"
        child.send_signal(signal.SIGUSR1)
        assert await child.stdout.readline() == b"usr1\n"
        child.terminate()
        assert await child.wait() == 7
        assert await child.stdout.read() == b""
        for send in (child.terminate, child.kill, lambda: child.send_signal(0)):
            with pytest.raises(ProcessLookupError):
                send()

    run(main())


@pytest.mark.usefixtures("_how")
def test_signals_to_a_child_that_is_gone_do_nothing_while_its_pipes_are_open() -> None:
    async def main() -> None:
        child = await asyncio.create_subprocess_shell("sleep 60 & echo $!; exit 3", stdout=PIPE)
        assert child.stdout is not None
        grandchild = int(await child.stdout.readline())
        assert await child.wait() == 3
        for send in (child.terminate, child.kill, lambda: child.send_signal(0)):
            send()
        os.kill(grandchild, signal.SIGKILL)
        assert await child.stdout.read() == b""
        with pytest.raises(ProcessLookupError):
            child.kill()

    run(main())


@pytest.mark.usefixtures("_how")
def test_a_child_reaped_by_somebody_else_has_no_status_and_gets_no_signal(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> int:
        transport, protocol = await record(*SLEEP)
        os.kill(transport.get_pid(), signal.SIGTERM)
        os.waitpid(transport.get_pid(), 0)
        monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("the number may be another process's by now"))
        transport.close()
        await protocol.lost
        return transport.get_returncode()

    assert run(main()) == 255
    assert "exit status already read" in caplog.text


def test_signalling_a_child_reaped_by_somebody_else_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        transport, protocol = await record(*SLEEP)
        os.kill(transport.get_pid(), signal.SIGTERM)
        os.waitpid(transport.get_pid(), 0)
        monkeypatch.setattr(os, "kill", lambda *_: pytest.fail("the number may be another process's by now"))
        transport.kill()
        await protocol.lost
        transport.close()

    run(main())


@pytest.mark.usefixtures("_how", "_sigchld")
def test_with_sigchld_ignored_there_is_an_end_but_no_status(caplog: pytest.LogCaptureFixture) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    assert run(status_of("exit 3")) == 255
    assert run(status_of("sleep 0.05; exit 3")) == 255
    assert "exit status already read" in caplog.text


@pytest.mark.usefixtures("_how")
def test_the_popen_object_may_be_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> int:
        transport, protocol = await record("/bin/sh", "-c", "exit 4")
        assert transport.get_extra_info("subprocess").wait() == 4
        await protocol.lost
        transport.close()
        return transport.get_returncode()

    assert run(main()) == 4
    assert not caplog.records


@pytest.mark.usefixtures("_how")
def test_close_kills_a_running_child() -> None:
    async def main() -> tuple[list[Any], int]:
        transport, protocol = await record(*SLEEP, stdin=PIPE, stdout=PIPE)
        transport.close()
        await protocol.lost
        return protocol.calls, transport.get_returncode()

    calls, returncode = run(main())
    assert returncode == -9
    assert sorted(calls[1:3]) == [(0, None), (1, None)]
    assert calls[3:] == ["exited", "lost"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("pipes", [{}, {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}])
def test_a_loop_closed_before_its_child_ends(pipes: dict[str, int]) -> None:
    loop = tricorn.new_event_loop()
    child = loop.run_until_complete(asyncio.wait_for(start_on(loop, pipes), 60))
    loop.close()
    with pytest.warns(ResourceWarning, match="unclosed transport <SubprocessTransport pid=.* running"):
        child._transport.__del__()  # as the end of the last reference does
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # killed, and not reaped behind Popen's back
    assert child._transport.get_extra_info("subprocess").wait() == -9


async def start_on(loop: tricorn.Loop, pipes: dict[str, int]) -> Any:
    """A child that sleeps."""
    return await asyncio.create_subprocess_exec(*SLEEP, **pipes)


def test_an_unclosed_transport_is_warned_of_and_its_child_killed() -> None:
    async def main() -> int:
        transport, protocol = await record(*SLEEP)
        with pytest.warns(ResourceWarning, match="unclosed transport"):
            transport.__del__()
        await protocol.lost
        return transport.get_returncode()

    assert run(main()) == -9


@pytest.mark.usefixtures("_sigchld")
@pytest.mark.parametrize("by_loop", [False, True])
def test_a_sigchld_handler_of_the_program_is_left_alone(by_loop: bool) -> None:
    seen: list[object] = []

    async def main() -> None:
        if by_loop:
            asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, seen.append, None)
        else:
            signal.signal(signal.SIGCHLD, lambda *_: seen.append(None))
        handler = signal.getsignal(signal.SIGCHLD)
        assert await status_of("exit 5") == 5
        assert signal.getsignal(signal.SIGCHLD) is handler
        await asyncio.sleep(0)

    run(main())
    assert seen
