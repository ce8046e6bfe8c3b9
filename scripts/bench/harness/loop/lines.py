"""The lines of the table: what each loop does, and what is asked of it meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

SOCK, SCHEDULING, THREADS, SUBPROCESS, TRANSPORTS, TLS, OTHER, WEB = (
    "sock_*", "scheduling and timers", "threads", "subprocess", "transports", "TLS", "connections and names", "servers of HTTP")
CONNECTIONS = 10


@dataclass(frozen=True)
class Line:
    """`target`: the line of scripts/bench/loop/target.py. `load`: what loop_load is told besides the address; none: the target
    works by itself, or with loop_load as the other side that accepts. `counts`: what an operation is."""

    name: str
    group: str
    target: str
    counts: str
    load: tuple[str, ...] = ()  # mode, then what comes behind the address
    needs_acceptor: bool = False


def echo(kind: str, interface: str, kib: int, group: str = TRANSPORTS) -> Line:
    return Line(f"{kind} {interface} {kib} KiB", group, f"{kind} {interface}", "echo", ("echo", str(CONNECTIONS), str(kib * 1024)))


LINES = [
    *(echo("tcp", interface, kib) for interface in ("protocol", "buffered", "streams") for kib in (1, 10, 100)),
    *(echo("tcp", "sock", kib, SOCK) for kib in (1, 10, 100)),
    *(echo("unix", interface, 1) for interface in ("protocol", "buffered", "streams")),
    echo("unix", "sock", 1, SOCK),
    echo("udp", "protocol", 1),
    *(echo("tls", "protocol", kib, TLS) for kib in (1, 10, 100)),
    echo("tls", "streams", 1, TLS),
    Line("call_soon batch", SCHEDULING, "call_soon batch", "callback, of 10^4 at once"),
    Line("call_soon 10 chained", SCHEDULING, "call_soon chained", "callback, of 10 in each turn"),
    Line("call_soon alone", SCHEDULING, "call_soon alone", "callback, one in each turn"),
    Line("call_later cancel", SCHEDULING, "call_later cancel", "timer, cancelled at once; 100 in each turn"),
    Line("call_later fire", SCHEDULING, "call_later fire", "timer, of 10^4 within 10 ms"),
    Line("sleep(0) one task", SCHEDULING, "sleep(0)", "sleep"),
    Line("sleep(0) 100 tasks", SCHEDULING, "sleep(0) many", "sleep"),
    Line("future wake", SCHEDULING, "future wake", "future, awaited, and resolved by call_soon"),
    Line("create_task", SCHEDULING, "create_task", "task that ends at once, awaited"),
    Line("gather 10^4", SCHEDULING, "gather", "task, of 10^4"),
    Line("threadsafe flood", THREADS, "threadsafe flood", "call_soon_threadsafe, of 10^4 in a burst"),
    Line("threadsafe ping-pong", THREADS, "threadsafe ping-pong", "call_soon_threadsafe, answering the loop"),
    Line("run_in_executor", THREADS, "run_in_executor", "call of nothing in a thread, awaited"),
    Line("accept", OTHER, "accept", "connection accepted, and closed after the client", ("connect", str(CONNECTIONS))),
    Line("create_connection", OTHER, "create_connection", "connection made and closed", needs_acceptor=True),
    Line("getaddrinfo literal", OTHER, "getaddrinfo literal", "127.0.0.1"),
    Line("getaddrinfo localhost", OTHER, "getaddrinfo localhost", "localhost"),
    Line("subprocess", SUBPROCESS, "subprocess", "/bin/true spawned and awaited, its own time included"),
    Line("uvicorn GET", WEB, "uvicorn", "GET of 13 bytes, httptools", ("get", str(CONNECTIONS), "/")),
    Line("aiohttp GET", WEB, "aiohttp", "GET of 13 bytes", ("get", str(CONNECTIONS), "/")),
]
GROUPS = list(dict.fromkeys(line.group for line in LINES))
CHART = [f"tcp protocol {kib} KiB" for kib in (1, 10, 100)]
