"""How a dateline is written, in both languages."""

import pytest
from flask import Flask

from psgflask.news.dateline import Dateline
from psgflask.news.web.rendering import when


@pytest.mark.parametrize(
    ("dated", "language", "numeral", "words", "iso", "href"),
    [
        ("15 July 2018", "", "15", "July 2018", "2018-07-15", "/news/2018/07/"),
        ("15 July 2018", "/es", "15", "de julio de 2018", "2018-07-15", "/es/news/2018/07/"),
        ("July 2018", "", None, "July 2018", "2018-07", "/news/2018/07/"),
        ("July 2018", "/es", None, "Julio de 2018", "2018-07", "/es/news/2018/07/"),
        ("June/July 2009", "", None, "June–July 2009", "2009-07", "/news/2009/07/"),
        ("June/July 2009", "/es", None, "Junio–julio de 2009", "2009-07", "/es/news/2009/07/"),
        ("2009-12/2010-01", "", None, "December 2009–January 2010", "2010-01", "/news/2010/01/"),
        (
            "2009-12/2010-01",
            "/es",
            None,
            "Diciembre de 2009 – enero de 2010",
            "2010-01",
            "/es/news/2010/01/",
        ),
        ("undated", "", None, "Undated", None, "/news/undated/"),
    ],
)
def test_a_dateline_is_formatted_by_its_precision(
    app: Flask,
    dated: str,
    language: str,
    numeral: str | None,
    words: str,
    iso: str | None,
    href: str,
) -> None:
    environ = {"psg.language": "es" if language else "en"}
    with app.test_request_context("/", environ_overrides=environ):
        written = when(Dateline.parse(dated))
    assert (written.numeral, written.words, written.iso) == (numeral, words, iso)
    assert written.href == href
