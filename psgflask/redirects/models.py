"""The table of old addresses and what replaced them."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from psgflask.core.database import Model


class Redirect(Model):
    """An old address (path, and its query sorted) and the local path that replaced it."""

    __tablename__ = "redirects"

    id: Mapped[int] = mapped_column(primary_key=True)
    old: Mapped[str] = mapped_column(String(500), unique=True)
    new: Mapped[str] = mapped_column(String(500))
