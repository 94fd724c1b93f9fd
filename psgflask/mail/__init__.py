"""Mail: the outbox, the sender, and what mails look like."""

from flask import Flask

from psgflask.mail import models as models  # its tables are the database's, whoever asks


def init_app(app: Flask) -> None:
    """Open the room."""
