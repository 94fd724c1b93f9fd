"""The articles that are searched: the synthetic archive, or Reuters-21578, in an installation."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import insert

from psgflask import create_app
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news.dateline import Dateline
from psgflask.news.models import NEWS, PUBLISHED, Article, article_topics
from psgflask.news.topics import add
from psgflask.ops import migrations
from psgflask.ops.installation import create_folders, write_config
from psgflask.search.documents import Document
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.sync import article_documents, indexer
from tests.sample_archive import loading

REUTERS = "reuters21578"
BATCH = 500
MAX_TOPICS = 60
MAX_TITLE_LENGTH = 250
_UNDATED, _FIRST_DAY = Dateline.undated(), date(1987, 1, 1)
SETTINGS = {"WORKER": False, "SECRET_KEY": "only-in-benchmarks-" * 2}


def installation(folder: Path, articles: int | None) -> Flask:
    """Return an installation in a folder, with so many synthetic articles or with Reuters'.

    What a run before prepared there is used again.
    """
    os.environ["PSG_INSTANCE"] = str(folder)
    ready = folder / "ready"
    if not ready.exists():
        create_folders(folder)
        write_config(folder)
    app = create_app(SETTINGS)
    with app.app_context():
        migrations.upgrade()
        if not ready.exists():
            if articles is None:
                _load_reuters()
            else:
                loading.load_archive(db.session(), articles, seed=1, now=utc_now())
            db.session.commit()
            indexer.rebuild(app)
            ready.touch()
        db.session.remove()
    try:
        indexer.store(app).verify()
    except IndexBroken:  # it was built by other code
        indexer.rebuild(app)
    return app


def reuters_file() -> Path | None:
    """Return the file of Reuters' articles in $PSG_CORPORA, None where there is none."""
    if not (corpora := os.environ.get("PSG_CORPORA")):
        return None
    file = Path(corpora, REUTERS, "articles.jsonl")
    return file if file.exists() else None


def everything(app: Flask) -> list[Document]:
    """Return all articles as the index is told of them."""
    with app.app_context():
        found = list(article_documents.all_documents(db.session(), utc_now()))
        db.session.remove()
    return found


def _load_reuters() -> None:
    file = reuters_file()
    assert file is not None
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    counts: dict[str, int] = {}
    for row in rows:
        for topic in row["topics"]:
            counts[topic] = counts.get(topic, 0) + 1
    session = db.session()
    common = sorted(counts, key=lambda topic: -counts[topic])[:MAX_TOPICS]
    topics = {
        name: add(
            session, f"code-{name}", kind="theme", name_en=f"Code {name}", name_es=f"Código {name}"
        ).id
        for name in common
    }
    for begin in range(0, len(rows), BATCH):
        batch = rows[begin : begin + BATCH]
        ids = session.scalars(
            insert(Article).returning(Article.id, sort_by_parameter_order=True),
            list(map(_article, batch)),
        ).all()
        links = [
            {"article_id": number, "topic_id": topics[topic]}
            for number, row in zip(ids, batch, strict=True)
            for topic in dict.fromkeys(row["topics"])
            if topic in topics
        ]
        session.execute(insert(article_topics), links)


def _article(row: dict[str, Any]) -> dict[str, Any]:
    # A few have no date.
    dateline = Dateline.of_day(date.fromisoformat(row["date"][:10])) if row["date"] else _UNDATED
    moment = datetime.combine(dateline.last or _FIRST_DAY, time(9), UTC)
    return {
        "kind": NEWS,
        "language": "en",
        "work": f"reuters-{row['id']}",
        "slug": f"reuters-{row['id']}",
        "title": (row["title"] or f"No title {row['id']}")[:MAX_TITLE_LENGTH],
        "teaser": "",
        "body": row["body"],
        "synthetic": True,
        "status": PUBLISHED,
        "publish_at": moment,
        "precision": dateline.precision,
        "dated_from": dateline.first,
        "dated_to": dateline.last,
        "order_date": dateline.order_date,
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
    }


def batches(found: list[Document]) -> Iterator[list[Document]]:
    """Yield documents some at a time."""
    for begin in range(0, len(found), BATCH):
        yield found[begin : begin + BATCH]
