"""A load of well-behaved clients, for tests that must not lose a request: every response is checked for its whole body.

    with Load(server, "/", check, keep_alive=32, new_per_second=20) as load:
        ...
    assert not load.failures

For correctness, not for speed: one thread with its own asyncio loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from integration.processes import eventually
from integration.server import DEADLINE_S, Server

Check = Callable[[bytes], bool]


class Load:
    """`keep_alive` connections that ask again as soon as they are answered, and new ones at a steady rate."""

    def __init__(self, server: Server, target: str, check: Check, *, keep_alive: int = 32, new_per_second: int = 20,
                 think_ms: int = 5) -> None:
        assert isinstance(server.address, tuple)
        self.address, self.check = server.address, check
        self.request = f"GET {target} HTTP/1.1\r\nhost: load\r\n\r\n".encode()
        self.keep_alive, self.new_per_second, self.think_s = keep_alive, new_per_second, think_ms / 1000
        self.answered = 0
        self.bodies: Counter[bytes] = Counter()
        self.served_by: Counter[str] = Counter()  # answers by their x-worker: "2:4711", slot and pid
        self.failures: list[str] = []
        self.failed_at: list[str] = []  # who had answered before on the connection of each failure; "" when it was its first request
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self) -> Load:
        self._thread.start()
        self.wait_answered(self.keep_alive)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the load does not end: a request hangs"

    def wait_answered(self, more: int) -> None:
        """Waits until `more` further requests were answered."""
        goal = self.answered + more
        eventually(lambda: self.answered >= goal or self.failures, lambda: f"{more} answers", DEADLINE_S)

    def assert_no_failure(self) -> None:
        assert not self.failures, f"{len(self.failures)} of {self.answered} failed: {self.failures[:5]}"
        assert self.answered > 0

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(self.keep_alive):
                group.create_task(self._keep_alive_client())
            while not self._stopping.is_set():
                if self.new_per_second:
                    group.create_task(self._connection(once=True))
                await asyncio.sleep(1 / max(self.new_per_second, 20))

    async def _keep_alive_client(self) -> None:
        while not self._stopping.is_set():
            await self._connection(once=False)

    async def _connection(self, *, once: bool) -> None:
        """One connection until the server says that it closes it, the load ends, or something is wrong."""
        step, count, worker = "connect", 0, ""
        try:
            async with asyncio.timeout(DEADLINE_S):
                reader, writer = await asyncio.open_connection(*self.address)
            try:
                while True:
                    step, count = "request", count + 1
                    async with asyncio.timeout(DEADLINE_S):
                        writer.write(self.request)
                        step = "head"
                        head = await reader.readuntil(b"\r\n\r\n")
                        step = "body"
                        body = await self._read_body(reader, head.lower())
                    status = head[9:12]
                    if status != b"200" or not self.check(body):
                        raise AssertionError(f"status {status!r}, body of {len(body)}: {body[:40]!r}")
                    self.answered += 1
                    worker = self._worker_in(head)
                    self.served_by[worker] += 1
                    self.bodies[body[:16]] += 1
                    if once or b"connection: close" in head.lower() or self._stopping.is_set():
                        return
                    await asyncio.sleep(self.think_s)
            finally:
                writer.close()
        except (OSError, EOFError, TimeoutError, AssertionError) as error:
            self.failed_at.append(worker)
            self.failures.append(f"{step} {count} of a {'single' if once else 'keep-alive'} connection: {error!r}")

    @staticmethod
    def _worker_in(head: bytes) -> str:
        return head.partition(b"\r\nx-worker: ")[2].partition(b"\r\n")[0].decode()

    @staticmethod
    async def _read_body(reader: asyncio.StreamReader, head: bytes) -> bytes:
        if b"content-length:" in head:
            return await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
        return body
