"""Search: text analysis, query language, engine, index and its sync, glossary, log, and pages."""

from pathlib import Path

from flask import Flask


def init_app(app: Flask) -> None:
    """Register the package with the app: index, engine, glossary, pages, feeds, commands."""
    from psgflask.core import content_stamp, redaction
    from psgflask.core.paths import INDEX
    from psgflask.search import search_log, worker_task
    from psgflask.search.cli import commands
    from psgflask.search.engine.array_engine import ArrayEngine
    from psgflask.search.glossary import GlossaryCache
    from psgflask.search.index.store import Store
    from psgflask.search.models import GlossaryTerm
    from psgflask.search.sync import indexer
    from psgflask.search.web import feeds, views

    index = Store(Path(app.instance_path) / INDEX)
    app.extensions["psg_index"] = index
    app.extensions["psg_search"] = ArrayEngine(index)
    worker_task.init_app(app)
    app.extensions["psg_glossary"] = GlossaryCache()
    content_stamp.shown_to_readers(GlossaryTerm)
    search_log.init_app(app)
    redaction.register_rows(app, search_log.redact)
    redaction.register_purge(app, "search index", indexer.purge)
    views.init_app(app)
    app.register_blueprint(feeds.blueprint)
    commands.init_app(app)
