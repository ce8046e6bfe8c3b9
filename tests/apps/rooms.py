"""The same WebSocket endpoint in five frameworks: /ws/ROOM greets, echoes text, bytes and JSON, closes when asked, denies "closed"."""

from __future__ import annotations

import os
from typing import Any

import django
import socketio
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import re_path
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from quart import Quart, websocket
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from asgi import say


async def serve(socket: WebSocket, room: str) -> None:
    """Starlette's and FastAPI's."""
    if room == "closed":
        await socket.close()
        return
    chosen = "chat" if "chat" in socket.scope["subprotocols"] else None
    await socket.accept(subprotocol=chosen, headers=[(b"x-room", room.encode())])
    await socket.send_json({"room": room})
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message["code"])
            if message.get("text") == "close":
                await socket.close(4000, "as asked")
                return
            await socket.send({**message, "type": "websocket.send"})
    except WebSocketDisconnect as left:
        say(f"left with {left.code}")


async def starlette_endpoint(socket: WebSocket) -> None:
    await serve(socket, socket.path_params["room"])


starlette = Starlette(routes=[WebSocketRoute("/ws/{room}", starlette_endpoint)])

fastapi = FastAPI()


@fastapi.websocket("/ws/{room}")
async def fastapi_endpoint(websocket: WebSocket, room: str) -> None:
    await serve(websocket, room)


quart = Quart(__name__)


@quart.websocket("/ws/<room>")
async def quart_endpoint(room: str) -> Any:
    if room == "closed":
        return "closed", 403
    await websocket.accept(headers={"x-room": room}, subprotocol="chat" if "chat" in websocket.requested_subprotocols else None)
    await websocket.send_json({"room": room})
    while True:
        data = await websocket.receive()
        if data == "close":
            await websocket.close(4000, "as asked")
            return None
        await websocket.send(data)


class Consumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    async def connect(self) -> None:
        room = self.scope["url_route"]["kwargs"]["room"]
        if room == "closed":
            await self.close()
            return
        await self.accept(subprotocol="chat" if "chat" in self.scope["subprotocols"] else None, headers=[(b"x-room", room.encode())])
        await self.send(text_data=f'{{"room": "{room}"}}')

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if text_data == "close":
            await self.close(4000, "as asked")
        elif text_data is not None:
            await self.send(text_data=text_data)
        else:
            await self.send(bytes_data=bytes_data)

    async def disconnect(self, code: int) -> None:
        say(f"left with {code}")


if not settings.configured:
    settings.configure(ALLOWED_HOSTS=["*"], SECRET_KEY="tests", ROOT_URLCONF=__name__, INSTALLED_APPS=["channels"])
    django.setup()
urlpatterns: list[Any] = []
channels = ProtocolTypeRouter({"http": get_asgi_application(),
                               "websocket": URLRouter([re_path(r"^ws/(?P<room>\w+)$", Consumer.as_asgi())])})

# python-socketio has a protocol of its own over the WebSocket, and long polling beside it.
_sockets = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", ping_interval=int(os.environ.get("PING_S", "25")))
socketio_app = socketio.ASGIApp(_sockets)


@_sockets.event
async def echo(sid: str, data: Any) -> Any:
    await _sockets.emit("echoed", data, to=sid)
    return data
