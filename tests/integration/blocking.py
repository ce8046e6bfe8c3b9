"""An app on disk that blocks its loop, holds the GIL, waits or exits, as asked: for what the watchdog sees."""

from __future__ import annotations

from pathlib import Path

BLOCKING = '''\
import asyncio, os, time

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = str(os.getpid()).encode()
    if scope["path"] == "/block":
        block(float(scope["query_string"]))
    if scope["path"] == "/hold-gil":
        sum(range(10 ** 12))
    if scope["path"] == "/await":
        await asyncio.gather(asyncio.sleep(float(scope["query_string"])),
                             asyncio.to_thread(time.sleep, float(scope["query_string"])))
    if scope["path"] == "/exit":
        os._exit(int(scope["query_string"]))
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

def block(seconds):
    time.sleep(seconds)  # the line to find
'''


def line_of(text: str) -> int:
    """Of the app."""
    return next(number for number, line in enumerate(BLOCKING.splitlines(), 1) if text in line)


def write_blocking(folder: Path) -> Path:
    (folder / "blocking.py").write_text(BLOCKING)
    return folder
