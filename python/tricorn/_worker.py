"""A worker's life in Python: load the app, run its lifespan, let the native side serve."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import traceback
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ._app import AppImportError, load_app
from ._interfaces import adapt
from ._lifespan import Lifespan, StartupFailed
from ._log import log_error, log_warning
from ._loop import Loop

if TYPE_CHECKING:
    from ._thread_pool import ThreadPool
    from ._tricorn import Worker

_THREADS_GRACE_S = 0.3  # for threads whose requests were cancelled; the master kills a worker 1 s after its deadline

EXIT_OK, EXIT_SHUTDOWN_FAILED, EXIT_START, EXIT_IMPORT = 0, 1, 3, 4


def run(worker: Worker, app: Any) -> int:
    """Serves until the master says stop. `app`: what the zygote imported, None to import it here. The exit code."""
    os.environ["TRICORN_WORKER_ID"] = str(worker.slot)
    os.environ["TRICORN_GENERATION"] = str(worker.generation)
    os.environ["TRICORN_MASTER_PID"] = str(worker.master_pid)
    loop = Loop()
    asyncio.set_event_loop(loop)
    if app is None:
        settings = worker.settings
        gc.disable()  # an import makes many objects and hardly any garbage
        try:
            app = load_app(settings["app"], app_dir=settings["app_dir"], factory=settings["factory"])
        except AppImportError as error:
            worker.boot_failed(EXIT_IMPORT, str(error))
            return EXIT_IMPORT
        finally:
            gc.enable()
    app, pool = adapt(app, worker.settings["interface"], worker.settings["threads"], loop)
    lifespan = Lifespan(app, worker.settings["lifespan"])
    stopped = loop.create_future()
    try:
        code = _run_to_the_end(loop, _serve(worker, app, pool is None, loop, lifespan, stopped), lifespan, stopped)
    finally:
        _close(worker, loop)
    if pool is not None:
        _leave_threads(pool, code)
    return code


def _run_to_the_end(loop: Loop, root: Coroutine[Any, Any, int], lifespan: Lifespan, stopped: asyncio.Future[None]) -> int:
    """Apps clean up by cancelling all tasks, the root among them: their shutdown is then waited for in another one."""
    while True:
        try:
            return loop.run_until_complete(root)
        except asyncio.CancelledError:
            if not stopped.done():
                log_error("the app cancelled the worker's own task; the worker ends")
                return EXIT_SHUTDOWN_FAILED
        root = _shut_down(lifespan)


async def _serve(
    worker: Worker, app: Any, websocket: bool, loop: Loop, lifespan: Lifespan, stopped: asyncio.Future[None]
) -> int:
    """The worker's root task: anyio's worker threads, for one, live as long as it does. `websocket`: the app can do more
    than requests."""
    worker.attach(loop, lambda: stopped.done() or stopped.set_result(None))
    loop.add_signal_handler(signal.SIGTERM, worker.terminate)
    startup = loop.create_task(lifespan.startup())
    await asyncio.wait({startup, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not startup.done():  # told to stop while the app starts
        lifespan.cancel()
        startup.cancel()
        await asyncio.wait({startup})
        return EXIT_OK
    try:
        startup.result()
    except StartupFailed as error:
        worker.boot_failed(EXIT_START, str(error))
        return EXIT_START
    except Exception:
        worker.boot_failed(EXIT_START, traceback.format_exc().rstrip())
        return EXIT_START
    del startup
    gc.freeze()  # the app stays: the collector need not look at it again
    # Requests begin with the context variables that the app set at its startup (P63, P64).
    lifespan.context.run(worker.start, app, lifespan.state, websocket)
    await stopped
    return await _shut_down(lifespan)


async def _shut_down(lifespan: Lifespan) -> int:
    return EXIT_OK if await lifespan.shutdown() else EXIT_SHUTDOWN_FAILED


def _close(worker: Worker, loop: Loop) -> None:
    """What asyncio.run does at its end, with the server's connections closed first."""
    try:
        worker.close()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        if tasks:
            loop.run_until_complete(asyncio.wait(tasks))
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                context = {"message": "unhandled exception while the worker stopped", "exception": error, "task": task}
                loop.call_exception_handler(context)
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    except Exception:
        log_error("the worker did not close cleanly\n" + traceback.format_exc().rstrip())
    finally:
        asyncio.set_event_loop(None)
        # It stops already; closing the loop gives the signal its default action back.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        loop.close()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _leave_threads(pool: ThreadPool, code: int) -> None:
    """Ends the process here if a thread does not come back from the app: the interpreter's end could trip over it."""
    left = pool.close(_THREADS_GRACE_S)
    if left == 0:
        return
    log_warning(f"{left} thread{'s' if left > 1 else ''} of the app did not end; the worker stops without waiting")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
