"""How the loop learns that a child is gone, and signals it while it is there: by a pidfd, pidfd_open(2).

A pidfd means one process for as long as it is open, whoever reaps it and whoever gets its number next. It becomes
readable when the process exits. So no SIGCHLD handler is needed, no other child of the program is touched, and the loop
may run in any thread. Where there is none to be had, a thread waits for the child.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from asyncio.log import logger
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._loop import Loop

P_PIDFD = getattr(os, "P_PIDFD", 3)  # waitid(2); a Python built with old headers does not know it

UNKNOWN_STATUS = 255
"""asyncio's return code of a child that somebody else has reaped."""

POLLS_FOR_OUTPUT = 2
"""A child that exits closes its pipes before: what it wrote last, and their ends, are read in that many polls."""


class PidFd:
    """Owns a pidfd. It refers to nothing, so that it is closed even when the loop and all around it are garbage."""

    __slots__ = ("fd",)

    def __init__(self, pid: int) -> None:
        self.fd = -1
        self.fd = os.pidfd_open(pid)

    def close(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    __del__ = close


class ChildExit:
    """Waits in the loop for the end of `child`, reaps it, and calls `on_exit(returncode)` once.

    `has_output` tells whether an end of the child's pipes is still to be read: that may come first.
    """

    def __init__(
        self,
        loop: Loop,
        child: subprocess.Popen[bytes],
        has_output: Callable[[], bool],
        on_exit: Callable[[int], object],
    ) -> None:
        self._loop = loop
        self._child = child
        self._has_output = has_output
        self._on_exit = on_exit
        self._polls = 0
        self._pidfd: PidFd | None = None
        self._reaped_before = False
        try:
            self._pidfd = PidFd(child.pid)
        except ProcessLookupError:  # SIGCHLD is ignored, or somebody waits for every child
            self._reaped_before = True
        except (OSError, AttributeError):  # no descriptor left; a sandbox, an old kernel, a Python built for one
            pass

    def watch(self) -> None:
        """Begin to wait."""
        if self._pidfd is not None:
            self._loop.add_reader(self._pidfd.fd, self._readable, self._pidfd)
        elif self._reaped_before:
            self._loop.call_soon(self._exited)
        else:
            name = f"waitpid-{self._child.pid}"
            threading.Thread(target=self._wait_in_thread, name=name, daemon=True).start()

    def is_running(self) -> bool:
        """Whether there is a process to kill. Reaps nothing."""
        if self._child.returncode is not None:
            return False
        try:
            return os.waitid(*self._id(), os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:  # reaped by somebody else; or we are a fork of its parent
            return False

    def send_signal(self, sig: int) -> None:
        """As os.kill(), and nothing when the child is gone."""
        try:
            if self._pidfd is not None:
                if self._pidfd.fd >= 0:
                    signal.pidfd_send_signal(self._pidfd.fd, sig)
                return
            with _reaping(self._child):  # until it is reaped the number is the child's
                if self._child.returncode is None:
                    os.kill(self._child.pid, sig)
        except ProcessLookupError:
            pass

    def _id(self) -> tuple[int, int]:
        if self._pidfd is not None and self._pidfd.fd >= 0:
            return P_PIDFD, self._pidfd.fd
        return os.P_PID, self._child.pid

    def _readable(self, pidfd: PidFd) -> None:
        returncode = self._reap()  # at once: before somebody who waits for every child
        if self._polls < POLLS_FOR_OUTPUT and self._has_output():
            self._polls += 1  # it stays readable: the next poll calls again, after the pipes
            return
        self._loop.remove_reader(pidfd.fd)
        pidfd.close()
        self._tell(returncode)

    def _tell(self, returncode: int) -> None:
        on_exit = self._on_exit
        del self._on_exit, self._has_output  # our owner's: no cycle is left
        on_exit(returncode)

    def _exited(self) -> None:
        self._tell(self._reap())

    def _reap(self) -> int:
        child = self._child
        with _reaping(child):
            if child.returncode is None:
                child.returncode = self._status()
            return child.returncode

    def _status(self) -> int:
        try:
            status = os.waitid(*self._id(), os.WEXITED)
        except ChildProcessError:
            warning = "child process pid %d exit status already read:  will report returncode %d"
            logger.warning(warning, self._child.pid, UNKNOWN_STATUS)
            return UNKNOWN_STATUS
        assert status is not None
        return status.si_status if status.si_code == os.CLD_EXITED else -status.si_status

    def _wait_in_thread(self) -> None:
        try:
            os.waitid(os.P_PID, self._child.pid, os.WEXITED | os.WNOWAIT)  # _reap() is for the loop's thread
        except ChildProcessError:
            pass
        try:
            self._loop.call_soon_threadsafe(self._exited)
        except RuntimeError:  # it is closed
            self._reap()
            logger.warning("Loop %r that handles pid %r is closed", self._loop, self._child.pid)


def _reaping(child: subprocess.Popen[bytes]) -> Any:
    """Held by whoever reaps the child: Popen's own poll() and wait(), perhaps in another thread, and we."""
    return child._waitpid_lock  # type: ignore[attr-defined]
