"""What is kept of the postings last used, and how many documents are looked up in them."""

from functools import partial
from unittest.mock import patch

import numpy as np
import pytest

from psgflask.search.engine import terms
from psgflask.search.engine.kept import Kept
from psgflask.search.engine.terms import Found, alone


def test_what_was_used_again_outlives_what_was_not() -> None:
    held = Kept(3_000)
    for name in ("a", "b", "c", "d"):  # a thousand bytes each: there is room for three
        held.get(name, partial(list, name))
    assert held.keys() == ["b", "c", "d"]
    assert held.get("b", lambda: ["new"]) == ["b"]
    held.get("e", lambda: ["e"])
    assert sorted(held.keys()) == ["b", "d", "e"]
    assert held.size == 3_000


def test_what_is_larger_than_all_room_is_made_and_let_go() -> None:
    held = Kept(3_000)
    assert len(held.get("wide", lambda: np.zeros(1_000))) == 1_000
    assert (len(held), held.size) == (0, 0)


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
