"""P64 to P68: tasks and contexts. The probes are in tests/apps/probes/tasks.py."""

from __future__ import annotations

import ast
import json
import re

import pytest

from conformance.wire import Probed, Wire, request
from integration.server import Server
from integration.wire import Truncated

SUSPENDED = pytest.mark.parametrize("suspend", ["", "?suspend"], ids=["first-step", "suspended"])


def findings(wire: Wire, target: str) -> None:
    """The probe finds everything right: on a fresh connection, on a reused one, and pipelined."""
    post = request(f"POST {target} HTTP/1.1", b"body")
    results = []
    for count in (1, 1, 3):
        wire.send(post * count)
        results += [json.loads(wire.read_response().body) for _ in range(count)]
    for found in results:
        wrong = [name for name, right in found.items() if right is not True]
        assert found and not wrong, wrong


# --- P64 ------------------------------------------------------------------------------------------------------------------
@SUSPENDED
def test_p64_each_request_has_a_fresh_copy_of_the_base_context(wire: Wire, suspend: str) -> None:
    findings(wire, "/context" + suspend)


def test_p64_work_after_the_response_shares_no_context_with_the_next_request(probes: Probed, wire: Wire) -> None:
    wire.send(request("GET /context-after HTTP/1.1") * 5)
    assert [wire.read_response().body for _ in range(5)] == [b"clean"] * 5
    probes.expect(*["background: in the background"] * 5)


# --- P65 ------------------------------------------------------------------------------------------------------------------
@SUSPENDED
@pytest.mark.parametrize("probe", ["task", "rename", "callback"])
def test_p65_current_task_is_a_stock_task(wire: Wire, probe: str, suspend: str) -> None:
    findings(wire, f"/{probe}{suspend}")


@SUSPENDED
def test_p65_timeouts_and_cancel_scopes(wire: Wire, suspend: str) -> None:
    findings(wire, "/timeouts" + suspend)


@SUSPENDED
def test_p65_task_groups(wire: Wire, suspend: str) -> None:
    findings(wire, "/groups" + suspend)


@SUSPENDED
def test_p65_app_may_cancel_its_own_task_and_go_on(wire: Wire, suspend: str) -> None:
    findings(wire, "/cancel-itself" + suspend)


def test_p65_cancelled_after_its_answer_the_answer_stands(probes: Probed, wire: Wire) -> None:
    wire.send(request("GET /cancel-after-answer HTTP/1.1") * 2)
    assert [wire.read_response().body for _ in range(2)] == [b"answered"] * 2
    probes.expect(*["cancelled: True"] * 2)


@pytest.mark.parametrize("where", ["sleep", "receive"])
def test_p65_a_cancelled_request_is_an_error_of_the_app(mistakes: Probed, where: str) -> None:
    """No server asked for it: 500 and one line, as for any exception."""
    since = len(mistakes.server.log.lines)
    with mistakes.wire() as waiting, mistakes.wire() as cancelling:
        waiting.send(request(f"GET /wait?where={where} HTTP/1.1"))
        assert json.loads(cancelling.ask("GET /cancel HTTP/1.1").body)["done"]
        assert waiting.read_response().status == 500
    mistakes.server.log.wait_for("CancelledError", since=since)


def test_p65_cancelled_while_it_sends_the_response_is_cut(mistakes: Probed) -> None:
    with mistakes.wire() as waiting, mistakes.wire() as cancelling:
        waiting.send(request("GET /wait?where=send HTTP/1.1"))
        assert waiting.read_head().status == 200
        assert json.loads(cancelling.ask("GET /cancel HTTP/1.1").body)["done"]
        with pytest.raises((Truncated, ConnectionResetError)):
            while True:
                waiting.read_exactly(1)


@SUSPENDED
@pytest.mark.parametrize("kind", ["SystemExit", "KeyboardInterrupt"])
def test_p65_exit_in_a_request_ends_the_worker_and_is_told_once(kind: str, suspend: str) -> None:
    """The worker ends and is replaced; the client sees 500 or a closed connection, never a success."""
    with Server("probes:app", allow=(r".",)) as server:
        before = server.wait_workers(1)
        try:
            assert server.get(f"/leave?by={kind}{suspend.replace('?', '&')}").status == 500
        except (Truncated, ConnectionResetError):
            pass
        server.eventually(lambda: server.workers() and server.wait_workers(1) != before, "another worker")
        server.eventually(lambda: server.get("/events").status == 200, "it serves")
    assert server.log.count("never retrieved") == 0, server.log


# --- P66 ------------------------------------------------------------------------------------------------------------------
@SUSPENDED
def test_p66_done_callbacks_run_with_the_task(probes: Probed, wire: Wire, suspend: str) -> None:
    wire.send(request(f"GET /done{suspend} HTTP/1.1") * 3)
    assert [wire.read_response().body for _ in range(3)] == [b"sent"] * 3
    probes.expect(*["done: True None of the callback None"] * 3)


def test_p66_tasks_made_in_a_request_outlive_it(probes: Probed, wire: Wire) -> None:
    wire.send(request("GET /children/a HTTP/1.1") + request("GET /children/b HTTP/1.1"))
    assert [wire.read_response().body for _ in range(2)] == [b"left"] * 2
    probes.expect("child of /children/a", "child of /children/b")


@SUSPENDED
def test_p66_a_request_is_freed_by_its_last_reference(probes: Probed, suspend: str) -> None:
    """No cycles: the cyclic collector is off, and neither the task nor what the scope held is left."""
    with probes.wire() as wire:
        for _ in range(50):
            left = wire.ask(f"GET /let-go{suspend} HTTP/1.1").body
    assert int(left) == 0


@SUSPENDED
def test_p66_a_request_that_failed_is_freed_too(mistakes: Probed, suspend: str) -> None:
    target = "/let-go?raise" + suspend.replace("?", "&")
    assert [mistakes.get(target).status for _ in range(10)] == [500] * 10
    assert mistakes.get("/let-go").body == b"0"


# --- P67 ------------------------------------------------------------------------------------------------------------------
@SUSPENDED
def test_p67_receive_and_send_can_be_used_as_coroutines(wire: Wire, suspend: str) -> None:
    """create_task(receive()), wait_for(receive(), ...) and gather(): apps do that."""
    wire.send(request(f"POST /receive-in-tasks{suspend} HTTP/1.1", b"body") * 2)
    for _ in range(2):
        found = ast.literal_eval(wire.read_response().text)
        assert set(found) == {"create_task", "awaitable", "wait_for", "timeout", "waits"} and all(found.values())


# --- P68 ------------------------------------------------------------------------------------------------------------------
def test_p68_anyio_reuses_its_worker_threads(probes: Probed) -> None:
    """anyio stops its threads when their root task ends: that must be the worker's, not the request's."""
    with probes.wire() as wire:
        for _ in range(100):
            found = json.loads(wire.ask("GET /threads HTTP/1.1").body)
            assert found["back"] == "from the thread"
    assert found["threads"] <= 2


@pytest.mark.parametrize("app", ["cancels_all", "cancels_all_twice"])
def test_p68_cancelling_all_tasks_at_shutdown_does_not_hang(app: str) -> None:
    """An app that cleans up by cancelling every other task, and waits for them, meets the worker's own."""
    with Server(f"probes.lifespans:{app}") as server:
        assert server.get("/").body == b"served"
        assert server.stop() == 0
        assert server.log.count("all tasks are gone") == 1
        assert not re.search("Traceback|CancelledError", str(server.log))
