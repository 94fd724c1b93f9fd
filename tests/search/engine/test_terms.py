"""How many documents are looked up in what a clause found."""

from unittest.mock import patch

import numpy as np
import pytest

from psgflask.search.engine import terms
from psgflask.search.engine.terms import Found, alone


@pytest.mark.parametrize("wide", [0, 10_000])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("asked", [0.002, 0.3])
def test_documents_have_their_scores_however_many_match(
    wide: int, share: float, asked: float
) -> None:
    chance = np.random.default_rng(5)
    room = 4_000
    mask = chance.random(room) < share
    scores = np.where(mask, chance.random(room, np.float32) + 1, 0).astype(np.float32)
    docs = np.flatnonzero(mask).astype(np.int32)
    wanted = np.flatnonzero(chance.random(room) < asked).astype(np.int32)
    with patch.object(terms, "WIDE", wide):
        found = Found(docs, scores[docs], room)
        for _again in range(2):
            assert found.at(wanted).tolist() == scores[wanted].tolist()
            assert found.mask.tolist() == mask.tolist()
            there = found.holds(wanted)
            assert there is None or there.tolist() == mask[wanted].tolist()
        filtered = alone(mask).holds(wanted)
        assert filtered is not None
        assert filtered.tolist() == mask[wanted].tolist()
