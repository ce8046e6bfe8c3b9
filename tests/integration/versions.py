"""An app on disk in two versions, and what the supervision tests do with a server of it."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from integration.server import Server

APP_SOURCE = '''
import asyncio, os
BODY = b"{version}:" + b"{letter}" * 20000
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] == "lifespan.startup":
            await send({{"type": "lifespan.startup.complete"}})
        os.write(1, b"lifespan shutdown {version}\\n")
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    await asyncio.sleep(0.002)
    worker = f"{{os.environ['TRICORN_WORKER_ID']}}:{{os.getpid()}}"
    await send({{"type": "http.response.start", "status": 200,
                 "headers": [(b"content-length", str(len(BODY)).encode()), (b"x-worker", worker.encode())]}})
    await send({{"type": "http.response.body", "body": BODY[:7000], "more_body": True}})
    await asyncio.sleep(0.002)
    await send({{"type": "http.response.body", "body": BODY[7000:]}})
'''
VERSIONS = {"v1": "a", "v2": "b"}
KILLED = r"killed by signal 9 \(SIGKILL\)"  # what the log says of a worker that a test killed
BROKEN = {
    "syntax error": "def app(:\n",
    "exception at import": "raise LookupError('no settings')\n",
    "failed startup": "async def app(scope, receive, send):\n    if scope['type'] == 'lifespan':\n"
                      "        await receive()\n        await send({'type': 'lifespan.startup.failed', 'message': 'no database'})\n",
}
MODES = pytest.mark.parametrize("mode", [(), ("--preload",)], ids=["workers-import", "preload"])


def write_app(folder: Path, version: str) -> None:
    """Puts the version in place at once, as a deploy does."""
    write_source(folder, APP_SOURCE.format(version=version, letter=VERSIONS[version]))


def write_source(folder: Path, source: str) -> None:
    (folder / "new").write_text(source)
    (folder / "new").rename(folder / "site_app.py")


def complete(body: bytes) -> bool:
    version, _, rest = body.decode().partition(":")
    return version in VERSIONS and rest == VERSIONS[version] * 20000


def identity(server: Server) -> int:
    return int(json.loads(server.get("/identity").body)["pid"])


def reload(server: Server, number: int) -> None:
    """HUP, and waits for the end of the roll."""
    server.signal(signal.SIGHUP)
    server.log.wait_for(r"reloaded: generation", count=number)


def concurrently(count: int, work: Callable[[int], object]) -> list[object]:
    """The results of `count` threads; an exception is a result too."""
    results: list[object] = [None] * count

    def run(index: int) -> None:
        try:
            results[index] = work(index)
        except BaseException as error:  # noqa: BLE001 (it is the result)
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
