"""What /proc tells about the processes of one server: who is there, who is a zombie, what a worker is called."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Process:
    """One line of /proc: a snapshot, not a handle."""

    pid: int
    parent: int
    session: int
    state: str
    title: str

    @property
    def zombie(self) -> bool:
        return self.state == "Z"


def read_process(pid: int) -> Process | None:
    """The process as it is now; None when it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        title = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    comm, fields = stat.partition("(")[2].rpartition(")")[::2]
    state, parent, _group, session = fields.split()[:4]
    return Process(pid, int(parent), int(session), state, title or comm)


def all_processes() -> list[Process]:
    found = (read_process(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in found if process is not None]


def carries_mark(pid: int, mark: str) -> bool:
    """True when the process was started with `mark` in its environment, whatever session it is in."""
    try:
        return mark.encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def family(session: int, mark: str) -> list[Process]:
    """Every process of a server: of its session, or (should one have left it) with its mark in the environment."""
    return [p for p in all_processes() if p.session == session or carries_mark(p.pid, mark)]


def worker_slot(process: Process) -> int | None:
    """The slot in a worker's title ("tricorn: worker 2 gen 7"), None for master and zygote."""
    match = re.search(r"\bworker (\d+)", process.title)
    return int(match[1]) if match else None


def read_status(pid: int) -> dict[str, str]:
    """The fields of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def rss_bytes(pid: int) -> int:
    return int(read_status(pid).get("VmRSS", "0").split()[0]) * 1024


def open_descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def thread_count(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/task"))


def eventually(probe: Callable[[], T], what: Callable[[], str], deadline_s: float) -> T:
    """Asks until the answer is truthy; fails with `what` at the deadline. For states that no event announces."""
    end = time.monotonic() + deadline_s
    while not (answer := probe()):
        assert time.monotonic() < end, f"not within {deadline_s} s (last answer: {answer!r}): {what()}"
        time.sleep(0.01)
    return answer


def port_is_free(host: str, port: int) -> bool:
    """True when a new server could bind there now (TIME_WAIT does not count, as for every server)."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(kind, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def refuses(address: tuple[str, int] | str) -> bool:
    """True when nobody listens there."""
    kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(kind) as client:
        try:
            client.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return True
        except OSError:
            return False
    return False
