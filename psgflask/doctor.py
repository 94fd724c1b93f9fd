"""Is this installation sound? `flask doctor`, and the answers for those who watch the server."""

from flask import Blueprint, Flask, Response

blueprint = Blueprint("doctor", __name__)


def init_app(app: Flask) -> None:
    """Add the addresses that a monitor asks."""
    app.register_blueprint(blueprint)


@blueprint.get("/healthz")
def alive() -> Response:
    """Say that the process answers; asks neither the database nor the index."""
    return Response("alive\n", content_type="text/plain; charset=utf-8")
