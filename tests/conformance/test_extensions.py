"""P49 and P50: early hints, trailers, files. More of files, memory and descriptors is in tests/integration/test_responses.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from conformance.test_responses import END, START, body, in_step, play, start
from conformance.wire import Probed, Wire, request
from integration.wire import Truncated

HINT: dict[str, Any] = {"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload", b"</b.js>"]}
WITH_TRAILERS: dict[str, Any] = {**START, "trailers": True}
TRAILERS: dict[str, Any] = {"type": "http.response.trailers", "headers": [(b"X-Sum", b"1"), (b"x-end", b"2")]}
SENT = [("x-sum", "1"), ("x-end", "2")]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    return path


def by_path(path: Path) -> dict[str, Any]:
    return {"type": "http.response.pathsend", "path": str(path)}


def by_file(path: Path, more: bool = False, **part: int) -> dict[str, Any]:
    return {"type": "http.response.zerocopysend", "file": str(path), "more_body": more, **part}


# --- P49: early hints -------------------------------------------------------------------------------------------------
def test_p49_early_hints_are_103_before_the_response(wire: Wire) -> None:
    wire.send(request("POST /play HTTP/1.1", repr([HINT, HINT, START, body(b"hinted")]).encode()))
    for _ in range(2):
        hint = wire.read_head()
        assert (hint.status, hint.headers) == (103, [("link", "</a.css>; rel=preload"), ("link", "</b.js>")])
    assert wire.read_response().body == b"hinted"
    in_step(wire)


def test_p49_early_hint_after_the_start_raises(probes: Probed, wire: Wire) -> None:
    assert play(wire, START, HINT, body(b"a", True), HINT, body(b"b")).body == b"ab"
    in_step(wire)
    probes.expect(*["RuntimeError: False"] * 2)


@pytest.mark.parametrize("link", [b"</a>\r\nx: y", b"</a>\n", b"\0"])
def test_p49_injected_early_hint_raises_and_reaches_nobody(probes: Probed, wire: Wire, link: bytes) -> None:
    assert play(wire, {**HINT, "links": [link]}, START, body(b"clean")).body == b"clean"
    in_step(wire)
    probes.expect("RuntimeError: False")


def test_p49_early_hints_are_not_for_http_1_0(wire: Wire) -> None:
    assert play(wire, HINT, START, body(b"x"), version="1.0").status == 200


# --- P49: trailers ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pieces", [(body(b"ab"),), (body(b"a", True), body(b"b")), (END,)], ids=["whole", "pieces", "empty"])
def test_p49_trailers_go_to_who_takes_them(wire: Wire, pieces: tuple[dict[str, Any], ...]) -> None:
    sent = b"".join(piece.get("body", b"") for piece in pieces)
    response = play(wire, WITH_TRAILERS, *pieces, TRAILERS, head="|TE: deflate, Trailers")
    assert (response.header("transfer-encoding"), response.body, response.trailers) == ("chunked", sent, SENT)
    response = play(wire, WITH_TRAILERS, *pieces, TRAILERS)
    assert (response.body, response.trailers) == (sent, [])
    in_step(wire)


def test_p49_trailers_in_several_messages(wire: Wire) -> None:
    first = {**TRAILERS, "headers": [(b"x-sum", b"1")], "more_trailers": True}
    last = {**TRAILERS, "headers": [(b"x-end", b"2")]}
    assert play(wire, WITH_TRAILERS, body(b"x"), first, last, head="|te: trailers").trailers == SENT
    in_step(wire)


@pytest.mark.parametrize(("messages", "how"), [
    ((start((b"content-length", b"1")) | {"trailers": True}, body(b"x"), TRAILERS), {}),
    ((WITH_TRAILERS, body(b"x"), TRAILERS), {"version": "1.0"}),
    ((WITH_TRAILERS, body(b"x"), TRAILERS), {"method": "HEAD"}),
    ((start(status=204) | {"trailers": True}, END, TRAILERS), {}),
], ids=["length", "1.0", "HEAD", "204"])
def test_p49_trailers_are_dropped_without_chunks(wire: Wire, messages: tuple[Any, ...], how: dict[str, str]) -> None:
    response = play(wire, *messages, head="|te: trailers", **how)
    assert (response.header("transfer-encoding"), response.trailers) == (None, [])
    if "version" not in how:
        in_step(wire)


def test_p49_trailers_out_of_turn_raise(probes: Probed, wire: Wire) -> None:
    assert play(wire, START, TRAILERS, body(b"undeclared"), head="|te: trailers").trailers == []
    assert play(wire, WITH_TRAILERS, TRAILERS, body(b"early"), TRAILERS, head="|te: trailers").trailers == SENT
    forbidden = {**TRAILERS, "headers": [(b"content-length", b"1")]}
    assert play(wire, WITH_TRAILERS, body(b"framing"), forbidden, TRAILERS, head="|te: trailers").trailers == SENT
    in_step(wire)
    probes.expect(*["RuntimeError: False"] * 3)


def test_p49_forgotten_trailers_never_look_whole(mistakes: Probed, fragment: int) -> None:
    with mistakes.wire(fragment) as wire, pytest.raises((Truncated, ConnectionResetError)):
        play(wire, WITH_TRAILERS, body(b"x"), head="|te: trailers")


# --- P50: pathsend ----------------------------------------------------------------------------------------------------
def test_p50_file_by_path(wire: Wire, file: Path) -> None:
    for messages in ((START, by_path(file)), (start((b"content-length", b"10")), by_path(file))):
        response = play(wire, *messages)
        assert (response.header("content-length"), response.body) == ("10", b"0123456789")
    assert play(wire, start((b"content-length", b"4")), by_path(file)).body == b"0123"  # it has grown
    in_step(wire)


def test_p50_head_needs_no_file(wire: Wire, file: Path) -> None:
    response = play(wire, start((b"content-length", b"10")), by_path(file), method="HEAD")
    assert (response.status, response.header("content-length")) == (200, "10")
    in_step(wire)


def test_p50_missing_file_raises_before_the_head_is_out(probes: Probed, wire: Wire) -> None:
    """The app may still answer otherwise."""
    missing = by_path(Path("/nonexistent"))
    assert play(wire, START, missing, start(status=404), body(b"none")).status == 404
    in_step(wire)
    probes.expect("FileNotFoundError: True")


def test_p50_missing_file_is_500(mistakes: Probed, fragment: int) -> None:
    with mistakes.wire(fragment) as wire:
        assert play(wire, START, by_path(Path("/nonexistent")), query="?raise").status == 500
        assert wire.ends_cleanly()
    mistakes.expect("FileNotFoundError: True")


def test_p50_file_shorter_than_its_length_is_cut_off(mistakes: Probed, fragment: int, file: Path) -> None:
    with mistakes.wire(fragment) as wire, pytest.raises((Truncated, ConnectionResetError)):
        play(wire, start((b"content-length", b"11")), by_path(file), query="?raise")
    mistakes.wait_for_events(1)
    mistakes.get("/events?clear")


def test_p50_path_is_no_part_of_a_body(probes: Probed, wire: Wire, file: Path) -> None:
    assert play(wire, START, body(b"a", True), by_path(file), body(b"b")).body == b"ab"
    in_step(wire)
    probes.expect("RuntimeError: False")


# --- P50: zerocopysend ------------------------------------------------------------------------------------------------
def test_p50_parts_of_files_which_the_app_closes_at_once(wire: Wire, file: Path) -> None:
    parts = (by_file(file, True, offset=8), body(b"|", True), by_file(file, True, count=2), by_file(file, offset=4, count=3))
    assert play(wire, START, *parts).body == b"89|01456"
    assert play(wire, start((b"content-length", b"10")), by_file(file)).body == b"0123456789"
    assert play(wire, start((b"content-length", b"10")), by_file(file), method="HEAD").status == 200
    in_step(wire)
