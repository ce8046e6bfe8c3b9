"""The server's own log, for Python code of this package."""

from __future__ import annotations

import os
import traceback

from ._tricorn import log

_DEBUG, _INFO, _WARNING, _ERROR = 1, 2, 3, 4


def log_debug(text: str) -> None:
    log(_DEBUG, text)


def log_info(text: str) -> None:
    log(_INFO, text)


def log_warning(text: str) -> None:
    log(_WARNING, text)


def log_error(text: str) -> None:
    log(_ERROR, text)


_PACKAGE = os.path.dirname(__file__) + os.sep


def format_failure(error: BaseException) -> str:
    """The traceback of an app's exception from the app's own first frame on: our adapters' frames say nothing."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(_PACKAGE):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__)).rstrip()
