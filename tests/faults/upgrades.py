"""A server that is upgraded in place: whose executable can be replaced, and whose masters come one after the other."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import socket
import struct
import threading
from pathlib import Path
from types import TracebackType

from integration.processes import read_process
from integration.server import APPS, DEADLINE_S, Server, executable

PR_SET_CHILD_SUBREAPER = 36
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class ServiceManager:
    """Stands in for systemd's socket; remembers which process said what."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(str(self.path))
        self.told: list[tuple[int, str]] = []
        self._changed = threading.Condition()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        while True:
            text, ancillary, _flags, _address = self._socket.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
            pid = CREDENTIALS.unpack(ancillary[0][2])[0]
            with self._changed:
                self.told.append((pid, text.decode()))
                self._changed.notify_all()

    def wait_for(self, pid: int, text: str, since: int = 0) -> int:
        """The number of the first message after `since` in which the process says this."""
        def found() -> int:
            return next((n for n, told in enumerate(self.told[since:], since + 1) if told == (pid, text)), 0)
        with self._changed:
            assert self._changed.wait_for(found, DEADLINE_S), f"{pid} never said {text!r}: {self.told[since:]}"
            return found()


class Upgradable(Server):
    """Started by a path in `folder` that leads to the executable; its pid file is there, too.

    While it lives, orphans become this process's children: a new master outlives the old one, its parent.
    """

    def __init__(self, folder: Path, app: str, *arguments: str, bind: tuple[str, ...] | None = None,
                 app_dir: Path | str | None = APPS, allow: tuple[str, ...] = (),
                 environment: dict[str, str] | None = None, expect_exit: int = 0) -> None:
        self.pid_file = folder / "pid"
        super().__init__(app, "--pid-file", str(self.pid_file), *arguments, bind=bind, app_dir=app_dir, allow=allow,
                         environment=environment, expect_exit=expect_exit)
        self.program = folder / "tricorn"
        self.install(executable())
        self.command[self.command.index(executable())] = str(self.program)

    def install(self, program: str) -> None:
        """Puts another executable in place."""
        new = self.program.with_name("new-program")
        new.symlink_to(Path(program).resolve())
        new.rename(self.program)

    def install_script(self, text: str) -> None:
        script = self.program.with_name("script")
        script.write_text(text)
        script.chmod(0o755)
        self.install(str(script))

    def __enter__(self) -> Upgradable:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
        try:
            super().__enter__()
        except BaseException:
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            super().__exit__(kind, error, trace)
        finally:
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 0)

    def assert_gone(self) -> None:
        """The last master is the one to stop; the first one is told of it, or has gone before."""
        for master in self.masters():
            if master != self.pid:
                os.kill(master, signal.SIGTERM)
                self.wait()
                self.wait_exit(master)
        for orphan in self.family():
            if orphan.parent == os.getpid() and orphan.zombie and orphan.pid != self.pid:
                os.waitpid(orphan.pid, 0)
        super().assert_gone()

    def wait_exit(self, master: int, code: int = 0) -> None:
        """It is ours to wait for when its parent has gone; else that one, the old master, tells the code."""
        exit_code = None
        told = "the new master ended with exit code "
        before = self.log.count(told)

        def ended() -> bool:
            nonlocal exit_code
            try:
                pid, status = os.waitpid(master, os.WNOHANG)
            except ChildProcessError:  # the old master saw it end, and is its parent still or has ended, too
                return read_process(master) is None
            exit_code = os.waitstatus_to_exitcode(status) if pid else None
            return pid != 0
        self.eventually(ended, f"the end of {master}")
        if exit_code is None and self.log.count(told) > before:  # not told by one that stops, too, and went first
            assert self.log.count(f"{told}{code}$") > 0, f"not exit code {code}; log:\n{self.log}"
        assert exit_code in (None, code), f"exit code {exit_code}; log:\n{self.log}"

    # --- masters ------------------------------------------------------------------------------------------------------
    def masters(self) -> list[int]:
        """By age."""
        return sorted(p.pid for p in self.family() if p.title.startswith("tricorn: master") and not p.zombie)

    def in_charge(self) -> int:
        """Whom the pid file names; an empty one is just being written."""
        self.eventually(lambda: self.pid_file.read_text(), "a pid in the pid file")
        return int(self.pid_file.read_text())

    def oldbin(self) -> Path:
        return self.pid_file.with_name(self.pid_file.name + ".oldbin")

    def start_upgrade(self, master: int, count: int = 1) -> int:
        """USR2; the new master's pid."""
        os.kill(master, signal.SIGUSR2)
        return int(self.log.wait_for(re.compile(r"upgrading: the new master is pid (\d+)"), count=count)[1])

    def upgrade(self, master: int, count: int = 1) -> int:
        """USR2, and waits until the new master is in charge and the old one has no worker any more; the new one's pid."""
        new = self.start_upgrade(master, count)
        self.log.wait_for("is in charge now", count=count)
        self.eventually(lambda: not self.workers_of(master), "the old master's workers retire")
        return new

    def workers_of(self, master: int) -> list[int]:
        return [p.pid for p in self.family() if p.parent == master and p.title.startswith("tricorn: worker") and not p.zombie]
