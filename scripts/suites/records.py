"""Reads what the plugin wrote: the outcome of each test of a suite on a loop."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """What became of one test."""

    outcome: str  # passed, failed or skipped; an expected failure counts as skipped
    detail: str
    on_loop: bool  # whether it made a loop of the kind under test


@dataclass
class Record:
    """What became of a suite on one loop."""

    results: dict[str, Result] = field(default_factory=dict)
    passed_later: set[str] = field(default_factory=set)  # of those that passed: only when run once more
    seconds: float = 0.0
    of: str = ""  # the versions of what was run

    def count(self, outcome: str) -> int:
        return Counter(result.outcome for result in self.results.values())[outcome]

    def outcome(self, test: str) -> str:
        return self.results[test].outcome if test in self.results else "not run"


def read(path: Path) -> dict[str, Result]:
    """The outcomes of one run of pytest."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return {line["test"]: Result(line["outcome"], line["detail"], line["on_loop"])
            for line in lines if line.get("outcome", "end") != "end"}  # fmt: skip


def read_all(path: Path) -> Record | None:
    """Both runs of a suite, and what the script noted at the end; None when it has not been run to its end."""
    note = path.with_suffix(".json")
    if not note.exists():
        return None
    record = Record(read(path), **json.loads(note.read_text()))
    for test, result in read(path.with_suffix(".again.jsonl")).items():
        if result.outcome == "passed" and record.outcome(test) == "failed":
            record.results[test] = result
            record.passed_later.add(test)
    if path.name.startswith("uvloop."):
        record = one_of_variants(record)
    return record


VARIANT = re.compile(r"(?<=Test)([A-Za-z]*?)_?(UV|AIO)_?")
ORDER = ("skipped", "failed", "passed")


def one_of_variants(record: Record) -> Record:
    """uvloop's tests come as `Test_UV_X` and `Test_AIO_X`: under one name, the better outcome of the two."""
    merged = Record(seconds=record.seconds, of=record.of)
    for test, result in record.results.items():
        name = VARIANT.sub(r"\1_", test, count=1)
        if ORDER.index(result.outcome) > ORDER.index(merged.results[name].outcome if name in merged.results else "skipped"):
            merged.results[name] = result
        merged.results.setdefault(name, result)
        if test in record.passed_later:
            merged.passed_later.add(name)
    merged.passed_later = {name for name in merged.passed_later if merged.outcome(name) == "passed"}
    return merged
