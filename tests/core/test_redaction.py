"""What redaction takes for the same words, and what it leaves of a text."""

import pytest

from psgflask.core.redaction import MARK, NoWords, Words

NAME = Words(["María Quispe"])


@pytest.mark.parametrize(
    "written",
    [
        "María Quispe",
        "MARIA QUISPE",
        "Mari\u0301a Quispe",
        "Maria\u00a0Quispe",
        "María\nQuispe",
        "María *Quispe",
        "Mar\u00adía Quis\u200bpe",
        "Mar&iacute;a Quispe",
        "Mar&#237;a&nbsp;Quispe",
        "Mar%C3%ADa%20Quispe",
        "maria-quispe",
        "maria_quispe",
        "mariaquispe",
        "María Quispe's",
        "María Quispe\N{RIGHT SINGLE QUOTATION MARK}s",
        "María Quispes",
        r"María \*Quispe",
    ],
)
def test_words_are_found_however_they_are_written(written: str) -> None:
    assert NAME.redact(f"Yesterday {written}, again.") == f"Yesterday {MARK}, again."


@pytest.mark.parametrize(
    "text", ["María", "Quispe", "Mariana Quispe", "María Quispealaya", "Ana María, Luis Quispe", ""]
)
def test_other_words_stay(text: str) -> None:
    assert NAME.redact(text) == text
    assert not NAME.are_in(text)
    assert NAME.find(text) == []


def test_what_stands_around_stays_as_it_is_written() -> None:
    text = "Así dijo [María Quispe](https://example.org/%C3%A1) &amp; Añaños."
    assert NAME.redact(text) == f"Así dijo [{MARK}](https://example.org/%C3%A1) &amp; Añaños."
    assert NAME.find(text) == ["María Quispe"]


def test_of_words_that_begin_alike_the_longest_go() -> None:
    words = Words(["Ana", "Ana Quispe Mamani", "Ana Quispe"])
    assert words.redact("Ana Quispe Mamani, Ana Quispe, Ana.") == f"{MARK}, {MARK}, {MARK}."


def test_whole_paragraphs_go_on_request() -> None:
    body = "First.\n\nHere is Maria\nQuispe.\n\n\nLast."
    words = Words(["María Quispe"], paragraphs=True)
    assert words.redact_body(body) == f"First.\n\n{MARK}\n\n\nLast."
    assert words.find_in_body(body) == ["Here is Maria\nQuispe."]
    assert words.redact("Title of Maria Quispe") == f"Title of {MARK}"


@pytest.mark.parametrize(
    ("slug", "left"),
    [
        ("maria-quispe-was-killed", "was-killed"),
        ("who-killed-maria-quispe", "who-killed"),
        ("the-maria-quispe-case", "the-case"),
        ("maria-quispe", ""),
    ],
)
def test_an_address_keeps_its_other_words(slug: str, left: str) -> None:
    assert NAME.redact_slug(slug) == left


@pytest.mark.parametrize("phrases", [[""], ["…"], ["María", " - "]])
def test_there_must_be_something_to_look_for(phrases: list[str]) -> None:
    with pytest.raises(NoWords):
        Words(phrases)


def test_no_words_are_in_no_text() -> None:
    assert not Words([]).are_in("María Quispe")
