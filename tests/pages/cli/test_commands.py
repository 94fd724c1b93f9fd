"""`flask pages` as a volunteer uses it."""

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from psgflask.core.clock import london_day, utc_now
from psgflask.pages import appeals, standing_pages
from psgflask.pages.models import Appeal, Page
from tests import factories

PAGE = """\
slug: aims
title: PSG Aims
teaser: What the PSG is for."""
APPEAL = """\
title: Help us
link: https://example.org/give
target: £12,500
total: 3100.50"""
Run = Callable[..., Result]
Write = Callable[..., str]
TODAY = london_day(utc_now())


@pytest.fixture
def run(app: Flask, session: Session) -> Run:
    def run(*words: str, fails: int = 0, answer: str | None = None) -> Result:
        session.rollback()
        result = app.test_cli_runner().invoke(args=["pages", *words], input=answer)
        assert result.exit_code == fails, result.output
        session.expire_all()
        return result

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(head: str, body: str = "A paragraph.\n") -> str:
        file = tmp_path / "page.md"
        file.write_text(f"---\n{head}\n---\n{body}", encoding="utf-8")
        return str(file)

    return write


def rows(session: Session) -> dict[str, list[Any]]:
    session.rollback()
    return {
        name: list(session.execute(text(f"SELECT * FROM {name}"))) for name in ("pages", "appeals")
    }


def test_a_page_is_set_and_read(run: Run, write: Write, client: FlaskClient) -> None:
    assert run("set", write(PAGE)).output == "Added: http://127.0.0.1:8000/about/aims\n"
    assert "A paragraph." in client.get("/about/aims").text
    assert run("set", write(PAGE, body="Another.\n")).output.startswith("Saved: ")
    page = client.get("/about/aims").text
    assert "Another." in page
    assert "A paragraph." not in page


def test_a_page_keeps_its_position_where_the_file_leaves_it_out(
    run: Run, write: Write, session: Session
) -> None:
    factories.page(session, "aims", section="psg", position=4)
    run("set", write(PAGE.replace("PSG Aims", "Our aims")))
    run("set", write(f"{PAGE}\nlanguage: es"))
    places = [(p.language, p.section, p.position) for p in session.scalars(select(Page))]
    assert places == [("en", "psg", 4), ("es", "psg", 4)]
    run("set", write(f"{PAGE}\nsection: peru\nposition: 2"))
    page = session.scalar(select(Page).where(Page.language == "en"))
    assert page is not None
    assert (page.section, page.position, page.title) == ("peru", 2, "PSG Aims")


def test_the_file_that_show_writes_changes_nothing(
    run: Run, write: Write, session: Session, tmp_path: Path
) -> None:
    factories.page(session, "aims", title="Aims: all #3", teaser="@PSG", body="## One\n\nTwo.\n")
    before = rows(session)
    again = tmp_path / "again.md"
    again.write_text(run("show", "aims").output, encoding="utf-8")
    run("set", str(again))
    assert rows(session) == before


def test_pages_are_listed_by_section(run: Run, session: Session) -> None:
    factories.page(session, "contact", section="site", title="[Contact]")
    factories.page(session, "aims", section="psg")
    listed = json.loads(run("list", "--json").output)
    assert [page["slug"] for page in listed] == ["aims", "contact"]
    assert "[Contact]" in run("list").output


def test_an_appeal_is_begun_renewed_and_ended(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    article = factories.article(session, slug="appeal-opens")
    begun = run("appeal", "set", write(f"{APPEAL}\narticle: appeal-opens", body="Please give.\n"))
    assert begun.output == "Begun: Help us (en)\n"
    (appeal,) = session.scalars(select(Appeal)).all()
    assert (appeal.target, appeal.total) == (Decimal("12500.00"), Decimal("3100.50"))
    assert (appeal.article_id, appeal.text) == (article.id, "Please give.")
    assert "Please give." in client.get("/").text

    run("appeal", "set", write(APPEAL.replace("3100.50", "4000"), body="Please give.\n"))
    assert [a.total for a in session.scalars(select(Appeal))] == [Decimal("4000.00")]

    assert "Ended: Help us" in run("appeal", "end", "--outcome", "We thank you all.").output
    assert "We thank you all." in client.get("/").text
    listed = json.loads(run("appeal", "list", "--json").output)
    assert [(row["state"], row["total"]) for row in listed] == [("ended", "4000.00")]

    assert run("appeal", "set", write(APPEAL)).output.startswith("Begun")
    assert [a.outcome for a in session.scalars(select(Appeal))] == ["We thank you all.", ""]
    assert run("appeal", "end", "--language", "es", fails=1).output.count("No appeal is running")


def test_each_language_has_its_appeal(run: Run, write: Write, session: Session) -> None:
    run("appeal", "set", write(APPEAL))
    run("appeal", "set", write("title: Ayúdenos\nlanguage: es", body="Por favor.\n"))
    assert [a.language for a in session.scalars(select(Appeal))] == ["en", "es"]


def test_an_appeal_ends_on_its_day(run: Run, write: Write) -> None:
    yesterday = TODAY - timedelta(days=1)
    for ends_on, output, state in (
        (TODAY, "Begun", "running"),
        (TODAY, "Saved", "running"),
        (yesterday, "Saved", "ended"),
        (yesterday, "Begun", "ended"),
    ):
        head = f"{APPEAL}\nends on: {ends_on}"
        assert run("appeal", "set", write(head)).output.startswith(output)
        newest = json.loads(run("appeal", "list", "--json").output)[0]
        assert (newest["ends on"], newest["state"]) == (ends_on.isoformat(), state)


@pytest.mark.parametrize(
    ("words", "head", "message"),
    [
        (("set",), "title: x\nteaser: y", "line 1: `slug` is missing"),
        (("set",), f"{PAGE}\nslug: b", "line 5: `slug` stands twice"),
        (("set",), PAGE.replace("aims", "Our Aims"), "line 2: `slug`: write small letters"),
        (("set",), f"{PAGE}\nsection: news", "line 5: `section`: write psg or peru or site"),
        (("set",), f"{PAGE}\nposition: first", "line 5: `position`: write a whole number"),
        (("set",), f"{PAGE}\ntopics: x", "line 5: There is no `topics` here"),
        (("set",), PAGE.replace("PSG Aims", "x" * 251), "`title` has 251 characters"),
        (("appeal", "set"), "link: https://e.org", "line 1: `title` is missing"),
        (("appeal", "set"), f"{APPEAL}\nends on: soon", "write a day such as 2026-11-30"),
        (("appeal", "set"), f"{APPEAL}\narticle: gone", "line 6: `article`: there is no article"),
        (("appeal", "set"), APPEAL.replace("£12,500", "much"), "line 4: `target`: write an amount"),
        (("appeal", "set"), APPEAL.replace("£12,500", "-1"), "line 4: `target`: write an amount"),
        (("appeal", "set"), APPEAL.replace("£12,500", "0"), "line 4: `target`: write more than 0"),
    ],
)
def test_a_mistake_is_reported_with_its_line_and_changes_nothing(
    run: Run, write: Write, session: Session, words: tuple[str, ...], head: str, message: str
) -> None:
    factories.page(session, "aims")
    factories.appeal(session)
    before = rows(session)
    output = run(*words, write(head), fails=2).output
    assert message in output
    assert "Nothing was changed." in output
    assert rows(session) == before


@pytest.mark.parametrize(
    "link",
    [
        *("javascript:alert(1)", "//evil.example", "/\\evil.example", "data:text/html,x"),
        *("https:evil.example", "https:///evil", "ftp://e.org", "evil.example", "/a b", "/a\tb"),
    ],
)
def test_an_appeal_links_only_to_a_web_address_or_to_this_site(
    run: Run, write: Write, link: str
) -> None:
    head = f"title: Help us\nlink: '{link}'"
    assert "`link`: write an address" in run("appeal", "set", write(head), fails=2).output
    run("appeal", "set", write("title: Help us\nlink: /about/contact"))


@pytest.mark.parametrize("words", [("set",), ("appeal", "set")])
def test_a_missing_or_empty_file_is_refused(run: Run, write: Write, words: tuple[str, ...]) -> None:
    assert "There is no file" in run(*words, "gone.md", fails=2).output
    head = PAGE if words == ("set",) else APPEAL
    assert "The text is missing" in run(*words, write(head, body="\n"), fails=2).output
    assert "There is no page 'gone' in 'en'" in run("show", "gone", fails=1).output


def test_every_name_in_a_file_is_documented() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "pages.md").read_text(encoding="utf-8")
    for name in (*standing_pages.NAMES, *appeals.NAMES):
        assert f"`{name}`" in guide, name
