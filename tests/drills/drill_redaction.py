"""Redaction: 200 names planted wherever an article has text, and nowhere left 60 s after commands.

`python -m tests.drills.drill_redaction [--articles 200]`. The real server, whose caches hold every
page before. Then `flask news redact` for each of four articles. Counted are the names in every byte
that the server sends, in every file of the instance folder (archives and PDFs unpacked) and in a
new backup.
"""

import argparse
import http.client
import io
import json
import random
import subprocess
import sys
import tarfile
import time
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from flask import Flask
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.mail import outbox
from psgflask.news import publishing
from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.news.media import file_texts
from psgflask.news.media.storage import (
    StagedFiles,
    media_folder,
    store_attachment,
    store_picture,
)
from psgflask.news.models import Article, Attachment, Picture
from psgflask.news.slugs import slugify
from psgflask.redirects import destinations
from psgflask.search.models import SearchCount, SearchQuery
from tests import factories, pdfs
from tests.benchmarks.servers import ROOT, Server, serving
from tests.drills.installation import close_connections, fresh

NAMES, ARTICLES, LIMIT = 200, 4, 60.0  # seconds
PLACES = (
    *("title", "teaser", "body", "byline", "source", "slug", "alt", "caption", "credit"),
    *("picture name", "file title", "file name", "text file", "word file", "pdf", "correction"),
    *("former title", "former body", "former alt", "former file", "spanish title", "spanish body"),
    *("redirect", "search log", "mail"),
)
EACH = NAMES // ARTICLES // len(PLACES)
BY = "drill"
COMMAND = [sys.executable, "-c", "from psgflask.ops.commands import main; main()"]
PAGES = (
    *("/", "/es/", "/news/", "/es/news/", "/news.atom", "/news.rss", "/es/news.atom"),
    *("/sitemap.xml", "/search/?q=puno", "/search.atom?q=puno", "/search.json?q=puno"),
)
Planted = dict[str, list[str]]  # the names by the slug of their article


def main() -> int:
    """Run the drill; return 0 when no name is left in time."""
    parser = argparse.ArgumentParser(description="Redaction of 200 names")
    parser.add_argument("--articles", type=int, default=200)
    args = parser.parse_args()
    with fresh(args.articles) as app:
        planted, addresses = _plant(app)
        close_connections()
        instance = Path(app.instance_path)
        with serving(PSG_INSTANCE=str(instance)) as server:
            names = [name for each in planted.values() for name in each]
            before = _served(server, addresses, names), _stored(instance, names)
            print(
                f"Redaction, before: {len(before[0])} of {len(names)} names are served,"
                f" {len(before[1])} are in the instance folder",
                flush=True,
            )
            begun = time.monotonic()
            for slug, own in planted.items():
                _run("news", "redact", slug, "--yes", "--by", BY, *(name.upper() for name in own))
            commands = time.monotonic() - begun
            served = _served(server, addresses, names)
            stored = _stored(instance, names)
            seconds = time.monotonic() - begun
            backup = instance.parent / "new.tar"
            _run("backup", str(backup))
            saved = _in_backup(backup, names)
    print(
        f"Redaction: {len(names)} names in {len(planted)} articles, {commands:.1f} s for"
        f" {len(planted)} commands; after {seconds:.1f} s {len(served)} names served,"
        f" {len(stored)} in the instance folder, {len(saved)} in a new backup"
    )
    for name in sorted({*served, *stored, *saved}):
        print(f"  {name}")
    missing = set(names) - before[0] - before[1]  # never planted: nothing would be proved
    left = served | stored | saved | missing
    return 1 if left or seconds > LIMIT else 0


def _names() -> Iterator[str]:
    """Yield names that are in no text of the archive; only the first one has an accent."""
    chance, seen = random.Random(14), set()
    syllables = ("qui", "hua", "zam", "bro", "tix", "cka", "pal", "lum", "ñaw", "yuq")
    while True:
        first = "".join(chance.choices(syllables, k=2)).capitalize() + "í"
        last = "".join(chance.choices(syllables, k=5)).replace("ñ", "n").capitalize()
        if last not in seen:
            seen.add(last)
            yield f"{first} {last}"


def _plant(app: Flask) -> tuple[Planted, list[str]]:
    """Write the articles; return the names by slug, and the addresses of what is served."""
    supply, planted, addresses = _names(), Planted(), list(PAGES)
    with app.app_context():
        for _number in range(ARTICLES):
            names = {place: [next(supply) for _n in range(EACH)] for place in PLACES}
            article = _write(app, db.session(), names)
            planted[article.slug] = [name for each in names.values() for name in each]
            files: list[Picture | Attachment] = [*article.pictures, *article.attachments]
            addresses += [f"/media/{file.file_hash}/{file.file_name}" for file in files]
        slugs = db.session.execute(select(Article.language, Article.slug)).all()
        addresses += [f"{'/es' * (lang == 'es')}/news/{slug}" for lang, slug in slugs]
    return planted, addresses


def _write(app: Flask, session: Session, names: dict[str, list[str]]) -> Article:
    """Write an article that has each name in its place, as it is now or as it was."""
    text = {place: " and ".join(each) for place, each in names.items()}
    now, folder = utc_now(), Path(app.instance_path).parent
    with StagedFiles(media_folder(app.instance_path)) as staged:
        picture, files, former = _files(staged, folder, text)
        article = publishing.create(
            session,
            factories.draft(
                f"Of {text['former title']}",
                slug=f"{slugify(text['slug'])}-in-puno",
                dated=now.date().isoformat(),
                body=f"In Puno.\n\nThere was {text['former body']}.",
                pictures=[replace(picture, alt=text["former alt"])],
                attachments=[former],
            ),
            by=BY,
            now=now,
        )
        publishing.publish(session, article, by=BY, now=now)
        present = factories.draft(
            f"Of {text['title']}",
            dated=now.date().isoformat(),
            teaser=f"With {text['teaser']} in Puno.",
            body=f"In Puno.\n\nThere was **{text['body']}**.",
            byline=text["byline"],
            source=text["source"],
            pictures=[picture],
            attachments=files,
        )
        publishing.revise(session, article, present, by=BY, now=now)
        file_texts.save(session, staged.texts)
        staged.move()
    publishing.correct(session, article, f"It was {text['correction']}.", by=BY, now=now)
    _write_beside(session, article, text, names)
    session.commit()
    return article


def _files(
    staged: StagedFiles, folder: Path, text: dict[str, str]
) -> tuple[PictureDraft, list[AttachmentDraft], AttachmentDraft]:
    """Return a picture, the files of an article, and one that it had before."""
    drawn = folder / f"{slugify(text['picture name'])}.png"
    Image.new("RGB", (40, 30), random.Random(text["alt"]).randrange(1 << 24)).save(drawn)
    picture = replace(
        store_picture(drawn, staged),
        alt=text["alt"],
        caption=text["caption"],
        credit=text["credit"],
    )
    word = io.BytesIO()
    with zipfile.ZipFile(word, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", f"<w:t>{text['word file']}</w:t>")
    contents = {
        f"{slugify(text['file name'])}.csv": b"a,b",
        "letter.txt": text["text file"].encode(),
        "letter.docx": word.getvalue(),
        "letter.pdf": pdfs.pdf(_ascii(text["pdf"])),
        "former.txt": text["former file"].encode(),
    }
    files = []
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content)
        title = text["file title"] if name.endswith("csv") else f"A {path.suffix}"
        files.append(store_attachment(path, staged, title=title, language="en"))
        path.unlink()
    drawn.unlink()
    return picture, files[:-1], files[-1]


def _write_beside(
    session: Session, article: Article, text: dict[str, str], names: dict[str, list[str]]
) -> None:
    """Write the translation, and what is of no article."""
    now = utc_now()
    spanish = factories.draft(
        f"De {text['spanish title']}",
        language="es",
        dated=now.date().isoformat(),
        translation_of=article.slug,
        body=f"En Puno, {text['spanish body']}.",
    )
    translation = publishing.create(session, spanish, by=BY, now=now)
    publishing.publish(session, translation, by=BY, now=now)
    path = f"/news/{article.slug}"
    destinations.record_move(session, f"/news/{slugify(text['redirect'])}", path)
    outbox.enqueue(
        session,
        kind="test",
        to="somebody@example.org",
        language="en",
        values={"text": text["mail"]},
        now=now,
        due=now + timedelta(hours=1),
    )
    for number, name in enumerate(names["search log"]):
        key = f"{article.id}-{number}"
        session.add(SearchQuery(key=key, text=name.casefold(), days=3, last_day=now.date()))
    # A query without counts would be tidied away.
    session.flush()
    for query in session.scalars(select(SearchQuery)).all():
        if session.get(SearchCount, (query.id, now.date(), False)) is None:
            session.add(SearchCount(query_id=query.id, day=now.date(), times=3, hits=1))


def _served(server: Server, addresses: Iterable[str], names: list[str]) -> set[str]:
    """Return the names in what is served at these addresses, and for searches for each name."""
    found: set[str] = set()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        for address in addresses:
            found |= _in_file(_get(connection, address), names)
        for name in names:
            beginning = quote(_last(name)[:6])
            for address in (f"/search/suggest?q={beginning}", f"/search/?q={beginning}"):
                found |= _in_file(_get(connection, address), names)
            results = _get(connection, f"/search.json?q={quote(name)}")
            # The query is repeated above; results may be of words that are like these.
            items = json.loads(results).get("items", [])
            found |= _in_file(json.dumps(items, ensure_ascii=False).encode(), names)
    return found


def _get(connection: http.client.HTTPConnection, address: str) -> bytes:
    connection.request("GET", address)
    return connection.getresponse().read()


def _stored(instance: Path, names: list[str]) -> set[str]:
    """Return the names in a folder: in files, archives, PDFs, and names of files."""
    found: set[str] = set()
    for file in instance.rglob("*"):
        found |= _in_file(str(file).encode(), names)
        if file.is_file():
            try:
                found |= _in_file(file.read_bytes(), names)
            except FileNotFoundError:  # the worker is at work
                continue
    return found


def _in_backup(backup: Path, names: list[str]) -> set[str]:
    with tarfile.open(backup) as archive:
        members = [opened.read() for each in archive if (opened := archive.extractfile(each))]
    return set().union(*(_in_file(data, names) for data in members))


def _in_file(data: bytes, names: list[str]) -> set[str]:
    """Return the names in a file, unpacked where it is an archive or a PDF."""
    texts = [data]
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            texts += [archive.read(name) for name in archive.namelist()]
    for part in data.split(b"stream\n")[1:] if data[:5] == b"%PDF-" else []:
        with suppress(zlib.error):
            texts.append(zlib.decompressobj().decompress(part))
    whole = b"\n".join(texts).lower()
    return {name for name in names if _last(name).encode() in whole}


def _last(name: str) -> str:
    """Return the part of a name that is looked for: it has no accent, and is no other's."""
    return name.split()[-1].lower()


def _ascii(text: str) -> str:
    return text.translate(str.maketrans("íñ", "in"))


def _run(*words: str) -> None:
    subprocess.run([*COMMAND, *words], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
