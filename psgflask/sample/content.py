"""The sample content as it is written: which files there are, in which order they are loaded."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from psgflask import manuscript
from psgflask.languages import LANGUAGES
from psgflask.news.front_matter import ArticleFile, read_article

FOLDER = Path(__file__).with_name("content")
PAGES = FOLDER / "pages"


@dataclass(frozen=True)
class TopicEntry:
    """A topic as topics.toml lists it."""

    slug: str
    kind: str
    english: str
    spanish: str


@dataclass(frozen=True)
class AppealText:
    """An appeal as its file tells it; `article` is the slug of the item that announced it."""

    language: str
    title: str
    text: str
    article: str


@cache
def topics(*, archive: bool = False) -> tuple[TopicEntry, ...]:
    """Return the topics of the sample content, and those of the archive too if asked."""
    written = tomllib.loads((FOLDER / "topics.toml").read_text(encoding="utf-8"))
    entries = [*written["topics"], *(written["archive_topics"] if archive else ())]
    return tuple(TopicEntry(**entry) for entry in entries)


def articles() -> list[ArticleFile]:
    """Return the news, the oldest first and what a translation translates before it.

    The files are numbered as the old home page listed them, newest first; articles of one day
    keep that order in the lists because the later one loaded stands above.
    """
    files = [read_article(file) for file in sorted((FOLDER / "news").glob("*.md"), reverse=True)]
    return sorted(files, key=lambda file: file.draft.translation_of is not None)


def appeals() -> list[AppealText]:
    """Return the appeal in each language that it is written in."""
    return [_appeal(file) for file in sorted((FOLDER / "appeal").glob("*.md"))]


def _appeal(file: Path) -> AppealText:
    text = manuscript.read(file, ("language", "title", "article"))
    appeal = AppealText(
        language=text.head.choice("language", LANGUAGES, LANGUAGES[0]),
        title=text.head.text("title", example="Help us to go on"),
        text=text.body.strip(),
        article=text.head.text("article", example="psg-crowdfunding-campaign"),
    )
    text.head.finish()
    return appeal
