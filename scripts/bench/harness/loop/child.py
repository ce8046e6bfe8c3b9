"""A process that is talked to in lines: on one core, in a session of its own, with its CPU time."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from types import TracebackType

DEADLINE_S = 60.0
CPUCLOCK_SCHED = 2  # include/uapi/linux/time.h: a process's clock is ~pid << 3 | 2, as clock_getcpuclockid(3) gives it


class Failed(Exception):
    """A line that could not be measured; the text says why."""


class Child:
    """Starts in `__enter__` (without waiting), is killed with its session in `__exit__`."""

    def __init__(self, command: list[str], core: int, environment: Mapping[str, str] | None = None) -> None:
        self._command = ["taskset", "-c", str(core), *command]
        self._environment = {**os.environ, **(environment or {})}
        self._unread = b""

    def __enter__(self) -> Child:
        self._errors = tempfile.TemporaryFile(prefix="bench-loop-")
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                                         env=self._environment, start_new_session=True, bufsize=0)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except BrokenPipeError:
            raise Failed(self.last_words()) from None

    def hear(self, patience_s: float = DEADLINE_S) -> str:
        """The next line that it prints."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + patience_s
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Failed(f"nothing came within {patience_s:.0f} s")
            part = os.read(self._process.stdout.fileno(), 65536)
            if not part:
                raise Failed(self.last_words())
            self._unread += part
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode()

    def cpu_seconds(self) -> float:
        """User and system time of all its threads, in nanoseconds' resolution; without its children."""
        return time.clock_gettime(~self.pid << 3 | CPUCLOCK_SCHED)

    def last_words(self) -> str:
        """The last line of its errors: of a traceback, the exception."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1].strip() if lines else f"ended with status {self._process.wait()}"
