"""The recorded figures, in a file beside this module: search is not to get worse unnoticed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.evaluation.evaluation import Row
from tests.evaluation.spellings import Corrections

FILE = Path(__file__).with_name("recorded.json")
# Scores are sums of 32-bit numbers: on another machine two documents may change places.
TOLERATED = 0.002
LABELS = ("nDCG@10", "MAP", "MRR")

Figures = dict[str, dict[str, float]]


def of_rows(rows: Sequence[Row]) -> Figures:
    """Return the figures of rankings by name, to four places."""
    return {
        f"{row.name}: {ranker}": {
            label: round(value, 4)
            for label, value in zip(LABELS, (one.ndcg, one.ap, one.rr), strict=True)
        }
        for row in rows
        for ranker, one in row.means.items()
    }


def of_corrections(corrected: Sequence[Corrections]) -> Figures:
    """Return the figures of corrections by name, to four places."""
    return {
        f"{one.name}: corrections": {
            "first": round(one.first_share, 4),
            "among three": round(one.among_share, 4),
        }
        for one in corrected
    }


def update(figures: Figures) -> None:
    """Replace the recorded figures of the same names; the others stay."""
    FILE.write_text(json.dumps({**_recorded(), **figures}, indent=1, sort_keys=True) + "\n")


def worse(figures: Figures) -> list[str]:
    """Return what is worse than recorded, a sentence each."""
    before: Mapping[str, Mapping[str, float]] = _recorded()
    return [
        f"{name}: {label} {value:.4f}, recorded {before[name][label]:.4f}"
        for name, values in figures.items()
        for label, value in values.items()
        if name in before and value < before[name].get(label, 0.0) - TOLERATED
    ]


def _recorded() -> Figures:
    found: Figures = json.loads(FILE.read_text()) if FILE.exists() else {}
    return found
