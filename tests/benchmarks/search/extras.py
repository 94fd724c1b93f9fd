"""What else is measured of our engine: opening, memory, refresh, corrections, building."""

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from flask import Flask

from psgflask.search.documents import Document
from psgflask.search.engine import array_engine, spelling
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.index.store import Store
from psgflask.search.sync import indexer
from tests.benchmarks.search import building, footprint
from tests.benchmarks.search.measuring import spread
from tests.benchmarks.search.questions import Question

TIMES, CHANGES, BUILT = 5, 8, 10_000


def lines(
    app: Flask, documents: Sequence[Document], asked: Mapping[str, Sequence[Question]]
) -> Iterator[str]:
    """Yield a sentence for each."""
    folder = indexer.store(app).folder
    opened = []
    for _time in range(TIMES):
        begun = time.perf_counter()
        ArrayEngine(Store(folder)).snapshot()
        opened.append((time.perf_counter() - begun) * 1000)
    yield f"Opened in {median(opened):.0f} ms ({min(opened):.0f}-{max(opened):.0f})"
    own = footprint.measure(Path(app.instance_path), asked)
    yield (
        f"Memory of its own, MB: {own.opened:.0f} when opened, {own.asked:.0f} once every question"
        " was asked, with what pages load when first drawn"
    )
    yield f"A word for the first time, ms, p50 / p95 / most: {spread(own.first)}"
    yield f"Corrections, ms, p50 / p95 / most: {_corrections(folder, asked)}"
    yield f"Seen after a commit in {_refreshed(folder, documents)} ms"
    yield building.line(documents[:BUILT])


def _corrections(folder: Path, asked: Mapping[str, Sequence[Question]]) -> str:
    snapshot = ArrayEngine(Store(folder)).snapshot()
    costs = []
    for question in asked["misspelt"]:
        begun = time.process_time()
        spelling.correction(snapshot, question.words[0])
        costs.append((time.process_time() - begun) * 1000)
    return spread(costs)


def _refreshed(folder: Path, documents: Sequence[Document]) -> str:
    with tempfile.TemporaryDirectory() as spare:
        copied = Path(spare) / "index"
        shutil.copytree(folder, copied)
        engine, store = ArrayEngine(Store(copied)), Store(copied)
        engine.snapshot()
        taken = []
        for number in range(CHANGES):
            store.apply([dataclasses.replace(documents[number], title=f"Changed {number}")], [])
            time.sleep(array_engine.REFRESH_INTERVAL)
            begun = time.perf_counter()
            engine.snapshot()
            taken.append((time.perf_counter() - begun) * 1000)
    return f"{median(taken):.0f} ({min(taken):.0f}-{max(taken):.0f})"
