"""R10: an hourly backup restored on an empty machine by the written page, with times and sizes.

`python -m tests.drills.drill_r10 [--articles 50000] [--megabytes 500]`. The worker's task makes two
backups; their folder is copied, and restored with the commands of docs/operating.md alone. Rows and
files are compared by hash, a server starts on them, and a search finds what it found before.
"""

import argparse
import hashlib
import http.client
import json
import os
import random
import shutil
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import insert, select

from psgflask.core.database import db
from psgflask.news.media.storage import media_folder, path_of
from psgflask.news.models import Article, Picture
from psgflask.ops import hourly_backups
from tests.benchmarks.servers import serving
from tests.drills import restoring
from tests.drills.installation import close_connections, fresh

MAX_MINUTES = 15.0
FILE_SIZE = 100_000  # bytes
SEARCH = "/search.json?q=mining+protest"
# What a restore changes, and why: tests/ops/test_backup_contents.py.
CHANGED = {"outbox"}


def main() -> int:
    """Run the drill; return 0 when all is the same, in time."""
    parser = argparse.ArgumentParser(description="R10: backup and restore by the written page")
    parser.add_argument("--articles", type=int, default=50_000)
    parser.add_argument("--megabytes", type=int, default=500)
    args = parser.parse_args()
    with fresh(args.articles) as app:
        _add_media(app, args.megabytes)
        return drill(app)


def drill(app: Flask) -> int:
    """Back up twice, restore, compare; print what differs and how long it took."""
    instance = Path(app.instance_path)
    folder = Path(f"{instance}-backups")
    for number in (1, 2):
        hourly_backups.INTERVAL = timedelta(0)
        begun = time.monotonic()
        hourly_backups.run(app)
        seconds = time.monotonic() - begun
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(
            f"R10: backup {number} in {seconds:.1f} s, the folder {size / 1e6:,.0f} MB", flush=True
        )
        time.sleep(1)  # names are seconds
    before = _search(app)
    close_connections()
    newest = hourly_backups.in_folder(folder)[0].file
    print(f"R10: an archive takes {newest.stat().st_size / 1e6:,.1f} MB")
    elsewhere = instance.parent / "elsewhere"
    shutil.copytree(folder, elsewhere / "copied")
    restored = elsewhere / "instance"

    begun = time.monotonic()
    done = restoring.restore(elsewhere / "copied" / newest.name, restored)
    in_place = time.monotonic() - begun
    if done.returncode:
        print(done.stdout)
        return 1
    confirm = restoring.lines_of_page("erase-again --confirm")[-1]
    confirmed = restoring.run_line(confirm, restored)
    doctor = restoring.psgflask(restored, "doctor")
    with serving(PSG_INSTANCE=str(restored), PSG_BACKUP_FOLDER="off") as server:
        found = _ask(server.port)
    minutes = (time.monotonic() - begun) / 60
    wrong = _differences(instance, restored)
    wrong += [] if found == before else ["the search"]
    wrong += [step.stdout for step in (confirmed, doctor) if step.returncode]
    rows, files = (
        restoring.table_hashes(restored / "psg.sqlite"),
        restoring.hashes(restored / "media"),
    )
    print(
        f"R10: {rows['articles'][0]} articles, {len(files)} media files; restored in"
        f" {in_place / 60:.1f} min, served and searched after {minutes:.1f} min (at most"
        f" {MAX_MINUTES:g}); {len(wrong)} differences, the search finds {found['total']}"
    )
    for line in wrong:
        print(f"  {line}")
    return 1 if wrong or minutes > MAX_MINUTES or not found["total"] else 0


def _add_media(app: Flask, megabytes: int) -> None:
    """Give articles pictures of random bytes, as many as the media shall have megabytes."""
    chance = random.Random(10)
    media = media_folder(app.instance_path)
    ids = db.session.scalars(select(Article.id)).all()
    rows: list[dict[str, Any]] = []
    for number in range(megabytes * 1_000_000 // FILE_SIZE):
        content = chance.randbytes(FILE_SIZE)
        name = hashlib.sha256(content).hexdigest()
        file = path_of(media, name)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        picture = {"article_id": ids[number % len(ids)], "file_hash": name, "size": FILE_SIZE}
        shape = {"file_name": f"{number}.jpg", "media_type": "image/jpeg", "width": 8, "height": 8}
        rows.append({**picture, **shape, "alt": "A picture"})
    if rows:
        db.session.execute(insert(Picture), rows)
    db.session.commit()
    db.session.remove()
    os.sync()


def _differences(instance: Path, restored: Path) -> list[str]:
    """Return the tables, media and lists that are not the same."""
    before, after = (restoring.table_hashes(at / "psg.sqlite") for at in (instance, restored))
    # The restore and the confirmation are noted there.
    same = before.keys() - CHANGED - {"audit"}
    wrong = [f"the table {name}" for name in sorted(same) if before[name] != after.get(name)]
    there, back = (restoring.hashes(at / "media") for at in (instance, restored))
    return (
        wrong
        + [f"media/{name}" for name in sorted(there.keys() ^ back.keys())]
        + [
            f"media/{name}"
            for name in sorted(there.keys() & back.keys())
            if there[name] != back[name]
        ]
    )


def _search(app: Flask) -> dict[str, Any]:
    return _summary(json.loads(app.test_client().get(SEARCH).data))


def _ask(port: int) -> dict[str, Any]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", SEARCH, headers={"Host": "127.0.0.1:8000"})
        return _summary(json.loads(connection.getresponse().read()))


def _summary(found: dict[str, Any]) -> dict[str, Any]:
    titles = [item["title"] for item in found["items"]]
    return {"total": found["_search"]["total"], "titles": titles}


if __name__ == "__main__":
    sys.exit(main())
