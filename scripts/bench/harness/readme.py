"""The README's figures: what lies between its two markers."""

from __future__ import annotations

from typing import Any

from harness import report
from harness.places import ROOT

README = ROOT / "README.md"
BEGIN, END = "<!-- bench:begin -->\n", "<!-- bench:end -->"


def fill(results: dict[str, Any]) -> None:
    """Puts the results between the markers; what else the README says stays."""
    text = README.read_text()
    before, rest = text.split(BEGIN)
    README.write_text(f"{before}{BEGIN}{section(results)}\n{END}{rest.split(END)[1]}")


def section(results: dict[str, Any]) -> str:
    host = results["machine"]
    parts = [
        f"Requests (or messages of WebSockets) per CPU-second of the server, one worker, {host['date']}, Python {host['python']}, {host['cpu']}:",
        report.rates(results["throughput"], "per_cpu_second"),
        "![Requests per CPU-second](docs/bench/results.svg)",
    ]
    parts += [lifecycle(results)] if all(key in results for key in ("memory", "start_up", "respawn")) else []
    parts += ["Rates, latencies and all ratios: [docs/bench/results.md](docs/bench/results.md)."]
    return "\n\n".join(parts)


def lifecycle(results: dict[str, Any]) -> str:
    rows = []
    for label, memory in results["memory"].items():
        times = [results[key].get(label, {}).get("ms") for key in ("start_up", "respawn")]
        rows.append([label, f"{memory['total_mib']:.0f}", *("-" if ms is None else f"{ms:.0f}" for ms in times)])
    head = ["a FastAPI app", "4 workers, PSS in MiB", "start to the first answer, ms", "`kill -9` of both of two workers to the next answer, ms"]
    return report.table(head, rows)
