"""The WSGI environ of a request (PEP 3333, "environ Variables"), made from its ASGI scope.

Its strings hold bytes: each character is one byte, decoded as Latin-1.
"""

from __future__ import annotations

import sys
from typing import Any
from urllib.parse import unquote_to_bytes

from ._tricorn import __version__

Environ = dict[str, Any]

_PORTS = {"http": "80", "https": "443"}
_PROTOCOLS = {"1.1": "HTTP/1.1", "1.0": "HTTP/1.0", "2": "HTTP/2"}
_MOST_NAMES = 512  # that are remembered: clients may invent any number

_variables: dict[bytes, str] = {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}


def base_environ(*, threads: int, file_wrapper: type) -> Environ:
    """What the environs of all requests have in common."""
    return {
        "SERVER_SOFTWARE": f"tricorn/{__version__}",
        "REMOTE_ADDR": "",
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": threads > 1,
        "wsgi.multiprocess": True,  # there may be more workers at any time
        "wsgi.run_once": False,
        "wsgi.file_wrapper": file_wrapper,
        "wsgi.input_terminated": True,  # reading past the body gives b"", whatever its framing
    }


def make_environ(scope: dict[str, Any], base: Environ) -> Environ:
    environ = base.copy()
    raw_path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    environ["REQUEST_METHOD"] = scope["method"]
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = _split_path(scope["root_path"], scope["path"], raw_path)
    environ["QUERY_STRING"] = query.decode("latin-1")
    environ["RAW_URI"] = environ["REQUEST_URI"] = (raw_path + b"?" + query if query else raw_path).decode("latin-1")
    environ["SERVER_PROTOCOL"] = _PROTOCOLS.get(scope["http_version"], "HTTP/1.1")
    environ["wsgi.url_scheme"] = scope["scheme"]
    if (client := scope["client"]) is not None:
        environ["REMOTE_ADDR"], port = client
        environ["REMOTE_PORT"] = str(port)
    _add_headers(environ, scope["headers"])
    server = scope["server"]
    if server is not None and server[1] is not None:
        environ["SERVER_NAME"], environ["SERVER_PORT"] = server[0], str(server[1])
    else:  # a unix socket: what the client asked for is all there is
        name, port = _split_host(environ.get("HTTP_HOST", ""))
        environ["SERVER_NAME"], environ["SERVER_PORT"] = name or "localhost", port or _PORTS.get(scope["scheme"], "80")
    return environ


def _split_path(root_path: str, path: str, raw_path: bytes) -> tuple[str, str]:
    """SCRIPT_NAME and PATH_INFO: as in the scope, but of bytes, where that has replaced what is not UTF-8."""
    if not path.isascii():
        root = root_path.encode()
        inside = raw_path.removeprefix(root)
        path = unquote_to_bytes(inside).decode("latin-1")
        root_path = root.decode("latin-1")
        return root_path, path if len(inside) < len(raw_path) else path.removeprefix(root_path)
    return root_path, path.removeprefix(root_path) if root_path else path


def _add_headers(environ: Environ, headers: list[tuple[bytes, bytes]]) -> None:
    variables = _variables
    for name, value in headers:
        variable = variables.get(name)
        if variable is None:
            # x_real_ip would pass for x-real-ip (CVE-2015-0219); Proxy would become HTTP_PROXY, which HTTP clients take for
            # the proxy to use (CVE-2016-5385).
            if b"_" in name or name == b"proxy":
                continue
            variable = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
            if len(variables) < _MOST_NAMES:
                variables[name] = variable
        text = value.decode("latin-1")
        if variable in environ:
            text = environ[variable] + ("; " if variable == "HTTP_COOKIE" else ",") + text
        environ[variable] = text


def _split_host(host: str) -> tuple[str, str]:
    """"example.org:8000", "[::1]:8000" or without the port."""
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and port.isdigit() else (host, "")
