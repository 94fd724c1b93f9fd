"""S2: floods of searches and of pages on the real server; the home page must stay quick.

`python -m tests.drills.drill_s2 [--articles 10000] [--clients 80] [--seconds 20]`. One flood after
the other: searches, places in lists that are none, places never asked for before, positions of the
old site, addresses without a page, articles never asked for before. While pages are flooded, the
content changes every other second, so that the home page must be drawn again.
"""

import argparse
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from flask import Flask
from sqlalchemy import select

from psgflask.core import content_stamp
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.news.models import Article
from psgflask.search.language import words
from psgflask.search.sync import article_documents
from tests.drills import drill_r5, flood
from tests.drills.installation import close_connections, fresh

MAX_HOME_P95 = 100  # ms
WORDS_OF = 200  # articles
CHANGES_EVERY = 2.0  # seconds
GOOD = {200, 301, 302, 400, 404, 503}

Address = Callable[[Random], str]


def main() -> int:
    """Run the drill; return 0 when the home page kept to its time and nothing failed."""
    parser = argparse.ArgumentParser(description="S2: floods of searches and of pages")
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=80)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--only", default="", help="the first words of one flood")
    args = parser.parse_args()
    failed = 0
    with fresh(args.articles) as app:
        floods = {name: how for name, how in _floods(app) if name.startswith(args.only)}
        with drill_r5.site() as port:
            flood.run(port, lambda _rng: "/", 2, 2)  # warm
            for name, address in floods.items():
                with _changing(app, name != "searches"):
                    outcome = flood.run(port, address, args.clients, args.seconds)
                well = outcome.home_p95 <= MAX_HOME_P95 and set(outcome.statuses) <= GOOD
                failed += not well
                print(f"S2, {name}: {outcome.summary()}{'' if well else '  FAILED'}", flush=True)
    return 1 if failed else 0


def _floods(app: Flask) -> Iterator[tuple[str, Address]]:
    with app.app_context():
        session = db.session()
        some = article_documents.documents_of(session, range(1, WORDS_OF + 1), utc_now())
        known = [word.folded for each in some for word in words(each.body) if len(word.folded) > 3]
        rows = session.execute(
            select(Article.id, Article.order_date, Article.language, Article.slug)
            .where(catalogue.published(utc_now()), Article.kind.in_(catalogue.NEWS_KINDS))
            .order_by(Article.id)
        ).all()
        close_connections()
    Random(2).shuffle(rows := list(rows))
    places = iter([f"{day}.{number}" for number, day, _language, _slug in rows] * 9)
    articles = iter([f"{'/es' * (each[2] == 'es')}/news/{each[3]}" for each in rows] * 9)
    pairs = [(day.year, f"{day}.{number}") for number, day, _language, _slug in rows]
    listed = iter([f"/news/{year}/?before={place}" for year, place in pairs if year > 1])
    yield "searches", lambda chance: f"/search/?q={chance.choice(known)}+{chance.choice(known)}"
    yield "places that are none", lambda chance: f"/news/2018/?before=2018-07-15.{chance.random()}"
    yield "places of years", lambda chance: next(listed, f"/news/?after={next(places)}")
    yield "old positions", lambda chance: f"/news.php?position={chance.randrange(9_000)}"
    yield "missing pages", lambda chance: f"/nothing/{chance.random()}"
    yield "articles", lambda chance: next(articles)


@contextmanager
def _changing(app: Flask, really: bool) -> Iterator[None]:
    """Change the content again and again while the block runs."""
    over = threading.Event()

    def change() -> None:
        while really and not over.wait(CHANGES_EVERY):
            with app.app_context():
                content_stamp.content_changed(db.session())
                db.session.commit()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
