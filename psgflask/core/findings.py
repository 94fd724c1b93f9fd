"""What a question about this installation finds; each room asks its own, `flask doctor` all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flask import Flask

OK, ATTENTION, FAULT = "ok", "attention", "fault"


@dataclass(frozen=True)
class Finding:
    """What one question found, and what to do about it."""

    subject: str
    state: str
    text: str
    advice: str = ""


Question = Callable[[Flask], Iterator[Finding]]
