"""One run of wrk against a server, with the CPU time that the server spent on it."""

from __future__ import annotations

import re
import subprocess
import time

from harness.places import HERE
from harness.process import RunningServer
from harness.sample import Sample

UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def run_wrk(server: RunningServer, path: str, connections: int, seconds: float, core: int, *, script: str | None = None,
            close: bool = False) -> Sample:
    """`script`: of this folder, without .lua; `close`: a connection for each request."""
    lua = ["-s", str(HERE / "harness" / f"{script}.lua")] if script else []
    header = ["-H", "Connection: close"] if close else []
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", *lua, *header,
               f"http://127.0.0.1:{server.setting.port}{path}"]
    cpu_before, begin = server.cpu_seconds(), time.monotonic()
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    elapsed, cpu = time.monotonic() - begin, server.cpu_seconds() - cpu_before
    answered = int(find(r"(\d+) requests in", output))
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s|m)\b", output)
    assert p99 is not None, output
    return Sample(per_second=float(find(r"Requests/sec:\s+([\d.]+)", output)), per_cpu_second=answered / max(cpu, 0.01),
                  cpu_share=cpu / elapsed, p99_ms=float(p99[1]) * UNITS[p99[2]], errors=count_errors(output), answered=answered)


def find(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    assert match is not None, f"{pattern} not in:\n{text}"
    return match[1]


def count_errors(output: str) -> int:
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return sum(map(int, sockets.groups() if sockets else ())) + (int(wrong[1]) if wrong else 0)
