"""Serves the pictures and attachments of articles to those who may see the article now."""

from dataclasses import dataclass

from flask import Blueprint, Flask, Response, abort, current_app, request, send_file
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import catalogue
from psgflask.news.catalogue import ANYBODY, Viewer
from psgflask.news.media.storage import is_file_hash, media_folder, path_of
from psgflask.news.models import WITHDRAWN, Article, Attachment, Picture
from psgflask.web import languages, slots

# Short, so that caches soon drop the file of a withdrawn article; its ETag makes a new request
# cheap.
MAX_AGE = 300  # seconds

blueprint = Blueprint("media", __name__)


@dataclass(frozen=True)
class ServedFile:
    """How a file is sent."""

    media_type: str
    to_download: bool


def init_app(app: Flask) -> None:
    """Register the pages and what templates use to link to files."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals.update(media_url=media_url)


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
@slots.use(slots.FILES)
def file(file_hash: str, name: str) -> Response:
    """Send a file or the requested range of it; 404 and 410 as for its article."""
    if request.script_root or not is_file_hash(file_hash):
        abort(404)
    served = find(db.session(), file_hash, name, ANYBODY)
    if served is None:
        abort(404)
    try:
        response = send_file(
            path_of(media_folder(current_app.instance_path), file_hash),
            mimetype=served.media_type,
            as_attachment=served.to_download,
            download_name=name,
            # By the time of the file, not its name: a damaged copy is not kept once it is repaired.
            etag=True,
            conditional=True,
            max_age=MAX_AGE,
        )
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
        abort(404)  # `flask doctor` and each backup name the file and its articles
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def find(session: Session, file_hash: str, name: str, viewer: Viewer) -> ServedFile | None:
    """Return how a file is sent to a viewer, None where they may not see it.

    One file may belong to several articles; one that the viewer may see is enough.
    Aborts with 410 where every article that showed it was withdrawn.
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
                return ServedFile(media_type, to_download=model is Attachment)
            withdrawn = withdrawn or article.status == WITHDRAWN
    if withdrawn:
        abort(410)
    return None
