"""add_reader and add_writer: replacing, removing, hang-ups, and descriptors whose numbers are reused."""

import os
import socket
import tempfile
import time
import weakref
from collections.abc import Iterator

import pytest
import tricorn

from loop.turns import run_turn

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two connected, non-blocking sockets."""
    left, right = make_pair()
    yield left, right
    left.close()
    right.close()


def make_pair() -> Pair:
    left, right = socket.socketpair()
    left.setblocking(False)
    right.setblocking(False)
    return left, right


def poll(loop: tricorn.Loop) -> None:
    """Look for I/O and run what it made ready."""
    run_turn(loop)
    run_turn(loop)


def test_readers_are_called_while_there_is_something_to_read(loop: tricorn.Loop, pair: Pair) -> None:
    log: list[str] = []
    loop.add_reader(pair[0], log.append, "read")
    poll(loop)
    assert log == []
    pair[1].send(b"x")
    run_turn(loop)
    run_turn(loop)
    assert log == ["read", "read"]
    pair[0].recv(1)
    poll(loop)
    assert log == ["read", "read"]


def test_a_sleeping_loop_wakes_up(loop: tricorn.Loop, pair: Pair) -> None:
    loop.add_reader(pair[0].fileno(), loop.stop)
    loop.call_later(0.002, pair[1].send, b"x")
    loop.run_forever()


def test_reader_and_writer_of_one_descriptor(loop: tricorn.Loop, pair: Pair) -> None:
    log: list[str] = []
    loop.add_reader(pair[0], log.append, "read")
    loop.add_writer(pair[0], log.append, "write")
    pair[1].send(b"x")
    run_turn(loop)
    assert log == ["read", "write"]
    assert loop.remove_writer(pair[0]) is True
    assert loop.remove_writer(pair[0]) is False
    run_turn(loop)
    assert log == ["read", "write", "read"]
    assert loop.remove_reader(pair[0]) is True
    poll(loop)
    assert log == ["read", "write", "read"]


def test_a_new_reader_replaces_and_cancels_the_old(loop: tricorn.Loop, pair: Pair) -> None:
    log: list[str] = []
    old = loop._add_reader(pair[0], log.append, "old")
    loop._add_reader(pair[0], log.append, "new")
    assert old.cancelled()
    pair[1].send(b"x")
    run_turn(loop)
    assert log == ["new"]


def test_a_removed_reader_does_not_run_though_it_was_queued(loop: tricorn.Loop) -> None:
    left, right = make_pair()
    other_left, other_right = make_pair()
    log: list[str] = []

    def on_read(name: str) -> None:
        log.append(name)
        loop.remove_reader(left)
        loop.remove_reader(other_left)

    loop.add_reader(left, on_read, "one")
    loop.add_reader(other_left, on_read, "one")
    right.send(b"x")
    other_right.send(b"x")
    poll(loop)
    assert log == ["one"]
    for sock in (left, right, other_left, other_right):
        sock.close()


def test_hang_up_tells_both_sides(loop: tricorn.Loop) -> None:
    read_end, write_end = os.pipe()
    log: list[str] = []
    loop.add_writer(write_end, log.append, "write")
    run_turn(loop)
    loop.remove_writer(write_end)
    loop.add_reader(write_end, log.append, "error")
    poll(loop)
    assert log == ["write"]
    os.close(read_end)
    run_turn(loop)
    assert log == ["write", "error"]
    loop.remove_reader(write_end)
    os.close(write_end)


def test_a_reader_that_was_removed_costs_one_event_at_most(loop: tricorn.Loop, pair: Pair) -> None:
    log: list[str] = []
    loop.add_reader(pair[0], log.append, "read")
    poll(loop)
    loop.remove_reader(pair[0])
    pair[1].send(b"x")
    poll(loop)  # disarms it
    loop.add_reader(pair[0], log.append, "again")
    run_turn(loop)
    assert log == ["again"]


@pytest.mark.parametrize("remove_first", [True, False])
def test_a_reused_number_is_watched_anew(loop: tricorn.Loop, remove_first: bool) -> None:
    log: list[str] = []
    left, right = make_pair()
    number = left.fileno()
    loop.add_reader(number, log.append, "old")
    poll(loop)
    if remove_first:
        loop.remove_reader(number)
    left.close()
    right.close()
    left, right = make_pair()
    assert number in (left.fileno(), right.fileno())
    if right.fileno() == number:
        left, right = right, left
    loop.add_reader(number, log.append, "new")
    right.send(b"x")
    run_turn(loop)
    assert log == ["new"]
    loop.remove_reader(number)
    left.close()
    right.close()


def test_a_registration_that_outlives_its_descriptor_is_dropped(loop: tricorn.Loop) -> None:
    """A duplicate keeps the kernel's registration alive, under a number that is free again."""
    log: list[str] = []
    left, right = make_pair()
    number = left.fileno()
    loop.add_reader(number, log.append, "old")
    poll(loop)
    loop.remove_reader(number)
    duplicate = left.dup()
    left.close()
    right.send(b"x")
    poll(loop)  # fires for nobody: the set is made anew
    other_left, other_right = make_pair()
    loop.add_reader(other_left, log.append, "other")
    loop.call_later(0.1, loop.stop)
    used = time.thread_time()
    loop.run_forever()
    assert time.thread_time() - used < 0.05, "the stale registration must not keep the loop busy"
    other_right.send(b"x")
    run_turn(loop)
    assert log == ["other"]
    for sock in (right, duplicate, other_left, other_right):
        sock.close()


def test_the_file_object_lives_while_it_is_watched(loop: tricorn.Loop) -> None:
    class File:
        def __init__(self, fd: int) -> None:
            self.fd = fd

        def fileno(self) -> int:
            return self.fd

    left, right = make_pair()
    file = File(left.fileno())
    alive = weakref.ref(file)
    loop.add_reader(file, print)
    del file
    assert alive() is not None
    loop.remove_reader(left.fileno())
    assert alive() is None
    left.close()
    right.close()


def test_a_closed_socket_object_can_still_be_removed(loop: tricorn.Loop) -> None:
    left, right = make_pair()
    loop._add_reader(left, print)
    left.close()
    assert loop._remove_reader(left) is True
    with pytest.raises(ValueError, match="Invalid file descriptor: -1"):
        loop._remove_reader(left)
    right.close()


def test_the_public_methods_return_nothing_of_the_handles(loop: tricorn.Loop) -> None:
    left, right = make_pair()
    assert loop.add_reader(left, print) is None
    assert loop.add_writer(left, print) is None
    left.close()
    assert loop.remove_reader(left) is True
    assert loop.remove_writer(left) is True
    with pytest.raises(ValueError, match="Invalid file descriptor: -1"):
        loop.remove_writer(left)
    with pytest.raises(TypeError):
        loop.add_reader(right)
    right.close()
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.add_reader(0, print)
    assert loop.remove_reader(0) is False


def test_what_cannot_be_watched_is_an_error(loop: tricorn.Loop) -> None:
    with tempfile.TemporaryFile() as file, pytest.raises(PermissionError):
        loop.add_reader(file, print)
    with pytest.raises(OSError, match="Bad file descriptor"):
        loop.add_reader(100_000, print)
    with pytest.raises(OSError, match="Bad file descriptor"):
        loop.add_writer(2**31 - 1, print)
    with pytest.raises(ValueError, match="Invalid file object: 'x'"):
        loop.add_reader("x", print)
    assert loop.remove_reader(99_999) is False


def test_readers_are_dropped_when_the_loop_is_closed(loop: tricorn.Loop, pair: Pair) -> None:
    class Callback:
        def __call__(self) -> None: ...

    callback = Callback()
    alive = weakref.ref(callback)
    handle = loop._add_reader(pair[0], callback)
    del callback
    loop.close()
    assert alive() is None
    handle.cancel()
