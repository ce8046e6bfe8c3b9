"""A process that forks: what the child does with its copies of loop and transports is its own affair."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import tricorn

from loop.datagrams import Echo, Recorder, open_endpoint, open_local
from loop.turns import run


def in_child(deed: Callable[[], object]) -> None:
    """Do it in a fork, which must end well."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            deed()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


def test_a_child_closes_a_transport_of_the_running_loop() -> None:
    async def main() -> None:
        transport, protocol = await open_local()
        await asyncio.sleep(0.001)
        in_child(transport.close)
        transport.sendto(b"x", transport.get_extra_info("sockname"))
        assert await protocol.datagrams(1) == [b"x"]
        transport.close()

    run(main())


def test_a_child_runs_its_copy_of_a_loop(loop: tricorn.Loop) -> None:
    server, _ = loop.run_until_complete(open_local(Echo()))
    client: Recorder
    transport, client = loop.run_until_complete(open_endpoint(remote_addr=server.get_extra_info("sockname")))

    async def call(count: int) -> None:
        transport.sendto(b"ball")
        await client.datagrams(count)

    def play() -> None:
        loop.run_until_complete(call(1))
        transport.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()

    in_child(play)
    in_child(play)
    loop.run_until_complete(call(1))
    loop.run_until_complete(call(2))
    transport.close()
    server.close()
    loop.run_until_complete(asyncio.sleep(0))
