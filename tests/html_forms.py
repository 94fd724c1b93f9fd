"""Fills in the form of a page and submits it, as a browser without JavaScript does."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

# What is typed or chosen, by field name; several values for several checkboxes.
Typed = Mapping[str, str | Sequence[str]]
Fields = dict[str, list[str]]


@dataclass
class Form:
    """A form with method POST: its action, the values of its fields, and its first button."""

    action: str = ""
    fields: Fields = field(default_factory=dict)
    button: tuple[str, str] | None = None

    def filled(self, typed: Typed) -> Fields:
        """Return what is submitted with these fields filled in and the first button pressed."""
        sent = {name: list(values) for name, values in self.fields.items()}
        for name, value in typed.items():
            if name not in self.fields:
                raise KeyError(f"The form has no field {name}, only {sorted(self.fields)}")
            sent[name] = [value] if isinstance(value, str) else list(value)
        if self.button is not None:
            sent.setdefault(self.button[0], []).append(self.button[1])
        return {name: values for name, values in sent.items() if values}


class _Reader(HTMLParser):
    """Parses the first POST form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self.inside = False
        self.select, self.text, self.pressed = "", "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form" and said.get("method", "").lower() == "post" and self.form is None:
            self.form, self.inside = Form(said.get("action", "")), True
        if not self.inside or self.form is None or "disabled" in said:
            return
        name, value = said.get("name", ""), said.get("value", "")
        if tag == "button" and not self.pressed:
            self.pressed = True
            self.form.button = (name, value) if name else None
        elif tag == "select":
            self.select = name
            self.form.fields.setdefault(name, [])
        elif tag == "option" and self.select:
            values = self.form.fields[self.select]
            if "selected" in said or not values:  # without a choice the first one is submitted
                self.form.fields[self.select] = [value]
        elif tag == "textarea":
            self.text = name
            self.form.fields[name] = [""]
        elif tag == "input" and name:
            values = self.form.fields.setdefault(name, [])
            if said.get("type") not in {"checkbox", "radio"} or "checked" in said:
                values.append(value or ("on" if said.get("type") == "checkbox" else ""))

    def handle_data(self, data: str) -> None:
        if self.text and self.form is not None:
            self.form.fields[self.text] = [(self.form.fields[self.text][0] + data).lstrip("\r\n")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = ""
        elif tag == "textarea":
            self.text = ""


def form_of(page: str) -> Form:
    """Return the first POST form of a page."""
    reader = _Reader()
    reader.feed(page)
    assert reader.form is not None, "the page has no form to send"
    return reader.form


def send(client: FlaskClient, path: str, response: TestResponse, typed: Typed) -> TestResponse:
    """Fill in the form of a response from `path` and submit it, following redirects."""
    form = form_of(response.text)
    return client.post(form.action or path, data=form.filled(typed), follow_redirects=True)


def walk(client: FlaskClient, path: str, steps: Iterable[Typed]) -> TestResponse:
    """Open a page, then fill in one form after the other; return the last response."""
    response = client.get(path)
    for typed in steps:
        response = send(client, response.request.path, response, typed)
    return response
