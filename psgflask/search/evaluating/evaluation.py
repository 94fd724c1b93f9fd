"""Measures every ranker on every part of a collection, with whole queries and with short ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psgflask.search.evaluating import judged, measures
from psgflask.search.evaluating.judged import Collection, Paper, Question
from psgflask.search.evaluating.measures import Measured
from psgflask.search.evaluating.peers import Fts5, Tantivy
from psgflask.search.evaluating.rankers import Ours, Ranker, indexed

PEERS: tuple[Callable[[Sequence[Paper]], Ranker], ...] = (Fts5, Tantivy)
# Queries of so many words in the mean are measured shortened too.
LONG = 5


@dataclass(frozen=True)
class Row:
    """One collection, or a part of it: by ranker the means, and what each query had."""

    name: str
    means: Mapping[str, Measured]
    each: Mapping[str, Mapping[str, Measured]]  # by ranker, by query

    @property
    def peers(self) -> list[str]:
        """The rankers that are not ours."""
        return [name for name in self.means if name not in {"first stage", "feedback"}]

    @property
    def chance(self) -> float | None:
        """How likely feedback's lead over the better peer is chance; None without peers."""
        if not self.peers:
            return None
        better = max(self.peers, key=lambda name: self.means[name].ndcg)
        ours, theirs = (
            [one.ndcg for one in self.each[name].values()] for name in ("feedback", better)
        )
        return measures.chance(ours, theirs)


def rows(whole: Collection, *, with_peers: bool) -> Iterator[Row]:
    """Yield what is measured of a collection. Raises peers.Missing."""
    indexes: dict[tuple[Paper, ...], list[Collection]] = {}
    for part in judged.parts(whole):
        indexes.setdefault(part.papers, []).append(part)
    for papers, collections in indexes.items():
        keys = [paper.key for paper in papers]
        with indexed(papers) as snapshot:
            ours = [Ours(snapshot, keys, feedback=feedback) for feedback in (False, True)]
            rankers: list[Ranker] = [*ours]
            if with_peers:
                rankers += [make(papers) for make in PEERS]
            for part in collections:
                yield _row(part.name, part, rankers)
                if _are_long(part.questions):
                    short = [
                        Question(each.key, ours[0].shortened(each.text), each.language)
                        for each in part.questions
                    ]
                    yield _row(f"{part.name}, short", part, rankers, short)


def _row(
    name: str,
    part: Collection,
    rankers: Sequence[Ranker],
    questions: Sequence[Question] | None = None,
) -> Row:
    each = {
        ranker.name: {
            question.key: measures.measure(ranker.rank(question.text), part.grades[question.key])
            for question in questions or part.questions
        }
        for ranker in rankers
    }
    means = {ranker: measures.mean(list(found.values())) for ranker, found in each.items()}
    return Row(name, means, each)


def _are_long(questions: Sequence[Question]) -> bool:
    return sum(len(question.text.split()) for question in questions) > LONG * len(questions)
