"""Starting the server from Python: the `tricorn` executable takes the place of this process."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from typing import NoReturn

from . import __path__ as _package_path


def find_executable() -> str:
    """The executable that belongs to this package: installed beside the interpreter, or in its build folder."""
    package = Path(next(iter(_package_path)))
    candidates = [
        package.parent.parent / "tricorn",
        Path(sysconfig.get_path("scripts")) / "tricorn",
        Path(sys.executable).parent / "tricorn",
    ]
    for candidate in candidates:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    raise FileNotFoundError(
        f"no tricorn executable beside {package} or {sys.executable}; reinstall with: pip install --force-reinstall tricorn"
    )


def execute(arguments: list[str]) -> NoReturn:
    """Replaces this process by `tricorn ARGUMENTS...`, with this interpreter for the app unless they name another."""
    executable = find_executable()
    named = any(argument == "--python" or argument.startswith("--python=") for argument in arguments)
    steers = arguments[:1] == ["ctl"]  # another server, wherever it runs
    chosen = [] if named or steers or not sys.executable else ["--python", sys.executable]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(executable, [executable, *chosen, *arguments])


def run(app: str, **options: object) -> NoReturn:
    """Serves `app` ("module:attribute") and does not return: the server takes the place of this process.

    Options are those of the command line, spelled with underscores: `run("app:app", host="0.0.0.0", workers=4,
    preload=True, bind=["127.0.0.1:8000", "unix:/run/app.sock"])`. False leaves a switch out, or turns one off that
    has a `--no-` form (`access_log=False`).
    """
    if not isinstance(app, str):
        raise TypeError('run() takes the app as "module:attribute", since every worker imports it for itself')
    execute([app, *(argument for name, value in options.items() for argument in _as_arguments(name, value))])


_SWITCHES_WITH_NO = {"access_log", "server_header", "date_header", "use_colors", "proxy_headers"}


def _as_arguments(name: str, value: object) -> list[str]:
    option = "--" + name.replace("_", "-")
    if value is None:
        return []
    if value is True:
        return [option]
    if value is False:
        return ["--no-" + option[2:]] if name in _SWITCHES_WITH_NO else []
    if isinstance(value, (list, tuple)):
        return [argument for item in value for argument in (option, str(item))]
    return [option, str(value)]
