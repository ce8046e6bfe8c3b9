"""What Django and Flask do over WSGI beyond test_frameworks.py: sessions, large uploads, streams; and wsgiref's validator."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from integration.server import APPS, Server
from integration.wire import DEADLINE_S


@pytest.fixture(scope="module", params=["django_wsgi", "flask"])
def _framework(request: pytest.FixtureRequest) -> Iterator[Server]:
    with Server(f"{request.param}_app:app") as server:
        yield server


@pytest.fixture
def framework(_framework: Server) -> Iterator[Server]:
    yield _framework
    _framework.assert_log_clean()


@pytest.fixture(scope="module")
def flask() -> Iterator[Server]:
    with Server("flask_app:app") as server:
        yield server


def test_sessions_and_forms(framework: Server) -> None:
    with httpx.Client(base_url=framework.url, trust_env=False, timeout=DEADLINE_S) as client:
        assert client.get("/who-am-i").text == "nobody"
        assert client.post("/log-in", data={"name": "Zoë"}).text == "welcome"
        assert client.get("/who-am-i").text == "Zoë"


def test_large_upload(framework: Server) -> None:
    """50 MiB, which the worker does not hold at once."""
    size = 50 << 20
    worker = next(iter(framework.workers().values()))[0]
    before = peak_kb(worker)
    response = httpx.post(f"{framework.url}/upload", files={"file": ("file.bin", b"\0\xff" * (size // 2))},
                          data={"note": "large"}, trust_env=False, timeout=DEADLINE_S)
    assert response.json() == {"size": size, "note": "large"}
    assert peak_kb(worker) - before < 30_000


def peak_kb(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def test_stream_reaches_the_client_block_by_block(framework: Server) -> None:
    with framework.connect() as connection:
        connection.request("GET", "/gated", read=False)
        connection.read_head()
        assert connection.read_exactly(10) == b"5\r\nfirst\r\n"
        assert framework.get("/open").status == 204
        assert connection.read_exactly(16) == b"6\r\nsecond\r\n0\r\n\r\n"


def test_unknown_page(framework: Server) -> None:
    assert framework.get("/nowhere").status == 404


def test_flask_reads_a_body_without_length(flask: Server) -> None:
    with flask.connect() as connection:
        connection.send(b"POST /raw HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        assert connection.read_response().text.strip() == '{"size":5}'


def test_flask_sends_a_file_and_a_range_of_it(flask: Server) -> None:
    whole = (APPS / "flask_app.py").read_bytes()
    assert flask.get("/source").body == whole
    part = flask.get("/source", {"range": "bytes=10-29"})
    assert (part.status, part.body) == (206, whole[10:30])


def test_wsgiref_validator_finds_nothing() -> None:
    with Server("validated:app", "--interface", "wsgi") as server, server.connect() as connection:
        for _ in range(3):
            assert connection.request("POST", "/?a=b", {"content-type": "text/plain"}, b"line\nrest").body == b"got line\nrest"
            assert connection.get("/write").body == b"written got "
            assert connection.get("/none").status == 204
            assert connection.request("HEAD", "/").status == 200
