"""What is known of topics and articles while the content stays as it is: no list reads it twice."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.news import cards
from psgflask.news.cards import Card
from psgflask.news.models import Topic

MOST_CARDS = 5_000  # about 1 kB each
# Requests at once take their moments in another order than their turns.
AT_ONCE = timedelta(seconds=1)


class Known:
    """Topics and cards as of one state of the content."""

    def __init__(self, stamp: int, topics: Collection[Topic]) -> None:
        self.stamp = stamp
        self.topics = {topic.id: topic for topic in topics}
        self._cards: dict[int, Card] = {}
        self._latest = datetime.min.replace(tzinfo=UTC)

    def cards(self, session: Session, ids: Collection[int], now: datetime) -> dict[int, Card]:
        """Return the cards of those articles that are published, by id.

        One that is published stays so until the content changes or the clock is put back; of the
        others it is asked again.
        """
        if now + AT_ONCE < self._latest:
            self._cards, self._latest = {}, now
        self._latest = max(self._latest, now)
        lacking = [number for number in ids if number not in self._cards]
        if lacking:
            if len(self._cards) > MOST_CARDS:
                self._cards = {}
            self._cards |= cards.of(session, lacking, now, self.topics)
        kept = self._cards
        return {number: kept[number] for number in ids if number in kept}


def known(session: Session) -> Known:
    """Return what is known of the content as a session sees it."""
    stamp = content_stamp.stamp_seen_by(session)
    before: Known | None = current_app.extensions.get("psg_known")
    if before is not None and before.stamp == stamp:
        return before
    rows = session.execute(select(*Topic.__table__.columns)).mappings()
    fresh = Known(stamp, [Topic(**row) for row in rows])
    current_app.extensions["psg_known"] = fresh
    return fresh
