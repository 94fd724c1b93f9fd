"""What is kept stays within its bytes, keys and all, and what is used stays longest."""

import gc
import random
import tracemalloc
from functools import partial

import numpy as np
import pytest

from psgflask.core.lru_cache import Kept
from psgflask.search.language import Word


def sized(bytes_: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return something of a size."""
    return np.zeros(bytes_, np.uint8)


def test_what_was_used_again_outlives_what_was_not() -> None:
    held = Kept(31_500)
    for name in ("a", "b", "c", "d"):  # there is room for three
        held.get(name, partial(sized, 10_000))
    assert held.keys() == ["b", "c", "d"]
    kept = held.get("b", partial(sized, 1))
    assert len(kept) == 10_000
    held.get("e", partial(sized, 10_000))
    assert sorted(held.keys()) == ["b", "d", "e"]


def test_what_is_larger_than_all_room_is_made_and_let_go() -> None:
    held = Kept(3_000)
    assert len(held.get("wide", lambda: np.zeros(1_000))) == 1_000
    assert (len(held), held.size) == (0, 0)


@pytest.mark.parametrize("letters", [1, 40, 200, 20_000])
@pytest.mark.parametrize("sign", ["x", "ñ", "Ж", "😀"])
def test_keys_count_as_what_they_take(letters: int, sign: str) -> None:
    held = Kept(1_000_000)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(20_000_000 // (letters + 300) + 10):
            word = sign * letters + str(number)
            held.get(("word", word, (Word(word, word),)), str)
            if held.size > 900_000 and len(held) > 3:
                break
        for number in range(2_000):
            held.get(("more", sign * letters + str(number)), str)
        taken, _most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held.size <= 1_000_000
    assert taken <= 1_150_000


def test_whatever_is_asked_for_no_more_is_kept_than_may_be() -> None:
    chance = random.Random(3)
    held = Kept(50_000)
    for _time in range(2_000):
        key = chance.choice("abcdefghijklmnopqrstuvwxyz") * chance.randrange(1, 2_000)
        held.get(key, partial(sized, chance.randrange(9_000)))
        assert 0 <= held.size <= 50_000
