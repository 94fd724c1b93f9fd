"""Fills the sites of the browser tests: one with every state a page can be in, two sparse ones."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from functools import partial
from io import BytesIO
from pathlib import Path

from flask import Flask
from PIL import Image
from sqlalchemy.orm import Session

from psgflask import create_app
from psgflask.accounts import confirmation_tokens, rate_limits
from psgflask.accounts.confirmation_tokens import JOIN, LIFETIME
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.members.web import form_tokens
from psgflask.news import catalogue, publishing
from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.news.media.storage import StagedFiles
from psgflask.search.glossary import GlossaryEditor, GlossaryEntry
from tests import factories

EVERYTHING = """The first paragraph has a [link](https://example.org/report), *words in italics*
and **words that count**.

## What the figures say

| Region | Projects | Share |
|---|---:|---:|
| Áncash | 41 | 12.5 % |
| Cajamarca | 38 | 11.6 % |

> The valley drinks from this river, and so will our grandchildren.

1. First, the study.
2. Then, the assembly.

- One short point
- Another short point

### A smaller heading

The last paragraph names Tía María and Castañeda.
"""
LONG_TITLE = (
    "After four nights of talks in Arequipa, farmers, the regional government and the company"
    " agree on what they will disagree about in the Tambo valley until the next round"
)
# Of every site of the tests, so that a test can sign what the site signs.
SECRET = "only-in-tests"
# What stands in the address of the page after sending, by how the applicant will pay.
SENT = {
    payment: form_tokens.sign_receipt(
        SECRET, form_tokens.Receipt("PSG 1042-9", "household", payment)
    )
    for payment in ("standing order", "cheque")
}
# The words of the page after the form about personal data, by whether a receipt is mailed.
ASKED = {
    mailed: form_tokens.sign_values(SECRET, "rights", ["R-17", "2026-12-30", mailed])
    for mailed in (True, False)
}
UNMAILED = form_tokens.sign_receipt(
    SECRET, form_tokens.Receipt("PSG 1042-9", "household", "cheque", mailed=False)
)
# Secrets of links that were mailed, by what has become of them.
LINKS = {
    "open": "open-link-of-the-tests-not-yet-pressed",
    "used": "used-link-of-the-tests-already-pressed",
    "expired": "expired-link-of-the-tests-come-too-late",
}


@contextmanager
def filled(instance: Path, kind: str) -> Iterator[Flask]:
    """Make an installation by the commands that `make run` uses, and fill it.

    "empty" has its standing pages alone, "young" the sample content (one year of news), "full"
    an article for each state that a page can be in besides.
    """
    before = os.environ.get("PSG_INSTANCE")
    os.environ["PSG_INSTANCE"] = str(instance)
    try:
        app = create_app({"SECRET_KEY": SECRET, "WORKER": False})
        commands = ["init"] if kind == "empty" else ["init", "sample-content"]
        for command in commands:
            done = app.test_cli_runner().invoke(args=[command])
            assert done.exit_code == 0, done.output
        if kind == "full":
            with app.app_context():
                _fill(db.session(), instance / "media")
        yield app
        with app.app_context():
            db.engine.dispose()
    finally:
        del os.environ["PSG_INSTANCE"]
        if before:
            os.environ["PSG_INSTANCE"] = before


def _fill(session: Session, media: Path) -> None:
    _articles(session, media)
    _lists(session)
    _in_spanish(session)
    _links(session)
    factories.appeal(
        session,
        title="A new roof for the archive",
        target=Decimal(20_000),
        total=Decimal(13_450),
        link="https://example.org/give",
        ends_on=(utc_now() + timedelta(days=400)).date(),
    )


# The index takes the articles together, at the commit that ends each function below.
_article = partial(factories.article, commit=False)


def _articles(session: Session, media: Path) -> None:
    now = utc_now()
    _article(
        session,
        "Everything an article can hold",
        slug="everything",
        dated="2017-03-09",
        body=EVERYTHING,
        topics=("mining", "environment"),
        byline="María Ñahui",
        source="La República, Lima",
        pictures=(_picture(media, "river", "A river in a wide valley"), _picture(media, "hill")),
        attachments=(_attachment(media),),
        now=now,
    )
    corrected = catalogue.find(session, "everything", "en")
    assert corrected is not None
    publishing.correct(session, corrected, "The share of Áncash was wrong.", by="x", now=now)
    said = "Only the teaser of this one is public."
    _article(session, LONG_TITLE, slug="long-title", dated="2016-11-30", now=now)
    _article(session, "For members", slug="for-members", teaser=said, members_only=True, now=now)
    _article(session, "Without a date", slug="without-a-date", dated="undated", now=now)
    _article(session, "Taken back", slug="taken-back", status="withdrawn", now=now)
    session.commit()


def _lists(session: Session) -> None:
    now = utc_now()
    for number in range(45):
        _article(
            session,
            f"Quechua radio broadcast {number + 1}",
            slug=f"radio-{number + 1}",
            dated=f"2015-{number % 12 + 1:02}-{number % 27 + 1:02}",
            topics=("society",) if number % 2 else ("politics", "society"),
            now=now,
        )
    for number, dated in ((134, "June-July 2009"), (133, "April-May 2009")):
        _article(
            session,
            f"The valley in Update {number}",
            slug=f"update-{number}",
            kind="update",
            dated=dated,
            issue=("Update", number),
            now=now,
        )
    _article(
        session,
        "A gathering",
        slug="gathering-65",
        dated="2011-05-31",
        issue=("Peru News", 65),
        now=now,
    )
    _article(session, "A report", kind="publication", slug="a-report", now=now)
    coming = (now + timedelta(days=200)).date().isoformat()
    _article(session, "To come", kind="event", slug="to-come", dated=coming, now=now)
    _article(session, "Long past", kind="event", slug="long-past", dated="2014-02-03", now=now)
    session.commit()


def _in_spanish(session: Session) -> None:
    factories.article(
        session,
        "Agua para el valle",
        slug="agua-para-el-valle",
        language="es",
        dated="2017-03-10",
        teaser="Los regantes piden que se mida el río.",
        body="Un párrafo.\n\n## Los datos\n\nOtro párrafo.",
        topics=("mining",),
        now=utc_now(),
    )
    GlossaryEditor(session).add(GlossaryEntry((("en", "irrigators"), ("es", "regantes"))))


def _links(session: Session) -> None:
    now = utc_now()
    for fate, secret in LINKS.items():
        issued_at = now - LIFETIME[JOIN] if fate == "expired" else now
        email = f"{fate}@example.org"
        token = confirmation_tokens.issue(session, JOIN, email=email, now=issued_at).token
        token.token_hash = hashlib.sha256(secret.encode()).hexdigest()
        if fate == "used":
            token.used_at = now
        if fate == "open":
            token.expires_at = now + timedelta(days=3000)
    # From here as many have applied as may in a day: the next one is asked to come back later.
    for number in range(
        next(
            limit.count
            for limit in rate_limits.RATE_LIMITS["join"]
            if limit.network and limit.period > rate_limits.HOUR
        )
    ):
        then = now - rate_limits.HOUR * (1 + number // 30)
        email = f"somebody-{number}@example.org"
        rate_limits.consume(
            session, "join", email=email, network="127.0.0.1", secret=SECRET, now=then
        )
    session.commit()


def _picture(media: Path, name: str, alt: str = "") -> PictureDraft:
    written = BytesIO()
    Image.new("RGB", (1200, 675), (96, 120, 110)).save(written, "PNG")
    return PictureDraft(
        file_hash=_keep(media, written.getvalue()),
        file_name=f"{name}.png",
        media_type="image/png",
        size=len(written.getvalue()),
        width=1200,
        height=675,
        alt=alt,
        decorative=not alt,
        caption=f"The {name}, seen from the road" if alt else "",
        credit="PSG" if alt else "",
    )


def _attachment(media: Path) -> AttachmentDraft:
    body = b"%PDF-1.4\n%%EOF\n"
    return AttachmentDraft(
        file_hash=_keep(media, body),
        file_name="figures.pdf",
        media_type="application/pdf",
        size=len(body),
        title="Las cifras",
        language="es",
    )


def _keep(media: Path, data: bytes) -> str:
    with StagedFiles(media) as staged:
        file_hash = staged.add(data)
        staged.move()
    return file_hash
