"""The form as one visitor fills it in: what was typed, what is answered, what it comes to."""

from collections.abc import Mapping
from dataclasses import replace

from psgflask.accounts import email_addresses
from psgflask.members import person_fields
from psgflask.members.applications import Answers
from psgflask.members.tiers import HOUSEHOLD, ORGANISATION, Tier
from psgflask.members.web import forms, steps
from psgflask.members.web.fields import Asking, PageForm


class Sheet:
    """What a visitor has typed so far, on whichever page; it lives no longer than a request."""

    def __init__(self, typed: steps.Typed, asking: Asking, tiers: Mapping[str, Tier]) -> None:
        """Take what was typed; `tiers` are the memberships on offer by their keys."""
        self.typed = typed
        self.tier = tiers.get(self._first("tier"))
        self.asking = replace(asking, kind=self.tier.kind if self.tier else "")

    def form(self, page: str) -> PageForm:
        """Return the form of a page with what was typed into it, not validated yet."""
        return forms.build(page, self.typed, self.asking)

    def answered(self, page: str) -> bool:
        """Say whether a page's questions are all answered."""
        return self.form(page).validate()

    def answers(self) -> Answers:
        """Return what the answers come to, in the one way that we write them.

        Only for a sheet whose pages are all answered.
        """
        if self.tier is None:
            raise ValueError("No membership was chosen")
        country = self._first("country") or str(self.form(steps.CONTACT)["country"].data)
        postcode = person_fields.line(self._first("postcode"))
        british = person_fields.british_postcode(postcode) if country == "GB" else None
        household = self.tier.kind == HOUSEHOLD
        organisation = self.tier.kind == ORGANISATION
        return Answers(
            tier=self.tier,
            name=person_fields.line(self._first("name")),
            language=self.asking.language,
            payment=self._first("payment"),
            organisation=person_fields.line(self._first("organisation")) if organisation else "",
            household=person_fields.names(self._first("household")) if household else (),
            email=email_addresses.parse(self._first("email")).as_typed,
            phone=person_fields.phone(self._first("phone"), country) or "",
            address=person_fields.lines(self._first("address")),
            postcode=british or postcode.upper(),
            country=country,
            consents=frozenset(self.typed.get("consents", ())),
        )

    def _first(self, name: str) -> str:
        return next(iter(self.typed.get(name, ())), "")
