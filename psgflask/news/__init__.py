"""News: articles, the catalogue, the only writer, and the pages that show them."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the package with the app: pages, feeds, media, commands, template globals."""
    from psgflask.core import content_stamp
    from psgflask.news import catalogue, counting
    from psgflask.news.cli import commands
    from psgflask.news.media import views as media
    from psgflask.news.models import Article, Attachment, Correction, Issue, Picture, Topic
    from psgflask.news.web import feeds, rendering, views
    from psgflask.news.web import issues as issues  # adds its pages to the views' blueprint
    from psgflask.web import caching

    app.register_blueprint(views.blueprint)
    counting.init_app(app)
    feeds.init_app(app)
    media.init_app(app)
    rendering.init_app(app)
    commands.init_app(app)
    content_stamp.shown_to_readers(Article, Topic, Issue, Picture, Attachment, Correction)
    caching.register_expiry(app, catalogue.next_due)
