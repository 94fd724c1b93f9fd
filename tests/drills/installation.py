"""A new installation for a drill, in a folder of its own, filled as far as the drill needs."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

from psgflask import create_app
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.ops import installation, migrations
from psgflask.search.sync import indexer
from tests.sample_archive import loading

SETTINGS = {"WORKER": False, "SECRET_KEY": "only-in-drills-" * 3, "TESTING": True}


@contextmanager
def fresh(articles: int, beneath: Path | None = None) -> Iterator[Flask]:
    """Make an installation with a synthetic archive and its index; it goes with the block."""
    with tempfile.TemporaryDirectory(dir=beneath) as spare:
        instance = Path(spare) / "instance"
        os.environ["PSG_INSTANCE"] = str(instance)
        installation.create_folders(instance)
        installation.write_config(instance)
        app = create_app(SETTINGS)
        with app.app_context():
            migrations.upgrade()
            if articles:
                loading.load_archive(db.session(), articles, seed=1, now=utc_now())
                db.session.commit()
            indexer.rebuild(app)
            close_connections()
            yield app
            close_connections()


def close_connections() -> None:
    """Close the connections: a process that is forked next must inherit none."""
    db.session.remove()
    db.engine.dispose()
