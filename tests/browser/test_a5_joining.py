"""A5: joining in a real browser, verified through a real mail server, and seen by the secretary."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from psgflask.members.web import form_tokens
from tests.benchmarks.servers import ROOT, serving
from tests.browser import content
from tests.mail.mail_server import MailServer
from tests.mail.reading import part

SECRETARY = "secretary@psg.example"
NETWORKS = count(1)
PERSON = {
    "name": "Rosa Quispe Mamani",
    "phone": "0113 496 0000",
    "address": "12 Harehills Lane\nLeeds",
    "postcode": "ls8 5bd",
}


@dataclass
class Office:
    """A running site, the mail server that its mails go to, and its commands."""

    address: str
    post: MailServer
    environment: dict[str, str]

    def members(self, *words: str) -> str:
        """Run `flask members ...` as the secretary does; return what it prints."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi:app", "members", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def member(self, number: str) -> dict[str, Any]:
        """Return what `flask members list` says of a number."""
        rows: list[dict[str, Any]] = json.loads(self.members("list", "--json"))
        [found] = [row for row in rows if number in row.values()]
        return found

    def mail_to(self, address: str, naming: str = "") -> EmailMessage:
        """Return the mail that came to an address, waiting for it."""
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            for arrived in list(self.post.arrived):
                if arrived.recipients == [address] and naming in part(arrived.mail, "plain"):
                    return arrived.mail
            time.sleep(0.2)
        raise AssertionError(f"no mail came to {address}")


@contextmanager
def _mail_server() -> Iterator[MailServer]:
    """Start it from a thread of its own: in this one the browser's driver has its loop."""
    post = MailServer()
    with ThreadPoolExecutor(1) as other:
        other.submit(post.__enter__).result()
        yield post
        other.submit(post.__exit__).result()


@pytest.fixture(scope="module")
def office(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A site of its own, so that what other tests do here is not in the way."""
    instance = tmp_path_factory.mktemp("office") / "instance"
    with content.filled(instance, "empty"):
        pass
    with _mail_server() as post:
        settings = post.settings(SECRETARY_EMAIL=SECRETARY, SECRET_KEY=content.SECRET, WORKER="yes")
        settings["TRUSTED_PROXIES"] = 1
        environment = {f"PSG_{name}": str(value) for name, value in settings.items()}
        environment["PSG_INSTANCE"] = str(instance)
        with serving("wsgi:app", **environment) as server:
            own = {**os.environ, **environment, "PSG_WORKER": "no"}
            yield Office(f"http://127.0.0.1:{server.port}", post, own)


@pytest.fixture(params=[True, False], ids=["javascript-on", "javascript-off"])
def applicant(office: Office, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Somebody with a browser of their own."""
    context = browser.new_context(base_url=office.address, java_script_enabled=request.param)
    # From a network of one's own: what one is allowed in an hour is not for these tests to use up.
    came = f"2001:db8:{next(NETWORKS):x}::1"
    context.set_extra_http_headers({"X-Forwarded-For": came})
    page = context.new_page()
    page.set_default_timeout(15_000)
    yield page
    context.close()


def go_on(page: Page) -> None:
    """Press the button that leads to the next page."""
    page.locator("main .onward button").first.click()


def choose(page: Page, name: str, value: str) -> None:
    page.locator(f"input[name='{name}'][value='{value}']").check()


def fill(page: Page, typed: dict[str, str]) -> None:
    for name, value in typed.items():
        page.locator(f"[name='{name}']:not([type=hidden])").fill(value)


def apply(page: Page, prefix: str, tier: str, email: str, you: dict[str, str]) -> str:
    """Go through every page with one slip on the way; return the reference."""
    page.goto(f"{prefix}/members/join")
    page.locator("main a[href$='/members/join/membership']").first.click()
    choose(page, "tier", tier)
    go_on(page)
    fill(page, you)
    go_on(page)
    told = {**PERSON, "email": "rosa at example.org"}
    fill(page, {name: told[name] for name in ("email", "phone", "address", "postcode")})
    page.locator("select[name=country]").select_option("GB")
    go_on(page)
    # The slip: it is said in the title and in a summary, and nothing that was typed is gone.
    expect(page).to_have_title(re.compile("^Error:"))
    page.locator(".errors a, [role=alert] a").first.click()
    expect(page.locator("[name=email]")).to_have_value("rosa at example.org")
    expect(page.locator("[name=address]")).to_have_value(PERSON["address"])
    fill(page, {"email": email})
    go_on(page)
    choose(page, "payment", "cheque")
    go_on(page)
    choose(page, "consents", "post")
    go_on(page)
    expect(page.locator("dl.answers")).to_contain_text(email)
    expect(page.locator("dl.answers")).to_contain_text(you["name"])
    # Whoever is faster than this is no person.
    time.sleep(form_tokens.MIN_AGE.total_seconds())
    go_on(page)
    return page.locator("strong.reference").inner_text().replace("\xa0", " ")


def confirm(page: Page, office: Office, email: str) -> EmailMessage:
    """Follow the link of the mail and press its button."""
    mail = office.mail_to(email)
    [link] = set(re.findall(r"https?://\S+/accounts/join/\S+", part(mail, "plain")))
    page.goto(urlsplit(link).path)
    expect(page.get_by_role("main")).to_contain_text(email)
    page.locator("main form button").click()
    return mail


@pytest.mark.parametrize("prefix", ["", "/es"], ids=["english", "spanish"])
def test_a5_a_supporter_joins_and_is_in_the_secretarys_list(
    office: Office, applicant: Page, prefix: str
) -> None:
    email = f"rosa-{len(office.post.arrived)}@example.org"
    reference = apply(applicant, prefix, "waged", email, {"name": PERSON["name"]})
    mail = confirm(applicant, office, email)
    heading = applicant.get_by_role("heading", level=1)
    if prefix:
        expect(heading).to_have_text("Su correo electrónico está confirmado")
        assert "confirm" in str(mail["Subject"])
    else:
        expect(heading).to_have_text("Your e-mail address is confirmed")
        assert mail["Subject"] == "Please confirm your e-mail address"
    row = office.member(reference)
    assert PERSON["name"] in row.values()
    told = office.mail_to(SECRETARY, reference)
    assert email not in part(told, "plain")
    assert "Rosa" not in part(told, "plain")


def test_a5_a_household_of_three_and_an_organisation_join(office: Office, applicant: Page) -> None:
    email = f"family-{len(office.post.arrived)}@example.org"
    people = {"name": "Rosa Quispe", "household": "Luis Quispe\nAna Ñahui"}
    reference = apply(applicant, "", "household", email, people)
    confirm(applicant, office, email)
    assert "Ana Ñahui" in office.members("show", reference)
    email = f"circle-{len(office.post.arrived)}@example.org"
    people = {"organisation": "Leeds Peru Circle", "name": "Rosa Quispe"}
    reference = apply(applicant, "", "organisation", email, people)
    confirm(applicant, office, email)
    assert "Leeds Peru Circle" in office.members("show", reference)


def test_a5_somebody_without_e_mail_is_added_from_paper(office: Office) -> None:
    said = {"membership": "waged", "name": "Tomás Huamán", "address": "3 High Street"}
    said |= {"postcode": "LS1 4DY", "country": "GB", "payment": "cheque"}
    office.members("add", *(f"--{name}={value}" for name, value in said.items()))
    rows = json.loads(office.members("list", "--json"))
    assert any("Tomás Huamán" in row.values() for row in rows)
