"""Serve the pictures and attachments of articles, to whom the article may be shown now."""

import re
from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request, send_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.news.catalogue import ANYBODY, Viewer
from psgflask.news.media.store import place_of
from psgflask.news.models import WITHDRAWN, Article, Attachment, Picture
from psgflask.web import languages, slots

# Short, so that the file of a withdrawn article is gone from the caches as well soon after;
# its ETag makes asking again cheap.
MAX_AGE = 300  # seconds

blueprint = Blueprint("media", __name__)


@dataclass(frozen=True)
class Served:
    """A file as an article has it: how it is sent."""

    media_type: str
    to_download: bool


def init_app(app: Flask) -> None:
    """Serve the files and let templates link to them."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(media_url=media_url)


def folder() -> Path:
    """Return where this installation keeps its files."""
    return Path(current_app.instance_path) / "media"


def media_url(file: Picture | Attachment, *, external: bool = False) -> str:
    """Return the one address of a file, the same in both languages."""
    return languages.address(
        "media.file",
        language="en",
        external=external,
        file_hash=file.file_hash,
        name=file.file_name,
    )


@blueprint.get("/media/<file_hash>/<name>")
@slots.of_kind(slots.FILES)
def file(file_hash: str, name: str) -> Response:
    """Send a file, whole or the range asked for; 404 and 410 as its article answers."""
    if request.script_root or not re.fullmatch(r"[0-9a-f]{64}", file_hash):
        abort(404)
    served = find(db.session(), file_hash, name, ANYBODY)
    path = place_of(folder(), file_hash)
    if served is None or not path.is_file():
        abort(404)
    response = send_file(
        path,
        mimetype=served.media_type,
        as_attachment=served.to_download,
        download_name=name,
        conditional=True,
        etag=file_hash,
        max_age=MAX_AGE,
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def find(session: Session, file_hash: str, name: str, viewer: Viewer) -> Served | None:
    """Return how a file is sent to a viewer, None when there is none for them.

    One file may belong to several articles; it is enough that one of them may be shown.
    Aborts with 410 when all that was ever to be seen of it was withdrawn.
    """
    withdrawn = False
    now = utc_now()
    for model in (Picture, Attachment):
        owners = session.execute(
            select(Article, model.media_type)
            .join(model, model.article_id == Article.id)
            .where(model.file_hash == file_hash, model.file_name == name)
        )
        for article, media_type in owners:
            if catalogue.is_published(article, now) and catalogue.may_read_body(article, viewer):
                return Served(media_type, to_download=model is Attachment)
            withdrawn = withdrawn or article.status == WITHDRAWN
    if withdrawn:
        abort(410)
    return None
