"""A pytest plugin that puts the loop of $SUITES_LOOP where a suite looks for one, and writes what becomes of each test.

$SUITES_LOOP is `asyncio`, `uvloop` or `tricorn`. $SUITES_RECORD gets one JSON line when a test starts and one when it
ends, so that a test which hangs or crashes is known by name; tests that the file has already are not run again. With
$SUITES_ONLY, a JSON list of test ids in a file, no others are run.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import warnings
from asyncio import events, unix_events
from collections.abc import Generator
from typing import Any

import pytest

LOOP = os.environ["SUITES_LOOP"]
RECORD = os.environ["SUITES_RECORD"]
TEST_LIMIT_S = float(os.environ["SUITES_TEST_LIMIT_S"])
EXIT_LIMIT_S = 20
STDERR = os.dup(2)  # pytest has not replaced it yet
loops_made = 0


def loop_class() -> Any:
    """What is put in place."""
    if LOOP == "tricorn":
        import tricorn

        return tricorn.Loop
    if LOOP == "uvloop":
        import uvloop  # type: ignore[import-not-found]  # of the suites' venv

        return uvloop.Loop
    return asyncio.SelectorEventLoop


def counted(cls: Any) -> Any:
    """The same class in all that a test can see, but that its instances are counted."""

    def __init__(self: Any, selector: object = None) -> None:
        global loops_made
        loops_made += 1
        cls.__init__(self, *([selector] if LOOP == "asyncio" else []))

    return type(cls.__name__, (cls,), {"__init__": __init__, "__module__": cls.__module__, "__qualname__": cls.__qualname__})


Loop = counted(loop_class())


def replace_loops() -> None:
    """All ways to a loop lead to ours: the policies, the default one that tests go back to, and asyncio's class."""
    for module in (asyncio, unix_events):
        for name in ("SelectorEventLoop", "EventLoop"):
            if hasattr(module, name):
                setattr(module, name, Loop)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # policies are deprecated since Python 3.14
        default: Any = getattr(unix_events, "_UnixDefaultEventLoopPolicy", None)
        if default is None:
            asyncio.new_event_loop = events.new_event_loop = Loop
            return
        default._loop_factory = Loop
        if LOOP == "asyncio":
            return
        policy: Any = __import__(LOOP).EventLoopPolicy
        policy._loop_factory = Loop
        asyncio.set_event_loop_policy(policy())


def replace_loops_of_uvloop() -> None:
    """uvloop's own tests name the loops that they compare: ours takes the place of both."""
    from uvloop import _testbase as base

    for case in (base.UVTestCase, base.AIOTestCase):
        if LOOP == "tricorn" or (case is base.AIOTestCase) == (LOOP == "asyncio"):
            case.new_loop = lambda self: Loop()
    if LOOP == "tricorn":
        import tricorn

        base.UVTestCase.new_policy = lambda self: tricorn.EventLoopPolicy()


replace_loops()
if os.environ["SUITES_NAME"] == "uvloop":
    replace_loops_of_uvloop()


def write(**line: object) -> None:
    """One line, at once: the process may be gone in the next moment."""
    with open(RECORD, "a", encoding="utf-8") as record:
        record.write(json.dumps(line) + "\n")


def recorded() -> set[str]:
    """The tests that an earlier process has begun."""
    if not os.path.exists(RECORD):
        return set()
    with open(RECORD, encoding="utf-8") as lines:
        return {json.loads(line)["test"] for line in lines}


def is_of_other_loop(item: pytest.Item) -> bool:
    """Whether the test names a loop that is not the one under test."""
    if os.environ["SUITES_NAME"] == "uvloop":
        from uvloop import _testbase as base

        other = {"uvloop": base.AIOTestCase, "asyncio": base.UVTestCase}.get(LOOP, ())
        return issubclass(getattr(item, "cls", None) or object, other)
    return any(name in item.nodeid for name in ("asyncio+uvloop", "[trio", "-trio"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    done = recorded()
    only: set[str] | None = None
    if path := os.environ.get("SUITES_ONLY"):
        with open(path, encoding="utf-8") as file:
            only = set(json.load(file))
    chosen = [item for item in items if not is_of_other_loop(item) and item.nodeid not in done
              and (only is None or item.nodeid in only)]  # fmt: skip
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen


class Outcome:
    """The worst of a test's phases."""

    RANKS = ("passed", "skipped", "failed")

    def __init__(self) -> None:
        self.outcome, self.detail = "passed", ""

    def add(self, outcome: str, detail: str) -> None:
        if self.RANKS.index(outcome) > self.RANKS.index(self.outcome):
            self.outcome, self.detail = outcome, detail[-6000:]


current = Outcome()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    global current
    current, before = Outcome(), loops_made
    write(test=item.nodeid)
    # pytest-timeout gives up its watch when a subtest fails.
    faulthandler.dump_traceback_later(TEST_LIMIT_S, exit=True, file=STDERR)
    result = yield
    faulthandler.cancel_dump_traceback_later()
    write(test=item.nodeid, outcome=current.outcome, detail=current.detail, on_loop=loops_made > before)
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    current.add(report.outcome, report.longreprtext)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        write(test=f"{report.nodeid} (collection)", outcome="failed", detail=report.longreprtext[-6000:], on_loop=False)


def pytest_sessionfinish(exitstatus: int) -> None:
    if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        write(test="end", outcome="end")


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Threads that a test has left behind would be waited for at the end of the process."""
    faulthandler.dump_traceback_later(EXIT_LIMIT_S, exit=True, file=STDERR)
