from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.core.file_mistakes import InvalidFile
from psgflask.manuscript import front_matter
from psgflask.manuscript.front_matter import Manuscript

NAMES = ("title", "slug", "teaser", "topics", "members only", "pictures", "date")
Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        file = tmp_path / "strike.md"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    return write


@pytest.fixture
def read(write: Write) -> Callable[[str | bytes], Manuscript]:
    return lambda content: front_matter.read_manuscript(
        write(content), NAMES, {"author": "write `byline`"}
    )


Read = Callable[[str | bytes], Manuscript]


def mistakes(read: Read, content: str | bytes) -> list[str]:
    with pytest.raises(InvalidFile) as caught:
        read(content).front_matter.finish()
    return [str(mistake) for mistake in caught.value.mistakes]


def test_values_are_the_text_in_the_file(read: Read) -> None:
    found = read("---\ntitle: 007\ndate: 2018-07-15\nteaser: no\nslug: ~\n---\nText.\n")
    assert found.front_matter.text("title") == "007"
    assert found.front_matter.text("date") == "2018-07-15"
    assert found.front_matter.text("teaser") == "no"
    assert found.front_matter.text("slug") == "~"
    assert found.body == "Text.\n"


@pytest.mark.parametrize("text", ["first", "-1", "1.5", "3rd", "²", "1234567890"])
def test_what_is_no_whole_number_is_a_mistake(read: Read, text: str) -> None:
    found = read(f"---\ntitle: {text}\nslug: 123456789\n---\nx").front_matter
    assert found.whole_number("title") is None
    assert [str(each) for each in found.mistakes] == [
        f"line 2: `title`: write a whole number such as 3, not {text!r}"
    ]
    assert found.whole_number("slug") == 123456789
    assert found.whole_number("teaser") is None


@pytest.mark.parametrize("name", ["members only", "members-only", "members_only", "Members Only"])
def test_hyphens_underscores_and_capitals_in_names_do_not_matter(read: Read, name: str) -> None:
    assert read(f"---\n{name}: yes\n---\nx").front_matter.is_yes("members only")


def test_a_file_from_another_system_reads_the_same(read: Read) -> None:
    found = read("\ufeff---\r\ntitle: Áncash\r\n---\r\nOne.\r\n\r\nTwo.\r\n")
    assert found.front_matter.text("title") == "Áncash"
    assert found.body == "One.\n\nTwo.\n"


@pytest.mark.parametrize(
    "written", ["[mining, lima]", "mining, lima", "\n- mining\n- lima", "\n  - mining\n  - lima"]
)
def test_a_list_may_be_written_in_each_usual_way(read: Read, written: str) -> None:
    assert read(f"---\ntopics: {written}\n---\nx").front_matter.texts("topics") == [
        "mining",
        "lima",
    ]


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("title: Census: reading", 'put the text in quotes, `title: "Census: reading"`'),
        ("title: @psg says", 'put the text in quotes, `title: "@psg says"`'),
        ("title: *bold* claim", 'put the text in quotes, `title: "*bold* claim"`'),
        ("title: !Ya basta!", 'put the text in quotes, `title: "!Ya basta!"`'),
        ("title: Issue #3 is out", 'put the text in quotes, `title: "Issue #3 is out"`'),
        ('title: "Quoted" and more', "put the text in quotes, `title: '\"Quoted\" and more'`"),
        ("title: [Draft] budget", 'put the text in quotes, `title: "[Draft] budget"`'),
        ("title: >50 arrested", 'put the text in quotes, `title: ">50 arrested"`'),
        ('title: "Open', "A quotation mark opens here and is not closed"),
        ("topics: [one, two", "A list opens with [ here and is not closed"),
        ("title", "Write a name, a colon and a value"),
        ("\ttitle: x", "A tab stands at the beginning of the line: use spaces"),
        ("  title: x", "Begin the line with the name, without spaces before it"),
        ("title: a\x07b", "The character '\\x07' cannot stand here: remove it"),
        ("titel: x", "There is no `titel` here: write `title`"),
        ("author: x", "There is no `author` here: write `byline`"),
        ("slug: a", "`slug` stands twice; keep one of them"),
        ("weather: fine", "There is no `weather` here: known are title, slug"),
    ],
)
def test_a_mistake_has_its_line_and_what_to_write(read: Read, line: str, advice: str) -> None:
    found = mistakes(read, f"---\nslug: x\n{line}\nteaser: y\n---\nText.\n")
    assert any(mistake.startswith("line 3: ") and advice in mistake for mistake in found), found


def test_an_unclosed_quotation_mark_is_reported_where_it_opens(read: Read) -> None:
    assert "line 2: A quotation mark opens" in mistakes(read, "---\ntitle: 'x\nslug: y\n---\nz")[0]


def test_all_mistakes_of_a_file_are_reported_together(read: Read) -> None:
    found = read("---\ntitel: x\nmembers only: perhaps\n---\nText.\n")
    found.front_matter.is_yes("members only")
    found.front_matter.text("title", example="Teachers strike")
    with pytest.raises(InvalidFile) as caught:
        found.front_matter.finish()
    assert [mistake.line for mistake in caught.value.mistakes] == [1, 2, 3]
    assert "`title` is missing" in caught.value.mistakes[0].message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Just a text.", "line 1: The file has no front matter"),
        ("", "line 1: The file has no front matter"),
        ("---\ntitle: x\nText.", "line 1: The front matter has no end"),
        ("---\n- one\n- two\n---\n", "line 2: Write a name, a colon and a value"),
        (b"---\ntitle: Casta\xf1eda\n---\n", "line 2: This line is not UTF-8"),
        ("---\ntitle: x\n---\nText.\nA\0B\n", "line 5: The character '\\x00' cannot stand here"),
        ("---\ntitle: &a [*a]\n---\nx", "line 2: A text cannot begin with *"),
        ("---\ntitle: " + "[" * 3000 + "]" * 3000 + "\n---\nx", "line 2: The brackets are nested"),
        ("---\ntitle: x\n---\nText.\n" + "[" * 30_000, "line 5: Up to here the text has more than"),
        ("---\ntitle: x\n---\n" + "|a" * 9 + "\n*_[" * 3_334, "line 3335: Up to here the text"),
        (b"x" * 2_000_001, "line 1: The file has more than two million bytes"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    read: Read, content: str | bytes, message: str
) -> None:
    assert mistakes(read, content)[0].startswith(message)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"There is no file .*gone\.md"):
        front_matter.read_manuscript(tmp_path / "gone.md", NAMES)
    with pytest.raises(InvalidFile, match="There is no file"):
        front_matter.read_manuscript(tmp_path, NAMES)


def test_a_comment_after_a_value_is_no_mistake(read: Read) -> None:
    found = read("---\n# about the strike\ntitle: Strike # to be confirmed\n---\nx")
    assert found.front_matter.text("title") == "Strike"
    found.front_matter.finish()


def test_pictures_are_a_list_of_groups(read: Read) -> None:
    found = read("---\npictures:\n  - title: a\n  - title: b\n    slug: c\n---\nx")
    heads = found.front_matter.groups("pictures", ("title", "slug"))
    assert [head.text("title") for head in heads] == ["a", "b"]
    assert [head.line("slug") for head in heads] == [3, 5]
    wrong = read("---\npictures: a.jpg\n---\nx")
    assert wrong.front_matter.groups("pictures", ("file", "alt")) == []
    assert "`pictures` is a list" in str(wrong.front_matter.mistakes[0])


@given(st.binary(max_size=300), st.booleans())
def test_no_file_whatever_breaks_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, framed: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.md"
    file.write_bytes(b"---\n" + content + b"\n---\nText.\n" if framed else content)
    # Any other exception would fail the test.
    mistakes = None
    try:
        values = front_matter.read_manuscript(file, NAMES).front_matter
        values.text("title")
        values.texts("topics")
        values.groups("pictures", ("title", "slug"))
        values.finish()
    except InvalidFile as error:
        mistakes = error.mistakes
    assert mistakes != ()


# Line and paragraph separators, noncharacters and the byte-order mark are refused.
readable = st.characters(
    exclude_categories=["Cs", "Cc", "Cn", "Zl", "Zp"], exclude_characters="\ufeff"
)


@given(st.text(readable, max_size=60))
def test_a_text_in_quotes_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "quoted.md"
    quoted = "'" + text.replace("'", "''") + "'"
    file.write_text(f"---\ntitle: {quoted}\n---\nx", encoding="utf-8")
    assert front_matter.read_manuscript(file, NAMES).front_matter.text("title") == text.strip()
