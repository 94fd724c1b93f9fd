"""Standing pages and appeals: what is not dated news."""

from flask import Flask

from psgflask.core import content_stamp
from psgflask.pages.models import Appeal, Page


def init_app(app: Flask) -> None:
    """Register the package with the app: its pages and commands."""
    from psgflask.pages import views
    from psgflask.pages.cli import commands

    app.register_blueprint(views.blueprint)
    commands.init_app(app)
    content_stamp.shown_to_readers(Page, Appeal)
