"""wsgiref's validator around an app: it asserts what PEP 3333 asks of server and app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from wsgiref.validate import validator


def inner(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    source = environ["wsgi.input"]
    body = source.read(3) + source.readline() + b"".join(source.readlines()) + source.read(10)
    headers = [("Content-Type", "text/plain")]
    if environ["PATH_INFO"] == "/write":
        start_response("200 OK", headers)(b"written ")
    elif environ["PATH_INFO"] == "/none":
        start_response("204 No Content", [])
        return []
    else:
        start_response("200 OK", headers)
    environ["wsgi.errors"].write("")
    environ["wsgi.errors"].flush()
    return (block for block in [b"got ", body])


app = validator(inner)
