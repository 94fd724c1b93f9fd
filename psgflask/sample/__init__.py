"""The sample content: what an installation shows before it is filled."""

from flask import Flask

from psgflask.sample import commands


def init_app(app: Flask) -> None:
    """Add `flask sample`."""
    commands.init_app(app)
