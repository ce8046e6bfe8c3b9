"""The server's own log, for Python code of this package."""

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
