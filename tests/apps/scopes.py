"""A raw ASGI app that shows its scope, and spoils it in ways that leave it as large as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgi import Receive, Scope, Send, make_app, query, respond

kept: list[Any] = []


def move_to_the_end(scope: Scope) -> None:
    scope["type"] = scope.pop("type")


def exchange_names(scope: Scope) -> None:
    del scope["scheme"]
    scope["schema"] = "http"


SPOILERS: dict[str, Callable[[Scope], Any]] = {
    "value": lambda scope: scope.update(root_path="/other", type="other"),
    "order": move_to_the_end,
    "name": exchange_names,
    "headers": lambda scope: scope["headers"].clear(),
    "a header": lambda scope: scope["headers"].__setitem__(0, (b"x-other", b"1")),
    "headers put in": lambda scope: scope.update(headers=list(scope["headers"])),
    "kept headers": lambda scope: kept.append(scope["headers"]),
    "asgi": lambda scope: scope["asgi"].update(version="0.0"),
    "extensions": lambda scope: scope["extensions"].clear(),
    "extension": lambda scope: [extension.update(spoiled=True) for extension in scope["extensions"].values()],
    "state": lambda scope: scope.get("state", {}).update(user="somebody"),
    "state put in": lambda scope: scope.update(state={"user": "somebody"}) if "state" in scope else None,
    "kept": lambda scope: kept.append(scope),
    "kept state": lambda scope: kept.append(scope.get("state")),
    "kept asgi": lambda scope: kept.extend([scope["asgi"], scope["extensions"]]),
    "kept extension": lambda scope: kept.extend(scope["extensions"].values()),
    "emptied": lambda scope: scope.clear(),
}


async def spoil(scope: Scope, receive: Receive, send: Send) -> None:
    how = query(scope)["how"].replace("+", " ")
    await respond(send, b"spoiled")
    SPOILERS[how](scope)


async def show(scope: Scope, receive: Receive, send: Send) -> None:
    await respond(send, repr(scope).encode())


async def spoil_kept(scope: Scope, receive: Receive, send: Send) -> None:
    """What an earlier request kept is its own: changing it changes no other's."""
    for value in kept:
        if value is not None:
            value.clear()
    await respond(send, b"spoiled")


app = make_app({"/spoil": spoil, "/show": show, "/spoil-kept": spoil_kept})
