"""The app factory: create_app() registers the packages in order; nothing else."""

from collections.abc import Mapping

from psgflask.core import requirements

try:
    from flask import Flask

    from psgflask import (
        accounts,
        home,
        mail,
        members,
        news,
        pages,
        redirects,
        sample,
        search,
        topics,
    )
    from psgflask.core import clock_watch, config, database, owner, paths, redaction
    from psgflask.ops import commands, doctor, serving, worker
    from psgflask.web import (
        assets,
        caching,
        compression,
        errors,
        languages,
        rendering,
        security,
        slots,
    )
    from psgflask.web.site import Site
except ImportError as error:  # after an update of the code alone
    if (text := requirements.sentence()) is None:
        raise
    raise SystemExit(f"Error: {text}") from error


def create_app(overrides: Mapping[str, object] | None = None) -> Flask:
    """Create the app; `overrides` take precedence over every other source of configuration."""
    paths.restrict_umask()
    instance = paths.instance()
    owner.check(instance)
    app = Site(
        __name__,
        instance_path=str(instance),
        template_folder=str(paths.templates()),
        static_folder=None,
    )
    config.load(app, instance, overrides)
    database.init_app(app)
    redaction.init_app(app)
    clock_watch.init_app(app)
    languages.init_app(app)
    security.init_app(app)
    caching.init_app(app)
    slots.init_app(app)
    compression.init_app(app)
    rendering.init_app(app)
    assets.init_app(app)
    errors.init_app(app)
    redirects.init_app(app)
    mail.init_app(app)
    accounts.init_app(app)
    news.init_app(app)
    pages.init_app(app)
    members.init_app(app)
    topics.init_app(app)
    search.init_app(app)
    home.init_app(app)
    sample.init_app(app)
    doctor.init_app(app)
    worker.init_app(app)
    serving.init_app(app)
    commands.init_app(app)
    return app
