"""Somebody who fills in the form of joining, page by page, with or without a browser's patience."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from psgflask.members.web import form_tokens, forms
from tests import html_forms

FIRST = "/members/join/membership"
Typed = Mapping[str, str | Sequence[str]]
PERSON: dict[str, str | list[str]] = {
    "tier": "waged",
    "name": "Rosa Quispe Mamani",
    "email": "rosa@example.org",
    "phone": "0113 496 0000",
    "address": "12 Harehills Lane\nLeeds",
    "postcode": "ls8 5bd",
    "country": "GB",
    "payment": "standing order",
    "consents": ["post"],
}
HOUSEHOLD = {**PERSON, "tier": "household", "household": "Luis Quispe\nAna Ñahui"}
ORGANISATION = {**PERSON, "tier": "organisation", "organisation": "Leeds Peru Circle"}


class Clock:
    """What the site takes for the present moment; tests move it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 7, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def on(self, **time: float) -> None:
        """Let some time pass."""
        self.now += timedelta(**time)


class Applicant:
    """Fills in one page after the other; whatever is asked is found among `typed`."""

    def __init__(self, client: FlaskClient, clock: Clock, prefix: str = "") -> None:
        self.client, self.clock, self.prefix = client, clock, prefix
        self.headers: dict[str, str] = {}

    def begin(self) -> TestResponse:
        """Open the first page."""
        return self.client.get(self.prefix + FIRST, headers=self.headers)

    def press(
        self, answer: TestResponse, typed: Typed | None = None, /, *, at: str = "", **more: Any
    ) -> TestResponse:
        """Fill in the page's form and press its first button, or one that leads elsewhere."""
        form = html_forms.form_of(answer.text)
        fields = form.filled(typed or {})
        fields |= {name: [str(value)] for name, value in more.items()}
        return self.client.post(at or form.action, data=fields, headers=self.headers)

    def to_check(self, typed: Typed = PERSON) -> TestResponse:
        """Answer every question; return the page that shows all answers."""
        answer = self.begin()
        while "join/send" not in html_forms.form_of(answer.text).action:
            [page] = hidden(answer)["from"]
            answer = self.press(answer, {n: typed[n] for n in forms.FIELDS[page] if n in typed})
            assert answer.status_code == 200, answer.text[answer.text.index("<main") :]
        return answer

    def fresh(self) -> str:
        """Return a stamp as it stands in another form, which somebody began a minute ago."""
        return form_tokens.issue("only-in-tests", now=self.clock.now - timedelta(minutes=1))

    def send(self, typed: Typed = PERSON, *, after: float = 60) -> TestResponse:
        """Answer every question and send, so many seconds after the first page was shown."""
        answer = self.to_check(typed)
        self.clock.on(seconds=after)
        return self.press(answer)


def hidden(answer: TestResponse) -> html_forms.Fields:
    """Return what stands in the fields of the form of an answer."""
    return html_forms.form_of(answer.text).fields
