"""Ragged arrays: runs of different lengths in one flat array."""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def ragged(starts: Ints, lengths: Ints) -> Ints:
    """Return the places of runs that begin at `starts`, one run after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    spread: Ints = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return spread
