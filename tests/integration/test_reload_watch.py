"""--reload: a save is a reload, a broken one costs nothing, and what does not count does nothing."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from integration.server import Server, executable
from integration.versions import APP_SOURCE, MODES, VERSIONS, write_app, write_source

CHANGED = r"INFO +(\S+) (has|and others have) changed"
RELOADED = "reloaded: generation"
STREAMING_SOURCE = """
import asyncio
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"data: 1", "more_body": scope["path"] == "/events"})
    while scope["path"] == "/events":
        await asyncio.sleep(3600)
"""


def watching(folder: Path, *arguments: str, allow: tuple[str, ...] = ()) -> Server:
    write_app(folder, "v1")
    return Server("site_app:app", "--reload", *arguments, app_dir=folder, allow=allow)


def body_starts(server: Server) -> bytes:
    return server.get("/").body[:3]


def serves(server: Server, version: str) -> None:
    """Soon: a connection may still reach the old worker before that has read that it is to go."""
    server.eventually(lambda: body_starts(server) == f"{version}:".encode(), f"{version} serves")


def source(version: str) -> str:
    return APP_SOURCE.format(version=version, letter=VERSIONS[version])


@MODES
@pytest.mark.parametrize("workers", ["1", "3"])
def test_save_is_a_reload(tmp_path: Path, mode: tuple[str, ...], workers: str) -> None:
    """By renaming and by writing in place; a browser's idle connection does not keep the old code."""
    with watching(tmp_path, "--workers", workers, *mode) as server:
        assert body_starts(server) == b"v1:"
        with server.connect() as browser:
            assert browser.get("/").status == 200
            write_app(tmp_path, "v2")
            assert server.log.wait_for(CHANGED)[1] == f"{tmp_path}/site_app.py"
            server.log.wait_for(RELOADED)
            assert browser.at_end()
        serves(server, "v2")
        (tmp_path / "site_app.py").write_text(source("v1"))
        server.log.wait_for(RELOADED, count=2)
        serves(server, "v1")
        server.wait_workers(int(workers))


@MODES
def test_broken_save_keeps_the_old_code_until_it_is_healed(tmp_path: Path, mode: tuple[str, ...]) -> None:
    with watching(tmp_path, *mode, allow=("reload aborted", "Traceback")) as server:
        before = server.wait_workers(1)
        write_source(tmp_path, "def app(:\n")
        server.log.wait_for("reload aborted")
        server.log.wait_for("SyntaxError")
        assert body_starts(server) == b"v1:"
        assert server.wait_workers(1) == before
        write_app(tmp_path, "v2")
        server.log.wait_for(RELOADED)
        serves(server, "v2")


def test_app_that_does_not_start_is_waited_for(tmp_path: Path) -> None:
    """Broken twice, then right."""
    write_source(tmp_path, "def app(:\n")
    server = Server("site_app:app", "--reload", app_dir=tmp_path, allow=("waiting for a change", "Traceback")).spawn()
    try:
        server.log.wait_for("SyntaxError")
        write_source(tmp_path, "raise LookupError('not yet')\n")
        server.log.wait_for("LookupError: not yet")
        write_app(tmp_path, "v1")
        server.log.wait_for("ready: 1 worker")
        server.address = server._read_address()
        assert body_starts(server) == b"v1:"
        server.signal(signal.SIGTERM)
        server.assert_gone()
    finally:
        server.kill_all()


def truncate_and_write(file: Path, text: str) -> None:
    file.write_text(text)


def rename_over(file: Path, text: str) -> None:
    (file.parent / ".site_app.py.tmp").write_text(text)
    (file.parent / ".site_app.py.tmp").rename(file)


def keep_a_backup(file: Path, text: str) -> None:
    """As vim does: the old file is moved away, a new one is written, the old one is removed."""
    (file.parent / "4913").touch()
    (file.parent / "4913").unlink()
    file.rename(file.parent / "site_app.py~")
    file.write_text(text)
    (file.parent / "site_app.py~").unlink()


def swap_a_link(file: Path, text: str) -> None:
    elsewhere = Path(tempfile.mkdtemp(dir=file.parent.parent)) / "site_app.py"
    elsewhere.write_text(text)
    (file.parent / "link").symlink_to(elsewhere)
    (file.parent / "link").rename(file)


def test_each_way_in_which_editors_save(tmp_path: Path) -> None:
    """One after the other, each right after the reload before it."""
    (tmp_path / "app").mkdir()
    with watching(tmp_path / "app", allow=("reload aborted",)) as server:  # on a machine so slow that a file is missed
        ways = (truncate_and_write, rename_over, keep_a_backup, swap_a_link, swap_a_link, keep_a_backup, rename_over)
        for save, version in zip(ways, ("v2", "v1") * 4, strict=False):
            save(tmp_path / "app" / "site_app.py", source(version))
            serves(server, version)


def test_save_within_the_second_of_the_last_one_and_as_long_is_seen(tmp_path: Path) -> None:
    """Python's bytecode files tell two sources apart by size and second. Those that have settled are cached as ever."""
    second = time.time() + 3600  # of both; and however slow the machine is, both are fresh
    (tmp_path / "helper.py").write_text("")

    def save(version: str) -> None:
        (tmp_path / "new").write_text("import helper\n" + source(version))
        os.utime(tmp_path / "new", (second, second))
        (tmp_path / "new").rename(tmp_path / "site_app.py")

    save("v1")
    with Server("site_app:app", "--reload", app_dir=tmp_path, environment={"PYTHONDONTWRITEBYTECODE": ""}) as server:
        reloads = 0

        def helper_has_settled() -> bool:
            nonlocal reloads
            reloads += 1
            version = "v2" if reloads % 2 else "v1"
            save(version)
            server.log.wait_for(RELOADED, count=reloads)
            serves(server, version)
            return any((tmp_path / "__pycache__").glob("helper.*"))

        server.eventually(helper_has_settled, "bytecode of the file that was not touched")
        assert not list((tmp_path / "__pycache__").glob("site_app.*"))


@MODES
def test_newer_save_does_not_wait_for_one_that_hangs(tmp_path: Path, mode: tuple[str, ...]) -> None:
    with watching(tmp_path, *mode) as server:
        write_source(tmp_path, "import os, time\nos.write(1, b'it hangs\\n')\ntime.sleep(3600)\n")
        server.log.wait_for("it hangs")
        write_app(tmp_path, "v2")
        server.log.wait_for("generation 2 is out of date already")
        server.log.wait_for("reloaded: generation 3")
        serves(server, "v2")
        server.wait_workers(1)


def test_open_stream_does_not_keep_the_old_code(tmp_path: Path) -> None:
    """As a browser's EventSource is: it is cut soon, and comes back to the new code."""
    write_source(tmp_path, STREAMING_SOURCE)
    with Server("site_app:app", "--reload", app_dir=tmp_path) as server, server.connect() as browser:
        browser.request("GET", "/events", read=False)
        browser.read_head()
        write_app(tmp_path, "v2")
        server.log.wait_for(RELOADED)
        serves(server, "v2")
        server.log.wait_for("cancelled 1 request at the end of the drain")
        with contextlib.suppress(ConnectionResetError):
            browser.read_to_end()
        server.wait_workers(1)


def test_folder_that_is_gone_for_a_while_is_watched_again(tmp_path: Path) -> None:
    """As after two switches of branches. The old code serves meanwhile."""
    watched = tmp_path / "src"
    watched.mkdir()
    write_app(tmp_path, "v1")
    with Server("site_app:app", "--reload", "--reload-dir", str(watched), app_dir=tmp_path,
                allow=("not reloaded",)) as server:
        watched.rmdir()
        server.log.wait_for("not reloaded, the workers serve on: --reload-dir: '.*/src' is not a folder")
        assert body_starts(server) == b"v1:"
        watched.mkdir()
        (watched / "module.py").write_text("")
        server.log.wait_for(RELOADED)


def test_new_file_in_a_new_folder_counts_and_so_does_its_end(tmp_path: Path) -> None:
    with watching(tmp_path) as server:
        (tmp_path / "package" / "deep").mkdir(parents=True)
        (tmp_path / "package" / "deep" / "module.py").write_text("")
        server.log.wait_for(RELOADED)
        (tmp_path / "package" / "deep" / "module.py").unlink()
        server.log.wait_for(RELOADED, count=2)
        (tmp_path / "package").rename(tmp_path / "renamed")
        server.log.wait_for(RELOADED, count=3)
        (tmp_path / "renamed" / "deep" / "module.py").write_text("")
        server.log.wait_for(RELOADED, count=4)


def test_what_does_not_count_does_nothing(tmp_path: Path) -> None:
    """The defaults, and what --reload-include, --reload-exclude and --reload-dir add."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / ".git").mkdir()
    (tmp_path / "app" / "generated").mkdir()
    (tmp_path / "pages").mkdir()
    with watching(tmp_path / "app", "--reload-dir", str(tmp_path / "app"), "--reload-dir", str(tmp_path / "pages"),
                  "--reload-include", "*.html", "--reload-exclude", "generated", "--reload-exclude", "test_*") as server:
        for name in ("app/notes.txt", "app/.hidden.py", "app/.git/hook.py", "app/generated/code.py", "app/test_it.py",
                     "app/~site_app.py", "pages/page.txt", "other.py"):
            (tmp_path / name).write_text("")
        (tmp_path / "pages" / "page.html").write_text("")
        match = server.log.wait_for(CHANGED)
        assert (match[1], match[2]) == (f"{tmp_path}/pages/page.html", "has")
        server.log.wait_for(RELOADED)
        assert server.log.count(CHANGED) == 1


def test_burst_is_one_reload(tmp_path: Path) -> None:
    """As a `git checkout` of 500 files makes it."""
    with watching(tmp_path, "--reload-delay", "2") as server:
        for number in range(500):
            (tmp_path / f"module_{number}.py").write_text("")
        write_app(tmp_path, "v2")
        server.log.wait_for(RELOADED)
        serves(server, "v2")
        assert server.log.count(CHANGED) == server.log.count("reloading: generation") == 1


def test_overflow_of_the_kernels_queue_is_one_reload(tmp_path: Path) -> None:
    """What got lost may have counted; a folder that appeared unseen is watched afterwards."""
    room = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if room > 20_000:
        pytest.skip("the queue is too large to fill")
    with watching(tmp_path) as server:
        server.signal(signal.SIGSTOP)
        for number in range(room // 2 + 10):
            (tmp_path / f"{number}.txt").touch()
        (tmp_path / "late").mkdir()
        server.signal(signal.SIGCONT)
        server.log.wait_for(RELOADED)
        (tmp_path / "late" / "module.py").write_text("")
        assert server.log.wait_for(CHANGED, count=2)[1] == f"{tmp_path}/late/module.py"
        server.log.wait_for(RELOADED, count=2)


def test_limit_of_watches_is_a_clear_error(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
    write_app(tmp_path, "v1")
    limited = ("unshare", "--user", "--map-root-user", "sh", "-c", 'echo 2 > /proc/sys/user/max_inotify_watches && "$@"', "sh")
    if subprocess.run([*limited, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("no user namespaces here")
    done = subprocess.run([*limited, executable(), "--reload", "--app-dir", tmp_path, "--port", "0", "site_app:app"],
                          capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "--reload: the kernel's limit of watched folders is reached" in done.stderr
    assert "fs.inotify.max_user_watches=" in done.stderr
