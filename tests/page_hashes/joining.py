"""Joining, from the form to the mails: every mail that the site sends, each page on the way."""

import re
from email import message_from_bytes, policy
from pathlib import Path

from werkzeug.test import TestResponse

from tests.page_hashes.clock import clock
from tests.page_hashes.sites import Site, Typed, form_of

FIRST = "/members/join/membership"
MAX_STEPS = 10
# More than are told of one by one within an hour.
MANY = 12
LINK = re.compile(r"https?://[^\s/]+((?:/es)?/accounts/join/[\w-]{43})")
PERSON: dict[str, str | list[str]] = {
    "tier": "waged",
    "name": "Rosa Quispe Mamani",
    "email": "rosa@example.org",
    "phone": "0113 496 0000",
    "address": "12 Harehills Lane\nLeeds",
    "postcode": "ls8 5bd",
    "country": "GB",
    "payment": "standing order",
    "consents": ["post", "email"],
}
HOUSEHOLD = {
    **PERSON,
    **{"tier": "household", "household": "Luis Quispe\nAna Ñahui", "email": "luis@example.org"},
}
ORGANISATION = {
    **PERSON,
    **{"tier": "organisation", "organisation": "Leeds Peru Circle", "email": "circle@example.org"},
    **{"payment": "cheque", "consents": []},
}
WRONG: tuple[Typed, ...] = (
    {"tier": ""},
    {**PERSON, "name": "www.x.example"},
    {**PERSON, "email": "rosa", "phone": "x", "postcode": "x"},
    {**PERSON, "payment": ""},
)


def everything(site: Site) -> None:
    """Let people join, confirm, ask again and mistype, and note all pages and mails."""
    for number, typed in enumerate(WRONG):
        join(site, typed, f"wrong {number}")
        join(site, typed, f"wrong {number}", prefix="/es")
    join(site, PERSON, "too soon", seconds=1)
    join(site, PERSON, "person")
    join(site, {**HOUSEHOLD, "payment": "cheque"}, "household", prefix="/es")
    join(site, ORGANISATION, "organisation")
    for prefix, email in (("", "rosa"), ("/es", "luis"), ("", "nobody"), ("/es", "not-an-address")):
        again(site, f"{email}@example.org" if "-" not in email else email, prefix)
    _work(site)
    for link in _links(site):
        _confirm(site, link)
    # From here on the addresses are known.
    join(site, PERSON, "known")
    join(site, HOUSEHOLD, "known", prefix="/es")
    again(site, "rosa@example.org", "")
    for number in range(MANY):
        join(site, {**PERSON, "email": f"reader-{number}@example.org"}, f"many {number}")
    for language in ("en", "es"):
        site.run("mail", "test", "secretary@example.org", "--language", language)
    _work(site)
    clock.forward(hours=2)
    _work(site)
    _note_mails(site)


def one(site: Site) -> None:
    """Let one person join, and note the mail: of a site whose facts are not filled in yet."""
    join(site, PERSON, "person")
    _work(site)
    _note_mails(site)


def join(
    site: Site, typed: Typed, told: str, *, prefix: str = "", seconds: float = 60
) -> TestResponse:
    """Fill in the form page by page, as far as it lets us, and send it after so many seconds."""
    visitor = site.visitor()
    answer = site.ask(prefix + FIRST, by=visitor, told=told)
    for _step in range(MAX_STEPS):
        form = form_of(answer)
        sends = form.action.endswith("/send")
        if sends:
            clock.forward(seconds=seconds)
        here = {name: value for name, value in typed.items() if name in form.fields}
        answer = site.send(answer, here, by=visitor, told=told)
        if sends or answer.status_code != 200:
            return answer
    raise RuntimeError(f"The form of joining has no end: {told}")


def again(site: Site, email: str, prefix: str) -> TestResponse:
    """Ask for a new link."""
    return site.walk(f"{prefix}/accounts/join/again", [[("email", email)]], told=f"for {email}")


def _work(site: Site) -> None:
    """Let what was posted leave."""
    clock.forward(minutes=1)
    site.work()


def _links(site: Site) -> list[str]:
    """Return where the mails so far lead to, each place once, in the order of the mails."""
    found: dict[str, None] = {}
    for mail in site.mails():
        text = message_from_bytes(mail.read_bytes(), policy=policy.default).get_body(("plain",))
        found.update(dict.fromkeys(LINK.findall(text.get_content() if text else "")))
    return list(found)


def _confirm(site: Site, link: str) -> None:
    """Follow a link, press the button, then do so once more."""
    for told in ("first", "second"):
        site.ask(link, told=told)
        site.ask(link, "POST", told=told)


def _note_mails(site: Site) -> None:
    for mail in site.mails():
        _note(site, mail)


def _note(site: Site, mail: Path) -> None:
    """Note a mail as it leaves, less its soft line breaks, and what each of its parts says."""
    content = mail.read_bytes()
    name = f"{site.name}: {mail.stem.rpartition('-')[0]}"
    site.record.note("mail", name, content.replace(b"=\r\n", b""))
    read = message_from_bytes(content, policy=policy.default)
    for kind in ("plain", "html"):
        part = read.get_body((kind,))
        if part is None:
            raise LookupError(f"{name} has no part that is {kind}")
        site.record.note("part of a mail", f"{name}, {kind}", part.get_content().encode())
