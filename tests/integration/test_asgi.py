"""The ASGI contract: scope, messages, errors, tasks, contexts, lifespan."""

from __future__ import annotations

import json
from typing import Any

import pytest

from integration.server import Server
from integration.wire import Truncated


def scope_of(server: Server, raw_request: bytes) -> dict[str, Any]:
    with server.connect() as connection:
        connection.send(raw_request)
        response = connection.read_response()
        assert response.status == 200, response
        scope: dict[str, Any] = json.loads(response.body)["scope"]
        return scope


def get_scope(server: Server, target: str, headers: str = "") -> dict[str, Any]:
    return scope_of(server, f"GET {target} HTTP/1.1\r\nHost: example\r\n{headers}\r\n".encode("latin-1"))


def as_bytes(text: str) -> dict[str, str]:
    return {"bytes": text}


def pairs(scope: dict[str, Any]) -> list[tuple[str, str]]:
    """The headers, after a check that they are a list of two-tuples (or lists) of bytes."""
    assert list(scope["headers"]) == ["list"]
    found = []
    for item in scope["headers"]["list"]:
        (kind, (name, value)), = item.items()
        assert kind in ("tuple", "list")
        found.append((name["bytes"], value["bytes"]))
    return found


# --- scope ---------------------------------------------------------------------------------------------------------------
def test_scope_has_every_field_with_its_type(raw: Server) -> None:
    """P14, P15, P17: real str, int, bytes, list; nothing unexpected missing."""
    with raw.connect() as connection:
        own_port = connection.socket.getsockname()[1]
        scope = json.loads(connection.get("/scope/a%20b?x=1&y=%C3%A9").body)["scope"]
    assert scope["type"] == "http"
    assert scope["asgi"]["version"] == "3.0"
    assert tuple(map(int, scope["asgi"]["spec_version"].split("."))) >= (2, 4)
    assert (scope["http_version"], scope["method"], scope["scheme"]) == ("1.1", "GET", "http")
    assert (scope["path"], scope["raw_path"]) == ("/scope/a b", as_bytes("/scope/a%20b"))
    assert scope["query_string"] == as_bytes("x=1&y=%C3%A9")
    assert scope["root_path"] == ""
    assert list(scope["client"].values()) == [["127.0.0.1", own_port]]
    assert list(scope["server"].values()) == [list(raw.address)]
    assert isinstance(scope["state"], dict) and isinstance(scope["extensions"], dict)


def test_http_version_of_an_old_client(raw: Server) -> None:
    """P14."""
    assert scope_of(raw, b"GET /scope HTTP/1.0\r\n\r\n")["http_version"] == "1.0"


def test_header_names_lower_case_order_and_duplicates_kept(raw: Server) -> None:
    """P8, P9: values stripped, latin-1 bytes untouched, underscores kept apart."""
    scope = get_scope(raw, "/scope", "X-One: a\r\nX-Two:   padded \t\r\nX-one: b\r\nX-Latin: caf\xe9\r\nx_one: c\r\nX-Empty:\r\n")
    assert pairs(scope) == [("host", "example"), ("x-one", "a"), ("x-two", "padded"), ("x-one", "b"),
                            ("x-latin", "caf\xe9"), ("x_one", "c"), ("x-empty", "")]


@pytest.mark.parametrize(("target", "path", "raw_path"), [
    ("/scope/%2F/x", "/scope///x", "/scope/%2F/x"),
    ("/scope/caf%C3%A9", "/scope/café", "/scope/caf%C3%A9"),
    ("/scope/%FF", "/scope/�", "/scope/%FF"),
    ("/scope//a/../b", "/scope//a/../b", "/scope//a/../b"),
    ("/scope/a+b", "/scope/a+b", "/scope/a+b"),
    ("/scope/100%", "/scope/100%", "/scope/100%"),
    ("/scope/%zz", "/scope/%zz", "/scope/%zz"),
    ("http://other/scope/x?y", "/scope/x", "/scope/x"),
])
def test_path_is_decoded_and_raw_path_is_not(raw: Server, target: str, path: str, raw_path: str) -> None:
    """P10, P12."""
    scope = get_scope(raw, target)
    assert (scope["path"], scope["raw_path"]) == (path, as_bytes(raw_path))


@pytest.mark.parametrize(("target", "query_string"), [("/scope", ""), ("/scope?", ""), ("/scope?a=b?c", "a=b?c"),
                                                      ("/scope?%20+", "%20+")])
def test_query_string_is_raw_bytes(raw: Server, target: str, query_string: str) -> None:
    """P11."""
    assert get_scope(raw, target)["query_string"] == as_bytes(query_string)


def test_host_of_an_absolute_target_wins(raw: Server) -> None:
    """P12."""
    assert dict(pairs(get_scope(raw, "http://other:81/scope")))["host"] == "other:81"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE", "TRACE"])
def test_methods(raw: Server, method: str) -> None:
    """P13."""
    scope = scope_of(raw, f"{method} /scope HTTP/1.1\r\nhost: t\r\ncontent-length: 0\r\n\r\n".encode())
    assert scope["method"] == method


def test_unknown_method_is_refused(raw: Server) -> None:
    """P13: 4xx or 501, never a crash."""
    with raw.connect() as connection:
        connection.send(b"NONSENSE /scope HTTP/1.1\r\nhost: t\r\n\r\n")
        assert connection.read_response().status in (400, 405, 501)


def test_unknown_upgrade_is_served_as_a_normal_request(raw: Server) -> None:
    """P23."""
    with raw.connect() as connection:
        response = connection.request("POST", "/echo", {"connection": "upgrade", "upgrade": "h2c"}, b"body")
        assert (response.status, response.body) == (200, b"body")


def test_scope_is_fresh_for_each_request(raw: Server) -> None:
    """P17: what a request writes into its scope, the next one does not see."""
    with raw.connect() as connection:
        assert connection.get("/spoil").body == b"spoiled"
        assert "spoiled" not in connection.get("/scope").text


def test_root_path_is_part_of_the_path() -> None:
    """P16: a path is prefixed once, also when the proxy already sent the prefix."""
    with Server("raw:app", "--root-path", "/api") as server:
        for target in ("/scope/x", "/api/scope/x"):
            scope = get_scope(server, target)
            assert (scope["root_path"], scope["path"]) == ("/api", "/api/scope/x"), target


# --- receive and send ---------------------------------------------------------------------------------------------------------
def test_get_has_exactly_one_empty_body_message(checks: Server) -> None:
    """P3."""
    assert json.loads(checks.get("/get-body").body) == ["http.request", "bytes", 0, False, ["body", "more_body", "type"]]


def test_body_messages_are_bytes_and_the_last_one_says_so(raw: Server) -> None:
    """P3, P4."""
    received = json.loads(raw.request("POST", "/messages", body=b"x" * 200_000).body)
    assert {message[0] for message in received} == {"http.request"}
    assert {message[1] for message in received} == {"bytes"}
    assert sum(message[2] for message in received) == 200_000
    assert [message[3] for message in received] == [True] * (len(received) - 1) + [False]


def test_bodies_of_any_buffer_type_are_copied_or_held(checks: Server) -> None:
    """P26."""
    assert checks.get("/body-types").body == b"bytes,bytearray,memoryview,"
    assert checks.get("/large-bytearray").body == b"a" * 3_000_000 + b"b" * 3_000_000


def test_receive_beside_the_response_blocks_and_can_be_cancelled(checks: Server) -> None:
    """P41: as Django does it."""
    assert checks.get("/concurrent-receive").body == b"first,True,True,True"
    finished(checks, "receive after completion: http.disconnect")


def test_after_completion_receive_says_disconnect_and_send_raises(checks: Server) -> None:
    """P40."""
    assert checks.get("/receive-after-completion").body == b"done"
    finished(checks, "after completion: {'http.disconnect'} RuntimeError")


def finished(server: Server, what: str) -> None:
    server.eventually(lambda: what in json.loads(server.get("/finished").body), what)


# --- mistakes of apps -------------------------------------------------------------------------------------------------------------
def tracebacks(server: Server, since: int, count: int = 1) -> None:
    """Waits for `count` tracebacks since a line of the log, and asserts that there are not more."""
    server.log.wait_for(r"^\s*Traceback \(most recent call last\)", count=count, since=since)
    server.get("/fine")
    assert server.log.count(r"Traceback \(most recent call last\)", since) == count, server.log


BEFORE_START = ["body-first", "unknown-type", "no-type", "status-str", "status-missing", "status-range", "header-str",
                "header-newline-name", "header-newline-value", "header-nul", "header-shape"]


@pytest.mark.parametrize("target", ["/raise", "/raise-after-sleep", "/cancel-itself"]
                         + [f"/bad-message?kind={kind}" for kind in BEFORE_START])
def test_mistake_before_start_is_500_and_one_traceback(faulty: Server, target: str) -> None:
    """P25, P34, P37, P65."""
    since = len(faulty.log.lines)
    response = faulty.get(target)
    assert (response.status, response.body) == (500, b"Internal Server Error")
    assert (response.header("content-type") or "").startswith("text/plain")
    tracebacks(faulty, since)


def test_return_without_a_response_is_500(faulty: Server) -> None:
    """P37."""
    since = len(faulty.log.lines)
    assert faulty.get("/return").status == 500
    faulty.log.wait_for("ERROR", since=since)


@pytest.mark.parametrize("target", ["/raise-after-start", "/return-incomplete", "/bad-message?kind=start-twice",
                                    "/bad-message?kind=too-short"])
def test_mistake_in_the_middle_is_never_a_clean_end(faulty: Server, target: str) -> None:
    """P28, P38, P39: the client can tell that the body is cut."""
    since = len(faulty.log.lines)
    with faulty.connect() as connection, pytest.raises((Truncated, ConnectionResetError)):
        connection.request("GET", target)
    faulty.log.wait_for("ERROR", since=since)


def test_body_of_text_is_an_error(faulty: Server) -> None:
    """P25: str is refused; whether the head was already sent decides between 500 and a cut."""
    since = len(faulty.log.lines)
    with faulty.connect() as connection:
        try:
            assert connection.get("/bad-message?kind=body-str").status == 500
        except (Truncated, ConnectionResetError):
            pass
    tracebacks(faulty, since)


def test_body_longer_than_its_content_length_is_not_written(faulty: Server) -> None:
    """P28: an error for the app; not one byte beyond the length reaches the client."""
    since = len(faulty.log.lines)
    with faulty.connect() as connection:
        connection.request("GET", "/bad-message?kind=too-long", {"connection": "close"}, read=False)
        assert b"45" not in connection.read_to_end().partition(b"\r\n\r\n")[2]
    tracebacks(faulty, since)


def test_mistakes_after_the_response_cost_nothing_but_a_log_line(faulty: Server) -> None:
    """P39."""
    since = len(faulty.log.lines)
    assert faulty.get("/return-value").body == b"fine"
    assert faulty.get("/raise-after-response").body == b"fine"
    faulty.log.wait_for("mistake after the response", since=since)
    assert json.loads(faulty.get("/fine").body) == "fine"


# --- tasks and contexts -------------------------------------------------------------------------------------------------------------
def test_context_variables_never_leak_into_the_next_request(checks: Server) -> None:
    """P64: keep-alive and pipelined, after a sync end and after a suspension; children inherit."""
    expected = {"found": "clean", "in_task": "dirty", "in_callback": "dirty"}
    with checks.connect() as connection:
        for _ in range(3):
            assert json.loads(connection.get("/context").body) == expected
        connection.send(b"GET /context HTTP/1.1\r\nhost: t\r\n\r\n" * 3)
        for _ in range(3):
            assert json.loads(connection.read_response().body) == expected


def test_current_task(checks: Server) -> None:
    """P65."""
    found = json.loads(checks.get("/current-task").body)
    assert all(found.values()), found


def test_timeouts_and_cancel_scopes(checks: Server) -> None:
    """P65, P67."""
    found = json.loads(checks.request("POST", "/timeouts", body=b"12345").body)
    assert found == {"timeout": True, "wait_for": True, "anyio": True, "body": 5}
    assert json.loads(checks.get("/timeout-at-once").body) == {"cancelled": True}


def test_task_groups(checks: Server) -> None:
    """P65."""
    assert json.loads(checks.get("/groups").body) == {"done": list(range(10)), "failed": True}


def test_worker_threads_are_reused_over_requests(checks: Server) -> None:
    """P68: without a root task anyio tears its threads down at each request."""
    with checks.connect() as connection:
        for _ in range(100):
            used = json.loads(connection.get("/thread").body)
    assert used <= 2


def test_background_work_does_not_hold_the_connection(checks: Server) -> None:
    """P48, P21: the response is complete at once, the connection serves the next request meanwhile."""
    with checks.connect() as connection:
        assert connection.get("/background?ms=300").body == b"done"
        assert "background" not in json.loads(connection.get("/finished").body)
    finished(checks, "background")


def test_shutdown_waits_for_background_work() -> None:
    """P48: work after the response is part of the request."""
    with Server("background:app") as server:
        assert server.get("/").body == b"accepted"
        assert server.stop() == 0
        assert server.log.count("background work done") == 1


def test_abandoned_async_generator_is_closed(checks: Server) -> None:
    assert checks.get("/async-generators").body == b"left"
    finished(checks, "generator closed")


# --- lifespan ---------------------------------------------------------------------------------------------------------------------------
def test_lifespan_state_reaches_requests_as_a_shallow_copy() -> None:
    """P17, P59: values are copied, objects shared; the scope has asgi and state."""
    with Server("lifespans:state") as server:
        server.log.wait_for(r"lifespan scope: \['asgi', 'state', 'type'\].*'spec_version': '2\.0'")
        before = json.loads(server.get("/").body)
        assert json.loads(server.get("/").body) == {"value": "from lifespan", "shared": before["shared"] + 1}
        assert server.stop() == 0
        assert server.log.count(r"shutdown after requests: [1-9]") == 1


def test_lifespan_runs_once_in_each_worker() -> None:
    """P59."""
    with Server("lifespans:state", "--workers", "3") as server:
        server.log.wait_for("lifespan scope:", count=3)
        assert server.stop() == 0
        assert server.log.count("lifespan scope:") == server.log.count("shutdown after requests:") == 3


def test_auto_serves_an_app_without_lifespan() -> None:
    """P60: as Django: raising on the scope means unsupported, which is no error."""
    with Server("lifespans:unsupported") as server:
        assert server.get("/").status == 200


def test_on_makes_a_missing_lifespan_fatal() -> None:
    """P60."""
    server = Server("lifespans:unsupported", "--lifespan", "on", expect_exit=3, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count("only http is supported") >= 1


def test_off_never_calls_the_lifespan() -> None:
    """P60."""
    with Server("lifespans:fails", "--lifespan", "off") as server:
        assert server.get("/").body == b"served"


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_failed_startup_exits_3_with_its_message(mode: str) -> None:
    """P61, fault 5: shown once, no connection was ever accepted."""
    server = Server("lifespans:fails", "--lifespan", mode, "--workers", "2", expect_exit=3, allow=(".",)).spawn()
    server.assert_gone()
    assert server.log.count("no database today") == 1


def test_error_in_startup_is_logged_but_auto_serves() -> None:
    """P60: the specification asks to serve on; an exception after startup was received is an ERROR all the same."""
    with Server("lifespans:raises_after_startup_message", allow=("during lifespan startup", "Traceback")) as server:
        server.log.wait_for("ERROR.*during lifespan startup")
        assert server.log.count("LookupError: broken while starting") == 1
        assert server.get("/").body == b"served"


def test_error_in_startup_is_fatal_when_lifespan_is_on() -> None:
    """P60."""
    server = Server("lifespans:raises_after_startup_message", "--lifespan", "on", allow=(".",), expect_exit=3).spawn()
    server.assert_gone()
    assert server.log.count("LookupError: broken while starting") == 1


def test_lifespan_that_returns_early_is_fine() -> None:
    """P61."""
    with Server("lifespans:returns_early") as server:
        assert server.get("/").body == b"served"


def test_failed_shutdown_is_logged() -> None:
    """P61."""
    with Server("lifespans:fails_at_shutdown", allow=(".",)) as server:
        assert server.get("/").body == b"served"
        server.stop()
        assert server.log.count("could not flush") == 1
        server.expect_exit = server.process.returncode
        assert server.expect_exit in (0, 1)


def test_stop_during_a_hanging_startup() -> None:
    """P62: the signal is served while a worker starts."""
    server = Server("lifespans:hangs").spawn()
    server.log.wait_for("hanging in startup")
    server.signal(15)
    server.assert_gone()
