"""Serving of pictures and attachments: to whom a file is sent, and how."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import publishing
from psgflask.news.media.storage import StagedFiles, path_of, store_attachment, store_picture
from psgflask.news.models import Article
from tests import factories
from tests.factories import EDITOR
from tests.news.media.files import PDF, picture

Put = Callable[..., Article]


@pytest.fixture
def put(app: Flask, session: Session, tmp_path: Path) -> Put:
    """Publish an article with a picture and a report."""

    def put(status: str = "published", **values: object) -> Article:
        media = Path(app.instance_path) / "media"
        (tmp_path / "report.pdf").write_bytes(PDF)
        shown = picture(tmp_path / "march.jpg")
        with StagedFiles(media) as staged:
            march = replace(store_picture(shown, staged), alt="A march")
            report = store_attachment(
                tmp_path / "report.pdf", staged, title="The report", language="en"
            )
            staged.move()
        draft = replace(
            factories.draft(**values),  # type: ignore[arg-type]  # what the factory takes
            pictures=[march],
            attachments=[report],
        )
        now = utc_now()
        article = publishing.create(session, draft, by=EDITOR, now=now)
        if status == "scheduled":
            publishing.schedule(session, article, now + timedelta(days=1), by=EDITOR, now=now)
        elif status != "draft":
            publishing.publish(session, article, by=EDITOR, now=now)
        if status == "withdrawn":
            publishing.withdraw(session, article, by=EDITOR, now=now)
        session.commit()
        return article

    return put


def addresses(article: Article) -> tuple[str, str]:
    (march,), (report,) = article.pictures, article.attachments
    return (
        f"/media/{march.file_hash}/{march.file_name}",
        f"/media/{report.file_hash}/{report.file_name}",
    )


def test_a_picture_is_shown_and_an_attachment_downloaded(client: FlaskClient, put: Put) -> None:
    march, report = addresses(put())
    with client.get(march) as shown:
        assert shown.status_code == 200
        assert shown.headers["Content-Type"] == "image/jpeg"
        assert shown.headers["Content-Disposition"] == "inline; filename=march.jpg"
    with client.get(report) as sent:
        assert sent.data == PDF
        assert sent.headers["Content-Type"] == "application/pdf"
        assert sent.headers["Content-Disposition"] == "attachment; filename=report.pdf"
        assert sent.headers["X-Content-Type-Options"] == "nosniff"
        assert sent.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "Set-Cookie" not in sent.headers
        # Short: what is withdrawn shall be gone from caches soon.
        assert sent.cache_control.public
        assert sent.cache_control.max_age == 300


def test_an_unchanged_file_is_not_sent_again(client: FlaskClient, put: Put) -> None:
    march, _report = addresses(put())
    with client.get(march) as first:
        etag = first.headers["ETag"]
    with client.get(march, headers={"If-None-Match": etag}) as again:
        assert again.status_code == 304
        assert not again.data
        assert set(dict(again.headers)) <= {"ETag", "Cache-Control", "Vary", "Date"}


def test_a_range_of_a_file_may_be_requested(client: FlaskClient, put: Put) -> None:
    _march, report = addresses(put())
    with client.get(report, headers={"Range": "bytes=0-4"}) as part:
        assert part.status_code == 206
        assert part.data == b"%PDF-"
        assert part.headers["Content-Range"] == f"bytes 0-4/{len(PDF)}"
    with client.get(report, headers={"Range": "bytes=9999-"}) as beyond:
        assert beyond.status_code == 416
    with client.head(report) as head:
        assert head.headers["Content-Length"] == str(len(PDF))


@pytest.mark.parametrize(
    ("status", "code"), [("draft", 404), ("scheduled", 404), ("withdrawn", 410)]
)
def test_a_file_has_the_status_of_its_article(
    client: FlaskClient, put: Put, status: str, code: int
) -> None:
    for address in addresses(put(status)):
        with client.get(address) as response:
            assert response.status_code == code


def test_the_files_of_a_members_only_article_are_not_public(client: FlaskClient, put: Put) -> None:
    for address in addresses(put(members_only=True)):
        with client.get(address) as response:
            assert response.status_code == 404


def test_a_file_stops_when_its_article_is_withdrawn(
    client: FlaskClient, session: Session, put: Put
) -> None:
    article = put()
    march, _report = addresses(article)
    with client.get(march) as shown:
        etag = shown.headers["ETag"]
    publishing.withdraw(session, article, by=EDITOR, now=utc_now())
    session.commit()
    for headers in ({}, {"If-None-Match": etag}, {"Range": "bytes=0-4"}):
        with client.get(march, headers=headers) as response:
            assert response.status_code == 410


def test_a_shared_file_is_sent_as_long_as_one_article_shows_it(
    client: FlaskClient, put: Put
) -> None:
    put("withdrawn")
    march, _report = addresses(put(members_only=True))
    with client.get(march) as response:
        assert response.status_code == 410
    put()
    with client.get(march) as response:
        assert response.status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        lambda path: f"/es{path}",
        lambda path: path.replace("march.jpg", "march.php"),
        lambda path: path.replace("march.jpg", "..%2f..%2fpsg.sqlite"),
        lambda path: path.replace("/media/", "/media/0"),
        lambda path: path.upper().replace("/MEDIA/", "/media/").replace("MARCH.JPG", "march.jpg"),
        lambda path: "/media/" + "0" * 64 + "/march.jpg",
        lambda path: "/media/../config.py",
    ],
)
def test_no_other_address_gives_a_file(
    client: FlaskClient, put: Put, change: Callable[[str], str]
) -> None:
    march, _report = addresses(put())
    with client.get(change(march)) as response:
        assert response.status_code == 404


def test_a_lost_file_is_not_found(app: Flask, client: FlaskClient, put: Put) -> None:
    march, _report = addresses(put())
    path_of(Path(app.instance_path) / "media", march.split("/")[2]).unlink()
    with client.get(march) as response:
        assert response.status_code == 404


@pytest.mark.parametrize("prefix", ["", "/es"])
def test_the_article_s_page_shows_its_files(client: FlaskClient, put: Put, prefix: str) -> None:
    article = put(language="es" if prefix else "en")
    page = client.get(f"{prefix}/news/{article.slug}").text
    for address in addresses(article):
        assert f'"{address}"' in page
    assert 'alt="A march"' in page
