"""The glossary: what installations begin with, and what readers see of it."""

import re
from html import unescape

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import publishing
from psgflask.news.models import Article
from psgflask.search import glossary
from psgflask.search.glossary import read_entries
from psgflask.search.query.expansion import ConceptTerm
from psgflask.search.sync import indexer
from tests import factories
from tests.search.glossaries import run, terms


@pytest.fixture
def consulta(app: Flask, session: Session) -> None:
    """A glossary of one concept, and an article in each language on it."""
    run(app, "add", "--en", "prior consultation", "--es", "consulta previa")
    factories.article(session, "Prior consultation in Loreto", body="No prior consultation yet.")
    factories.article(session, "Ley de consulta previa", language="es", body="La consulta previa.")
    session.commit()
    indexer.drain(app)


# What every installation begins with


def test_the_shipped_glossary_has_150_concepts_and_more_in_both_languages() -> None:
    entries = [entry for _line, entry in read_entries(glossary.SHIPPED)]
    assert len(entries) >= 150
    for entry in entries:
        assert {language for language, _text in entry.terms} == {"en", "es"}, entry
    texts = {text for entry in entries for _language, text in entry.terms}
    assert {"SUNAFIL", "INEI", "Sendero Luminoso", "Ombudsman", "EIA", "canon minero"} <= texts


def test_each_shipped_line_is_a_concept_of_its_own(session: Session) -> None:
    added = glossary.add_missing(session)
    assert added == len(read_entries(glossary.SHIPPED)) == len(glossary.concepts(session))


def test_what_volunteers_changed_or_removed_stays_so(session: Session, app: Flask) -> None:
    glossary.add_missing(session)
    session.commit()
    run(app, "remove", "Shining Path", "--concept")
    run(app, "remove", "EIA")
    run(app, "add", "--en", "SUNAFIL", "--es", "inspección de trabajo")
    before = terms(session)
    assert glossary.add_missing(session) == 0
    session.commit()
    assert terms(session) == before
    assert not any("Sendero Luminoso" in concept or "EIA" in concept for concept in before)


def test_a_shipped_concept_that_volunteers_named_before_is_not_added(
    session: Session, app: Flask
) -> None:
    run(app, "add", "--en", "our own word", "--es", "defensoria del pueblo")
    glossary.add_missing(session)
    session.commit()
    found = terms(session)
    assert {"our own word", "defensoria del pueblo"} in found
    assert not any("Defensoría del Pueblo" in concept for concept in found)


# What readers see


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", "", html)).split())


def notices(client: FlaskClient, address: str) -> list[str]:
    page = client.get(address).text
    return [text_of(found) for found in re.findall(r'<div class="notice">(.*?)</div>', page, re.S)]


@pytest.mark.usefixtures("consulta")
def test_the_page_says_what_was_also_searched_for_and_offers_the_words_alone(
    client: FlaskClient,
) -> None:
    page = client.get("/search/?q=prior+consultation").text
    assert "2 results" in page
    assert '<i lang="es">consulta previa</i>' in page
    assert "Ley de <mark>consulta previa</mark>" in page
    assert notices(client, "/search/?q=prior+consultation") == [
        "Also searched for: consulta previa. Only my words"
    ]
    (href,) = re.findall(r'<a href="([^"]*)">Only my words</a>', page)
    alone = client.get(unescape(href)).text
    assert "1 result " in alone
    assert "Also searched for" not in alone
    (back,) = [
        unescape(href)
        for href in re.findall(r'href="([^"]*)"[^>]*>(?:(?!</a>).)*Only my words', alone, re.S)
    ]
    assert "words=" not in back
    assert "2 results" in client.get(back).text


@pytest.mark.usefixtures("consulta")
def test_the_page_says_so_in_spanish(client: FlaskClient) -> None:
    assert notices(client, "/es/search/?q=consulta+previa") == [
        "También se buscó: prior consultation. Solo mis palabras"
    ]


@pytest.mark.usefixtures("consulta")
def test_only_my_words_stays_with_filters_pages_and_feeds(client: FlaskClient) -> None:
    page = client.get("/search/?q=consulta+OR+prior+consultation&words=typed").text
    assert '<input type="hidden" name="words" value="typed">' in page
    assert "words=typed&amp;sort=newest" in page or "sort=newest&amp;words=typed" in page
    found = client.get("/search.json?q=prior+consultation&words=typed").json
    assert found is not None
    assert (found["_search"]["total"], found["_search"]["also_searched"]) == (1, [])
    assert client.get("/search/?q=prior&words=mine").status_code == 400


@pytest.mark.usefixtures("consulta")
def test_feeds_find_by_the_other_term_and_say_so(client: FlaskClient) -> None:
    found = client.get("/search.json?q=prior+consultation").json
    assert found is not None
    assert (found["_search"]["total"], found["_search"]["also_searched"]) == (
        2,
        ["consulta previa"],
    )
    assert client.get("/search.atom?q=prior+consultation").text.count("<entry") == 2


@pytest.mark.usefixtures("consulta")
def test_the_first_suggestion_is_among_the_first_of_the_page(client: FlaskClient) -> None:
    page = client.get("/search/?q=consulta+previa").text
    first = client.get("/search/suggest?q=consulta+previa").text
    assert "Ley de <mark>consulta previa</mark>" in first.replace("</mark> <mark>", " ")
    assert page.index("Ley de") < page.index("in Loreto")


def test_a_term_typed_to_its_end_is_suggested_as_the_page_finds_it(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    run(app, "add", "--en", "informal mining", "--es", "minería informal")
    factories.article(session, "Informal mining spreads")
    factories.article(session, "Informal talks, informal dress", body="Informal.")
    session.commit()
    indexer.drain(app)
    for address in ("/search/?q=mineria+informal", "/search/suggest?q=mineria+informal"):
        answer = client.get(address).text
        assert "<mark>Informal mining</mark> spreads" in answer
        assert "talks" not in answer


def test_what_others_change_is_in_force_with_the_next_search(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    factories.article(session, "Ley de consulta previa", language="es")
    session.commit()
    indexer.drain(app)
    address = "/search/?q=prior+consultation"
    for _time in range(2):  # the second time the page is cached
        assert "0 results" in client.get(address).text
    run(app, "add", "--en", "prior consultation", "--es", "consulta previa")
    for _time in range(2):
        assert "1 result " in client.get(address).text
    run(app, "remove", "consulta previa")
    assert "0 results" in client.get(address).text


def test_the_glossary_is_read_when_content_changed_and_not_for_every_search(
    app: Flask, client: FlaskClient, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Session] = []
    read = glossary.concepts

    def concepts(session: Session) -> list[list[ConceptTerm]]:
        reads.append(session)
        return read(session)

    monkeypatch.setattr(glossary, "concepts", concepts)
    for word in "abcdef":
        client.get(f"/search/?q=x{word}")
    assert len(reads) == 1
    factories.article(session, "New")
    session.commit()
    client.get("/search/?q=xy")
    assert len(reads) == 2


@pytest.mark.usefixtures("consulta")
def test_what_was_withdrawn_is_not_found_by_the_other_term(
    client: FlaskClient, session: Session
) -> None:
    article = session.scalars(select(Article).where(Article.language == "es")).one()
    publishing.withdraw(session, article, by="editor", now=utc_now())
    session.commit()
    assert "1 result " in client.get("/search/?q=prior+consultation").text


@pytest.mark.usefixtures("consulta")
def test_without_an_index_titles_are_searched_for_the_words_alone(
    app: Flask, client: FlaskClient
) -> None:
    (indexer.store(app).folder / "current").unlink()
    page = client.get("/search/?q=prior+consultation").text
    assert "only titles are searched" in page
    assert "Also searched for" not in page
