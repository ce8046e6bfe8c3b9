"""The access log from outside: its forms, each place it goes to, rotation under load, readers that stopped."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from integration.load import Load
from integration.server import Server

CLF = (
    r"127\.0\.0\.1 - (?P<user>\S+) \[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "
    r'"(?P<method>\S+) (?P<target>\S+) HTTP/1\.1" (?P<status>\d{3}) (?P<bytes>\d+|-)'
)
COMBINED = CLF + r' "(?P<referer>[^"]*)" "(?P<agent>[^"]*)"'


@contextmanager
def logging_to(place: Path | str, *arguments: str, app: str = "failing:app") -> Iterator[Server]:
    with Server(app, "--access-logfile", str(place), *arguments) as server:
        yield server


def lines_of(server: Server, path: Path, pattern: str, count: int = 1) -> list[str]:
    """The lines with `pattern`, once there are `count`."""
    def found() -> list[str]:
        return [line for line in path.read_text().splitlines() if re.search(pattern, line)]
    server.eventually(lambda: len(found()) >= count, f"{count} lines with {pattern} in {path}")
    return found()


def the_line(server: Server, path: Path, pattern: str) -> str:
    (line,) = lines_of(server, path, pattern)
    return line


# --- forms -----------------------------------------------------------------------------------------------------------------
def test_default_is_uvicorns_line(tmp_path: Path) -> None:
    with logging_to(tmp_path / "a.log") as server:
        server.get("/hello?a=b")
        assert re.fullmatch(r'127\.0\.0\.1:\d+ - "GET /hello\?a=b HTTP/1\.1" 200', the_line(server, tmp_path / "a.log", "/hello"))
        assert server.log.count("/hello") == 0, "standard output has nothing of it"


@pytest.mark.parametrize(("name", "pattern"), [("common", CLF), ("combined", COMBINED)])
def test_apaches_formats(tmp_path: Path, name: str, pattern: str) -> None:
    with logging_to(tmp_path / "a.log", "--access-log-format", name) as server:
        server.get("/hello?a=b", {"User-Agent": 'a "test"', "Referer": "http://b/", "Authorization": "Basic am9lOnNlY3JldA=="})
        line = the_line(server, tmp_path / "a.log", "/hello")
        match = re.fullmatch(pattern, line)
        assert match, line
        assert (match["user"], match["method"], match["target"], match["status"], match["bytes"]) == (
            "joe", "GET", "/hello?a=b", "200", "5")
        if name == "combined":
            assert (match["referer"], match["agent"]) == ("http://b/", r"a \x22test\x22")


def test_json(tmp_path: Path) -> None:
    with logging_to(tmp_path / "a.log", "--access-log-format", "json") as server:
        server.get('/hello?a="\\')
        line = json.loads(the_line(server, tmp_path / "a.log", "/hello"))
        assert line.keys() == {"time", "client", "method", "target", "version", "status", "bytes", "duration_s"}
        assert (line["method"], line["target"], line["version"], line["status"], line["bytes"]) == (
            "GET", '/hello?a="\\', "1.1", 200, 5)
        assert 0 <= line["duration_s"] < 60


def test_own_pattern_in_json_with_fields_of_both_sides(tmp_path: Path) -> None:
    pattern = '{"id":"%(request_id)s","kind":"%({x-kind}o)s","us":%(D)s,"nth":%(connection_requests)s,"who":"%({x-who}i)s"}'
    with logging_to(tmp_path / "a.log", "--access-log-format", pattern) as server:
        with server.connect() as connection:
            connection.get("/hello", {"X-Request-ID": "sent-1", "X-Who": 'a"b'})
            connection.get("/hello", {"X-Who": "me"})
        lines = [json.loads(line) for line in lines_of(server, tmp_path / "a.log", '"who":"[am]', 2)]
        assert [line["who"] for line in lines] == ['a"b', "me"]
        assert [line["nth"] for line in lines] == [1, 2]
        assert all(line["kind"] == "plain" and line["us"] >= 0 for line in lines)
        assert lines[0]["id"] == "sent-1"
        assert re.fullmatch("[0-9a-f]{32}", lines[1]["id"])


def test_gunicorns_spelling_and_a_wrong_pattern() -> None:
    server = Server("failing:app", "--access-logformat", "%(h)s %(statuscode)s", expect_exit=2).spawn()
    assert server.wait() == 2
    assert server.log.lines == [
        "tricorn: error: --access-log-format: unknown atom %(statuscode)s (did you mean %(status_code)s?)"]


# --- places -----------------------------------------------------------------------------------------------------------------
def test_a_file_that_cannot_be_opened_ends_the_start(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "a.log"
    server = Server("failing:app", "--access-logfile", str(path)).spawn()
    assert server.wait() == 1
    (line,) = server.log.lines
    assert line.endswith(f"ERROR --access-logfile: open {path}: No such file or directory")


def test_rotation_under_load_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    with logging_to(path, "--workers", "2") as server:
        with Load(server, "/counted", lambda body: body == b"hello") as load:
            for number in range(5):
                load.wait_answered(100)
                path.rename(tmp_path / f"a.log.{number}")
                server.signal(signal.SIGUSR1)
                server.eventually(path.exists, "a new file")
            load.wait_answered(100)
        load.assert_no_failure()
        assert server.stop() == 0
        texts = [file.read_text() for file in tmp_path.iterdir()]
        assert len(texts) == 6
        assert sum(text.count('"GET /counted HTTP/1.1" 200\n') for text in texts) == load.answered
        line = r'127\.0\.0\.1:\d+ - "GET /(counted|ready-probe) HTTP/1\.1" 200'
        assert all(re.fullmatch(line, text) for whole in texts for text in whole.splitlines())


def fill(server: Server, target: str, count: int) -> None:
    """More lines than the pipe has room for."""
    with server.connect() as connection:
        for _ in range(count):
            assert connection.request("GET", target).status == 200


def test_a_reader_that_stopped_costs_lines_and_no_request(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with logging_to(path) as server:
            target = "/hello?" + "x" * 2000
            asked = fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ) // 2000 + 60
            fill(server, target, asked)
            server.log.wait_for(rf"access log: \d+ lines lost: {path}: Resource temporarily unavailable")
            text = b""
            while piece := os.read(reader, 65536):
                text += piece
                if not piece.endswith(b"\n"):
                    continue
                if not select.select([reader], [], [], 0)[0]:
                    break
            assert text.endswith(b"\n")
            assert server.get("/after").status == 200

            def after_the_loss() -> bool:
                nonlocal text
                with suppress(BlockingIOError):
                    text += os.read(reader, 65536)  # perhaps the last line before it, too
                return b'"GET /after ' in text
            server.eventually(after_the_loss, "a line after the loss")
            server.signal(signal.SIGTERM)
            server.wait()
        lost = sum(int(match[1]) for match in server.log.matches(r"access log: (\d+) lines lost"))
        assert text.count(b"GET /hello") + lost == asked
    finally:
        os.close(reader)


def test_syslog_over_a_unix_socket_and_udp(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        unix.bind(str(tmp_path / "log"))
        udp.bind(("127.0.0.1", 0))
        places = {f"unix:{tmp_path}/log": (unix, r"<14>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d tricorn\[\d+\]: "),
                  f"udp:127.0.0.1:{udp.getsockname()[1]}": (udp, r"<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \S+ tricorn \d+ access - ")}
        for place, (receiver, head) in places.items():
            receiver.settimeout(30)
            with logging_to("syslog:" + place) as server:
                server.get("/hello")
                text = ""
                while "/hello" not in text:
                    text = receiver.recv(5000).decode()
                assert re.fullmatch(head + r'127\.0\.0\.1:\d+ - "GET /hello HTTP/1\.1" 200', text), text


# --- what the server's own log says of requests ---------------------------------------------------------------------------------
def test_a_failure_is_told_once_with_its_request_and_its_causes() -> None:
    with Server("failing:app", allow=(".",)) as server:
        assert server.get("/raises", {"X-Request-ID": "id-7"}).status == 500
        server.log.wait_for(r"ERROR \S* ?\S* ?GET /raises: the app raised \(client 127\.0\.0\.1:\d+, request id id-7\)")
        server.log.wait_for("RuntimeError: the effect")
        assert server.log.count("LookupError: the cause") == 1
        assert server.log.count("the app raised") == 1
        assert server.get("/group").status == 500
        server.log.wait_for("KeyError: 'second of the group'")
        assert server.get("/late").status == 200
        server.log.wait_for(r"ERROR.*GET /late: the app raised after its response \(client")
        assert server.get("/returns").status == 500
        server.log.wait_for(r"ERROR.*GET /returns: the app returned without sending a response \(client")


def test_a_traceback_begins_in_the_app() -> None:
    with Server("failing:app_of_asgi_2", "--interface", "asgi2", "--lifespan", "off", allow=(".",)) as server:
        assert server.get("/").status == 500
        server.log.wait_for("RuntimeError: the effect")
        assert server.log.count(r'File ".*failing\.py", line \d+, in serve') > 0
        assert server.log.count(r"_interfaces\.py") == 0


def test_a_failure_in_json_is_one_object() -> None:
    with Server("failing:app", "--log-format", "json", allow=(".",)) as server:
        assert server.get("/raises?secret", {"X-Request-ID": 'a"b'}).status == 500
        server.log.wait_for('"traceback"')
        (line,) = [json.loads(text) for text in server.log.lines if '"traceback"' in text]
        assert (line["level"], line["method"], line["path"]) == ("error", "GET", "/raises")
        assert line["message"].startswith("GET /raises: the app raised (client 127.0.0.1:")
        assert line["client"].startswith("127.0.0.1:")
        assert line["request_id"] in ('a"b', "a%22b")
        assert line["traceback"].startswith("Traceback (most recent call last):\n")
        assert line["traceback"].endswith("RuntimeError: the effect")


def test_an_exit_is_not_also_an_exception_that_nobody_retrieved() -> None:
    with Server("failing:app", allow=(".",)) as server:
        before = server.wait_workers(1)
        with server.connect() as connection:
            connection.send(b"GET /exits HTTP/1.1\r\nHost: a\r\n\r\n")
            server.log.wait_for("ended with exit code 7")
        server.eventually(lambda: server.workers().get(0) not in ([], None, list(before.values())), "a new worker")
        assert server.log.count("never retrieved") == 0


def test_refused_requests_are_few_lines_without_a_traceback() -> None:
    with Server("failing:app", "--no-access-log") as server:
        for _ in range(20):
            with server.connect() as connection:
                connection.send(b"GET /\x1b[2Jforged HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n")
                assert connection.read_head().status == 400
        refusal = r"WARN .*127\.0\.0\.1: refused a request with 400 Bad Request"
        server.log.wait_for(refusal, count=6)
        assert server.stop() == 0
        assert server.log.count(refusal) == 6
        assert server.log.count("\x1b|Traceback") == 0
