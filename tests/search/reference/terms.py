"""Terms: the postings of what a clause looks for, with the weights that the recipe gives it.

RELEVANCE: x = tf_body + 2 tf_title, y = tf_title; n = documents with the term in title or body;
F = sum over documents of min(x, 5); w = sqrt((F+1)/n) ln(1 + (N-n+0.5)/(n+0.5)).
"""

from collections.abc import Mapping
from functools import cached_property
from math import log, sqrt

from tests.search.reference.bitsets import bits

TITLE_COUNTS, MOST_REPEATED = 2, 5


class TermPostings:
    """The postings of one term in one field: document -> x and y, and its weights."""

    def __init__(self, body: dict[int, int], title: Mapping[int, int], documents: int) -> None:
        """Weigh a term by its frequencies in body and title among so many live documents."""
        x = body
        for doc, tf in title.items():
            x[doc] = x.get(doc, 0) + TITLE_COUNTS * tf
        self.x: Mapping[int, int] = x
        self.y = title
        n = len(x)
        self.idf = log(1 + (documents - n + 0.5) / (n + 0.5)) if n else 0.0
        repeated = sum(min(times, MOST_REPEATED) for times in x.values())
        self.weight = sqrt((repeated + 1) / n) * self.idf if n else 0.0

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def docs(self) -> int:
        """Return the documents that hold the term, as a bit set."""
        return bits(self.x)


def union_of(terms: list[TermPostings], documents: int) -> TermPostings:
    """Return several terms as one: x and y summed, n that of the union."""
    body: dict[int, int] = {}
    title: dict[int, int] = {}
    for term in terms:
        for doc, times in term.x.items():
            body[doc] = body.get(doc, 0) + times - TITLE_COUNTS * term.y.get(doc, 0)
        for doc, times in term.y.items():
            title[doc] = title.get(doc, 0) + times
    return TermPostings(body, title, documents)
