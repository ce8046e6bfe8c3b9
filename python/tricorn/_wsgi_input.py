"""wsgi.input: the body of a request as a file that is read while the client still sends it (PEP 3333)."""

from __future__ import annotations

from collections.abc import Callable, Iterator


class Input:
    """Reads from `fetch`, which waits for the next piece of the body and returns b"" at its end."""

    __slots__ = ("_at", "_data", "_fetch")

    def __init__(self, fetch: Callable[[], bytes]) -> None:
        self._fetch = fetch
        self._data = b""  # the last piece; what is before _at was read
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """`size` bytes, fewer only at the end of the body; without a size all of it."""
        if size is None or size < 0:
            size = -1
        elif len(self._data) - self._at >= size:
            return self._take(self._at + size)
        pieces = [self._take(len(self._data))]
        missing = size - len(pieces[0])
        while (size < 0 or missing > 0) and (piece := self._fetch()):
            if 0 <= size and missing < len(piece):
                self._data, self._at = piece, 0
                piece = self._take(missing)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def read1(self, size: int = -1, /) -> bytes:
        """What is there, at least one byte unless the body is at its end; no more than `size` bytes."""
        if size != 0 and self._at == len(self._data):
            self._data, self._at = self._fetch(), 0
        return self._take(len(self._data) if size < 0 else min(len(self._data), self._at + size))

    def readline(self, size: int | None = -1, /) -> bytes:
        """Up to and with the next newline, and no more than `size` bytes."""
        left = -1 if size is None or size < 0 else size
        pieces: list[bytes] = []
        while left != 0:
            if self._at == len(self._data):
                self._data, self._at = self._fetch(), 0
                if not self._data:
                    break
            end = self._data.find(b"\n", self._at) + 1
            whole = end > 0
            end = end or len(self._data)
            if 0 < left < end - self._at:
                end, whole = self._at + left, True
            piece = self._take(end)
            pieces.append(piece)
            if whole:
                break
            left = left - len(piece) if left > 0 else left
        return b"".join(pieces)

    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        """The lines that are left; with a hint, no more of them once they are that many bytes."""
        lines: list[bytes] = []
        total = 0
        for line in self:
            lines.append(line)
            total += len(line)
            if hint is not None and 0 < hint <= total:
                break
        return lines

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def _take(self, end: int) -> bytes:
        taken = self._data[self._at:end] if self._at or end != len(self._data) else self._data
        self._at = end
        if end == len(self._data):
            self._data, self._at = b"", 0
        return taken
