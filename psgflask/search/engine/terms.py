"""Terms: what a clause looks for in the index, with the weights that the recipe gives it.

RELEVANCE: x = tf_body + 2 tf_title, y = tf_title; n = documents with the term in title or body;
F = sum over documents of min(x, 5); w = sqrt((F+1)/n) ln(1 + (N-n+0.5)/(n+0.5)).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import log, sqrt

from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.language import stem

LANGUAGES = ("en", "es")
MOST_EXPANSIONS = 50


@dataclass(frozen=True)
class Term:
    """The postings of one term in one field: document -> x and y, and its weights."""

    x: Mapping[int, int]
    y: Mapping[int, int]
    idf: float
    weight: float

    def __len__(self) -> int:
        return len(self.x)


def term_of(snapshot: Snapshot, x: Mapping[int, int], y: Mapping[int, int]) -> Term:
    """Weigh a term from its postings."""
    n = len(x)
    if not n:
        return Term(x, y, 0.0, 0.0)
    capped = sum(min(value, 5) for value in x.values())
    idf = log(1 + (snapshot.count - n + 0.5) / (n + 0.5))
    return Term(x, y, idf, sqrt((capped + 1) / n) * idf)


def in_field(snapshot: Snapshot, field: str, text: str) -> Term:
    """Return a term of the field "en", "es" (stems) or "exact" (folded or accented words)."""
    title = snapshot.frequencies(f"title_{field}", text)
    return term_of(snapshot, _joined(snapshot.frequencies(f"body_{field}", text), title), title)


def stems(snapshot: Snapshot, folded: str) -> dict[str, Term]:
    """Return language -> the term of a word's stem in that language's field."""
    return {
        language: in_field(snapshot, language, stem(folded, language)) for language in LANGUAGES
    }


def title_only(snapshot: Snapshot, term: Term) -> Term:
    """Return a term as `title:` counts it: x = 2y."""
    return term_of(snapshot, {doc: 2 * tf for doc, tf in term.y.items()}, term.y)


def union(snapshot: Snapshot, folded: Iterable[str]) -> Term:
    """Return the exact terms of several words as one: x and y summed."""
    x: dict[int, int] = {}
    y: dict[int, int] = {}
    for word in folded:
        for whole, part in ((x, "body_exact"), (y, "title_exact")):
            for doc, tf in snapshot.frequencies(part, word).items():
                whole[doc] = whole.get(doc, 0) + tf
    return term_of(snapshot, _joined(x, y), y)


def beginning(snapshot: Snapshot, prefix: str) -> list[str]:
    """Return the folded words that begin so: the 50 in most documents, then alphabetical."""
    found = [word for word in snapshot.lexicon() if word.startswith(prefix)]
    return snapshot.commonest(found, MOST_EXPANSIONS)


def _joined(body: Mapping[int, int], title: Mapping[int, int]) -> Mapping[int, int]:
    if not title:
        return body
    x = dict(body)
    for doc, tf in title.items():
        x[doc] = x.get(doc, 0) + 2 * tf
    return x
