"""Serving: `flask serve`, the supervisor that it becomes, and the serving process."""

from flask import Flask

from psgflask.ops.serving.commands import serve


def init_app(app: Flask) -> None:
    """Add `flask serve`."""
    app.cli.add_command(serve)
