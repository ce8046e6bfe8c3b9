"""connect_read_pipe and connect_write_pipe: pipes, sockets, terminals, devices; queues and ends."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import os
import pty
import tty
from pathlib import Path
from typing import Any

import pytest
import tricorn

from loop.pipes import Recorder, make_ends, read_pipe, write_pipe
from loop.turns import run


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_bytes_go_through_and_the_end_follows(kind: str) -> None:
    async def main() -> None:
        reader, writer = make_ends(kind)
        source, read_side = await read_pipe(reader)
        sink, write_side = await write_pipe(writer)
        assert isinstance(source, asyncio.ReadTransport)
        assert isinstance(sink, asyncio.WriteTransport)
        sink.write(b"one ")
        sink.write(bytearray(b"two "))
        sink.write(memoryview(b"three "))
        sink.write(b"")
        sink.writelines([b"four ", b"five"])
        await read_side.until(lambda: read_side.data == b"one two three four five")
        assert sink.can_write_eof()
        sink.write_eof()
        assert sink.is_closing()
        assert write_side.lost == []
        await read_side.until(lambda: read_side.lost)
        assert read_side.lost == write_side.lost == [None]
        assert read_side.calls[-2:] == ["eof_received", "connection_lost"]
        for fd in (reader, writer):
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.fstat(fd)

    run(main())


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_large_write_is_queued_and_arrives(kind: str) -> None:
    async def main() -> None:
        reader, writer = make_ends(kind)
        sink, write_side = await write_pipe(writer)
        kept, changed = os.urandom(3_000_000), bytearray(os.urandom(100_000))
        expected = kept + changed + b"end"
        sink.write(kept)
        sink.write(changed)
        changed[:] = bytes(100_000)
        sink.write(b"end")
        assert write_side.calls == ["connection_made", "pause_writing"]
        assert sink.get_write_buffer_size() > 2_000_000
        sink.close()
        source, read_side = await read_pipe(reader)
        await read_side.until(lambda: read_side.lost)
        assert read_side.data == expected
        await write_side.until(lambda: write_side.lost)
        assert write_side.calls == ["connection_made", "pause_writing", "resume_writing", "connection_lost"]
        assert write_side.lost == [None]

    run(main())


def test_limits() -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        sink, write_side = await write_pipe(writer)
        assert sink.get_write_buffer_limits() == (16384, 65536)
        sink.set_write_buffer_limits(high=10, low=5)
        sink.write(bytes(65536))
        sink.write(bytes(10))
        assert "pause_writing" not in write_side.calls
        sink.write(b"x")
        assert write_side.calls[-1] == "pause_writing"
        assert os.read(reader, 65536) == bytes(65536)
        await write_side.until(lambda: write_side.calls[-1] == "resume_writing")
        assert sink.get_write_buffer_size() == 0
        sink.close()
        os.close(reader)

    run(main())


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_the_reader_leaves(kind: str) -> None:
    async def main() -> None:
        reader, writer = make_ends(kind)
        sink, write_side = await write_pipe(writer)
        os.close(reader)
        await write_side.until(lambda: write_side.lost)
        assert write_side.lost == [None]
        sink.write(b"ignored")

    run(main())


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_the_reader_leaves_before_all_is_written(kind: str) -> None:
    async def main() -> None:
        reader, writer = make_ends(kind)
        sink, write_side = await write_pipe(writer)
        sink.write(bytes(1_000_000))
        os.close(reader)
        await write_side.until(lambda: write_side.lost)
        assert isinstance(write_side.lost[0], BrokenPipeError)
        assert sink.get_write_buffer_size() == 0

    run(main())


def test_a_write_that_fails_loses_the_pipe(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        sink, write_side = await write_pipe(writer)
        os.close(reader)
        sink.write(b"x")
        assert sink.is_closing()
        with caplog.at_level(logging.WARNING, "asyncio"):
            for _ in range(4):
                sink.write(b"x")
            assert caplog.messages == []
            sink.write(b"x")
        assert caplog.messages == ["pipe closed by peer or os.write(pipe, data) raised exception."]
        await write_side.until(lambda: write_side.lost)
        assert isinstance(write_side.lost[0], BrokenPipeError)

    run(main())


def test_writes_while_it_closes_are_dropped() -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        sink, write_side = await write_pipe(writer)
        sink.write(bytes(100_000))
        sink.close()
        sink.write(b"dropped")
        source, read_side = await read_pipe(reader)
        await read_side.until(lambda: read_side.lost)
        assert read_side.data == bytes(100_000)
        assert write_side.lost == [None]

    run(main())


def test_abort_drops_what_is_queued() -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        sink, write_side = await write_pipe(writer)
        sink.write(bytes(100_000))
        sink.abort()
        assert write_side.lost == []
        source, read_side = await read_pipe(reader)
        await read_side.until(lambda: read_side.lost)
        assert len(read_side.data) == 65536
        assert write_side.lost == [None]

    run(main())


def test_reading_pauses() -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        source, read_side = await read_pipe(reader)
        source.pause_reading()
        assert not source.is_reading()
        os.write(writer, b"x")
        await asyncio.sleep(0.01)
        assert read_side.data == b""
        source.resume_reading()
        assert source.is_reading()
        await read_side.until(lambda: read_side.data == b"x")
        source.close()
        source.close()
        assert not source.is_reading()
        await read_side.until(lambda: read_side.lost == [None])
        assert "eof_received" not in read_side.calls
        os.close(writer)

    run(main())


def test_a_terminal_and_its_other_side() -> None:
    async def main() -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        source, read_side = await read_pipe(master)
        sink, write_side = await write_pipe(slave)
        sink.write(b"typed")
        await read_side.until(lambda: read_side.data == b"typed")
        sink.close()
        await read_side.until(lambda: read_side.lost)
        assert isinstance(read_side.lost[0], OSError)  # EIO: that is how a terminal ends

    told: list[dict[str, Any]] = []
    loop = tricorn.new_event_loop()
    loop.set_exception_handler(lambda _, context: told.append(context))
    loop.run_until_complete(main())
    loop.close()
    assert told == []


def test_both_directions_of_one_descriptor() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        master, slave = pty.openpty()
        tty.setraw(slave)
        file = io.FileIO(slave, "r+b")
        _, read_side = await loop.connect_read_pipe(Recorder, file)
        sink, _ = await loop.connect_write_pipe(Recorder, file)
        os.write(master, b"question")
        await read_side.until(lambda: read_side.data == b"question")
        sink.write(b"answer")
        assert os.read(master, 100) == b"answer"
        sink.close()
        read_side.transport.close()
        await read_side.until(lambda: read_side.lost)
        os.close(master)

    gc.collect()  # what other tests have left
    before = len(os.listdir("/proc/self/fd"))
    run(main())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_devices_that_are_always_ready() -> None:
    async def main() -> None:
        null = os.open("/dev/null", os.O_RDONLY)
        _, nothing = await read_pipe(null)
        await nothing.until(lambda: nothing.lost)
        assert nothing.data == b""
        source, zeros = await read_pipe(os.open("/dev/zero", os.O_RDONLY))
        await zeros.until(lambda: zeros.calls.count("data_received") == 3)
        source.close()
        assert set(zeros.data) == {0}
        sink, _ = await write_pipe(os.open("/dev/null", os.O_WRONLY))
        sink.write(bytes(1_000_000))
        assert sink.get_write_buffer_size() == 0
        sink.close()

    run(main())


def test_files_that_are_no_pipes(tmp_path: Path) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        with (tmp_path / "file").open("wb") as file:
            with pytest.raises(ValueError, match=r"^Pipe transport is for pipes/sockets only\.$"):
                await loop.connect_read_pipe(Recorder, file)
            with pytest.raises(ValueError, match="^Pipe transport is only for pipes, sockets and character devices$"):
                await loop.connect_write_pipe(Recorder, file)
            assert not file.closed

    run(main())
