"""Serving: `flask serve`, the supervisor that it becomes, and the process that answers."""

from flask import Flask

from psgflask.serving.cli import serve
from psgflask.serving.startup import site as site


def init_app(app: Flask) -> None:
    """Add `flask serve`."""
    app.cli.add_command(serve)
