"""What is told while it runs, on standard error: on a terminal, a line that is overwritten says what is measured now."""

from __future__ import annotations

import sys


class Progress:
    def __init__(self) -> None:
        self._overwrites = sys.stderr.isatty()
        self._part = ""

    def begin(self, part: str) -> None:
        self._part = part

    def show(self, what: str) -> None:
        if self._overwrites:
            print(f"\r\x1b[K{self._part} {what}", end="", file=sys.stderr, flush=True)

    def keep(self, what: str) -> None:
        """A line that stays."""
        print(f"\r\x1b[K{what}" if self._overwrites else what, file=sys.stderr, flush=True)
