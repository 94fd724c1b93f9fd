"""The news: articles, their catalogue, their only writer, and the pages that show them."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Open the room: its pages, feeds, media, commands and what base.html needs of it."""
    from psgflask.news import counting, rendering
    from psgflask.news.cli import commands
    from psgflask.news.media import views as media
    from psgflask.news.web import feeds, views
    from psgflask.news.web import issues as issues  # adds its pages to the views' blueprint

    app.register_blueprint(views.blueprint)
    counting.init_app(app)
    feeds.init_app(app)
    media.init_app(app)
    rendering.init_app(app)
    commands.init_app(app)
