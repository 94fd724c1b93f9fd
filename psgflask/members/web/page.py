"""A page of the form as it is rendered: its questions, and the hidden fields that it carries."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, make_response, render_template, request, url_for
from flask_babel import gettext as _

from psgflask.accounts.forms import CSRFForm
from psgflask.core.database import read_only
from psgflask.members.applications import Answers, parse_answers
from psgflask.members.tiers import Tier
from psgflask.members.web import forms, words
from psgflask.members.web.forms import FormContext, StepForm
from psgflask.web import languages

# A honeypot: people never see this field, and programs that fill in forms fill it in too.
HONEYPOT = "subject"
# For this browser alone, which revalidates it before showing it as new. Its button Back may show it
# as it was; `no-store` would make that an error.
CACHE_CONTROL = "private, no-cache"
BAD_REQUEST = 400


def request_error() -> str:
    """Return the message about a request that a program or another site's page may have sent."""
    message = ""
    if not CSRFForm().validate():
        message = _(
            "We could not tell that this page sent the form: it was open for long, or your browser"
            " keeps no cookies of ours. All that you typed is still here: press the button once"
            " more."
        )
    elif request.form.get(HONEYPOT):
        message = _(
            "A field that people do not see was filled in, perhaps by your browser. We have emptied"
            " it. All that you typed is still here: press the button once more."
        )
    return message


class Submission:
    """What a visitor has filled in so far, over all steps; it lives for one request."""

    def __init__(self, typed: forms.Typed, context: FormContext, tiers: Mapping[str, Tier]) -> None:
        """Take what was typed; `tiers` are the memberships on offer by key."""
        self.typed = typed
        self.tier = tiers.get(self._first("tier"))
        self.context = replace(context, kind=self.tier.kind if self.tier else "")

    def form(self, step: str) -> StepForm:
        """Return the form of a step with what was typed, not validated yet."""
        return forms.build(step, self.typed, self.context)

    def is_answered(self, step: str) -> bool:
        """Return whether the form of a step is valid."""
        return self.form(step).validate()

    def answers(self) -> Answers:
        """Return the parsed answers. Only when all steps are answered."""
        if self.tier is None:
            raise ValueError("No membership was chosen")
        typed = {name: self._first(name) for names in forms.FIELDS.values() for name in names}
        # In English the form shows a default.
        typed["country"] = typed["country"] or str(self.form(forms.CONTACT)["country"].data)
        return parse_answers(
            self.tier,
            typed,
            language=self.context.language,
            payment=typed["payment"],
            channels=self.typed.get("consents", ()),
        )

    def _first(self, name: str) -> str:
        return next(iter(self.typed.get(name, ())), "")


class FormPage:
    """A step of the form with everything that travels in its hidden fields."""

    def __init__(
        self, step: str, submission: Submission, token: str, *, changing: bool = False
    ) -> None:
        self.step, self.submission = step, submission
        self.token, self.changing = token, changing

    def turned_to(self, step: str) -> "FormPage":
        """Return another step; after a change of an answer the check page is next."""
        changing = self.changing and step != forms.CHECK
        return FormPage(step, self.submission, self.token, changing=changing)

    def response(
        self, error: str = "", *, validate: bool = False, status: int = BAD_REQUEST, **values: Any
    ) -> Response:
        """Render the page, with the errors of its form if `validate`, or with another error.

        `status` is for a page with errors; `values` are for the template.
        """
        form = self.submission.form(self.step)
        if validate:
            form.validate()
        if error:
            form.form_errors.append(error)
        has_errors = bool(form.errors)
        with read_only():  # the masthead's queries must not wait for writers
            html = render_template(
                f"members/{'check' if self.step == forms.CHECK else 'question'}.html",
                form=form,
                guard=CSRFForm(),
                **self._navigation(),
                **self._texts(),
                **values,
            )
        response = make_response(html, status if has_errors else 200)
        response.headers["Cache-Control"] = CACHE_CONTROL
        response.headers["X-Robots-Tag"] = "noindex"
        return response

    def _navigation(self) -> dict[str, object]:
        """Return where the page's buttons lead, and its hidden fields."""
        onward, back = forms.next_step(self.step), forms.previous_step(self.step)
        if self.changing:
            onward = back = forms.CHECK
        return {
            "action": url_for("members.step", place=onward),
            "back": url_for("members.step", place=back) if back else None,
            "same_page": languages.address(
                "members.step", language=languages.other_language(), place=self.step
            ),
            "current_step": self.step,
            "changing": self.changing,
            "form_token": self.token,
            "honeypot": HONEYPOT,
            "hidden_fields": forms.hidden_fields(self.submission.typed, self.step),
        }

    def _texts(self) -> dict[str, object]:
        is_check = self.step == forms.CHECK
        return {
            "heading": words.heading(self.step),
            "number": forms.STEPS.index(self.step) + 1,
            "total": len(forms.STEPS),
            "onward": _("Send application") if is_check else _("Continue"),
            "rows": words.summary_rows(self.submission.answers()) if is_check else (),
        }
