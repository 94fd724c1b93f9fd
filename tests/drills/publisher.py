"""A process that publishes articles: `python -m tests.drills.publisher COUNT [die]`.

With `die` it is killed, as by `kill -9`, after its last commit and before the index hears of it.
"""

import os
import signal
import sys

from psgflask import create_app
from psgflask.core.database import db
from psgflask.search.sync import indexer
from tests import factories


def main(count: int, *, die: bool) -> None:
    """Publish as many articles, a commit each, on the instance that PSG_INSTANCE names."""
    app = create_app({"WORKER": False, "SECRET_KEY": "only-in-tests"})
    with app.app_context():
        for number in range(1, count + 1):
            if die and number == count:
                indexer.drain = _die
            factories.article(db.session(), f"Article {number} of {os.getpid()}")
        db.session.remove()
        db.engine.dispose()


def _die(*args: object, **how: object) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


if __name__ == "__main__":
    main(int(sys.argv[1]), die="die" in sys.argv)
