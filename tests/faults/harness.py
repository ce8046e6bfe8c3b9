"""What the tests of the fault list share: a server that must have lost and kept nothing, and what its log proves.

    with FaultServer("raw:app", "--workers", "4", allow=(KILLED,)) as server:
        ...                      # inject, observe

After each of them, beside what `Server` asserts (exit code, no process or zombie left, port free, no unexpected ERROR): as long
as the master runs, it holds as many descriptors and threads as when it had just become ready.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import pytest

from integration.processes import open_descriptors, thread_count
from integration.server import Server

WORKERS = 4
UNDER_ASAN = "asan" in os.environ.get("TRICORN_PYTHON", "")


class FaultServer(Server):
    """A test that scales, or ends the master, has to come back to as many workers, or says so by ending it."""

    def start(self) -> FaultServer:
        super().start()
        self._descriptors, self._threads = open_descriptors(self.pid), thread_count(self.pid)
        return self

    def __enter__(self) -> FaultServer:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if kind is None and self.process.poll() is None:
                self.assert_nothing_kept()
        except BaseException as failure:
            super().__exit__(type(failure), failure, failure.__traceback__)
            raise
        super().__exit__(kind, error, trace)

    def assert_nothing_kept(self) -> None:
        """Waits for what is on its way out (a worker that drains, a zygote that is not needed)."""
        def kept_nothing() -> bool:
            return open_descriptors(self.pid) <= self._descriptors and thread_count(self.pid) <= self._threads
        self.eventually(kept_nothing, f"the master holds no more than the {self._descriptors} descriptors and "
                        f"{self._threads} threads of its start")
        assert not [process for process in self.family() if process.zombie]


def zygotes(server: Server) -> list[int]:
    return [process.pid for process in server.family() if "zygote" in process.title and not process.zombie]


def cpu_seconds(pid: int) -> float:
    """What it has used so far; nanoseconds are counted, unlike in /proc/PID/stat."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def build_shim(name: str, folder: Path) -> Path:
    """NAME.c of this folder as a library for LD_PRELOAD."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here")
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    return library


@contextmanager
def reserved_port() -> Iterator[int]:
    """A port for a server that does not tell its own: nobody else is given it, and it refuses as long as nobody listens."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


# --- what the log proves: unlike a look at /proc now and then, it has every moment in it ------------------------------------------
_READY = re.compile(r"worker \d+ \(pid (\d+)\) ready")
_STARTED = re.compile(r"worker \d+ \(pid (\d+)\) of generation \d+ started")  # at debug level
_LEFT = re.compile(r"takes over from worker \d+ \(pid (\d+)\)|worker \d+ \(pid (\d+)\) (?:ended|killed|stopped|could not start|not ready)")


def _counts(server: Server, begins: re.Pattern[str]) -> list[int]:
    """How many workers have begun and not left, after each line."""
    there: set[str] = set()
    counts = []
    for line in list(server.log.lines):
        if began := begins.search(line):
            there.add(began[1])
        elif left := _LEFT.search(line):
            there.discard(left[1] or left[2])
        counts.append(len(there))
    return counts


def fewest_ready(server: Server, all_of_them: int) -> int:
    """The lowest number of workers that were ready and not retiring, once all were."""
    counts = _counts(server, _READY)
    assert all_of_them in counts
    return min(counts[counts.index(all_of_them):])


def most_staying(server: Server) -> int:
    """The highest number of workers that were booting or ready, and not retiring; needs --log-level debug."""
    return max(_counts(server, _STARTED))
