"""The LRU cache stays within its bytes, keys included."""

import gc
import random
import tracemalloc
from functools import partial

import numpy as np
import pytest

from psgflask.core.lru_cache import LRUCache
from psgflask.search.language import Word


def sized(bytes_: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return a value of a size in bytes."""
    return np.zeros(bytes_, np.uint8)


def keys(cache: LRUCache) -> list[str]:
    return [*cache._old, *cache._young]


def test_the_least_recently_used_value_is_evicted() -> None:
    cache = LRUCache(31_500)
    for name in ("a", "b", "c", "d"):  # three fit
        cache.get_or_create(name, partial(sized, 10_000))
    assert keys(cache) == ["b", "c", "d"]
    kept = cache.get_or_create("b", partial(sized, 1))
    assert len(kept) == 10_000
    cache.get_or_create("e", partial(sized, 10_000))
    assert sorted(keys(cache)) == ["b", "d", "e"]


def test_a_value_larger_than_the_cache_is_created_and_evicted() -> None:
    cache = LRUCache(3_000)
    assert len(cache.get_or_create("wide", lambda: np.zeros(1_000))) == 1_000
    assert (len(cache), cache.size) == (0, 0)


@pytest.mark.parametrize("letters", [1, 40, 200, 20_000])
@pytest.mark.parametrize("sign", ["x", "ñ", "Ж", "😀"])
def test_keys_count_with_the_memory_they_take(letters: int, sign: str) -> None:
    cache = LRUCache(1_000_000)
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(20_000_000 // (letters + 300) + 10):
            word = sign * letters + str(number)
            cache.get_or_create(("word", word, (Word(word, word),)), str)
            if cache.size > 900_000 and len(cache) > 3:
                break
        for number in range(2_000):
            cache.get_or_create(("more", sign * letters + str(number)), str)
        taken, _most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert cache.size <= 1_000_000
    assert taken <= 1_150_000


def test_the_cache_never_exceeds_its_size() -> None:
    chance = random.Random(3)
    cache = LRUCache(50_000)
    for _time in range(2_000):
        key = chance.choice("abcdefghijklmnopqrstuvwxyz") * chance.randrange(1, 2_000)
        cache.get_or_create(key, partial(sized, chance.randrange(9_000)))
        assert 0 <= cache.size <= 50_000
