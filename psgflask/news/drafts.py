"""What a writer submits, and the rules that every draft must keep.

The fields of `Draft` drive the rest: their front matter (article_files.py), their checks (`check`)
and the columns that publishing fills from them.
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.language_names import LANGUAGES
from psgflask.news.dateline import Dateline
from psgflask.news.models import KINDS, NEWS, Article, Attachment, Picture
from psgflask.news.slugs import is_slug

MAX_TITLE_LENGTH = 250
MAX_CORRECTION_LENGTH = 5_000
MAX_SERIES_LENGTH = 80
MAX_ALT_LENGTH, MAX_CAPTION_LENGTH, MAX_CREDIT_LENGTH = 500, 500, 200
# "Update 134", "Update no. 134", "Peru News 065". A series becomes a part of an address.
_SERIES = r"[^\W\d_][\w -]*"
SERIES = re.compile(_SERIES)
ISSUE = re.compile(rf"({_SERIES}?) (?:no\.? ?)?0*([1-9][0-9]{{0,5}})", re.IGNORECASE)
# What neither XML (the feeds) nor PostgreSQL can store.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class PublishingRefused(ValueError):
    """A rule forbids it; `field` names what must change, the message says how."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


@dataclass(frozen=True)
class PictureDraft:
    """A picture whose file is in the media folder already; sizes in pixels and bytes."""

    file_hash: str
    file_name: str
    media_type: str
    size: int
    width: int
    height: int
    alt: str = ""
    decorative: bool = False
    caption: str = ""
    credit: str = ""


@dataclass(frozen=True)
class AttachmentDraft:
    """A file to download that is in the media folder already; size in bytes."""

    file_hash: str
    file_name: str
    media_type: str
    size: int
    title: str
    language: str


FileDraft = PictureDraft | AttachmentDraft


def one_line(text: str) -> str:
    """Return a text with its spaces and line ends collapsed."""
    return " ".join(text.split())


def parse_issue(text: str) -> tuple[str, int]:
    """Parse "Update 134" or "Peru News 065" into series and number. Raises ValueError."""
    text = one_line(text)
    match = ISSUE.fullmatch(text)
    if not match:
        raise ValueError(
            f"{text[:80]!r} is no issue: write its series and number, as in Update 134"
        )
    return match[1], int(match[2])


def parse_slug(text: str) -> str:
    """Return the slug in a text, given alone or at the end of an address."""
    return text.rstrip("/").rpartition("/")[2]


def _required_text(longest: int, **rules: Any) -> Any:
    """Declare a required text of at most `longest` characters; `clean` changes what is stored."""
    return field(metadata={"longest": longest, "required": True, **rules})


def _optional_text(longest: int, **rules: Any) -> Any:
    """Declare an optional text of at most `longest` characters; it is stored stripped."""
    return field(
        default="", metadata={"longest": longest, "required": False, "clean": str.strip, **rules}
    )


@dataclass(frozen=True, kw_only=True)
class Draft:
    """All that a writer decides about an article, in the order of its front matter.

    Front matter calls a field by its name, with spaces, or by the `name` in its metadata.
    """

    title: str = _required_text(
        MAX_TITLE_LENGTH, clean=one_line, example="Teachers start new strike"
    )
    slug: str | None = None
    kind: str = field(default=NEWS, metadata={"choices": KINDS})
    language: str = field(default="en", metadata={"choices": LANGUAGES})
    dateline: Dateline = field(
        metadata={
            "name": "date",
            "parse": Dateline.parse,
            "example": "15 July 2018` or `date: undated",
        }
    )
    issue: tuple[str, int] | None = field(default=None, metadata={"parse": parse_issue})
    topics: Sequence[str] = ()
    translation_of: str | None = field(default=None, metadata={"parse": parse_slug})
    teaser: str = _required_text(
        2_000, clean=one_line, example="One or two sentences that stand in the lists"
    )
    members_only: bool = False
    byline: str = _optional_text(200)
    source: str = _optional_text(300)
    pictures: Sequence[PictureDraft] = ()
    attachments: Sequence[AttachmentDraft] = ()
    body: str = _required_text(400_000, in_front_matter=False)
    synthetic: bool = field(default=False, metadata={"in_front_matter": False})


def name_of(field: Field[Any]) -> str:
    """Return the name of a field for writers: in front matter and in messages."""
    return field.metadata.get("name") or field.name.replace("_", " ")


REQUIRED_TEXTS = [text for text in fields(Draft) if text.metadata.get("required")]
OPTIONAL_TEXTS = [text for text in fields(Draft) if text.metadata.get("required") is False]
# The fields that are columns of an article.
COLUMNS: Mapping[str, Callable[[Any], Any]] = {
    column.name: column.metadata.get("clean", lambda value: value)
    for column in fields(Draft)
    if column.name in Article.__table__.columns
}


def draft_of(session: Session, article: Article) -> Draft:
    """Return the draft that would leave an article as it is."""
    original = select(Article.slug).where(
        Article.work == article.work, Article.language != article.language
    )
    values: dict[str, Any] = {name: getattr(article, name) for name in COLUMNS}
    return Draft(
        **values,
        dateline=article.dateline,
        issue=(article.issue.series, article.issue.number) if article.issue else None,
        topics=tuple(topic.slug for topic in article.topics),
        translation_of=session.scalar(original),
        pictures=tuple(picture_draft(row) for row in article.pictures),
        attachments=tuple(attachment_draft(row) for row in article.attachments),
    )


def picture_draft(row: Picture) -> PictureDraft:
    """Return the draft of a picture's row."""
    return PictureDraft(**_values(row, PictureDraft))


def attachment_draft(row: Attachment) -> AttachmentDraft:
    """Return the draft of an attachment's row."""
    return AttachmentDraft(**_values(row, AttachmentDraft))


def _values(row: object, draft: type[FileDraft]) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in fields(draft)}


def check(draft: Draft) -> None:
    """Check a draft by itself. Raises PublishingRefused at the first rule that it breaks."""
    if draft.language not in LANGUAGES:
        raise PublishingRefused("language", "Write en or es")
    if draft.kind not in KINDS:
        raise PublishingRefused("kind", f"Write one of {', '.join(KINDS)}")
    for text in (*REQUIRED_TEXTS, *OPTIONAL_TEXTS):
        value, name = getattr(draft, text.name), name_of(text)
        if text in REQUIRED_TEXTS and not value.strip():
            raise PublishingRefused(name, f"The {name} is missing")
        check_text(name, value, text.metadata["longest"])
    if draft.slug is not None and not is_slug(draft.slug):
        raise PublishingRefused(
            "slug", "A slug is small letters and digits joined by hyphens, and not only digits"
        )
    if draft.issue is not None:
        _check_issue(*draft.issue)
    for picture in draft.pictures:
        _check_picture(picture)
    for file in draft.attachments:
        if not file.title.strip():
            raise PublishingRefused("attachments", f"{file.file_name} needs a title")
        check_text("attachments", file.title, MAX_TITLE_LENGTH)
        if file.language not in LANGUAGES:
            raise PublishingRefused("attachments", f"{file.file_name}: its language is en or es")


def check_text(field: str, text: str, longest: int, what: str = "") -> None:
    """Check a text's length and characters. Raises PublishingRefused."""
    what = what or field
    if len(text) > longest:
        raise PublishingRefused(
            field, f"The {what} has {len(text)} characters; at most {longest} fit"
        )
    # As typed, and as Markdown will read what is written as &#12;
    if match := UNPRINTABLE.search(html.unescape(text)):
        raise PublishingRefused(
            field, f"The {what} holds the unprintable character {match[0]!r}; remove it"
        )


def _check_issue(series: str, number: int) -> None:
    if not SERIES.fullmatch(series) or len(series) > MAX_SERIES_LENGTH or number < 1:
        raise PublishingRefused("issue", "An issue is a series and a number, as in Update 134")


def _check_picture(picture: PictureDraft) -> None:
    """Check a picture: it has an alt text or is decorative (WCAG 1.1.1)."""
    if not picture.alt.strip() and not picture.decorative:
        raise PublishingRefused(
            "pictures", f"{picture.file_name} needs an alt text, or is marked as decorative"
        )
    for what, text, longest in (
        ("alt text", picture.alt, MAX_ALT_LENGTH),
        ("caption", picture.caption, MAX_CAPTION_LENGTH),
        ("credit", picture.credit, MAX_CREDIT_LENGTH),
    ):
        check_text("pictures", text, longest, f"{what} of {picture.file_name}")
