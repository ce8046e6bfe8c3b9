"""P59 to P63: the lifespan. The apps are in tests/apps/probes/lifespans.py and tests/apps/lifespans.py."""

from __future__ import annotations

import pytest

from integration.server import Server


def ends(app: str, *options: str, code: int) -> Server:
    """Runs a server that does not come up; all of its log."""
    server = Server(app, *options, allow=(r".",), expect_exit=code).spawn()
    server.assert_gone()
    return server


def test_p59_one_lifespan_per_worker_complete_before_the_first_accept() -> None:
    with Server("probes.lifespans:notes_its_life", "--workers", "2") as server:
        ready = next(i for i, line in enumerate(server.log.lines) if "ready: 2 workers" in line)
        started = [i for i, line in enumerate(server.log.lines) if line == "received {'type': 'lifespan.startup'}"]
        assert len(started) == 2 and max(started) < ready
        assert server.log.count(r"scope \['asgi', 'state', 'type'\] \{'version': '3\.0', 'spec_version': '2\.0'\} \{\}") == 2
        assert server.stop() == 0
        assert server.log.count(r"received \{'type': 'lifespan.shutdown'\}") == 2


def test_p59_wrong_messages_raise() -> None:
    with Server("probes.lifespans:sends_nonsense") as server:
        assert server.log.count("refused") == 4
        assert server.get("/").body == b"served"


def test_p60_app_without_lifespan_is_served() -> None:
    """An exception for the scope itself means that the app has no lifespan (Django): nothing to complain about."""
    with Server("lifespans:unsupported") as server:
        assert server.get("/").status == 200


def test_p60_real_error_in_startup_is_told_although_auto_serves_on() -> None:
    with Server("lifespans:raises_after_startup_message", allow=("during lifespan startup", "Traceback")) as server:
        assert server.log.count("LookupError: broken while starting") == 1
        assert server.get("/").body == b"served"


@pytest.mark.parametrize("app", ["unsupported", "raises_after_startup_message"])
def test_p60_with_lifespan_on_both_are_fatal(app: str) -> None:
    assert ends(f"lifespans:{app}", "--lifespan", "on", code=3).log.count("(Value|Lookup)Error: ") == 1


def test_p61_failed_startup_ends_the_server_with_3_and_its_message() -> None:
    """Once: it is not started over and over."""
    server = ends("lifespans:fails", "--workers", "2", code=3)
    assert server.log.count("the app failed to start: no database today") == 1


def test_p61_exception_after_a_failed_startup_is_not_told_twice() -> None:
    """As Starlette: the message has the traceback already."""
    server = ends("probes.lifespans:fails_and_raises", code=3)
    assert server.log.count("the app failed to start: no database today") == 1
    assert server.log.count("never retrieved|LookupError") == 0


def test_p61_failed_shutdown_is_told() -> None:
    with Server("lifespans:fails_at_shutdown", allow=(r".",)) as server:
        server.stop()
        assert server.log.count("the app failed to shut down: could not flush") == 1


def test_p61_app_may_return_when_its_startup_is_complete() -> None:
    with Server("lifespans:returns_early") as server:
        assert server.get("/").body == b"served"


def test_p61_lifespan_that_dies_while_serving_is_told_at_once() -> None:
    with Server("probes.lifespans:dies_while_serving", allow=(r".",)) as server:
        assert server.get("/die").body == b"served"
        server.log.wait_for("ERROR.*the app's lifespan ended while the worker serves")
        assert server.get("/").body == b"served"
        server.stop()
        assert server.log.count("LookupError: the pool is gone") == 1


def test_p62_startup_that_hangs_is_ended_by_the_boot_timeout() -> None:
    server = ends("lifespans:hangs", "--timeout-boot", "5", code=3)
    assert server.log.count("hanging in startup") >= 1
    server.log.wait_for(r"(ERROR|WARN).*(not ready|boot|5 s)")


@pytest.mark.parametrize("number", [15, 2])
def test_p62_stop_during_startup_cancels_it(number: int) -> None:
    """The app can clean up; there is no traceback."""
    server = Server("probes.lifespans:starts_slowly").spawn()
    server.log.wait_for("starting")
    server.signal(number)
    server.assert_gone()
    assert server.log.count("cleaned up") == 1


def test_p62_shutdown_that_hangs_is_ended_by_the_graceful_timeout() -> None:
    with Server("probes.lifespans:hangs_at_shutdown", "--timeout-graceful-shutdown", "1", allow=(r".",)) as server:
        server.signal(15)
        server.log.wait_for("hanging in shutdown")
        server.expect_exit = server.wait()
        assert server.expect_exit in (0, 1)
        server.log.wait_for("(WARN|ERROR).*(did not|killed|SIGKILL|shut)")


def test_p63_context_of_the_lifespan_is_that_of_requests() -> None:
    """What a request sees of it is in test_p64_*; an app without lifespan has a context, too."""
    for option in ("auto", "off"):
        with Server("lifespans:unsupported", "--lifespan", option) as server:
            assert server.get("/").status == 200
