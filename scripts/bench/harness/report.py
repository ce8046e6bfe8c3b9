"""The results as JSON, as a Markdown table with ratios, and handed to the plot."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.plot import draw
from harness.scenarios import SCENARIOS
from harness.servers import BY_NAME, SERVERS

Results = dict[str, Any]


def machine() -> dict[str, str]:
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {"cpu": model, "cores": str(os.cpu_count()), "kernel": platform.release().partition("-")[0], "python": platform.python_version(),
            "commit": commit, "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "load_at_start": f"{os.getloadavg()[0]:.2f}"}


def write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "results.md").write_text(markdown(results))
    if results["throughput"]:
        (folder / "results.svg").write_text(draw(results["throughput"]))


def markdown(results: Results) -> str:
    host, setup = results["machine"], results["setup"]
    parts = [
        "# Results of scripts/bench/run",
        f"{host['cpu']}, {host['cores']} cores, Linux {host['kernel']}, Python {host['python']}, {host['date']}, "
        f"commit {host['commit']}, load average before {host['load_at_start']}. Server on one core, the load on another; "
        f"medians of {setup['rounds']} interleaved rounds of {setup['seconds']:g} s. "
        "Every server sends the same body and the headers server, date, content-type, content-length.",
    ]
    if throughput := results["throughput"]:
        parts += ["![Requests per CPU-second](results.svg)",
                  "## Requests (or messages) per CPU-second of the server (user and system, whole process tree)",
                  rates(throughput, "per_cpu_second"), "## tricorn divided by", ratios(throughput),
                  "## Requests (or messages) per second", rates(throughput, "per_second"),
                  "## 99th percentile of latency, ms", rates(throughput, "p99_ms", "{:.2f}")]
        parts += [f"**Errors**: {note}" for note in errors(throughput)]
    if memory := results.get("memory"):
        rows = [[label, f"{row['total_mib']:.0f}", f"{row['per_worker_mib']:.1f}", str(row["processes"])]
                for label, row in memory.items()]
        parts += ["## Memory: four workers of a FastAPI app after load (PSS, all processes), MiB",
                  table(["", "total", "per worker", "processes"], rows)]
    if idle := results.get("idle"):
        rows = [[label, f"{row['kib_each']:.1f}", f"{row['cpu_percent']:.1f}"] for label, row in idle.items()]
        parts += ["## 10,000 idle keep-alive connections on one worker",
                  table(["", "KiB of the server for each (PSS)", "CPU, %"], rows)]
    for key, title in (("start_up", "Spawn to first answer, one FastAPI worker, ms"),
                       ("respawn", "kill -9 of all (two) workers to the next answer, ms")):
        if times := results.get(key):
            parts += [f"## {title}", table(["", "ms"], [[label, f"{row['ms']:.0f}"] for label, row in times.items()])]
    return "\n\n".join(parts) + "\n"


def rates(throughput: Results, key: str, form: str = "{:,.0f}") -> str:
    names = present(throughput)
    rows = [[label, *(form.format(row[name][key]) if row.get(name, {}).get(key) else "-" for name in names)]
            for label, row in labelled(throughput)]
    return table(["", *(BY_NAME[name].label for name in names)], rows)


def ratios(throughput: Results) -> str:
    names = [name for name in present(throughput) if name != "tricorn"]
    rows = []
    for label, row in labelled(throughput):
        if "tricorn" in row:
            ours = row["tricorn"]["per_cpu_second"]
            rows.append([label, *(f"{ours / row[name]['per_cpu_second']:.2f}" if name in row else "-" for name in names)])
    return table(["", *(BY_NAME[name].label for name in names)], rows) if rows else "(tricorn was not measured)"


def errors(throughput: Results) -> list[str]:
    return [f"{label}, {BY_NAME[name].label}: {row[name]['errors']:.0f}" for label, row in labelled(throughput)
            for name in row if row[name]["errors"]]


def present(throughput: Results) -> list[str]:
    return [server.name for server in SERVERS if any(server.name in row for row in throughput.values())]


def labelled(throughput: Results) -> Iterable[tuple[str, Results]]:
    return [(scenario.label, throughput[scenario.name]) for scenario in SCENARIOS if scenario.name in throughput]


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
