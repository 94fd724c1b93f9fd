"""What our engine takes in a process of its own: memory, and a word asked for the first time.

`python -m tests.benchmarks.search.footprint` reads an instance folder and questions as JSON,
and prints what it measured as JSON.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from psgflask.core.language_names import LANGUAGES
from psgflask.search.engine import array_engine
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.term_scores import word_matches
from psgflask.search.language import Word, stem
from tests.benchmarks.search import corpus
from tests.benchmarks.search.ours import within_a_request
from tests.benchmarks.search.questions import Question


@dataclass(frozen=True)
class Footprint:
    """Anonymous memory in MB, of the engine alone; CPU ms of each word for the first time."""

    opened: float
    asked: float  # once every question was asked, with all that pages load when first drawn
    first: list[float]


def measure(instance: Path, asked: Mapping[str, Sequence[Question]]) -> Footprint:
    """Measure in a new process."""
    questions = [asdict(question) for each in asked.values() for question in each]
    said = subprocess.run(  # its own program
        [sys.executable, "-m", __name__],
        input=json.dumps([str(instance), questions]),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    return Footprint(**json.loads(said.stdout.splitlines()[-1]))


def main() -> None:
    """Measure in this process."""
    array_engine.REFRESH_TIMEOUT = 60.0
    instance, rows = json.loads(sys.stdin.read())
    questions = [Question(row["kind"], tuple(row["words"]), row["since"]) for row in rows]
    app = corpus.installation(Path(instance), 0)
    engine: ArrayEngine = app.extensions["psg_search"]
    with within_a_request(app) as ours:
        before = _anonymous()
        engine.snapshot()
        opened = _anonymous() - before
        first = _first_touches(engine, questions)
        for question in questions:
            ours.page(question)
        grown = _anonymous() - before
    print(json.dumps(asdict(Footprint(opened, grown, first))))


def _first_touches(engine: ArrayEngine, questions: Sequence[Question]) -> list[float]:
    snapshot = engine.snapshot()
    costs = []
    for word in dict.fromkeys(word for question in questions for word in question.words):
        for language in LANGUAGES:  # stemming is no part of the engine
            stem(word, language)
        begun = time.process_time()
        word_matches(snapshot, Word(word, ""))
        costs.append((time.process_time() - begun) * 1000)
    return costs


def _anonymous() -> float:
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
