"""Members: joining, who has joined, what they agreed to and paid."""

from flask import Flask

from psgflask.members import applications as applications  # listens for confirmed addresses
from psgflask.members import models as models  # defines tables
from psgflask.members import worker_task
from psgflask.members.cli import commands
from psgflask.members.web import rights as rights_pages
from psgflask.members.web import views


def init_app(app: Flask) -> None:
    """Register the package with the app."""
    app.register_blueprint(views.blueprint)
    app.register_blueprint(rights_pages.blueprint)
    worker_task.init_app(app)
    commands.init_app(app)
