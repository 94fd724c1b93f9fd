"""The front page, sitemap and robots: what draws from several rooms."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Open the room."""
    from psgflask.home import old_addresses, views

    app.register_blueprint(views.blueprint)
    old_addresses.init_app(app)
