"""The index of an installation: opened, changed and built anew under one lock."""

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

from whoosh.filedb.filestore import FileStorage
from whoosh.index import TOC, FileIndex
from whoosh.reading import IndexReader

from psgflask.core.durable import append_lines
from psgflask.core.locks import FileLock
from psgflask.search.documents import Document, content_hash
from psgflask.search.index import columns, commits, deriving, generations
from psgflask.search.index.checksums import NAME, Verifier, glance
from psgflask.search.index.columns import Columns
from psgflask.search.index.commits import CommitToken, State
from psgflask.search.index.protocol import ArticleIndex, Changes, IndexBroken, Progress
from psgflask.search.index.rebuild import sorted_runs
from psgflask.search.index.schema import schema
from psgflask.search.index.writer import (
    IndexWriter,
    MergePolicy,
    due,
    purging,
    sparingly,
    thoroughly,
)

WRITE_LOCK, BUILD_LOCK = "write.lock", "build.lock"
MISSED = "missed"
RUNS = "runs"  # in a generation that is being built
TRIES = 10
PAUSE = 0.02

Result = TypeVar("Result")


class Store(ArticleIndex):
    """The index in a folder. Readers need no lock; a writer holds `writing`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._verifier = Verifier()
        self._token = CommitToken(folder)

    def generation_token(self) -> tuple[str, str]:
        """Return what differs after every commit and rebuild. Raises IndexBroken."""
        return self._token.current()

    def state(self) -> State:
        """Return the present state, its files looked at by size alone. Raises IndexBroken."""
        return self._steadily(self._state)

    def columns_of(self, state: State, segment: str) -> Columns:
        """Return the columns of a segment; derive them if need be. Raises IndexBroken, OSError."""
        for _attempt in range(2):
            found = columns.load(state.folder, segment)
            if found is not None:
                return found
            with contextlib.closing(self._open(state.folder)) as reader:
                for leaf, _start in reader.leaf_readers():
                    if leaf.segment().segment_id() == segment:
                        deriving.derive(leaf, state.folder)
        raise IndexBroken(f"The columns of {segment} cannot be kept")

    def open_reader(self) -> IndexReader:
        """Open the present state; the caller closes it. Raises IndexBroken."""
        return self._steadily(lambda: self._open(generations.current(self.folder)))

    def verify(self) -> None:
        """Compare all files that changed since the last look with their checksums, derived too.

        Raises IndexBroken; OtherSchema for an index that may be read but not changed.
        """
        self._steadily(self._verify)

    def verify_anew(self) -> None:
        """Read all files through; delete derived ones that were damaged. Raises IndexBroken."""
        self.distrust()
        generation = generations.current(self.folder)
        self._steadily(lambda: self._verifier.verify(generation))
        for segment in self.state().segments:
            if not columns.are_sound(generation, segment):
                (generation / f"{segment}{columns.COLUMNS}").unlink(missing_ok=True)

    def distrust(self) -> None:
        """Let the next look read all files, also those that seem unchanged."""
        self._verifier.distrust()

    def _steadily(self, look: Callable[[], Result]) -> Result:
        """Look again if a commit or a rebuild took files away in the middle."""
        for _attempt in range(TRIES):
            before = self._token_or_none()
            try:
                return look()
            except IndexBroken:
                time.sleep(PAUSE)
                if self._token_or_none() == before:
                    raise
        return look()

    def _verify(self) -> None:
        generation = generations.current(self.folder)
        self._verifier.verify(generation, to_write=True)
        self._verifier.verify_derived(generation)

    def _state(self) -> State:
        generation = generations.current(self.folder)
        name, segments = glance(generation)
        live = {
            segment.segment_id(): sorted(segment.deleted_docs())
            for segment in segments
            if segment.doc_count_all()
        }
        return State((generation.name, name), generation, live)

    def _token_or_none(self) -> tuple[str, str] | None:
        try:
            return self.generation_token()
        except IndexBroken:
            return None

    def hashes(self) -> dict[int, str]:
        """Return article id -> content hash; "" for one that is there twice. Raises IndexBroken."""
        found: dict[int, str] = {}
        with contextlib.closing(self.open_reader()) as reader:
            try:
                for _number, stored in reader.iter_docs():
                    data = stored["data"]
                    found[data["id"]] = "" if data["id"] in found else data["hash"]
            except Exception as error:
                raise IndexBroken(f"Stored fields cannot be read: {error!r}") from error
        return found

    def writing(self, *, wait: bool) -> AbstractContextManager[object] | None:
        """Take the lock of all writers, in any process; None when it is held and `wait` is off."""
        return take_lock(self.folder, WRITE_LOCK, wait=wait)

    def apply(self, changed: Iterable[Document], removed: Iterable[int]) -> int:
        """Add or replace these documents, and delete others.

        The caller holds `writing`. Return how many documents were written or deleted; one
        that the index has already as it is does not count. Raises IndexBroken.
        """
        documents = {document.id: document for document in changed}
        gone = set(removed) - documents.keys()
        self._note_for_rebuild([*documents, *gone])
        self.verify()
        return self._commit(generations.current(self.folder), list(documents.values()), list(gone))

    def tidy(self, *, purge: bool = False) -> bool:
        """Merge segments where that is due; the caller holds `writing`. Say whether all was done.

        With `purge`, rewrite every segment that holds deleted text, and delete former and
        unfinished generations; not these, and so not all, during a rebuild.
        """
        self.verify()
        generation = generations.current(self.folder)
        held = take_lock(self.folder, BUILD_LOCK, wait=False) if purge else None
        if held is not None:
            with held:
                generations.remove_others(self.folder, generation)
                self._remove_former_runs()
        segments = TOC.read(FileStorage(generation), NAME).segments
        if purge and any(segment.deleted_count() for segment in segments):
            self._write(generation, lambda writer: None, purging)
        elif due(segments, 0, None):
            self._write(generation, lambda writer: None, thoroughly)
        return held is not None or not purge

    def rebuild(
        self,
        documents: Iterable[Document],
        *,
        late: Callable[[list[int]], Changes],
        progress: Progress = lambda done: None,
        wait: bool = True,
    ) -> bool:
        """Build a new generation beside the one in force and put it in its place.

        The caller does not hold `writing`: changes go on in the old generation meanwhile, and
        `late` returns the final state of the articles that changed so. `progress` is called with
        how many documents are done. Return False when another rebuild is running and `wait` is
        off.
        """
        held = take_lock(self.folder, BUILD_LOCK, wait=wait)
        if held is None:
            return False
        with held:
            with self._held():
                new = generations.begin(self.folder)
                (self.folder / MISSED).write_bytes(b"")
            self._remove_former_runs()
            try:
                self._build(new, documents, progress)
                with self._held():
                    self._finish(new, late)
            except BaseException:
                shutil.rmtree(new, ignore_errors=True)
                raise
        return True

    def _remove_former_runs(self) -> None:
        """Remove what an unfinished rebuild by former code left beside the generations."""
        shutil.rmtree(self.folder / RUNS, ignore_errors=True)

    def _build(self, new: Path, documents: Iterable[Document], progress: Progress) -> None:
        """Index all documents in a new generation."""
        FileIndex.create(FileStorage(new), schema(), NAME)
        folder = new / RUNS
        folder.mkdir()
        with contextlib.ExitStack() as stack:
            runs = [
                stack.enter_context(contextlib.closing(run))
                for run in sorted_runs(documents, folder, progress)
            ]

            def add(writer: Any) -> None:
                for run in runs:
                    writer.add_run(run)

            self._write(new, add, thoroughly)
        shutil.rmtree(folder)

    def _finish(self, new: Path, late: Callable[[list[int]], Changes]) -> None:
        noted = (self.folder / MISSED).read_text(encoding="ascii").split()
        if noted:
            changed, removed = late(sorted({int(number) for number in noted}))
            self._commit(new, changed, removed)
        generations.put_in_force(new)
        (self.folder / MISSED).unlink(missing_ok=True)
        # The one before stays until the next rebuild: somebody may be opening it right now.

    def _note_for_rebuild(self, ids: list[int]) -> None:
        missed = self.folder / MISSED
        if missed.exists():
            append_lines(missed, map(str, ids))

    def _commit(self, generation: Path, changed: list[Document], gone: list[int]) -> int:
        there = self._numbers(generation, [*(document.id for document in changed), *gone])
        # One and the same document stays, so that saving nothing new writes nothing.
        fresh = [
            document
            for document in changed
            if [found for _number, found in there[document.id]] != [content_hash(document)]
        ]
        taken = [document.id for document in fresh] + [number for number in gone if there[number]]
        if not taken:
            return 0

        def change(writer: Any) -> None:
            for article_id in taken:
                for number, _hash in there[article_id]:
                    writer.delete_document(number)
            for document in fresh:
                writer.add(document)

        self._write(generation, change, sparingly)
        return len(taken)

    def _numbers(self, generation: Path, ids: list[int]) -> dict[int, list[tuple[int, str]]]:
        """Return article id -> (document number, hash) of each document of its that is live."""
        found: dict[int, list[tuple[int, str]]] = {article_id: [] for article_id in ids}
        with contextlib.closing(self._open(generation)) as reader:
            for article_id, numbers in found.items():
                term = str(article_id).encode()
                if ("id", term) not in reader:
                    continue
                postings = reader.postings("id", term)
                for number in postings.all_ids():
                    if not reader.is_deleted(number):
                        numbers.append((number, reader.stored_fields(number)["data"]["hash"]))
        return found

    def _write(self, generation: Path, change: Callable[[Any], None], policy: MergePolicy) -> None:
        for left in generation.glob(f"{NAME}*.tmp*"):  # of a writer that was killed
            shutil.rmtree(left, ignore_errors=True)
        writer = IndexWriter(FileIndex(FileStorage(generation), indexname=NAME), generation)
        try:
            change(writer)
            writer.commit(mergetype=policy)
        except BaseException:
            # Whatever else fails while cancelling, the first failure is the one to report.
            with contextlib.suppress(Exception):
                writer.cancel()
            raise
        self._derive(generation)

    def _derive(self, generation: Path) -> None:
        """Write what evaluation reads beside new segments, so that no search waits for it."""
        with (
            contextlib.suppress(IndexBroken, OSError),  # the next search derives it then
            contextlib.closing(self._open(generation)) as reader,
        ):
            for leaf, _start in reader.leaf_readers():
                if leaf.doc_count_all():
                    deriving.derive_once(leaf, generation)

    def _open(self, generation: Path) -> IndexReader:
        self._verifier.verify(generation)
        return commits.open_reader(generation)

    def _held(self) -> AbstractContextManager[object]:
        held = self.writing(wait=True)
        assert held is not None  # noqa: S101  # waiting always ends with the lock
        return held


def take_lock(folder: Path, name: str, *, wait: bool) -> FileLock | None:
    """Take a lock of the index in a folder; None when it is held and not waited for."""
    # Beside the folder: emptying that must not make a second lock possible.
    try:
        return FileLock(folder.with_name(f"{folder.name}.{name}"), create=True, wait=wait)
    except BlockingIOError:
        return None
