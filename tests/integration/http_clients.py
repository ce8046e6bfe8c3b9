"""Three ordinary clients behind one function: what real users talk to the server with."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp
import httpx

from integration.wire import DEADLINE_S


@dataclass
class Answer:
    """A response in the common part of the three clients; header names lower-cased."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> object:
        return json.loads(self.body)

    def header_values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]


@dataclass
class Call:
    """A request: at most one of `payload` (sent as JSON) and `form` (multipart; bytes become a file)."""

    method: str
    url: str
    headers: dict[str, str] | None = None
    payload: object = None
    form: dict[str, str | bytes] | None = None


def by_httpx(call: Call) -> Answer:
    form = call.form or {}
    files = {name: ("file.bin", value) for name, value in form.items() if isinstance(value, bytes)}
    data = {name: value for name, value in form.items() if isinstance(value, str)}
    with httpx.Client(timeout=DEADLINE_S, trust_env=False) as client:
        response = client.request(call.method, call.url, headers=call.headers, files=files or None, data=data or None,
                                  json=call.payload if call.payload is not None else None)
    return Answer(response.status_code, [(k.lower(), v) for k, v in response.headers.multi_items()], response.content)


def by_aiohttp(call: Call) -> Answer:
    async def ask() -> Answer:
        data = None
        if call.form is not None:
            data = aiohttp.FormData()
            for name, value in call.form.items():
                data.add_field(name, value, filename="file.bin" if isinstance(value, bytes) else None)
        async with (aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(DEADLINE_S)) as session,
                    session.request(call.method, call.url, headers=call.headers, json=call.payload, data=data) as response):
            return Answer(response.status, [(k.lower(), v) for k, v in response.headers.items()], await response.read())
    return asyncio.run(ask())


def by_curl(call: Call) -> Answer:
    command = ["curl", "-s", "-i", "--noproxy", "*", "-m", str(DEADLINE_S), "-X", call.method, call.url]
    for header, text in (call.headers or {}).items():
        command += ["-H", f"{header}: {text}"]
    body = b""
    if call.payload is not None:
        command += ["-H", "content-type: application/json", "--data-binary", "@-"]
        body = json.dumps(call.payload).encode()
    for name, value in (call.form or {}).items():
        if isinstance(value, bytes):
            command += ["-F", f"{name}=@-;filename=file.bin"]
            body = value
        else:
            command += ["-F", f"{name}={value}"]
    output = subprocess.run(command, input=body, capture_output=True, check=True, timeout=DEADLINE_S + 5).stdout
    head, _, rest = output.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 1"):
        head, _, rest = rest.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = [line.partition(":") for line in lines[1:]]
    return Answer(int(lines[0].split()[1]), [(k.lower(), v.strip()) for k, _, v in fields], rest)


CLIENTS: dict[str, Callable[[Call], Answer]] = {"httpx": by_httpx, "aiohttp": by_aiohttp, "curl": by_curl}
