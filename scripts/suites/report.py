"""Prints what became of the suites: a table, and the tests that pass with another loop but not with tricorn."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from .records import Record
from .table import SUITES, Suite

Runs = Mapping[str, Mapping[str, Record]]  # suite -> loop -> record


def reason(suite: Suite, test: str) -> str | None:
    return next((why for pattern, why in suite.explained.items() if fnmatchcase(test, pattern)), None)


def lost(runs: Mapping[str, Record], other: str) -> list[str]:
    """Tests that pass with the other loop and not with tricorn."""
    if other not in runs or "tricorn" not in runs:
        return []
    return [test for test, result in runs[other].results.items()
            if result.outcome == "passed" and runs["tricorn"].outcome(test) != "passed"]  # fmt: skip


def print_table(runs: Runs, loops: list[str]) -> None:
    """Markdown, as docs/loop.md has it."""
    print("| suite | " + " | ".join(f"{loop}: passed, failed, skipped" for loop in loops) + " | made the loop |")
    print("|---|" + "---|" * (len(loops) + 1))
    for name, by_loop in runs.items():
        cells = []
        for loop in loops:
            record = by_loop.get(loop)
            counts = [record.count(outcome) for outcome in ("passed", "failed", "skipped")] if record else []
            cells.append(" ".join(f"{count:,}" for count in counts) or "not run")
        shown = by_loop.get("tricorn") or next(iter(by_loop.values()))
        on_loop = sum(result.on_loop for result in shown.results.values())
        print(f"| {SUITES[name].package.replace('==', ' ')} | {' | '.join(cells)} | {on_loop:,} |")


def print_losses(runs: Runs) -> int:
    """Returns how many tests pass with uvloop, not with tricorn, and have no explanation."""
    unexplained = 0
    for name, by_loop in runs.items():
        for other in ("uvloop", "asyncio"):
            tests = lost(by_loop, other)
            if other == "asyncio":
                tests = [test for test in tests if test not in lost(by_loop, "uvloop")]
            for test in tests:
                why = reason(SUITES[name], test)
                unexplained += why is None and other == "uvloop"
                outcome = by_loop["tricorn"].outcome(test)
                print(f"passes with {other}, {outcome} with tricorn: {name} {test}" + (f" ({why})" if why else ""))
    return unexplained


def print_failures(runs: Runs) -> None:
    """Every test that failed on any loop, with its error."""
    for name, by_loop in runs.items():
        for loop, record in by_loop.items():
            for test, result in record.results.items():
                if result.outcome == "failed":
                    print(f"\n=== {name} {test} on {loop}\n{result.detail}")


def print_details(runs: Runs) -> None:
    """Why each lost test failed."""
    for name, by_loop in runs.items():
        for test in dict.fromkeys(lost(by_loop, "uvloop") + lost(by_loop, "asyncio")):
            result = by_loop["tricorn"].results.get(test)
            print(f"\n=== {name} {test}\n{result.detail if result else ''}")


def print_notes(runs: Runs) -> None:
    """What the numbers stand for."""
    for name, by_loop in runs.items():
        print(f"{name}: left out: {SUITES[name].left_out}")
        for loop, record in by_loop.items():
            later = f"; {len(record.passed_later)} passed only when run once more" if record.passed_later else ""
            print(f"  {loop}: {record.of}, {record.seconds:.0f} s{later}")


def report(runs: Runs, loops: list[str], *, details: bool) -> bool:
    """Whether tricorn passes all that uvloop passes, but for what is explained."""
    if details:
        print_details(runs)
    print_notes(runs)
    print()
    print_table(runs, loops)
    print()
    unexplained = print_losses(runs)
    print(f"{unexplained} tests pass with uvloop and not with tricorn, unexplained")
    fewer = [name for name, by_loop in runs.items()
             if "uvloop" in by_loop and by_loop.get("tricorn", Record()).count("passed") < by_loop["uvloop"].count("passed")]  # fmt: skip
    print("fewer passes than with uvloop: " + (", ".join(fewer) or "in no suite"))
    return not unexplained
