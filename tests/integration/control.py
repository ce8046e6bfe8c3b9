"""A control socket, asked by `tricorn ctl` or by hand."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Any

from integration.server import DEADLINE_S, clean_environment, executable

DONE, FAILED, USAGE, NO_SERVER, TIMEOUT = range(5)  # exit codes of ctl


class Control:
    """The control socket of one server, asked by `tricorn ctl` or by hand."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "control.sock")
        self.option = ("--control-socket", self.path)

    def command(self, *words: str) -> list[str]:
        return [executable(), "ctl", *self.option, *words]

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, timeout=DEADLINE_S,
                              env=clean_environment())

    def start(self, *words: str) -> subprocess.Popen[str]:
        """One that is left to wait."""
        return subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=clean_environment())

    def status(self) -> dict[str, Any]:
        done = self.ctl("status", "--json")
        assert done.returncode == DONE, done
        return dict(json.loads(done.stdout)["status"])

    def connect(self) -> socket.socket:
        raw = socket.socket(socket.AF_UNIX)
        raw.settimeout(DEADLINE_S)
        raw.connect(self.path)
        return raw

    def say(self, text: str | bytes) -> dict[str, Any]:
        """The answer to what was sent by hand."""
        with self.connect() as raw:
            try:
                raw.sendall(text if isinstance(text, bytes) else text.encode())
            except BrokenPipeError:
                pass  # it was answered before it could say all of it
            return read_answer(raw)


def read_answer(raw: socket.socket) -> dict[str, Any]:
    """One line, and then the end of the conversation."""
    data = b""
    while not data.endswith(b"\n"):
        piece = raw.recv(65536)
        assert piece, f"no answer but {data!r}"
        data += piece
    return dict(json.loads(data))


def ends_with(process: subprocess.Popen[str], code: int) -> str:
    """Waits for a ctl that was left to wait; its whole output."""
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == code, (out, err)
    return out + err
