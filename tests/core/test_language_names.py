"""The language of a path."""

import pytest

from psgflask.core.language_names import split_prefix


@pytest.mark.parametrize(
    ("path", "split"),
    [
        *(("/", ("en", "/")), ("/es", ("es", "")), ("/es/", ("es", "/")), ("", ("en", ""))),
        *(("/es/news/", ("es", "/news/")), ("/estaciones", ("en", "/estaciones"))),
        *(("/es/es/", ("es", "/es/")), ("/news/es/", ("en", "/news/es/"))),
    ],
)
def test_the_language_of_a_path_is_that_of_its_prefix(path: str, split: tuple[str, str]) -> None:
    assert split_prefix(path) == split
