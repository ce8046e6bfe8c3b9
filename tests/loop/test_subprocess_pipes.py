"""Subprocesses' pipes, many children at once, failing starts, and what is left of them all."""

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tricorn

from loop.children import DEVNULL, PIPE, SLEEP, STDOUT, is_alive, open_descriptors, record, status_of
from loop.turns import run, without_collector


def test_much_data_goes_through_all_three_pipes() -> None:
    data = os.urandom(3_000_000)
    program = """
import sys, threading
data = sys.stdin.buffer.read()
thread = threading.Thread(target=sys.stderr.buffer.write, args=(data[::-1],))
thread.start()
sys.stdout.buffer.write(data)
thread.join()
"""

    async def main() -> tuple[bytes, bytes]:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        output, errors = await child.communicate(data)
        assert child.returncode == 0
        return output, errors

    output, errors = run(main())
    assert output == data
    assert errors == data[::-1]


def test_files_descriptors_and_the_null_device_as_pipes() -> None:
    async def main() -> None:
        with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
            source.write(b"from a file")
            source.seek(0)
            assert await status_of("cat; echo error >&2", stdin=source, stdout=target.fileno(), stderr=STDOUT) == 0
            target.seek(0)
            assert target.read() == b"from a fileerror\n"
        assert await status_of("test ! -s /dev/stdin && echo gone", stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL) == 0
        child = await asyncio.create_subprocess_shell("echo a; echo b >&2", stdout=PIPE, stderr=STDOUT)
        assert await child.communicate() == (b"a\nb\n", None)

    run(main())


def test_a_child_that_closes_its_pipes_before_it_ends() -> None:
    async def main() -> list[Any]:
        script = "exec <&- >&- 2>&-; while ! test -e $0; do sleep 0.01; done; exit 3"
        with tempfile.TemporaryDirectory() as folder:
            flag = Path(folder, "flag")
            transport, protocol = await record("/bin/sh", "-c", script, str(flag), stdin=PIPE, stdout=PIPE, stderr=PIPE)
            while len(protocol.calls) < 4:
                await asyncio.sleep(0.005)
            assert transport.get_returncode() is None
            flag.touch()
            await protocol.lost
        assert transport.get_returncode() == 3
        transport.close()
        return protocol.calls

    calls = run(main())
    assert {call[0] for call in calls[1:4]} == {0, 1, 2}
    assert calls[4:] == ["exited", "lost"]


def test_a_child_that_ends_before_its_pipes() -> None:
    """A grandchild holds them: the child's end is told all the same, and the loss of all when they are closed."""

    async def main() -> None:
        transport, protocol = await record("/bin/sh", "-c", "exec 3<&0; cat <&3 & exit 3", stdin=PIPE, stdout=PIPE)
        assert await transport._wait() == 3
        assert "exited" in protocol.calls
        assert "lost" not in protocol.calls
        transport.get_pipe_transport(0).write(b"still there")
        transport.get_pipe_transport(0).close()
        await protocol.lost
        assert (1, b"still there") in protocol.calls
        assert protocol.calls[-2:] == [(1, None), "lost"]
        transport.close()

    run(main())


def test_writing_to_a_child_that_is_gone_fails() -> None:
    async def main() -> None:
        child = await asyncio.create_subprocess_exec("/bin/true", stdin=PIPE)
        assert child.stdin is not None
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                child.stdin.write(bytes(100_000))
                await child.stdin.drain()
        assert await child.wait() == 0
        child = await asyncio.create_subprocess_exec("/bin/true", stdin=PIPE)
        await child.communicate(bytes(1_000_000))
        assert child.returncode == 0

    run(main())


@pytest.mark.usefixtures("_how")
def test_two_hundred_children_at_once() -> None:
    async def one(number: int) -> tuple[int, bytes]:
        child = await asyncio.create_subprocess_shell(f"echo {number}; exit {number}", stdout=PIPE)
        output, _ = await child.communicate()
        assert child.returncode is not None
        return child.returncode, output

    async def main() -> list[tuple[int, bytes]]:
        return await asyncio.gather(*(one(number) for number in range(200)))

    assert run(main()) == [(number, b"%d\n" % number) for number in range(200)]


@pytest.mark.usefixtures("_how")
def test_a_loop_outside_the_main_thread() -> None:
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(run(status_of("exit 6")))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [6, 6, 6]


def children_of_this_process() -> set[str]:
    """Zombies included."""
    own = os.getpid()
    children = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == own:
                children.add(folder.name)
    return children


def test_a_thousand_children_leave_nothing() -> None:
    async def main() -> None:
        before = open_descriptors(), children_of_this_process(), threading.active_count()
        for number in range(1000):
            pipes = {"stdin": PIPE, "stdout": PIPE} if number % 10 == 0 else {}
            child = await asyncio.create_subprocess_exec("/bin/true", **pipes)
            if pipes:
                await child.communicate()
            assert await child.wait() == 0
        await asyncio.sleep(0)
        assert (open_descriptors(), children_of_this_process(), threading.active_count()) == before

    run(main())


def test_a_child_that_ended_is_freed_without_the_collector() -> None:
    async def main() -> None:
        child = await asyncio.create_subprocess_exec("/bin/cat", stdin=PIPE, stdout=PIPE)
        await child.communicate(b"data")
        alive = weakref.ref(child._transport)
        del child
        await asyncio.sleep(0)
        assert alive() is None

    with without_collector():
        run(main())


@pytest.mark.skipif(sys.version_info[:3] in ((3, 12, 0), (3, 12, 1)), reason="their Popen forks (CPython issue 113117)")
def test_the_memory_of_the_parent_is_not_copied() -> None:
    """After a fork() each page would be copied when it is written to."""
    memory = bytearray(64 << 20)
    pages = range(0, len(memory), resource.getpagesize())

    def faults_of_writing() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for page in pages:
            memory[page] = 1
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    async def main() -> None:
        faults_of_writing()
        child = await asyncio.create_subprocess_exec(*SLEEP)
        assert faults_of_writing() < len(pages) // 4
        child.kill()
        await child.wait()

    run(main())


def connecting(fails: Callable[[], Any]) -> type[tricorn.Loop]:
    """A loop whose second reading pipe fails to connect."""

    class Loop(tricorn.Loop):
        connected = 0

        async def connect_read_pipe(self, protocol_factory: Any, pipe: Any) -> Any:
            self.connected += 1
            if self.connected == 2:
                await fails()
            return await super().connect_read_pipe(protocol_factory, pipe)

    return Loop


def test_a_start_that_is_cancelled_or_fails_leaves_nothing() -> None:
    pids: list[int] = []

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **keywords: Any) -> None:
            super().__init__(*args, **keywords)
            pids.append(self.pid)

    async def wait_for_ever() -> None:
        await asyncio.get_running_loop().create_future()

    async def fail() -> None:
        raise OSError("no pipe")

    async def main(fails: bool) -> None:
        before = open_descriptors()
        start = asyncio.create_task(record(*SLEEP, stdin=PIPE, stdout=PIPE, stderr=PIPE))
        if not fails:
            while not pids:
                await asyncio.sleep(0)
            for _ in range(10):
                await asyncio.sleep(0)
            start.cancel()
        with pytest.raises(OSError if fails else asyncio.CancelledError):
            await start
        assert not is_alive(pids.pop())
        await asyncio.sleep(0)
        assert open_descriptors() == before

    original = subprocess.Popen
    subprocess.Popen = Popen  # type: ignore[misc]
    try:
        for how in (wait_for_ever, fail):
            with asyncio.Runner(loop_factory=connecting(how)) as runner:
                runner.run(main(how is fail))
    finally:
        subprocess.Popen = original  # type: ignore[misc]


def test_a_fork_of_the_program_leaves_its_children_alone() -> None:
    """It must neither kill nor reap them, whatever it does to its copies of loop and transports."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        transport, protocol = await record(*SLEEP, stdin=PIPE)
        fork = os.fork()
        if fork == 0:
            try:
                transport.close()
                loop.stop()
            finally:
                os._exit(0 if transport.is_closing() else 1)
        assert os.waitpid(fork, 0)[1] == 0
        assert transport.get_extra_info("subprocess").poll() is None
        transport.get_extra_info("subprocess").terminate()
        await protocol.lost
        transport.close()
        return transport.get_returncode()

    assert run(main()) == -15
