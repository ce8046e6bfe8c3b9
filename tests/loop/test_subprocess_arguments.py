"""Arguments of subprocess_exec() and subprocess_shell(): those that are refused, and those that reach Popen."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from loop.children import DEVNULL, PIPE, Recorder, open_descriptors, output_of, status_of
from loop.turns import run


@pytest.mark.parametrize(
    "wrong",
    [{"universal_newlines": True}, {"bufsize": 1}, {"text": True}, {"encoding": "utf-8"}, {"errors": "strict"}],
)
def test_text_and_buffers_are_refused(wrong: dict[str, Any]) -> None:
    async def main() -> None:
        with pytest.raises(ValueError):
            await asyncio.create_subprocess_exec("/bin/true", **wrong)
        with pytest.raises(ValueError):
            await asyncio.create_subprocess_shell("true", **wrong)
        loop = asyncio.get_running_loop()
        with pytest.raises(ValueError):
            await loop.subprocess_exec(Recorder, "/bin/true", shell=True)
        with pytest.raises(ValueError):
            await loop.subprocess_shell(Recorder, "true", shell=False)
        with pytest.raises(ValueError):
            await loop.subprocess_shell(Recorder, ["true"])  # type: ignore[arg-type]

    run(main())


def test_what_cannot_be_started_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    pipes = {"stdin": PIPE, "stdout": PIPE, "stderr": PIPE}
    cases: list[tuple[type[Exception], tuple[Any, ...], dict[str, Any]]] = [
        (FileNotFoundError, ("/nowhere/program",), {}),
        (FileNotFoundError, ("/bin/true",), {"cwd": "/nowhere"}),
        (PermissionError, (tmp_path / "text",), {}),
        (TypeError, (5,), {}),
        (TypeError, ("/bin/true",), {"surprise": 1}),
        (ValueError, ("/bin/true", "\0"), {}),
    ]

    async def main() -> None:
        gc.collect()  # what earlier tests left
        before = open_descriptors()
        for error, program, keywords in cases:
            with pytest.raises(error):
                await asyncio.create_subprocess_exec(*program, **pipes, **keywords)
        assert open_descriptors() <= before

    run(main())


def test_arguments_of_popen_are_passed_on(tmp_path: Path) -> None:
    async def main() -> None:
        assert await output_of("nothing", "-c", "echo $0", executable="/bin/sh") == b"nothing\n"
        assert await output_of(b"/bin/pwd", cwd=tmp_path) == f"{tmp_path}\n".encode()
        assert await output_of("/usr/bin/env", env={"A": "b"}) == b"A=b\n"
        assert await output_of("/bin/sh", "-c", "umask", umask=0o27) == b"0027\n"
        leads = "import os; print(os.{}(0) == os.getpid())"
        assert await output_of(sys.executable, "-c", leads.format("getsid"), start_new_session=True) == b"True\n"
        assert await output_of(sys.executable, "-c", leads.format("getpgid"), process_group=0) == b"True\n"
        assert await output_of("/bin/pwd", preexec_fn=lambda: os.chdir("/")) == b"/\n"
        if os.getuid() == 0:
            assert await output_of("id", "-u", user=65534) == b"65534\n"

    run(main())


def test_descriptors_are_passed_only_when_asked_for() -> None:
    async def main() -> None:
        read_end, write_end = os.pipe()
        os.set_inheritable(write_end, True)
        script = f"import os; os.write({write_end}, b'passed')"
        program = (sys.executable, "-c", script)
        assert await (await asyncio.create_subprocess_exec(*program, stderr=DEVNULL)).wait() == 1
        assert await (await asyncio.create_subprocess_exec(*program, pass_fds=(write_end,))).wait() == 0
        assert os.read(read_end, 100) == b"passed"
        os.close(read_end)
        os.close(write_end)

    run(main())


@pytest.mark.parametrize("name", ["SIGPIPE", "SIGXFSZ"])
def test_the_child_has_the_default_signals(name: str) -> None:
    assert run(status_of(f"kill -{name[3:]} $$")) == -getattr(signal, name)
