#!/usr/bin/env python3
"""Runs CPython's own asyncio tests with tricorn's loop in place of asyncio's: `run_cpython_tests.py [MODULE ...]`.

    run_cpython_tests.py                       every module; exit code 1 when a test fails that is not in EXCLUDED
    run_cpython_tests.py tasks ssl -k cancel   tests of two modules whose id holds "cancel"
    run_cpython_tests.py --compare             on asyncio's own loop as well: a table, and each test that passes there
                                               but not here, with the reason; exit code 1 when one has none

Wherever a test makes asyncio's default or selector loop, it gets a tricorn.Loop. Each module runs in a process of its
own, two at a time; a test that hangs or crashes has failed, and the rest of its module runs on. What fails is run once
more, alone, as many of these tests expect a machine that is not busy; what passes then is told apart.
Needs the `test` package of the interpreter (Debian: libpython3.11-testsuite). Tests the package in TRICORN_PACKAGE,
else that of the release build.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

OF_ISSUE_7 = (
    "events", "base_events", "sock_lowlevel", "server", "streams", "subprocess", "ssl", "sslproto", "sendfile",
    "buffered_proto", "unix_events", "tasks", "futures", "timeouts", "taskgroups", "runners", "locks", "queues",
)  # fmt: skip
OTHERS = (
    "context", "eager_task_factory", "free_threading", "futures2", "graph", "pep492", "protocols", "server_context",
    "staggered", "threads", "tools", "transports", "waitfor",
)  # fmt: skip
# The long ones first: the last to end decides how long all take.
LONG = ("tasks", "subprocess", "futures", "events", "ssl")
MODULES = (*LONG, *(name for name in (*OF_ISSUE_7, *OTHERS) if name not in LONG))

# Test id -> why it says nothing about what a loop does for its users. Patterns as in fnmatch.
EXCLUDED: dict[str, str] = {
    "*.SelectorEventLoopSignalTests.test_close_on_finalizing":
        "replaces `sys` and `signal` inside asyncio.unix_events, where our loop does not look",
    "*.test_create_subprocess_fails_with_inactive_watcher": "asks a child watcher; our subprocesses use none",
    "*.test_kill_issue43884": "passes; but wait() returns before the grandchild's end, as in uvloop and later versions of "
    "asyncio, and the ResourceWarning of the open pipe then fails test_popen_error",
    "*.test_unclosed_pipe_transport": "assigns the private `_pipe` of a transport",
    "*.AsyncioEventLoopSSLTests.test_gh140947": "asks for the private `_ssl_protocol._app_reading_paused`",
    "*.test_remote_shutdown_receives_trailing_data_on_slow_socket": "asks for the private `_ssl_protocol._transport`",
    "*.test_internal_fds": "counts the private self-pipe of asyncio's loop; ours is made when a signal needs it",
    "*.test_call_soon_threadsafe_handle_*": "asks for the private class _ThreadSafeHandle of Python 3.14, whose cancel() "
    "waits for a callback that is under way; ours does not wait, as in earlier versions",
    "*.test_pid_not_reaped_before_exit_published": "asks for the threads of the private `_watcher`",
    "*.test_pidfd_closed_when_waitpid_raises": "waits for the private watcher to call os.waitpid(); our loop calls waitid()",
    "*.test_create_connection_ssl_failed_certificate_no_cycles":
        "counts calls of the private sslproto.SSLProtocol (test_garbage.py asks what it is about)",
}  # fmt: skip

# Of these, those that would wait until their time is up.
HANGING = ("*.test_call_soon_threadsafe_handle_*", "*.test_pidfd_closed_when_waitpid_raises")

PACKAGE = os.environ.get("TRICORN_PACKAGE", str(Path(__file__).parents[2] / "build" / "release" / "python"))
MOST_RESTARTS = 30
TEST_PACKAGE = "test.test_asyncio"


@dataclass
class Results:
    """What became of the tests of one module on one loop."""

    outcomes: dict[str, str] = field(default_factory=dict)  # test id -> passed, failed or skipped
    details: dict[str, str] = field(default_factory=dict)  # why it failed or was skipped
    passed_later: set[str] = field(default_factory=set)  # of those that passed: only when run once more
    on_loop: int = 0  # how many tests made the loop that was to be tested

    def count(self, outcome: str) -> int:
        return Counter(self.outcomes.values())[outcome]

    def failed(self) -> list[str]:
        return [test for test, outcome in self.outcomes.items() if outcome == "failed"]


def reason_to_exclude(test: str) -> str | None:
    """Why the test may fail on our loop, or None."""
    return next((reason for pattern, reason in EXCLUDED.items() if fnmatchcase(test, pattern)), None)


def missing_package() -> str | None:
    """What to install before CPython's tests can run, or None."""
    try:
        found = importlib.util.find_spec(TEST_PACKAGE)
    except ModuleNotFoundError:
        found = None
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return None if found else f"this Python has no {TEST_PACKAGE} (Debian: libpython{version}-testsuite)"


def existing_modules() -> list[str]:
    """Those of MODULES that this Python has."""
    return [name for name in MODULES if importlib.util.find_spec(f"{TEST_PACKAGE}.test_{name}")]


def run_once(module: str, loop: str, pattern: str = "*") -> Results:
    """Run the tests whose id fits the pattern, in as many processes as they bring down."""
    results = Results()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, (PACKAGE, os.environ.get("PYTHONPATH"))))}
    if loop == "tricorn":
        environment["TRICORN_TESTS_LEFT_OUT"] = " ".join(HANGING)
    with tempfile.TemporaryDirectory(prefix="cpython-tests-") as folder:
        record = Path(folder) / "record"
        command = [sys.executable, str(Path(__file__).with_name("cpython_module.py")), module, loop, str(record), pattern]
        for _ in range(MOST_RESTARTS):
            process = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, errors="replace", check=False)  # fmt: skip
            lines = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
            if lines and lines[-1]["test"] == "end":
                break
            last = lines[-1] if lines and "outcome" not in lines[-1] else {"test": f"{module} as a whole"}
            end = f"hung, or ended its process ({process.returncode})\n{process.stdout[-4000:]}"
            with record.open("a") as file:
                file.write(json.dumps(last | {"outcome": "failed", "detail": end, "on_loop": True}) + "\n")
            if last["test"].endswith("as a whole"):
                lines.append(last | {"outcome": "failed", "detail": end})
                break
        for line in lines:
            if line.get("outcome", "end") != "end":
                results.outcomes[line["test"]] = line["outcome"]
                results.details[line["test"]] = line["detail"]
                results.on_loop += line.get("on_loop", False)
    return results


def run_module(module: str, loop: str, pattern: str = "*", *, once: bool = False) -> Results:
    """Run one module; what fails, and may not, twice."""
    results = run_once(module, loop, pattern)
    for test in results.failed():
        if once or (loop == "tricorn" and reason_to_exclude(test)):
            continue
        if run_once(module, loop, test).outcomes.get(test) == "passed":
            results.outcomes[test] = "passed"
            results.passed_later.add(test)
    return results


def count_columns(results: Results) -> str:
    counts = " ".join(f"{results.count(outcome):6}" for outcome in ("passed", "failed", "skipped"))
    return f"{len(results.outcomes):6} {counts}"


def print_table(modules: Sequence[str], runs: dict[str, dict[str, Results]]) -> None:
    """A line for each module, and one for all of them."""
    heads = f"{'ran':>6} {'passed':>6} {'failed':>6} {'skip':>6}"
    print(f"{'':20}" + "".join(f" | {loop:^27}" for loop in runs) + " |")
    print(f"{'module':20}" + f" | {heads}" * len(runs) + " | on tricorn's loop")
    total = {loop: Results() for loop in runs}
    for module in modules:
        for loop, results in runs.items():
            total[loop].outcomes |= {f"{module} {test}": how for test, how in results[module].outcomes.items()}
            total[loop].on_loop += results[module].on_loop
        print_line(module, {loop: results[module] for loop, results in runs.items()})
    print_line("all", total)


def print_line(name: str, by_loop: dict[str, Results]) -> None:
    columns = "".join(f" | {count_columns(results)}" for results in by_loop.values())
    print(f"{name:20}{columns} | {by_loop['tricorn'].on_loop:6}")


def unexplained(ours: Results, theirs: Results | None) -> tuple[list[str], list[str]]:
    """Tests that do not pass on our loop and have no reason, and those that have one: all, or those that pass there."""
    wanting = [test for test, how in ours.outcomes.items() if how == "failed" or (theirs and how != "passed")]
    if theirs is not None:
        wanting += [test for test in theirs.outcomes if test not in ours.outcomes]
        wanting = [test for test in wanting if theirs.outcomes.get(test) == "passed"]
    explained = [test for test in wanting if reason_to_exclude(test)]
    return [test for test in wanting if test not in explained], explained


def report(modules: Sequence[str], runs: dict[str, dict[str, Results]]) -> bool:
    """Print what there is to know; whether all is as it should be."""
    print_table(modules, runs)
    pairs = [(runs["tricorn"][module], runs.get("asyncio", {}).get(module)) for module in modules]
    bad, excused = [], []
    for ours, theirs in pairs:
        no_reason, reason = unexplained(ours, theirs)
        bad += [(test, ours.details.get(test, "did not run").strip()) for test in no_reason]
        excused += reason
    for test, detail in bad:
        print(f"\nFAILED {test}\n{detail}")
    print()
    for test in excused:
        print(f"left out: {test}: {reason_to_exclude(test)}")
    for loop, results in runs.items():
        for test in sorted(test for module in modules for test in results[module].passed_later):
            print(f"passed when run once more, on {loop}: {test}")
    for ours, _ in pairs:
        for test, how in ours.outcomes.items():
            if how == "passed" and reason_to_exclude(test):
                print(f"in EXCLUDED, but passes: {test}")
    than = "that asyncio's own loop passes " if "asyncio" in runs else ""
    print(f"tests {than}and tricorn's does not: {len(bad) + len(excused)}, of which {len(excused)} have a reason")
    return not bad


def as_json(runs: dict[str, dict[str, Results]]) -> str:
    """For the pytest wrapper and other tools."""
    return json.dumps({loop: {module: {"outcomes": results.outcomes, "details": results.details, "on_loop": results.on_loop,
                                       "passed_later": sorted(results.passed_later)}
                              for module, results in by_module.items()}
                       for loop, by_module in runs.items()})  # fmt: skip


def main() -> int:
    """Entry: run each module in child processes and sum up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="tasks, ssl, ...; all by default")
    parser.add_argument("-k", dest="pattern", default="", help="only tests whose id holds this")
    parser.add_argument("-j", dest="at_once", type=int, default=2, help="modules at a time (2)")
    parser.add_argument("--compare", action="store_true", help="with asyncio's own loop")
    parser.add_argument("--once", action="store_true", help="do not run once more what failed")
    parser.add_argument("--limit", metavar="SECONDS", help="for one test (120)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all outcomes there")
    options = parser.parse_args()
    if (missing := missing_package()) is not None:
        parser.error(missing)
    if options.limit:
        os.environ["TRICORN_TEST_LIMIT_S"] = options.limit

    modules = options.modules or existing_modules()
    loops = ["asyncio", "tricorn"] if options.compare else ["tricorn"]
    runs: dict[str, dict[str, Results]] = {loop: {} for loop in loops}
    with ThreadPoolExecutor(options.at_once) as pool:
        waiting = {(module, loop): pool.submit(run_module, module, loop, f"*{options.pattern}*", once=options.once)
                   for module in modules for loop in loops}  # fmt: skip
        for (module, loop), future in waiting.items():
            runs[loop][module] = future.result()
            print(f"{module} on {loop}: {count_columns(runs[loop][module])}", file=sys.stderr, flush=True)
    if options.json:
        options.json.write_text(as_json(runs))
    return 0 if report(modules, runs) else 1


if __name__ == "__main__":
    sys.exit(main())
