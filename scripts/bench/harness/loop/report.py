"""The results of the loops as JSON, as Markdown tables and as a plot."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from harness.loop import figures
from harness.loop.figures import Results
from harness.loop.kinds import BY_NAME, KINDS, UVLOOPS
from harness.loop.plot import draw
from harness.report import table

SATURATED = 0.9  # share of the time that a server is busy, at least, when its load asks for all it can do


def write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(results))
    if plot := draw(results):
        (folder / "results.svg").write_text(plot)


def markdown(results: Results) -> str:
    host, setup = results["machine"], results["setup"]
    notes = Notes()
    parts = [
        "# Results of scripts/bench/run --loop",
        f"{host['cpu']}, {host['cores']} cores, Linux {host['kernel']}, Python {host['python']}, {host['versions']}, {host['date']}, "
        f"commit {host['commit']} ({host['package']}), load average before {host['load_at_start']}. "
        "CPU time (user and system) of the loop's process for one operation; its load runs on another core and never sleeps. "
        "Each process has freed 1 MiB before, so that glibc no longer maps each large block that is read into. "
        f"Medians of {setup['rounds']} interleaved rounds of {setup['seconds']:g} s, each in a process made for it. "
        f"The ratio is that of {compared(results)} to tricorn, of the medians; in brackets of each round: the middle one and the extremes. "
        "The last column is that of the fastest round of each: what else runs on a shared machine only adds to a cost.",
    ]
    if draw(results):
        parts += ["![CPU time of an echo](results.svg)"]
    parts += ["## CPU time of an operation", costs(results, notes), *notes.texts()]
    if bars := figures.bars(results):
        fastest = figures.bars(figures.by_fastest_rounds(results))
        rows = [[bar.what, bar.wanted, verdict(bar), verdict(quick)] for bar, quick in zip(bars, fastest, strict=True)]
        parts += ["## What is asked for", table(["", "bar", "of the medians", "of the fastest rounds"], rows)]
    if means := group_means(results):
        parts += [f"## Geometric means of the ratios of {compared(results)} to each loop", means]
    if packets := segments(results):
        parts += ["## Segments of TCP for one response", packets]
    if idle := waited(results):
        parts += [f"Busy for less than {SATURATED:.0%} of the time (they waited for their load, or for the machine, and woke up more often): {idle}."]
    rows = [[line.name, line.counts, connection(results, line.name)] for line in figures.measured(results)]
    parts += ["## What an operation is", table(["", "", "connection"], rows)]
    return "\n\n".join(parts) + "\n"


def verdict(bar: figures.Bar) -> str:
    return f"{bar.found} ok" if bar.reached else f"{bar.found} **missed**"


def compared(results: Results) -> str:
    return "the better uvloop of each line" if figures.baselines(results) == UVLOOPS else "another tricorn"


class Notes:
    """Footnotes, the same reason under one number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def mark(self, text: str) -> str:
        return f"[{self._numbers.setdefault(text, len(self._numbers) + 1)}]"

    def texts(self) -> list[str]:
        return ["\n".join(f"[{number}] {text}  " for text, number in self._numbers.items())] if self._numbers else []


def present(results: Results) -> list[str]:
    """Also those that cannot be measured here."""
    shown = set(results["unavailable"]).union(*results["lines"].values())
    return [kind.name for kind in KINDS if kind.name in shown]


def costs(results: Results, notes: Notes) -> str:
    names = present(results)
    fastest = figures.by_fastest_rounds(results)
    rows = [[line.name, *(cell(results, line.name, name, notes) for name in names), ratio_cell(results, line.name),
             ratio_text(figures.ratio(fastest, line.name))] for line in figures.measured(results)]
    divided = "uvloop" if figures.baselines(results) == UVLOOPS else "another"
    return table(["", *(BY_NAME[name].label for name in names), f"{divided} / tricorn", "of the fastest rounds"], rows)


def cell(results: Results, line: str, kind: str, notes: Notes) -> str:
    if value := figures.cost(results, line, kind):
        return time_text(value)
    if kind in results["unavailable"]:
        return "- " + notes.mark(f"{BY_NAME[kind].label}: {results['unavailable'][kind]}")
    failed = results["lines"][line].get(kind, {}).get("failed")
    return "- " + notes.mark(f"{BY_NAME[kind].label}: {failed}") if failed else ""  # a peer of the echo alone


def ratio_cell(results: Results, line: str) -> str:
    value, pairs = figures.ratio(results, line), figures.pairs(results, line)
    if value is None or pairs is None:
        return "-"
    return f"{ratio_text(value)} ({statistics.median(pairs):.2f}, {pairs[0]:.2f} to {pairs[-1]:.2f})"


def ratio_text(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}" if value >= figures.WORST else f"**{value:.2f}**"


def time_text(us: float) -> str:
    return f"{us * 1000:.0f} ns" if us < 1 else f"{us:.2f} us" if us < 10 else f"{us:.1f} us" if us < 1000 else f"{us / 1000:.2f} ms"


def group_means(results: Results) -> str:
    names = [name for name in present(results) if name not in figures.baselines(results) and BY_NAME[name].serves is None]
    rows = []
    for group in [*figures.groups(results), None]:
        means = [figures.geometric_mean(results, group, name) for name in names]
        if any(means):
            rows.append([group or "all", *("-" if mean is None else f"{mean:.2f}" for mean in means)])
    return table(["", *(BY_NAME[name].label for name in names)], rows) if rows else ""


def segments(results: Results) -> str:
    lines = [line for line in figures.measured(results) if line.load[:1] == ("get",)]
    names = [name for name in present(results) if any("segments" in results["lines"][line.name].get(name, {}) for line in lines)]
    rows = []
    for line in lines:
        row = results["lines"][line.name]
        rows.append([line.name, *(f"{row[name]['segments']:.2f}" if "segments" in row.get(name, {}) else "-" for name in names)])
    return table(["", *(BY_NAME[name].label for name in names)], rows) if names else ""


def waited(results: Results) -> str:
    """Servers that could have done more: the load, or the machine, was too slow for them."""
    found = []
    for line in figures.measured(results):
        shares = {kind: row["busy"] for kind, row in results["lines"][line.name].items() if line.load and row.get("busy", 1) < SATURATED}
        if shares:
            found.append(f"{line.name}: " + ", ".join(f"{BY_NAME[kind].label} {share:.0%}" for kind, share in shares.items()))
    return "; ".join(found)


def connection(results: Results, line: str) -> str:
    """TLS's version and cipher, which must be the same for all."""
    return ", ".join(sorted({row["connection"] for row in results["lines"][line].values() if row.get("connection")} - {"plain"}))
