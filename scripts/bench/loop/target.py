"""One event loop with one line of the loops' benchmark, as a process of its own: `target.py LOOP LINE [ADDRESS]`.

A line is either a server, which says `{"ready": ADDRESS, "loop": CLASS}` and serves until it is killed, or work that the
loop does alone or with ADDRESS: then it says `{"ready": "", ...}`, and for each line with a number of seconds on standard
input does so much of it, and says how many operations that were and which CPU time they took, threads and children included.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import time
from typing import Any

import connections
import echo
import made_loops
import processes
import scheduling
import threads
import web
from work import Work

SERVERS = {**echo.SERVERS, **connections.SERVERS, **web.SERVERS}
WORK: dict[str, Work] = {**scheduling.WORK, **threads.WORK, **processes.WORK, **connections.WORK}
WARM_S = 0.1


def say(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def name_of(loop: asyncio.AbstractEventLoop) -> str:
    return f"{type(loop).__module__}.{type(loop).__qualname__}"


async def serve(line: str) -> None:
    address = await SERVERS[line](line)
    say(ready=address, loop=name_of(asyncio.get_running_loop()))
    await asyncio.get_running_loop().create_future()


def cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def do(runner: asyncio.Runner, work: Work, count: int) -> tuple[int, float, float]:
    """At least `count` operations: how many, and their seconds of CPU and of the clock."""
    count = -(-count // work.batch) * work.batch
    gc.collect()
    cpu, begin = cpu_seconds(), time.perf_counter()
    runner.run(work.do(count))
    return count, cpu_seconds() - cpu, time.perf_counter() - begin


def answer(runner: asyncio.Runner, work: Work) -> None:
    count, elapsed = 1, 0.0
    while elapsed < WARM_S:
        count, _, elapsed = do(runner, work, count * 2)
    for text in sys.stdin:
        count, cpu, elapsed = do(runner, work, max(1, round(float(text) * count / elapsed)))
        say(operations=count, cpu=cpu, seconds=elapsed)


def settle_allocator() -> None:
    """Frees 1 MiB once, as any larger program has at some time. From then on glibc takes blocks of that size from its heap
    (mallopt(3), M_MMAP_THRESHOLD); before, each 256 KiB that some loops read into are mapped and unmapped, at 3 times the cost
    of an echo. Which of them has come so far by its imports would be chance."""
    bytearray(1 << 20)


def main() -> None:
    name, line, *address = sys.argv[1:]
    settle_allocator()
    with asyncio.Runner(loop_factory=made_loops.factory(name)) as runner:
        if line in SERVERS:
            runner.run(serve(line))
            return
        work = WORK[line]
        if work.prepare is not None:
            runner.run(work.prepare(*address))
        say(ready="", loop=name_of(runner.get_loop()))
        answer(runner, work)


if __name__ == "__main__":
    main()
