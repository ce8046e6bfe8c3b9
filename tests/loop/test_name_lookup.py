"""getaddrinfo() and getnameinfo(): literals are answered at once, and as the socket module does."""

import asyncio
import itertools
import logging
import socket

import pytest
import tricorn

from loop.turns import run

HOSTS = ["127.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "::", "fe80::1", "2001:DB8:0:0::1", "::ffff:1.2.3.4", b"10.0.0.1"]
PORTS = [80, 0, 65535, "80", "0080", b"443", None]
FAMILIES = [socket.AF_UNSPEC, socket.AF_INET, socket.AF_INET6]
KINDS = [0, socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET]
PROTOCOLS = [0, socket.IPPROTO_TCP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP]
FLAGS = [0, socket.AI_PASSIVE, socket.AI_NUMERICHOST | socket.AI_NUMERICSERV, socket.AI_CANONNAME, socket.AI_V4MAPPED]


def outcome(coroutine: object) -> object:
    """The result of a coroutine that does not suspend, or its error; None if it does."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration as stop:
        return stop.value
    except OSError as error:
        return repr(error)
    return None


def answer_of_socket(*arguments: object) -> object:
    try:
        return socket.getaddrinfo(*arguments)  # type: ignore[arg-type]
    except OSError as error:
        return repr(error)


def test_literals_are_what_the_socket_module_says(loop: tricorn.Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = 0
    monkeypatch.setattr(loop, "_look_up", lambda *_, **__: None)  # the executor's, then

    def in_this_thread(_: object, function: object, *arguments: object) -> object:
        async def call() -> object:
            nonlocal at_once
            at_once -= 1
            return function(*arguments)  # type: ignore[operator]

        return call()

    loop.run_in_executor = in_this_thread  # type: ignore[method-assign, assignment]
    for host, port, family, kind, protocol, flags in itertools.product(HOSTS, PORTS, FAMILIES, KINDS, PROTOCOLS, FLAGS):
        at_once += 1
        asked = loop.getaddrinfo(host, port, family=family, type=kind, proto=protocol, flags=flags)
        answer = outcome(asked)
        assert answer == answer_of_socket(host, port, family, kind, protocol, flags)
        assert repr(answer) == repr(answer_of_socket(host, port, family, kind, protocol, flags))
    assert at_once > 1000


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.1", 80), ("127.0.0.1", "http"), ("127.0.0.1", 70000), ("127.0.0.1", "+80"), ("::1%lo", 80), (None, 80), ("", 80),
     ("127.0.0.1\0", 80), ("localhost", 80), ("1.2.3.4" * 20, 80), ("127.0.0.1", ""), ("127.0.0.1", -1), ("127.0.0.1", True)],
)  # fmt: skip
def test_all_else_goes_to_a_thread(host: str | None, port: int | str) -> None:
    def ask_socket() -> object:
        try:
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError, UnicodeError) as error:
            return repr(error)

    async def main() -> object:
        try:
            return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, ValueError, UnicodeError) as error:
            return repr(error)

    assert run(main()) == ask_socket()


def test_wrong_calls_are_errors(loop: tricorn.Loop) -> None:
    with pytest.raises(TypeError):
        loop.getaddrinfo("127.0.0.1")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        loop.getaddrinfo("127.0.0.1", 80, 0)  # type: ignore[misc]
    with pytest.raises(TypeError):
        loop.getaddrinfo("127.0.0.1", 80, kind=1)  # type: ignore[call-arg]


def test_a_literal_suspends_nobody() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        turns: list[int] = []
        loop.call_soon(turns.append, 1)
        assert asyncio.iscoroutine(lookup := loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM))
        assert await lookup == socket.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await lookup
        assert await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
        assert turns == []
        assert loop._default_executor is None
        [[entry]] = await asyncio.gather(loop.getaddrinfo("::1", 80, type=socket.SOCK_DGRAM))
        assert entry[4] == ("::1", 80, 0, 0)

    run(main())


def test_debug_mode_logs_how_long_it_took(loop: tricorn.Loop, caplog: pytest.LogCaptureFixture) -> None:
    loop.set_debug(True)
    with caplog.at_level(logging.DEBUG, "asyncio"):
        loop.run_until_complete(loop.getaddrinfo("127.0.0.1", 80))
    assert "Getting address info 127.0.0.1:80 took" in caplog.text


def test_names_of_numeric_addresses() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        addresses = [("127.0.0.1", 80), ("::1", 80), ("::1", 80, 0), ("2001:db8::0:1", 1, 5, 0), ("fe80::1", 80, 0, 1)]
        for address in addresses:
            for flags in (3, 3 | socket.NI_DGRAM):
                assert await loop.getnameinfo(address, flags) == socket.getnameinfo(address, flags)
        assert await loop.getnameinfo(("127.0.0.1", 80)) == socket.getnameinfo(("127.0.0.1", 80), 0)
        with pytest.raises(OSError, match="sockaddr"):
            await loop.getnameinfo(("127.0.0.1", 80, 0), 3)

    run(main())
