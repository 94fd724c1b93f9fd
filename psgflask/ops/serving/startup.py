"""Creates the app as every server runs it: with its worker and the search log's writer."""

import gc
import sys

from flask import Flask
from werkzeug.exceptions import InternalServerError

from psgflask.core import config, site_address
from psgflask.core.language_names import PREFIXES
from psgflask.ops import readiness, worker
from psgflask.ops.serving.wsgi import internal_request
from psgflask.search import search_log
from psgflask.web.site import REFUSED

# Seconds; Python's default of 5 ms, times many threads, is noticeable.
THREAD_SWITCH_INTERVAL = 0.001
# Allocations before a garbage collection: with the default, 700, half of all pages cause one.
GC_THRESHOLD = 20_000
# Seconds for the worker's tasks to end.
WORKER_STOP_TIMEOUT = 2.0


def create_serving_app() -> Flask:
    """Create the app, render its error page, and start its worker and the search log's writer.

    Raises NotReady.
    """
    from psgflask import create_app  # which registers this package

    app = create_app()
    if not config.in_command():  # `flask` in a checkout imports wsgi.py for any command
        with app.app_context():
            readiness.check_ready()
    site_address.remember(app)
    for prefix in PREFIXES.values():
        internal_request(app, f"{prefix}/", **{REFUSED: InternalServerError.code})
    sys.setswitchinterval(THREAD_SWITCH_INTERVAL)
    app.extensions["psg_worker"] = worker.start(app)
    search_log.start_counter(app)
    # All objects so far are permanent: the garbage collector need not visit them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    return app


def shut_down(app: Flask) -> None:
    """Stop the worker, and write the search log."""
    running: worker.Worker | None = app.extensions.get("psg_worker")
    if running is not None:
        running.stop(WORKER_STOP_TIMEOUT)
    search_log.counter(app).stop()
