"""The server under test: the real executable, started, observed, stopped, and checked for what it leaves behind.

    with Server("raw:app", "--workers", "4") as server:
        assert server.get("/hello").status == 200

`Server.__exit__` stops it by SIGTERM and asserts: exit code as expected, no process or zombie left, port free, no
unexpected error in the log. `TRICORN_BIN` names another executable than build/release/tricorn.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from integration import processes
from integration.processes import Process, eventually
from integration.wire import Connection, Response

ROOT = Path(__file__).resolve().parents[2]
APPS = ROOT / "tests" / "apps"
DEADLINE_S = 30.0  # to become ready, or to stop: generous, so that a busy machine changes nothing

ADDRESS = re.compile(r"https?://(\[[0-9a-f:.]+\]|[0-9.]+|localhost):([1-9]\d*)")
UNIX_ADDRESS = re.compile(r"unix:(\S+)")
ERROR = re.compile(r"\b(ERROR|CRITICAL)\b|^Traceback \(most recent call last\)|Exception ignored|killed by signal|"
                   r"Sanitizer:|runtime error:")


def executable() -> str:
    return os.environ.get("TRICORN_BIN", str(ROOT / "build" / "release" / "tricorn"))


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without what would configure the server by accident, and with our interpreter first.

    TRICORN_PYTHON stays: scripts/asan_python, for one.
    """
    ours = ("WEB_CONCURRENCY", "PORT", "FORWARDED_ALLOW_IPS", "LISTEN_FDS", "NOTIFY_SOCKET", "VIRTUAL_ENV")
    kept = {k: v for k, v in os.environ.items()
            if k == "TRICORN_PYTHON" or (not k.startswith("TRICORN_") and k not in ours)}
    kept["PATH"] = f"{Path(sys.executable).parent}:{kept.get('PATH', '/usr/bin:/bin')}"
    if sys.prefix != sys.base_prefix:
        kept["VIRTUAL_ENV"] = sys.prefix
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(extra or {})


class Log:
    """Lines of the server's output as they come; waiting for one is waiting for an event."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.ended = False
        self._changed = threading.Condition()

    def collect(self, stream: subprocess.Popen[str]) -> None:
        assert stream.stdout is not None
        for line in stream.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def wait_for(self, pattern: str | re.Pattern[str], *, count: int = 1, since: int = 0,
                 deadline_s: float = DEADLINE_S) -> re.Match[str]:
        """The `count`-th line that matches, from line `since` on; fails when the server ends or the deadline passes."""
        with self._changed:
            def found() -> bool:
                return len(self.matches(pattern, since)) >= count or self.ended
            self._changed.wait_for(found, deadline_s)
            matches = self.matches(pattern, since)
        assert len(matches) >= count, f"no line {count} like {pattern!r} in the log:\n{self}"
        return matches[count - 1]

    def wait_for_end(self, deadline_s: float) -> bool:
        """True when every process that held the pipe is gone."""
        with self._changed:
            return self._changed.wait_for(lambda: self.ended, deadline_s)

    def matches(self, pattern: str | re.Pattern[str], since: int = 0) -> list[re.Match[str]]:
        regex = re.compile(pattern)
        return [match for line in self.lines[since:] if (match := regex.search(line))]

    def count(self, pattern: str | re.Pattern[str], since: int = 0) -> int:
        return len(self.matches(pattern, since))

    def __str__(self) -> str:
        """Its end, where the cause of a failure is."""
        cut = [f"... {len(self.lines) - 300} lines before"] if len(self.lines) > 300 else []
        return "\n".join(cut + self.lines[-300:])


class Server:
    """One running server. `expect_exit` is its exit code, `allow` are patterns of error lines that the test provokes."""

    def __init__(self, app: str, *arguments: str, app_dir: Path | str | None = APPS, bind: tuple[str, ...] | None = None,
                 environment: Mapping[str, str] | None = None, allow: tuple[str, ...] = (), expect_exit: int = 0,
                 command_prefix: tuple[str, ...] = (), cwd: Path | str | None = None, pass_fds: tuple[int, ...] = ()) -> None:
        where = ("--app-dir", str(app_dir)) if app_dir is not None else ()
        binding = ("--host", "127.0.0.1", "--port", "0") if bind is None else bind
        self.command = [*command_prefix, executable(), *where, *binding, *arguments, app]
        self.mark = f"TEST_MARK_{uuid.uuid4().hex}"
        self.environment = clean_environment({self.mark: "1"} | dict(environment or {}))
        self.allow = list(allow)
        self.expect_exit = expect_exit
        self.log = Log()
        self.address: tuple[str, int] | str = ""
        self._cwd, self._pass_fds = cwd, pass_fds
        self._lines_checked = 0
        self.process: subprocess.Popen[str]

    # --- life -------------------------------------------------------------------------------------------------------
    def spawn(self) -> Server:
        """Starts the process without waiting for anything."""
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", env=self.environment, start_new_session=True, cwd=self._cwd, pass_fds=self._pass_fds)
        threading.Thread(target=self.log.collect, args=(self.process,), daemon=True).start()
        return self

    def start(self) -> Server:
        """Starts it and waits until every worker is ready and it answers."""
        self.spawn()
        try:
            self.address = self._read_address()
            self.log.wait_for(r"\bready: \d+ worker")
            self.eventually(self._answers, f"an answer from {self.address}")
        except BaseException:
            self.kill_all()
            raise
        return self

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if self.process.poll() is None and kind is None:
                self.signal(signal.SIGTERM)
            if kind is None:
                self.assert_gone()
        finally:
            self.kill_all()
            if kind is not None:
                print(f"--- {' '.join(self.command)}\n{self.log}\n---")

    def wait(self, deadline_s: float = DEADLINE_S) -> int:
        """The exit code, negative for a signal; the log is complete then, unless something is left behind."""
        try:
            code = self.process.wait(deadline_s)
            self.log.wait_for_end(1)
            return code
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {deadline_s} s; log:\n{self.log}") from None

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.signal(number)
        return self.wait()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill_all(self) -> None:
        """Ends whatever is left of this server, and only that."""
        for process in self.family():
            try:
                os.kill(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    # --- what must be true afterwards ---------------------------------------------------------------------------------
    def assert_gone(self) -> None:
        """Waits for the end and asserts that nothing is left: the rule of every test in this folder."""
        code = self.wait()
        deadline = time.monotonic() + 5
        assert code == self.expect_exit, f"exit code {code}, expected {self.expect_exit}; log:\n{self.log}"
        left = self.family()
        while left and time.monotonic() < deadline:
            time.sleep(0.01)
            left = self.family()
        assert not left, f"left behind: {left}; log:\n{self.log}"
        assert self.log.wait_for_end(5), "somebody still holds the server's standard error"
        if isinstance(self.address, tuple) and not self._pass_fds:
            assert processes.port_is_free(*self.address), f"port of {self.address} not free"
        self.assert_log_clean()

    def assert_sound(self) -> None:
        """What must hold after each test on a server that goes on."""
        assert self.process.poll() is None, f"the server died with {self.process.returncode}:\n{self.log}"
        zombies = [process for process in self.family() if process.zombie]
        assert not zombies, zombies
        self.assert_log_clean()

    def assert_log_clean(self) -> None:
        """Looks at each line once, so that an error is blamed on the test that caused it."""
        fresh, self._lines_checked = self.log.lines[self._lines_checked:], len(self.log.lines)
        bad = [line for line in fresh if ERROR.search(line) and not any(re.search(a, line) for a in self.allow)]
        assert not bad, f"unexpected in the log: {bad}\n--- whole log:\n{self.log}"

    # --- looking at it --------------------------------------------------------------------------------------------------
    @property
    def pid(self) -> int:
        return self.process.pid

    def family(self) -> list[Process]:
        return processes.family(self.process.pid, self.mark)

    def workers(self) -> dict[int, list[int]]:
        """Slot to pids of its live workers (two while one is being replaced)."""
        slots: dict[int, list[int]] = {}
        for process in self.family():
            slot = processes.worker_slot(process)
            if slot is not None and not process.zombie:
                slots.setdefault(slot, []).append(process.pid)
        return dict(sorted(slots.items()))

    def wait_workers(self, count: int) -> dict[int, int]:
        """Waits until there are exactly `count` workers, one in each slot; their pids by slot."""
        def settled() -> dict[int, int]:
            workers = self.workers()
            alone = all(len(pids) == 1 for pids in workers.values())
            return {slot: pids[0] for slot, pids in workers.items()} if alone and len(workers) == count else {}
        return eventually(settled, lambda: f"{count} workers; now {self.workers()}; log:\n{self.log}", DEADLINE_S)

    # --- talking to it --------------------------------------------------------------------------------------------------
    @property
    def url(self) -> str:
        assert isinstance(self.address, tuple)
        host, port = self.address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def connect(self, **options: int) -> Connection:
        return Connection(self.address, **options)

    def get(self, target: str, headers: dict[str, str] | None = None) -> Response:
        return self.request("GET", target, headers)

    def request(self, method: str, target: str, headers: dict[str, str] | None = None,
                body: bytes | None = None) -> Response:
        """One request on its own connection."""
        with self.connect() as connection:
            return connection.request(method, target, headers, body)

    def eventually(self, probe: Callable[[], object], what: str) -> None:
        eventually(probe, lambda: f"{what}; log:\n{self.log}", DEADLINE_S)

    def _read_address(self) -> tuple[str, int] | str:
        match = self.log.wait_for(re.compile(f"{ADDRESS.pattern}|{UNIX_ADDRESS.pattern}"))
        return match[3] if match[3] else (match[1].strip("[]"), int(match[2]))

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"ended with code {self.process.returncode}; log:\n{self.log}"
        try:
            with self.connect() as connection:
                return connection.get("/ready-probe").status > 0
        except (OSError, AssertionError):
            return False
