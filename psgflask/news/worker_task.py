"""The worker's task for news: read attached PDFs for the search."""

import threading

from flask import Flask
from sqlalchemy.orm import Session

from psgflask.core.database import db, read_only
from psgflask.news.media import broken_files, file_texts
from psgflask.news.media.pdf_text import extract
from psgflask.news.media.storage import media_folder, path_of


def run(app: Flask, stop: threading.Event | None = None) -> int:
    """Read every unread PDF, delete texts of files that are gone; return how many were read.

    Ends early once `stop` is set: one file may take long. A file that is lost or damaged is left
    for the next time: what a damaged one says would stay once it is whole again.
    """
    media = media_folder(app.instance_path)
    done = 0
    with read_only(), app.app_context(), Session(db.engine) as session:
        hashes = file_texts.unread(session)
        has_unattached = file_texts.has_unattached(session)
    for file_hash in hashes:
        if stop is not None and stop.is_set():
            return done
        if not broken_files.is_whole(media, file_hash):
            continue
        try:
            extracted = extract(path_of(media, file_hash))
        except OSError:
            continue
        with app.app_context(), Session(db.engine) as session:
            file_texts.save(session, {file_hash: extracted})
            session.commit()
        done += 1
    if has_unattached:
        with app.app_context(), Session(db.engine) as session:
            file_texts.delete_unattached(session)
            session.commit()
    return done
