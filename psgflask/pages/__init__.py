"""Section pages and the appeal: what is not dated news."""

from flask import Flask

from psgflask.core import content_stamp
from psgflask.pages.models import Appeal, Page


def init_app(app: Flask) -> None:
    """Open the room: its pages and its commands."""
    from psgflask.pages import commands, views

    app.register_blueprint(views.blueprint)
    commands.init_app(app)
    content_stamp.shown_to_readers(Page, Appeal)
