"""R2: kill the process that publishes, at random points; each article is whole or not there.

`python -m tests.drills.drill_r2 [--kills 200] [--seed 2] [--instance FOLDER]`. A process adds
articles with pictures, and moves them to other addresses, by the same commands that volunteers
use; it is killed with SIGKILL. After each kill everything that it had reported as done must be
there, and whatever is there must be complete: article, revisions, ledger or index, redirect, files.
"""

import argparse
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from psgflask import create_app
from psgflask.core.database import db
from psgflask.news.models import Article, Picture
from psgflask.ops import installation, migrations
from psgflask.redirects.models import Redirect
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.models import LedgerEntry
from psgflask.search.sync import indexer

SETTINGS = {"WORKER": False, "SECRET_KEY": "only-in-drills", "TESTING": True}
HEAD = """---
title: Article {name}
slug: {slug}
date: 15 July 2018
issue: Update {issue}
teaser: A sentence.
pictures:
  - file: {picture}
    alt: A red field
---
The text of {name}.
"""


def main() -> int:
    """Run the drill; return 0 when every kill left whole articles only."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--instance", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as spare:
        instance = (args.instance or Path(spare) / "instance").resolve()
        os.environ["PSG_INSTANCE"] = str(instance)
        return drill(instance, args.kills, random.Random(args.seed))


def drill(instance: Path, kills: int, chance: random.Random) -> int:
    """Kill as often as told and print what was found after each kill and in the end."""
    installation.create_folders(instance)
    app = create_app(SETTINGS)
    with app.app_context():
        migrations.upgrade()
        _close_connections()
    faults: list[str] = []
    acknowledged: dict[str, str] = {}
    begun = time.monotonic()
    for number in range(1, kills + 1):
        _publish_and_kill(instance, number, chance, acknowledged)
        with app.app_context():
            found = faults_of(app, acknowledged)
            _close_connections()
        faults += [f"kill {number}: {fault}" for fault in found]
    # One article that goes through: the index recovers by itself.
    with app.app_context():
        indexer.drain(app, wait=True)
        drift = indexer.check(app)
        total = len(db.session.scalars(select(Article.id)).all())
        _close_connections()
    faults += [f"after the drain the index differs: {drift}"] if drift else []
    seconds = time.monotonic() - begun
    print("\n".join(faults))
    print(
        f"R2: {kills} kills, {len(acknowledged)} articles reported done, {total} there,"
        f" {len(faults)} faults, {seconds:.0f} s"
    )
    return 1 if faults or not acknowledged else 0


def _close_connections() -> None:
    """Close the connections: the process that is forked next must inherit none."""
    db.session.remove()
    db.engine.dispose()


def _publish_and_kill(
    instance: Path, number: int, chance: random.Random, acknowledged: dict[str, str]
) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _publish_without_end(instance, number, writing)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as told:
        told.readline()  # it has begun
        # Some steps go through; their pace says how far into the next one the kill may fall.
        begun = time.monotonic()
        lines = [told.readline() for _ in range(chance.randint(1, 3))]
        pace = (time.monotonic() - begun) / len(lines)
        time.sleep(chance.uniform(0, 1.2) * pace)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for line in [*lines, *told]:
            # A line that the kill cut off was not reported.
            if line.endswith("\n"):
                name, slug = line.split()
                acknowledged[name] = slug


def _publish_without_end(instance: Path, number: int, told: int) -> None:
    from PIL import Image

    folder = Path(tempfile.mkdtemp(dir=instance))
    app = create_app(SETTINGS)
    os.write(told, b"begun\n")
    count = 0
    while True:
        count += 1
        name = f"n{number}-{count}"
        Image.new("RGB", (8, 8), (number % 256, count % 256, 7)).save(folder / "red.png")
        _run(app, folder, name, name, ["add", "--publish", "--by", "drill"])
        os.write(told, f"{name} {name}\n".encode())
        moved = f"{name}-moved"
        _run(app, folder, name, moved, ["edit", name, "--by", "drill"])
        os.write(told, f"{name} {moved}\n".encode())


def _run(app: Flask, folder: Path, name: str, slug: str, command: list[str]) -> None:
    file = folder / "article.md"
    issue = 1 + hash(name) % 500
    file.write_text(HEAD.format(name=name, slug=slug, issue=issue, picture="red.png"))
    result = app.test_cli_runner().invoke(args=["news", *command, str(file)])
    if result.exit_code:
        sys.stderr.write(result.output)
        os._exit(3)


def faults_of(app: Flask, acknowledged: dict[str, str]) -> list[str]:
    """Return what is not whole: of the articles that are there, and of those reported done."""
    session = db.session()
    articles = {article.slug: article for article in session.scalars(select(Article))}
    faults = [
        f"{name} was reported at {slug} and is not there"
        for name, slug in acknowledged.items()
        # It may have moved on before the kill, without time to say so.
        if slug not in articles and f"{name}-moved" not in articles
    ]
    known = _known_to_search(app)
    redirects = {row.old: row.new for row in session.scalars(select(Redirect))}
    for article in articles.values():
        faults += [f"{article.slug}: {fault}" for fault in _faults_of(article, redirects)]
        if article.id not in known:
            faults.append(f"{article.slug}: neither in the ledger nor in the index")
    return faults + _faults_of_files(app)


def _known_to_search(app: Flask) -> set[int]:
    waiting = set(db.session.scalars(select(LedgerEntry.article_id)))
    try:
        return waiting | set(indexer.store(app).hashes())
    except IndexBroken:
        return waiting  # it is built anew from the database


def _faults_of(article: Article, redirects: dict[str, str]) -> list[str]:
    whats = [revision.what for revision in article.revisions]
    moved = article.slug.endswith("-moved")
    wanted = ["created", "published", "revised"] if moved else ["created", "published"]
    faults = []
    if whats != wanted:
        faults.append(f"its revisions are {whats}")
    if [revision.number for revision in article.revisions] != list(range(1, len(whats) + 1)):
        faults.append("its revisions are misnumbered")
    if article.revisions and article.revisions[-1].snapshot["slug"] != article.slug:
        faults.append("its last revision says another address")
    if article.status != "published" or article.publish_at is None:
        faults.append("it is not public")
    former = f"/news/{article.slug.removesuffix('-moved')}"
    if redirects.get(former) != (f"/news/{article.slug}" if moved else None):
        faults.append(f"its former address leads to {redirects.get(former)}")
    if article.issue is None or len(article.pictures) != 1:
        faults.append("its issue or its picture is missing")
    return faults


def _faults_of_files(app: Flask) -> list[str]:
    media = Path(app.instance_path) / "media"
    placed = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in media.glob("[0-9a-f][0-9a-f]/*")
    }
    wanted = set(db.session.scalars(select(Picture.file_hash)))
    faults = [f"the file {name} is not whole" for name in placed if placed[name] != name]
    return faults + [f"the file {name} is missing" for name in wanted - placed.keys()]


if __name__ == "__main__":
    sys.exit(main())
