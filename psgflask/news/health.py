"""The health check of news: can search read every attached PDF?"""

from collections.abc import Iterator

from flask import Flask

from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, OK, Finding
from psgflask.news.media import file_texts

MAX_NAMED = 5


def check_attached_texts(app: Flask) -> Iterator[Finding]:
    """Could every attached PDF be read?"""
    unreadable, unread = file_texts.unreadable(db.session()), len(file_texts.unread(db.session()))
    for name, problem in unreadable[:MAX_NAMED]:
        advice = "Attach it saved anew, with its text; psgflask news read-attachments lists all"
        yield Finding("attachments", ATTENTION, f"{name} could not be read: {problem}", advice)
    if unread:
        text = f"{unread} attached PDFs are still to be read for the search"
        yield Finding("attachments", ATTENTION, text, "psgflask news read-attachments")
    elif not unreadable:
        yield Finding("attachments", OK, "Every attached PDF was read")
