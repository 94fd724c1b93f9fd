"""The texts beside a segment: what snippets show, in step with the index."""

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.search.index.protocol import IndexBroken
from psgflask.search.index.text_file import TEXTS, Texts, TextWriter, encoded
from psgflask.search.texts import prepared
from tests.search.corpus import Index, document

TEXT = st.text() | st.text(alphabet="aÁñ½ﬁ\u0301 \n\t-’ß")


@given(TEXT)
def test_a_text_is_one_line_and_its_folded_form_as_long(text: str) -> None:
    kept = prepared(text)
    assert len(kept.padded) == len(kept.shown) + 2
    assert not set(kept.shown) & set("\n\t")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Castañeda’s  “law”", "castaneda s  law "),
        ("cafe\u0301", "cafe"),
        ("3½ Straße", "3½ straße"),
        ("", ""),
    ],
)
def test_a_text_is_folded_sign_by_sign(text: str, folded: str) -> None:
    assert prepared(text).padded == f" {folded} "


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_what_is_read_is_what_was_written(texts: list[str]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        writer = TextWriter(folder, "a")
        for text in texts:
            writer.put(*encoded(text))
        writer.close()
        with closing(Texts(folder, "a")) as kept:
            assert [kept.of(number) for number in range(len(texts))] == list(map(prepared, texts))
            again = TextWriter(folder, "b")
            again.take(kept, reversed(range(len(texts))))
            again.close()
        with closing(Texts(folder, "b")) as kept:
            assert kept.of(0) == prepared(texts[-1])


@pytest.mark.parametrize("left", [0, 7, 8, 30])
def test_a_file_that_is_cut_short_is_broken(tmp_path: Path, left: int) -> None:
    writer = TextWriter(tmp_path, "a")
    writer.put(*encoded("text " * 20))
    writer.close()
    file = tmp_path / f"a{TEXTS}"
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(IndexBroken):
        Texts(tmp_path, "a")


def test_texts_stay_with_their_documents_through_changes_and_merges(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(n, "Lima", f"number {n}") for n in range(1, 8)])
    index.change([document(3, "Lima", "another three"), document(9, "Lima", "a ninth")], [5])
    for merged in (False, True):
        if merged:
            with index.store.writing(wait=True) or pytest.fail("locked"):
                index.store.tidy(purge=True)
        found = index.search("lima", texts=True)
        shown = dict(zip(found.ids, (text.shown for text in found.texts), strict=True))
        assert shown == {
            **{n: f"number {n}" for n in (1, 2, 4, 6, 7)},
            3: "another three",
            9: "a ninth",
        }
        assert index.search("lima").texts == ()


def test_text_that_was_taken_back_is_in_no_file_after_the_purge(tmp_path: Path) -> None:
    index = Index(tmp_path, [document(1, "Lima", "secretum"), document(2, "Lima")])
    index.change([document(1, "Lima", "open")])
    with index.store.writing(wait=True) or pytest.fail("locked"):
        index.store.tidy(purge=True)
    files = [file for file in index.store.folder.rglob("*") if file.is_file()]
    assert [file for file in files if b"secretum" in file.read_bytes()] == []
