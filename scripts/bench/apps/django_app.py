"""Django's part of the benchmark: an async JSON view behind CommonMiddleware, which sets the content-length."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
                   SECRET_KEY="of no use here", DEBUG=False)


async def json(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"message": "Hello, world!"}, json_dumps_params={"separators": (",", ":")})


async def pid(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(os.getpid()))


urlpatterns = [path("json", json), path("pid", pid)]
app = get_asgi_application()
