"""Articles as files: what front matter may have, and the message of each mistake."""

import textwrap
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from psgflask.core.file_mistakes import InvalidFile
from psgflask.news.article_files import (
    ATTACHMENT_NAMES,
    NAMES,
    PICTURE_NAMES,
    ArticleFile,
    format_article,
    read_article,
)
from psgflask.news.dateline import Dateline
from psgflask.news.drafts import Draft

PLAIN = """\
title: Teachers start new strike
date: 8 July 2018
teaser: Teachers in Cusco are on strike."""
Read = Callable[..., ArticleFile]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(head: str, body: str = "One paragraph.\n") -> ArticleFile:
        file = tmp_path / "strike.md"
        file.write_text(f"---\n{head}\n---\n{body}", encoding="utf-8")
        return read_article(file)

    return read


def test_the_shortest_file_is_english_news(read: Read) -> None:
    draft = read(PLAIN).draft
    assert draft.title == "Teachers start new strike"
    assert draft.dateline == Dateline.parse("2018-07-08")
    assert (draft.language, draft.kind, draft.slug) == ("en", "news", None)
    assert (draft.topics, draft.issue, draft.translation_of) == ((), None, None)
    assert not draft.members_only
    assert draft.body == "One paragraph.\n"


def test_a_file_may_set_every_field_of_a_draft(read: Read, tmp_path: Path) -> None:
    for name in ("march.jpg", "line.png", "report.pdf"):
        (tmp_path / name).write_bytes(b"x")
    found = read(
        """\
title: "Huelga: los maestros paran"
slug: huelga
kind: update
language: es
date: June / July 2009
issue: Update 134
topics: [labour-and-education, lima]
translation of: /news/teachers-strike
teaser: >
  Los maestros
  paran.
members only: yes
byline: Ana Quispe
source: La República
pictures:
  - file: march.jpg
    alt: Una marcha en Cusco
    caption: La marcha del martes
    credit: Ana Quispe
  - file: line.png
    decorative: yes
attachments:
  - file: report.pdf
    title: El informe
    language: en"""
    )
    draft = found.draft
    assert draft.title == "Huelga: los maestros paran"
    assert (draft.slug, draft.kind, draft.language) == ("huelga", "update", "es")
    assert draft.dateline == Dateline.parse("2009-06/2009-07")
    assert draft.issue == ("Update", 134)
    assert draft.topics == ("labour-and-education", "lima")
    assert draft.translation_of == "teachers-strike"
    assert draft.teaser == "Los maestros paran."
    assert draft.members_only
    assert (draft.byline, draft.source) == ("Ana Quispe", "La República")
    march, line = found.pictures
    assert (march.path, march.alt, march.line) == (
        tmp_path / "march.jpg",
        "Una marcha en Cusco",
        17,
    )
    assert (march.caption, march.credit) == ("La marcha del martes", "Ana Quispe")
    assert (line.decorative, line.alt) == (True, "")
    (report,) = found.attachments
    assert (report.path.name, report.title, report.language) == ("report.pdf", "El informe", "en")


def test_a_draft_reads_back_from_its_file(tmp_path: Path) -> None:
    draft = Draft(
        title="Huelga: los maestros paran",
        slug="huelga",
        kind="update",
        language="es",
        dateline=Dateline.parse("2009-06/2009-07"),
        issue=("Update", 134),
        topics=("labour-and-education", "lima"),
        translation_of="teachers-strike",
        teaser="Los maestros paran: «todos».",
        members_only=True,
        byline="Ana Quispe",
        source="La República",
        body="Un párrafo.\n\n> Otro.\n",
    )
    file = tmp_path / "huelga.md"
    file.write_text(format_article(draft), "utf-8")
    assert read_article(file).draft == draft
    unset = [each.name for each in fields(draft) if getattr(draft, each.name) == each.default]
    assert unset == ["pictures", "attachments", "synthetic"]


@pytest.mark.parametrize(
    ("written", "issue"),
    [
        ("Update 134", ("Update", 134)),
        ("UPDATE no. 133", ("UPDATE", 133)),
        ("Peru News 065", ("Peru News", 65)),
    ],
)
def test_an_issue_is_a_series_and_a_number(
    read: Read, written: str, issue: tuple[str, int]
) -> None:
    assert read(f"{PLAIN}\nissue: {written}").draft.issue == issue


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("date: 31 June 2018", "`date`: '31 June 2018' is not a date. Write a day"),
        ("kind: rumour", "`kind`: write news or update or publication or event, not 'rumour'"),
        ("language: fr", "`language`: write en or es, not 'fr'"),
        ("issue: the last one", "`issue`: 'the last one' is no issue: write its series"),
        ("issue: Update 0", "is no issue"),
        ("members only: perhaps", "`members only`: write yes or no, not 'perhaps'"),
        ("topics:\n  - {a: b}", "`topics` is a list of words"),
        ("author: Ana", "There is no `author` here: write `byline`"),
        ("status: published", "use `flask news publish`"),
        ("publish at: tomorrow", "use `flask news schedule SLUG WHEN`"),
        ("tags: mining", "write `topics`"),
        ("teasre: x", "There is no `teasre` here: write `teaser`"),
        ("pictures: march.jpg", "`pictures` is a list"),
        ("pictures:\n  - alt: A march", "`file` is missing"),
        ("pictures:\n  - file: gone.jpg\n    alt: x", "There is no file 'gone.jpg' in "),
        ("pictures:\n  - file: strike.md", "The picture has no `alt`: say what it shows"),
        ("pictures:\n  - file: strike.md\n    alt: x\n    decorative: yes", "is not decorative"),
        ("pictures:\n  - file: strike.md\n    atl: x", "There is no `atl` here: write `alt`"),
        ("attachments:\n  - file: strike.md", "`title` is missing"),
        ("attachments:\n  - file: ../../gone.pdf\n    title: x", "There is no file"),
    ],
)
def test_each_mistake_is_reported_with_its_line(read: Read, line: str, message: str) -> None:
    head = PLAIN if not line.startswith("date") else PLAIN.replace("date: 8 July 2018\n", "")
    with pytest.raises(InvalidFile) as caught:
        read(f"{head}\n{line}")
    found = [mistake for mistake in caught.value.mistakes if message in mistake.message]
    assert found, caught.value
    first_line = 2 + head.count("\n") + 1
    assert first_line <= found[0].line <= first_line + line.count("\n")


@pytest.mark.parametrize("name", ["title", "date", "teaser"])
def test_a_missing_value_is_reported_with_an_example(read: Read, name: str) -> None:
    head = "\n".join(line for line in PLAIN.split("\n") if not line.startswith(name))
    with pytest.raises(InvalidFile, match=f"`{name}` is missing: write for example `{name}: "):
        read(head)


def test_a_file_without_a_text_is_refused(read: Read) -> None:
    with pytest.raises(InvalidFile, match="The text of the article is missing"):
        read(PLAIN, body="\n \n")


def test_every_mistake_is_reported_at_once(read: Read) -> None:
    with pytest.raises(InvalidFile) as caught:
        read("titel: x\ndate: soon\nlanguage: fr\npictures:\n  - file: gone.jpg", body="")
    assert [mistake.line for mistake in caught.value.mistakes] == [1, 1, 1, 2, 3, 4, 6, 6]


def test_a_stored_file_may_be_referred_to(read: Read) -> None:
    name = f"media/{'a' * 64}/march.jpg"
    (picture,) = read(f"{PLAIN}\npictures:\n  - file: {name}\n    alt: A march").pictures
    assert picture.stored == ("a" * 64, "march.jpg")


def test_the_guide_for_writers_is_true(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "articles.md").read_text(encoding="utf-8")
    example = textwrap.dedent(guide[guide.index("    ---\n") : guide.index("\nThen, from")])
    for name in ("march.jpg", "report.pdf"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "strike.md").write_text(example, encoding="utf-8")
    found = read_article(tmp_path / "strike.md")
    assert found.draft.title == "Teachers' strike: what is asked for"
    assert len(found.pictures) == len(found.attachments) == 1
    for name in {*NAMES, *PICTURE_NAMES, *ATTACHMENT_NAMES}:
        assert f"`{name}" in guide or f"{name}: " in guide, name


@pytest.mark.parametrize(
    "line",
    [
        "issue: a" + " " * 100_000,
        'issue: "a' + " " * 100_000 + 'b"',
        "issue: a" + " 0" * 50_000,
        "date: " + "a" * 100_000,
    ],
)
def test_a_very_long_value_gets_a_short_message(read: Read, line: str) -> None:
    with pytest.raises(InvalidFile) as wrong:
        read(f"title: T\nteaser: T\n{line}" + ("" if "date" in line else "\ndate: 8 July 2018"))
    assert len(str(wrong.value)) < 1000
