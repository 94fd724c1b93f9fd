"""The files that articles name and that are lost, damaged or unreadable, with those articles.

A file is named by the SHA-256 of its content, so the name tells whether the content is whole.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import file_digest
from pathlib import Path

from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from psgflask.core.paths import MEDIA
from psgflask.core.revisions import READ_AT_ONCE
from psgflask.news.media.storage import is_file_hash, path_of
from psgflask.news.models import Article, Attachment, Picture, Revision
from psgflask.news.slugs import article_name

LOST, DAMAGED, UNREADABLE = "lost", "damaged", "unreadable"
MAX_NAMED = 3  # articles, or names, in one line


@dataclass
class NamedFile:
    """What articles say of a file: its names, and the articles, as commands name them.

    `former` are the articles of which only a revision names it.
    """

    names: set[str] = field(default_factory=set)
    articles: set[str] = field(default_factory=set)
    former: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class BrokenFile:
    """A file that is not as the articles have it; `reason` says why it is unreadable."""

    file_hash: str
    state: str
    named: NamedFile
    reason: str = ""

    def __str__(self) -> str:
        """Say in a line what is wrong, and which articles it is of."""
        unreadable = f"cannot be read ({self.reason})"
        what = unreadable if self.state == UNREADABLE else f"is {self.state}"
        path = path_of(Path(MEDIA), self.file_hash)
        return f"{_listed(self.named.names)} of {self.owners} {what}: {path}"

    @property
    def owners(self) -> str:
        """The articles that show it, else those that did."""
        if self.named.articles:
            return _listed(self.named.articles)
        return f"earlier revisions of {_listed(self.named.former)}"


Digest = Callable[[str], str]


def find(session: Session, media: Path) -> list[BrokenFile]:
    """Return the broken files of a media folder, those that readers miss first.

    Reads every file that an article names: a second or two for 500 MB.
    """
    return compare(named_files(session), partial(digest, media))


def compare(named: Mapping[str, NamedFile], digest_of: Digest) -> list[BrokenFile]:
    """Return the broken ones of files by hash, those that readers miss first.

    `digest_of` returns the SHA-256 of what is there under a hash; it raises FileNotFoundError where
    nothing is, and OSError where it cannot be read.
    """
    broken = [
        BrokenFile(file_hash, state, named[file_hash], reason)
        for file_hash in sorted(named)
        for state, reason in _state(file_hash, digest_of)
    ]
    return sorted(broken, key=lambda file: not file.named.articles)


def digest(media: Path, file_hash: str) -> str:
    """Return the SHA-256 of a file's content, in hex. Raises OSError."""
    if not is_file_hash(file_hash):  # no name of ours: it may lead anywhere
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), file_hash)
    path = path_of(media, file_hash)
    if os.geteuid() == 0:
        _check_rights(path, media.stat())
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _check_rights(path: Path, media: os.stat_result) -> None:
    """Raise PermissionError where the owner of the media folder may not read what root may."""
    file = path.stat()
    right = stat.S_IROTH
    if file.st_uid == media.st_uid:
        right = stat.S_IRUSR
    elif file.st_gid == media.st_gid:
        right = stat.S_IRGRP
    if not file.st_mode & right:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def is_whole(media: Path, file_hash: str) -> bool:
    """Say whether a file is there, readable and undamaged."""
    return not any(_state(file_hash, partial(digest, media)))


def named_files(session: Session) -> dict[str, NamedFile]:
    """Return by hash all files that a picture, an attachment or a revision names."""
    named: dict[str, NamedFile] = {}
    for model in (Picture, Attachment):
        rows = select(model.file_hash, model.file_name, Article.slug, Article.language)
        for file_hash, name, slug, language in session.execute(
            rows.join(Article, model.article_id == Article.id)
        ):
            file = named.setdefault(file_hash, NamedFile())
            file.names.add(name)
            file.articles.add(article_name(slug, language))
    # A revision may be restored, so its files stay.
    for file_hash, name, owner in _of_revisions(session):
        file = named.setdefault(file_hash, NamedFile())
        file.names.add(name)
        if owner not in file.articles:
            file.former.add(owner)
    return named


def _of_revisions(session: Session) -> Iterator[tuple[str, str, str]]:
    """Yield hash, name and article of the files that revisions name."""
    snapshot = Revision.snapshot
    rows = (
        select(snapshot["pictures"], snapshot["attachments"], Article.slug, Article.language)
        .join(Article, Revision.article_id == Article.id)
        # Most have no file, and are not parsed.
        .where(cast(snapshot, Text).contains('"file_hash"', autoescape=True))
    )
    for pictures, attachments, slug, language in session.execute(
        rows.execution_options(yield_per=READ_AT_ONCE)
    ):
        for file in (*(pictures or ()), *(attachments or ())):
            yield file["file_hash"], file["file_name"], article_name(slug, language)


def _state(file_hash: str, digest_of: Digest) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a file, and why it cannot be read; nothing where it is whole."""
    try:
        if digest_of(file_hash) != file_hash:
            yield DAMAGED, ""
    except FileNotFoundError:
        yield LOST, ""
    except OSError as error:
        yield UNREADABLE, error.strerror or type(error).__name__


def _listed(names: Iterable[str]) -> str:
    first, more = sorted(names)[:MAX_NAMED], len(set(names)) - MAX_NAMED
    return ", ".join([*first, f"{more} more"] if more > 0 else first)
