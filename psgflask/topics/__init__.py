"""The catalogue read by topic; owns no table."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Open the room."""
    from psgflask.topics import views

    app.register_blueprint(views.blueprint)
