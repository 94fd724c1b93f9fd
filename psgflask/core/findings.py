"""What health checks find; each package has its own, and `flask doctor` runs them all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Flask

OK, ATTENTION, FAULT = "ok", "attention", "fault"


@dataclass(frozen=True)
class Finding:
    """One result of a health check, and what to do about it."""

    subject: str
    state: str
    text: str
    advice: str = ""


HealthCheck = Callable[[Flask], Iterator[Finding]]
