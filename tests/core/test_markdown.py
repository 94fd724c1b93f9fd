"""Markdown as HTML and as plain text; that it is sanitised is tested with whole pages (S11)."""

import re

import pytest

from psgflask.core import markdown


def headings(text: str) -> list[str]:
    return re.findall(r"<(h\d)", markdown.to_html(text))


def test_headings_of_a_text_begin_at_h2() -> None:
    assert headings("# One\n\n## Two\n\n### Three\n\n###### Six") == ["h2", "h2", "h3", "h4"]


def test_a15_headings_of_a_text_skip_no_level() -> None:
    text = "### Deep\n\n###### Deeper\n\n###### As deep\n\n# Up again"
    assert headings(text) == ["h2", "h3", "h4", "h2"]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("# Head\n\nOne *two*\nthree", "Head\n\nOne two three"),
        ("[words](https://example.org) after", "words after"),
        ("- a\n- b", "a\n\nb"),
        ("| a | b |\n|---|---|\n| c | d |", "a\n\nb\n\nc\n\nd"),
        ("`code` & <b>", "code & <b>"),
        ("```\nblock\n```", "block"),
        ("", ""),
    ],
)
def test_markdown_is_converted_to_plain_text(text: str, plain: str) -> None:
    assert markdown.plain_text(text) == plain
