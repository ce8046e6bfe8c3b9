"""What proxies say about a request: forwarded headers, believed or not, as the app and the access log see it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.server import Server

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
