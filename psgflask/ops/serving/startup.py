"""The site as every server begins with it: built, with its worker and the writer of its counts."""

import gc
import sys

from flask import Flask
from werkzeug.exceptions import InternalServerError

from psgflask.core.language_names import PREFIXES
from psgflask.ops import worker
from psgflask.ops.serving.wsgi import ask
from psgflask.search.web import views as search
from psgflask.web.site import REFUSED

# Seconds after which a thread lets others run; Python's own 5 ms, many threads apart, are felt.
SWITCH = 0.001
# Objects made before Python looks for circles among them: by default, 700, half of all pages do.
LOOK_FOR_CIRCLES = 20_000
# Seconds that the worker has to bring to an end what it is at.
STOPS_WITHIN = 2.0


def site() -> Flask:
    """Build the site, draw its page of a fault, start its worker and the writer of its counts."""
    from psgflask import create_app  # the front door opens this room

    app = create_app()
    for prefix in PREFIXES.values():
        ask(app, f"{prefix}/", **{REFUSED: InternalServerError.code})
    sys.setswitchinterval(SWITCH)
    app.extensions["psg_worker"] = worker.start(app)
    search.start_counter(app)
    # What is there now stays: nobody need look through it for circles again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(LOOK_FOR_CIRCLES)
    return app


def close(app: Flask) -> None:
    """Let the worker end what it is at, and write what was counted."""
    running: worker.Worker | None = app.extensions.get("psg_worker")
    if running is not None:
        running.stop(STOPS_WITHIN)
    search.counter(app).stop()
