"""Where things are, and getting them there: virtual environments of the Python peers, builds of the native ones."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
BUILD = ROOT / "build"
RESULTS = ROOT / "docs" / "bench"
TRICORN = BUILD / "release" / "tricorn"
BARE = BUILD / "bench-bare" / "bare_server"
BARE_WEBSOCKET = BUILD / "bench-bare" / "bare_websocket"
WEBSOCKET_LOAD = BUILD / "bench-load" / "websocket_load"
GO = BUILD / "bench-go" / "server"


def run_quietly(command: list[str], cwd: Path = ROOT) -> None:
    """Runs a step; its output is shown only when it fails."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")


def venv_python(name: str) -> Path:
    return BUILD / "bench-venvs" / name / "bin" / "python"


def ensure_venv(name: str) -> None:
    """The environment of one peer, made anew when its list of pinned packages changed."""
    listed = HERE / "venvs" / f"{name}.txt"
    text = listed.read_bytes() + (HERE / "venvs" / "apps.txt").read_bytes()
    wanted = hashlib.sha256(text + sys.version.encode()).hexdigest()
    folder = BUILD / "bench-venvs" / name
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing build/bench-venvs/{name}", file=sys.stderr)
    run_quietly([sys.executable, "-m", "venv", "--clear", str(folder)])
    run_quietly([str(venv_python(name)), "-m", "pip", "install", "--quiet", "-r", str(listed)])
    stamp.write_text(wanted)


def ensure_bare() -> None:
    python = str(Path(sys.executable).resolve())
    run_quietly(["cmake", "-S", str(HERE / "bare"), "-B", str(BARE.parent), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                 f"-DPython3_EXECUTABLE={python}"])
    run_quietly(["cmake", "--build", str(BARE.parent)])


def ensure_websocket_load() -> None:
    run_quietly(["cmake", "-S", str(HERE / "load"), "-B", str(WEBSOCKET_LOAD.parent), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"])
    run_quietly(["cmake", "--build", str(WEBSOCKET_LOAD.parent)])


def ensure_go() -> None:
    if shutil.which("go") is None and GO.exists():
        return  # built elsewhere, for a machine without Go
    GO.parent.mkdir(parents=True, exist_ok=True)
    run_quietly(["go", "build", "-o", str(GO), str(HERE / "peers" / "server.go")])


def ensure_tricorn() -> None:
    if not TRICORN.exists():
        sys.exit(f"{TRICORN.relative_to(ROOT)} is missing: scripts/build release")
