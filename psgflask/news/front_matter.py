"""Articles written as files: what their front matter may say, read into a Draft."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from psgflask.core.language_names import LANGUAGES
from psgflask.manuscript.front_matter import (
    FrontMatter,
    InvalidFrontMatter,
    Mistake,
    read_manuscript,
)
from psgflask.news.dateline import Dateline
from psgflask.news.drafts import Draft
from psgflask.news.models import KINDS, NEWS

__all__ = ["ArticleFile", "FileReference", "InvalidFrontMatter", "Mistake", "read_article"]

NAMES = (
    *("title", "slug", "kind", "language", "date", "issue", "topics", "translation of", "teaser"),
    *("members only", "byline", "source", "pictures", "attachments"),
)
PICTURE_NAMES = ("file", "alt", "decorative", "caption", "credit")
ATTACHMENT_NAMES = ("file", "title", "language")
HINTS = {
    "author": "write `byline`",
    "by": "write `byline`",
    "summary": "write `teaser`",
    "standfirst": "write `teaser`",
    "tags": "write `topics`",
    "topic": "write `topics`",
    "lang": "write `language`",
    "type": "write `kind`",
    "translation": "write `translation of`",
    "translates": "write `translation of`",
    "update": "write `issue`, as in `issue: Update 134`",
    "status": "a file says nothing of it; use `flask news publish`, `schedule` or `withdraw`",
    "publish at": "a file says nothing of it; use `flask news schedule SLUG WHEN`",
    "correction": "use `flask news correct SLUG --text …`",
    "body": "the text stands below the second ---",
    "text": "the text stands below the second ---",
}
ISSUE = re.compile(r"([^\W\d_][\w -]*?) (?:no\.? ?)?0*([1-9][0-9]{0,5})", re.IGNORECASE)
# A file that the site has already, as `flask news show --markdown` names it.
STORED = re.compile(r"media/([0-9a-f]{64})/([\w.-]+)")


@dataclass(frozen=True)
class FileReference:
    """A picture or attachment as the front matter names it; `line` is where."""

    line: int
    path: Path
    stored: tuple[str, str] | None = None  # hash and name of a file that the site has already
    title: str = ""
    language: str = ""
    alt: str = ""
    decorative: bool = False
    caption: str = ""
    credit: str = ""


@dataclass(frozen=True)
class ArticleFile:
    """An article as a file tells it; `draft` lacks the files, which are only named so far."""

    path: Path
    draft: Draft
    lines: Mapping[str, int]
    pictures: tuple[FileReference, ...] = ()
    attachments: tuple[FileReference, ...] = ()

    def wrong(self, field: str, message: str) -> InvalidFrontMatter:
        """Return a mistake in one of the draft's fields, with its line in this file."""
        return InvalidFrontMatter(Mistake(self.lines.get(field, 1), message))


def read_article(path: Path) -> ArticleFile:
    """Read an article. Raises InvalidFrontMatter with every mistake, its line and what to write."""
    manuscript = read_manuscript(path, NAMES, HINTS)
    head = manuscript.front_matter
    title = head.text("title", example="Teachers start new strike")
    teaser = head.text("teaser", example="One or two sentences that stand in the lists")
    head.text("date", example="15 July 2018` or `date: undated")
    language = head.choice("language", LANGUAGES, "en")
    draft = Draft(
        title=title,
        teaser=teaser,
        body=manuscript.body,
        language=language,
        kind=head.choice("kind", KINDS, NEWS),
        dateline=head.parse("date", Dateline.parse, Dateline.undated()),
        slug=head.text("slug") or None,
        issue=head.parse("issue", _issue, None),
        topics=tuple(head.texts("topics")),
        translation_of=head.parse("translation of", _slug_of_other, None),
        members_only=head.is_yes("members only"),
        byline=head.text("byline"),
        source=head.text("source"),
    )
    if not manuscript.body.strip():
        head.add_mistake("body", "The text of the article is missing below the second ---")
    pictures = tuple(_picture(each, path.parent) for each in head.groups("pictures", PICTURE_NAMES))
    attachments = tuple(
        _attachment(each, path.parent, language)
        for each in head.groups("attachments", ATTACHMENT_NAMES)
    )
    head.finish()
    return ArticleFile(path, draft, dict(head.lines), pictures, attachments)


def _issue(text: str) -> tuple[str, int]:
    """Read "Update 134" or "Peru News 065" into series and number."""
    text = " ".join(text.split())
    found = ISSUE.fullmatch(text)
    if not found:
        raise ValueError(
            f"{text[:80]!r} is no issue: write its series and number, as in Update 134"
        )
    return found[1], int(found[2])


def _slug_of_other(text: str) -> str:
    """Read the slug of the article translated, given alone or at the end of its address."""
    return text.rstrip("/").rpartition("/")[2]


def _picture(head: FrontMatter, folder: Path) -> FileReference:
    path, stored = _file(head, folder)
    alt, decorative = head.text("alt"), head.is_yes("decorative")
    if not alt and not decorative:
        head.add_mistake(
            "file",
            "The picture has no `alt`: say what it shows for those who cannot see it, or write"
            " `decorative: yes` if it only adorns",
        )
    if alt and decorative:
        head.add_mistake(
            "decorative", "A picture with `alt` is not decorative: keep one of the two"
        )
    caption, credit = head.text("caption"), head.text("credit")
    return FileReference(
        head.line("file"),
        path,
        stored,
        alt=alt,
        decorative=decorative,
        caption=caption,
        credit=credit,
    )


def _attachment(head: FrontMatter, folder: Path, language: str) -> FileReference:
    path, stored = _file(head, folder)
    return FileReference(
        head.line("file"),
        path,
        stored,
        title=head.text("title", example="Annual report 2018"),
        language=head.choice("language", LANGUAGES, language),
    )


def _file(head: FrontMatter, folder: Path) -> tuple[Path, tuple[str, str] | None]:
    name = head.text("file", example="strike.jpg")
    if "\0" in name:
        head.add_mistake("file", "The file's name holds a NUL character; remove it")
        return folder, None
    path = folder / name
    if name and not path.is_file():
        if match := STORED.fullmatch(name):
            return path, (match[1], match[2])
        head.add_mistake("file", f"There is no file {name!r} in {folder.resolve()}")
    return path, None
