"""The project of django_app.py served over WSGI, with sessions and an answer that streams between gates."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django_app import urlpatterns

settings.MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", *settings.MIDDLEWARE]
settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
gate = threading.Event()


def log_in(request: HttpRequest) -> HttpResponse:
    request.session["name"] = request.POST["name"]
    return HttpResponse("welcome")


def who_am_i(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.session.get("name", "nobody"))


def gated(request: HttpRequest) -> StreamingHttpResponse:
    def blocks() -> Iterator[bytes]:
        yield b"first"
        assert gate.wait(30)
        yield b"second"
    return StreamingHttpResponse(blocks(), content_type="text/plain")


def open_gate(request: HttpRequest) -> HttpResponse:
    gate.set()
    return HttpResponse(status=204)


urlpatterns += [path("log-in", log_in), path("who-am-i", who_am_i), path("gated", gated), path("open", open_gate)]
app = get_wsgi_application()
