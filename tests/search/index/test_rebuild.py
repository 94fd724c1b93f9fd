"""A rebuild: in runs, which are merged; stopped or killed it leaves the index as it was."""

import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from psgflask.search.documents import Document, content_hash
from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.index import merging, rebuild
from psgflask.search.index.store import Store
from psgflask.search.language import stem, words
from psgflask.search.query.parsing import parse
from psgflask.search.sync import article_documents as documents_of_articles
from psgflask.search.sync import indexer
from tests import factories
from tests.search.corpus import NOW, Index, document

ROOT = Path(__file__).resolve().parents[3]
FULL, CUT = 11, 3  # documents in all, and in a run

Postings = dict[tuple[str, str], dict[int, list[int]]]


def article(number: int, body: str = "") -> Document:
    language = "es" if number % 3 == 0 else "en"
    body = body or f"The minería of Perú ½ number{number % 4}. " * (number % 5 + 1)
    return document(number, f"Títle number {number}", body, language=language)


ARTICLES = [article(number) for number in range(1, FULL + 1)]


def build(store: Store, found: Iterable[Document], **said: Any) -> None:
    store.rebuild(found, late=lambda ids: ([], []), **said)


def read_plainly(found: Iterable[Document]) -> Postings:
    """Return the postings that documents must have, made word by word."""
    postings: Postings = {}

    def put(field: str, term: str, number: int, place: int) -> None:
        postings.setdefault((field, term), {}).setdefault(number, []).append(place)

    for each in found:
        for side, text in (("title", each.title), ("body", each.body)):
            for place, word in enumerate(words(text)):
                put(f"{side}_{each.language}", stem(word.folded, each.language), each.id, place)
                for form in filter(None, (word.folded, word.accented)):
                    put(f"{side}_exact", form, each.id, place)
    return postings


def read(store: Store) -> Postings:
    """Return the postings of an index, but for the field of ids, by article."""
    postings: Postings = {}
    reader = store.open_reader()
    for field, term in reader.all_terms():
        matcher = reader.postings(field, term)
        while matcher.is_active():
            number = reader.stored_fields(matcher.id())["data"]["id"]
            if field == "id":
                assert term == str(number).encode()
            else:
                places = postings.setdefault((field, term.decode()), {})
                places[number] = matcher.value_as("positions")
            matcher.next()
    reader.close()
    return postings


def holds(store: Store, found: list[Document]) -> bool:
    hashes = {each.id: content_hash(each) for each in found}
    return store.hashes() == hashes and read(store) == read_plainly(found)


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a few documents be many."""
    monkeypatch.setattr(rebuild, "MAX_ARTICLES", CUT)


@pytest.fixture
def store(tmp_path: Path, short_runs: None) -> Store:
    return Store(tmp_path / "index")


def runs(store: Store) -> list[Path]:
    return list(store.folder.rglob("runs"))


def generations(store: Store) -> list[Path]:
    return list(store.folder.glob("g-*"))


TEXT = st.text(max_size=30) | st.text(alphabet="aAÁñ½ﬁ\u0301ϓ \n-’ß", max_size=30)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    found=st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["en", "es"])), max_size=7),
    most=st.integers(1, 40),
)
def test_runs_merged_in_small_blocks_hold_each_word_at_its_place(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    found: list[tuple[str, str, str]],
    most: int,
) -> None:
    monkeypatch.setattr(rebuild, "MAX_ARTICLES", 2)
    monkeypatch.setattr(merging, "MOST", most)
    documents = [
        document(number, title, body, language=language)
        for number, (title, body, language) in enumerate(found, 8)
    ]
    index = Index(tmp_path_factory.mktemp("any"))
    build(index.store, documents)
    assert holds(index.store, documents)
    # What was taken out goes with the next merge, and nothing else does.
    index.change([], [each.id for each in documents[::2]])
    with index.store.writing(wait=True) or pytest.fail("locked"):
        index.store.tidy(purge=True)
    assert holds(index.store, documents[1::2])


@pytest.mark.parametrize("count", [0, 1, CUT, CUT + 1, FULL])
def test_a_rebuild_holds_every_document_and_says_how_far_it_is(store: Store, count: int) -> None:
    reported: list[int] = []
    build(store, iter(ARTICLES[:count]), progress=reported.append)
    assert holds(store, ARTICLES[:count])
    assert reported == [*range(CUT, count, CUT), *[count][:count]]
    assert runs(store) == []


@pytest.mark.parametrize("numbers", [[1, 1, 2], [1, 2, 3, 4, 1]])
def test_an_id_given_twice_is_in_the_index_once_and_can_be_taken_out(
    store: Store, numbers: list[int]
) -> None:
    twice = [article(number, f"Place {place}") for place, number in enumerate(numbers)]
    build(store, twice)
    assert holds(store, twice[:1] + [each for each in twice if each.id > 1])
    with store.writing(wait=True) or pytest.fail("locked"):
        store.apply([], [1])
    assert store.hashes().keys() == set(numbers) - {1}


def test_a_long_text_ends_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "MAX_CHARACTERS", 100)
    lengths = [(1, 2), (2, 50), (3, 2), (4, 2)]
    found = [document(number, "Title", "word " * count) for number, count in lengths]
    assert [[each.id for each in chunk] for chunk in rebuild._batches(found)] == [[1, 2], [3, 4]]


KILLED = """
import os, signal, sys
from pathlib import Path
from psgflask.search.index import rebuild
from psgflask.search.index.store import Store
from tests.search.index import test_rebuild as here

def until_killed():
    yield from here.ARTICLES[:8]
    os.kill(os.getpid(), signal.SIGKILL)

rebuild.MAX_ARTICLES = here.CUT
here.build(Store(Path(sys.argv[1])), until_killed())
"""


def kill_one(store: Store) -> None:
    """Let another process rebuild, and kill itself once it has read a few documents."""
    command = [sys.executable, "-c", KILLED, str(store.folder)]
    store.folder.mkdir(exist_ok=True)
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL


def answers(store: Store, q: str) -> list[int]:
    ask = SearchOptions(now=NOW, recency=False, feedback=False)
    return list(ArrayEngine(store).search(parse(q, interface="en"), ask).ids)


def test_a_killed_rebuild_leaves_readers_what_they_had_and_begins_anew(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    build(store, ARTICLES[:2])
    kill_one(store)
    assert holds(store, ARTICLES[:2])
    assert len(runs(store)) == 1
    build(store, ARTICLES)
    assert holds(store, ARTICLES)
    assert runs(store) == []
    afresh = Index(tmp_path_factory.mktemp("afresh"), ARTICLES)
    for q in ("minería", "number2", '"of peru"', "number*"):
        assert answers(store, q) == afresh.ids(q) != []


def test_what_changes_after_a_killed_rebuild_is_in_the_index(store: Store) -> None:
    build(store, ARTICLES)
    kill_one(store)
    revised = replace(article(2), title="Revised")
    with store.writing(wait=True) or pytest.fail("locked"):
        store.apply([revised], [6])
    assert holds(store, [ARTICLES[0], revised, *ARTICLES[2:5], *ARTICLES[6:]])


def test_a_rebuild_that_failed_leaves_nothing(store: Store) -> None:
    def failing() -> Iterator[Document]:
        yield from ARTICLES[:7]
        raise OSError("the database is gone")

    build(store, ARTICLES[:2])
    with pytest.raises(OSError, match="gone"):
        build(store, failing())
    assert holds(store, ARTICLES[:2])
    assert len(generations(store)) == 1
    assert runs(store) == []


def test_a_day_later_what_is_left_of_a_killed_rebuild_is_deleted(store: Store) -> None:
    build(store, ARTICLES[:2])
    kill_one(store)
    with store.writing(wait=True) or pytest.fail("locked"):
        store.tidy()
        assert len(generations(store)) == 2
        store.tidy(purge=True)
    assert len(generations(store)) == 1
    assert holds(store, ARTICLES[:2])


@pytest.mark.parametrize("purge", [True, False])
def test_text_that_former_code_left_beside_the_generations_goes(store: Store, purge: bool) -> None:
    build(store, ARTICLES[:2])
    (store.folder / "runs").mkdir()
    (store.folder / "runs" / "0f").write_text("a name")
    if purge:
        with store.writing(wait=True) or pytest.fail("locked"):
            store.tidy(purge=True)
    else:
        build(store, ARTICLES[:2])
    assert runs(store) == []


def test_the_command_that_was_stopped_begins_anew(
    app: Flask, session: Session, short_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.articles(session, 9)
    all_documents = documents_of_articles.all_documents

    def failing(*args: Any) -> Iterator[Document]:
        yield from list(all_documents(*args))[:7]
        raise KeyboardInterrupt

    run = app.test_cli_runner().invoke
    with monkeypatch.context() as patched:
        patched.setattr(documents_of_articles, "all_documents", failing)
        assert run(args=["search", "rebuild"]).exit_code == 1
    assert "The index holds 9 articles" in run(args=["search", "rebuild"]).output
    assert not indexer.check(app)
