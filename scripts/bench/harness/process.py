"""A running server: started on one core in a session of its own, with its CPU time and memory from /proc."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO

from harness.servers import WORKERS, ServerKind, Setting

DEADLINE_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class RunningServer:
    """Starts in `__enter__` (without waiting), is killed with its whole session in `__exit__`."""

    def __init__(self, kind: ServerKind, setting: Setting, core: int | None) -> None:
        self.kind, self.setting = kind, setting
        pin = ["taskset", "-c", str(core)] if core is not None else []
        self._command = [*pin, *kind.command(setting)]

    def __enter__(self) -> RunningServer:
        # An access log costs what it costs into a file; /dev/null would be cheaper than any real one.
        self._log = tempfile.NamedTemporaryFile(prefix=f"bench-{self.kind.name}-", suffix=".log")
        self._reader = None
        output: int | IO[bytes] = self._log
        if self.setting.workload == "access-log-pipe":
            self._reader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=self._log)
            assert self._reader.stdin is not None
            output = self._reader.stdin
        self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                         env={**os.environ, **self.kind.environment}, start_new_session=True)
        if self._reader is not None and self._reader.stdin is not None:
            self._reader.stdin.close()  # the server's ends are the only ones now
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()
        if self._reader is not None:
            self._reader.wait()
        self._log.close()

    def wait_until_it_answers(self, path: str) -> None:
        self.wait_until(lambda: get(self.setting.port, path) is not None)

    def wait_until(self, serves: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not serves():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.kind.name} does not serve:\n{Path(self._log.name).read_text()[-3000:]}")
            time.sleep(0.02)

    def pids(self) -> list[int]:
        """Every process of its session."""
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                session = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[3])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if session == self._process.pid:
                found.append(int(name))
        return found

    def cpu_seconds(self) -> float:
        """User and system time of the whole tree, of dead and reaped children too."""
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(field) for field in fields[11:15])
        return ticks / TICKS_PER_S

    def wait_until_idle(self) -> None:
        """Until it has done with what a load has left behind, so that the next server has the core to itself."""
        deadline, before = time.monotonic() + DEADLINE_S, -1.0
        while (now := self.cpu_seconds()) != before and time.monotonic() < deadline:
            before = now
            time.sleep(0.1)

    def pss_bytes(self) -> int:
        """Proportional set size of the whole tree: shared pages count once."""
        total = 0
        for pid in self.pids():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024  # type: ignore[index]
        return total

    def logged(self, text: bytes) -> int:
        """How often `text` occurs in its output: whether an access log is complete."""
        with open(self._log.name, "rb") as log:
            return sum(line.count(text) for line in log)

    def serving_pids(self, count: int) -> set[int]:
        """The workers, by asking on new connections until `count` have answered."""
        deadline, pids = time.monotonic() + DEADLINE_S, set[int]()
        while len(pids) < count:
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.kind.name}: only {len(pids)} of {count} workers answered")
            answers = [get(self.setting.port, "/pid") for _ in range(8)]
            pids |= {int(answer.body) for answer in answers if answer is not None}
        return pids


class Answer:
    """Status, header names (lower-cased, sorted) and body of one response."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.header_names = sorted(name.lower() for name, _ in response.getheaders())
        self.body = response.read()


def get(port: int, path: str, body: bytes | None = None) -> Answer | None:
    """One request on its own connection; None when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("POST" if body is not None else "GET", path, body)
        return Answer(connection.getresponse())
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@contextmanager
def all_running(kinds: list[ServerKind], workload: str, core: int) -> Iterator[list[RunningServer]]:
    """All servers at once, on one core: those not measured are idle."""
    running = [RunningServer(kind, Setting(workload, free_port(), workers=WORKERS.get(workload, 1)), core) for kind in kinds]
    entered: list[RunningServer] = []
    try:
        for server in running:
            entered.append(server.__enter__())
        yield running
    finally:
        for server in entered:
            server.__exit__(None, None, None)
