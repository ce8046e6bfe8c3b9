"""How TLS connections begin, and why they do not."""

import asyncio
import contextlib
import socket
import ssl
import threading
from pathlib import Path

import pytest

import tricorn

from loop.tls_peers import Echo, Recorder, connect, peer, serving
from loop.turns import until


def test_client_certificate_and_server_name(
    loop: tricorn.Loop, server_context: ssl.SSLContext, client_context: ssl.SSLContext, certificate: tuple[Path, Path]
) -> None:
    names: list[str | None] = []
    server_context.sni_callback = lambda sslobj, name, context: names.append(name)
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(certificate[1])
    client_context.load_cert_chain(certificate[1], certificate[0])

    async def main() -> None:
        servers: list[Recorder] = []

        def make() -> Recorder:
            servers.append(Echo())
            return servers[-1]

        async with serving(server_context, make) as port:
            client = Recorder()
            transport = await connect(port, client_context, client)
            transport.write(b"hello")
            await until(lambda: client.received)
            assert servers[0].transport.get_extra_info("peercert")["subject"] == ((("commonName", "localhost"),),)
            transport.close()
            await client.lost

    loop.run_until_complete(main())
    assert names == ["localhost"]


@pytest.mark.parametrize("debug", [False, True])
def test_untrusted_certificate(loop: tricorn.Loop, server_context: ssl.SSLContext, debug: bool) -> None:
    loop.set_debug(debug)

    async def main() -> None:
        made: list[Recorder] = []

        def make() -> Recorder:
            made.append(Recorder())
            return made[-1]

        async with serving(server_context, make) as port:
            with pytest.raises(ssl.SSLCertVerificationError):
                await connect(port, ssl.create_default_context(), Recorder())
            await asyncio.sleep(0.05)
        assert [protocol.told for protocol in made] == [[]]  # it never was a connection

    loop.run_until_complete(main())


def test_the_peer_learns_why_a_handshake_fails(loop: tricorn.Loop, certificate: tuple[Path, Path]) -> None:
    alerts: list[ssl.SSLError] = []
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate[1], certificate[0])

    def talk(sock: socket.socket) -> None:
        try:
            server.wrap_socket(sock, server_side=True).recv(1)
        except ssl.SSLError as error:
            alerts.append(error)

    async def main(port: int) -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect(port, ssl.create_default_context(), Recorder())

    with peer(talk) as port:
        loop.run_until_complete(main(port))
    assert alerts and alerts[0].reason == "TLSV1_ALERT_UNKNOWN_CA"


def test_no_tls_at_the_other_side(loop: tricorn.Loop, client_context: ssl.SSLContext) -> None:
    async def main(port: int) -> None:
        with pytest.raises(ssl.SSLError, match="(?i)wrong.version.number|packet length"):
            await connect(port, client_context, Recorder())

    with peer(lambda sock: sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        loop.run_until_complete(main(port))


def test_end_during_the_handshake(loop: tricorn.Loop, client_context: ssl.SSLContext) -> None:
    async def main(port: int) -> None:
        with pytest.raises(ConnectionResetError):
            await connect(port, client_context, Recorder())

    with peer(lambda sock: (sock.recv(65536), sock.shutdown(socket.SHUT_WR), None)[2]) as port:
        loop.run_until_complete(main(port))


def test_handshake_timeout(loop: tricorn.Loop, client_context: ssl.SSLContext) -> None:
    done = threading.Event()

    async def main(port: int) -> None:
        text = "SSL handshake is taking longer than 0.05 seconds: aborting the connection"
        with pytest.raises(ConnectionAbortedError, match=text):
            await connect(port, client_context, Recorder(), ssl_handshake_timeout=0.05)
        done.set()

    with peer(lambda sock: done.wait(20) and None) as port:
        loop.run_until_complete(main(port))


def test_connecting_given_up_at_once(loop: tricorn.Loop, client_context: ssl.SSLContext) -> None:
    async def main(port: int) -> None:
        client = Recorder()
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setblocking(False)
        options = {"ssl": client_context, "server_hostname": "localhost"}
        task = asyncio.create_task(loop.create_connection(lambda: client, sock=sock, **options))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: sock.fileno() == -1)
        assert not client.told

    def talk(sock: socket.socket) -> None:
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(65536):
                pass

    with peer(talk) as port:  # which sees the end
        loop.run_until_complete(main(port))


@pytest.mark.parametrize("name", ["ssl_handshake_timeout", "ssl_shutdown_timeout"])
def test_timeouts_must_be_positive(loop: tricorn.Loop, client_context: ssl.SSLContext, name: str) -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for wrong in (0, -1):
                with pytest.raises(ValueError, match=f"{name} should be a positive number, got {wrong}"):
                    await connect(listener.getsockname()[1], client_context, Recorder(), **{name: wrong})

    loop.run_until_complete(main())
