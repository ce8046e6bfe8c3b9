"""With --reload: a source that was saved a moment ago is compiled, whatever bytecode lies beside it.

Python takes a .pyc for its source's when the size and the *second* of the last change agree. So a save in the second of
the one before, of the same size (a digit changed), would be served as the code before it, until the next save.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from typing import Any

_FRESH_S = 2.0  # twice the second that a .pyc can tell apart, for file systems whose clock lags

_path_stats = SourceFileLoader.path_stats


def distrust_bytecode_of_fresh_sources() -> None:
    """From now on imports neither read nor write the .pyc of a source that changed less than two seconds ago."""
    SourceFileLoader.path_stats = _stats_of_settled_source  # type: ignore[method-assign]


def _stats_of_settled_source(self: SourceFileLoader, path: str) -> Mapping[str, Any]:
    """An OSError here is how a loader says that there is no bytecode to be had (importlib.abc.SourceLoader)."""
    stats = os.stat(path)
    # The time of the change of the inode, too: `mv` and `cp -p` keep that of the content. A clock that is ahead is fresh.
    if max(stats.st_mtime, stats.st_ctime) > time.time() - _FRESH_S:
        raise OSError(f"{path} was changed a moment ago")
    return _path_stats(self, path)
