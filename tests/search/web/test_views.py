"""The search page, asked as readers ask it."""

import gzip
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import urlencode

import brotli
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from psgflask.core import content_stamp
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news.models import Article, Topic
from psgflask.sample import loading
from psgflask.search import worker_task
from psgflask.search.sync import indexer
from tests import factories

Ask = Callable[..., "Page"]


class Page:
    """A page of results, read as far as the tests ask."""

    def __init__(self, status: int, html: str) -> None:
        self.status, self.html = status, html
        main = re.search(r"<main.*</main>", html, re.DOTALL)
        self.main = main[0] if main else html
        self.heading = self._text(r"<h1[^>]*>(.*?)</h1>")[0]
        self.title = unescape(re.findall(r"<title>(.*?)</title>", html, re.DOTALL)[0])
        self.hits = self._text(r"<h2[^>]*>\s*<a[^>]*>(.*?)</a>")
        self.notices = self._text(r'<div class="notice"><p>(.*?)</p>')
        self.links = [unescape(href) for href in re.findall(r'href="([^"]*)"', self.main)]
        self.marks = [unescape(text) for text in re.findall(r"<mark>(.*?)</mark>", self.main)]

    def _text(self, pattern: str) -> list[str]:
        found = re.findall(pattern, self.main, re.DOTALL)
        return [" ".join(unescape(re.sub(r"<[^>]*>", "", text)).split()) for text in found]


@pytest.fixture
def ask(client: FlaskClient) -> Ask:
    """Search by the form's parameters: `ask("mining", lang="es")`, `prefix` for the language."""

    def get(q: str | None = None, *, prefix: str = "", **parameters: object) -> Page:
        given = {} if q is None else {"q": q}
        query = urlencode({**given, **parameters}, doseq=True)
        response = client.get(f"{prefix}/search/?{query}")
        return Page(response.status_code, response.get_data(as_text=True))

    return get


@pytest.fixture
def sample(session: Session, app: Flask) -> None:
    """The sample content: ten items, four of them in Spanish too."""
    loading.load_content(session, now=utc_now())
    session.commit()
    indexer.drain(app)


LIMA = {"Campaign for Lima mayor gets under way", "Comienza la campaña por la alcaldía de Lima"}
INDEX = "Formal launch of the ‘Responsible Mining Index’"
INDICE = "Lanzamiento oficial del Índice de Minería Responsable"
ANGLO = "Anglo sells part of its interest in Quellaveco to Mitsubishi"
NAMED = {
    "castaneda": LIMA,
    "Castañeda": LIMA,
    "mineria": {INDICE},
    "minería": {INDICE},
    '"Constitutional Commission"': {"Law to exclude Guzman and Mendoza fails, for now"},
    "teachers -strike": {"Census: reading the numbers"},
    "topic:mining after:2018-06": {INDEX, INDICE, ANGLO},
    "strikes OR campaign": {
        "Teachers start new strike",
        "Campaign for Lima mayor gets under way",
        "PSG crowdfunding campaign",
        "World Cup fever activates calls against racism",
    },
    "quellavecco": {ANGLO},
    "[a TO zz]": set(),
    "(" * 5000: set(),
}


@pytest.mark.usefixtures("sample")
def test_the_searches_of_the_first_day_find_what_they_should_in_both_languages(ask: Ask) -> None:
    for q, expected in NAMED.items():
        for prefix in ("", "/es"):
            page = ask(q, prefix=prefix)
            assert (page.status, set(page.hits)) == (200, expected), q[:80]


@pytest.mark.usefixtures("sample")
def test_spanish_fields_and_operators_work_on_spanish_pages(ask: Ask) -> None:
    assert set(ask("tema:minería desde:2018-06", prefix="/es").hits) == {INDEX, INDICE, ANGLO}
    found = ask("censo O alcaldía", prefix="/es")
    assert found.hits == ["Comienza la campaña por la alcaldía de Lima"]
    assert not found.notices


@pytest.mark.usefixtures("sample")
def test_a_correction_is_shown_and_can_be_refused(ask: Ask) -> None:
    page = ask("quellavecco")
    assert page.marks
    assert set(page.marks) == {"Quellaveco"}
    assert page.notices[0].startswith("Nothing was found for ‘quellavecco’")
    assert "/search/?q=%22quellavecco%22" in page.links
    assert ask('"quellavecco"').hits == []
    spanish = ask("quellavecco", prefix="/es")
    assert spanish.notices[0].startswith("No se encontró nada para «quellavecco»")


@pytest.mark.usefixtures("sample")
def test_words_left_out_are_told(ask: Ask) -> None:
    page = ask("teachers zzzzzzzz")
    assert "Teachers start new strike" in page.hits
    assert page.notices == [
        "Nothing was found with all the words; these results are without ‘zzzzzzzz’."
    ]


@pytest.mark.usefixtures("sample")
def test_an_unknown_topic_is_reported(ask: Ask) -> None:
    page = ask("topic:football")
    assert page.hits == []
    assert page.notices == ["There is no topic ‘football’. See all topics"]


@pytest.mark.usefixtures("sample")
def test_of_a_translated_pair_both_are_results_each_in_its_language(ask: Ask) -> None:
    page = ask("topic:mining")
    assert {INDEX, INDICE} <= set(page.hits)
    assert re.search(r'lang="es"', page.main)


@pytest.mark.usefixtures("sample")
def test_a14_the_query_is_kept_and_the_count_stands_in_heading_and_title(ask: Ask) -> None:
    page = ask("  Castañeda ")
    assert page.heading == "2 results for ‘Castañeda’"
    assert page.title.startswith(page.heading)
    assert re.search(r'name="q"[^>]*value="Castañeda"', page.html)
    assert ask("castaneda", prefix="/es").heading == "2 resultados para «castaneda»"


@pytest.mark.usefixtures("sample")
def test_filters_narrow_and_can_be_removed_one_by_one(ask: Ask) -> None:
    page = ask(topic=["mining"], lang="es", **{"from": "2018", "to": "2018-07"})
    assert page.hits == [INDICE]
    assert page.heading == "1 result"
    for gone in ("topic=mining", "lang=es", "from=2018&to=2018-07"):
        rest = {"topic=mining", "lang=es", "from=2018&to=2018-07"} - {gone}
        assert any(gone not in link and all(p in link for p in rest) for link in page.links), gone
    assert "/search/" in page.links


@pytest.mark.usefixtures("sample")
def test_filters_keep_the_words_and_the_order(ask: Ask) -> None:
    page = ask("mining", topic="mining", sort="oldest")
    kept = [link for link in page.links if "q=mining" in link]
    assert any("topic=" not in link and "sort=oldest" in link for link in kept)
    assert any("sort=newest" in link and "topic=mining" in link for link in kept)


def test_results_come_in_pages_of_ten_that_follow_each_other(ask: Ask, session: Session) -> None:
    factories.articles(session, 23)
    seen: list[str] = []
    for number, count in ((1, 10), (2, 10), (3, 3)):
        page = ask("headline", page=number)
        assert len(page.hits) == count
        seen += page.hits
    assert len(set(seen)) == 23
    assert page.heading == "23 results for ‘headline’ (page 3 of 3)"
    assert "/search/?q=headline&page=2" in page.links


def test_a_page_beyond_the_last_is_not_found_and_says_so(ask: Ask, session: Session) -> None:
    factories.articles(session, 3)
    page = ask("headline", page=2)
    assert page.status == 404
    assert "fewer pages of results" in page.html


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        *(("page", value) for value in ("0", "51", "-1", "x", "1.5", "²", "99999999999", " ")),
        *(("sort", value) for value in ("best", "NEWEST", "\0")),
        *(("lang", value) for value in ("fr", "EN", "en,es")),
        *(("from", value) for value in ("yesterday", "2018-13", "2018-02-30", "20180101", "x" * 9)),
        *(("to", value) for value in ("0000", "2018-00", "\0")),
        *(("topic", value) for value in ("nothing", "../etc", "x" * 5000)),
    ],
)
def test_any_other_parameter_that_is_malformed_gets_400_and_help(
    ask: Ask, parameter: str, value: str
) -> None:
    page = ask("mining", **{parameter: value})
    assert page.status == 400
    assert 'role="search"' in page.html
    assert "<title>Error: Search" in page.html
    assert 'value="mining"' in page.html


@pytest.mark.parametrize(
    ("dates", "wrong", "advice"),
    [
        ({"from": "10 July 2015", "to": "2016"}, "from", "Write the first date as 2018"),
        ({"from": "2014", "to": "15/07/2018"}, "to", "Write the last date as 2018"),
        ({"from": "2020", "to": "2010"}, "to", "The last date is before the first"),
    ],
)
def test_an_invalid_date_stays_in_its_field_with_advice(
    ask: Ask, dates: dict[str, str], wrong: str, advice: str
) -> None:
    page = ask("mining", sort="newest", **dates)
    assert page.status == 400
    assert page.html.count(advice) == 2  # in the summary, and at the field
    assert f'<a href="#{wrong}">{advice}' in page.html
    for name, typed in dates.items():
        assert re.search(f'name="{name}"[^>]* value="{typed}"', page.html)
    assert page.html.count('aria-invalid="true"') == 1
    assert 'name="sort" value="newest"' in page.html


@pytest.mark.parametrize("parameter", ["sort", "lang", "from", "to", "topic"])
def test_a_parameter_left_empty_is_no_filter(ask: Ask, parameter: str) -> None:
    assert ask("mining", **{parameter: ""}).status == 200


@pytest.mark.parametrize("path", ["/search/?q=mining", "/search.json?q=mining", "/search/?from=x"])
def test_results_are_compressed_as_their_reader_prefers(
    app: Flask, session: Session, client: FlaskClient, path: str
) -> None:
    factories.article(session, "Mining", teaser="Mining in Cajamarca. " * 30)
    session.rollback()
    plain = client.get(path)
    assert "Content-Encoding" not in plain.headers
    for accepted, coding, read in (
        ("gzip, deflate, br", "br", brotli.decompress),
        ("gzip", "gzip", gzip.decompress),
    ):
        answer = client.get(path, headers={"Accept-Encoding": accepted})
        assert answer.headers["Content-Encoding"] == coding
        assert "Accept-Encoding" in answer.headers["Vary"]
        assert read(answer.data) == plain.data


HOSTILE = [
    *("[a TO zz]", "x~3", "*", "*a", "b*", "?", "a?b", "x^9", "{a TO b}", "/.*/", "a && b || !c"),
    *('"', '"a', "'", "\\", "\\\\*", "((((", "))))", "-", "--", "- -", "OR", "OR OR", "NOT", "AND"),
    *(
        "a:b:c",
        ":",
        "topic:",
        "topic:*",
        'topic:"',
        "title:-x",
        "after:9999",
        "in:0000",
        "issue:-1",
    ),
    *("issue:99999999999999999999", "lang:", "before:1000", "in:9999-12-31", "-in:1000-01-01"),
    *("\0", "a\0b", "\ud83d", "%00", "%", "_", "';--", "<script>", "\u202e", "\ufeff", "½²"),
    " OR ".join(f"w{number}" for number in range(200)),
    " OR ".join(f"w{number}" for number in range(2000)),
    "x" * 10_000,
    "(" * 5000,
    "é" * 5000,
    " ".join(["pro*"] * 60),
    '"the the the the the the the the the the the the"',
]


@pytest.mark.usefixtures("sample")
def test_s1_whatever_is_typed_gets_an_answer(ask: Ask) -> None:
    for q in HOSTILE:
        for prefix in ("", "/es"):
            page = ask(q.encode("utf-8", "surrogatepass"), prefix=prefix)
            assert page.status == 200, q[:80]


def test_q_may_be_any_bytes_or_missing_but_not_there_twice(client: FlaskClient) -> None:
    for query in ("", "q", "q=", "q=%ff%fe", "q=%C3", "q[]=a", "q=a;b", "&&&"):
        assert client.get(f"/search/?{query}").status_code == 200, query
    assert client.get("/search/?q=a&q=b").status_code == 400


def test_without_words_the_page_helps(ask: Ask) -> None:
    page = ask()
    assert page.heading == "Search"
    assert "/pages/search-help" in " ".join(page.links) or "search-help" in " ".join(page.links)


@pytest.mark.usefixtures("sample")
def test_a14_where_nothing_is_found_topics_are_offered(ask: Ask) -> None:
    page = ask("zzzzzzzz")
    assert page.heading == "0 results for ‘zzzzzzzz’"
    assert "/topics/mining" in page.links


def test_a_far_likelier_spelling_is_offered_by_a_link_only(ask: Ask, session: Session) -> None:
    for _number in range(20):
        factories.article(session, "Protest")
    factories.article(session, "Protset", body="One slip of the pen.")
    page = ask("the protset, again OR protset")
    assert page.hits == ["Protset"]
    assert page.notices == ["Did you mean the protest, again OR protest?"]
    assert "/search/?q=the+protest,+again+OR+protest" in page.links


def test_s12_titles_and_texts_are_escaped_whatever_is_searched_for(
    ask: Ask, session: Session
) -> None:
    factories.article(
        session,
        'Tom & <b>Jerry</b> "quoted"',
        teaser="A <script>alert(1)</script> & more",
        body="`<img src=x onerror=alert(1)>` & <mark>text</mark>",
    )
    for q in ("jerry", "<b>Jerry</b>", "script", "img", "&amp;", "mark", '"b jerry b"', "alert*"):
        page = ask(q)
        assert not re.search(r"<(script>|img src=x|b>(<mark>)?Jerry)", page.main)
        assert page.main.count("<mark>") == page.main.count("</mark>")


def test_s10_of_an_article_for_members_only_title_and_teaser_are_searched(
    ask: Ask, session: Session
) -> None:
    factories.article(
        session, "Briefing", teaser="Outline of it.", body="Zyxgated details.", members_only=True
    )
    assert ask("outline").hits == ["Briefing"]
    for q in ("zyxgated", "zyx*", "zyxgate", '"zyxgated details"', "briefing"):
        page = ask(q)
        assert "Zyxgated" not in page.html
        assert "zyxgated" not in "".join(page.marks).lower()


def test_what_is_not_public_is_never_found(ask: Ask, session: Session) -> None:
    for status in ("draft", "scheduled", "withdrawn"):
        factories.article(session, "Secretword", status=status, now=utc_now())
    for q in ("secretword", "secretwrod", "secret*", "title:secretword"):
        assert ask(q).hits == []


def test_without_an_index_titles_are_searched_and_the_page_says_so(
    ask: Ask, session: Session, app: Flask
) -> None:
    factories.article(session, "Luis Castañeda for mayor", body="Quellaveco")
    factories.article(session, "Mayor of Callao")
    (Path(indexer.store(app).folder) / "current").unlink()
    page = ask("castaneda mayor")
    assert (page.status, page.hits) == (200, ["Luis Castañeda for mayor"])
    assert "only titles are searched" in page.notices[0]
    assert ask("quellaveco").hits == []
    worker_task.update_index(app)
    mended = ask("quellaveco")
    assert mended.hits == ["Luis Castañeda for mayor"]
    assert not mended.notices


def test_s10_a_snippet_is_the_teaser_while_the_index_still_has_the_body(
    ask: Ask, session: Session, app: Flask
) -> None:
    factories.article(session, "Briefing", teaser="Outline of it.", body="Zyxgated details.")
    session.commit()
    indexer.drain(app)
    assert "Zyxgated" in ask("briefing").html
    session.execute(update(Article).values(members_only=True))  # behind the ledger's back
    content_stamp.content_changed(session)
    session.commit()
    shown = ask("briefing").html
    assert "Outline of it." in shown
    assert "Zyxgated" not in shown


@pytest.mark.usefixtures("sample")
def test_a_page_of_results_costs_few_statements(ask: Ask, app: Flask) -> None:
    statements: list[str] = []

    def note(*said: object) -> None:
        statements.append(str(said[2]))

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
    ask("peru")
    first = len(statements)
    ask("lima OR peru", lang="en", sort="newest")
    assert first <= 12
    assert len(statements) <= 2 * first
    bodies = [statement for statement in statements if "articles.body" in statement]
    assert bodies == []


@pytest.mark.usefixtures("sample")
def test_searching_sets_no_cookie(client: FlaskClient) -> None:
    assert "Set-Cookie" not in client.get("/search/?q=peru").headers


@pytest.mark.usefixtures("sample")
def test_topics_named_in_either_language_are_the_same(ask: Ask, session: Session) -> None:
    topic = session.query(Topic).filter_by(slug="human-rights").one()
    names = [topic.slug, topic.name_en, topic.name_es, topic.name_es.upper()]
    found = [ask(f'topic:"{name}"').hits for name in names]
    assert found[0]
    assert all(hits == found[0] for hits in found)
