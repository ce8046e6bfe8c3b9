"""Runs one module of CPython's asyncio tests in this process: the part of run_cpython_tests.py that is a process of its own.

`cpython_module.py MODULE LOOP RECORD [PATTERN]`: LOOP is `tricorn` or `asyncio`. RECORD gets one JSON line when a test
starts and one when it ends, so that a test which hangs or crashes is known by name; tests that RECORD has already are
not run again, nor those that fit a pattern in TRICORN_TESTS_LEFT_OUT. A test that takes longer than LIMIT_S ends the
process, with the stacks of its threads.
"""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import signal
import sys
import unittest
import warnings
from asyncio import unix_events
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import IO, Any

LIMIT_S = float(os.environ.get("TRICORN_TEST_LIMIT_S", "120"))
loops_made = 0


def substitute() -> None:
    """Put our loop where asyncio's selector loop is looked up."""
    import tricorn

    class SubstituteLoop(tricorn.Loop):
        """tricorn.Loop, with the argument of the class that it stands in for."""

        def __init__(self, selector: object = None) -> None:
            global loops_made
            loops_made += 1
            super().__init__()

    for module in (asyncio, unix_events):
        for name in ("SelectorEventLoop", "EventLoop"):
            if hasattr(module, name):
                setattr(module, name, SubstituteLoop)
    policy: Any = getattr(unix_events, "_UnixDefaultEventLoopPolicy", None)
    if policy is not None:
        policy._loop_factory = SubstituteLoop
    else:  # Python 3.16 has no policies
        unix_events._new_event_loop = SubstituteLoop  # type: ignore[attr-defined]
        asyncio.new_event_loop = asyncio.events.new_event_loop = SubstituteLoop


def flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Every test of the suite."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


class Recorder(unittest.TextTestResult):
    """Writes how each test went. A test with several outcomes (subtests, a failing teardown) has the worst."""

    record: IO[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current: str | None = None
        self.outcome, self.detail, self.loops_before = "passed", "", 0

    def write(self, **line: object) -> None:
        self.record.write(json.dumps(line) + "\n")
        self.record.flush()

    def startTest(self, test: unittest.TestCase) -> None:
        self.current = test.id()
        self.outcome, self.detail, self.loops_before = "passed", "", loops_made
        self.write(test=self.current)
        faulthandler.dump_traceback_later(LIMIT_S, exit=True, file=2)
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        if self.current is None:  # Python 3.12.1 ends skipped tests that it did not start
            return
        self.write(test=self.current, outcome=self.outcome, detail=self.detail, on_loop=loops_made > self.loops_before)
        self.current = None

    def error_text(self, test: unittest.TestCase, err: Any) -> str:
        text: str = self._exc_info_to_string(err, test)  # type: ignore[attr-defined]
        return text

    def note(self, test: unittest.TestCase, outcome: str, detail: str) -> None:
        """What is reported outside of a test is of a class or a module: it stands for itself."""
        if self.current is None:
            self.write(test=test.id(), outcome=outcome, detail=detail, on_loop=False)
        elif self.outcome != "failed":
            self.outcome, self.detail = outcome, detail

    def addError(self, test: unittest.TestCase, err: Any) -> None:
        super().addError(test, err)
        self.note(test, "failed", self.error_text(test, err))

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        super().addFailure(test, err)
        self.note(test, "failed", self.error_text(test, err))

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, "failed", self.error_text(test, err))

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self.note(test, "failed", "passed unexpectedly")

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self.note(test, "skipped", reason)


def recorded(path: str) -> set[str]:
    """The tests that an earlier process has begun."""
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as lines:
        return {json.loads(line)["test"] for line in lines}


def main() -> None:
    """Entry."""
    # A shell's job in the background ignores it, and Python then too: tests that interrupt themselves would not end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    module, loop, record, pattern = (*sys.argv[1:], "*")[:4]
    done = recorded(record)
    if loop == "tricorn":
        substitute()
    warnings.simplefilter("default")
    tests = flatten(unittest.TestLoader().loadTestsFromName(f"test.test_asyncio.test_{module}"))
    left_out = os.environ.get("TRICORN_TESTS_LEFT_OUT", "").split()
    chosen = [test for test in tests if test.id() not in done and fnmatchcase(test.id(), pattern)
              and not any(fnmatchcase(test.id(), hanging) for hanging in left_out)]  # fmt: skip
    with open(record, "a", encoding="utf-8") as Recorder.record:
        unittest.TextTestRunner(resultclass=Recorder, verbosity=0, buffer=True).run(unittest.TestSuite(chosen))
        Recorder.record.write(json.dumps({"test": "end", "outcome": "end"}) + "\n")


if __name__ == "__main__":
    main()
