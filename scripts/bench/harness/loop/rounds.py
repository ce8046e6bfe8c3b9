"""Interleaved rounds: in each round every loop does the line once, in a process made for it, in a new order; the results are medians."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from harness.loop.child import Failed
from harness.loop.kinds import Kind
from harness.loop.lines import Line
from harness.loop.progress import Progress
from harness.loop.running import Running, Sample


def measure(line: Line, kinds: Iterable[Kind], rounds: int, seconds: float, cores: tuple[int, int], progress: Progress) -> dict[str, Any]:
    """For each kind its medians, or {"failed": why}."""
    results: dict[str, Any] = {}
    samples: dict[str, list[Sample]] = {}
    descriptions: dict[str, str] = {}
    left = list(kinds)
    with tempfile.TemporaryDirectory(prefix="bench-loop-") as folder:
        for number in range(rounds):
            for kind in random.sample(left, len(left)):
                progress.show(f"round {number + 1}/{rounds} {kind.name}")
                try:
                    # A process of its own: where its memory happens to lie can make a fifth of an echo's cost.
                    with Running(kind, line, cores, folder) as running:
                        running.measure(kind.warm_s)
                        samples.setdefault(kind.name, []).append(running.measure(seconds))
                        descriptions[kind.name] = running.description
                except Failed as failure:
                    results[kind.name] = {"failed": str(failure)}
                    left.remove(kind)
        for kind in left:
            results[kind.name] = medians(samples[kind.name]) | {"connection": descriptions[kind.name]}
    return results


def medians(samples: list[Sample]) -> dict[str, Any]:
    columns = {key: [asdict(sample)[key] for sample in samples] for key in asdict(samples[0])}
    return {key: statistics.median(values) for key, values in columns.items()} | {"rounds_us": columns["cpu_us"]}
