"""Accounts: confirmed e-mail addresses, and the rate limits on confirming one."""

from flask import Flask

from psgflask.accounts import models as models  # registers the tables
from psgflask.accounts import views


def init_app(app: Flask) -> None:
    """Register the package with the app."""
    app.register_blueprint(views.blueprint)
