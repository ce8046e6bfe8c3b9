"""Interleaved rounds: in each round every loop does the line once, in a new order; the results are medians."""

from __future__ import annotations

import random
import statistics
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any

from harness.loop.child import Failed
from harness.loop.kinds import Kind
from harness.loop.lines import Line
from harness.loop.progress import Progress
from harness.loop.running import Running, Sample


def measure(line: Line, kinds: Iterable[Kind], rounds: int, seconds: float, cores: tuple[int, int], progress: Progress) -> dict[str, Any]:
    """For each kind its medians, or {"failed": why}. All are up at once; those not measured are idle."""
    results: dict[str, Any] = {}
    samples: dict[str, list[Sample]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-loop-") as folder, ExitStack() as stack:
        running: list[Running] = []

        def attempt(one: Running, seconds: float) -> None:
            try:
                samples.setdefault(one.kind.name, []).append(one.measure(seconds))
            except Failed as failure:
                results[one.kind.name] = {"failed": str(failure)}
                running.remove(one)
                one.stop()  # it may be busy with whatever went wrong

        for kind in kinds:
            progress.show(f"starting {kind.name}")
            try:
                running.append(stack.enter_context(Running(kind, line, cores, folder)))
            except Failed as failure:
                results[kind.name] = {"failed": str(failure)}
        for one in list(running):
            attempt(one, one.kind.warm_s)
        samples.clear()
        for number in range(rounds):
            for one in random.sample(running, len(running)):
                attempt(one, seconds)
                progress.show(f"round {number + 1}/{rounds} {one.kind.name}")
        for one in running:
            results[one.kind.name] = medians(samples[one.kind.name]) | {"connection": one.description}
    return results


def medians(samples: list[Sample]) -> dict[str, Any]:
    columns = {key: [asdict(sample)[key] for sample in samples] for key in asdict(samples[0])}
    return {key: statistics.median(values) for key, values in columns.items()} | {"rounds_us": columns["cpu_us"]}
