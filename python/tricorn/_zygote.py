"""The zygote: imports what workers share, then forks them as the master orders. Serves nothing, starts no thread."""

from __future__ import annotations

import asyncio  # noqa: F401  shared by all workers
import gc
import os
import signal
import sys
import threading
import time
from typing import Any, NoReturn

from . import _loop, _worker  # noqa: F401  shared by all workers
from ._app import AppImportError, load_app
from ._fresh_sources import distrust_bytecode_of_fresh_sources
from ._tricorn import Zygote

_BOOT_FAILURE_IMPORT = 4
_THREAD_PATIENCE = 20  # hundredths of a second


def main(control_fd: int) -> None:
    """Runs until the master is gone; in a forked worker, until the worker has stopped. Ends the process."""
    _leave_signals_to_the_master()
    zygote = Zygote(control_fd)
    sys.argv = ["tricorn", zygote.settings["app"]]
    app: Any = None
    if zygote.settings["reload"]:
        distrust_bytecode_of_fresh_sources()
    if zygote.settings["preload"]:
        try:
            app = _preload(zygote.settings)
        except AppImportError as error:
            zygote.boot_failed(_BOOT_FAILURE_IMPORT, str(error))
            sys.exit(_BOOT_FAILURE_IMPORT)
        if names := _names_of_threads():
            _give_way(zygote, names)
    # Nothing that lives now is ever garbage: keep the collector from writing to pages that workers share.
    gc.collect()
    gc.freeze()
    sys.stdout.flush()  # or each worker would print it
    sys.stderr.flush()
    zygote.ready(f"Python {'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}")
    worker = zygote.next_worker()
    if worker is None:
        os._exit(0)
    sys.exit(_worker.run(worker, app))


def _preload(settings: dict[str, Any]) -> Any:
    gc.disable()
    try:
        return load_app(settings["app"], app_dir=settings["app_dir"], factory=settings["factory"])
    finally:
        gc.enable()


def _names_of_threads() -> list[str]:
    """The threads beside this one, those that C libraries made too: a fork would not have them, but the locks they hold.

    One that is just ending is waited for.
    """
    for _ in range(_THREAD_PATIENCE):
        tasks = _tasks()
        if len(tasks) < 2:
            return []
        time.sleep(0.01)
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    others = tasks - {threading.main_thread().native_id}
    native = [_name_of_task(task) for task in others - set(names)]
    unnamed = native.count("")
    return [
        *sorted(names[task] for task in others & set(names)),
        *sorted(name for name in native if name),
        *([f"{unnamed} native thread{'s' if unnamed > 1 else ''}"] if unnamed else []),
    ]


def _tasks() -> set[int]:
    try:
        return {int(name) for name in os.listdir("/proc/self/task")}
    except OSError:  # no /proc here: Python's own threads, then
        return {thread.native_id for thread in threading.enumerate() if thread.native_id is not None}


def _name_of_task(task: int) -> str:
    """Empty for one that has no name of its own but that of its process."""
    try:
        name, own = (_first_line(f"/proc/self/{of}comm") for of in (f"task/{task}/", ""))
    except OSError:
        return ""
    return "" if name == own else name


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.readline().rstrip("\n")


def _give_way(zygote: Zygote, names: list[str]) -> NoReturn:
    """The master starts another zygote, which does not import the app."""
    zygote.has_threads(", ".join(names))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _leave_signals_to_the_master() -> None:
    """A terminal's Ctrl-C and a `pkill -HUP` reach the whole group; what they mean is the master's decision.

    Handlers rather than SIG_IGN, which programs that the app starts would inherit.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
                   signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, _ignore)


def _ignore(number: int, frame: object) -> None:
    pass
