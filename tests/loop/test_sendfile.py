"""sendfile() through a transport, and what happens to the transport meanwhile."""

import asyncio
import tempfile
from collections.abc import Iterator
from typing import IO, Any

import pytest

import tricorn

from loop.sockets import Pair, read_all, socket_pair

SIZE = 5_000_000


@pytest.fixture
def file() -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as made:
        made.truncate(SIZE)
        yield made


@pytest.fixture
def pair() -> Iterator[Pair]:
    with socket_pair() as made:
        yield made


class Receiver(asyncio.Protocol):
    def __init__(self) -> None:
        self.received = b""

    def data_received(self, data: bytes) -> None:
        self.received += data


async def read(sock: Any, size: int) -> None:
    async with asyncio.timeout(20):
        while size > 0:
            size -= read_all(sock)
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("paused", [False, True])
def test_reading_may_be_resumed_meanwhile(loop: tricorn.Loop, file: IO[bytes], pair: Pair, paused: bool) -> None:
    async def main() -> None:
        transport, protocol = await loop.create_connection(Receiver, sock=pair[0])
        if paused:
            transport.pause_reading()
        sending = asyncio.create_task(loop.sendfile(transport, file))
        await asyncio.sleep(0.05)  # until the socket is full
        transport.resume_reading()
        pair[1].send(b"hello")
        await asyncio.sleep(0.01)
        await read(pair[1], SIZE)
        assert await asyncio.wait_for(sending, 20) == SIZE
        async with asyncio.timeout(20):
            while protocol.received != b"hello":
                await asyncio.sleep(0.001)
        transport.close()

    loop.run_until_complete(main())


def test_a_transport_is_of_use_after_a_cancelled_sendfile(loop: tricorn.Loop, file: IO[bytes], pair: Pair) -> None:
    async def main() -> None:
        transport, protocol = await loop.create_connection(Receiver, sock=pair[0])
        transport.write(bytes(SIZE))
        sending = asyncio.create_task(loop.sendfile(transport, file))
        await asyncio.sleep(0.01)  # it waits for what was written before
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert transport.is_reading()
        transport.write(b"rest")
        await read(pair[1], SIZE + len(b"rest"))
        transport.close()

    loop.run_until_complete(main())
