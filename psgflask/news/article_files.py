"""Articles as files: a draft read from front matter and a Markdown body, and written as such."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any

from psgflask.core.language_names import LANGUAGES
from psgflask.manuscript.front_matter import (
    FrontMatter,
    format_manuscript,
    read_manuscript,
)
from psgflask.news.dateline import Dateline
from psgflask.news.drafts import AttachmentDraft, Draft, PictureDraft, name_of
from psgflask.news.models import Issue

# The name in front matter of each field of a draft that it has, in its order.
FIELD_NAMES: Mapping[str, str] = {
    field.name: name_of(field)
    for field in fields(Draft)
    if field.metadata.get("in_front_matter", True)
}
# `revision` is no field: it says which revision the file was written from.
NAMES = (*FIELD_NAMES.values(), "revision")
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
# A file of the site, as `flask news show --markdown` writes it.
STORED = re.compile(r"media/([0-9a-f]{64})/([\w.-]+)")


@dataclass(frozen=True)
class FileReference:
    """A picture or attachment that front matter refers to on a line."""

    line: int
    path: Path
    stored: tuple[str, str] | None = None  # hash and name of a file that the site has
    title: str = ""
    language: str = ""
    alt: str = ""
    decorative: bool = False
    caption: str = ""
    credit: str = ""


@dataclass(frozen=True)
class ArticleFile:
    """An article in a file; its draft has no pictures and attachments yet, only references."""

    path: Path
    draft: Draft
    lines: Mapping[str, int]
    pictures: tuple[FileReference, ...] = ()
    attachments: tuple[FileReference, ...] = ()
    revision: int | None = None


def read_article(path: Path) -> ArticleFile:
    """Read an article. Raises InvalidFile with every mistake, its line and what to write."""
    manuscript = read_manuscript(path, NAMES, HINTS)
    values = manuscript.front_matter
    draft = Draft(
        body=manuscript.body,
        **{
            field.name: _parse(values, FIELD_NAMES[field.name], field)
            for field in fields(Draft)
            if field.name in FIELD_NAMES and field.name not in ("pictures", "attachments")
        },
    )
    pictures = tuple(
        _picture(each, path.parent) for each in values.groups("pictures", PICTURE_NAMES)
    )
    attachments = tuple(
        _attachment(each, path.parent, draft.language)
        for each in values.groups("attachments", ATTACHMENT_NAMES)
    )
    revision = values.whole_number("revision")
    manuscript.finish("The text of the article is missing below the second ---")
    return ArticleFile(path, draft, dict(values.lines), pictures, attachments, revision)


def format_article(draft: Draft, revision: int | None = None) -> str:
    """Return the file from which `read_article` reads this draft, and of which revision it is."""
    values = {name: _format(getattr(draft, field)) for field, name in FIELD_NAMES.items()}
    values["revision"] = revision
    return format_manuscript(_without_empty(values), draft.body)


def _parse(values: FrontMatter, name: str, field: Field[Any]) -> Any:
    """Return the value of a field by its type; None where a required one is missing."""
    default = None if field.default is MISSING else field.default
    if field.type is bool:
        return values.is_yes(name)
    if field.type == Sequence[str]:
        return tuple(values.texts(name))
    if choices := field.metadata.get("choices"):
        return values.choice(name, choices, str(default))
    values.text(name, example=field.metadata.get("example"))
    return values.parse(name, field.metadata.get("parse", str), default)


def _format(value: Any) -> object:
    """Return a value of a draft as front matter has it, empty where it can be left out."""
    match value:
        case bool():
            return "yes" if value else ""
        case Dateline():
            return str(value)
        case (str(series), int(number)):
            return Issue(series=series, number=number).label
        case PictureDraft():
            alone = value.decorative and not value.alt
            picture = {
                "file": f"media/{value.file_hash}/{value.file_name}",
                "alt": value.alt,
                "decorative": "yes" if alone else "",
                "caption": value.caption,
                "credit": value.credit,
            }
            return _without_empty(picture)
        case AttachmentDraft():
            file = f"media/{value.file_hash}/{value.file_name}"
            return {"file": file, "title": value.title, "language": value.language}
        case tuple() | list():
            return [_format(each) for each in value]
        case _:
            return value


def _without_empty(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value}


def _picture(values: FrontMatter, folder: Path) -> FileReference:
    path, stored = _file(values, folder)
    alt, decorative = values.text("alt"), values.is_yes("decorative")
    if not alt and not decorative:
        values.add_mistake(
            "file",
            "The picture has no `alt`: say what it shows for those who cannot see it, or write"
            " `decorative: yes` if it only adorns",
        )
    if alt and decorative:
        values.add_mistake(
            "decorative", "A picture with `alt` is not decorative: keep one of the two"
        )
    caption, credit = values.text("caption"), values.text("credit")
    return FileReference(
        values.line("file"),
        path,
        stored,
        alt=alt,
        decorative=decorative,
        caption=caption,
        credit=credit,
    )


def _attachment(values: FrontMatter, folder: Path, language: str) -> FileReference:
    path, stored = _file(values, folder)
    return FileReference(
        values.line("file"),
        path,
        stored,
        title=values.text("title", example="Annual report 2018"),
        language=values.choice("language", LANGUAGES, language),
    )


def _file(values: FrontMatter, folder: Path) -> tuple[Path, tuple[str, str] | None]:
    name = values.text("file", example="strike.jpg")
    if "\0" in name:
        values.add_mistake("file", "The file's name holds a NUL character; remove it")
        return folder, None
    path = folder / name
    if name and not path.is_file():
        if match := STORED.fullmatch(name):
            return path, (match[1], match[2])
        values.add_mistake("file", f"There is no file {name!r} in {folder.resolve()}")
    return path, None
