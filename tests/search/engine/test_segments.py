"""How many documents are looked up in what a clause found."""

from unittest.mock import patch

import numpy as np
import pytest

from psgflask.search.engine import segments
from psgflask.search.engine.segments import Matches, unscored


@pytest.mark.parametrize("wide", [0, 10_000])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.5])
@pytest.mark.parametrize("asked", [0.002, 0.3])
def test_documents_have_their_scores_however_many_match(
    wide: int, share: float, asked: float
) -> None:
    chance = np.random.default_rng(5)
    max_doc = 4_000
    mask = chance.random(max_doc) < share
    scores = np.where(mask, chance.random(max_doc, np.float32) + 1, 0).astype(np.float32)
    docs = np.flatnonzero(mask).astype(np.int32)
    wanted = np.flatnonzero(chance.random(max_doc) < asked).astype(np.int32)
    with patch.object(segments, "LARGE_INDEX", wide):
        found = Matches(docs, scores[docs], max_doc)
        for _again in range(2):
            assert found.scores_of(wanted).tolist() == scores[wanted].tolist()
            assert found.mask.tolist() == mask.tolist()
            there = found.contains(wanted)
            assert there is None or there.tolist() == mask[wanted].tolist()
        filtered = unscored(mask).contains(wanted)
        assert filtered is not None
        assert filtered.tolist() == mask[wanted].tolist()
