"""The kinds of fields that the form of joining is made of, and what its questions depend on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wtforms import Form, RadioField, SelectField, SelectMultipleField
from wtforms.widgets import CheckboxInput


@dataclass(frozen=True)
class Asking:
    """What the questions depend on: the reader's language, what there is, what was chosen."""

    language: str
    tiers: Mapping[str, tuple[str, str]]  # by key: the words to choose by, and a hint
    wordings: Mapping[str, str]  # what may be agreed to, by its name
    kind: str = ""  # of the membership chosen


class PageForm(Form):
    """One page's questions."""

    def prepare(self, asking: Asking) -> None:
        """Make the questions fit whom they are put to."""


class OneOf(RadioField):
    """One of several, each with a hint of its own below it."""

    grouped = True  # drawn as a group of choices

    def __init__(self, *args: Any, missing: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invalid_choice_message = missing
        self.hints: Mapping[str, str] = {}


class Country(SelectField):
    """A country by its code, chosen by its name."""

    def __init__(self, *args: Any, missing: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invalid_choice_message = missing


class AnyOf(SelectMultipleField):
    """Any number of several, each with a box to tick."""

    grouped = True
    option_widget = CheckboxInput()
