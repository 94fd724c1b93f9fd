"""What building an index costs: processor, clock and memory, each time in a process of its own."""

import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from psgflask.search.documents import Document
from psgflask.search.index.store import Store
from tests.benchmarks.search import whoosh_engine

LOOK = 0.02  # seconds between two looks at the memory
PAGE = os.sysconf("SC_PAGE_SIZE")

Build = Callable[[Path, Sequence[Document]], None]


@dataclass(frozen=True)
class Cost:
    """What building cost: articles a second of all processors and of the clock, and memory."""

    a_cpu_second: float
    a_second: float
    megabytes: int

    def __str__(self) -> str:
        return f"{self.a_cpu_second:.0f} / {self.a_second:.0f} / {self.megabytes}"


def line(documents: Sequence[Document]) -> str:
    """Say what each way of building costs."""
    builds: dict[str, Build] = {
        "ours": _ours,
        "plain Whoosh": whoosh_engine.build,
    }
    costs = "; ".join(f"{name} {measured(build, documents)}" for name, build in builds.items())
    return f"Built, articles a CPU second / a second / MB at most: {costs}"


def measured(build: Build, documents: Sequence[Document]) -> Cost:
    """Return what a build costs, in a new process: that of others would count its memory."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(_cost, build, documents).result()


def _cost(build: Build, documents: Sequence[Document]) -> Cost:
    most, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(LOOK):
            most[0] = max(most[0], _memory())

    watching = threading.Thread(target=watch)
    watching.start()
    with tempfile.TemporaryDirectory() as spare:
        begun, processed = time.perf_counter(), _processed()
        build(Path(spare) / "built", documents)
        taken, processed = time.perf_counter() - begun, _processed() - processed
    over.set()
    watching.join()
    return Cost(len(documents) / processed, len(documents) / taken, most[0] // 1_000_000)


def _processed() -> float:
    """Return the seconds that processors gave to this process and to those it waited for."""
    times = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in times)


def _memory() -> int:
    """Return the bytes that this process and those it started hold, shared ones each time."""
    children = Path("/proc/self/task").glob("*/children")
    total = 0
    for pid in ["self", *(pid for file in children for pid in file.read_text().split())]:
        try:
            total += int(Path("/proc", pid, "statm").read_text().split()[1]) * PAGE
        except OSError:  # it has just ended
            continue
    return total


def _ours(place: Path, documents: Sequence[Document]) -> None:
    Store(place).rebuild(documents, late=lambda ids: ([], []))
