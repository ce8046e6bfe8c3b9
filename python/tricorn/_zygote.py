"""The zygote: imports what workers share, then forks them as the master orders. Serves nothing, starts no thread."""

from __future__ import annotations

import asyncio  # noqa: F401  shared by all workers
import gc
import os
import signal
import sys
from typing import Any

from . import _loop, _worker  # noqa: F401  shared by all workers
from ._app import AppImportError, load_app
from ._fresh_sources import distrust_bytecode_of_fresh_sources
from ._log import log_warning
from ._tricorn import Zygote

_BOOT_FAILURE_IMPORT = 4


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
        app = load_app(settings["app"], app_dir=settings["app_dir"], factory=settings["factory"])
    finally:
        gc.enable()
    _warn_about_threads()
    return app


def _warn_about_threads() -> None:
    import threading

    others = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
    if others:
        log_warning(
            f"--preload: importing the app started threads ({', '.join(others)}); they do not exist in the workers. "
            "Start them in lifespan startup, or serve without --preload"
        )


def _leave_signals_to_the_master() -> None:
    """A terminal's Ctrl-C and a `pkill -HUP` reach the whole group; what they mean is the master's decision.

    Handlers rather than SIG_IGN, which programs that the app starts would inherit.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH,
                   signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, _ignore)


def _ignore(number: int, frame: object) -> None:
    pass
