"""How much of their results two searches share: for pairs of terms that mean the same.

Any archive will do: `search` answers a query with the ids of its best results, best first.
"""

from collections.abc import Callable, Sequence

from psgflask.search import glossary as rules
from psgflask.search.glossary import read_entries
from psgflask.search.query.expansion import ConceptTerm, Glossary

Search = Callable[[str], Sequence[int]]

BEST = 20
LEAST = 0.9
# What a reader types in the one language, and in the other; searched for with each `lang:`.
PAIRS = (("prior consultation", '"consulta previa"'),)


def shipped() -> Glossary:
    """Return the glossary that every installation begins with."""
    entries = read_entries(rules.SHIPPED)
    return Glossary(
        [
            [ConceptTerm(text, frozenset({language})) for language, text in e.terms]
            for _line, e in entries
        ]
    )


def shared(search: Search, one: str, other: str) -> float:
    """Return which part of their 20 best results two searches share; 0 when nothing is found."""
    first, second = set(search(one)[:BEST]), set(search(other)[:BEST])
    return len(first & second) / max(len(first), len(second), 1)


def shares(search: Search, language: str) -> dict[tuple[str, str], float]:
    """Return what each pair shares among the articles of a language."""
    return {
        pair: shared(search, f"{pair[0]} lang:{language}", f"{pair[1]} lang:{language}")
        for pair in PAIRS
    }
