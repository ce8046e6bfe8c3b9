"""Datagrams: addresses of each family, targets, what is refused."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from loop.datagrams import Echo, open_endpoint, open_local
from loop.turns import run


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def needs_ipv6(test: Any) -> Any:
    return pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")(test)


async def echo_with_socket(family: int, server_address: Any, client_address: Any) -> None:
    """A blocking socket talks to an endpoint: the addresses are those that the socket module gives."""
    with socket.socket(family, socket.SOCK_DGRAM) as client, socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind(server_address)
        if client_address is not None:
            client.bind(client_address)
        transport, protocol = await open_endpoint(Echo(), sock=sock)
        name = transport.get_extra_info("sockname")
        assert name == sock.getsockname()
        for data in (b"one", bytes(1400)):
            client.sendto(data, name)
            client.setblocking(False)
            await protocol.until(lambda data=data: protocol.received and protocol.received[-1][0] == data)
            assert protocol.received[-1] == (data, client.getsockname())
            assert client.recvfrom(65536) == (data, name)
        transport.close()
        await protocol.until(lambda: protocol.lost == [None])


def test_ipv4() -> None:
    run(echo_with_socket(socket.AF_INET, ("127.0.0.1", 0), ("127.0.0.1", 0)))


@needs_ipv6
def test_ipv6() -> None:
    run(echo_with_socket(socket.AF_INET6, ("::1", 0), ("::1", 0)))


@needs_ipv6
def test_ipv4_through_an_ipv6_socket() -> None:
    async def main() -> None:
        sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        sock.bind(("::", 0))
        transport, protocol = await open_endpoint(Echo(), sock=sock)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("127.0.0.1", 0))
            client.sendto(b"x", ("127.0.0.1", sock.getsockname()[1]))
            await protocol.datagrams(1)
            assert protocol.received == [(b"x", ("::ffff:127.0.0.1", client.getsockname()[1], 0, 0))]
            assert client.recv(10) == b"x"
        transport.close()

    run(main())


def test_unix_path(tmp_path: Path) -> None:
    run(echo_with_socket(socket.AF_UNIX, str(tmp_path / "server"), str(tmp_path / "client")))


def test_unix_path_that_is_not_utf8(tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe")
    run(echo_with_socket(socket.AF_UNIX, strange, os.fsencode(tmp_path / "client")))


def test_unix_abstract_name() -> None:
    name = b"\0tricorn-test-%d" % os.getpid()
    run(echo_with_socket(socket.AF_UNIX, name, name + b"\0client\0"))


def test_unix_sender_without_a_name(tmp_path: Path) -> None:
    async def main() -> None:
        path = str(tmp_path / "server")
        transport, protocol = await open_endpoint(local_addr=path, family=socket.AF_UNIX)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", path)
        await protocol.datagrams(1)
        assert protocol.received == [(b"x", None)]
        transport.close()

    run(main())


def test_unix_pair() -> None:
    async def main() -> None:
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        transport, protocol = await open_endpoint(Echo(), sock=left)
        right.send(b"there and back")
        assert await protocol.datagrams(1) == [b"there and back"]
        assert right.recv(100) == b"there and back"
        right.close()
        transport.sendto(b"nobody")
        await protocol.until(lambda: protocol.errors)
        assert isinstance(protocol.errors[0], ConnectionError)
        transport.close()

    run(main())


def test_many_senders() -> None:
    async def main() -> None:
        transport, protocol = await open_local(Echo())
        name = transport.get_extra_info("sockname")
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(5)]
        for number, client in enumerate(clients * 3):
            client.sendto(b"%d" % number, name)
        await protocol.datagrams(15)
        for number, client in enumerate(clients * 3):
            assert client.recv(100) == b"%d" % number
            assert (b"%d" % number, ("127.0.0.1", client.getsockname()[1])) in protocol.received
        for client in clients:
            client.close()
        transport.close()

    run(main())


def test_the_largest_datagram() -> None:
    async def main() -> None:
        server, protocol = await open_local(Echo())
        client, answers = await open_endpoint(remote_addr=server.get_extra_info("sockname"))
        data = os.urandom(65507)
        client.sendto(data)
        assert await answers.datagrams(1) == [data]
        client.sendto(data + b"x")
        assert answers.errors[0].errno == 90  # EMSGSIZE, told at once
        client.sendto(b"goes on")
        assert (await answers.datagrams(2))[1] == b"goes on"
        client.close()
        server.close()

    run(main())


def test_a_connected_endpoint_sends_to_its_peer_only() -> None:
    async def main() -> None:
        server, protocol = await open_local()
        name = server.get_extra_info("sockname")
        client, _ = await open_endpoint(remote_addr=name)
        assert client.get_extra_info("peername") == name
        client.sendto(b"1")
        client.sendto(b"2", None)
        client.sendto(b"3", tuple(list(name)))
        client.sendto(data=b"4", addr=name)
        assert await protocol.datagrams(4) == [b"1", b"2", b"3", b"4"]
        with pytest.raises(ValueError, match=r"^Invalid address: must be None or \('127.0.0.1', \d+\)$"):
            client.sendto(b"5", ("127.0.0.1", 1))
        client.close()
        server.close()

    run(main())


def test_a_target_is_resolved_if_it_is_a_name() -> None:
    async def main() -> None:
        server, protocol = await open_local()
        client, _ = await open_endpoint(family=socket.AF_INET)
        assert client.get_extra_info("peername") is None
        client.sendto(b"by name", ("localhost", server.get_extra_info("sockname")[1]))
        assert await protocol.datagrams(1) == [b"by name"]
        client.close()
        server.close()

    run(main())


def test_a_broadcast() -> None:
    async def main() -> None:
        server, protocol = await open_endpoint(local_addr=("0.0.0.0", 0))  # noqa: S104
        port = server.get_extra_info("sockname")[1]
        client, notes = await open_endpoint(remote_addr=("127.255.255.255", port), allow_broadcast=True)
        client.sendto(b"to all")
        assert await protocol.datagrams(1) == [b"to all"]
        assert client.get_extra_info("peername") is None
        with pytest.raises(ValueError, match="must be None or"):
            client.sendto(b"to one", ("127.0.0.1", port))
        client.close()
        await notes.until(lambda: notes.lost)
        server.close()

    run(main())


def test_a_refused_datagram_is_an_error_of_the_endpoint() -> None:
    async def main() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", 0))
            name = sock.getsockname()
        transport, protocol = await open_endpoint(remote_addr=name)
        transport.sendto(b"anybody?")
        await protocol.until(lambda: protocol.errors)
        assert isinstance(protocol.errors[0], ConnectionRefusedError)
        assert not transport.is_closing()
        transport.close()
        await protocol.until(lambda: protocol.lost == [None])

    run(main())


@pytest.mark.parametrize("data", ["text", 5, None, [1]])
def test_data_that_is_no_bytes(data: object) -> None:
    async def main() -> None:
        transport, _ = await open_local()
        with pytest.raises(TypeError, match="data argument must be a bytes-like object, not '"):
            transport.sendto(data, ("127.0.0.1", 9))
        assert not transport.is_closing()
        transport.close()

    run(main())


@pytest.mark.parametrize("address", [None, ("127.0.0.1",), ("127.0.0.1", 70000), 5, ("127.0.0.1", "80")])
def test_a_wrong_address_ends_the_endpoint_as_in_asyncio(address: object) -> None:
    async def main() -> None:
        told: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        transport, protocol = await open_local()
        transport.sendto(b"x", address)
        assert [context["message"] for context in told] == ["Fatal write error on datagram transport"]
        assert told[0]["transport"] is transport
        assert told[0]["protocol"] is protocol
        await protocol.until(lambda: protocol.lost)
        assert protocol.lost == [told[0]["exception"]]

    run(main())


def test_an_address_that_the_kernel_refuses_is_an_error_of_one_datagram() -> None:
    async def main() -> None:
        transport, protocol = await open_local()
        transport.sendto(b"x", ("127.0.0.1", 0))
        transport.sendto(b"x", ("no such host.invalid", 9))
        assert [isinstance(error, OSError) for error in protocol.errors] == [True, True]
        assert not transport.is_closing()
        transport.close()

    run(main())


def test_empty_datagrams_are_sent_from_python_3_13_on() -> None:
    async def main() -> None:
        server, protocol = await open_local()
        client, _ = await open_endpoint(remote_addr=server.get_extra_info("sockname"))
        client.sendto(b"")
        client.sendto(bytearray())
        client.sendto(b"end")
        await protocol.until(lambda: protocol.received and protocol.received[-1][0] == b"end")
        empty = [b"", b""] if sys.version_info >= (3, 13) else []
        assert [data for data, _ in protocol.received] == [*empty, b"end"]
        client.close()
        server.close()

    run(main())


def test_received_empty_datagrams_are_told() -> None:
    async def main() -> None:
        transport, protocol = await open_local()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"", transport.get_extra_info("sockname"))
        assert await protocol.datagrams(1) == [b""]
        transport.close()

    run(main())
