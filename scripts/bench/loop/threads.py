"""Calls between the loop and other threads. All of them share the one core."""

from __future__ import annotations

import asyncio
import queue
import threading

from work import Work

BURST = 10_000


async def flood(count: int) -> None:
    """A thread floods the loop with calls, 10^4 in a burst."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    burst_ran = threading.Semaphore(0)
    left = count

    def called() -> None:
        nonlocal left
        left -= 1
        if left % BURST == 0:
            burst_ran.release()
            if left == 0:
                done.set_result(None)

    def call() -> None:
        for _ in range(count // BURST):
            for _ in range(BURST):
                loop.call_soon_threadsafe(called)
            burst_ran.acquire()

    thread = threading.Thread(target=call)
    thread.start()
    await done
    thread.join()


async def ping_pong(count: int) -> None:
    """The loop asks a thread, which answers by a call."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
    left = count

    def answered() -> None:
        nonlocal left
        left -= 1
        asked.put(left > 0)
        if left == 0:
            done.set_result(None)

    def answer() -> None:
        while asked.get():
            loop.call_soon_threadsafe(answered)

    thread = threading.Thread(target=answer)
    thread.start()
    asked.put(True)
    await done
    thread.join()


def nothing() -> None:
    pass


async def run_in_executor(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        await loop.run_in_executor(None, nothing)


WORK = {
    "threadsafe flood": Work(flood, BURST),
    "threadsafe ping-pong": Work(ping_pong),
    "run_in_executor": Work(run_in_executor),
}
