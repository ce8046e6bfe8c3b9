"""One loop with one line, ready to be measured again and again."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType

from harness import places
from harness.loop.child import DEADLINE_S, Child, Failed
from harness.loop.kinds import Kind
from harness.loop.lines import Line


@dataclass(frozen=True)
class Sample:
    """`cpu_us`: CPU time of the loop's process for an operation; `busy`: the share of the time that it ran."""

    cpu_us: float
    busy: float
    per_second: float
    segments: float  # of TCP with data that came for an operation, as the load sees it; 0: not known


class Running:
    """The target on the server's core, and its load or its other side on another."""

    def __init__(self, kind: Kind, line: Line, cores: tuple[int, int], folder: str) -> None:
        self.kind, self.line = kind, line
        self._cores, self._folder = cores, folder
        self._stack = ExitStack()
        self._load: Child | None = None
        self.description = ""

    def __enter__(self) -> Running:
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        self._stack.close()

    def _start(self) -> None:
        command = self.kind.command(self.line.target)
        if self.line.needs_acceptor:
            acceptor = self._enter_load("accept")
            command = [*command, acceptor.hear().removeprefix("open ")]
        environment = {**self.kind.environment, "BENCH_CERTIFICATE": str(places.CERTIFICATE), "BENCH_FOLDER": self._folder}
        self._target = self._stack.enter_context(Child(command, self._cores[0], environment))
        said = json.loads(self._target.hear())
        if said["loop"].partition(".")[0] != self.kind.module:
            raise Failed(f"runs on {said['loop']}")
        if self.line.load:
            mode, *rest = self.line.load
            self._load = self._enter_load(mode, said["ready"], *rest)
            self.description = self._load.hear().removeprefix("open").strip()

    def _enter_load(self, *arguments: str) -> Child:
        return self._stack.enter_context(Child([str(places.LOOP_LOAD), *arguments], self._cores[1]))

    def measure(self, seconds: float) -> Sample:
        return self._measure_work(seconds) if self._load is None else self._measure_server(self._load, seconds)

    def _measure_work(self, seconds: float) -> Sample:
        self._target.tell(str(seconds))
        said = json.loads(self._target.hear(seconds * 10 + DEADLINE_S))
        count, cpu, elapsed = said["operations"], said["cpu"], said["seconds"]
        return Sample(cpu / count * 1e6, cpu / elapsed, count / elapsed, 0)

    def _measure_server(self, load: Child, seconds: float) -> Sample:
        before = self._target.cpu_seconds()
        load.tell(str(seconds))
        operations, elapsed, segments = load.hear(seconds + DEADLINE_S).split()
        cpu, count = self._target.cpu_seconds() - before, int(operations)
        if count == 0:
            raise Failed("nothing was answered")
        return Sample(cpu / count * 1e6, cpu / float(elapsed), count / float(elapsed), int(segments) / count)
