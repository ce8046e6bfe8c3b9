"""Datagrams that have to wait: the queue, flow control, closing; fairness, leaks."""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import socket
import sys
import weakref
from typing import Any

import pytest
import tricorn

from loop.datagrams import Recorder, drain, fill, narrow_pair, open_endpoint, open_local
from loop.turns import run, without_collector

HEADER = 8 if sys.version_info >= (3, 13) else 0  # what asyncio counts beside the data


def test_what_the_socket_does_not_take_waits_in_order() -> None:
    async def main() -> None:
        left, right = narrow_pair()
        transport, protocol = await open_endpoint(sock=left)
        sent = fill(transport)
        assert sent > 0
        kept, changed = bytes(200), bytearray(b"as it was")
        references = sys.getrefcount(kept)
        transport.sendto(kept)
        assert sys.getrefcount(kept) == references + 1
        transport.sendto(changed)
        transport.sendto(memoryview(changed)[3:])
        changed[:] = b"different"
        transport.sendto(b"last")
        assert transport.get_write_buffer_size() == 1024 + 200 + 9 + 6 + 4 + 5 * HEADER
        taken: list[bytes] = []
        while not taken or taken[-1] != b"last":
            taken += drain(right)
            await asyncio.sleep(0)
        assert [int.from_bytes(data[:4], "big") for data in taken[: sent + 1]] == list(range(sent + 1))
        assert taken[sent + 1 :] == [kept, b"as it was", b"it was", b"last"]
        assert transport.get_write_buffer_size() == 0
        assert sys.getrefcount(kept) == references
        transport.close()
        right.close()
        await protocol.until(lambda: protocol.lost == [None])
        assert protocol.errors == []

    run(main())


def test_writing_pauses_and_resumes_once_for_each_crossing() -> None:
    async def main() -> None:
        left, right = narrow_pair()
        transport, protocol = await open_endpoint(sock=left)
        assert transport.get_write_buffer_limits() == (16384, 65536)
        transport.set_write_buffer_limits(high=3000, low=1500)
        assert transport.get_write_buffer_limits() == (1500, 3000)
        for _ in range(3):
            protocol.calls.clear()
            fill(transport)
            for _ in range(10):
                transport.sendto(bytes(1000 - HEADER))
            assert protocol.calls == ["pause_writing"]
            while "resume_writing" not in protocol.calls:
                assert transport.get_write_buffer_size() > 1500
                drain(right)
                await asyncio.sleep(0)
            assert transport.get_write_buffer_size() <= 1500
            while transport.get_write_buffer_size() > 0:
                drain(right)
                await asyncio.sleep(0)
            drain(right)
            assert protocol.calls == ["pause_writing", "resume_writing"]
        transport.close()
        right.close()

    run(main())


def test_limits() -> None:
    async def main() -> None:
        left, right = narrow_pair()
        transport, protocol = await open_endpoint(sock=left)
        transport.set_write_buffer_limits(low=1000)
        assert transport.get_write_buffer_limits() == (1000, 4000)
        transport.set_write_buffer_limits(1000)
        assert transport.get_write_buffer_limits() == (250, 1000)
        for wrong in ({"high": 1, "low": 2}, {"high": -5}, {"low": -1}):
            with pytest.raises(ValueError, match=r"must be >= low .* must be >= 0"):
                transport.set_write_buffer_limits(**wrong)
        transport.set_write_buffer_limits()
        fill(transport)
        assert "pause_writing" not in protocol.calls
        transport.set_write_buffer_limits(high=0)
        assert protocol.calls.count("pause_writing") == 1
        while "resume_writing" not in protocol.calls:
            drain(right)
            await asyncio.sleep(0)
        assert transport.get_write_buffer_size() == 0
        transport.close()
        right.close()

    run(main())


def test_closing_sends_the_queue_first() -> None:
    async def main() -> None:
        left, right = narrow_pair()
        transport, protocol = await open_endpoint(sock=left)
        sent = fill(transport)
        transport.close()
        assert transport.is_closing()
        transport.close()
        transport.sendto(b"while it closes")
        right.send(b"too late")
        taken: list[bytes] = []
        while not protocol.lost:
            taken += drain(right)
            await asyncio.sleep(0)
        assert len(taken + drain(right)) == sent + 2
        assert protocol.lost == [None]
        assert protocol.received == []
        right.close()

    run(main())


def test_aborting_drops_the_queue() -> None:
    async def main() -> None:
        left, right = narrow_pair()
        transport, protocol = await open_endpoint(sock=left)
        sent = fill(transport)
        transport.abort()
        assert transport.is_closing()
        assert transport.get_write_buffer_size() == 0
        assert protocol.lost == []  # not inside abort()
        transport.abort()
        await protocol.until(lambda: protocol.lost == [None])
        assert len(drain(right)) == sent
        right.close()

    run(main())


def test_the_receiver_of_a_unix_datagram_is_full(tmp_path: Any) -> None:
    """poll(2) calls the sender writable all the while: the loop must not spin, or it would never sleep."""

    async def main() -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
            path = str(tmp_path / "slow")
            slow.bind(path)
            slow.setblocking(False)
            transport, protocol = await open_endpoint(family=socket.AF_UNIX)
            count = 0
            while transport.get_write_buffer_size() == 0:
                transport.sendto(b"%d" % count, path)
                count += 1
            sleeps = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw
            while resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw < sleeps + 5:
                await asyncio.sleep(0.02)
            assert transport.get_write_buffer_size() > 0
            taken = drain(slow)
            while transport.get_write_buffer_size() > 0:
                await asyncio.sleep(0.001)
            taken += drain(slow)
            assert taken == [b"%d" % number for number in range(count)]
            transport.close()
            await protocol.until(lambda: protocol.lost)

    run(main())


def test_reading_pauses() -> None:
    async def main() -> None:
        transport, protocol = await open_local()
        name = transport.get_extra_info("sockname")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            transport.pause_reading()
            assert not transport.is_reading()
            client.sendto(b"1", name)
            await asyncio.sleep(0.01)
            assert protocol.received == []
            transport.resume_reading()
            assert transport.is_reading()
            assert await protocol.datagrams(1) == [b"1"]
        transport.close()
        assert not transport.is_reading()

    run(main())


def test_nothing_is_received_after_abort_in_a_callback() -> None:
    class Aborts(Recorder):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            super().datagram_received(data, addr)
            if data == b"30":
                self.transport.abort()

    async def main() -> None:
        transport, protocol = await open_local(Aborts())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for number in range(40):
                client.sendto(b"%d" % number, transport.get_extra_info("sockname"))
        await protocol.until(lambda: protocol.lost)
        assert [data for data, _ in protocol.received] == [b"%d" % number for number in range(31)]

    run(main())


def test_a_flood_leaves_others_their_turn() -> None:
    async def main() -> None:
        transport, protocol = await open_local()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for _ in range(100):
                client.sendto(b"flood", transport.get_extra_info("sockname"))
        seen = []
        while len(protocol.received) < 100:
            seen.append(len(protocol.received))
            await asyncio.sleep(0)
        assert all(after - before <= 16 for before, after in zip(seen, seen[1:], strict=False))
        transport.close()

    run(main())


def test_an_endpoint_goes_when_it_is_lost(loop: tricorn.Loop) -> None:
    async def main() -> weakref.ref[Any]:
        transport, protocol = await open_local()
        transport.sendto(b"x", transport.get_extra_info("sockname"))
        await protocol.datagrams(1)
        transport.close()
        await protocol.until(lambda: protocol.lost)
        del protocol.transport
        return weakref.ref(transport)

    with without_collector():
        assert loop.run_until_complete(main())() is None


def test_a_hundred_thousand_datagrams_leave_nothing_behind(loop: tricorn.Loop) -> None:
    class Counts(asyncio.DatagramProtocol):
        count = 0

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.count += 1
            self.transport.sendto(data, addr)

    async def endpoint(**options: Any) -> Any:
        return await loop.create_datagram_endpoint(Counts, **options)

    server, _ = loop.run_until_complete(endpoint(local_addr=("127.0.0.1", 0)))
    client, protocol = loop.run_until_complete(endpoint(remote_addr=server.get_extra_info("sockname")))

    async def bounce(count: int) -> None:
        client.sendto(b"ball" * 50)
        while protocol.count < count:
            await asyncio.sleep(0.001)

    loop.run_until_complete(bounce(1000))
    gc.collect()
    blocks, files = sys.getallocatedblocks(), len(os.listdir("/proc/self/fd"))
    loop.run_until_complete(bounce(51_000))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == files
    assert sys.getallocatedblocks() - blocks < 500
    server.close()
    client.close()
    loop.run_until_complete(asyncio.sleep(0.01))


def test_endpoints_come_and_go(loop: tricorn.Loop) -> None:
    async def main(count: int) -> None:
        for _ in range(count):
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
            )
            transport.sendto(b"x", transport.get_extra_info("sockname"))
            transport.close()
        await asyncio.sleep(0.01)

    loop.run_until_complete(main(50))
    gc.collect()
    blocks, files = sys.getallocatedblocks(), len(os.listdir("/proc/self/fd"))
    loop.run_until_complete(main(2000))
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == files
    assert sys.getallocatedblocks() - blocks < 500
