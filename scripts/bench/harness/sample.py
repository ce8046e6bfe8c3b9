"""One round of one server."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """What a load has counted, and the CPU time that the server spent on it. `errors`: socket errors, timeouts and responses
    that were not 2xx. Requests, or messages of WebSockets."""

    per_second: float
    per_cpu_second: float
    cpu_share: float
    p99_ms: float
    errors: int
    answered: int
