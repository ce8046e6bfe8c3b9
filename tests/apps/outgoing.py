"""The app's own asyncio work inside a request: clients, streams, processes, threads, TLS, timers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import anyio
import httpx

from asgi import Handler, Receive, Scope, Send, make_app, query, respond_json


def target(scope: Scope) -> tuple[str, int]:
    return "127.0.0.1", int(query(scope)["port"])


async def by_httpx(scope: Scope, receive: Receive, send: Send) -> None:
    """Twenty concurrent requests, also over TLS when ?ca is given."""
    ca = query(scope).get("ca")
    url = f"{'https' if ca else 'http'}://127.0.0.1:{target(scope)[1]}/"
    verify = ssl.create_default_context(cafile=ca) if ca else False
    async with httpx.AsyncClient(verify=verify, trust_env=False, timeout=20) as client:
        responses = await asyncio.gather(*(client.get(url) for _ in range(20)))
    await respond_json(send, sorted({response.text for response in responses}))


async def by_aiohttp(scope: Scope, receive: Receive, send: Send) -> None:
    ca = query(scope).get("ca")
    url = f"{'https' if ca else 'http'}://127.0.0.1:{target(scope)[1]}/"
    context = ssl.create_default_context(cafile=ca) if ca else False
    async with aiohttp.ClientSession() as session:
        async def ask() -> str:
            async with session.get(url, ssl=context) as response:
                return await response.text()
        texts = await asyncio.gather(*(ask() for _ in range(20)))
    await respond_json(send, sorted(set(texts)))


async def by_streams(scope: Scope, receive: Receive, send: Send) -> None:
    """A megabyte through an echo server of the app's own, on the same loop, over TCP and a unix socket."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        payload = os.urandom(1_000_000)
        writer.write(payload)
        writer.write_eof()
        received = await reader.read(-1)
        writer.close()
        await writer.wait_closed()
        return len(received) if received == payload else -1

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s")
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as tcp, await asyncio.start_unix_server(serve, path):
            over_tcp = await exchange(*await asyncio.open_connection(*tcp.sockets[0].getsockname()[:2]))
            over_unix = await exchange(*await asyncio.open_unix_connection(path))
    await respond_json(send, [over_tcp, over_unix])


async def by_process(scope: Scope, receive: Receive, send: Send) -> None:
    """exec with pipes, shell, exit code, signal, and a deadline that kills."""
    echo = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import sys; sys.stdout.write(sys.stdin.read()[::-1]); sys.exit(3)",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    output, _ = await echo.communicate(b"abc" * 100_000)
    shell = await asyncio.create_subprocess_shell("echo out; echo err >&2", stdout=asyncio.subprocess.PIPE,
                                                  stderr=asyncio.subprocess.PIPE)
    out, err = await shell.communicate()
    sleeper = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        async with asyncio.timeout(0.05):
            await sleeper.wait()
    except TimeoutError:
        sleeper.send_signal(signal.SIGTERM)
    many = await asyncio.gather(*(asyncio.create_subprocess_exec("true") for _ in range(10)))
    codes = {await process.wait() for process in many}
    await respond_json(send, {"output": output == b"cba" * 100_000, "code": echo.returncode, "shell": [out.decode(), err.decode()],
                              "killed": await sleeper.wait(), "many": sorted(codes)})


async def by_executor(scope: Scope, receive: Receive, send: Send) -> None:
    """Threads: the default pool, to_thread, results and errors, calls back into the loop."""
    loop = asyncio.get_running_loop()
    called = loop.create_future()

    def work() -> int:
        time.sleep(0.01)
        loop.call_soon_threadsafe(called.set_result, "from a thread")
        return 7

    def fail() -> None:
        raise LookupError("in a thread")

    try:
        await loop.run_in_executor(None, fail)
        error = ""
    except LookupError as caught:
        error = str(caught)
    numbers = await asyncio.gather(*(asyncio.to_thread(pow, 2, n) for n in range(10)))
    await respond_json(send, {"result": await loop.run_in_executor(None, work), "called": await called, "error": error,
                              "numbers": numbers})


async def by_names(scope: Scope, receive: Receive, send: Send) -> None:
    """getaddrinfo for a literal and for a name that does not exist; getnameinfo."""
    loop = asyncio.get_running_loop()
    literal = await loop.getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)
    try:
        await loop.getaddrinfo("does-not-exist.invalid", 80)
        missing = "found"
    except socket.gaierror:
        missing = "gaierror"
    info = await loop.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    await respond_json(send, [literal[0][4], missing, list(info)])


async def by_sockets(scope: Scope, receive: Receive, send: Send) -> None:
    """sock_* calls, add_reader, and datagrams."""
    loop = asyncio.get_running_loop()
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    with left, right:
        receiving = asyncio.ensure_future(loop.sock_recv(right, 100))
        await loop.sock_sendall(left, b"hello")
        received = await receiving
        readable = asyncio.Event()
        loop.add_reader(right, readable.set)
        left.send(b"!")
        async with asyncio.timeout(20):
            await readable.wait()
        removed = loop.remove_reader(right) and not loop.remove_reader(right)

    class Echo(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, address: object) -> None:
            self.transport.sendto(data[::-1], address)  # type: ignore[attr-defined]

    class Client(asyncio.DatagramProtocol):
        answer: asyncio.Future[bytes] = loop.create_future()

        def datagram_received(self, data: bytes, address: object) -> None:
            self.answer.set_result(data)

    server, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    client, _ = await loop.create_datagram_endpoint(Client, remote_addr=server.get_extra_info("sockname"))
    client.sendto(b"abc")
    async with asyncio.timeout(20):
        datagram = await Client.answer
    client.close()
    server.close()
    await respond_json(send, [received.decode(), removed, datagram.decode()])


async def by_timers(scope: Scope, receive: Receive, send: Send) -> None:
    """call_later fires in order and not early, a cancelled one never."""
    loop = asyncio.get_running_loop()
    fired: list[int] = []
    begin = loop.time()
    for delay in (30, 10, 20):
        loop.call_later(delay / 1000, fired.append, delay)
    loop.call_later(0.015, fired.append, 0).cancel()
    await asyncio.sleep(0.05)
    await respond_json(send, {"fired": fired, "early": loop.time() - begin < 0.05})


async def by_anyio_process(scope: Scope, receive: Receive, send: Send) -> None:
    result = await anyio.run_process(["cat"], input=b"through cat")
    await respond_json(send, result.stdout.decode())


ROUTES: dict[str, Handler] = {
    "/httpx": by_httpx, "/aiohttp": by_aiohttp, "/streams": by_streams, "/process": by_process,
    "/executor": by_executor, "/names": by_names, "/sockets": by_sockets, "/timers": by_timers,
    "/anyio-process": by_anyio_process,
}
app = make_app(ROUTES)
