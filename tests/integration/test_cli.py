"""The command line as a user meets it: what starts, what is refused, and with which words."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from integration import processes
from integration.server import APPS, DEADLINE_S, Server, clean_environment, executable
from integration.wire import Connection

APP = "async def app(scope, receive, send): pass\n"
SERVING = '''
import os
async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError
    body = os.environ.get("GREETING", "none").encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
'''


def run(*arguments: str, cwd: Path | None = None, environment: dict[str, str] | None = None
        ) -> subprocess.CompletedProcess[str]:
    """Runs the executable to its end; nothing of it may be left."""
    mark = f"TEST_MARK_RUN_{os.urandom(8).hex()}"
    result = subprocess.run([executable(), *arguments], env=clean_environment({mark: "1"} | (environment or {})), cwd=cwd,
                            capture_output=True, text=True, timeout=DEADLINE_S, start_new_session=True)
    processes.eventually(lambda: not processes.family(-1, mark), lambda: f"{processes.family(-1, mark)} gone", 5)
    return result


def refused(code: int, *words: str, arguments: tuple[str, ...], cwd: Path | None = None,
            environment: dict[str, str] | None = None) -> str:
    """Asserts the exit code and that the message, on standard error, has all `words`."""
    result = run(*arguments, cwd=cwd, environment=environment)
    assert result.returncode == code, result
    assert result.stdout == "", result
    for word in words:
        assert word in result.stderr, result.stderr
    return result.stderr


def one_line(text: str) -> None:
    assert len(text.strip().splitlines()) == 1, text


# --- refused before anything starts: exit code 2 -------------------------------------------------------------------------
@pytest.mark.parametrize(("arguments", "words"), [
    (("--wrokers", "2", "raw:app"), ("--wrokers", "--workers")),
    (("--workers", "none", "raw:app"), ("--workers", "none")),
    (("--workers", "-1", "raw:app"), ("--workers",)),
    (("--port", "70000", "raw:app"), ("--port", "70000")),
    (("--lifespan", "maybe", "raw:app"), ("--lifespan", "maybe")),
    (("--log-level", "loud", "raw:app"), ("--log-level", "loud")),
    (("--header", "no colon", "raw:app"), ("--header",)),
    (("--bind", "nonsense:port:here", "raw:app"), ("nonsense:port:here",)),
    (("raw",), ("raw", ":")),
    (("raw.py:app",), ("raw:app",)),
    (("raw:app", "surplus"), ("surplus",)),
    ((), ("app",)),
])
def test_wrong_command_line_is_one_clear_line(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    one_line(refused(2, "error", *words, arguments=arguments))


@pytest.mark.parametrize(("content", "words"), [
    ("workers = [", ("bad.toml", "1")),
    ("wrokers = 2\n", ("bad.toml", "wrokers", "workers")),
    ('workers = "two"\n', ("bad.toml", "workers")),
])
def test_wrong_config_file_is_one_clear_line(tmp_path: Path, content: str, words: tuple[str, ...]) -> None:
    (tmp_path / "bad.toml").write_text(content)
    one_line(refused(2, *words, arguments=("--config", "bad.toml", "raw:app"), cwd=tmp_path))


@pytest.mark.parametrize("option", ["--config", "--env-file"])
def test_missing_file_is_named(tmp_path: Path, option: str) -> None:
    one_line(refused(2, "nowhere.file", "No such file", arguments=(option, "nowhere.file", "raw:app"), cwd=tmp_path))


def test_wrong_environment_variable_names_itself() -> None:
    one_line(refused(2, "TRICORN_WORKERS", arguments=("raw:app",), environment={"TRICORN_WORKERS": "many"}))


# --- the app cannot be imported: exit code 4 -------------------------------------------------------------------------------
@pytest.mark.parametrize("preload", [(), ("--preload",)], ids=["workers", "preload"])
class TestAppThatCannotBeImported:
    def refused(self, preload: tuple[str, ...], app: str, *words: str, folder: Path | str = APPS) -> str:
        return refused(4, *words, arguments=(*preload, "--workers", "3", "--port", "0", "--app-dir", str(folder), app))

    def test_missing_module(self, preload: tuple[str, ...]) -> None:
        text = self.refused(preload, "rav:app", "rav", "raw")
        assert "Traceback" not in text

    def test_missing_attribute(self, preload: tuple[str, ...]) -> None:
        text = self.refused(preload, "raw:apps", "apps", "app")
        assert "Traceback" not in text

    def test_attribute_that_is_not_callable(self, preload: tuple[str, ...]) -> None:
        self.refused(preload, "raw:seen", "callable")

    def test_syntax_error_shows_its_place_once(self, preload: tuple[str, ...], tmp_path: Path) -> None:
        (tmp_path / "broken.py").write_text("x = 1\ndef app(:\n    pass\n")
        text = self.refused(preload, "broken:app", "SyntaxError", "broken.py", folder=tmp_path)
        assert text.count("SyntaxError") == 1, text

    def test_exception_at_import_shows_one_traceback(self, preload: tuple[str, ...], tmp_path: Path) -> None:
        """Fault 4: once, not once for each worker."""
        (tmp_path / "broken.py").write_text(f"import json\n{APP}raise LookupError('no settings')\n")
        text = self.refused(preload, "broken:app", "LookupError: no settings", "broken.py", folder=tmp_path)
        assert text.count("Traceback (most recent call last)") == 1, text

    def test_missing_import_inside_the_app_is_not_blamed_on_the_app_name(self, preload: tuple[str, ...],
                                                                         tmp_path: Path) -> None:
        (tmp_path / "broken.py").write_text(f"import does_not_exist_anywhere\n{APP}")
        self.refused(preload, "broken:app", "does_not_exist_anywhere", "broken.py", folder=tmp_path)

    def test_module_taken_for_a_package(self, preload: tuple[str, ...]) -> None:
        assert "Traceback" not in self.refused(preload, "raw.app:app", '"raw" is a module, not a package')

    def test_attribute_that_raises_shows_its_traceback(self, preload: tuple[str, ...], tmp_path: Path) -> None:
        (tmp_path / "lazy.py").write_text("def __getattr__(name):\n    raise LookupError(f'no {name} today')\n")
        self.refused(preload, "lazy:app", "LookupError: no app today", "lazy.py", folder=tmp_path)


def test_factory_that_exits_says_why(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text("def make():\n    raise SystemExit('no settings')\n")
    refused(4, "SystemExit: no settings", arguments=("--factory", "--port", "0", "--app-dir", str(tmp_path), "made:make"))


def test_factory_that_fails_shows_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text("def make():\n    raise LookupError('no app today')\n")
    refused(4, "LookupError: no app today", arguments=("--factory", "--port", "0", "--app-dir", str(tmp_path), "made:make"))


# --- cannot run: exit code 1 ------------------------------------------------------------------------------------------------------
def test_port_in_use_is_one_line_with_a_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        one_line(refused(1, port, "in use", "--port", arguments=("--app-dir", str(APPS), "--port", port, "raw:app")))


def test_unknown_address_is_one_line() -> None:
    one_line(refused(1, "192.0.2.1", arguments=("--app-dir", str(APPS), "--bind", "192.0.2.1:8000", "raw:app")))


def test_missing_interpreter_is_one_line() -> None:
    result = run("--python", "/nowhere/python3", "--port", "0", "--app-dir", str(APPS), "raw:app")
    assert result.returncode in (1, 2)
    assert "/nowhere/python3" in result.stderr
    assert "Traceback" not in result.stderr


# --- questions ------------------------------------------------------------------------------------------------------------------------
def test_version_goes_to_standard_output() -> None:
    result = run("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("tricorn ")


def test_help_lists_options_in_groups() -> None:
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    for option in ("--host", "--port", "--bind", "--uds", "--fd", "--workers", "--preload", "--factory", "--app-dir",
                   "--root-path", "--lifespan", "--log-level", "--config", "--env-file", "--check"):
        assert option in result.stdout, option
    groups = [line for line in result.stdout.splitlines() if line and not line[0].isspace() and line.endswith(":")]
    assert len(groups) >= 3, result.stdout


def test_check_says_what_is_right_and_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text("workers = 2\n")
    assert run("--check", "--config", "good.toml", "--app-dir", str(APPS), "raw:app", cwd=tmp_path).returncode == 0
    assert run("--check", "--workers", "none", "raw:app").returncode == 2


# --- where options come from --------------------------------------------------------------------------------------------------------------
def workers_of(server: Server) -> int:
    return len(server.wait_workers(2))


def test_config_file_environment_and_command_line_in_rising_order(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text('workers = 1\nroot_path = "/file"\nheader = ["x-from: file"]\n')
    with Server("raw:app", "--config", str(tmp_path / "t.toml"), "--root-path", "/line",
                environment={"TRICORN_WORKERS": "2", "TRICORN_ROOT_PATH": "/environment"}) as server:
        assert workers_of(server) == 2
        assert json.loads(server.get("/scope").body)["scope"]["root_path"] == "/line"
        assert server.get("/hello").header("x-from") == "file"


def test_web_concurrency_and_port_are_honoured() -> None:
    with Server("raw:app", bind=(), environment={"WEB_CONCURRENCY": "2", "PORT": "0"}) as server:
        assert workers_of(server) == 2


def test_env_file_reaches_the_app_and_real_variables_win(tmp_path: Path) -> None:
    (tmp_path / "greet.py").write_text(SERVING)
    (tmp_path / ".env").write_text("# comment\nexport GREETING='from the file' # end\n\n")
    arguments = ("--env-file", str(tmp_path / ".env"))
    with Server("greet:app", *arguments, app_dir=tmp_path) as server:
        assert server.get("/").body == b"from the file"
    with Server("greet:app", *arguments, app_dir=tmp_path, environment={"GREETING": "from outside"}) as server:
        assert server.get("/").body == b"from outside"


# --- the app ----------------------------------------------------------------------------------------------------------------------------------
def test_factory(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(SERVING + "\ndef make():\n    return app\n")
    with Server("made:make", "--factory", app_dir=tmp_path) as server:
        assert server.get("/").body == b"none"


def test_dotted_module_and_attribute(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "module.py").write_text(f"{SERVING}\nclass holder:\n    inner = staticmethod(app)\n")
    with Server("package.module:holder.inner", app_dir=tmp_path) as server:
        assert server.get("/").body == b"none"


def test_headers_option_and_switches() -> None:
    with Server("raw:app", "--header", "X-Frame-Options: DENY", "--header", "X-Two:2", "--no-server-header",
                "--no-date-header") as server:
        response = server.get("/hello")
        assert (response.header("x-frame-options"), response.header("x-two")) == ("DENY", "2")
        assert response.header("server") is response.header("date") is None


def test_access_log_can_be_switched_off() -> None:
    with Server("raw:app") as server:
        server.get("/hello?logged")
        server.log.wait_for(r'"GET /hello\?logged HTTP/1\.1" 200')
    with Server("raw:app", "--no-access-log") as server:
        server.get("/hello?silent")
        server.stop()
        assert server.log.count("silent") == 0


def test_limit_concurrency_answers_503() -> None:
    """P55: the request beyond the limit, not the connection."""
    with Server("raw:app", "--limit-concurrency", "1") as server, server.connect() as idle, server.connect() as busy:
        assert idle.get("/hello").status == 200
        busy.request("GET", "/start-only", read=False)
        assert busy.read_head().status == 200
        assert idle.get("/hello").status == 503


# --- where it listens ---------------------------------------------------------------------------------------------------------------------------
def test_several_binds(tmp_path: Path) -> None:
    path = tmp_path / "s"
    binds = ("--bind", "127.0.0.1:0", "--bind", f"unix:{path}")
    with Server("raw:app", bind=binds) as server:
        assert server.get("/hello").status == 200
        with Connection(str(path)) as connection:
            assert connection.get("/hello").status == 200


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with Server("raw:app", bind=("--host", "::1", "--port", "0")) as server:
        scope = json.loads(server.get("/scope").body)["scope"]
        assert next(iter(scope["client"].values()))[0] == "::1"


def test_unix_socket_scope_and_permissions(tmp_path: Path) -> None:
    """P15: client is None, server the path; mode as asked; the file goes with the server."""
    path = tmp_path / "app.sock"
    with Server("raw:app", "--uds-permissions", "600", bind=("--uds", str(path))) as server:
        scope = json.loads(server.get("/scope").body)["scope"]
        assert scope["client"] is None
        assert list(scope["server"].values()) == [[str(path), None]]
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not path.exists()


def test_inherited_descriptor() -> None:
    """--fd: the caller's socket; it stays open when the server stops."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, number = listener.getsockname()[1], str(listener.fileno())
        os.set_inheritable(listener.fileno(), True)
        with Server("raw:app", bind=("--fd", number), pass_fds=(listener.fileno(),)) as server:
            assert server.address == ("127.0.0.1", port)
            assert server.get("/hello").status == 200
        with Connection(("127.0.0.1", port)):
            pass


def test_socket_activation() -> None:
    """LISTEN_FDS as systemd passes it: descriptor 3, taken in place of --port; not seen by the app."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        starter = (sys.executable, "-c", "import os, sys; os.dup2(int(sys.argv[1]), 3);"
                   "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); os.execvp(sys.argv[2], sys.argv[2:])",
                   str(listener.fileno()))
        with Server("raw:app", bind=(), command_prefix=starter, pass_fds=(listener.fileno(),)) as server:
            assert server.address == ("127.0.0.1", port)
            assert server.get("/hello").status == 200


def test_pid_file(tmp_path: Path) -> None:
    """Fault 32: holds the master's pid, goes with it; a second starter is refused."""
    path = tmp_path / "pid"
    with Server("raw:app", "--pid-file", str(path)) as server:
        assert path.read_text().strip() == str(server.pid)
        refused(1, str(path), arguments=("--pid-file", str(path), "--port", "0", "--app-dir", str(APPS), "raw:app"))
    assert not path.exists()
