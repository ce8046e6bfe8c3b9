"""The threads that a WSGI app runs in: a fixed number, fed in order from the loop's thread.

It relies on the GIL: appending to and popping from a deque or a list is atomic, and what a thread wrote before is seen
by one that reads after it.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue

from ._log import log_error

Bell = SimpleQueue[None]
"""What a thread sleeps on. It may ring once too often: a sleeper looks for itself whether it may go on."""

Job = Callable[[Bell], None]
"""Called in one of the threads, with a bell of that thread's own."""


class ThreadPool:
    """`size` daemon threads.

    A thread is woken per burst of jobs, not per job: one that takes a job and sees more wakes the next one. So jobs that
    only compute, which the GIL runs one by one anyway, are run by few threads, and those that wait have all of them.
    """

    def __init__(self, size: int) -> None:
        self._jobs: deque[Job | None] = deque()
        self._idle: list[SimpleQueue[None]] = []  # the last one to become idle is woken first: its caches are warm
        self._waking = False  # a thread was woken and did not look yet: it will wake the next one
        self._threads = [threading.Thread(target=self._work, name=f"wsgi-{n}", daemon=True) for n in range(size)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        self._jobs.append(job)
        if not self._waking:
            self._wake_one()

    def close(self, timeout_s: float) -> int:
        """Lets the threads end after the jobs that wait; how many are still at work when the time is over."""
        deadline = time.monotonic() + timeout_s
        for _ in self._threads:
            self._jobs.append(None)
        self._wake_one()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return sum(thread.is_alive() for thread in self._threads)

    def _wake_one(self) -> None:
        try:
            wake_up = self._idle.pop()
        except IndexError:
            return
        self._waking = True
        wake_up.put(None)

    def _work(self) -> None:
        wake_up: SimpleQueue[None] = SimpleQueue()
        bell: Bell = SimpleQueue()
        jobs = self._jobs
        while True:
            try:
                job = jobs.popleft()
            except IndexError:
                self._sleep(wake_up)
                continue
            if jobs and not self._waking:
                self._wake_one()
            if job is None:
                return
            try:
                job(bell)
            except BaseException:  # a mistake of ours: jobs keep the app's errors to themselves
                log_error("a thread of the pool failed\n" + traceback.format_exc().rstrip())
            del job  # or the last request would live as long as the thread sleeps

    def _sleep(self, wake_up: SimpleQueue[None]) -> None:
        self._idle.append(wake_up)
        if self._jobs:  # came before we were on the list
            try:
                self._idle.remove(wake_up)
                return
            except ValueError:
                pass  # somebody has just taken it off, and is about to ring
        wake_up.get()
        self._waking = False
