"""What the commands of the news share: naming an article, and telling of a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import user_name, write_session
from psgflask.news import catalogue
from psgflask.news.drafts import PublishingRefused
from psgflask.news.front_matter import ArticleFile
from psgflask.news.models import Article

by_option = click.option("--by", default=user_name, help="Who does it (default: your user name).")


@contextmanager
def writing(file: ArticleFile | None = None) -> Iterator[Session]:
    """Give the session of one command; on any refusal nothing is changed and the reason is told.

    `file` is where the writer's words come from: a refusal of one of them tells its line.
    """
    try:
        with write_session(file.path if file else None) as session:
            yield session
    except PublishingRefused as error:
        line = file.lines.get(error.field) if file else None
        where = f"{file.path}, line {line}: " if file and line else ""
        raise click.ClickException(f"{where}{error}\nNothing was changed.") from error


def the_article(session: Session, name: str) -> Article:
    """Return the article that a volunteer means: its slug, es/slug, or its address."""
    parts = [part for part in name.strip().split("/") if part]
    slug = parts[-1] if parts else ""
    named = [part for part in parts[:-1] if part in LANGUAGES]
    # An address without a language is an English one; a slug alone may be of either.
    languages = named[:1] or (["en"] if "news" in parts[:-1] else list(LANGUAGES))
    found = [a for language in languages if (a := catalogue.find(session, slug, language))]
    if len(found) > 1:
        raise click.ClickException(f"There are two articles {slug!r}: write en/{slug} or es/{slug}")
    if not found:
        raise click.ClickException(f"There is no article {name!r}.{_nearest(session, slug)}")
    return found[0]


def _nearest(session: Session, slug: str) -> str:
    slugs = session.scalars(select(Article.slug)).all()
    near = get_close_matches(slug, slugs, n=3)
    return f" Did you mean {' or '.join(near)}?" if near else " `flask news list` shows them all"
