"""A rebuild: in runs, by several processes, killed and resumed; the index is the same."""

import os
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

from psgflask.search.engine.array_engine import ArrayEngine
from psgflask.search.engine.protocol import SearchOptions
from psgflask.search.index import merging, rebuild, runs, worker_pool, worker_process
from psgflask.search.index.documents import Document, content_hash
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


def build(store: Store, found: Iterable[Document], processes: int = 1, **said: Any) -> None:
    store.rebuild(found, late=lambda ids: ([], []), processes=processes, **said)


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


def left(store: Store) -> list[Path]:
    return list((store.folder / rebuild.FOLDER).glob("*"))


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


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_as_many_processes_as_there_are_make_the_same_index(
    store: Store, made: list[int], processes: int
) -> None:
    reported: list[int] = []
    build(store, iter(ARTICLES), processes, progress=reported.append)
    assert holds(store, ARTICLES)
    # With worker processes that write runs, none is left for this process.
    assert made == ([each.id for each in ARTICLES] if processes == 1 else [])
    assert reported == sorted(reported)
    assert reported[-1] == FULL
    assert left(store) == []


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


def test_what_fits_into_one_run_is_made_here_and_never_written(
    store: Store, made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "write", lambda file, arrays: pytest.fail("written"))
    build(store, ARTICLES[:CUT], processes=2)
    assert made == [1, 2, 3]
    assert holds(store, ARTICLES[:CUT])


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
    yield from here.ARTICLES[:int(sys.argv[2])]
    os.kill(os.getpid(), signal.SIGKILL)

rebuild.MAX_ARTICLES = here.CUT
here.build(Store(Path(sys.argv[1])), until_killed(), int(sys.argv[3]))
"""


def kill_one(store: Store, after: int, processes: int = 1) -> None:
    """Let another process rebuild, and kill itself once it has read so many documents."""
    command = [sys.executable, "-c", KILLED, str(store.folder), str(after), str(processes)]
    store.folder.mkdir(exist_ok=True)
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL


def test_a_rebuild_killed_in_the_middle_is_resumed(
    store: Store, made: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    build(store, ARTICLES[:2])
    kill_one(store, after=8)
    # Readers have what they had.
    assert holds(store, ARTICLES[:2])
    assert store.done_before() == 6
    made.clear()
    build(store, ARTICLES)
    assert made == [7, 8, 9, 10, 11]
    assert holds(store, ARTICLES)
    assert left(store) == []
    afresh = Index(tmp_path_factory.mktemp("afresh"), ARTICLES)
    for q in ("minería", "number2", '"of peru"', "number*"):
        assert answers(store, q) == afresh.ids(q) != []


def answers(store: Store, q: str) -> list[int]:
    ask = SearchOptions(now=NOW, recency=False, feedback=False)
    return list(ArrayEngine(store).search(parse(q, interface="en"), ask).ids)


def test_two_worker_processes_of_a_killed_rebuild_end_and_do_no_harm(
    store: Store, made: list[int]
) -> None:
    kill_one(store, after=8, processes=2)
    build(store, ARTICLES)
    assert {9, 10, 11} <= set(made)
    assert holds(store, ARTICLES)


def test_what_changed_between_kill_and_resume_is_in_the_index_and_nothing_else_is_made_anew(
    store: Store, made: list[int]
) -> None:
    build(store, ARTICLES)
    kill_one(store, after=FULL)
    # Of nine articles that are done one is revised, as the index hears, one as nobody hears, one
    # is withdrawn, and one is published between two others.
    revised, unheard = replace(article(2), title="Revised"), replace(article(5), topics=(7,))
    now = [article(0), article(1), revised, *ARTICLES[2:4], unheard, *ARTICLES[6:]]
    with store.writing(wait=True) or pytest.fail("locked"):
        store.apply([revised], [6])
    made.clear()
    build(store, now)
    assert made == [0, 2, 5, 10, 11]
    assert holds(store, now)


def test_a_rebuild_killed_twice_keeps_what_both_had_done(store: Store, made: list[int]) -> None:
    kill_one(store, after=5)
    kill_one(store, after=9)
    made.clear()
    build(store, ARTICLES)
    assert made == [10, 11]
    assert holds(store, ARTICLES)


def test_a_rebuild_that_failed_is_resumed(store: Store, made: list[int]) -> None:
    def failing() -> Iterator[Document]:
        yield from ARTICLES[:7]
        raise OSError("the database is gone")

    with pytest.raises(OSError, match="gone"):
        build(store, failing())
    made.clear()
    build(store, ARTICLES)
    assert made == [7, 8, 9, 10, 11]
    assert holds(store, ARTICLES)


def cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size - 1)


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-70] ^= 0x40
    file.write_bytes(content)


def empty(file: Path) -> None:
    os.truncate(file, 0)


@pytest.mark.parametrize("harm", [cut_short, flip, empty])
def test_a_run_that_is_not_whole_is_made_again(store: Store, made: list[int], harm: Any) -> None:
    kill_one(store, after=8)
    harm(left(store)[0])
    assert store.done_before() == 3
    made.clear()
    build(store, ARTICLES)
    assert len(made) == FULL - 3
    assert holds(store, ARTICLES)


@pytest.mark.parametrize("version", ["VERSION", "SCHEMA_VERSION"])
def test_runs_of_another_version_are_deleted(
    store: Store, made: list[int], monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    kill_one(store, after=8)
    monkeypatch.setattr(runs, version, getattr(runs, version) + 1)
    assert store.done_before() == 0
    made.clear()
    build(store, ARTICLES)
    assert made == [each.id for each in ARTICLES]
    assert holds(store, ARTICLES)


@pytest.mark.parametrize("program", ["", "import sys; sys.stdin.buffer.read(9)", "import none"])
def test_what_a_worker_process_that_dies_leaves_undone_is_done_here(
    store: Store,
    made: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
) -> None:
    dying = tmp_path / "dying.py"
    dying.write_text(program)
    monkeypatch.setattr(worker_pool, "SCRIPT", dying)
    build(store, ARTICLES, processes=2)
    assert made == [each.id for each in ARTICLES]
    assert holds(store, ARTICLES)


@pytest.mark.parametrize("sent", [b"", b"\x01", worker_process.framed(b"half of it")[:-3]])
def test_a_worker_process_ends_when_its_parent_is_gone(sent: bytes) -> None:
    command = [sys.executable, "-P", str(worker_pool.SCRIPT)]
    ended = subprocess.run(command, input=sent, capture_output=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


def test_a_worker_process_imports_nothing_of_the_site_but_what_it_needs() -> None:
    asked = (
        f"import runpy, sys; runpy.run_path({str(worker_pool.SCRIPT)!r})['make_packages']();"
        "from psgflask.search.index import inverting, runs;"
        "sys.exit(bool({'flask', 'sqlalchemy', 'whoosh'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-P", "-c", asked], check=False).returncode == 0


def test_a_day_later_what_is_left_of_a_rebuild_is_deleted(store: Store) -> None:
    build(store, ARTICLES[:2])
    kill_one(store, after=8)
    with store.writing(wait=True) or pytest.fail("locked"):
        store.tidy()
        assert len(left(store)) == 2
        store.tidy(purge=True)
    assert left(store) == []


def test_the_command_says_how_much_is_done_already(
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
    finished = run(args=["search", "rebuild"])
    assert "Continuing: 6 of 9 articles are done already" in finished.output
    assert "The index holds 9 articles" in finished.output
    assert not indexer.check(app)
    assert "Continuing" not in run(args=["search", "rebuild"]).output
