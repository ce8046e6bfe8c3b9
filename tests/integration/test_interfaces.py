"""--interface: what auto takes apps for, and ASGI 2 through the real server."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from integration.server import Server, executable

sys.path.insert(0, str(Path(executable()).parent / "python"))
interfaces = pytest.importorskip("tricorn._interfaces", reason="the package is of another Python")


async def asgi3(scope: Any, receive: Any, send: Any) -> None: ...
def asgi3_plain(scope: Any, receive: Any, send: Any) -> Any: ...
async def asgi3_any(*args: Any, **keywords: Any) -> None: ...
def asgi2(scope: Any) -> Any: ...
def wsgi(environ: Any, start_response: Any) -> Any: ...
def wsgi_more(environ: Any, start_response: Any, extra: Any = None) -> Any: ...
def asgi3_more(scope: Any, receive: Any = None, send: Any = None) -> Any: ...
async def with_config(config: Any, scope: Any, receive: Any, send: Any) -> None: ...
def wsgi_with_config(config: Any, environ: Any, start_response: Any) -> Any: ...
def anything(*args: Any) -> Any: ...
def unclear(a: Any, b: Any = None, c: Any = None) -> Any: ...


def wrapped(app: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(app)
    def wrapper(*args: Any, **keywords: Any) -> Any:
        return app(*args, **keywords)
    return wrapper


def decorated(app: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any, **keywords: Any) -> Any:
        return app(*args, **keywords)
    return wrapper


class Asgi3Object:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class Asgi3PlainObject:
    def __call__(self, scope: Any, receive: Any, send: Any) -> Any: ...


class Asgi3Class:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...
    def __await__(self) -> Any: ...


class Asgi2Class:
    def __init__(self, scope: Any) -> None: ...
    async def __call__(self, receive: Any, send: Any) -> None: ...


class Asgi2AnyClass(Asgi2Class):
    def __init__(self, *args: Any) -> None: ...


class WsgiObject:
    def __call__(self, environ: Any, start_response: Any) -> Any: ...
    def method(self, environ: Any, start_response: Any) -> Any: ...
    async def asgi(self, scope: Any, receive: Any, send: Any) -> None: ...


class WsgiClass:
    def __init__(self, environ: Any, start_response: Any) -> None: ...
    def __iter__(self) -> Any: ...


class OwnCall:
    """As Sentry's middleware: the instance chooses its __call__."""

    __slots__ = ("__call__",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.__call__ = call  # type: ignore[method-assign]


def starlette() -> Any:
    from starlette.applications import Starlette
    return Starlette()


def fastapi() -> Any:
    from fastapi import FastAPI
    return FastAPI()


def quart() -> Any:
    from quart import Quart
    return Quart("quart")


def flask() -> Any:
    from flask import Flask
    return Flask("flask")


def django(kind: str) -> Any:
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    kinds: dict[str, Any] = {"asgi": ASGIHandler, "wsgi": WSGIHandler}
    return kinds[kind].__new__(kinds[kind])


def adapted(kind: str) -> Any:
    from asgiref.compatibility import double_to_single_callable
    from asgiref.wsgi import WsgiToAsgi
    return {"double": double_to_single_callable, "wsgi": WsgiToAsgi}[kind](asgi2 if kind == "double" else wsgi)


TABLE: list[tuple[str, Callable[[], Any], str | None]] = [
    ("coroutine function", lambda: asgi3, "asgi3"),
    ("plain function of three", lambda: asgi3_plain, "asgi3"),
    ("coroutine function of anything", lambda: asgi3_any, "asgi3"),
    ("three with defaults", lambda: asgi3_more, "asgi3"),
    ("lambda of three", lambda: lambda scope, receive, send: asgi3(scope, receive, send), "asgi3"),
    ("function of one", lambda: asgi2, "asgi2"),
    ("function of two", lambda: wsgi, "wsgi"),
    ("environ and a third with a default", lambda: wsgi_more, "wsgi"),
    ("anything", lambda: anything, None),
    ("unclear", lambda: unclear, None),
    ("builtin", lambda: print, None),
    ("partial of ASGI 3", lambda: functools.partial(with_config, "config"), "asgi3"),
    ("partial of a partial", lambda: functools.partial(functools.partial(with_config, "config")), "asgi3"),
    ("partial of an object", lambda: functools.partial(Asgi3Object()), "asgi3"),
    ("partial of WSGI", lambda: functools.partial(wsgi_with_config, "config"), "wsgi"),
    ("wraps ASGI 3", lambda: wrapped(asgi3), "asgi3"),
    ("wraps WSGI", lambda: wrapped(wsgi), "wsgi"),
    ("hides ASGI 3", lambda: decorated(asgi3), None),
    ("hides WSGI", lambda: decorated(wsgi), None),
    ("object", Asgi3Object, "asgi3"),
    ("object with a plain __call__", Asgi3PlainObject, "asgi3"),
    ("WSGI object", WsgiObject, "wsgi"),
    ("WSGI method", lambda: WsgiObject().method, "wsgi"),
    ("ASGI method", lambda: WsgiObject().asgi, "asgi3"),
    ("ASGI 3 class", lambda: Asgi3Class, "asgi3"),
    ("ASGI 2 class", lambda: Asgi2Class, "asgi2"),
    ("ASGI 2 class of anything", lambda: Asgi2AnyClass, "asgi2"),
    ("WSGI class", lambda: WsgiClass, "wsgi"),
    ("own ASGI 3 call", lambda: OwnCall(asgi3), "asgi3"),
    ("own ASGI 2 call", lambda: OwnCall(asgi2), "asgi2"),
    ("own WSGI call", lambda: OwnCall(wsgi), "wsgi"),
    ("Starlette", starlette, "asgi3"),
    ("FastAPI", fastapi, "asgi3"),
    ("Quart", quart, "asgi3"),
    ("Flask", flask, "wsgi"),
    ("Django ASGI", lambda: django("asgi"), "asgi3"),
    ("Django WSGI", lambda: django("wsgi"), "wsgi"),
    ("asgiref double_to_single", lambda: adapted("double"), "asgi3"),
    ("asgiref WsgiToAsgi", lambda: adapted("wsgi"), "asgi3"),
]


@pytest.mark.parametrize(("make", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_what_auto_takes_an_app_for(make: Callable[[], Any], expected: str | None) -> None:
    assert interfaces.detect_interface(make()) == expected


@pytest.mark.parametrize("arguments", [(), ("--interface", "asgi2")])
def test_asgi2_with_lifespan(arguments: tuple[str, ...]) -> None:
    with Server("asgi2:App", *arguments) as server:
        assert server.request("POST", "/path", body=b"body").body == b"2.0 /path started body"
        server.stop()
        assert server.log.count("asgi2 shut down") == 1


def test_asgi2_function() -> None:
    with Server("asgi2:function") as server:
        assert [server.get("/").body for _ in range(3)] == [b"a function"] * 3


def test_asgi2_that_is_none_is_one_clear_line() -> None:
    with Server("raw:app", "--interface", "asgi2", allow=(r".",)) as server:
        server.log.wait_for("WARN.*--interface asgi2: the app looks like asgi3")
        assert server.get("/").status == 500


def test_lifespan_on_is_an_error_for_wsgi() -> None:
    done = subprocess.run([executable(), "--app-dir", str(Path(__file__).parents[1] / "apps"), "--port", "0", "--lifespan", "on",
                           "wsgi:app"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 3
    assert "a WSGI app has no lifespan" in done.stderr
