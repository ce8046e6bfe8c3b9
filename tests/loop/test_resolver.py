"""getaddrinfo() of names: threads of the loop's own answer as the socket module does."""

import asyncio
import os
import socket
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import tricorn

from loop.turns import run, without_collector

QUESTIONS: list[tuple[str | None, str | int | bytes | None, dict[str, int]]] = [
    ("localhost", 80, {}),
    ("localhost", "http", {"type": socket.SOCK_STREAM}),
    ("localhost", b"domain", {"type": socket.SOCK_DGRAM}),
    ("localhost", None, {"family": socket.AF_INET}),
    ("LocalHost", 0, {"family": socket.AF_INET6, "type": socket.SOCK_STREAM}),
    ("localhost.", 1, {"proto": socket.IPPROTO_TCP}),
    ("localhost", 80, {"flags": socket.AI_ADDRCONFIG | socket.AI_V4MAPPED, "type": socket.SOCK_STREAM}),
    ("localhost", 80, {"flags": socket.AI_CANONNAME}),
    (None, 80, {"type": socket.SOCK_STREAM}),
    (None, 80, {"type": socket.SOCK_STREAM, "flags": socket.AI_PASSIVE}),
    (None, None, {}),
    ("127.1", 70000, {}),
    ("127.0.0.1", -1, {}),
    ("::1%lo", 80, {"type": socket.SOCK_STREAM}),
    ("localhost", "no-such-service", {}),
    ("name.invalid", 80, {"flags": socket.AI_NUMERICHOST}),
    ("localhost", 80, {"family": socket.AF_INET6, "proto": socket.IPPROTO_SCTP}),
    ("a..b", 80, {}),
    ("", 80, {}),
    ("x" * 64, 80, {}),
    ("b\xfccher.invalid", 80, {"flags": socket.AI_NUMERICHOST}),
]


def answer_of_socket(host: str | None, port: str | int | bytes | None, query: dict[str, int]) -> object:
    try:
        return socket.getaddrinfo(host, port, **query)
    except (OSError, UnicodeError) as error:
        return error


@pytest.mark.parametrize(("host", "port", "query"), QUESTIONS)
def test_names_are_what_the_socket_module_says(
    host: str | None, port: str | int | bytes | None, query: dict[str, int]
) -> None:
    async def main() -> object:
        try:
            return await asyncio.get_running_loop().getaddrinfo(host, port, **query)
        except (OSError, UnicodeError) as error:
            return error

    answer, expected = run(main()), answer_of_socket(host, port, query)
    assert repr(answer) == repr(expected)
    if isinstance(expected, BaseException):
        assert type(answer) is type(expected)
        assert answer.args == expected.args  # type: ignore[attr-defined]


def test_names_need_no_executor() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        expected = socket.getaddrinfo("localhost", 80)
        assert await asyncio.gather(*[loop.getaddrinfo("localhost", 80) for _ in range(200)]) == [expected] * 200
        assert loop._default_executor is None  # type: ignore[attr-defined]

    run(main())


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_replaced_function_is_asked(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: "replaced")

    async def main() -> object:
        return await asyncio.get_running_loop().getaddrinfo(host, 80)

    assert run(main()) == "replaced"


def test_a_look_up_can_be_given_up() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(loop.getaddrinfo("localhost", 80)) for _ in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
        assert all(isinstance(answer, list) for answer in answers[1::2])

    run(main())


def test_a_loop_is_closed_with_questions_open() -> None:
    def count_of_loops() -> int:
        """Their descriptors; not the files that look-ups read just now."""
        count = 0
        for link in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):
                count += os.readlink(link).startswith("anon_inode:")
        return count

    before = count_of_loops()
    for _ in range(100):
        loop = tricorn.new_event_loop()
        task = loop.create_task(loop.getaddrinfo("localhost", 80))
        loop.run_until_complete(asyncio.sleep(0))
        task.cancel()
        loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        loop.close()
    assert count_of_loops() == before


def test_a_closed_loop_answers_nothing(loop: tricorn.Loop) -> None:
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.getaddrinfo("localhost", 80).send(None)  # type: ignore[attr-defined]


def test_a_forked_child_has_threads_of_its_own() -> None:
    async def ask() -> list[object]:
        return await asyncio.get_running_loop().getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)

    expected = run(ask())
    child = os.fork()
    if child == 0:
        os._exit(0 if run(ask()) == expected else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert run(ask()) == expected


def test_the_answers_to_a_child_are_its_own(loop: tricorn.Loop) -> None:
    def ask() -> None:
        loop.run_until_complete(loop.getaddrinfo("localhost", 80))

    def arrivals() -> list[str]:
        counts = []
        for info in Path("/proc/self/fdinfo").iterdir():
            with suppress(FileNotFoundError):
                counts += [line for line in info.read_text().splitlines() if line.startswith("eventfd-count")]
        return sorted(counts)

    ask()
    before = arrivals()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            ask()
            loop.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert arrivals() == before
    ask()
    assert arrivals() != before


def test_a_name_that_is_not_found_leaves_no_garbage() -> None:
    class Thing:
        pass

    async def ask() -> weakref.ref[Thing]:
        thing = Thing()
        with pytest.raises(socket.gaierror):
            await asyncio.get_running_loop().getaddrinfo("localhost", "no-such-service")
        return weakref.ref(thing)

    async def main() -> None:
        alive = await asyncio.get_running_loop().create_task(ask())
        assert alive() is None

    with without_collector():
        run(main())


def test_who_asks_hears_of_it_when_memory_is_out(loop: tricorn.Loop) -> None:
    testing = pytest.importorskip("_testcapi")

    loop.run_until_complete(loop.getaddrinfo("localhost", 80))
    question = loop.getaddrinfo("localhost", 80)
    asked: list[asyncio.Future[object]] = []

    def ask() -> None:
        asked.append(question.send(None))  # type: ignore[attr-defined]
        time.sleep(0.1)  # the answer is there
        testing.set_nomemory(0, 1)  # the next allocation fails

    loop.call_soon(ask)
    loop.call_later(0.2, loop.stop)
    try:
        loop.run_forever()
    finally:
        testing.remove_mem_hooks()
    with pytest.raises(MemoryError):
        asked[0].result()
    question.close()


def test_idle_threads_end() -> None:
    def looking_up() -> int:
        count = 0
        for task in Path("/proc/self/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                count += (task / "comm").read_text() == "getaddrinfo\n"
        return count

    async def main() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*[loop.getaddrinfo("localhost", 80) for _ in range(500)])
        assert 1 <= looking_up() <= 16

    run(main())
    deadline = time.monotonic() + 30
    while looking_up() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert looking_up() == 0


def test_connections_find_their_server_by_name() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "localhost", 0, family=socket.AF_INET)
        port = server.sockets[0].getsockname()[1]
        with ThreadPoolExecutor(1) as pool:
            loop.set_default_executor(pool)
            transport, _ = await loop.create_connection(asyncio.Protocol, "localhost", port)
            assert transport.get_extra_info("peername") == ("127.0.0.1", port)
            transport.close()
        server.close()
        await server.wait_closed()

    run(main())
