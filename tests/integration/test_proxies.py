"""What proxies say, in forwarded headers or by the PROXY protocol, and whether the app and the access log believe it."""

from __future__ import annotations

import json
import signal
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from integration.server import Server
from integration.wire import Connection, Response, Truncated

Fields = list[tuple[str, str]]


def scope_of(server: Server, fields: Fields, target: str = "/scope") -> dict[str, object]:
    """The scope that the app gets for a request with these header fields, in this order."""
    head = f"GET {target} HTTP/1.1\r\nhost: test\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
    with server.connect() as connection:
        connection.send(head.encode("latin-1") + b"\r\n")
        scope = json.loads(connection.read_response().text)["scope"]
    assert isinstance(scope, dict)
    return scope


def client_of(scope: dict[str, object]) -> tuple[str, int] | None:
    client = scope["client"]
    if client is None:
        return None
    assert isinstance(client, dict)
    host, port = client["tuple"]
    return host, port


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """Servers that trust different proxies; our own requests come from 127.0.0.1."""
    options: dict[str, tuple[str, ...]] = {
        "default": (),
        "off": ("--no-proxy-headers",),
        "others": ("--forwarded-allow-ips", "10.0.0.0/8"),
        "network": ("--forwarded-allow-ips", "127.0.0.0/8, 10.0.0.0/8"),
        "everybody": ("--forwarded-allow-ips", "*"),
        "rfc7239": ("--forwarded-headers", "forwarded"),
        "host": ("--forwarded-headers", "x-forwarded-host"),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(Server("raw:app", *words)) for name, words in options.items()}


@pytest.mark.parametrize(("trust", "value", "client"), [
    ("default", "1.2.3.4", ("1.2.3.4", 0)),
    ("default", "1.2.3.4:5678", ("1.2.3.4", 5678)),
    ("default", "6.6.6.6, 1.2.3.4", ("1.2.3.4", 0)),
    ("default", "1.2.3.4, 127.0.0.1", ("1.2.3.4", 0)),
    ("default", "[2001:db8::1]:5678", ("2001:db8::1", 5678)),
    ("default", "2001:DB8:0::1", ("2001:db8::1", 0)),
    ("network", "6.6.6.6, 1.2.3.4, 10.0.0.1", ("1.2.3.4", 0)),
    ("everybody", "6.6.6.6, 1.2.3.4, 10.0.0.1", ("6.6.6.6", 0)),
    ("default", "unknown", None),
    ("default", "\xff\xfe, _x, ::::, [", None),
    ("default", "", None),
    ("off", "1.2.3.4", None),
    ("others", "1.2.3.4", None),
    ("rfc7239", "1.2.3.4", None),
])
def test_x_forwarded_for(servers: dict[str, Server], trust: str, value: str, client: tuple[str, int] | None) -> None:
    seen = client_of(scope_of(servers[trust], [("X-Forwarded-For", value)]))
    if client is not None:
        assert seen == client
    else:
        assert seen is not None and seen[0] == "127.0.0.1" and seen[1] > 0


@pytest.mark.parametrize(("trust", "value", "scheme"), [
    ("default", "https", "https"), ("default", "HTTPS", "https"), ("default", "wss", "https"), ("default", "http", "http"),
    ("default", "gopher", "http"), ("default", "", "http"), ("off", "https", "http"), ("others", "https", "http"),
])
def test_x_forwarded_proto(servers: dict[str, Server], trust: str, value: str, scheme: str) -> None:
    assert scope_of(servers[trust], [("x-forwarded-proto", value)])["scheme"] == scheme


def test_several_lines_are_one_list(servers: dict[str, Server]) -> None:
    fields = [("x-forwarded-for", "6.6.6.6, 1.2.3.4"), ("x-other", "1"), ("X-FORWARDED-FOR", "10.0.0.1")]
    assert client_of(scope_of(servers["network"], fields)) == ("1.2.3.4", 0)


def test_names_with_underscores_are_other_headers(servers: dict[str, Server]) -> None:
    scope = scope_of(servers["default"], [("x_forwarded_for", "6.6.6.6"), ("x_forwarded_proto", "https")])
    client = client_of(scope)
    assert client is not None and client[0] == "127.0.0.1"
    assert scope["scheme"] == "http"


def test_rfc_7239(servers: dict[str, Server]) -> None:
    line = 'for="6.6.6.6, for=";by=_x, For="[2001:db8:cafe::17]:4711";proto=https'
    scope = scope_of(servers["rfc7239"], [("Forwarded", line), ("X-Forwarded-For", "6.6.6.6")])
    assert client_of(scope) == ("2001:db8:cafe::17", 4711)
    assert scope["scheme"] == "https"
    ignored = client_of(scope_of(servers["default"], [("Forwarded", line)]))
    assert ignored is not None and ignored[0] == "127.0.0.1"


def test_x_forwarded_host_counts_where_it_is_named(servers: dict[str, Server]) -> None:
    def host(server: Server) -> object:
        headers = scope_of(server, [("X-Forwarded-Host", "example.com:8443")])["headers"]
        assert isinstance(headers, dict)
        pairs = [[part["bytes"] for part in pair["tuple"]] for pair in headers["list"]]
        return dict(pairs)["host"]

    assert host(servers["host"]) == "example.com:8443"
    assert host(servers["default"]) == "test"


def test_the_next_request_on_the_connection_is_the_proxys_own(servers: dict[str, Server]) -> None:
    with servers["default"].connect() as connection:
        first = connection.get("/scope", {"x-forwarded-for": "1.2.3.4", "x-forwarded-proto": "https"})
        second = connection.get("/scope")
    scopes = [json.loads(response.text)["scope"] for response in (first, second)]
    assert [scope["scheme"] for scope in scopes] == ["https", "http"]
    assert [scope["client"]["tuple"][0] for scope in scopes] == ["1.2.3.4", "127.0.0.1"]


def test_the_access_log_names_the_forwarded_client(servers: dict[str, Server]) -> None:
    server = servers["default"]
    server.get("/hello?forwarded", {"x-forwarded-for": "1.2.3.4"})
    server.log.wait_for(r'1\.2\.3\.4:0 - "GET /hello\?forwarded HTTP/1.1" 200')
    server.get("/hello?direct")
    server.log.wait_for(r'127\.0\.0\.1:\d+ - "GET /hello\?direct HTTP/1.1" 200')


@pytest.mark.parametrize(("words", "client"), [
    ((), None), (("--forwarded-allow-ips", "unix"), ("1.2.3.4", 0)), (("--forwarded-allow-ips", "*"), ("1.2.3.4", 0)),
])
def test_a_unix_peer_is_trusted_by_name_only(tmp_path: Path, words: tuple[str, ...], client: tuple[str, int] | None) -> None:
    with Server("raw:app", *words, bind=("--uds", str(tmp_path / "s"))) as server:
        assert client_of(scope_of(server, [("x-forwarded-for", "1.2.3.4")])) == client


# --- The PROXY protocol ---------------------------------------------------------------------------------------------

V1 = b"PROXY TCP4 1.2.3.4 5.6.7.8 56324 443\r\n"
REQUEST = b"GET /scope HTTP/1.1\r\nhost: test\r\n\r\n"
V2_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command: int = 0x21, family: int = 0x11, block: bytes | None = None, tlvs: bytes = b"") -> bytes:
    """A header of version 2, by default of a connection from 1.2.3.4:56324 to 5.6.7.8:443."""
    if block is None:
        block = struct.pack("!4B4BHH", 1, 2, 3, 4, 5, 6, 7, 8, 56324, 443)
    block += tlvs
    return V2_SIGNATURE + struct.pack("!BBH", command, family, len(block)) + block


class ProxyServer(Server):
    """A server whose readiness is asked for as a listed peer has to: with a header."""

    def connect(self, **options: int) -> Connection:
        connection = super().connect(**options)
        connection.send(b"PROXY UNKNOWN\r\n")
        return connection


def exchange(server: Server, *pieces: bytes) -> Response | None:
    """Sends the pieces, each as a segment of its own; the response, or None when the connection ends without one."""
    with Connection(server.address) as connection:
        try:
            for piece in pieces:
                connection.send(piece)
            return connection.read_response()
        except (Truncated, OSError):
            return None


def told_scope(server: Server, *pieces: bytes) -> dict[str, Any]:
    response = exchange(server, *pieces)
    assert response is not None and response.status == 200, response
    scope: dict[str, Any] = json.loads(response.text)["scope"]
    return scope


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at:at + size] for at in range(0, len(data), size)]


@pytest.fixture(scope="module")
def _proxied() -> Iterator[Server]:
    with ProxyServer("raw:app", "--proxy-protocol", "auto", "--forwarded-allow-ips", "9.9.9.9") as server:
        yield server


@pytest.fixture
def proxied(_proxied: Server) -> Server:
    return _proxied


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("header", [V1, v2(), v2(tlvs=b"\x04\0\3abc")], ids=["v1", "v2", "v2-tlv"])
def test_the_header_tells_client_and_server(proxied: Server, header: bytes, size: int) -> None:
    scope = told_scope(proxied, *cut(header + REQUEST, size))
    assert scope["client"]["tuple"] == ["1.2.3.4", 56324]
    assert scope["server"]["tuple"] == ["5.6.7.8", 443]
    assert scope["scheme"] == "http"


def test_ipv6_unix_and_tls(proxied: Server) -> None:
    scope = told_scope(proxied, b"PROXY TCP6 2001:db8::1 2001:db8::2 5 6\r\n" + REQUEST)
    assert (scope["client"]["tuple"], scope["server"]["tuple"]) == (["2001:db8::1", 5], ["2001:db8::2", 6])
    paths = b"/run/client".ljust(108, b"\0") + b"/run/app".ljust(108, b"\0")
    scope = told_scope(proxied, v2(family=0x31, block=paths) + REQUEST)
    assert (scope["client"], scope["server"]["tuple"]) == (None, ["/run/app", None])
    assert told_scope(proxied, v2(tlvs=b"\x20\0\5\1\0\0\0\0") + REQUEST)["scheme"] == "https"


def test_the_access_log_has_the_scheme_that_the_app_sees() -> None:
    forwarded = b"GET /forwarded HTTP/1.1\r\nhost: test\r\nx-forwarded-proto: http\r\n\r\n"
    tls = b"\x20\0\5\1\0\0\0\0"
    options = ("--proxy-protocol", "auto", "--forwarded-allow-ips", "1.2.3.4", "--access-log-format", "%(S)s %(U)s")
    with ProxyServer("raw:app", *options) as server:
        assert exchange(server, v2(tlvs=tls) + REQUEST + forwarded) is not None
        server.log.wait_for("https /scope")
        server.log.wait_for("http /forwarded")


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN a b c d\r\n", v2(0x20, 0, b""), v2(0x20),
                                    v2(0x21, 0, b"")])
def test_local_and_unknown_leave_the_connections_own(proxied: Server, header: bytes) -> None:
    scope = told_scope(proxied, header + REQUEST)
    assert scope["client"]["tuple"][0] == "127.0.0.1"
    assert tuple(scope["server"]["tuple"]) == proxied.address


def test_the_longest_header(proxied: Server) -> None:
    noop = b"\x04" + struct.pack("!H", 65535 - 12 - 3) + bytes(65535 - 12 - 3)
    assert told_scope(proxied, v2(tlvs=noop) + REQUEST)["client"]["tuple"] == ["1.2.3.4", 56324]


@pytest.mark.parametrize("data", [
    REQUEST, b"PROXY TCP4 1.2.3.4\r\n" + REQUEST, b"PROXY TCP4 " + b"1" * 200, b"PROXY\r\n\r\n", v2(0x31) + REQUEST,
    v2(family=0x51) + REQUEST, v2(tlvs=b"\x04\xff\xff") + REQUEST, v2(tlvs=b"\3\0\4abcd") + REQUEST,
    v2(block=b"1234") + REQUEST, b"\x16\x03\x01\x02\x00\x01", b"\0" * 20,
])
def test_a_listed_peer_without_a_good_header_gets_nothing(proxied: Server, data: bytes) -> None:
    assert exchange(proxied, data) is None
    assert exchange(proxied, *cut(data, 3)) is None


def test_refusals_are_one_line(proxied: Server) -> None:
    for _ in range(20):
        assert exchange(proxied, b"GET /refused HTTP/1.1\r\n\r\n") is None
    proxied.get("/hello")
    lines = proxied.log.matches(r"WARN.*connection from 127\.0\.0\.1:\d+ reset: its PROXY header")
    assert len(lines) == 1
    assert proxied.log.count("/refused") == 0


def test_many_requests_follow_one_header(proxied: Server) -> None:
    with Connection(proxied.address) as connection:
        connection.send(V1 + REQUEST + REQUEST)
        for _ in range(2):
            assert json.loads(connection.read_response().text)["scope"]["client"]["tuple"] == ["1.2.3.4", 56324]
        assert connection.get("/hello?logged").text == "Hello, world!"
        proxied.log.wait_for(r'1\.2\.3\.4:56324 - "GET /hello\?logged HTTP/1.1" 200')
        connection.send(V1)  # a second one is no request
        assert connection.read_response().status == 400


def test_forwarded_headers_are_judged_by_the_client_in_the_header(proxied: Server) -> None:
    request = b"GET /scope HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\n\r\n"
    forged = told_scope(proxied, V1 + request)
    assert (forged["client"]["tuple"], forged["scheme"]) == (["1.2.3.4", 56324], "http")
    behind_a_cdn = told_scope(proxied, V1.replace(b"1.2.3.4", b"9.9.9.9") + request)
    assert (behind_a_cdn["client"]["tuple"], behind_a_cdn["scheme"]) == (["6.6.6.6", 0], "https")


@pytest.mark.parametrize(("header", "believed"), [
    (b"PROXY UNKNOWN\r\n", False), (v2(0x21, 0, b""), False), (v2(0x20, 0, b""), True),
], ids=["v1", "v2", "local"])
def test_a_client_that_the_header_does_not_name_is_not_the_proxy(header: bytes, believed: bool) -> None:
    """The proxy passes on what anybody wrote; only LOCAL says that the bytes are its own."""
    request = b"GET /scope HTTP/1.1\r\nhost: test\r\nx-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\n\r\n"
    with ProxyServer("raw:app", "--proxy-protocol", "auto") as server:
        scope = told_scope(server, header + request)
        assert (scope["client"]["tuple"][0], scope["scheme"]) == (("6.6.6.6", "https") if believed else ("127.0.0.1", "http"))


@pytest.mark.parametrize(("mode", "good", "bad"), [("v1", V1, v2()), ("v2", v2(), V1)])
def test_one_version_only(mode: str, good: bytes, bad: bytes) -> None:
    class OneVersion(Server):
        def _answers(self) -> bool:
            return exchange(self, good + REQUEST) is not None

    with OneVersion("raw:app", "--proxy-protocol", mode) as server:
        assert told_scope(server, good + REQUEST)["client"]["tuple"] == ["1.2.3.4", 56324]
        assert exchange(server, bad + REQUEST) is None


def test_others_must_not_send_a_header() -> None:
    with Server("raw:app", "--proxy-protocol", "auto", "--proxy-allow-from", "10.0.0.0/8") as server:
        scope = told_scope(server, *cut(REQUEST, 3))
        assert scope["client"]["tuple"][0] == "127.0.0.1"
        for header in (V1, v2(), b"PROXY nonsense"):
            assert exchange(server, *cut(header + REQUEST, 3)) is None
        server.log.wait_for("is not for this peer to send")
        assert server.log.count("is not for this peer to send") == 1


@pytest.mark.parametrize(("words", "believed"), [((), False), (("--proxy-allow-from", "unix"), True)])
def test_unix_peers_are_listed_by_name(tmp_path: Path, words: tuple[str, ...], believed: bool) -> None:
    kind = ProxyServer if believed else Server
    with kind("raw:app", "--proxy-protocol", "auto", *words, bind=("--uds", str(tmp_path / "s"))) as server:
        if believed:
            assert told_scope(server, V1 + REQUEST)["client"]["tuple"] == ["1.2.3.4", 56324]
            assert told_scope(server, b"PROXY UNKNOWN\r\n" + REQUEST)["client"] is None
            assert exchange(server, REQUEST) is None
        else:
            assert told_scope(server, REQUEST)["client"] is None
            assert exchange(server, V1 + REQUEST) is None


def test_a_header_that_does_not_come_in_time_ends_the_connection() -> None:
    with ProxyServer("raw:app", "--proxy-protocol", "auto", "--timeout-header", "0.5") as server:
        for begin in (b"", b"PROXY TCP4", V2_SIGNATURE + b"\x21"):
            assert exchange(server, begin) is None
        server.log.wait_for("its PROXY header is not complete in time")


def test_without_the_option_a_header_is_a_bad_request(servers: dict[str, Server]) -> None:
    for header in (V1, v2()):
        response = exchange(servers["default"], header + REQUEST)
        assert response is not None and response.status == 400


def test_a_stop_ends_connections_that_have_not_sent_their_header() -> None:
    with ProxyServer("raw:app", "--proxy-protocol", "auto") as server:
        with Connection(server.address) as waiting, Connection(server.address) as begun:
            begun.send(V1[:10])
            assert server.get("/hello").status == 200
            server.signal(signal.SIGTERM)
            begun.send(V1[10:] + REQUEST)
            assert begun.read_response().status == 200
            assert waiting.read_to_end() == b""
        assert server.wait() == 0
