"""The forward index of a segment (document -> its stems), made of its postings."""

import os
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from psgflask.search.index.codec import WIDTH
from psgflask.search.index.packed_arrays import ragged
from psgflask.search.index.protocol import IndexBroken

TITLE_COUNTS, MAX_REPEATED, MAX_TIMES = 2, 5, 65_535
# Bytes of postings that are looked at together while the forward index is made.
CHUNK = 16_000_000
# One term of a document: the place of the term in its lexicon, and x = tf_body + 2 tf_title.
PAIR = np.dtype([("term", "<u4"), ("x", "<u2")])

Ints = NDArray[np.int64]


def of_lexicons(lexicons: list[dict[str, Any]], postings: int, count: int) -> tuple[bytes, Ints]:
    """Return the forward index and where each document begins; fill in n and f of the lexicons.

    Postings are read twice, a chunk at a time: to count, and to put each pair in its place.
    """
    sizes = np.zeros(count, np.int64)
    for lexicon in lexicons:
        for terms, documents, x in _joined(lexicon, postings):
            if len(documents) and documents.max() >= count:
                raise IndexBroken("The postings name documents that are not there")
            sizes += np.bincount(documents, minlength=count)
            many = len(lexicon["n"])
            lexicon["n"] += np.bincount(terms, minlength=many)
            repeated = np.bincount(terms, np.minimum(x, MAX_REPEATED), minlength=many)
            lexicon["f"] += repeated.astype(np.int64)
    starts = np.concatenate(([0], np.cumsum(sizes)))
    pairs = np.zeros(int(starts[-1]), PAIR)
    free = starts[:-1].copy()
    for lexicon in lexicons:
        for terms, documents, x in _joined(lexicon, postings):
            order = np.argsort(documents, kind="stable")
            mine = documents[order]
            first = np.searchsorted(mine, mine, "left")
            places = free[mine] + np.arange(len(mine)) - first
            pairs["term"][places] = terms[order]
            pairs["x"][places] = np.minimum(x[order], MAX_TIMES)
            free += np.bincount(documents, minlength=count)
    return pairs.tobytes(), starts


def _joined(lexicon: dict[str, Any], postings: int) -> Iterator[tuple[Ints, Ints, Ints]]:
    """Yield (term, document, x) of whole terms, title and body together, in order."""
    bytes_of = (lexicon["body_documents"] + lexicon["title_documents"]) * 2 * WIDTH
    bytes_of += (lexicon["body_times"] + lexicon["title_times"]) * WIDTH
    chunks = np.cumsum(bytes_of) // CHUNK
    if not len(chunks):
        return
    edges: list[int] = np.flatnonzero(np.diff(chunks, prepend=-1, append=chunks[-1:] + 1)).tolist()
    for begin, end in pairwise(edges):
        keys, x = _side(lexicon, "body", begin, end, postings)
        titled, times = _side(lexicon, "title", begin, end, postings)
        places = np.searchsorted(keys, titled)
        there = places < len(keys)
        there[there] = keys[places[there]] == titled[there]
        x[places[there]] += TITLE_COUNTS * times[there]
        if not there.all():
            new = ~there
            keys = np.insert(keys, places[new], titled[new])
            x = np.insert(x, places[new], TITLE_COUNTS * times[new])
        yield keys >> 32, keys & 0xFFFFFFFF, x


def _side(
    lexicon: dict[str, Any], side: str, begin: int, end: int, postings: int
) -> tuple[Ints, Ints]:
    """Return (term << 32 | document) and the frequency of each posting of these terms."""
    at = lexicon[f"{side}_at"][begin:end]
    documents = lexicon[f"{side}_documents"][begin:end]
    held = np.flatnonzero(documents)
    if not len(held):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    at, documents = at[held], documents[held]
    last = held[-1]
    whole = documents[-1] * 2 * WIDTH + lexicon[f"{side}_times"][begin + last] * WIDTH
    region = pread(postings, int(at[-1] + whole - at[0]), int(at[0]))
    starts = (at - at[0]) // WIDTH
    places = ragged(starts, documents)
    found = region[places].astype(np.int64)
    times = region[places + np.repeat(documents, documents)].astype(np.int64)
    return (np.repeat(held + begin, documents) << 32) | found, times


def pread(file: int, length: int, at: int) -> NDArray[np.uint32]:
    """Read numbers at a place of a file. Raises IndexBroken when it ends before."""
    packed = os.pread(file, length, at)
    if len(packed) != length:
        raise IndexBroken("The postings are cut short")
    return np.frombuffer(packed, np.uint32)
