"""Protocols of pipes that raise, and what many pipes leave behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Any

import pytest
import tricorn

from loop.pipes import Recorder, file_of, read_pipe, write_pipe
from loop.turns import run


class Failing(Recorder):
    """Raises in one of its methods."""

    def __init__(self, method: str, error: BaseException) -> None:
        super().__init__()
        self.method = method
        self.error = error

    def _note(self, call: str) -> None:
        super()._note(call)
        if call == self.method:
            raise self.error


READING = ["connection_made", "data_received", "eof_received", "connection_lost"]
WRITING = ["connection_made", "pause_writing", "resume_writing", "connection_lost"]


async def provoke(end: str, protocol: Failing) -> None:
    """Have each of the protocol's methods called, one of which fails."""
    reader, writer = os.pipe()
    if end == "read":
        await read_pipe(reader, protocol)
        os.write(writer, b"x")
        os.close(writer)
    else:
        sink, _ = await write_pipe(writer, protocol)
        sink.write(bytes(200_000))
        sink.close()
        while not protocol.lost:
            os.read(reader, 65536)
            await asyncio.sleep(0.001)
        os.close(reader)
    await protocol.until(lambda: protocol.lost)
    await asyncio.sleep(0)


@pytest.mark.parametrize(("end", "method"), [("read", m) for m in READING] + [("write", m) for m in WRITING])
def test_a_failing_protocol_is_reported_and_the_pipe_goes_on(end: str, method: str) -> None:
    async def main() -> None:
        told: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        protocol = Failing(method, ZeroDivisionError("no"))
        await provoke(end, protocol)
        assert [context["exception"] for context in told] == [protocol.error]
        assert method in told[0]["message"]
        assert told[0]["transport"] is protocol.transport
        assert told[0]["protocol"] is protocol
        assert protocol.calls == (READING if end == "read" else WRITING)

    run(main())


@pytest.mark.parametrize(("end", "method"), [("read", m) for m in READING] + [("write", m) for m in WRITING])
def test_an_interrupt_leaves_the_loop(loop: tricorn.Loop, end: str, method: str) -> None:
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    async def main() -> None:
        await provoke(end, Failing(method, KeyboardInterrupt()))

    task = loop.create_task(main())
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(task)
    loop.run_until_complete(task)
    assert told == []


def test_pipes_come_and_go(loop: tricorn.Loop) -> None:
    async def main(count: int) -> None:
        for _ in range(count):
            reader, writer = os.pipe()
            stream = asyncio.StreamReader()
            await loop.connect_read_pipe(
                lambda stream=stream: asyncio.StreamReaderProtocol(stream), file_of(reader, "rb")
            )
            sink, _ = await loop.connect_write_pipe(asyncio.Protocol, file_of(writer, "wb"))
            sink.write(bytes(100_000))
            sink.close()
            assert len(await stream.read()) == 100_000
        await asyncio.sleep(0.01)

    loop.run_until_complete(main(20))
    gc.collect()
    blocks, files = sys.getallocatedblocks(), len(os.listdir("/proc/self/fd"))
    loop.run_until_complete(main(1000))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == files
    assert sys.getallocatedblocks() - blocks < 500
