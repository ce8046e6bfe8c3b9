"""What scripts/bench/run --loop makes of its figures, and that each line does what it says, with asyncio's own loop."""

import argparse
import asyncio
import json
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench"
sys.path.insert(0, str(BENCH))

from harness.loop import command, figures, report  # noqa: E402 (after the path is set)
from harness.loop.lines import LINES, SCHEDULING, SOCK  # noqa: E402

MACHINE = {key: "" for key in ("cpu", "cores", "kernel", "python", "versions", "date", "commit", "package", "load_at_start")}


def results(lines: dict[str, dict[str, Any]]) -> figures.Results:
    """`lines`: for each kind the cost of an operation in us, of one round or several; or why there is none."""

    def cell(value: Any) -> dict[str, Any]:
        rounds = value if isinstance(value, list) else [value]
        return {"failed": value} if isinstance(value, str) else {"cpu_us": sorted(rounds)[len(rounds) // 2], "rounds_us": rounds}

    filled = {line: {kind: cell(value) for kind, value in row.items()} for line, row in lines.items()}
    return {"machine": MACHINE, "setup": {"rounds": 1, "seconds": 1.0}, "unavailable": {}, "lines": filled}


def test_the_better_uvloop_of_each_line_counts() -> None:
    found = results({
        "create_task": {"tricorn": 1.0, "uvloop-0.23": 3.0, "uvloop-0.22": 2.0},
        "future wake": {"tricorn": 1.0, "uvloop-0.23": 4.0},
    })
    assert figures.ratio(found, "create_task") == 2.0
    assert figures.ratio(found, "future wake") == 4.0


def test_a_group_has_a_geometric_mean_of_its_own() -> None:
    found = results({
        "tcp sock 1 KiB": {"tricorn": 1.0, "uvloop-0.23": 9.0},
        "tcp sock 10 KiB": {"tricorn": 1.0, "uvloop-0.23": 4.0},
        "create_task": {"tricorn": 1.0, "uvloop-0.23": 1.0},
    })
    assert figures.geometric_mean(found, SOCK) == pytest.approx(6.0)
    assert figures.geometric_mean(found, SCHEDULING) == pytest.approx(1.0)
    assert figures.geometric_mean(found) == pytest.approx(36 ** (1 / 3))


def test_bars_are_told_apart() -> None:
    found = results({
        "tcp protocol 1 KiB": {"tricorn": 8.0, "uvloop-0.23": 7.0, "go": 9.0, "node": 5.0},
        "create_task": {"tricorn": 1.0, "uvloop-0.23": 2.5},
        "udp protocol 1 KiB": {"tricorn": "NotImplementedError", "uvloop-0.23": 2.5},
    })
    reached = {bar.what: bar.reached for bar in figures.bars(found)}
    assert reached["the worst line"] is False
    assert reached[SCHEDULING] is True
    assert reached["lines that tricorn cannot do"] is False
    assert reached["tcp protocol 1 KiB, go"] is True
    assert reached["tcp protocol 1 KiB, node"] is False


def test_a_response_in_two_packets_misses_its_bar() -> None:
    found = results({"uvicorn GET": {"tricorn": 1.0, "uvloop-0.23": 2.0}})
    found["lines"]["uvicorn GET"]["tricorn"]["segments"] = 2.0
    assert not next(bar.reached for bar in figures.bars(found) if "segments" in bar.what)


def test_another_tricorn_takes_the_place_of_the_uvloops() -> None:
    found = results({"create_task": {"tricorn": [1.0, 2.0, 4.0], "before": [2.0, 2.0, 2.0], "uvloop-0.23": 9.0}})
    assert figures.ratio(found, "create_task") == 1.0
    assert figures.pairs(found, "create_task") == [0.5, 1.0, 2.0]
    assert figures.bars(found) == []


def test_what_a_loop_cannot_do_is_a_footnote() -> None:
    found = results({"tls protocol 1 KiB": {"tricorn": 10.0, "uvloop-0.23": 20.0, "rloop": "NotImplementedError"}})
    found["unavailable"]["zuvloop"] = "needs Python 3.14"
    text = report.markdown(found)
    assert "| tls protocol 1 KiB | 10.0 us | 20.0 us | - [1] | - [2] | 2.00 (2.00, 2.00 to 2.00) |" in text
    assert "[1] zuvloop 0.0.17: needs Python 3.14" in text
    assert "[2] rloop 0.5.0: NotImplementedError" in text


def test_lines_are_chosen_by_glob() -> None:
    assert [line.name for line in command.lines("UDP*,tls streams 1 KiB")] == ["udp protocol 1 KiB", "tls streams 1 KiB"]
    with pytest.raises(argparse.ArgumentTypeError, match="no line is 'nonsense'"):
        command.lines("udp*,nonsense")


@contextmanager
def target(line: str, *arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    command = [sys.executable, str(BENCH / "loop" / "target.py"), "asyncio", line, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("line", [line.target for line in LINES if not line.load and not line.needs_acceptor])
def test_work_is_counted(line: str) -> None:
    with target(line) as (process, said):
        assert said["loop"].startswith("asyncio.")
        answer = json.loads(process.communicate("0.01\n")[0])
    assert answer["operations"] > 0
    assert 0 < answer["cpu"]


def exchange(address: str, sent: bytes, folder: Path) -> bytes:
    kind, _, place = address.partition(":")
    if kind == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(place)
    elif kind == "udp":
        connection = socket.socket(type=socket.SOCK_DGRAM)
        connection.connect(("127.0.0.1", int(place)))
    else:
        connection = socket.create_connection(("127.0.0.1", int(place)))
    if kind == "tls":
        connection = ssl.create_default_context(cafile=str(folder / "certificate")).wrap_socket(connection, server_hostname="localhost")
    with connection:
        connection.sendall(sent)
        received = b""
        while len(received) < len(sent) and (part := connection.recv(1 << 20)):
            received += part
    return received


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a certificate of localhost, and its key."""
    made = tmp_path_factory.mktemp("bench")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", str(made / "key"), "-out", str(made / "certificate")],
                   check=True, capture_output=True)
    (made / "both").write_text((made / "key").read_text() + (made / "certificate").read_text())
    return made


@pytest.mark.parametrize("line", [line for line in LINES if line.load[:1] == ("echo",)], ids=lambda line: line.name)
def test_servers_echo(line: Any, folder: Path) -> None:
    with target(line.target, BENCH_CERTIFICATE=str(folder / "both"), BENCH_FOLDER=str(folder)) as (_, said):
        size = int(line.load[2])
        sent = bytes(range(256)) * (size // 256)
        assert exchange(said["ready"], sent, folder) == sent


def test_the_server_of_connections_closes_after_its_client() -> None:
    with target("accept") as (_, said), socket.create_connection(("127.0.0.1", int(said["ready"].removeprefix("tcp:")))) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_connections_are_made_and_closed() -> None:
    async def closed_by_clients() -> int:
        closed = 0

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal closed
            assert await reader.read() == b""
            closed += 1
            writer.close()

        server = await asyncio.start_server(accept, "0.0.0.0")
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(BENCH / "loop" / "target.py"), "asyncio", "create_connection", str(port),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        said, _ = await process.communicate(b"0.01\n")
        assert json.loads(said.splitlines()[1])["operations"] <= closed
        return closed

    assert asyncio.run(closed_by_clients()) > 0
