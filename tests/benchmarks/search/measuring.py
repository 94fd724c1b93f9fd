"""Times pages: all engines by turns, kind by kind, several rounds."""

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Protocol

from tests.benchmarks.search.questions import Question, Unsupported

TIMES = 3  # each question a round


class Engine(Protocol):
    """What is timed: by `page`, unless it times itself by `page_ms`.

    Of one that has `once` set each question is asked once a round.
    """

    name: str


@dataclass
class Cell:
    """What the pages of one kind cost one engine: p50 and p95 of each round, in CPU ms."""

    first: list[float] = field(default_factory=list)  # every question for the first time
    p50: list[float] = field(default_factory=list)
    p95: list[float] = field(default_factory=list)


Table = dict[str, dict[str, Cell]]  # by kind, by engine


def measured(
    engines: Sequence[Any], questions: Mapping[str, Sequence[Question]], rounds: int
) -> Table:
    """Time all questions; what an engine cannot do has no cell."""
    table: Table = {kind: {} for kind in questions}
    for kind, asked in questions.items():
        for engine in engines:
            try:
                first = [cost(engine, question) for question in asked]
            except Unsupported:
                continue
            table[kind][engine.name] = Cell(first=first)
    for _round in range(rounds):
        for kind, asked in questions.items():
            for engine in engines:
                cell = table[kind].get(engine.name)
                if cell is not None:
                    times = 1 if hasattr(engine, "once") else TIMES
                    costs = [cost(engine, each) for _time in range(times) for each in asked]
                    cell.p50.append(median(costs))
                    cell.p95.append(percentile(costs, 95))
    return table


def cost(engine: Any, question: Question) -> float:
    """Return what a page costs in CPU milliseconds."""
    if hasattr(engine, "page_ms"):
        return float(engine.page_ms(question))
    gc.collect(0)
    begun = time.process_time()
    engine.page(question)
    return (time.process_time() - begun) * 1000


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value that so many in a hundred are not above (the nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-share * len(ordered) // 100) - 1)]


def spread(costs: Sequence[float]) -> str:
    """Say p50, p95 and the most."""
    return f"{median(costs):.2f} / {percentile(costs, 95):.2f} / {max(costs):.2f}"


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> tuple[float, float, float]:
    """Return how many times as long theirs took, round by round: median, lowest, highest."""
    found = sorted(a / b for a, b in zip(theirs, ours, strict=True))
    return median(found), found[0], found[-1]
