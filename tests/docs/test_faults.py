"""The fault list in tests/faults/README.md against the tests beside it."""

from __future__ import annotations

import re
from pathlib import Path

FAULTS = Path(__file__).resolve().parents[1] / "faults"


def test_the_list_names_the_tests_of_each_fault() -> None:
    there: dict[int, set[str]] = {number: set() for number in range(1, 39)}
    for file in FAULTS.glob("test_*.py"):
        for number in re.findall(r"^def test_fault_(\d\d)_", file.read_text(), re.MULTILINE):
            there[int(number)].add(file.name)
    named = {int(row[1]): set(re.findall(r"`(test_\w+\.py)`", row[2]))
             for row in re.finditer(r"^\| (\d+) \|.*\|([^|]*)\|$", (FAULTS / "README.md").read_text(), re.MULTILINE)}
    assert named == there
