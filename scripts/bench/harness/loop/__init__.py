"""The parts of scripts/bench/run --loop."""
