"""The figures that were reached, kept beside this module: search is not to get worse unnoticed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from psgflask.search.evaluating.evaluation import Row
from psgflask.search.evaluating.spellings import Corrections

KEPT = Path(__file__).with_name("recorded.json")
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


def keep(figures: Figures) -> None:
    """Put figures in the place of those recorded before, and leave the others."""
    KEPT.write_text(json.dumps({**_kept(), **figures}, indent=1, sort_keys=True) + "\n")


def worse(figures: Figures) -> list[str]:
    """Return what is worse than recorded, a sentence each."""
    kept: Mapping[str, Mapping[str, float]] = _kept()
    return [
        f"{name}: {label} {value:.4f}, recorded {kept[name][label]:.4f}"
        for name, values in figures.items()
        for label, value in values.items()
        if name in kept and value < kept[name].get(label, 0.0) - TOLERATED
    ]


def _kept() -> Figures:
    found: Figures = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return found
