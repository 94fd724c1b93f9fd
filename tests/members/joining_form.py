"""An applicant who fills in the form of joining, step by step."""

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
    """The time by the site's clock; tests advance it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 7, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def on(self, **time: float) -> None:
        """Let some time pass."""
        self.now += timedelta(**time)


class Applicant:
    """Fills in one step after the other from `typed`."""

    def __init__(self, client: FlaskClient, clock: Clock, prefix: str = "") -> None:
        self.client, self.clock, self.prefix = client, clock, prefix
        self.headers: dict[str, str] = {}

    def begin(self) -> TestResponse:
        """Open the first step."""
        return self.client.get(self.prefix + FIRST, headers=self.headers)

    def press(
        self, response: TestResponse, typed: Typed | None = None, /, *, at: str = "", **more: Any
    ) -> TestResponse:
        """Fill in the form of a step and press its first button, or one that leads elsewhere."""
        form = html_forms.form_of(response.text)
        fields = form.filled(typed or {})
        fields |= {name: [str(value)] for name, value in more.items()}
        return self.client.post(at or form.action, data=fields, headers=self.headers)

    def to_check(self, typed: Typed = PERSON) -> TestResponse:
        """Answer every question; return the check page."""
        response = self.begin()
        while "join/send" not in html_forms.form_of(response.text).action:
            [page] = hidden(response)["from"]
            response = self.press(response, {n: typed[n] for n in forms.FIELDS[page] if n in typed})
            assert response.status_code == 200, response.text[response.text.index("<main") :]
        return response

    def fresh(self) -> str:
        """Return the token of another form, begun a minute ago."""
        return form_tokens.issue("only-in-tests", now=self.clock.now - timedelta(minutes=1))

    def send(self, typed: Typed = PERSON, *, after: float = 60) -> TestResponse:
        """Answer every question and send, so many seconds after the check page was shown."""
        response = self.to_check(typed)
        self.clock.on(seconds=after)
        return self.press(response)


def hidden(response: TestResponse) -> html_forms.Fields:
    """Return the fields of the form in a response, with their values."""
    return html_forms.form_of(response.text).fields
