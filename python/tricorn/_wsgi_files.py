"""wsgi.file_wrapper (PEP 3333, "Optional Platform-Specific File Handling"): a file as a response."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any

_ZERO_COPY = "http.response.zerocopysend"


class FileWrapper:
    """Iterates over a file in blocks. Returned by the app as it is, it is sent by the kernel where that is possible."""

    def __init__(self, file: Any, block_size: int = 64 * 1024) -> None:
        self.file = file
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        block: bytes = self.file.read(self.block_size)
        if not block:
            raise StopIteration
        return block


def file_message(wrapper: FileWrapper, scope: dict[str, Any]) -> dict[str, Any]:
    """The ASGI message that sends the rest of the file, within content-length, without copying it.

    Empty where the file has to be read.
    """
    if scope["method"] == "HEAD" or _ZERO_COPY not in scope["extensions"]:
        return {}
    try:
        regular = stat.S_ISREG(os.fstat(wrapper.file.fileno()).st_mode)
        offset = wrapper.file.tell()
    except (AttributeError, OSError, ValueError):  # no real file; io.UnsupportedOperation is an OSError
        return {}
    return {"type": _ZERO_COPY, "file": wrapper.file, "offset": offset, "more_body": False} if regular else {}
