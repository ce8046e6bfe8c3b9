"""scripts/check_layers: each rule is broken once, in a small tree made for it, and is named at the right line."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_layers"

BREACHES = [
    ("common/a.h", '#include "config/options.h"', "common may not include from config"),
    ("supervisor/policy/a.cc", '#include "supervisor/os/fork.h"', "supervisor/policy may not include from supervisor/os"),
    ("supervisor/policy/a.cc", "#include <unistd.h>", "supervisor/policy is pure"),
    ("supervisor/policy/a.cc", "auto now = monotonic_now();", "take the value as an argument"),
    ("supervisor/policy/a.cc", "auto now = std::chrono::steady_clock::now();", "take the value as an argument"),
    ("supervisor/runner.cc", "auto now = std::chrono::system_clock::now();", "system_clock is for worker/server/wall_clock.cc"),
    ("worker/server/acceptor.cc", "clock_gettime(CLOCK_REALTIME, &time);", "use monotonic_now()"),
    ("supervisor/runner.cc", "#include <Python.h>", "<Python.h> belongs to"),
    ("worker/protocol/session.cc", "#include <uv.h>", "<uv.h> belongs to"),
    ("worker/protocol/session.cc", "#include <sys/socket.h>", "worker/protocol is pure"),
    ("worker/protocol/session.cc", "#include <llhttp.h>", "<llhttp.h> belongs to worker/protocol/http1_parser.*"),
    ("worker/gateway/a.cc", '#include "worker/server/connection.h"', "worker/gateway may not include from worker/server"),
    ("worker/gateway/a.cc", "Py_INCREF(app);", "Py_INCREF is for worker/python only"),
    ("worker/gateway/a.cc", "Py_XDECREF(app);", "Py_XDECREF is for worker/python only"),
    ("worker/gateway/a.cc", '#include "scope.h"', "is in no layer"),
    ("common/clock.cc", "#include <spdlog/spdlog.h>", "<spdlog/spdlog.h> belongs to common/logging.cc"),
    ("worker/http3/a.cc", "int x;", "worker/http3 is no layer"),
    ("common/a.h", "int x;\n" * 399, "401 lines; 400 is the limit"),
]

ALLOWED = [
    ("supervisor/runner.cc", '#include "supervisor/policy/policy.h"\n#include <uv.h>\n'),
    ("supervisor/policy/policy.cc", '#include "supervisor/policy/policy.h"\n#include "common/clock.h"\n'),
    ("worker/protocol/http1_parser.cc", "#include <llhttp.h>\n"),
    ("worker/protocol/session_test.cc", "#include <sys/socket.h>\n"),
    ("worker/server/connection.cc", '#include "worker/transport/transport.h"\n'),
    ("worker/server/wall_clock.cc", "void f() { clock_gettime(CLOCK_REALTIME, &time); }\n"),
    ("worker/python/py_ref.h", "void f(PyObject* o) { Py_INCREF(o); }\n"),
    ("worker/gateway/a.cc", "int x;  // Py_INCREF is elsewhere\n"),
]


def check(tree: Path) -> tuple[int, str]:
    """Runs the script on `tree`; its exit code and output."""
    done = subprocess.run([sys.executable, SCRIPT, tree], capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout


def write(tree: Path, path: str, text: str) -> None:
    """Puts a file into the tree."""
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(text)


@pytest.mark.parametrize(("path", "code", "message"), BREACHES)
def test_breach_is_named_with_its_line(tmp_path: Path, path: str, code: str, message: str) -> None:
    write(tmp_path, path, f"// Purpose.\n{code}\n")
    status, output = check(tmp_path)
    assert status == 1
    assert output.startswith(f"{path}:")
    assert message in output
    assert len(output.splitlines()) == 1


@pytest.mark.parametrize(("path", "code"), ALLOWED)
def test_what_the_arrows_allow_passes(tmp_path: Path, path: str, code: str) -> None:
    write(tmp_path, path, f"// Purpose.\n{code}")
    assert check(tmp_path) == (0, "")


@pytest.mark.parametrize(("path", "text"), [("common/a.h", "#pragma once\n"), ("python/tricorn/a.py", "import os\n")])
def test_a_file_begins_with_its_purpose(tmp_path: Path, path: str, text: str) -> None:
    write(tmp_path, path, text)
    assert check(tmp_path) == (1, f"{path}:1: the first line is a comment that says what the file is for\n")


def test_a_script_has_its_purpose_below_the_interpreter_line(tmp_path: Path) -> None:
    write(tmp_path, "scripts/run", "#!/usr/bin/env bash\n# Runs.\n")
    assert check(tmp_path) == (0, "")


def test_build_folders_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, "build/dev/common/a.h", "int x;\n")
    assert check(tmp_path) == (0, "")
