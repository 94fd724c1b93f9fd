import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core.slugs import MAX_SLUG_LENGTH
from psgflask.news.slugs import is_slug, slugify


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Teachers start new strike", "teachers-start-new-strike"),
        (
            "Law to exclude Guzmán and Mendoza fails … for now",
            "law-to-exclude-guzman-and-mendoza-fails-for-now",
        ),
        (
            "Formal launch of the 'Responsible Mining Index'",
            "formal-launch-of-the-responsible-mining-index",
        ),
        ("Peru’s mines", "perus-mines"),
        ("Campaña: ¿qué pasó en Áncash?", "campana-que-paso-en-ancash"),
        ("2018", "article-2018"),
        ("Undated", "article-undated"),
        ("¿?", "article"),
        ("ñ" * 200, "n" * MAX_SLUG_LENGTH),
    ],
)
def test_a_title_makes_a_slug(title: str, slug: str) -> None:
    assert slugify(title) == slug


def test_a_long_title_is_cut_at_a_word() -> None:
    slug = slugify("wordy " * 40)
    assert len(slug) <= MAX_SLUG_LENGTH
    assert set(slug.split("-")) == {"wordy"}


@pytest.mark.parametrize(
    "text",
    ["", "2018", "Strike", "a b", "a--b", "-a", "a-", "a/b", "../a", "ñandú", "undated", "a" * 121],
)
def test_a_text_that_cannot_end_an_address_is_no_slug(text: str) -> None:
    assert not is_slug(text)


@given(st.text(max_size=200))
def test_every_title_makes_a_slug_that_may_be_used(title: str) -> None:
    slug = slugify(title)
    assert is_slug(slug)
    assert slugify(slug) == slug
