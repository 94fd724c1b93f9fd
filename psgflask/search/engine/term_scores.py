"""Weighing: what each document scores by one word, kept for as long as it is often asked for.

    stem   = q w(t) [ x/(x+K) + 0.3 y/(y+T) ]     each document by its own language's stem
    exact  = 0.2 q w(t) x/(x+K)                   from the exact words
    accent = 0.1 idf x/(x+K)                      of a word typed with accents

BM25F (Robertson & Zaragoza 2009) with a burstiness factor (Amati & van Rijsbergen 2002).
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from psgflask.search.engine import terms
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.engine.terms import Docs, Floats, Found, Term
from psgflask.search.index.columns import EXACT
from psgflask.search.index.forward import TITLE_COUNTS
from psgflask.search.language import Word

TITLE, EXACT_PART, ACCENT = 0.3, 0.2, 0.1
LIKENESS = 0.5
MOST_EXPANSIONS = 50


def of_word(snapshot: Snapshot, word: Word) -> Found:
    """Return the documents that hold a word in any of its forms, and what they score by it."""
    key = "word", word.folded, word.accented  # to hash a Word takes longer
    return snapshot.keep(key, partial(_of_word, snapshot, word))


def of_prefix(snapshot: Snapshot, prefix: str) -> Found:
    """Return the documents with the words that begin so, which score as one term."""
    return snapshot.keep(
        ("prefix", prefix),
        lambda: _as_stem(snapshot, snapshot.union(expansions(snapshot, prefix)), 1.0),
    )


def of_likeness(snapshot: Snapshot, words: Sequence[str]) -> Found:
    """Return the documents with any of these words, which score as one term of half the weight."""
    return snapshot.keep(
        ("likeness", *words), lambda: _as_stem(snapshot, snapshot.union(words), LIKENESS)
    )


def of_title_word(snapshot: Snapshot, word: Word) -> Found:
    """Return what documents score by a word that is looked for in titles: x = 2y."""
    return snapshot.keep(("title word", word), partial(_of_title_word, snapshot, word))


def expansions(snapshot: Snapshot, prefix: str) -> list[str]:
    """Return the folded words that begin so: the 50 in most documents, then alphabetical."""
    return snapshot.commonest(snapshot.beginning(prefix), MOST_EXPANSIONS)


def _of_word(snapshot: Snapshot, word: Word) -> Found:
    parts = [
        _stem_scores(snapshot, term, term.weight) for term in snapshot.stems(word.folded).values()
    ]
    exact = snapshot.term(EXACT, word.folded)
    parts.append((exact.docs, _saturated(snapshot, exact.docs, exact.x, EXACT_PART * exact.weight)))
    if word.accented:
        term = snapshot.term(EXACT, word.accented)
        parts.append((term.docs, _saturated(snapshot, term.docs, term.x, ACCENT * term.idf)))
    return _summed(snapshot, parts)


def _of_title_word(snapshot: Snapshot, word: Word) -> Found:
    parts = []
    for term in snapshot.stems(word.folded).values():
        x = TITLE_COUNTS * term.y
        scores = _saturated(snapshot, term.titled, x, term.weight)
        scores += _title_part(snapshot, term, term.weight)
        parts.append((term.titled, scores))
    exact = snapshot.term(EXACT, word.folded)
    x = TITLE_COUNTS * exact.y
    parts.append((exact.titled, _saturated(snapshot, exact.titled, x, EXACT_PART * exact.weight)))
    return _summed(snapshot, parts)


def _as_stem(snapshot: Snapshot, term: Term, q: float) -> Found:
    docs, scores = _stem_scores(snapshot, term, q * term.weight)
    return Found(docs, scores, snapshot.room)


def _stem_scores(snapshot: Snapshot, term: Term, weight: float) -> tuple[Docs, Floats]:
    scores = _saturated(snapshot, term.docs, term.x, weight)
    if len(term.titled):
        scores[term.docs.searchsorted(term.titled)] += _title_part(snapshot, term, weight)
    return term.docs, scores


def _title_part(snapshot: Snapshot, term: Term, weight: float) -> Floats:
    part: Floats = np.float32(TITLE * weight) * term.y / (term.y + snapshot.t[term.titled])
    return part


def _saturated(snapshot: Snapshot, docs: Docs, x: Floats, weight: float) -> Floats:
    scores: Floats = x / (x + snapshot.k[docs])
    scores *= np.float32(weight)
    return scores


def _summed(snapshot: Snapshot, parts: Sequence[tuple[Docs, Floats]]) -> Found:
    """Return the sum of several parts, over the documents of any."""
    held = [(docs, scores) for docs, scores in parts if len(docs)]
    if not held:
        return Found(terms.NONE, terms.NOTHING, snapshot.room)
    docs = held[0][0]
    for others, _scores in held[1:]:
        at = docs.searchsorted(others)
        at[at == len(docs)] = 0
        new = others[docs[at] != others]
        if len(new):
            docs = np.sort(np.concatenate((docs, new)), kind="stable")
    scores = np.zeros(len(docs), np.float32)
    for others, found in held:
        if len(others) == len(docs):
            scores += found
        else:
            scores[docs.searchsorted(others)] += found
    return Found(docs, scores, snapshot.room)
