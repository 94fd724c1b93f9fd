"""R9: rows changed behind the ORM; `flask search check --repair` finds and mends every one.

`python -m tests.drills.drill_r9 [--articles 50000] [--changes 500] [--seed 9]`.
"""

import argparse
import random
import sys
import time

from flask import Flask
from sqlalchemy import select, text

from psgflask.core.database import db
from psgflask.news.models import Article
from psgflask.search.sync import indexer
from tests.drills.installation import fresh

CHECK_SECONDS = 30  # for 50,000 articles


def main() -> int:
    """Run the drill; return 0 when all was found and mended in time."""
    parser = argparse.ArgumentParser(description="R9: rows changed behind the ORM")
    parser.add_argument("--articles", type=int, default=50_000)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=9)
    args = parser.parse_args()
    with fresh(args.articles) as app:
        return drill(app, args.changes, random.Random(args.seed))


def drill(app: Flask, changes: int, chance: random.Random) -> int:
    """Change rows by plain SQL; print how many of them were found, how fast, and mended."""
    there = list(db.session.scalars(select(Article.id)))
    db.session.remove()
    args = chance.sample(there, changes)
    _change(args)
    begun = time.monotonic()
    drift = indexer.check(app)
    seconds = time.monotonic() - begun
    wanted = set(args) | _inserted()
    missed, wrong = wanted - drift.ids, drift.ids - wanted
    runner = app.test_cli_runner()
    codes = [runner.invoke(args=["search", "check", *how]).exit_code for how in ([], ["--repair"])]
    again = indexer.check(app)
    print(
        f"R9: {len(wanted)} rows of {len(there)} changed, {len(missed)} not found, {len(wrong)}"
        f" found wrongly, checked in {seconds:.1f} s, {len(again.ids)} differ after the repair"
    )
    late = seconds > CHECK_SECONDS * max(1, len(there) / 50_000)
    return 1 if missed or wrong or again or codes != [1, 0] or late else 0


def _change(ids: list[int]) -> None:
    """Update a third of the rows, withdraw a third, delete a third; insert as many as a third."""
    statements = (
        "UPDATE articles SET title = title || ' and more' WHERE id = :id",
        "UPDATE articles SET status = 'withdrawn' WHERE id = :id",
        "DELETE FROM articles WHERE id = :id",
    )
    columns = ", ".join(c.name for c in Article.__table__.columns if c.name != "id")
    values = columns.replace("work", "'w' || id").replace("slug", "slug || '-copy'")
    with db.engine.begin() as connection:
        kept = [number for place, number in enumerate(ids) if place % 3 == 0]
        for number in kept:
            connection.execute(
                text(
                    f"INSERT INTO articles ({columns}) SELECT {values} FROM articles WHERE id=:id"
                ),
                {"id": number},
            )
        for place, number in enumerate(ids):
            connection.execute(text(statements[place % 3]), {"id": number})


def _inserted() -> set[int]:
    found = set(db.session.scalars(select(Article.id).where(Article.slug.endswith("-copy"))))
    db.session.remove()
    return found


if __name__ == "__main__":
    sys.exit(main())
