"""Gets what the suites need into build/suites: a venv with pinned packages, and the sources with the tests.

Everything comes by the ordinary clients, pip and apt, from where this machine gets its packages; a file that is there
already is not fetched again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .table import Suite

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
FOLDER = ROOT / "build" / "suites"
REQUIREMENTS = HERE / "requirements.txt"


class Unavailable(Exception):
    """Something could not be fetched or installed."""


def run(command: list[str | Path], **options: object) -> str:
    """A command's output; its end is in the error when it fails."""
    process = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)  # type: ignore[call-overload]
    if process.returncode != 0:
        raise Unavailable(f"{' '.join(map(str, command))}:\n{process.stdout[-3000:]}")
    return str(process.stdout)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Two runs of the script take turns."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{name}.lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def python() -> Path:
    """The interpreter of a venv that has every suite's package and what its tests import."""
    tag = f"{sys.implementation.cache_tag}"
    venv = FOLDER / f"venv-{tag}"
    stamp, wanted = venv / ".installed", hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    with locked("venv"):
        if not stamp.exists() or stamp.read_text() != wanted:
            print(f"installing {REQUIREMENTS.name} into {venv.relative_to(ROOT)}", file=sys.stderr, flush=True)
            run([sys.executable, "-m", "venv", "--clear", venv])
            run([venv / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--prefer-binary", "--no-deps",
                 "-r", REQUIREMENTS])  # fmt: skip
            stamp.write_text(wanted)
    return venv / "bin" / "python"


def archive(suite: Suite) -> Path:
    """The suite's sources, as they were fetched."""
    name, version = suite.package.split("==")
    with locked("sources"):
        if suite.debian:
            return _from_debian(suite)
        path = FOLDER / "sources" / f"{name}-{version}.tar.gz"
        if not path.exists():
            run([python_for_pip(), "-m", "pip", "download", "--disable-pip-version-check", "--no-deps", "--no-binary", name,
                 "--dest", path.parent, suite.package])  # fmt: skip
        return path


def python_for_pip() -> Path:
    return FOLDER / f"venv-{sys.implementation.cache_tag}" / "bin" / "python"


def _from_debian(suite: Suite) -> Path:
    """The upstream archive of a source package of Debian's stable release, whatever release this machine has."""
    name, version = suite.debian.split("=")
    path = FOLDER / "sources" / f"{name}_{version.rsplit('-', 1)[0]}.orig.tar.gz"
    if not path.exists():
        apt = FOLDER / "apt"
        for folder in ("lists/partial", "cache/archives/partial", "parts"):
            (apt / folder).mkdir(parents=True, exist_ok=True)
        (apt / "sources.list").write_text(f"deb-src [signed-by={_debian('Signed-By')}] {_debian('URIs')} trixie main\n")
        options = [f"-oDir::Etc::SourceList={apt}/sources.list", f"-oDir::Etc::SourceParts={apt}/parts",
                   f"-oDir::State::Lists={apt}/lists", f"-oDir::Cache={apt}/cache"]  # fmt: skip
        path.parent.mkdir(exist_ok=True)
        run(["apt-get", *options, "update"])
        run(["apt-get", *options, "source", "--download-only", "--tar-only", suite.debian], cwd=path.parent)
    if hashlib.sha256(path.read_bytes()).hexdigest() != suite.sha256:
        raise Unavailable(f"{path} is not what it was when it was pinned")
    return path


def _debian(key: str) -> str:
    """A value of this machine's own list of Debian's packages."""
    path = Path("/etc/apt/sources.list.d/debian.sources")
    lines = path.read_text().splitlines() if path.exists() else []
    values = [line.partition(":")[2].split() for line in lines if line.startswith(f"{key}:")]
    if not values:
        raise Unavailable(f"{path} has no {key}: needed for Debian's source packages")
    return values[0][0]


def unpack(suite: Suite, folder: Path) -> Path:
    """The suite's tree in `folder`, without the package itself."""
    run(["tar", "-xzf", archive(suite), "-C", folder, "--no-same-owner"])
    (tree,) = folder.iterdir()
    for name in suite.own_sources:
        shutil.rmtree(tree / name)
    return tree


def install_debian_packages() -> None:
    """PostgreSQL, Redis and what keeps runs apart; only what is missing."""
    if os.environ.get("SUITES_NO_INSTALL") is None:
        subprocess.run([ROOT / "scripts" / "install_deps", "suites"], check=True)
