"""The catalogue by topic; has no table of its own."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the package with the app."""
    from psgflask.topics import views

    app.register_blueprint(views.blueprint)
