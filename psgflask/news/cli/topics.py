"""`flask news topic`: the topics that articles may have."""

import shlex

import click
from flask.cli import AppGroup
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core.terminal import echo, json_option, print_json, print_table, read_session
from psgflask.news import catalogue, topics
from psgflask.news.cli.output import transaction
from psgflask.news.models import THEME, TOPIC_KINDS, Topic, article_topics

topic = AppGroup("topic", help="The topics: themes, places, organisations.")
KIND = click.Choice(TOPIC_KINDS)


@topic.command()
@click.argument("slug")
@click.option("--en", required=True, help="Its English name.")
@click.option("--es", required=True, help="Its Spanish name.")
@click.option("--kind", type=KIND, default=THEME, show_default=True)
def add(slug: str, en: str, es: str, kind: str) -> None:
    """Add a topic; SLUG is the end of its address."""
    with transaction() as session:
        topics.add(session, slug, kind=kind, name_en=en, name_es=es)
        session.commit()
    echo(f"Added the topic {slug}")


@topic.command()
@click.argument("slug")
@click.option("--en", help="Its new English name.")
@click.option("--es", help="Its new Spanish name.")
@click.option("--kind", type=KIND)
@click.option("--slug", "new_slug", help="A new end of its address; the old one leads there.")
def rename(
    slug: str, en: str | None, es: str | None, kind: str | None, new_slug: str | None
) -> None:
    """Change the names, the kind or the address of the topic SLUG."""
    with transaction() as session:
        found = _the_topic(session, slug)
        before = _options(found)
        topics.rename(session, found, kind=kind, name_en=en, name_es=es, slug=new_slug)
        session.commit()
    echo(f"Saved the topic {new_slug or slug}")
    echo(f"To undo: flask news topic rename {new_slug or slug} {before} --slug {slug}")


@topic.command()
@click.argument("slug")
def remove(slug: str) -> None:
    """Remove the topic SLUG, which no article has."""
    with transaction() as session:
        found = _the_topic(session, slug)
        before = _options(found)
        topics.remove(session, found)
        session.commit()
    echo(f"Removed the topic {slug}")
    echo(f"To undo: flask news topic add {slug} {before}")


@topic.command("list")
@json_option
def list_topics(as_json: bool) -> None:
    """List the topics and how many articles have each, public or not."""
    with read_session() as session:
        numbers = func.count(article_topics.c.article_id)
        counted = session.execute(
            select(Topic, numbers)
            .outerjoin(article_topics, article_topics.c.topic_id == Topic.id)
            .group_by(Topic.id)
            .order_by(Topic.kind, Topic.slug)
        )
        rows = [
            {
                "slug": found.slug,
                "kind": found.kind,
                "english": found.name_en,
                "spanish": found.name_es,
                "articles": number,
            }
            for found, number in counted
        ]
    if as_json:
        print_json(rows)
        return
    columns = ("slug", "kind", "english", "spanish", "articles")
    print_table(columns, [[row[column] for column in columns] for row in rows])


def _options(found: Topic) -> str:
    """Return the options that give a topic its present names and kind."""
    names = shlex.quote(found.name_en), shlex.quote(found.name_es)
    return "--en {} --es {} --kind {}".format(*names, found.kind)


def _the_topic(session: Session, slug: str) -> Topic:
    found = catalogue.find_topic(session, slug)
    if found is None:
        raise click.ClickException(f"There is no topic {slug!r}; `flask news topic list` has all")
    return found
