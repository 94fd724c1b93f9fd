"""The sample content and the synthetic archive: what an installation shows before it is filled."""

from flask import Flask

from psgflask.sample.commands import sample_archive, sample_content


def init_app(app: Flask) -> None:
    """Add the commands that load them."""
    app.cli.add_command(sample_content)
    app.cli.add_command(sample_archive)
