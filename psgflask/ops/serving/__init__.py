"""Serving: `flask serve`, the supervisor that it becomes, and the process that answers."""

from flask import Flask

from psgflask.ops.serving.commands import serve
from psgflask.ops.serving.startup import site as site


def init_app(app: Flask) -> None:
    """Add `flask serve`."""
    app.cli.add_command(serve)
