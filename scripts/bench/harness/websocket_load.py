"""One run of the WebSocket load against a server, with the CPU time that the server spent on it."""

from __future__ import annotations

import socket
import subprocess
import time

from harness.places import WEBSOCKET_LOAD
from harness.process import RunningServer
from harness.sample import Sample


HANDSHAKE = ("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def shakes_hands(port: int, path: str) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(HANDSHAKE.format(path=path).encode())
            return connection.recv(1024).startswith(b"HTTP/1.1 101 ")
    except OSError:
        return False


def run_websockets(server: RunningServer, mode: str, path: str, connections: int, size: int, seconds: float, core: int) -> Sample:
    """`mode`: see scripts/bench/load. It ends with an error at the first byte that it did not expect. Connecting is not
    counted. What is received has no latency: 0."""
    command = ["taskset", "-c", str(core), str(WEBSOCKET_LOAD), mode, str(server.setting.port), path, str(connections), f"{seconds:g}", str(size)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        assert load.stdin is not None and load.stdout is not None
        if load.stdout.readline() != "open\n":
            raise RuntimeError(f"{server.kind.name}: the load could not connect")
        cpu_before, begin = server.cpu_seconds(), time.monotonic()
        load.stdin.close()  # go
        line = load.stdout.readline()
        elapsed, cpu = time.monotonic() - begin, server.cpu_seconds() - cpu_before
    if load.returncode != 0:
        raise RuntimeError(f"{server.kind.name}: the load failed")
    server.wait_until_idle()
    messages, measured, p99_us = line.split()
    return Sample(per_second=int(messages) / float(measured), per_cpu_second=int(messages) / max(cpu, 0.01), cpu_share=cpu / elapsed,
                  p99_ms=int(p99_us) / 1000, errors=0, answered=int(messages))
