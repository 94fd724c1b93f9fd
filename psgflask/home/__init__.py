"""The home page, sitemap and robots.txt, which use several packages."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the package with the app."""
    from psgflask.home import old_addresses, views

    app.register_blueprint(views.blueprint)
    old_addresses.init_app(app)
