"""A whole Django project in one file, served over ASGI: sync views by its thread executor, and async ones."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable

import django
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="only for tests", DEBUG=False,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", f"{__name__}.add_header"],
    LOGGING_CONFIG=None,
)
django.setup()
done: list[str] = []


def add_header(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A sync-only middleware: Django adapts every request to a thread and back."""
    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["x-middleware"] = "passed"
        return response
    return middleware


async def get_json(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"hello": "world"})


def get_sync(request: HttpRequest) -> HttpResponse:
    assert threading.current_thread() is not threading.main_thread()
    return JsonResponse({"hello": "from a thread"})


def get_item(request: HttpRequest, number: int) -> HttpResponse:
    if number == 404:
        raise Http404("no such item")
    return JsonResponse({"number": number, "q": request.GET.get("q")})


def echo(request: HttpRequest) -> HttpResponse:
    return JsonResponse(json.loads(request.body))


def upload(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"size": request.FILES["file"].size, "note": request.POST["note"]})


async def stream(request: HttpRequest) -> HttpResponse:
    async def pieces() -> AsyncIterator[str]:
        for number in range(100):
            await asyncio.sleep(0)
            yield f"line {number}\n"
    return StreamingHttpResponse(pieces(), content_type="text/plain")


async def endless(request: HttpRequest) -> HttpResponse:
    async def pieces() -> AsyncIterator[str]:
        try:
            while True:
                yield "tick\n"
                await asyncio.sleep(0.01)
        finally:
            done.append("endless stream closed")
    return StreamingHttpResponse(pieces(), content_type="text/plain")


async def wait_for_cancel(request: HttpRequest) -> HttpResponse:
    """Django itself cancels an async view whose client has left (its own receive() beside the view)."""
    done.append("view started")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        done.append("view cancelled")
        raise
    return HttpResponse("too late")


async def get_done(request: HttpRequest) -> HttpResponse:
    return JsonResponse(done, safe=False)


def cookie(request: HttpRequest) -> HttpResponse:
    response = JsonResponse({"session": request.COOKIES.get("session", ""), "agent": "User-Agent" in request.headers})
    response.set_cookie("first", "1")
    response.set_cookie("second", "2")
    return response


def error(request: HttpRequest) -> HttpResponse:
    raise LookupError("mistake in an endpoint")


urlpatterns = [
    path("json", get_json), path("sync", get_sync), path("items/<int:number>", get_item), path("echo", echo),
    path("upload", upload), path("stream", stream), path("endless", endless), path("cookie", cookie),
    path("error", error), path("done", get_done), path("wait-for-cancel", wait_for_cancel),
]

from django.core.asgi import get_asgi_application  # noqa: E402 (needs the settings above)

app = get_asgi_application()
