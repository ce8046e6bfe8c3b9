"""The parts of scripts/try_suites."""
