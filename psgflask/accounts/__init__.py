"""Accounts: addresses proved, and what is limited on the way there."""

from flask import Flask

from psgflask.accounts import models as models  # its tables are the database's, whoever asks
from psgflask.accounts import views


def init_app(app: Flask) -> None:
    """Open the room."""
    app.register_blueprint(views.blueprint)
