"""Two texts compared."""

import pytest

from psgflask.core.comparison import containment, difference, language_of

ENGLISH = "The PSG was founded to support those who work for human rights in Peru."
SPANISH = "El Grupo de Apoyo al Perú trabaja por los derechos humanos en el país."


def test_a_difference_has_the_lines_that_changed_and_one_around_them() -> None:
    before, after = "One\nTwo\nThree\nFour", "One\nTwo\n3\nFour"
    assert difference(before, after, max_lines=9) == [" Two", "-Three", "+3", " Four"]
    assert difference(before, before, max_lines=9) == []


def test_a_long_difference_is_cut_and_counted() -> None:
    assert difference("a\nb\nc", "", max_lines=1) == ["-a", "… and 2 lines more"]


def test_a_line_that_begins_with_dashes_is_a_line() -> None:
    assert difference("a\n--- b", "a", max_lines=9) == [" a", "---- b"]
    assert difference("a\n-- b\n++ c", "a\n", max_lines=9) == [" a", "--- b", "-++ c"]


def test_an_edited_text_is_contained_in_its_former_state_and_another_is_not() -> None:
    assert containment(ENGLISH, ENGLISH.upper()) == 1
    assert containment(ENGLISH, f"{ENGLISH} It still does so today.") == 1
    assert containment(ENGLISH, ENGLISH.replace("Peru", "the Andes")) > 0.5
    assert containment(ENGLISH, SPANISH) == 0
    assert containment("", "") == containment("…", "") == 1
    assert containment("One", "One") == 1
    assert containment("One", "Two") == 0


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (ENGLISH, "en"),
        (SPANISH, "es"),
        ("The women of Santa María de Nieva and the Asamblea Nacional said that it is late.", "en"),
        ("Ayúdenos. Por favor.", None),
        ("", None),
        (f"{ENGLISH} {SPANISH}", None),
        ("La Oroya, Las Bambas, El Niño, Los Olivos and the town of La Merced", None),
    ],
)
def test_a_text_has_a_language_where_its_function_words_are_clear(
    text: str, language: str | None
) -> None:
    assert language_of(text) == language
