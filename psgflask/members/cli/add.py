"""`flask members add` and `correct`: what came on paper, by letter or by telephone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core.clock import utc_now
from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import echo
from psgflask.members import applications, consents, correcting, details, notes, people, tiers
from psgflask.members.applications import Answers
from psgflask.members.commanding import by_option, mail_link, writing
from psgflask.members.models import CHEQUE, PAPER, STANDING_ORDER
from psgflask.members.tiers import HOUSEHOLD, ORGANISATION, Tier

PAYMENTS = click.Choice((STANDING_ORDER, CHEQUE))
AGREED = click.Choice(consents.WHAT)


def _offered() -> dict[str, Tier]:
    return tiers.offered(Path(current_app.instance_path))


@click.command()
@click.option("--membership", help="Which: waged, unwaged, household, organisation, life ...")
@click.option("--name", help="Full name; of an organisation, the person whom we write to.")
@click.option("--organisation", default="", help="Name of the organisation.")
@click.option("--household", multiple=True, help="One more person in the household; repeat it.")
@click.option("--address", multiple=True, help="A line of the address; repeat it.")
@click.option("--postcode", default="")
@click.option("--country", default="GB", show_default=True, help="Name or code.")
@click.option("--email", default="", help="There need be none.")
@click.option("--phone", default="")
@click.option("--payment", type=PAYMENTS, help="How they will pay.")
@click.option("--agrees", multiple=True, type=AGREED, help="What they ticked; repeat it.")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True)
@click.option("--note", default="", help="A note to keep with them.")
@by_option
@with_appcontext
def add(note: str, by: str, **typed: Any) -> None:
    """Add somebody who applied on paper. Without options, each thing is asked for."""
    asked = not any(typed[one] for one in ("membership", "name", "payment"))
    if asked:
        typed = _ask(typed)
    elif missing := [one for one in ("membership", "name", "payment") if not typed[one]]:
        raise click.UsageError(
            f"Give --{missing[0]} too, or no option at all: then each thing is asked for"
        )
    with writing():
        answers = _read(typed)
    if asked:
        _check(answers)
    with writing() as session:
        now = utc_now()
        application = applications.apply(session, answers, source=PAPER, form=None, by=by, now=now)
        person = application.person
        if note.strip():
            notes.add(session, person, note, by=by, now=now)
        told = [f"Added {person.name} as {person.number}"]
        if application.perhaps is not None:
            known = application.perhaps.number
            told.append(
                f"Perhaps known already as {known}: {application.perhaps_because}."
                f' Look: flask members show "{known}"'
            )
        told.append(mail_link(session, person, now=now))
        session.commit()
    echo("\n".join(filter(None, told)))


@click.command()
@click.argument("number")
@click.option("--name", default=None)
@click.option("--organisation", default=None)
@click.option("--household", multiple=True, help="All others in the household; repeat it.")
@click.option("--address", multiple=True, help="A line of the address; repeat it.")
@click.option("--postcode", default=None)
@click.option("--country", default=None, help="Name or code.")
@click.option("--email", default=None, help='Without an address: --email ""')
@click.option("--phone", default=None)
@click.option("--language", type=click.Choice(LANGUAGES), default=None)
@click.option("--version", type=int, help="Only if nobody has changed it since this version.")
@by_option
@with_appcontext
def correct(number: str, version: int | None, by: str, **typed: Any) -> None:
    """Correct what is kept of the member NUMBER; what is not named stays."""
    with writing() as session:
        now = utc_now()
        person = people.by_number(session, number)
        changes = _changes(typed, person.country)
        if not changes:
            raise click.UsageError("Say what to correct: --name, --address, --email ...")
        changed = correcting.correct(session, person, changes, by=by, now=now, version=version)
        told = [f"Corrected {person.number}: {', '.join(changed)}"]
        if "email" in changed:
            told.append(mail_link(session, person, now=now))
        session.commit()
    echo("\n".join(filter(None, told)))


def _changes(typed: dict[str, Any], lives_in: str) -> dict[str, Any]:
    """Read what is to be corrected; a telephone number and a postcode are those of a country."""
    given = {field: value for field, value in typed.items() if value not in (None, ())}
    if "country" in given:
        given["country"] = lives_in = details.country(given["country"])
    for field in ("name", "organisation"):
        if given.get(field):
            given[field] = details.name(given[field], field)
    if given.get("name") == "":
        raise details.DetailRefused("name", "Everybody has a name")
    if "household" in given:
        given["household"] = details.household(given["household"])
    if "address" in given:
        given["address"] = details.address(given["address"])
    if "postcode" in given:
        given["postcode"] = details.postcode(given["postcode"], lives_in)
    if "phone" in given:
        given["phone"] = details.phone(given["phone"], lives_in)
    return given


def _read(typed: dict[str, Any]) -> Answers:
    offered = _offered()
    tier = offered.get(typed["membership"])
    if tier is None:
        raise details.DetailRefused(
            "membership",
            f"There is no membership {typed['membership']!r}: there are {', '.join(offered)}",
        )
    country = details.country(typed["country"])
    answers = Answers(
        tier=tier,
        name=details.name(typed["name"]),
        language=typed["language"],
        payment=typed["payment"],
        email=details.email(typed["email"]),
        phone=details.phone(typed["phone"], country),
        address=details.address(typed["address"]),
        postcode=details.postcode(typed["postcode"], country),
        country=country,
        consents=frozenset(typed["agrees"]),
    )
    if tier.kind == ORGANISATION:
        return replace(answers, organisation=details.name(typed["organisation"], "organisation"))
    if tier.kind == HOUSEHOLD:
        return replace(answers, household=details.household(typed["household"]))
    if typed["organisation"] or typed["household"]:
        raise details.DetailRefused(
            "membership", f"{tier.key} is for one person: there is no household or organisation"
        )
    return answers


def _ask(typed: dict[str, Any]) -> dict[str, Any]:
    """Ask for each thing as it stands on the paper form."""
    offered = _offered()

    def ask(words: str) -> str:
        return str(click.prompt(words, default="", show_default=False)).strip()

    def ask_lines(words: str) -> list[str]:
        first = ask(f"{words} (empty line ends it)")
        found = [first] if first else []
        while found and (more := ask("  and")):
            found.append(more)
        return found

    membership = click.prompt("Membership", type=click.Choice(list(offered)))
    kind = offered[membership].kind
    asked: dict[str, Any] = {"membership": membership}
    if kind == ORGANISATION:
        asked["organisation"] = click.prompt("Name of the organisation")
    asked["name"] = click.prompt("Person whom we write to" if kind == ORGANISATION else "Full name")
    if kind == HOUSEHOLD:
        asked["household"] = ask_lines("Others in the household")
    asked["address"] = ask_lines("Address")
    asked["postcode"] = ask("Postcode")
    asked["country"] = click.prompt("Country", default="GB")
    asked["email"] = ask("E-mail (may be empty)")
    asked["phone"] = ask("Telephone (may be empty)")
    asked["payment"] = click.prompt("Payment", type=PAYMENTS)
    asked["language"] = click.prompt("Language", type=click.Choice(LANGUAGES), default="en")
    asked["agrees"] = [
        what
        for what in consents.WHAT
        # Never yes by itself: what is not ticked on the paper is not agreed to.
        if click.confirm(f"Ticked: ‘{consents.WORDINGS[what, asked['language']].text}’")
    ]
    return {**typed, **asked}


def _check(answers: Answers) -> None:
    where = ", ".join(filter(None, (*answers.address.split("\n"), answers.postcode)))
    echo(f"{answers.name}, {answers.tier.key}, {answers.payment}")
    echo(f"{where}, {answers.country}; {answers.email or 'no e-mail'}")
    click.confirm("Add?", default=True, abort=True)
