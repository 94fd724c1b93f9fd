"""Terms: the postings of what a clause looks for, with the weights that the recipe gives it.

As in docs/ranking.md: tf = tf_body + 2 tf_title; df = documents with the term in title or body;
F = sum over documents of min(tf, 5); weight = sqrt((F+1)/df) ln(1 + (N-df+0.5)/(df+0.5)).
"""

from collections.abc import Mapping
from functools import cached_property
from math import log, sqrt

from tests.search.reference.bitsets import bits

TITLE_COUNTS, MAX_REPEATED = 2, 5


class TermPostings:
    """One term in one field: document -> tf and title_tf, and its weights."""

    def __init__(self, body: dict[int, int], title: Mapping[int, int], num_docs: int) -> None:
        """Weight a term by its frequencies in body and title among so many live documents."""
        tf = body
        for doc, times in title.items():
            tf[doc] = tf.get(doc, 0) + TITLE_COUNTS * times
        self.tf: Mapping[int, int] = tf
        self.title_tf = title
        df = len(tf)
        self.idf = log(1 + (num_docs - df + 0.5) / (df + 0.5)) if df else 0.0
        bursts = sum(min(times, MAX_REPEATED) for times in tf.values())
        self.weight = sqrt((bursts + 1) / df) * self.idf if df else 0.0

    def __len__(self) -> int:
        return len(self.tf)

    @cached_property
    def docs(self) -> int:
        """Return the documents that have the term, as a bit set."""
        return bits(self.tf)


def union_of(terms: list[TermPostings], num_docs: int) -> TermPostings:
    """Return several terms as one: tf and title_tf summed, df that of the union."""
    body: dict[int, int] = {}
    title: dict[int, int] = {}
    for term in terms:
        for doc, times in term.tf.items():
            body[doc] = body.get(doc, 0) + times - TITLE_COUNTS * term.title_tf.get(doc, 0)
        for doc, times in term.title_tf.items():
            title[doc] = title.get(doc, 0) + times
    return TermPostings(body, title, num_docs)
