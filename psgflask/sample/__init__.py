"""The sample content: what an installation shows before it is filled."""

from flask import Flask

from psgflask.sample.commands import sample_content


def init_app(app: Flask) -> None:
    """Add `flask sample-content`."""
    app.cli.add_command(sample_content)
