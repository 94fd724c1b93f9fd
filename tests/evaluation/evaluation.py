"""Measures every ranker on every part of a collection, with whole queries and with short ones."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.evaluation import collection, measures
from tests.evaluation.collection import Collection, JudgedDocument, JudgedQuery
from tests.evaluation.measures import Scores
from tests.evaluation.peers import Fts5, Tantivy
from tests.evaluation.rankers import Ours, Ranker, indexed

PEERS: tuple[Callable[[Sequence[JudgedDocument]], Ranker], ...] = (Fts5, Tantivy)
# Queries of so many words in the mean are measured shortened too.
LONG = 5


@dataclass(frozen=True)
class Row:
    """One collection, or a part of it: by ranker the means, and the scores of each query."""

    name: str
    means: Mapping[str, Scores]
    each: Mapping[str, Mapping[str, Scores]]  # by ranker, by query

    @property
    def peers(self) -> list[str]:
        """The rankers that are not ours."""
        return [name for name in self.means if name not in {"first stage", "feedback"}]

    @property
    def p_value(self) -> float | None:
        """How likely feedback's lead over the better peer is by chance; None without peers."""
        if not self.peers:
            return None
        better = max(self.peers, key=lambda name: self.means[name].ndcg)
        ours, theirs = (
            [one.ndcg for one in self.each[name].values()] for name in ("feedback", better)
        )
        return measures.p_value(ours, theirs)


def rows(whole: Collection, *, with_peers: bool) -> Iterator[Row]:
    """Yield what is measured of a collection. Raises peers.PeerMissing."""
    indexes: dict[tuple[JudgedDocument, ...], list[Collection]] = {}
    for part in collection.parts(whole):
        indexes.setdefault(part.documents, []).append(part)
    for documents, collections in indexes.items():
        keys = [document.key for document in documents]
        with indexed(documents) as snapshot:
            ours = [Ours(snapshot, keys, feedback=feedback) for feedback in (False, True)]
            rankers: list[Ranker] = [*ours]
            if with_peers:
                rankers += [make(documents) for make in PEERS]
            for part in collections:
                yield _row(part.name, part, rankers)
                if _are_long(part.queries):
                    short = [
                        JudgedQuery(each.key, ours[0].shortened(each.text), each.language)
                        for each in part.queries
                    ]
                    yield _row(f"{part.name}, short", part, rankers, short)


def _row(
    name: str,
    part: Collection,
    rankers: Sequence[Ranker],
    queries: Sequence[JudgedQuery] | None = None,
) -> Row:
    each = {
        ranker.name: {
            query.key: measures.measure(ranker.rank(query.text), part.grades[query.key])
            for query in queries or part.queries
        }
        for ranker in rankers
    }
    means = {ranker: measures.mean(list(found.values())) for ranker, found in each.items()}
    return Row(name, means, each)


def _are_long(queries: Sequence[JudgedQuery]) -> bool:
    return sum(len(query.text.split()) for query in queries) > LONG * len(queries)
