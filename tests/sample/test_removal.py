"""`flask sample remove`: a real site without the sample content, and with all that is its own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from psgflask.core.database import db
from psgflask.core.findings import ATTENTION, OK
from psgflask.news.models import Article, Revision, Topic
from psgflask.pages.models import Appeal, AppealRevision, Page
from psgflask.sample import health
from psgflask.search.sync import indexer
from tests import factories

STRIKE, ANGLO = (
    "teachers-start-new-strike",
    "anglo-sells-part-of-its-interest-in-quellaveco-to-mitsubishi",
)
OWN = "---\ntitle: Our own news\ndate: 2026-11-30\nteaser: New.\n{more}---\n\nText of our own.\n"

Run = Callable[..., Result]


@pytest.fixture
def run(app: Flask) -> Run:
    """Run a command in a context of its own, on a site with the sample content."""

    def run(*arguments: str, answer: str | None = None) -> Result:
        return app.test_cli_runner().invoke(args=list(arguments), input=answer)

    assert run("sample", "add").exit_code == 0
    return run


def count(session: Session, model: type) -> int:
    number = session.scalar(select(func.count()).select_from(model)) or 0
    session.rollback()  # outside a request every transaction takes the write lock
    return number


def saved(tmp_path: Path, more: str = "") -> str:
    file = tmp_path / "own.md"
    file.write_text(OWN.format(more=more))
    return str(file)


def test_the_sample_content_is_removed_and_readers_find_none_of_it(
    app: Flask, client: FlaskClient, run: Run, session: Session
) -> None:
    titles = session.scalars(select(Article.title)).all()
    appeal = session.scalars(select(Appeal.title).where(Appeal.language == "en")).one()
    session.rollback()
    assert appeal in client.get("/").text
    removed = run("sample", "remove", "--yes")
    assert removed.exit_code == 0, removed.output
    assert "Removed 14 articles, 2 appeals and 10 topics" in removed.output
    for model in (Article, Revision, Appeal, AppealRevision, Topic):
        assert count(session, model) == 0, model
    assert not indexer.check(app)
    pages = ("/", "/es/", "/news/", "/news.atom", "/sitemap.xml", "/search/?q=strike", "/topics/")
    for address in pages:
        response = client.get(address, follow_redirects=True)
        assert response.status_code == 200, address
        shown = [title for title in (*titles, appeal) if title in response.text]
        assert not shown, address
    assert client.get(f"/news/{STRIKE}").status_code == 404


def test_the_pages_stay_since_they_are_the_charitys_own(run: Run, session: Session) -> None:
    before = count(session, Page)
    assert "The pages stay" in run("sample", "remove", "--yes").output
    assert count(session, Page) == before > 0


def test_it_says_what_goes_and_asks_first(run: Run, session: Session) -> None:
    asked = run("sample", "remove", answer="n\n")
    assert asked.exit_code == 1
    assert "Teachers start new strike" in asked.output
    assert "Help to keep the PSG going" in asked.output
    assert count(session, Article) == 14
    assert count(session, Appeal) == 2
    assert run("sample", "remove", answer="y\n").exit_code == 0
    assert count(session, Article) == 0


def test_it_can_be_run_twice(run: Run) -> None:
    run("sample", "remove", "--yes")
    again = run("sample", "remove", "--yes")
    assert again.exit_code == 0
    assert again.output == "There is no sample content left to remove\n"


def test_what_was_removed_does_not_come_back_by_itself(
    app: Flask, run: Run, session: Session
) -> None:
    run("sample", "remove", "--yes")
    run("sample", "add", "--if-empty")  # as `make run` does
    assert count(session, Article) == count(session, Appeal) == 0
    run("sample", "add")  # as the command says to undo it
    assert count(session, Article) == 14


def test_the_articles_of_the_charity_stay_with_their_topics(
    run: Run, session: Session, tmp_path: Path, client: FlaskClient
) -> None:
    assert run("news", "add", saved(tmp_path, "topics: mining\n"), "--publish").exit_code == 0
    run("sample", "remove", "--yes")
    assert session.scalars(select(Article.title)).all() == ["Our own news"]
    assert session.scalars(select(Topic.slug)).all() == ["mining"]
    session.rollback()
    assert client.get("/news/our-own-news").status_code == 200


def test_what_somebody_edited_stays_and_is_listed(
    run: Run, session: Session, tmp_path: Path
) -> None:
    text = run("news", "show", STRIKE, "--markdown").output
    (tmp_path / "edited.md").write_text(text.replace("Teachers start", "Teachers begin"))
    edited = run("news", "edit", STRIKE, str(tmp_path / "edited.md"), "--by", "Ana", "--anyway")
    assert edited.exit_code == 0, edited.output
    appeal = run("pages", "appeal", "show").output
    (tmp_path / "appeal.md").write_text(appeal.replace("article:", "total: 250\narticle:"))
    assert run("pages", "appeal", "set", str(tmp_path / "appeal.md")).exit_code == 0
    run("news", "topic", "rename", "mining", "--en", "Mines")
    for _twice in range(2):
        output = run("sample", "remove", "--yes").output
        assert f"{STRIKE} (published): Teachers begin new strike" in output
        assert "Help to keep the PSG going" in output.partition("These stay")[2]
    assert session.scalars(select(Article.slug)).all() == [STRIKE]
    assert "mining" in session.scalars(select(Topic.slug)).all()
    # The money is that of both languages; the article that the appeal had is gone.
    appeals = session.scalars(select(Appeal)).all()
    assert [appeal.total for appeal in appeals] == [250, 250]
    assert [appeal.article_id for appeal in appeals] == [None, None]


def test_an_appeal_goes_back_to_a_revision_whose_article_was_removed(
    run: Run, session: Session, tmp_path: Path
) -> None:
    text = run("pages", "appeal", "show").output
    (tmp_path / "appeal.md").write_text(text.replace("title: Help", "title: Please help"))
    run("pages", "appeal", "set", str(tmp_path / "appeal.md"))
    run("sample", "remove", "--yes")
    restored = run("pages", "appeal", "restore", "--revision", "1")
    assert restored.exit_code == 0, restored.output
    appeal = session.scalars(select(Appeal)).one()
    assert (appeal.title, appeal.article_id) == ("Help to keep the PSG going", None)


def test_a_sample_article_that_was_only_withdrawn_goes_too(run: Run, session: Session) -> None:
    run("news", "withdraw", STRIKE, "--yes", "--by", "Ana")
    run("sample", "remove", "--yes")
    assert count(session, Article) == 0


def test_an_appeal_of_an_older_installation_without_revisions_goes_too(
    run: Run, session: Session
) -> None:
    session.execute(db.delete(AppealRevision))
    session.commit()
    run("sample", "remove", "--yes")
    assert count(session, Appeal) == 0


def test_an_appeal_of_the_charitys_own_stays(run: Run, session: Session) -> None:
    factories.appeal(session, title="For a printer")
    run("sample", "remove", "--yes")
    assert session.scalars(select(Appeal.title)).all() == ["For a printer"]


def test_nothing_is_removed_where_something_fails(
    run: Run, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("psgflask.news.topics.remove", fail)
    assert run("sample", "remove", "--yes").exit_code == 1
    assert (count(session, Article), count(session, Appeal)) == (14, 2)


# The message beside the first articles of the charity's own


def test_whoever_adds_an_article_is_told_of_the_sample_articles(run: Run, tmp_path: Path) -> None:
    words = "14 sample articles are public, too. To remove them: flask sample remove"
    assert words in run("news", "add", saved(tmp_path)).output
    assert words in run("news", "publish", "our-own-news").output
    run("sample", "remove", "--yes")
    assert "sample" not in run("news", "add", saved(tmp_path), "--anyway").output


def test_doctor_names_sample_articles_that_are_public(app: Flask, run: Run) -> None:
    with app.app_context():
        (found,) = health.check_sample_content(app)
        assert (found.state, found.advice) == (ATTENTION, "psgflask sample remove")
        assert found.text == "14 sample articles are public"
        db.session.rollback()
        run("sample", "remove", "--yes")
        (found,) = health.check_sample_content(app)
        assert found.state == OK
