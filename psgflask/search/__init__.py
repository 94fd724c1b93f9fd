"""Search: language, query, index, engine, keeper, results, and the page."""

from collections.abc import Callable

from flask import Flask


def init_app(app: Flask) -> None:
    """Open the room: the index and its keeper, the engine, the page, the commands."""
    from psgflask.search import commands, keeper, views
    from psgflask.search.engine import IndexUnusable
    from psgflask.search.engine.plain import PlainEngine
    from psgflask.search.index import IndexBroken

    keeper.init_app(app)
    store = keeper.store(app)

    def asked(look: Callable[[], object]) -> Callable[[], object]:
        def looking() -> object:
            try:
                return look()
            except IndexBroken as error:
                raise IndexUnusable(str(error)) from error

        return looking

    engine = PlainEngine(asked(store.generation_token), asked(store.open_reader))
    app.extensions["psg_search"] = engine
    app.register_blueprint(views.blueprint)
    commands.init_app(app)
