"""The engine over an index that changes, breaks and is read by several threads."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from psgflask.search.documents import SCHEMA_VERSION
from psgflask.search.engine import array_engine
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.protocol import IndexUnavailable, SearchOptions
from psgflask.search.engine.segments import Segment
from psgflask.search.engine.snapshot import Snapshot
from psgflask.search.index import checksums, columns, generations
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.query.parsing import parse
from tests.search.corpus import NOW, Index, document


def test_a_state_is_read_once_and_segments_serve_the_next(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(number, "Lima") for number in range(1, 400)])
    before = index.engine.snapshot()
    assert index.engine.snapshot() is before
    [segment] = index.engine._segments.values()
    index.change([document(900, "Callao")])
    after = index.engine.snapshot()
    assert after is not before
    assert segment in index.engine._segments.values()
    assert (before.num_docs, after.num_docs) == (399, 400)


def test_no_search_waits_long_for_a_new_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(tmp_path, [document(1, "Lima")])
    engine = index.engine
    before = engine.snapshot()
    may_go_on = threading.Event()

    def slowly(parts: list[tuple[Segment, NDArray[np.int64]]]) -> Snapshot:
        may_go_on.wait(60)
        return Snapshot(parts)

    monkeypatch.setattr(array_engine, "Snapshot", slowly)
    index.change([document(2, "Lima")])
    monkeypatch.setattr(array_engine, "REFRESH_TIMEOUT", 0.01)
    assert engine.snapshot() is before
    assert engine.snapshot() is before
    may_go_on.set()
    monkeypatch.setattr(array_engine, "REFRESH_TIMEOUT", 60.0)
    assert engine.snapshot().num_docs == 2


def test_r6_a_process_of_older_code_goes_on_with_what_it_has_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(tmp_path, [document(1, "Lima"), document(2, "Lima", "Callao")])
    assert index.ids("lima") == [2, 1]
    with monkeypatch.context() as newer:
        newer.setattr(checksums, "SCHEMA_VERSION", SCHEMA_VERSION + 1)
        index.store.rebuild([document(3, "Lima")], late=lambda ids: ([], []))
    monkeypatch.setattr(array_engine, "REFRESH_INTERVAL", 0.0)
    assert index.ids("lima") == [2, 1]
    assert index.ids("callao") == [2]
    with pytest.raises(IndexUnavailable, match="schema"):
        ArrayEngine(index.store).snapshot()


def test_segments_that_are_gone_are_released(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(1, "Lima")])
    for number in range(2, 12):
        index.change([document(number, "Callao")])
        snapshot = index.engine.snapshot()
    assert len(index.engine._segments) == len(snapshot.segments)


def test_a_search_that_has_begun_ends_on_the_state_it_began_with(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(1, "Lima"), document(2, "Callao")])
    before = index.engine.snapshot()
    index.change([], [1])
    index.store.rebuild([document(5, "Lima")], late=lambda ids: ([], []))
    index.store.rebuild([document(6, "Lima")], late=lambda ids: ([], []))
    assert before.term("exact", "lima").df == 1
    assert index.ids("lima") == [6]


def test_threads_search_at_once_while_the_index_changes(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(number, f"Lima w{number}") for number in range(1, 60)])

    def search(number: int) -> bool:
        found = index.search(f'lima OR "lima w{number}" OR w* -callao')
        return found.total >= 59

    with ThreadPoolExecutor(4) as pool:
        found = pool.map(search, range(1, 60))
        for number in range(100, 110):
            index.change([document(number, f"Lima w{number}")])
        assert all(found)


def test_a_missing_index_is_unavailable_until_it_is_there(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(1, "Lima")])
    engine = ArrayEngine(index.store)
    pointer = index.store.folder / "current"
    named = pointer.read_bytes()
    pointer.unlink()
    with pytest.raises(IndexUnavailable):
        engine.snapshot()
    pointer.write_bytes(named)
    assert engine.snapshot().num_docs == 1


@pytest.mark.parametrize("harm", ["cut", "other numbers"])
def test_postings_damaged_under_an_open_snapshot_make_the_index_unavailable(
    tmp_path: Path, harm: str
) -> None:
    index = of_many_words(tmp_path)
    harm_files(index, ".pst", harm)
    with pytest.raises(IndexUnavailable):
        index.search("w1 w2", feedback=True)


@pytest.mark.parametrize("harm", ["cut", "other numbers"])
def test_a_forward_index_damaged_under_an_open_snapshot_is_rebuilt(
    tmp_path: Path, harm: str
) -> None:
    index = of_many_words(tmp_path)
    before = index.search("w1 w2", feedback=True)
    harm_files(index, ".forward", harm)
    after = index.search("w1 w2", feedback=True)
    assert (after.ids, after.scores) == (before.ids, before.scores)


def of_many_words(folder: Path) -> Index:
    words = " ".join(f"w{number}" for number in range(3_000))
    index = Index(folder, [document(number, words) for number in range(1, 30)])
    index.engine.snapshot()
    return index


def harm_files(index: Index, ending: str, harm: str) -> None:
    for file in generations.current(index.store.folder).glob(f"*{ending}"):
        with file.open("r+b") as opened:
            size = opened.seek(0, 2)
            opened.truncate(10)
            if harm == "other numbers":
                opened.seek(0)
                opened.write(b"\xff" * size)


@pytest.mark.parametrize(
    ("ending", "harm"),
    [
        *((columns.COLUMNS, harm) for harm in ("missing", "torn", "other bytes", "empty")),
        *((columns.FORWARD, harm) for harm in ("missing", "torn", "empty")),
    ],
)
def test_columns_that_are_not_as_they_were_made_are_made_anew(
    tmp_path: Path, ending: str, harm: str
) -> None:
    index = Index(tmp_path, [document(number, f"Lima w{number}") for number in range(1, 30)])
    before = index.search("lima OR w7", feedback=True)
    [file] = generations.current(index.store.folder).glob(f"*{ending}")
    whole = file.read_bytes()
    if harm == "missing":
        file.unlink()
    elif harm == "torn":
        file.write_bytes(whole[: len(whole) // 2])
    elif harm == "empty":
        file.write_bytes(b"")
    else:
        file.write_bytes(whole[:-40] + bytes(40))
    after = ArrayEngine(index.store).search(
        parse("lima OR w7", interface="en"), SearchOptions(now=NOW, recency=False)
    )
    assert (after.ids, after.scores) == (before.ids, before.scores)
    assert file.read_bytes() == whole


def test_columns_made_anew_know_what_was_deleted(tmp_path: Path) -> None:
    english = [document(n, f"Lima w{n}", f"mining law of {n}") for n in range(1, 21)]
    spanish = [
        document(n, f"Lima p{n}", f"la huelga minera de {n} maestros", language="es")
        for n in range(21, 31)
    ]
    index = Index(tmp_path, [*english, *spanish])
    index.change([], [22, 25])
    before = index.search("lima huelga OR lima", feedback=True)
    for file in generations.current(index.store.folder).glob(f"*{columns.COLUMNS}"):
        file.unlink()
    anew = Index.__new__(Index)
    anew.store, anew.engine = index.store, ArrayEngine(index.store)
    after = anew.search("lima huelga OR lima", feedback=True)
    assert (after.ids, after.scores) == (before.ids, before.scores)


@pytest.mark.parametrize("ending", [".pst", "_stored.col"])
def test_damage_that_only_deriving_notices_makes_the_index_unavailable(
    tmp_path: Path, ending: str
) -> None:
    index = Index(tmp_path, [document(number, f"Lima w{number}") for number in range(1, 30)])
    generation = generations.current(index.store.folder)
    [file] = generation.glob(f"*{ending}")
    look = file.stat()
    file.write_bytes(b"\xff" * look.st_size)
    os.utime(file, ns=(look.st_atime_ns, look.st_mtime_ns))
    for derived in generation.glob(f"*{columns.COLUMNS}"):
        derived.unlink()
    with pytest.raises(IndexUnavailable):
        ArrayEngine(index.store).search(parse("lima", interface="en"), SearchOptions(now=NOW))


@pytest.mark.parametrize("ending", columns.SUFFIXES)
def test_verifying_the_whole_index_finds_damaged_derived_files(tmp_path: Path, ending: str) -> None:
    index = Index(tmp_path, [document(number, f"Lima w{number}") for number in range(1, 30)])
    [file] = generations.current(index.store.folder).glob(f"*{ending}")
    whole = file.read_bytes()
    index.store.verify()
    file.write_bytes(whole[:-40] + bytes(40))
    with pytest.raises(IndexBroken):
        index.store.verify()
    file.unlink()
    index.store.verify()


def test_columns_of_another_make_are_no_harm_and_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = Index(tmp_path, [document(1, "Lima")])
    monkeypatch.setattr(columns, "VERSION", columns.VERSION + 1)
    index.store.verify()
    state = index.store.state()
    [segment] = state.segments
    assert columns.load(state.folder, segment) is None
    assert index.store.columns_of(state, segment).ids.tolist() == [1]
    assert columns.load(state.folder, segment) is not None
