"""CPython's own asyncio tests, with tricorn's loop in place of asyncio's: one test for each of its modules."""

import pytest

from loop.run_cpython_tests import EXCLUDED, existing_modules, missing_package, reason_to_exclude, run_module

MISSING = missing_package()

pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))


@pytest.mark.timeout(900)  # the longest takes a minute on a busy machine, and each of its tests may take two
@pytest.mark.parametrize("module", existing_modules() if MISSING is None else ["any"])
def test_module_passes(module: str) -> None:
    """All of its tests pass but those that are known to ask for asyncio's private parts."""
    results = run_module(module, "tricorn")

    bad = [test for test in results.failed() if reason_to_exclude(test) is None]
    assert not bad, "\n\n".join(f"{test}\n{results.details[test]}" for test in bad)
    assert results.outcomes, "no test ran"


def test_every_exclusion_has_a_reason() -> None:
    assert all(len(reason.split()) > 3 for reason in EXCLUDED.values())
