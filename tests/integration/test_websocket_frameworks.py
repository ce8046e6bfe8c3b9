"""One WebSocket endpoint in five frameworks, spoken to by four clients."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import aiohttp
import httpx
import httpx_ws
import pytest
import socketio
import websockets

from integration.server import Server

FRAMEWORKS = ["starlette", "fastapi", "quart", "channels"]
PROMPT_S = 20.0


class Room(Protocol):
    """What the tests need of a client's connection."""

    headers: dict[str, str]
    subprotocol: str | None

    async def send(self, data: str | bytes) -> None: ...
    async def receive(self) -> str | bytes: ...
    async def end(self) -> int:
        """Waits for the server's close. Its code."""
        ...


class WebsocketsRoom:
    def __init__(self, connection: websockets.ClientConnection) -> None:
        self._connection = connection
        assert connection.response is not None
        self.headers = {name.lower(): value for name, value in connection.response.headers.raw_items()}
        self.subprotocol = connection.subprotocol

    async def send(self, data: str | bytes) -> None:
        await self._connection.send(data)

    async def receive(self) -> str | bytes:
        return await asyncio.wait_for(self._connection.recv(), PROMPT_S)

    async def end(self) -> int:
        await asyncio.wait_for(self._connection.wait_closed(), PROMPT_S)
        assert self._connection.close_code is not None
        return self._connection.close_code


@asynccontextmanager
async def by_websockets(url: str, compression: str | None = None) -> AsyncIterator[Room]:
    async with websockets.connect(url, subprotocols=[websockets.Subprotocol("chat")], compression=compression) as connection:
        yield WebsocketsRoom(connection)


def by_websockets_deflating(url: str) -> AbstractAsyncContextManager[Room]:
    return by_websockets(url, "deflate")


class AiohttpRoom:
    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        self.headers = {name.lower(): value for name, value in connection._response.headers.items()}
        self.subprotocol = connection.protocol

    async def send(self, data: str | bytes) -> None:
        await (self._connection.send_str(data) if isinstance(data, str) else self._connection.send_bytes(data))

    async def receive(self) -> str | bytes:
        message = await self._connection.receive(PROMPT_S)
        assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
        data: str | bytes = message.data
        return data

    async def end(self) -> int:
        assert (await self._connection.receive(PROMPT_S)).type == aiohttp.WSMsgType.CLOSE
        assert self._connection.close_code is not None
        return self._connection.close_code


@asynccontextmanager
async def by_aiohttp(url: str) -> AsyncIterator[Room]:
    async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=["chat"], compress=15) as connection:
        yield AiohttpRoom(connection)


class HttpxRoom:
    def __init__(self, session: httpx_ws.AsyncWebSocketSession) -> None:
        self._session = session
        assert session.response is not None
        self.headers = dict(session.response.headers)
        self.subprotocol = session.subprotocol

    async def send(self, data: str | bytes) -> None:
        await (self._session.send_text(data) if isinstance(data, str) else self._session.send_bytes(data))

    async def receive(self) -> str | bytes:
        event = await self._session.receive(timeout=PROMPT_S)
        data: str | bytes = event.data  # type: ignore[attr-defined]
        return data

    async def end(self) -> int:
        try:
            await self._session.receive(timeout=PROMPT_S)
        except httpx_ws.WebSocketDisconnect as end:
            return end.code
        raise AssertionError("a message came in place of the end")


@asynccontextmanager
async def by_httpx(url: str) -> AsyncIterator[Room]:
    async with httpx.AsyncClient() as client, httpx_ws.aconnect_ws(url, client, subprotocols=["chat"]) as session:
        yield HttpxRoom(session)


CLIENTS: dict[str, Callable[[str], AbstractAsyncContextManager[Room]]] = {
    "websockets": by_websockets, "websockets-deflate": by_websockets_deflating, "aiohttp": by_aiohttp, "httpx-ws": by_httpx}


@pytest.fixture(scope="module", params=FRAMEWORKS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(f"rooms:{request.param}", "--workers", "2", "--ws-per-message-deflate", "true") as running:
        yield running


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Callable[[str], AbstractAsyncContextManager[Room]]:
    return CLIENTS[request.param]


def url_of(server: Server, path: str) -> str:
    return server.url.replace("http", "ws", 1) + path


def test_messages_of_all_kinds_come_back(server: Server, client: Callable[[str], AbstractAsyncContextManager[Room]]) -> None:
    """Text, bytes, empty, large; compressed where the client offers it."""
    async def talk() -> None:
        async with client(url_of(server, "/ws/tea")) as room:
            assert (room.headers["x-room"], room.subprotocol) == ("tea", "chat")
            assert json.loads(await room.receive()) == {"room": "tea"}
            for data in ("hello", "ü€𝄞" * 50_000, random.randbytes(1_000_000), "", "x" * 300):
                await room.send(data)
                assert await room.receive() == data
            await room.send("close")
            assert await room.end() == 4000
    asyncio.run(talk())


def test_many_messages_keep_their_order(server: Server, client: Callable[[str], AbstractAsyncContextManager[Room]]) -> None:
    async def talk() -> None:
        async with client(url_of(server, "/ws/many")) as room:
            await room.receive()
            for number in range(500):
                await room.send(f"message {number}")
            assert [await room.receive() for _ in range(500)] == [f"message {number}" for number in range(500)]
    asyncio.run(talk())


def test_a_refused_socket_is_403(server: Server) -> None:
    async def talk() -> None:
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(url_of(server, "/ws/closed"))
        assert refused.value.response.status_code == 403
    asyncio.run(talk())


def test_a_hundred_sockets_at_once(server: Server) -> None:
    async def one(number: int) -> None:
        async with websockets.connect(url_of(server, f"/ws/room{number}")) as socket:
            assert json.loads(await socket.recv())["room"] == f"room{number}"
            await socket.send(str(number))
            assert await socket.recv() == str(number)

    async def talk() -> None:
        await asyncio.gather(*(one(number) for number in range(100)))
    asyncio.run(talk())


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_python_socketio(transport: str) -> None:
    """Its client begins with polling and upgrades, or speaks WebSocket from the start."""
    async def talk(url: str) -> None:
        client = socketio.AsyncClient(handle_sigint=False)  # of the test runner
        echoed: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        client.on("echoed", lambda data: echoed.set_result(data))
        await client.connect(url, transports=["polling", "websocket"] if transport == "polling" else ["websocket"])
        assert await client.call("echo", {"a": [1, "ü"]}, timeout=PROMPT_S) == {"a": [1, "ü"]}
        assert await asyncio.wait_for(echoed, PROMPT_S) == {"a": [1, "ü"]}
        await client.disconnect()

    with Server("rooms:socketio_app") as server:
        asyncio.run(talk(server.url))
