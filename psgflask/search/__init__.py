"""Search: language, query, index, engine, keeper, results, and the page."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Open the room: index and keeper, engine, glossary, page, commands, the count of searches."""
    from psgflask.core import content_stamp
    from psgflask.search.cli import commands
    from psgflask.search.engine.vector import VectorEngine
    from psgflask.search.glossary.glossary import GlossaryCache
    from psgflask.search.models import GlossaryTerm
    from psgflask.search.search_log import tally
    from psgflask.search.sync import keeper
    from psgflask.search.web import feeds, views

    keeper.init_app(app)
    app.extensions["psg_search"] = VectorEngine(keeper.store(app))
    app.extensions["psg_glossary"] = GlossaryCache()
    content_stamp.shown_to_readers(GlossaryTerm)
    app.register_blueprint(views.blueprint)
    feeds.init_app(app)
    commands.init_app(app)
    tally.init_app(app)
