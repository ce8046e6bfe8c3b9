"""Runs one suite on one loop, where isolation.py has put it: `python -m suites.inside NAME LOOP TREE RECORD`.

Starts what the suite needs, and pytest as often as tests bring it down; then runs once more, in a new process, what has
failed, as many tests expect a machine that is not busy. Outcomes are in RECORD, those of the second run in RECORD.again.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from . import services
from .records import read
from .table import SUITES, Suite

MOST_RESTARTS = 60
MOST_AGAIN = 200  # when more than that fail, it is no accident
CHOICE = ("-k", os.environ["SUITES_CHOICE"]) if "SUITES_CHOICE" in os.environ else ()
AS_ONE = "the suite as a whole"


def pytest_command(suite: Suite) -> list[str]:
    """Without what the suite's own configuration adds for its developers: coverage, processes, reports, time limits."""
    return [sys.executable, "-P", "-m", "pytest", "-p", "loop_under_test", "-p", "pytest_timeout", "-p", "no:cacheprovider",
            "-o", "addopts=", "-p", "no:faulthandler", "-W", "ignore::pytest.PytestConfigWarning", "-q", "--tb=short", "--color=no",
            "--continue-on-collection-errors", "--timeout=0", *CHOICE, *suite.arguments]  # fmt: skip


def run_pytest(suite: Suite, tree: Path, record: Path, environment: dict[str, str]) -> None:
    """Until all tests have an outcome. A test that was running when the process ended has failed."""
    environment = environment | {"SUITES_RECORD": str(record)}
    count = 0  # of lines before
    with record.with_suffix(".log").open("ab") as log:
        for _ in range(MOST_RESTARTS):
            began = log.tell()
            code = subprocess.run(pytest_command(suite), cwd=tree, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=log, stderr=log, check=False).returncode  # fmt: skip
            lines = record.read_text().splitlines() if record.exists() else []
            last = json.loads(lines[-1]) if lines else {"test": AS_ONE}
            if last["test"] == "end":
                return
            if "outcome" in last and len(lines) > count:
                count = len(lines)
                continue  # pytest gave up between two tests
            if "outcome" in last:
                last = {"test": AS_ONE}
            output = record.with_suffix(".log").read_bytes()[began:][-4000:].decode(errors="replace")
            with record.open("a") as file:
                detail = f"hung, or ended its process ({code})\n{output}"
                file.write(json.dumps(last | {"outcome": "failed", "detail": detail, "on_loop": True}) + "\n")
            if last["test"] == AS_ONE:
                return
            count = len(lines) + 1


def main() -> None:
    """Entry."""
    # A shell's job in the background ignores it, and pytest then too: tests that interrupt themselves would not end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    name, loop, tree, record = sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
    suite = SUITES[name]
    environment = os.environ | {"SUITES_NAME": name, "SUITES_LOOP": loop, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    redis = None
    if "postgresql" in suite.services:
        environment["PGINSTALLATION"] = services.postgresql_folder()
    if "redis" in suite.services:
        redis = services.Redis(tree.parent, tree)
    try:
        run_pytest(suite, tree, record, environment)
        failed = [test for test, result in read(record).items() if result.outcome == "failed" and test != AS_ONE]
        if failed and len(failed) <= MOST_AGAIN and "SUITES_ONCE" not in os.environ:
            only = record.with_suffix(".only")
            only.write_text(json.dumps(failed))
            run_pytest(suite, tree, record.with_suffix(".again.jsonl"), environment | {"SUITES_ONLY": str(only)})
    finally:
        if redis is not None:
            redis.stop()


if __name__ == "__main__":
    main()
