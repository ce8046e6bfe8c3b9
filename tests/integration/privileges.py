"""Servers whose app runs as the user nobody, and what that user can do."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from integration.processes import read_status
from integration.server import APPS, Server, clean_environment, executable

NOBODY = pwd.getpwnam("nobody")


def as_nobody(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Raises PermissionError when nobody may not run it."""
    return subprocess.run(command, user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[], capture_output=True, text=True,
                          check=False, timeout=30, cwd="/", env=environment)


def tricorn_as_nobody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The executable itself, without any rights, to its end."""
    try:
        return as_nobody([os.path.abspath(executable()), *arguments], clean_environment())
    except PermissionError:
        pytest.skip("the user nobody cannot run the executable where it is")


@cache
def python_environment() -> dict[str, str] | None:
    """What makes the server take an interpreter that nobody can run; None when there is none.

    The tests' own may be in a folder of root's.
    """
    package = Path(executable()).absolute().parent / "python"
    snippet = f"import sys; sys.path.append({str(package)!r}); import tricorn._tricorn; open({str(APPS / 'raw.py')!r})"
    wrapper = os.environ.get("TRICORN_PYTHON")
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        extra = {"ASAN_PYTHON": python} if wrapper else {"TRICORN_PYTHON": python}
        command = [os.path.abspath(wrapper) if wrapper else python, "-c", snippet]
        try:
            if as_nobody(command, clean_environment(extra)).returncode == 0:
                return extra
        except OSError:
            continue
    return None


def server_as_nobody(app: str, *arguments: str, environment: dict[str, str] | None = None, **options: Any) -> Server:
    extra = python_environment()
    if extra is None:
        pytest.skip("no interpreter here that the user nobody can run with this build")
    return Server(app, *arguments, environment=extra | (environment or {}), **options)


def ids_of(pid: int, label: str) -> set[int]:
    """The real, effective, saved and file system id: "Uid" or "Gid"."""
    return set(map(int, read_status(pid)[label].split()))
