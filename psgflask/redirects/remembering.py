"""Old addresses: how one is normalised, remembered and looked up."""

from urllib.parse import parse_qsl, urlencode

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from psgflask.redirects.models import Redirect


def key(path: str, query: str = "") -> str:
    """Return an address as the table keeps it: the path and its query sorted."""
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return f"{path}?{urlencode(pairs)}" if pairs else path


def moved(session: Session, old: str, new: str) -> None:
    """Remember that a page moved; chains are shortened and no address leads to itself."""
    session.execute(update(Redirect).where(Redirect.new == old).values(new=new))
    for row in session.scalars(select(Redirect).where(Redirect.old.in_([old, new]))):
        session.delete(row)
    session.flush()
    session.add(Redirect(old=old, new=new))


def find(session: Session, path: str, query: str) -> str | None:
    """Return where an old address leads, None when it is not known."""
    return session.scalar(select(Redirect.new).where(Redirect.old == key(path, query)))
