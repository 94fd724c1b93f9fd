"""The section pages."""

import html
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from sqlalchemy.orm import Session

from psgflask.core.personal_data import PERSONAL_DATA
from psgflask.pages import appeals, standing_pages
from tests import factories


def test_a_page_is_shown_in_the_language_asked_for(client: FlaskClient, session: Session) -> None:
    factories.page(session, "aims", title="PSG Aims")
    factories.page(session, "aims", title="Objetivos del PSG", language="es")
    assert "PSG Aims" in client.get("/about/aims").text
    assert "Objetivos del PSG" in client.get("/es/about/aims").text


@pytest.mark.parametrize(("prefix", "word"), [("", "Lawful basis"), ("/es", "Base jurídica")])
def test_the_privacy_page_has_a_section_for_each_kind_of_personal_data(
    client: FlaskClient, session: Session, app: Flask, prefix: str, word: str
) -> None:
    standing_pages.add_missing(session)
    session.commit()
    page = html.unescape(client.get(f"{prefix}/about/privacy").text)
    kept = page.split('id="kept"')[1]
    assert kept.count(word) == len(PERSONAL_DATA)
    with app.app_context(), force_locale(prefix.strip("/") or "en"):
        for data in PERSONAL_DATA:
            for text in (data.what, data.why, data.basis, data.kept, data.seen_by):
                assert str(text) in kept
    assert 'id="kept"' not in client.get(f"{prefix}/about/contact").text


def test_an_untranslated_page_says_its_own_language(client: FlaskClient, session: Session) -> None:
    factories.page(session, "aims", title="PSG Aims")
    page = client.get("/es/about/aims").text
    assert '<html lang="es"' in page
    assert 'lang="en"' in page.split("<main")[1]


def test_a_page_has_its_canonical_address_and_its_alternates(
    client: FlaskClient, session: Session
) -> None:
    factories.page(session, "aims", title="PSG Aims")
    page = client.get("/es/about/aims").text
    assert '<link rel="canonical" href="http://127.0.0.1:8000/about/aims">' in page
    assert '<link rel="alternate" hreflang="es"' not in page
    factories.page(session, "aims", title="Objetivos del PSG", language="es")
    page = client.get("/es/about/aims").text
    assert '<link rel="canonical" href="http://127.0.0.1:8000/es/about/aims">' in page
    for address in ("/about/aims", "/es/about/aims"):
        language = "es" if address.startswith("/es") else "en"
        link = f'<link rel="alternate" hreflang="{language}" href="http://127.0.0.1:8000{address}">'
        assert link in page


def test_sections_list_their_pages(client: FlaskClient, session: Session) -> None:
    factories.page(session, "aims", section="psg", title="PSG Aims")
    factories.page(session, "human-rights", section="peru", title="Human Rights")
    about, peru = client.get("/about/").text, client.get("/peru/").text
    assert 'href="/about/aims"' in about
    assert 'href="/about/human-rights"' in peru
    assert 'href="/about/human-rights"' not in about.split("<main")[1].split("</main")[0]


@pytest.mark.parametrize(
    ("target", "total", "share"),
    [(None, None, None), (100, None, None), (None, 5, None), (100, 25, 0.25), (100, 140, 1.0)],
)
def test_progress_is_shown_only_with_target_and_total(
    session: Session, target: int | None, total: int | None, share: float | None
) -> None:
    factories.appeal(
        session,
        target=Decimal(target) if target else None,
        total=Decimal(total) if total else None,
    )
    shown = appeals.newest_appeal(session, "en", date(2018, 7, 1))
    assert shown is not None
    assert shown.share == share


def test_an_ended_appeal_says_how_it_ended(client: FlaskClient, session: Session) -> None:
    factories.appeal(session, ends_on=date(2018, 9, 1), outcome="It reached what it asked for.")
    assert "It reached what it asked for." in client.get("/").text
