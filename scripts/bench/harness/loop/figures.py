"""What follows from the medians: ratios to the better uvloop, geometric means, and whether they reach the bars."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any

from harness.loop.kinds import UVLOOPS
from harness.loop.lines import CHART, GROUPS, LINES, SCHEDULING, SOCK, SUBPROCESS, Line

Results = dict[str, Any]
WORST = 0.97
OVERALL = 1.5
MOST_SEGMENTS = 1.1  # a few are sent twice
BARS = {SOCK: 2.5, SCHEDULING: 2.0, SUBPROCESS: 2.5}


def cost(results: Results, line: str, kind: str) -> float | None:
    """CPU time of an operation in us."""
    value = results["lines"].get(line, {}).get(kind, {}).get("cpu_us")
    return None if value is None else float(value)


def by_fastest_rounds(results: Results) -> Results:
    """The same with the fastest round of each in place of the median: what else runs on a shared machine only adds."""
    def row(old: dict[str, Any]) -> dict[str, Any]:
        return old | {"cpu_us": min(old["rounds_us"])} if "rounds_us" in old else old
    return results | {"lines": {line: {kind: row(old) for kind, old in kinds.items()} for line, kinds in results["lines"].items()}}


def baselines(results: Results) -> list[str]:
    """What tricorn is compared with: the uvloops, the better of which counts, or the other tricorn if there is one."""
    return ["before"] if any("before" in row for row in results["lines"].values()) else UVLOOPS


def baseline(results: Results, line: str) -> str | None:
    """The better of them at this line."""
    costs = {kind: value for kind in baselines(results) if (value := cost(results, line, kind))}
    return min(costs, key=lambda kind: costs[kind]) if costs else None


def ratio(results: Results, line: str, kind: str = "tricorn") -> float | None:
    """How many times cheaper than the baseline."""
    best, ours = baseline(results, line), cost(results, line, kind)
    if best is None or not ours:
        return None
    return (cost(results, line, best) or 0) / ours


def pairs(results: Results, line: str) -> list[float] | None:
    """The ratios of the single rounds, sorted."""
    best, row = baseline(results, line), results["lines"][line]
    if best is None or ratio(results, line) is None:
        return None
    return sorted(theirs / ours for theirs, ours in zip(row[best]["rounds_us"], row["tricorn"]["rounds_us"], strict=True))


def measured(results: Results) -> list[Line]:
    return [line for line in LINES if line.name in results["lines"]]


def geometric_mean(results: Results, group: str | None = None, kind: str = "tricorn") -> float | None:
    """Of the lines of a group, or of all; a line without a figure is left out."""
    ratios = [value for line in measured(results) if group in (None, line.group) and (value := ratio(results, line.name, kind))]
    return math.exp(statistics.fmean(map(math.log, ratios))) if ratios else None


@dataclass(frozen=True)
class Bar:
    what: str
    wanted: str
    found: str
    reached: bool


def bars(results: Results) -> list[Bar]:
    """Of what was measured; none without an uvloop."""
    if baselines(results) != UVLOOPS:
        return []
    found = []
    for group, wanted in ((None, OVERALL), *BARS.items()):
        if (mean := geometric_mean(results, group)) is not None:
            found.append(Bar(group or "all lines, geometric mean", f"at least {wanted}", f"{mean:.2f}", mean >= wanted))
    ratios = {line.name: value for line in measured(results) if (value := ratio(results, line.name)) is not None}
    if ratios:
        worst = min(ratios, key=lambda name: ratios[name])
        found.append(Bar("the worst line", f"at least {WORST}", f"{ratios[worst]:.2f} ({worst})", ratios[worst] >= WORST))
    unmeasured = [line.name for line in measured(results) if cost(results, line.name, "tricorn") is None]
    if unmeasured and any("tricorn" in row for row in results["lines"].values()):
        found.append(Bar("lines that tricorn cannot do", "none", ", ".join(unmeasured), False))
    for line in measured(results):
        if segments := results["lines"][line.name].get("tricorn", {}).get("segments"):
            if line.load[:1] == ("get",):
                found.append(Bar(f"{line.name}, segments for a response", "1", f"{segments:.2f}", segments < MOST_SEGMENTS))
    for chart in CHART:
        for peer in ("go", "node"):
            ours, theirs = cost(results, chart, "tricorn"), cost(results, chart, peer)
            if ours and theirs:
                found.append(Bar(f"{chart}, {peer}", "above 1", f"{theirs / ours:.2f}", ours < theirs))
    return found


def groups(results: Results) -> list[str]:
    return [group for group in GROUPS if any(line.group == group for line in measured(results))]
