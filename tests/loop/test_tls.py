"""TLS over the loop's own transports: what passes through, and what is known of a connection."""

import asyncio
import contextvars
import random
import ssl
from pathlib import Path
from typing import Any

import pytest

import tricorn
from tricorn import _tricorn

from loop.tls_peers import Echo, Recorder, connect, serving
from loop.turns import collecting, until


@pytest.mark.parametrize("size", [1, 16384, 16385, 1_000_000])
def test_echo(loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext, size: int) -> None:
    async def main() -> None:
        data = random.Random(size).randbytes(size)
        async with serving(server_context, Echo) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            assert type(transport) is _tricorn.SSLTransport
            transport.write(data)
            await until(lambda: len(client.received) >= size)
            assert client.received == data
            transport.close()
            assert await client.lost is None
            assert client.told[0] == "made" and client.told.count("lost") == 1

    loop.run_until_complete(main())


@pytest.mark.parametrize("closes", [False, True])
def test_a_write_during_a_write_follows_it(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext, closes: bool
) -> None:
    """As a finalizer may do, when garbage is collected while much is encrypted record by record; it may close as well."""
    data = random.Random(0).randbytes(200_000)
    writes = 0

    async def main() -> None:
        def write_more() -> None:
            nonlocal writes
            writes += not transport.is_closing()
            transport.write(b"more")
            if closes and writes == 3:
                transport.close()

        reader = Recorder()
        async with serving(server_context, lambda: reader) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            with collecting(write_more):
                transport.write(data)
            await until(lambda: len(reader.received) == len(data) + 4 * writes)
            transport.close()
            assert await client.lost is None
            before = reader.received.index(data)
            assert bytes(reader.received) == b"more" * (before // 4) + data + b"more" * (writes - before // 4)
            await until(lambda: reader.told == ["made", "eof", "lost"])

    loop.run_until_complete(main())
    assert writes > 0 and (writes == 3 or not closes)


def test_buffered_protocol(loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    class Buffered(asyncio.BufferedProtocol):
        def __init__(self) -> None:
            self.buffer = bytearray(1000)

        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def get_buffer(self, sizehint: int) -> bytearray:
            return self.buffer

        def buffer_updated(self, nbytes: int) -> None:
            assert 0 < nbytes <= 1000
            self.transport.write(bytes(self.buffer[:nbytes]))

    async def main() -> None:
        data = bytes(range(256)) * 800
        async with serving(server_context, Buffered) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            transport.writelines([data[:10], bytearray(data[10:300]), memoryview(data)[300:]])
            await until(lambda: len(client.received) >= len(data))
            assert client.received == data
            transport.close()
            await client.lost

    loop.run_until_complete(main())


def test_what_is_known_of_a_connection(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    async def main() -> None:
        server_context.set_alpn_protocols(["h2", "http/1.1"])
        client_context.set_alpn_protocols(["http/1.1"])
        async with serving(server_context, Echo) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            info = transport.get_extra_info
            assert info("sslcontext") is client_context
            assert info("ssl_object").selected_alpn_protocol() == "http/1.1"
            assert info("peercert")["subject"] == ((("commonName", "localhost"),),)
            assert info("cipher")[1] == "TLSv1.3"
            assert info("compression") is None
            assert info("peername") == ("127.0.0.1", port)
            assert info("socket").fileno() >= 0
            assert info("nothing", 5) == 5
            assert not transport.can_write_eof()
            with pytest.raises(NotImplementedError):
                transport.write_eof()
            with pytest.raises(TypeError, match="data: expecting a bytes-like instance, got str"):
                transport.write("text")
            assert transport.get_write_buffer_limits() == (128 * 1024, 512 * 1024)
            assert transport.get_protocol() is client
            transport.close()
            assert transport.is_closing()
            await client.lost

    loop.run_until_complete(main())


def test_flow_control(loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    async def main() -> None:
        servers: list[Recorder] = []

        def make() -> Recorder:
            servers.append(Recorder())
            return servers[-1]

        async with serving(server_context, make) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            await until(lambda: servers and servers[0].told)
            reader = servers[0]
            reader.transport.pause_reading()
            assert not reader.transport.is_reading()
            sent = 0
            while "pause" not in client.told:
                transport.write(bytes(100_000))
                sent += 100_000
                await asyncio.sleep(0)
            assert transport.get_write_buffer_size() >= 512 * 1024
            await asyncio.sleep(0.05)
            assert not reader.received
            assert reader.transport.get_read_buffer_size() < 1_000_000  # the rest waits outside
            reader.transport.resume_reading()
            await until(lambda: len(reader.received) == sent and "resume" in client.told)
            assert transport.get_write_buffer_size() == 0
            transport.close()
            await client.lost

    loop.run_until_complete(main())


def test_callbacks_run_in_the_context_of_the_connection(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext
) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    seen: list[str] = []

    class Looking(Recorder):
        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            seen.append(variable.get())

        def pause_writing(self) -> None:
            seen.append(variable.get())

        def connection_lost(self, exc: BaseException | None) -> None:
            seen.append(variable.get())
            super().connection_lost(exc)

    async def main() -> None:
        async with serving(server_context, Echo) as port:
            client = Looking()
            variable.set("connecting")
            transport = await connect(port, client_context, client)
            variable.set("later")
            transport.write(b"x")
            await until(lambda: client.received)
            transport.set_write_buffer_limits(high=100)
            while len(seen) < 2:
                transport.write(bytes(100_000))
            transport.abort()
            await client.lost

    loop.run_until_complete(main())
    assert seen == ["connecting", "connecting", "connecting"]


def test_failing_protocol(loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> None:
    class Failing(Recorder):
        def data_received(self, data: bytes) -> None:
            raise ZeroDivisionError

    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda loop, report: reports.append(report))

    async def main() -> None:
        async with serving(server_context, Echo) as port:
            client = Failing()
            transport = await connect(port, client_context, client)
            transport.write(b"x")
            assert isinstance(await client.lost, ZeroDivisionError)

    loop.run_until_complete(main())
    assert [report["message"] for report in reports] == ["Fatal error on SSL protocol"]


def test_sendfile(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 4000)

    async def main() -> None:
        async with serving(server_context, Echo) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            with path.open("rb") as file:
                assert await loop.sendfile(transport, file) == 1_024_000
            await until(lambda: len(client.received) == 1_024_000)
            assert client.received == path.read_bytes()
            transport.close()
            await client.lost

    loop.run_until_complete(main())
