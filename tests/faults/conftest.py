"""Each test of the fault list is named after its fault: test_fault_NN_words."""

from __future__ import annotations

import re

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/faults/" in item.path.as_posix() and not re.match(r"test_fault_\d\d_\w+", item.name):
            raise pytest.UsageError(f"{item.nodeid}: tests here are called test_fault_NN_words")
