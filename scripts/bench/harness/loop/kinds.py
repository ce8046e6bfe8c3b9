"""The event loops that are compared, and the peers of the echo: how each is made ready and started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness import places
from harness.places import BUILD, HERE

TARGET = HERE / "loop" / "target.py"
PACKAGE = Path(os.environ.get("TRICORN_PACKAGE", BUILD / "release" / "python")).resolve()
BEFORE = os.environ.get("TRICORN_BEFORE", "")


class Unavailable(Exception):
    """A kind that cannot be measured here; the text says why."""


@dataclass(frozen=True)
class Kind:
    """One column. `command(line)` starts a target of this line; `module` is where the loop's class must be from.
    `serves`: only these lines; None: all. `since`: the oldest Python that it runs on."""

    name: str
    label: str
    color: str
    command: Callable[[str], list[str]]
    module: str
    prepare: Callable[[], None]
    since: tuple[int, int] = (3, 11)
    serves: frozenset[str] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    warm_s: float = 0.2  # of work before what is measured

    def make_ready(self) -> None:
        if sys.version_info < self.since:
            raise Unavailable(f"needs Python {'.'.join(map(str, self.since))}, this is {sys.version_info[0]}.{sys.version_info[1]}")
        self.prepare()


def loop(name: str, factory: str) -> Callable[[str], list[str]]:
    return lambda line: [str(places.venv_python(f"loop-{name}")), str(TARGET), factory, line]


def venv(name: str) -> Callable[[], None]:
    return lambda: places.ensure_venv(f"loop-{name}")


def tricorn(package: Path | str) -> Callable[[], None]:
    def prepare() -> None:
        places.ensure_venv("loop-tricorn")
        if not (Path(package) / "tricorn").is_dir():
            sys.exit(f"no package tricorn in {package or 'TRICORN_BEFORE'}: scripts/build release, or TRICORN_PACKAGE=FOLDER")
        tried = subprocess.run([str(places.venv_python("loop-tricorn")), "-c", "import tricorn; tricorn.Loop"], text=True,
                               capture_output=True, env={**os.environ, "PYTHONPATH": str(package)})
        if tried.returncode != 0:
            sys.exit(f"{package} does not suit {sys.executable}:\n{tried.stderr[-1000:]}")
    return prepare


ECHO_SIZES = frozenset({"tcp protocol"})
KINDS = [
    Kind("tricorn", "tricorn", "#e4572e", loop("tricorn", "tricorn"), "tricorn", tricorn(PACKAGE), environment={"PYTHONPATH": str(PACKAGE)}),
    Kind("before", "another tricorn", "#f2b5a0", loop("tricorn", "tricorn"), "tricorn", tricorn(BEFORE), environment={"PYTHONPATH": BEFORE}),
    Kind("uvloop-0.23", "uvloop 0.23.0", "#3a86c8", loop("uvloop-0.23", "uvloop"), "uvloop", venv("uvloop-0.23")),
    Kind("uvloop-0.22", "uvloop 0.22.1", "#8fc1e8", loop("uvloop-0.22", "uvloop"), "uvloop", venv("uvloop-0.22")),
    Kind("asyncio", "asyncio", "#8d99ae", loop("asyncio", "asyncio"), "asyncio", venv("asyncio")),
    Kind("zuvloop", "zuvloop 0.0.17", "#6a994e", loop("zuvloop", "zuvloop"), "zuvloop", venv("zuvloop"), since=(3, 14)),
    Kind("rloop", "rloop 0.5.0", "#a7c957", loop("rloop", "rloop"), "rloop", venv("rloop")),
    Kind("go", "Go net", "#2a9d8f", lambda _: [str(places.GO_ECHO)], "go", places.ensure_go_echo, serves=ECHO_SIZES,
         environment={"GOMAXPROCS": "1"}),
    Kind("node", "node:net", "#b5a642", lambda _: ["node", str(HERE / "peers" / "echo.mjs")], "node", lambda: None, serves=ECHO_SIZES,
         warm_s=2.0),  # its code is compiled as it runs
]
BY_NAME = {kind.name: kind for kind in KINDS}
DEFAULT = [kind for kind in KINDS if kind.name != "before"]
UVLOOPS = ["uvloop-0.23", "uvloop-0.22"]
