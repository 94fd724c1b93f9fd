"""Measures of rankings: nDCG@10, MAP, MRR, and whether two rankings differ by more than chance.

nDCG with the grades as gains: Järvelin & Kekäläinen 2002. The randomisation test of the mean of
differences: Smucker, Allan & Carterette 2007.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np

DEPTH = 10
SHUFFLES, SEED = 10_000, 1


@dataclass(frozen=True)
class Scores:
    """The measures of one ranking, or their means over several."""

    ndcg: float
    ap: float
    rr: float


def measure(ranking: Sequence[str], grades: Mapping[str, int]) -> Scores:
    """Measure a ranking of documents, best first."""
    relevant = sum(grade > 0 for grade in grades.values())
    gained = sum(
        max(0, grades.get(key, 0)) / log2(place + 1) for place, key in enumerate(ranking[:DEPTH], 1)
    )
    best = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:DEPTH]
    ideal = sum(grade / log2(place + 1) for place, grade in enumerate(best, 1))
    places = [place for place, key in enumerate(ranking, 1) if grades.get(key, 0) > 0]
    precisions = (found / place for found, place in enumerate(places, 1))
    return Scores(
        gained / ideal if ideal else 0.0,
        sum(precisions) / relevant if relevant else 0.0,
        1 / places[0] if places else 0.0,
    )


def mean(measured: Sequence[Scores]) -> Scores:
    """Return the mean of each measure over the queries."""
    count = max(1, len(measured))
    return Scores(
        sum(each.ndcg for each in measured) / count,
        sum(each.ap for each in measured) / count,
        sum(each.rr for each in measured) / count,
    )


def p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return how likely a difference of the means as great as this is by chance."""
    differences = np.array(ours) - np.array(theirs)
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (SHUFFLES, len(differences)))
    shuffled = np.abs(signs @ differences)
    return float((1 + (shuffled >= abs(differences.sum()) - 1e-12).sum()) / (SHUFFLES + 1))
