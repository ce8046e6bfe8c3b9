"""Tells who runs it, where, and as which worker: while it was imported, and now."""

from __future__ import annotations

import os
from typing import Any

from asgi import Receive, Scope, Send, make_app, query, respond, respond_json

IDENTITY_VARIABLES = ("TRICORN_WORKER_ID", "TRICORN_GENERATION", "TRICORN_MASTER_PID")


def whoami() -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "uids": os.getresuid(),
        "gids": os.getresgid(),
        "groups": sorted(os.getgroups()),
        "folder": os.getcwd(),
        "environment": {name: os.environ.get(name) for name in ("HOME", "USER", "LOGNAME", "PWD", *IDENTITY_VARIABLES)},
    }


AT_IMPORT = whoami()
FORKS: list[tuple[str, int]] = []  # what the hooks saw, in the process that asks
os.register_at_fork(before=lambda: FORKS.append(("before", os.getpid())),
                    after_in_parent=lambda: FORKS.append(("in parent", os.getpid())),
                    after_in_child=lambda: FORKS.append(("in child", os.getpid())))


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    await respond_json(send, {"now": whoami(), "import": AT_IMPORT, "forks": FORKS})


async def make_file(scope: Scope, receive: Receive, send: Send) -> None:
    with open(query(scope)["path"], "x"):
        await respond(send, b"made")


app = make_app({"/": tell, "/make": make_file})
