"""`flask members add` and `correct`: what came on paper, by letter or by telephone."""

from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from psgflask.core.clock import utc_now
from psgflask.core.language_names import LANGUAGES
from psgflask.core.terminal import by_option, echo
from psgflask.members import applications, audit, consents, people, tiers
from psgflask.members.applications import Answers
from psgflask.members.cli.output import mail_link, writing
from psgflask.members.models import METHODS, PAPER
from psgflask.members.person_fields import (
    INVALID,
    FieldRefused,
    parse_address,
    parse_country,
    parse_household,
    parse_name,
    parse_phone,
    parse_postcode,
)
from psgflask.members.tiers import HOUSEHOLD, ORGANISATION, Tier

PAYMENTS = click.Choice(METHODS)
AGREED = click.Choice(consents.CHANNELS)


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
    interactive = not any(typed[one] for one in ("membership", "name", "payment"))
    if interactive:
        typed = _prompt(typed)
    elif missing := [one for one in ("membership", "name", "payment") if not typed[one]]:
        raise click.UsageError(
            f"Give --{missing[0]} too, or no option at all: then each thing is asked for"
        )
    with writing():
        answers = _parse(typed)
    if interactive:
        _confirm(answers)
    with writing() as session:
        now = utc_now()
        application = applications.apply(session, answers, source=PAPER, form=None, by=by, now=now)
        person = application.person
        if note.strip():
            audit.add_note(session, person, note, by=by, now=now)
        messages = [f"Added {person.name} as {person.number}"]
        if application.duplicate is not None:
            known = application.duplicate.number
            messages.append(
                f"Perhaps known already as {known}: {application.duplicate_reason}."
                f' Look: flask members show "{known}"\n'
                f'The same: flask members join "{person.number}" "{known}"; somebody else:'
                f' flask members not-same "{person.number}"'
            )
        messages.append(mail_link(session, person, now=now))
        session.commit()
    echo("\n".join(filter(None, messages)))


@click.command()
@click.argument("number")
@click.option("--membership", help="Which: waged, unwaged, household, organisation, life ...")
@click.option("--payment", type=PAYMENTS, help="How they will pay.")
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
    """Correct what is kept of the member NUMBER; what is not named stays.

    Membership and payment are those of the newest application; the amount is today's.
    """
    with writing() as session:
        now = utc_now()
        person = people.by_number(session, number)
        changes = _changes(typed, person.country)
        newest = person.applications[-1].tier if person.applications else ""
        tier = tiers.load(Path(current_app.instance_path)).get(changes.get("membership", newest))
        if not changes:
            raise click.UsageError("Say what to correct: --name, --address, --email ...")
        changed = people.correct(
            session, person, changes, by=by, now=now, version=version, tier=tier
        )
        messages = [f"Corrected {person.number}: {', '.join(changed)}"]
        if "email" in changed:
            messages.append(mail_link(session, person, now=now))
        session.commit()
    echo("\n".join(filter(None, messages)))


def _changes(typed: dict[str, Any], lives_in: str) -> dict[str, Any]:
    """Parse the corrections; telephone number and postcode depend on the country."""
    given = {field: value for field, value in typed.items() if value not in (None, ())}
    if "membership" in given:
        _tier(given["membership"])
    if "country" in given:
        given["country"] = lives_in = parse_country(given["country"])
    for field in ("name", "organisation"):
        if given.get(field):
            given[field] = parse_name(given[field], field)
    if given.get("name") == "":
        raise FieldRefused("name", INVALID, "Everybody has a name")
    if "household" in given:
        given["household"] = parse_household("\n".join(given["household"]))
    if "address" in given:
        given["address"] = parse_address("\n".join(given["address"]))
    if "postcode" in given:
        given["postcode"] = parse_postcode(given["postcode"], lives_in)
    if "phone" in given:
        given["phone"] = parse_phone(given["phone"], lives_in)
    return given


def _tier(key: str) -> Tier:
    """Return a membership that is on offer. Raises FieldRefused."""
    offered = _offered()
    if key not in offered:
        message = f"There is no membership {key!r}: there are {', '.join(offered)}"
        raise FieldRefused("membership", INVALID, message)
    return offered[key]


def _parse(typed: dict[str, Any]) -> Answers:
    tier = _tier(typed["membership"])
    texts = {
        **typed,
        "country": parse_country(typed["country"]),
        "address": "\n".join(typed["address"]),
        "household": "\n".join(typed["household"]),
    }
    answers = applications.parse_answers(
        tier,
        texts,
        language=typed["language"],
        payment=typed["payment"],
        channels=typed["agrees"],
    )
    if tier.kind not in (ORGANISATION, HOUSEHOLD) and (typed["organisation"] or typed["household"]):
        message = f"{tier.key} is for one person: there is no household or organisation"
        raise FieldRefused("membership", INVALID, message)
    return answers


def _prompt(typed: dict[str, Any]) -> dict[str, Any]:
    """Prompt for each field in the order of the paper form."""
    offered = _offered()

    def prompt(label: str) -> str:
        return str(click.prompt(label, default="", show_default=False)).strip()

    def prompt_lines(label: str) -> list[str]:
        first = prompt(f"{label} (empty line ends it)")
        lines = [first] if first else []
        while lines and (line := prompt("  and")):
            lines.append(line)
        return lines

    membership = click.prompt("Membership", type=click.Choice(list(offered)))
    kind = offered[membership].kind
    answers: dict[str, Any] = {"membership": membership}
    if kind == ORGANISATION:
        answers["organisation"] = click.prompt("Name of the organisation")
    answers["name"] = click.prompt(
        "Person whom we write to" if kind == ORGANISATION else "Full name"
    )
    if kind == HOUSEHOLD:
        answers["household"] = prompt_lines("Others in the household")
    answers["address"] = prompt_lines("Address")
    answers["postcode"] = prompt("Postcode")
    answers["country"] = click.prompt("Country", default="GB")
    answers["email"] = prompt("E-mail (may be empty)")
    answers["phone"] = prompt("Telephone (may be empty)")
    answers["payment"] = click.prompt("Payment", type=PAYMENTS)
    answers["language"] = click.prompt("Language", type=click.Choice(LANGUAGES), default="en")
    answers["agrees"] = [
        channel
        for channel in consents.CHANNELS
        # The default is no: what is not ticked on the paper is not agreed to.
        if click.confirm(f"Ticked: ‘{consents.WORDINGS[channel, answers['language']].text}’")
    ]
    return {**typed, **answers}


def _confirm(answers: Answers) -> None:
    address = ", ".join(filter(None, (*answers.address.split("\n"), answers.postcode)))
    echo(f"{answers.name}, {answers.tier.key}, {answers.payment}")
    echo(f"{address}, {answers.country}; {answers.email or 'no e-mail'}")
    click.confirm("Add?", default=True, abort=True)
