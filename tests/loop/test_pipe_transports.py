"""Pipe transports: what they take, what they say of themselves, streams over them, their end."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import os
import warnings
import weakref

import pytest
import tricorn

from loop.pipes import Recorder, file_of, read_pipe, write_pipe
from loop.turns import run


@pytest.mark.parametrize("data", ["text", 5, None])
def test_data_that_is_no_bytes(data: object) -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        sink, _ = await write_pipe(writer)
        with pytest.raises(TypeError, match="data argument must be a bytes-like object"):
            sink.write(data)
        sink.close()
        os.close(reader)

    run(main())


def test_a_pipe_that_closes_has_its_descriptor_until_all_is_written() -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        sink, write_side = await write_pipe(writer)
        sink.write(bytes(1 << 20))
        sink.close()
        with pytest.raises(RuntimeError, match="is used by transport"):
            asyncio.get_running_loop().add_writer(writer, print)
        _, read_side = await read_pipe(reader)
        await asyncio.wait_for(read_side.until(lambda: read_side.lost), 5)
        assert len(read_side.data) == 1 << 20
        assert write_side.lost == [None]

    run(main())


def test_extra_info_protocols_and_repr() -> None:
    async def main() -> None:
        reader, writer = os.pipe()
        source, read_side = await read_pipe(reader)
        sink, write_side = await write_pipe(writer)
        assert source.get_extra_info("pipe").fileno() == reader
        assert sink.get_extra_info("pipe").fileno() == writer
        assert sink.get_extra_info("sockname", 5) == 5
        await asyncio.sleep(0)
        assert repr(source) == f"<ReadPipeTransport fd={reader} polling>"
        assert repr(sink) == f"<WritePipeTransport fd={writer} idle bufsize=0>"
        assert source.get_protocol() is read_side
        other = Recorder()
        source.set_protocol(other)
        sink.write(b"x")
        await other.until(lambda: other.data == b"x")
        sink.close()
        await other.until(lambda: other.lost)
        assert repr(source) == f"<ReadPipeTransport closed fd={reader}>"
        assert repr(sink) == f"<WritePipeTransport closed fd={writer}>"

    run(main())


def test_streams_over_pipes() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        read_end, write_end = os.pipe()
        stream = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), file_of(read_end, "rb"))
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, file_of(write_end, "wb"))
        writer = asyncio.StreamWriter(transport, protocol, None, loop)

        async def produce() -> None:
            for number in range(2000):
                writer.write(b"%d " % number * 50 + b"\n")
                await writer.drain()
            writer.close()

        task = loop.create_task(produce())
        lines = [line async for line in stream]
        assert lines == [b"%d " % number * 50 + b"\n" for number in range(2000)]
        await task

    run(main())


def test_callbacks_run_in_the_context_of_the_creation() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")

    class Asks(Recorder):
        def _note(self, call: str) -> None:
            super()._note(f"{call} {variable.get()}")

    async def main() -> None:
        variable.set("made")
        reader, writer = os.pipe()
        _, read_side = await read_pipe(reader, Asks())
        variable.set("changed")
        os.write(writer, b"x")
        os.close(writer)
        await read_side.until(lambda: read_side.lost)
        assert read_side.calls == [
            f"{call} made" for call in ("connection_made", "data_received", "eof_received", "connection_lost")
        ]
        reader, writer = os.pipe()
        variable.set("made")
        sink, write_side = await write_pipe(writer, Asks())
        variable.set("changed")
        sink.write(bytes(200_000))
        assert write_side.calls == ["connection_made made", "pause_writing made"]
        sink.abort()
        await write_side.until(lambda: write_side.lost)
        os.close(reader)

    run(main())


@pytest.mark.parametrize("end", ["read", "write"])
def test_a_pipe_that_was_not_closed_is_warned_of(loop: tricorn.Loop, end: str) -> None:
    reader, writer = os.pipe()
    fd, other = (reader, writer) if end == "read" else (writer, reader)
    transport, protocol = loop.run_until_complete(read_pipe(fd) if end == "read" else write_pipe(fd))
    alive = weakref.ref(transport)
    del protocol.transport
    loop.close()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del transport, protocol
        gc.collect()
    told = [str(w.message) for w in caught if w.category is ResourceWarning]
    assert told == [f"unclosed transport <{end.capitalize()}PipeTransport fd={fd} open>"]
    caught.clear()  # a warning keeps its source
    assert alive() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    os.close(other)


@pytest.mark.parametrize("end", ["read", "write"])
def test_a_loop_that_closes_before_connection_lost(loop: tricorn.Loop, end: str) -> None:
    reader, writer = os.pipe()
    fd, other = (reader, writer) if end == "read" else (writer, reader)
    transport, protocol = loop.run_until_complete(read_pipe(fd) if end == "read" else write_pipe(fd))
    alive = weakref.ref(transport)
    transport.close()
    loop.close()
    del protocol.transport
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        del transport, protocol
        gc.collect()
    assert alive() is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    os.close(other)
