"""The pages of the news as a reader gets them."""

import re
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.news import publishing
from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.search.sync import indexer
from tests import factories


def headlines(page: str) -> list[str]:
    """Return the slugs of the articles that a page links to, in order, each once."""
    return list(dict.fromkeys(re.findall(r'href="(?:/es)?/news/([a-z][a-z0-9-]*)"', page)))


def test_the_news_lists_newest_first_and_undated_last(
    client: FlaskClient, session: Session
) -> None:
    for slug, dated in (("a-day", "15 July 2018"), ("no-date", "undated"), ("a-range", "2018-08")):
        factories.article(session, slug=slug, dated=dated)
    page = client.get("/news/").text
    found = [slug for slug in headlines(page) if slug in {"a-day", "no-date", "a-range"}]
    assert found == ["a-range", "a-day", "no-date"]


def test_drafts_scheduled_and_withdrawn_articles_are_nowhere(
    client: FlaskClient, session: Session
) -> None:
    later = utc_now() + timedelta(days=3)
    factories.article(session, "Secret draft", slug="secret-draft", status="draft")
    factories.article(
        session, "Not yet", slug="not-yet", status="scheduled", at=later, now=utc_now()
    )
    factories.article(session, "Taken back", slug="taken-back", status="withdrawn")
    for path in ("/", "/news/", "/news.atom", "/news.rss", "/sitemap.xml", "/es/news/"):
        text = client.get(path).text
        assert "ecret" not in text
        assert "ot-yet" not in text
        assert "aken" not in text
    assert client.get("/news/secret-draft").status_code == 404
    assert client.get("/news/not-yet").status_code == 404
    assert client.get("/news/taken-back").status_code == 410


def test_publications_and_events_stay_out_of_the_news(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, slug="a-report", kind="publication")
    factories.article(session, slug="a-talk", kind="event")
    assert headlines(client.get("/news/").text) == []
    assert "a-report" in headlines(client.get("/publications/").text)
    assert "a-talk" in headlines(client.get("/events/").text)
    assert client.get("/news/a-report").status_code == 200


def test_upcoming_events_come_before_past_ones(client: FlaskClient, session: Session) -> None:
    today = date.today()  # noqa: DTZ011  # the day's own edge does not matter here
    for slug, day in (("past", -30), ("far", 60), ("soon", 10)):
        dated = (today + timedelta(days=day)).isoformat()
        factories.article(session, slug=f"talk-{slug}", kind="event", dated=dated)
    page = client.get("/events/").text
    assert [s for s in headlines(page) if s.startswith("talk-")] == [
        "talk-soon",
        "talk-far",
        "talk-past",
    ]


def test_a_page_of_the_list_does_not_shift_when_news_is_added(
    client: FlaskClient, session: Session
) -> None:
    factories.articles(session, 45)
    first = client.get("/news/").text
    second_address = re.search(r'href="(/news/\?before=[^"]+)"', first)
    assert second_address
    before = headlines(client.get(second_address[1]).text)
    assert len(before) == 20
    factories.article(session, dated="2019-01-01")
    assert headlines(client.get(second_address[1]).text) == before


def test_every_article_is_reached_once_by_going_earlier(
    client: FlaskClient, session: Session
) -> None:
    everything = {article.slug for article in factories.articles(session, 53)}
    address, seen = "/news/", []
    while address:
        page = client.get(address).text
        seen += [slug for slug in headlines(page) if slug in everything]
        found = re.search(r'href="(/news/\?before=[^"]+)"', page)
        address = found[1] if found else ""
    assert len(seen) == 53
    assert set(seen) == everything


@pytest.mark.parametrize("cursor", ["x", "2018-13-01.4", "2018-01-01", "2018-01-01.%00", "９.１"])
def test_an_unreadable_cursor_is_a_400_that_helps(client: FlaskClient, cursor: str) -> None:
    response = client.get(f"/news/?before={cursor}")
    assert response.status_code == 400
    assert "first page" in response.text


def test_a_range_of_months_appears_in_each_of_its_months(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, slug="bimonthly", dated="June / July 2009", issue=("Update", 134))
    assert "bimonthly" in headlines(client.get("/news/2009/06/").text)
    assert "bimonthly" in headlines(client.get("/news/2009/07/").text)
    assert "bimonthly" not in headlines(client.get("/news/2009/08/").text)
    assert "bimonthly" in headlines(client.get("/news/2009/").text)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/news/2018/13/", 404),
        ("/news/2018/00/", 404),
        ("/news/2018/7/", 404),
        ("/news/1850/", 404),
        ("/news/0000/01/", 404),
        ("/news/9999/12/", 404),
        ("/news/no-such-thing", 404),
        ("/updates/999/", 404),
        ("/updates/99999999999999999999/", 404),
        ("/topics/no-such-topic", 404),
        ("/about/no-such-page", 404),
    ],
)
def test_unknown_addresses_are_not_found(client: FlaskClient, address: str, status: int) -> None:
    assert client.get(address).status_code == status
    assert client.get(f"/es{address}").status_code == status


def test_an_article_has_one_address_under_its_own_language(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, slug="censo", language="es")
    response = client.get("/news/censo")
    assert (response.status_code, response.location) == (302, "/es/news/censo")
    page = client.get("/es/news/censo").text
    assert '<html lang="es"' in page


def test_a_redirect_comes_before_an_article_of_the_slug_in_the_other_language(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, slug="same", language="es")
    moved = factories.article(session, slug="same")
    publishing.revise(
        session, moved, factories.draft(slug="renamed"), by=factories.EDITOR, now=factories.NOW
    )
    session.commit()
    assert client.get("/news/same").location == "/news/renamed"
    publishing.withdraw(session, moved, by=factories.EDITOR, now=factories.NOW)
    factories.article(session, slug="renamed", language="es")
    assert client.get("/news/renamed").status_code == 410


def test_an_article_that_was_never_public_is_not_found_not_gone(
    client: FlaskClient, session: Session
) -> None:
    never = factories.article(session, slug="never", status="draft")
    publishing.withdraw(session, never, by=factories.EDITOR, now=factories.NOW)
    session.commit()
    assert client.get("/news/never").status_code == 404


def test_only_the_first_page_of_events_has_the_upcoming_ones(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, "In time to come", kind="event", dated="2100-01-01")
    assert "In time to come" in client.get("/events/").text
    past = factories.article(session, "A past one", kind="event", dated="15 July 2018")
    page = client.get(f"/events/?before=2018-07-15.{past.id}").text
    assert "In time to come" not in page
    assert "No event is planned" not in page


def test_a_translated_pair_appears_once_and_links_to_its_counterpart(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, "Census", slug="census")
    factories.article(session, "Censo", slug="censo", language="es", translation_of="census")
    assert headlines(client.get("/news/").text) == ["census"]
    assert headlines(client.get("/es/news/").text) == ["censo"]
    page = client.get("/news/census").text
    assert 'href="/es/news/censo"' in page
    assert 'hreflang="es"' in page


def test_foreign_articles_in_a_list_say_their_language(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, "Solo en castellano", slug="solo", language="es")
    page = client.get("/news/").text
    assert re.search(r'lang="es"[^>]*>[^<]*Solo en castellano|lang="es".{0,400}Solo en', page, re.S)


def test_s10_of_a_members_only_article_title_and_teaser_alone_are_public(
    app: Flask, client: FlaskClient, session: Session
) -> None:
    secret = "quipucamayoc"
    factories.topic(session, "mining")
    shown = factories.article(
        session,
        "Sealed report",
        slug="inside",
        body=f"The {secret} text",
        members_only=True,
        issue=("Update", 134),
        topics=["mining"],
        pictures=[
            PictureDraft(
                *("0" * 64, f"{secret}.png", "image/png", 9, 4, 3),
                alt=secret,
                caption=secret,
                credit=secret,
            )
        ],
        attachments=[
            AttachmentDraft("1" * 64, f"{secret}.pdf", "application/pdf", 9, secret, "en")
        ],
    )
    publishing.correct(session, shown, f"Not {secret}", by="editor", now=factories.NOW)
    factories.article(session, "El informe", slug="dentro", language="es", topics=["mining"])
    session.commit()
    indexer.drain(app)
    for path in (
        *("/news/inside", "/news.atom", "/news.rss", "/", "/news/", "/news/2018/", "/sitemap.xml"),
        *("/news/2018/07/", "/updates/134/", "/topics/mining", "/topics/mining.atom"),
        *("/search/?q=sealed", "/search.atom?q=sealed", "/search.json?q=sealed", "/news/dentro"),
        f"/search/suggest?q={secret[:5]}",
    ):
        for prefix in ("", "/es"):
            assert secret not in client.get(prefix + path).text.casefold(), prefix + path
    page = client.get("/news/inside").text
    assert "Corrected on 20 July 2018" in page  # that it was, everybody may know
    assert "#corrections" not in page


def test_a_correction_is_a_dated_public_note(client: FlaskClient, session: Session) -> None:
    article = factories.article(session, slug="wrong")
    publishing.correct(
        session, article, "The share is 21.9 per cent.", by="editor", now=factories.NOW
    )
    session.commit()
    page = client.get("/news/wrong").text
    assert "The share is 21.9 per cent." in page
    assert "20 July 2018" in page


def test_an_issue_is_found_under_its_series_and_number(
    client: FlaskClient, session: Session
) -> None:
    factories.article(session, slug="in-update", issue=("Update", 134))
    factories.article(session, slug="in-peru-news", issue=("Peru News", 65))
    assert "in-update" in headlines(client.get("/updates/134/").text)
    assert "in-peru-news" in headlines(client.get("/updates/peru-news-65/").text)
    assert client.get("/updates/65/").status_code == 404
    index = client.get("/updates/").text
    assert 'href="/updates/134/"' in index
    assert 'href="/updates/peru-news-65/"' in index


def test_script_in_title_teaser_and_body_stays_text(client: FlaskClient, session: Session) -> None:
    bad = "<script>alert(1)</script>"
    factories.article(
        session, f"T {bad}", slug="evil", teaser=bad, body=f"{bad}\n\n[x](javascript:alert(1))"
    )
    for path in ("/news/evil", "/news/", "/", "/news.atom", "/news.rss"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert 'href="javascript:' not in text


def test_json_ld_cannot_end_its_own_script_block(client: FlaskClient, session: Session) -> None:
    factories.article(session, "</script><b>", slug="breaker")
    page = client.get("/news/breaker").text
    block = page.split('<script type="application/ld+json">')[1].split("</script>")[0]
    assert "NewsArticle" in block
    assert "\\u003c/script" in block


def test_an_article_offers_its_neighbours_and_related_ones(
    client: FlaskClient, session: Session
) -> None:
    factories.topic(session, "mining")
    for number in range(1, 6):
        factories.article(
            session, slug=f"item-{number}a", dated=f"2018-07-0{number}", topics=["mining"]
        )
    page = client.get("/news/item-3a").text
    assert {"item-2a", "item-4a", "item-1a", "item-5a"} <= set(headlines(page))
