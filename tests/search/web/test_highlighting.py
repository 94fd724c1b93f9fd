import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from psgflask.search.language import Word, located_words, stem, words
from psgflask.search.query.parsing import parse
from psgflask.search.texts import prepared
from psgflask.search.web.highlighting import (
    SNIPPET_LENGTH,
    Highlighter,
    _beginning,
    marked,
    snippet,
)


def mark(text: str, q: str, language: str = "en") -> str:
    return str(marked(prepared(text), Highlighter(parse(q), {}, language)))


@pytest.mark.parametrize(
    ("q", "text", "expected"),
    [
        ("castaneda", "Luis Castañeda Lossio", "Luis <mark>Castañeda</mark> Lossio"),
        ("castañeda", "Luis CASTANEDA", "Luis <mark>CASTANEDA</mark>"),
        ("cafe", "un cafe\u0301, por favor", "un <mark>café</mark>, por favor"),
        ("strike", "Strikes struck", "<mark>Strikes</mark> struck"),
        (
            "indigen*",
            "indígenas e indigenista",
            "<mark>indígenas</mark> e <mark>indigenista</mark>",
        ),
        ('"human rights"', "human rights, rights", "<mark>human rights</mark>, rights"),
        ('"law of the sea"', "the Law of the Sea of", "the <mark>Law of the Sea</mark> of"),
        (
            'rights "human rights"',
            "human rights, rights",
            "<mark>human rights</mark>, <mark>rights</mark>",
        ),
        ("peru", "Peru's", "<mark>Peru</mark>&#39;s"),
        ("the mining", "the mining of the", "the <mark>mining</mark> of the"),
        ("mining -conga", "mining conga", "<mark>mining</mark> conga"),
        ("title:census", "Census", "<mark>Census</mark>"),
        ("topic:mining", "mining", "mining"),
        ("", "nothing", "nothing"),
    ],
)
def test_words_found_are_marked_as_they_stand(q: str, text: str, expected: str) -> None:
    assert mark(text, q) == expected


def test_stems_are_those_of_the_articles_language() -> None:
    assert mark("las huelgas", "huelga", "es") == "las <mark>huelgas</mark>"
    assert mark("minera", "mineros", "es") == "<mark>minera</mark>"
    assert mark("minera", "mineros", "en") == "minera"


def test_words_like_those_typed_are_marked() -> None:
    highlighter = Highlighter(parse("palabrx"), {"palabrx": ("palabra", "palabro")}, "es")
    assert str(marked(prepared("palabra palabro"), highlighter)) == (
        "<mark>palabra</mark> <mark>palabro</mark>"
    )


@pytest.mark.parametrize("q", ["b", "script", "<b>", "&", "amp", "lt", '"', "mark", "<mark>"])
def test_s12_text_is_escaped_before_it_is_marked(q: str) -> None:
    text = "<b>Tom & 'Jerry'</b> <script>alert(\"b\")</script> <mark> &amp; &lt;"
    shown = mark(text, q)
    plain = shown.replace("<mark>", "").replace("</mark>", "")
    assert plain == str(escape(text))
    assert not re.search(r"<(?!/?mark>)", shown)


@given(st.text(), st.text())
def test_s12_marks_are_all_the_markup_there_ever_is(text: str, q: str) -> None:
    shown = mark(text, q)
    assert shown.replace("<mark>", "").replace("</mark>", "") == str(escape(prepared(text).shown))
    assert shown.count("<mark>") == shown.count("</mark>")


def cut(text: str, q: str) -> str:
    return str(snippet(prepared(text), Highlighter(parse(q), {}, "en")))


@given(
    st.lists(st.sampled_from(["Mining", "mineral", "miner's", "la", "sería", "Ñusta", "½", "mi"])),
    st.sampled_from(["mine", "mining", "mi", "miner*", "seria", "serian", "nusta", '"la mining"']),
    st.sampled_from(["en", "es"]),
)
def test_what_is_found_is_each_word_that_the_query_means(
    parts: list[str], q: str, language: str
) -> None:
    text = prepared(" ".join(parts))
    highlighter = Highlighter(parse(q), {}, language)
    meant = {stem(word.folded, language) for word in words(q)}
    prefix = q.removesuffix("*") if q.endswith("*") else "none"
    found = [
        (start, end)
        for start, end, word in located_words(text.shown)
        if '"' not in q
        and (
            word.folded.startswith(prefix) or (prefix == "none" and _stem(word, language) in meant)
        )
    ]
    if '"' in q:
        assert len(highlighter.spans(text)) == text.padded.count("la mining")
    else:
        assert [span[:2] for span in highlighter.spans(text)] == found


def _stem(word: Word, language: str) -> str:
    return stem(word.folded, language)


@given(
    st.from_regex(
        "[a-z]{1,9}(ing|ied|ies|s|ly|ed|ness|ando|aciones|emente|ieron|y)?", fullmatch=True
    )
)
def test_words_begin_as_their_stem_does(word: str) -> None:
    for language in ("en", "es"):
        assert word.startswith(_beginning(stem(word, language)))


def test_a_short_text_is_its_own_snippet() -> None:
    assert cut("Anglo sells Quellaveco.", "quellaveco") == "Anglo sells <mark>Quellaveco</mark>."


def test_a_long_text_is_cut_at_words_around_what_was_found() -> None:
    text = "before " * 100 + "Quellaveco " + "after " * 100
    shown = cut(text, "quellaveco")
    assert shown.startswith("… before ")
    assert shown.endswith(" after …")
    assert "<mark>Quellaveco</mark>" in shown
    assert len(shown) < SNIPPET_LENGTH + 30


def test_the_stretch_with_most_different_words_is_shown() -> None:
    text = "mining " * 20 + "filler " * 60 + "mining near Conga " + "filler " * 60
    assert "<mark>Conga</mark>" in cut(text, "mining conga")


def test_where_nothing_is_found_the_text_is_shown_from_its_start() -> None:
    assert cut("word " * 100, "quellaveco").startswith("word word")


def test_a_text_of_one_endless_word_is_cut_too() -> None:
    assert len(cut("x" * 10_000, "quellaveco")) < SNIPPET_LENGTH + 10
    assert len(cut("x" * 10_000 + " quellaveco", "quellaveco")) < SNIPPET_LENGTH + 30


@given(st.text(alphabet="ab <&é\n", max_size=900), st.sampled_from(["a", "b", '"a b"', "ab*", ""]))
def test_a_snippet_is_a_part_of_the_text(text: str, q: str) -> None:
    shown = cut(text, q)
    plain = shown.replace("<mark>", "").replace("</mark>", "")
    plain = plain.removeprefix("… ").removesuffix(" …")
    assert plain in str(escape(" ".join(text.split())))
