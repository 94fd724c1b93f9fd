"""The sample content as it is written: which files there are, in which order they are loaded."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from psgflask.news.article_files import ArticleFile, read_article
from psgflask.pages.appeals import AppealText, read_appeal

FOLDER = Path(__file__).with_name("content")
PAGES = FOLDER / "pages"


@dataclass(frozen=True)
class TopicEntry:
    """A topic as topics.toml lists it."""

    slug: str
    kind: str
    english: str
    spanish: str


def topics() -> list[TopicEntry]:
    """Return the topics of the sample content."""
    return read_topics(FOLDER / "topics.toml")


def read_topics(file: Path) -> list[TopicEntry]:
    """Return the topics that a TOML file lists."""
    listed = tomllib.loads(file.read_text(encoding="utf-8"))["topics"]
    return [TopicEntry(**entry) for entry in listed]


def articles() -> list[ArticleFile]:
    """Return the news, the oldest first and what a translation translates before it.

    The files are numbered as the old home page listed them, newest first; articles of one day
    keep that order in the lists because the later one loaded stands above.
    """
    files = [read_article(file) for file in sorted((FOLDER / "news").glob("*.md"), reverse=True)]
    return sorted(files, key=lambda file: file.draft.translation_of is not None)


def appeals() -> list[AppealText]:
    """Return the appeal in each language that it is written in."""
    return [read_appeal(file) for file in sorted((FOLDER / "appeal").glob("*.md"))]
