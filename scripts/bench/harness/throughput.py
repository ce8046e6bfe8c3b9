"""Interleaved rounds: in each round every server is measured once, in a new order; the results are medians."""

from __future__ import annotations

import random
import statistics
import sys
from dataclasses import asdict

from harness.process import RunningServer, all_running
from harness.sample import Sample
from harness.scenarios import Scenario
from harness.servers import ServerKind

Result = dict[str, float]


def measure(scenario: Scenario, kinds: list[ServerKind], rounds: int, seconds: float, cores: tuple[int, int]) -> dict[str, Result]:
    """The medians of each server that can serve the scenario."""
    able = [kind for kind in kinds if scenario.workload in kind.serves and (kind.sleeps or not scenario.sleeps)]
    samples: dict[str, list[Sample]] = {kind.name: [] for kind in able}
    with all_running(able, scenario.workload, cores[0]) as servers:
        for server in servers:
            server.wait_until(lambda: scenario.is_served(server))
            scenario.verify(server)
            scenario.run(server, min(seconds, 1.0), cores[1])  # warm
        for number in range(rounds):
            for server in random.sample(servers, len(servers)):
                sample = scenario.run(server, seconds, cores[1])
                samples[server.kind.name].append(sample)
                print(f"  {scenario.name} {number + 1}/{rounds} {server.kind.name:16} {sample.per_second:9.0f}/s "
                      f"{sample.per_cpu_second:9.0f}/cpu-s", file=sys.stderr)
        for server in servers:
            if server.setting.logs and server.kind.logs:
                check_log(server, scenario, samples[server.kind.name])
    return {name: medians(taken) for name, taken in samples.items()}


def check_log(server: RunningServer, scenario: Scenario, samples: list[Sample]) -> None:
    """A log that loses lines would be cheap: every answered request must be in it."""
    lines, answered = server.logged(scenario.path.encode()), sum(sample.answered for sample in samples)
    if lines < answered:
        raise RuntimeError(f"{server.kind.name} logged {lines} of {answered} requests")


def medians(samples: list[Sample]) -> Result:
    columns = {key: [asdict(sample)[key] for sample in samples] for key in asdict(samples[0])}
    result = {key: statistics.median(values) for key, values in columns.items()}
    return result | {"errors": max(columns["errors"]), "rounds": len(samples),
                     "per_cpu_second_min": min(columns["per_cpu_second"]), "per_cpu_second_max": max(columns["per_cpu_second"])}
