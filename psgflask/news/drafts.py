"""What a writer hands in, and the rules that it must keep whatever else there is."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

from psgflask.core.language_names import LANGUAGES
from psgflask.news.dateline import Dateline
from psgflask.news.models import KINDS, NEWS, Attachment, Picture
from psgflask.news.slugs import is_slug

LONGEST_TITLE = 250
LONGEST_TEASER = 2_000
LONGEST_BODY = 400_000
LONGEST_CORRECTION = 5_000
LONGEST_BYLINE, LONGEST_SOURCE, LONGEST_SERIES = 200, 300, 80
LONGEST_ALT, LONGEST_CAPTION, LONGEST_CREDIT = 500, 500, 200
SERIES = re.compile(r"[^\W\d_][\w -]*")  # it becomes a part of an address
# What neither XML (the feeds) nor PostgreSQL can hold.
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class PublishingRefused(ValueError):
    """A rule stands against it; `field` names what must change, the message says how."""

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


@dataclass(frozen=True)
class Draft:
    """All that a writer decides about an article."""

    title: str
    teaser: str
    body: str
    dateline: Dateline
    language: str = "en"
    kind: str = NEWS
    slug: str | None = None
    issue: tuple[str, int] | None = None
    topics: Sequence[str] = ()
    translation_of: str | None = None
    members_only: bool = False
    byline: str = ""
    source: str = ""
    synthetic: bool = False
    pictures: Sequence[PictureDraft] = field(default=())
    attachments: Sequence[AttachmentDraft] = field(default=())


FileDraft = PictureDraft | AttachmentDraft


def file_draft(row: Picture | Attachment) -> FileDraft:
    """Return the draft of a picture's or an attachment's row."""
    draft = PictureDraft if isinstance(row, Picture) else AttachmentDraft
    return draft(**{column.name: getattr(row, column.name) for column in fields(draft)})


def check(draft: Draft) -> None:
    """Check a draft by itself. Raises PublishingRefused at the first rule that it breaks."""
    if draft.language not in LANGUAGES:
        raise PublishingRefused("language", "Write en or es")
    if draft.kind not in KINDS:
        raise PublishingRefused("kind", f"Write one of {', '.join(KINDS)}")
    for name, text, longest in (
        ("title", draft.title, LONGEST_TITLE),
        ("teaser", draft.teaser, LONGEST_TEASER),
        ("body", draft.body, LONGEST_BODY),
    ):
        if not text.strip():
            raise PublishingRefused(name, f"The {name} is missing")
        check_text(name, text, longest)
    check_text("byline", draft.byline, LONGEST_BYLINE)
    check_text("source", draft.source, LONGEST_SOURCE)
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
        check_text("attachments", file.title, LONGEST_TITLE)
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
    if found := UNPRINTABLE.search(html.unescape(text)):
        raise PublishingRefused(
            field, f"The {what} holds the unprintable character {found[0]!r}; remove it"
        )


def _check_issue(series: str, number: int) -> None:
    if not SERIES.fullmatch(series) or len(series) > LONGEST_SERIES or number < 1:
        raise PublishingRefused("issue", "An issue is a series and a number, as in Update 134")


def _check_picture(picture: PictureDraft) -> None:
    """A picture says what it shows or is decorative: who cannot see it is told (WCAG 1.1.1)."""
    if not picture.alt.strip() and not picture.decorative:
        raise PublishingRefused(
            "pictures", f"{picture.file_name} needs an alt text, or is marked as decorative"
        )
    for what, text, longest in (
        ("alt text", picture.alt, LONGEST_ALT),
        ("caption", picture.caption, LONGEST_CAPTION),
        ("credit", picture.credit, LONGEST_CREDIT),
    ):
        check_text("pictures", text, longest, f"{what} of {picture.file_name}")
