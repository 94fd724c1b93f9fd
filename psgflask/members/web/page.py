"""A page of the form as it is drawn: its questions, and all that travels in it unseen."""

from typing import Any

from flask import Response, make_response, render_template, url_for
from flask_babel import gettext as _

from psgflask.accounts.forms import CSRFForm
from psgflask.core.database import read_only
from psgflask.members.web import steps, words
from psgflask.members.web.sheet import Sheet
from psgflask.web import languages

# A field that people never see. Programs that fill in forms fill it in too.
TRAP = "subject"
# For the browser that asked alone, and asked for again before it is shown as new. It may be shown
# as it was by the button Back, which `no-store` would answer with an error instead of the form.
THIS_BROWSER_ALONE = "private, no-cache"
BAD = 400


class Page:
    """A page of the form with all that travels in it."""

    def __init__(self, page: str, sheet: Sheet, stamp: str, *, changing: bool = False) -> None:
        self.page, self.sheet, self.stamp, self.changing = page, sheet, stamp, changing

    def turned_to(self, page: str) -> "Page":
        """Return another page with the same in it; who changes an answer goes back to the check."""
        return Page(page, self.sheet, self.stamp, changing=self.changing and page != steps.CHECK)

    def answer(
        self, complaint: str = "", *, judged: bool = False, status: int = BAD, **more: Any
    ) -> Response:
        """Draw the page; `judged`: say what its answers lack, `complaint`: what else is wrong."""
        form = self.sheet.form(self.page)
        if judged:
            form.validate()
        if complaint:
            form.form_errors.append(complaint)
        wrong = bool(form.errors)
        with read_only():  # what the masthead asks must not wait for those who write
            html = render_template(
                f"members/{'check' if self.page == steps.CHECK else 'question'}.html",
                form=form,
                guard=CSRFForm(),
                **self._ways(),
                **self._words(),
                **more,
            )
        answer = make_response(html, status if wrong else 200)
        answer.headers["Cache-Control"] = THIS_BROWSER_ALONE
        answer.headers["X-Robots-Tag"] = "noindex"
        return answer

    def _ways(self) -> dict[str, object]:
        """Return where the page's buttons lead, and what travels there unseen."""
        onward, back = steps.after(self.page), steps.before(self.page)
        if self.changing:
            onward = back = steps.CHECK
        return {
            "action": url_for("members.step", place=onward),
            "back": url_for("members.step", place=back) if back else None,
            "same_page": languages.address(
                "members.step", language=languages.other_language(), place=self.page
            ),
            "page": self.page,
            "changing": self.changing,
            "stamp": self.stamp,
            "trap": TRAP,
            "carried": steps.carried(self.sheet.typed, self.page),
        }

    def _words(self) -> dict[str, object]:
        sending = self.page == steps.CHECK
        return {
            "heading": words.heading(self.page),
            "number": steps.number(self.page),
            "total": len(steps.PAGES),
            "onward": _("Send application") if sending else _("Continue"),
            "rows": words.rows(self.sheet.answers()) if sending else (),
        }
