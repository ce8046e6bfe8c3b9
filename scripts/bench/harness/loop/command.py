"""scripts/bench/run --loop: CPU time per operation of event loops, interleaved.

    scripts/bench/run --loop                       everything (about half an hour), into docs/bench/loop
    scripts/bench/run --loop --quick               fewer and shorter rounds
    scripts/bench/run --loop --only 'tcp protocol 1 KiB' --loops tricorn,uvloop-0.23 --rounds 5
    scripts/bench/run --loop --only 'tls *,udp*'   lines by glob; printed, and written only with --output

The package `tricorn` is the one in TRICORN_PACKAGE, else in build/release/python. To see what a change does, give an older
build as TRICORN_BEFORE and compare: TRICORN_BEFORE=FOLDER scripts/bench/run --loop --loops tricorn,before --only 'tcp *'
"""

from __future__ import annotations

import argparse
import os
import shutil
import ssl
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness import places
from harness import report as http_report
from harness.loop import figures, report, rounds
from harness.loop.kinds import BY_NAME, DEFAULT, KINDS, PACKAGE, Kind, Unavailable
from harness.loop.lines import LINES, Line
from harness.loop.progress import Progress

RESULTS = places.RESULTS / "loop"


def lines(text: str) -> list[Line]:
    chosen: list[Line] = []
    for pattern in text.split(","):
        found = [line for line in LINES if fnmatchcase(line.name.lower(), pattern.strip().lower())]
        if not found:
            raise argparse.ArgumentTypeError(f"no line is {pattern!r}; there are: {', '.join(line.name for line in LINES)}")
        chosen += found
    return [line for line in LINES if line in chosen]


def kinds(text: str) -> list[Kind]:
    names = text.split(",")
    if unknown := set(names) - set(BY_NAME):
        raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))}: choose from {', '.join(BY_NAME)}")
    return [kind for kind in KINDS if kind.name in names]


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench/run --loop", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=lines, default=LINES, metavar="GLOB,...", help=", ".join(line.name for line in LINES))
    parser.add_argument("--loops", type=kinds, default=DEFAULT, metavar="A,B", help=", ".join(BY_NAME))
    parser.add_argument("--rounds", type=int, help="7; with --quick 3")
    parser.add_argument("--seconds", type=float, help="of each round of each loop: 1; with --quick 0.3")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cores", default="0,1", metavar="SERVER,LOAD")
    parser.add_argument("--output", type=Path, help="folder for the results; docs/bench/loop when all is measured")
    parsed = parser.parse_args(arguments)
    parsed.rounds = parsed.rounds or (3 if parsed.quick else 7)
    parsed.seconds = parsed.seconds or (0.3 if parsed.quick else 1.0)
    if parsed.output is None and parsed.only == LINES and parsed.loops == DEFAULT:
        parsed.output = RESULTS
    return parsed


def machine(chosen: list[Kind]) -> dict[str, str]:
    """What is not said of every benchmark: versions, and whose package was measured."""
    versions = {"OpenSSL": ssl.OPENSSL_VERSION.split()[1]}
    for name, command in {"go": ["go", "env", "GOVERSION"], "node": ["node", "--version"]}.items():
        if BY_NAME[name] in chosen and shutil.which(name):
            versions[name] = subprocess.run(command, capture_output=True, text=True).stdout.strip().lstrip("gov")
    package = "build/release" if PACKAGE == places.BUILD / "release" / "python" else "another package"
    return {"versions": ", ".join(f"{name} {version}" for name, version in versions.items()), "package": package}


def main(arguments: list[str]) -> None:
    parsed = parse_arguments(arguments)
    cores = tuple(map(int, parsed.cores.split(",")))
    progress = Progress()
    if os.getloadavg()[0] > 0.5:
        progress.keep(f"warning: the machine is busy (load average {os.getloadavg()[0]:.2f}); figures will scatter")
    setup = {"rounds": parsed.rounds, "seconds": parsed.seconds}
    results: dict[str, Any] = {"machine": http_report.machine() | machine(parsed.loops), "setup": setup, "unavailable": {}, "lines": {}}
    places.ensure_loop_load()
    available = []
    for kind in parsed.loops:
        progress.show(f"preparing {kind.name}")
        try:
            kind.make_ready()
            available.append(kind)
        except Unavailable as reason:
            results["unavailable"][kind.name] = str(reason)
            progress.keep(f"{kind.name} is left out: {reason}")
    for number, line in enumerate(parsed.only):
        progress.begin(f"{number + 1}/{len(parsed.only)} {line.name}")
        able = [kind for kind in available if kind.serves is None or line.target in kind.serves]
        measured = rounds.measure(line, able, parsed.rounds, parsed.seconds, (cores[0], cores[1]), progress)
        results["lines"][line.name] = measured
        progress.keep(summary(results, line))
        if parsed.output is not None:
            report.write(results, parsed.output)  # what is done is kept when it is broken off
    print(report.markdown(results))
    sys.exit(any("failed" in row.get("tricorn", {}) for row in results["lines"].values()))


def summary(results: figures.Results, line: Line) -> str:
    row = results["lines"][line.name]
    costs = {name: row[name].get("cpu_us") for name in BY_NAME if name in row}
    parts = [f"{name} {'-' if us is None else report.time_text(us)}" for name, us in costs.items()]
    ratio = report.ratio_cell(results, line.name)
    return f"{line.name:22} {'  '.join(parts)}" + (f"  ratio {ratio.replace('*', '')}" if ratio != "-" else "")
