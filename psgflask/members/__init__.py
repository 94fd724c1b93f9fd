"""Members: joining, who has joined, what they agreed to and paid."""

from flask import Flask

from psgflask.members import commands, tending, views
from psgflask.members import joining as joining  # it hears when an address is proved
from psgflask.members import models as models  # its tables are the database's, whoever asks


def init_app(app: Flask) -> None:
    """Open the room."""
    app.register_blueprint(views.blueprint)
    tending.init_app(app)
    commands.init_app(app)
