"""The index on disk: what it holds, and how it notices and survives damage."""

import contextlib
import gc
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psgflask.search import documents as documents_module
from psgflask.search.documents import Document, content_hash
from psgflask.search.index import checksums, generations
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.index.schema import PlacesFormat
from psgflask.search.index.store import Store
from psgflask.search.language import stem, words

DAY = date(2018, 7, 15)


def document(
    number: int = 1, title: str = "Mining in Perú", body: str = "", **said: Any
) -> Document:
    body = body or "Farmers marched. La minería, the farmers' mines."
    whole = Document(number, "en", title, body, (3, 4), 134, DAY, DAY, DAY)
    return replace(whole, **said)


def nothing_late(ids: list[int]) -> tuple[list[Document], list[int]]:
    return [], []


def build(store: Store, documents: list[Document]) -> None:
    store.rebuild(documents, late=nothing_late)


def apply(store: Store, changed: list[Document], removed: list[int] | None = None) -> int:
    held = store.writing(wait=True)
    assert held is not None
    with held:
        return store.apply(changed, removed or [])


@contextlib.contextmanager
def reading(store: Store) -> Iterator[Any]:
    reader = store.open_reader()
    try:
        yield reader
    finally:
        reader.close()


def places(reader: Any, field: str, term: str) -> list[int]:
    matcher = reader.postings(field, term.encode())
    found: list[int] = matcher.value_as("positions")
    assert matcher.weight() == len(found)
    return found


@pytest.fixture
def store(tmp_path: Path) -> Store:
    kept = Store(tmp_path / "index")
    build(kept, [])
    return kept


def test_a_folder_without_an_index_says_so(tmp_path: Path) -> None:
    with pytest.raises(IndexBroken):
        Store(tmp_path / "index").open_reader()
    with pytest.raises(IndexBroken):
        Store(tmp_path / "index").generation_token()


def test_an_index_of_nothing_can_be_read(store: Store) -> None:
    with reading(store) as reader:
        assert list(reader.iter_docs()) == []
        assert list(reader.iter_field("title_exact")) == []
    assert store.hashes() == {}


def test_words_stand_at_their_places_as_stems_folded_and_with_accents(store: Store) -> None:
    apply(store, [document()])
    with reading(store) as reader:
        assert places(reader, "body_exact", "farmers") == [0, 5]
        assert places(reader, "body_exact", "the") == [4]
        assert places(reader, "body_exact", "mineria") == [3]
        assert places(reader, "body_exact", "minería") == [3]
        assert places(reader, "body_en", stem("farmers", "en")) == [0, 5]
        assert places(reader, "body_en", "mine") == [6]
        assert places(reader, "title_exact", "peru") == [2]
        assert places(reader, "title_exact", "perú") == [2]
        assert list(reader.iter_field("body_es")) == []


def test_what_is_stored_is_what_the_engine_needs(store: Store) -> None:
    article = document(7, dated_from=date(2018, 6, 1))
    apply(store, [article])
    with reading(store) as reader:
        ((_number, fields),) = reader.iter_docs()
    assert fields["data"] == {
        "id": 7,
        "hash": content_hash(article),
        "language": "en",
        "topics": (3, 4),
        "issue": 134,
        "dated_from": "2018-06-01",
        "dated_to": "2018-07-15",
        "order": DAY.toordinal(),
        "words": 3 + 7,
        "title_words": 3,
        "title": "mining in peru",
    }


def test_an_article_written_twice_is_there_once(store: Store) -> None:
    apply(store, [document(), document(body="Other words")])
    apply(store, [document(body="And others still")])
    with reading(store) as reader:
        assert reader.doc_count() == 1
        assert ("body_exact", b"others") in reader
    assert store.hashes() == {1: content_hash(document(body="And others still"))}


def test_what_the_index_has_already_is_not_written_again(store: Store) -> None:
    apply(store, [document()])
    before = store.generation_token()
    assert apply(store, [document()], [5]) == 0
    assert store.generation_token() == before


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Another"},
        {"body": "Another"},
        {"language": "es"},
        {"topics": (3,)},
        {"issue": None},
        {"dated_from": None},
        {"order_date": date(2018, 7, 16)},
    ],
)
def test_the_hash_differs_when_anything_does(change: dict[str, Any]) -> None:
    assert content_hash(document(**change)) != content_hash(document())


def test_a_change_shows_in_the_token(store: Store) -> None:
    before = store.generation_token()
    apply(store, [document()])
    between = store.generation_token()
    build(store, [document()])
    assert len({before, between, store.generation_token()}) == 3


def test_a_folder_emptied_and_built_anew_is_told_from_what_it_was(store: Store) -> None:
    before = store.generation_token()
    shutil.rmtree(store.folder)
    build(store, [])
    assert store.generation_token() != before


def test_a_reader_keeps_its_state_through_commits_and_rebuilds(store: Store) -> None:
    apply(store, [document(number) for number in range(30)])
    with reading(store) as reader:
        for number in range(30, 60):
            apply(store, [document(number)], [number - 30])
        build(store, [document(99)])
        build(store, [document(99)])
        assert [fields["data"]["id"] for _number, fields in reader.iter_docs()] == list(range(30))
        assert places(reader, "body_exact", "farmers") == [0, 5]
    assert set(store.hashes()) == {99}


def test_one_writes_at_a_time(store: Store) -> None:
    held = store.writing(wait=False)
    assert held is not None
    with held:
        assert store.writing(wait=False) is None
    again = store.writing(wait=False)
    assert again is not None
    with again:
        pass


def test_a_failed_commit_leaves_the_index_as_it_was_and_open_to_the_next(store: Store) -> None:
    apply(store, [document()])
    broken = replace(document(2), body=None)  # type: ignore[arg-type]  # what must not be there
    with pytest.raises(TypeError):
        apply(store, [document(3), broken])
    store.verify()
    assert set(store.hashes()) == {1}
    apply(store, [document(3)])
    assert set(store.hashes()) == {1, 3}


def test_a_failed_rebuild_leaves_the_index_as_it_was(store: Store) -> None:
    apply(store, [document()])
    before = store.generation_token()

    def failing() -> Iterator[Document]:
        yield document(2)
        raise OSError("the database is gone")

    with pytest.raises(OSError, match="gone"):
        store.rebuild(failing(), late=nothing_late)
    assert store.generation_token() == before
    assert set(store.hashes()) == {1}


def test_changes_during_a_rebuild_are_told_to_it(store: Store) -> None:
    asked: list[list[int]] = []

    def slowly() -> Iterator[Document]:
        yield document(1)
        apply(store, [document(2)], [3])

    def late(ids: list[int]) -> tuple[list[Document], list[int]]:
        asked.append(ids)
        return [document(2)], [3]

    apply(store, [document(3)])
    store.rebuild(slowly(), late=late)
    assert asked == [[2, 3]]
    assert set(store.hashes()) == {1, 2}


def test_many_small_commits_end_in_few_segments(store: Store) -> None:
    for number in range(40):
        apply(store, [document(number)])
    with reading(store) as reader:
        assert len(list(reader.leaf_readers())) <= 6
    for number in range(39):
        apply(store, [], [number])
    held = store.writing(wait=True)
    assert held is not None
    with held:
        store.tidy()
        tidied = store.generation_token()
        store.tidy()
        assert store.generation_token() == tidied
    with reading(store) as reader:
        assert reader.doc_count_all() < 4
    assert set(store.hashes()) == {39}


@pytest.mark.parametrize(("deleted", "left"), [(2, 10), (3, 7)])
def test_a_segment_is_rewritten_once_more_than_a_quarter_of_it_is_deleted(
    store: Store, deleted: int, left: int
) -> None:
    apply(store, [document(number) for number in range(10)])
    apply(store, [], list(range(deleted)))
    held = store.writing(wait=True)
    assert held is not None
    with held:
        store.tidy()
    with reading(store) as reader:
        assert reader.doc_count_all() == left


def files_of(store: Store) -> list[Path]:
    return sorted(file for file in generations.current(store.folder).iterdir() if file.is_file())


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x40
    file.write_bytes(bytes(content))


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("harm", [truncate, flip, empty, Path.unlink])
@pytest.mark.parametrize("kind", [".trm", ".pst", ".col", ".toc", checksums.SUMS])
def test_damage_to_any_file_is_noticed_by_who_reads_and_who_writes(
    store: Store, harm: Callable[[Path], None], kind: str
) -> None:
    apply(store, [document(number) for number in range(5)])
    store.verify()
    (file,) = (file for file in files_of(store) if file.name.endswith(kind))
    harm(file)
    for look in (store.verify, store.open_reader, store.hashes, lambda: apply(store, [document()])):
        with pytest.raises(IndexBroken):
            look()
    # The next build mends it, and needs nothing of what is broken.
    build(store, [document(1)])
    assert set(store.hashes()) == {1}


@pytest.mark.parametrize("content", [b"", b"g-999\n", b"../elsewhere\n", b"\xff\xfe"])
def test_a_pointer_to_nowhere_is_noticed(store: Store, content: bytes) -> None:
    (store.folder / generations.POINTER).write_bytes(content)
    with pytest.raises(IndexBroken):
        store.verify()
    build(store, [document()])
    assert set(store.hashes()) == {1}


def test_damage_that_leaves_no_trace_in_the_folder_is_found_by_distrust(store: Store) -> None:
    apply(store, [document()])
    store.verify()
    file = next(file for file in files_of(store) if file.suffix == ".pst")
    look = file.stat()
    flip(file)
    os.utime(file, ns=(look.st_atime_ns, look.st_mtime_ns))
    store.verify()
    store.distrust()
    with pytest.raises(IndexBroken):
        store.verify()


def test_an_index_of_another_schema_is_not_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = documents_module.SCHEMA_VERSION + 1
    monkeypatch.setattr(checksums, "SCHEMA_VERSION", newer)
    with pytest.raises(IndexBroken, match="schema"):
        store.open_reader()


def test_an_id_that_is_there_twice_shows_as_changed(store: Store) -> None:
    apply(store, [document()])
    # As a writer of another make might leave it: added without taking the old one out.
    generation = generations.current(store.folder)
    store._write(
        generation,
        lambda writer: writer.add(document()),
        lambda writer, segments: segments,
    )
    assert store.hashes() == {1: ""}
    apply(store, [document()])
    assert store.hashes() == {1: content_hash(document())}


@given(st.lists(st.integers(0, 2**32 - 1), unique=True).map(sorted))
def test_positions_come_back_as_they_were(numbers: list[int]) -> None:
    form = PlacesFormat()
    packed = form.encode(numbers)
    assert form.decode_positions(packed) == numbers
    assert form.decode_frequency(packed) == len(numbers)


@settings(max_examples=40)
@given(text=st.text(max_size=80), language=st.sampled_from(["en", "es"]))
def test_any_text_can_be_indexed_and_all_its_words_are_there(
    tmp_path_factory: pytest.TempPathFactory, text: str, language: str
) -> None:
    store = Store(tmp_path_factory.mktemp("any") / "index")
    build(store, [document(title=text, body=text, language=language)])
    with reading(store) as reader:
        for place, word in enumerate(words(text)):
            for side in ("title", "body"):
                assert place in places(reader, f"{side}_exact", word.folded)
                assert place in places(reader, f"{side}_{language}", stem(word.folded, language))


def test_a_state_that_cannot_be_opened_whole_leaves_no_file_open(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(store, [document(1)])
    apply(store, [document(2)])
    monkeypatch.setattr(store._verifier, "verify", lambda generation: None)
    files = list(generations.current(store.folder).glob("*.pst"))
    assert files
    for file in files:
        file.rename(file.with_suffix(".away"))
        gc.collect()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with pytest.raises(IndexBroken):
                store.open_reader()
            gc.collect()
        assert [str(each.message) for each in warned] == []
        file.with_suffix(".away").rename(file)
