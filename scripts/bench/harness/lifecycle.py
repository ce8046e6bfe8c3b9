"""What happens outside of requests: memory of workers and of idle connections, time to the first answer, time until a killed
worker is back."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import time

from harness.places import HERE, venv_python
from harness.process import DEADLINE_S, RunningServer, free_port, get
from harness.servers import BY_NAME, Setting
from harness.wrk import run_wrk

VARIANTS = {"tricorn": ("tricorn", False), "tricorn --preload": ("tricorn", True), "uvicorn": ("uvicorn-today", False),
            "granian": ("granian", False)}


def variants(names: set[str]) -> dict[str, tuple[str, bool]]:
    return {label: variant for label, variant in VARIANTS.items() if variant[0] in names}


def memory(names: set[str], seconds: float, cores: tuple[int, int]) -> dict[str, dict[str, float]]:
    """PSS of four FastAPI workers that have all worked, masters and helpers included."""
    results = {}
    for label, (name, preload) in variants(names).items():
        setting = Setting("fastapi", free_port(), workers=4, preload=preload)
        with RunningServer(BY_NAME[name], setting, cores[0]) as server:
            server.wait_until_it_answers("/json")
            server.serving_pids(4)
            run_wrk(server, "/json", 128, seconds, cores[1])
            total = server.pss_bytes()
            results[label] = {"total_mib": total / 2**20, "per_worker_mib": total / 4 / 2**20,
                              "processes": len(server.pids())}
    return results


def start_up(names: set[str], rounds: int, cores: tuple[int, int]) -> dict[str, dict[str, float]]:
    """Spawn to first answer, one FastAPI worker; the floor is an interpreter that imports the app and asyncio."""
    times: dict[str, list[float]] = {"python -c 'import app, asyncio'": []}
    for _ in range(rounds):
        times["python -c 'import app, asyncio'"].append(time_import(cores[0]))
        for label, (name, preload) in variants(names).items():
            times.setdefault(label, []).append(time_start(name, preload, cores[0]))
    return {label: {"ms": statistics.median(taken) * 1000} for label, taken in times.items()}


def time_import(core: int) -> float:
    command = ["taskset", "-c", str(core), str(venv_python("tricorn")), "-c", "import fastapi_app, asyncio"]
    begin = time.perf_counter()
    subprocess.run(command, check=True, cwd=HERE / "apps", env={**os.environ, "PYTHONPATH": "."})
    return time.perf_counter() - begin


def time_start(name: str, preload: bool, core: int) -> float:
    setting = Setting("fastapi", free_port(), preload=preload)
    begin = time.perf_counter()
    with RunningServer(BY_NAME[name], setting, core):
        wait_for_answer(setting.port, begin)
        return time.perf_counter() - begin


SETTLED_S = 1.5  # a worker that dies within its first second is taken for one that cannot live, and waits


def respawn(names: set[str], rounds: int, cores: tuple[int, int]) -> dict[str, dict[str, float]]:
    """`kill -9` of both of two workers to the first answer of a new one."""
    results = {}
    for label, (name, preload) in variants(names).items():
        times = []
        for _ in range(rounds):
            setting = Setting("fastapi", free_port(), workers=2, preload=preload, supervised=True)
            with RunningServer(BY_NAME[name], setting, cores[0]) as server:
                server.wait_until_it_answers("/json")
                dead = server.serving_pids(2)
                time.sleep(SETTLED_S)
                begin = time.perf_counter()
                for pid in dead:
                    os.kill(pid, signal.SIGKILL)
                wait_for_answer(setting.port, begin)
                times.append(time.perf_counter() - begin)
        results[label] = {"ms": statistics.median(times) * 1000}
    return results


def wait_for_answer(port: int, begin: float) -> None:
    while (answer := get(port, "/pid")) is None or answer.status != 200:
        if time.perf_counter() - begin > DEADLINE_S:
            raise RuntimeError(f"no answer on port {port} within {DEADLINE_S} s")
        time.sleep(0.001)


IDLE_CONNECTIONS = 10_000
IDLE_S = 3.0
IDLE_SERVERS = ["tricorn", "uvicorn-fastest", "granian", "go"]


def idle(names: set[str], cores: tuple[int, int]) -> dict[str, dict[str, float]]:
    """10,000 keep-alive connections that were used once: memory of the server for each, and its CPU time while they idle."""
    results = {}
    for name in IDLE_SERVERS:
        if name not in names:
            continue
        with RunningServer(BY_NAME[name], Setting("plain", free_port()), cores[0]) as server:
            server.wait_until_it_answers("/plain")
            use_once(server.setting.port, 200)  # what is allocated once
            before = server.pss_bytes()
            sockets = use_once(server.setting.port, IDLE_CONNECTIONS)
            grown = server.pss_bytes() - before
            cpu = server.cpu_seconds()
            time.sleep(IDLE_S)
            results[BY_NAME[name].label] = {"kib_each": grown / IDLE_CONNECTIONS / 1024,
                                            "cpu_percent": (server.cpu_seconds() - cpu) / IDLE_S * 100}
            for connection in sockets:
                connection.close()
    return results


REQUEST = b"GET /plain HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: idle\r\nAccept: */*\r\n\r\n"


def use_once(port: int, count: int) -> list[socket.socket]:
    """Connections that have had one answer each."""
    sockets = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S)
        connection.sendall(REQUEST)
        answer = b""
        while not answer.endswith(b"Hello, world!"):
            answer += (received := connection.recv(4096))
            if not received:
                raise RuntimeError("a connection was closed")
        sockets.append(connection)
    return sockets
