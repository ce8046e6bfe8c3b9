#!/usr/bin/env python3
"""Runs CPython's own asyncio tests with tricorn's loop in place of asyncio's: `run_cpython_tests.py [MODULE ...]`.

Wherever a test makes asyncio's default or selector loop, it gets a tricorn.Loop. Each module runs in a process of its
own. The exit code is 0 when everything passes but the tests in EXCLUDED, which are left out for the reasons given.
Needs the `test` package of the interpreter (Debian: libpython3-testsuite) and `tricorn` on the path.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import unittest
import warnings
from asyncio import unix_events
from collections.abc import Iterator
from fnmatch import fnmatchcase

import tricorn

MODULES = (
    "base_events", "buffered_proto", "context", "eager_task_factory", "events", "free_threading", "futures", "futures2",
    "locks", "pep492", "protocols", "queues", "runners", "sendfile", "server", "sock_lowlevel", "ssl", "sslproto",
    "staggered", "streams", "subprocess", "taskgroups", "tasks", "threads", "timeouts", "transports", "unix_events",
    "waitfor",
)  # fmt: skip

# Test id -> why it says nothing about a loop of ours. Patterns as in fnmatch.
EXCLUDED: dict[str, str] = {
    "*.PollEventLoopTests.*": "asyncio's loop over another selector: ours is the same again",
    "*.SelectEventLoopTests.*": "asyncio's loop over another selector: ours is the same again",
    "*.test_internal_fds": "counts the self-pipe of asyncio; ours is made when a signal needs it",
}


class SubstituteLoop(tricorn.Loop):
    """tricorn.Loop, with the argument of the class that it stands in for."""

    def __init__(self, selector: object = None) -> None:
        super().__init__()


def substitute() -> None:
    """Put our loop where asyncio's selector loop is looked up."""
    for module in (asyncio, unix_events):
        for name in ("SelectorEventLoop", "EventLoop"):
            if hasattr(module, name):
                setattr(module, name, SubstituteLoop)
    unix_events._UnixDefaultEventLoopPolicy._loop_factory = SubstituteLoop


def flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """Every test of the suite."""
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def is_excluded(test: unittest.TestCase) -> bool:
    """Whether the test is on the list."""
    return any(fnmatchcase(test.id(), pattern) for pattern in EXCLUDED)


def run_module(name: str, pattern: str | None, verbosity: int) -> bool:
    """Run one test module in this process."""
    substitute()
    warnings.simplefilter("default")
    loader = unittest.TestLoader()
    tests = flatten(loader.loadTestsFromName(f"test.test_asyncio.test_{name}"))
    chosen = [t for t in tests if not is_excluded(t) and (pattern is None or fnmatchcase(t.id(), f"*{pattern}*"))]
    result = unittest.TextTestRunner(verbosity=verbosity, buffer=verbosity < 2).run(unittest.TestSuite(chosen))
    return result.wasSuccessful()


def module_exists(name: str) -> bool:
    """Whether this Python has the test module."""
    import test.test_asyncio

    return os.path.exists(os.path.join(os.path.dirname(test.test_asyncio.__file__), f"test_{name}.py"))


def main() -> int:
    """Entry: run each module in a child process and sum up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="tasks, ssl, ...; all by default")
    parser.add_argument("-k", dest="pattern", help="only tests whose id holds this")
    parser.add_argument("-v", dest="verbosity", action="count", default=1)
    parser.add_argument("--in-process", action="store_true", help="run the one module here")
    parser.add_argument("--timeout", type=float, default=300, help="seconds for one module")
    options = parser.parse_args()
    if options.in_process:
        return 0 if run_module(options.modules[0], options.pattern, options.verbosity) else 1

    failed = []
    for name in options.modules or [name for name in MODULES if module_exists(name)]:
        command = [sys.executable, __file__, "--in-process", name, *sys.argv[1 + len(options.modules):]]
        print(f"== {name}", flush=True)
        try:
            code = subprocess.run(command, timeout=options.timeout, check=False).returncode
        except subprocess.TimeoutExpired:
            code = "timeout"
        if code != 0:
            failed.append(f"{name} ({code})")
    print("failed: " + ", ".join(failed) if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
