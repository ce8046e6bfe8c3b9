"""Nobody reads the log: supervision goes on as ever, and what was lost is counted."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
from pathlib import Path

from integration.processes import eventually
from integration.server import DEADLINE_S, Server

PIPE_BYTES = 1024 * 1024  # what workers would make of a smaller one
FILLING = b"x"
LOST = re.compile(rb"(\d+) log lines before this were lost")


class UnreadServer(Server):
    """Its standard output and error are one pipe, full from the start, which the test reads when it likes."""

    def __init__(self, folder: Path) -> None:
        socket_file = str(folder / "socket")
        super().__init__("raw:app", "--workers", "2", "--log-level", "debug", bind=("--bind", f"unix:{socket_file}"))
        self.address = socket_file

    def spawn(self) -> UnreadServer:
        self.reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.filled = self.fill(writer)
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
                                        env=self.environment, start_new_session=True)
        os.close(writer)
        return self

    @staticmethod
    def fill(writer: int) -> int:
        """Writes without waiting, but leaves no mark on the description, which is the server's too. How many bytes."""
        own = os.open(f"/proc/self/fd/{writer}", os.O_WRONLY | os.O_NONBLOCK)
        filled = 0
        try:
            while True:
                filled += os.write(own, FILLING * 4096)
        except BlockingIOError:
            return filled
        finally:
            os.close(own)

    def start(self) -> UnreadServer:
        self.spawn()
        self.eventually(self._answers, "it answers")
        return self

    def read_available(self) -> bytes:
        os.set_blocking(self.reader, False)
        text = b""
        try:
            while piece := os.read(self.reader, 65536):
                text += piece
        except BlockingIOError:
            pass
        return text

    def generations(self) -> set[str]:
        return {match[1] for process in self.family() if (match := re.search(r"worker \d+ gen (\d+) \[ready\]", process.title))}

    def reload_to(self, generation: str) -> None:
        self.signal(signal.SIGHUP)
        eventually(lambda: self.generations() == {generation}, lambda: f"generation {generation} alone", DEADLINE_S)
        assert self.get("/hello").status == 200

    def stop_and_look(self) -> None:
        """By TERM; nothing is left."""
        self.signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0
        eventually(lambda: not self.family(), lambda: f"nothing is left of {self.family()}", DEADLINE_S)


def test_fault_33_full_log_pipe_delays_nothing_and_losses_are_counted(tmp_path: Path) -> None:
    server = UnreadServer(tmp_path)
    try:
        server.start()
        for _ in range(200):
            assert server.get("/hello").status == 200
        server.reload_to("2")
        text = bytearray(server.read_available())
        assert text[:server.filled] == FILLING * server.filled
        # Its line is written after the answer, maybe when we have begun to read.
        of_the_last_request = 1
        assert text[server.filled:].count(b"GET /hello") <= of_the_last_request, "the pipe was full all the time"

        def told() -> list[int]:
            server.signal(signal.SIGUSR1)  # something to log
            text.extend(server.read_available())
            return [int(count) for count in LOST.findall(text)]
        assert max(eventually(told, lambda: f"the losses are told in {text!r}", DEADLINE_S)) > 0
        server.stop_and_look()
    finally:
        server.kill_all()
        os.close(server.reader)


def test_fault_33_closed_log_pipe_ends_nothing(tmp_path: Path) -> None:
    server = UnreadServer(tmp_path)
    try:
        server.start()
        os.close(server.reader)
        for _ in range(200):
            assert server.get("/hello").status == 200
        server.reload_to("2")
        server.reload_to("3")
        server.stop_and_look()
    finally:
        server.kill_all()
