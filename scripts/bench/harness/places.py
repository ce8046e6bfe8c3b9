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
LOOP_LOAD = WEBSOCKET_LOAD.with_name("loop_load")
CERTIFICATE = BUILD / "bench-load" / "certificate.pem"
GO = BUILD / "bench-go" / "server"
GO_ECHO = GO.with_name("echo")


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
    wanted = hashlib.sha256(with_included(listed) + sys.version.encode()).hexdigest()
    folder = BUILD / "bench-venvs" / name
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"installing build/bench-venvs/{name}", file=sys.stderr)
    run_quietly([sys.executable, "-m", "venv", "--clear", str(folder)])
    run_quietly([str(venv_python(name)), "-m", "pip", "install", "--quiet", "-r", str(listed)])
    stamp.write_text(wanted)


def with_included(listed: Path) -> bytes:
    """A list of packages, and the lists that it takes in with -r."""
    text = listed.read_bytes()
    included = [line[2:].strip() for line in text.decode().splitlines() if line.startswith("-r")]
    return text + b"".join((listed.parent / name).read_bytes() for name in included)


def ensure_bare() -> None:
    python = str(Path(sys.executable).resolve())
    run_quietly(["cmake", "-S", str(HERE / "bare"), "-B", str(BARE.parent), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                 f"-DPython3_EXECUTABLE={python}"])
    run_quietly(["cmake", "--build", str(BARE.parent)])


def ensure_websocket_load() -> None:
    build_load(WEBSOCKET_LOAD)


def ensure_loop_load() -> None:
    """Needs libssl-dev. Makes the certificate of the TLS servers as well."""
    build_load(LOOP_LOAD)
    if not CERTIFICATE.exists():
        made = CERTIFICATE.with_suffix(".new")
        run_quietly(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650",
                     "-subj", "/CN=localhost", "-keyout", str(made), "-out", str(made.with_suffix(".crt"))])
        made.write_text(made.read_text() + made.with_suffix(".crt").read_text())
        made.rename(CERTIFICATE)


def build_load(program: Path) -> None:
    run_quietly(["cmake", "-S", str(HERE / "load"), "-B", str(program.parent), "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release"])
    run_quietly(["cmake", "--build", str(program.parent), "--target", program.name])


def ensure_go() -> None:
    build_go(GO, HERE / "peers" / "server.go")


def ensure_go_echo() -> None:
    build_go(GO_ECHO, HERE / "peers" / "echo.go")


def build_go(program: Path, source: Path) -> None:
    if shutil.which("go") is None and program.exists():
        return  # built elsewhere, for a machine without Go
    program.parent.mkdir(parents=True, exist_ok=True)
    run_quietly(["go", "build", "-o", str(program), str(source)])


def ensure_tricorn() -> None:
    if not TRICORN.exists():
        sys.exit(f"{TRICORN.relative_to(ROOT)} is missing: scripts/build release")
