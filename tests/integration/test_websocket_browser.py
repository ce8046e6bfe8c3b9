"""A browser: Chromium, with and without permessage-deflate."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from integration.server import Server

CHROMIUM = shutil.which("chromium")


@contextmanager
def browser(url: str, profile: Path) -> Iterator[None]:
    """Shows `url` for as long as the block runs."""
    assert CHROMIUM is not None
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}", url]
    with (profile / "output").open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its helpers, too
        process.wait()


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium; scripts/install_deps has it")
@pytest.mark.parametrize("how", ["plain", "deflate", "deflate-contexts"])
def test_a_page_in_chromium(tmp_path: Path, how: str) -> None:
    options = ["--ws-per-message-deflate", str(how != "plain").lower()]
    if how == "deflate-contexts":
        options += ["--ws-deflate-context-takeover", "--ws-deflate-window-bits", "11", "--ws-deflate-threshold", "0"]
    with Server("browser:app", *options) as server:
        assert isinstance(server.address, tuple)
        with browser(f"http://127.0.0.1:{server.address[1]}/", tmp_path):
            seen = server.log.wait_for(r"\bseen (\{.*\})")
            server.log.wait_for("left with 3001 bye")
    assert json.loads(seen[1]) == {
        "protocol": "chat", "deflate": how != "plain", "texts": [True] * 4, "bytes": True, "in_order": True,
        "closed": [4000, "as asked", True], "denied": 1006, "left": [3001, True]}
