"""`flask pages` as a volunteer undoes what was done with it, and what readers see meanwhile."""

import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from psgflask.core import revisions
from psgflask.core.clock import utc_now
from psgflask.news import publishing as news
from psgflask.news.models import Article
from psgflask.pages.models import Appeal, AppealRevision, Page, PageRevision
from tests import factories
from tests.pages.cli.test_commands import APPEAL, PAGE, Run, Write, rows
from tests.pages.cli.test_commands import run as run
from tests.pages.cli.test_commands import write as write

SPANISH = "El Grupo de Apoyo al Perú trabaja por los derechos humanos en el país.\n"
ENGLISH = "The group was founded to support those who work for human rights in Peru.\n"


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*words, "--json").output)
    return found


# Pages


def test_what_a_page_said_before_the_first_change_comes_back(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    factories.page(session, "aims", title="PSG Aims", body="As volunteers wrote it.\n")
    saved = run("set", write(PAGE.replace("PSG Aims", "Our aims")), "--by", "ana").output
    assert "To undo: flask pages restore aims --revision 1" in saved
    saves = listed(run, "revisions", "aims")
    assert [(save["what"], save["saved_by"], save["changed"]) for save in saves] == [
        ("found", "not recorded", []),
        ("revised", "ana", ["title", "body"]),
    ]
    assert "As volunteers wrote it." in run("show", "aims", "--revision", "1").output
    restored = run("restore", "aims", "--revision", "1", "--by", "luis").output
    assert "Restored as in revision 1: title, body" in restored
    assert "As volunteers wrote it." in client.get("/about/aims").text
    run("restore", "aims", "--revision", "2")
    assert "A paragraph." in client.get("/about/aims").text
    whats = [save["what"] for save in listed(run, "revisions", "aims")]
    assert whats == ["found", "revised", "restored 1", "restored 2"]
    assert "luis" in run("revisions", "aims").output


def test_every_column_of_a_page_comes_back(run: Run, write: Write, session: Session) -> None:
    factories.page(session, "aims", section="psg", position=4, teaser="Why: #3", body="## One\n")
    page = session.scalars(select(Page)).one()
    before = {c.name: getattr(page, c.name) for c in Page.__table__.columns}
    run("set", write(f"{PAGE}\nsection: peru\nposition: 2"))
    run("restore", "aims", "--revision", "1")
    page = session.scalars(select(Page)).one()
    after = {c.name: getattr(page, c.name) for c in Page.__table__.columns}
    assert before | {"version": after["version"]} == after


@pytest.mark.parametrize(
    ("words", "head", "body", "message"),
    [
        (("set",), PAGE, SPANISH, "line 1: `language`: the text reads as Spanish"),
        (("set",), f"{PAGE}\nlanguage: en", SPANISH, "line 5: `language`: the text reads as"),
        (("set",), f"{PAGE}\nlanguage: es", ENGLISH, "write `language: en`"),
        (("appeal", "set"), APPEAL, SPANISH, "`language`: the text reads as Spanish"),
        (("appeal", "set"), f"{APPEAL}\nlanguage: es", ENGLISH, "line 6: `language`"),
    ],
)
def test_a_text_of_another_language_replaces_nothing(
    run: Run,
    write: Write,
    session: Session,
    words: tuple[str, ...],
    head: str,
    body: str,
    message: str,
) -> None:
    factories.page(session, "aims", body=ENGLISH)
    factories.page(session, "aims", language="es", body=SPANISH)
    factories.appeal(session, text=ENGLISH)
    before = rows(session)
    assert message in run(*words, write(head, body=body), fails=2).output
    assert rows(session) == before
    run(*words, write(head, body=body), "--anyway")
    assert rows(session) != before


def test_a_page_is_withdrawn_and_brought_back(
    run: Run, session: Session, client: FlaskClient
) -> None:
    factories.page(session, "aims", title="PSG Aims")
    assert "Withdraw ‘PSG Aims’?" in run("withdraw", "aims", answer="n\n", fails=1).output
    assert "--yes does it without asking" in run("withdraw", "aims", fails=1).output
    assert client.get("/about/aims").status_code == 200
    withdrawn = run("withdraw", "aims", "--yes", "--by", "ana").output
    assert withdrawn == "Withdrawn. To bring it back: flask pages publish aims\n"
    assert client.get("/about/aims").status_code == 410
    for address in ("/", "/about/", "/sitemap.xml"):
        assert "/about/aims" not in client.get(address).text
    assert "not public: it is withdrawn" in run("withdraw", "aims", "--yes", fails=1).output
    run("publish", "aims")
    assert client.get("/about/aims").status_code == 200
    assert "public already" in run("publish", "aims", fails=1).output
    whats = [save["what"] for save in listed(run, "revisions", "aims")]
    assert whats == ["found", "withdrawn", "published"]


def test_readers_get_the_other_language_of_a_withdrawn_page(
    run: Run, session: Session, client: FlaskClient
) -> None:
    factories.page(session, "contact", title="Contact")
    factories.page(session, "contact", language="es", title="Contacto")
    run("withdraw", "contact", "--yes", "--language", "es")
    assert "Contact" in client.get("/es/about/contact").text
    # The site itself links to it.
    assert "links to 'contact'" in run("withdraw", "contact", "--yes", fails=1).output
    run("publish", "contact", "--language", "es")
    run("withdraw", "contact", "--yes")
    assert "Contacto" in client.get("/about/contact").text


def test_a_draft_of_a_page_is_seen_once_it_is_published(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    added = run("set", "--draft", write(PAGE)).output
    assert "It is a draft. To publish it: flask pages publish aims" in added
    assert client.get("/about/aims").status_code == 404
    assert "/about/aims" not in client.get("/sitemap.xml").text
    run("set", write(PAGE, body="Another.\n"))
    assert client.get("/about/aims").status_code == 404
    assert [page["state"] for page in listed(run, "list")] == ["draft"]
    run("publish", "aims")
    assert "Another." in client.get("/about/aims").text
    assert "published already" in run("set", "--draft", write(PAGE), fails=1).output


def test_a_page_is_deleted_only_if_it_was_never_public(
    run: Run, write: Write, session: Session
) -> None:
    run("set", "--draft", write(PAGE))
    run("set", "--draft", write(PAGE, body="Another.\n"))
    assert "Only a backup has it" in run("delete", "aims", answer="n\n", fails=1).output
    assert run("delete", "aims", "--yes").output == "Deleted: PSG Aims\n"
    assert session.scalars(select(PageRevision)).all() == []
    run("set", "--draft", write(PAGE))
    run("publish", "aims")
    assert "withdraw it instead" in run("delete", "aims", "--yes", fails=1).output
    run("withdraw", "aims", "--yes")
    assert "withdraw it instead" in run("delete", "aims", "--yes", fails=1).output
    factories.page(session, "old")
    assert "withdraw it instead" in run("delete", "old", "--yes", fails=1).output


def test_two_volunteers_who_edit_one_page_lose_nothing(
    run: Run, write: Write, session: Session, tmp_path: Path
) -> None:
    factories.page(session, "aims")
    factories.appeal(session)
    for words, head in (((), PAGE), (("appeal",), APPEAL)):
        name = () if words else ("aims",)
        hers = tmp_path / "hers.md"
        hers.write_text(run(*words, "show", *name).output, encoding="utf-8")
        version = listed(run, *words, "list")[0]["version"]
        run(*words, "set", write(head, body="His.\n"), "--by", "luis")
        before = rows(session)
        for based_on in ((str(hers),), (write(head), "--version", str(version))):
            refused = run(*words, "set", *based_on, fails=1).output
            assert "It was saved meanwhile: revision 2, revised by luis" in refused
        old = ("--revision", "1", "--version", str(version))
        assert "saved meanwhile" in run(*words, "restore", *name, *old, fails=1).output
        assert rows(session) == before
        present = listed(run, *words, "list")[0]["version"]
        saved = run(*words, "set", str(hers), "--version", str(present)).output
        assert "write in it `revision: 3`" in saved


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("revisions", "gone"), "There is no page 'gone' in 'en'"),
        (("restore", "aims", "--revision", "9"), "Nothing was saved yet"),
        (("withdraw", "aims", "--language", "es", "--yes"), "There is no page 'aims' in 'es'"),
        (("appeal", "show"), "There is no appeal in 'en'"),
        (("appeal", "restore", "--revision", "1", "--number", "7"), "There is no appeal 7"),
    ],
)
def test_what_is_not_there_is_named(
    run: Run, session: Session, words: tuple[str, ...], message: str
) -> None:
    factories.page(session, "aims")
    assert message in run(*words, fails=1).output


# Appeals


def appeal(session: Session, language: str = "en") -> Appeal:
    rows = select(Appeal).where(Appeal.language == language).order_by(Appeal.id.desc())
    found = session.scalar(rows.limit(1))
    assert found is not None
    return found


def money(session: Session) -> dict[str, tuple[str, str]]:
    found = session.scalars(select(Appeal))
    return {each.language: (str(each.target), str(each.total)) for each in found}


def test_one_target_and_one_total_count_in_both_languages(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    run("appeal", "set", write(APPEAL))
    ayuda = "title: Ayúdenos\nlanguage: es"
    begun = run("appeal", "set", write(ayuda, body="Por favor.\n")).output
    assert "It has one target and one total with Help us (en)" in begun
    both = {"en": ("12500.00", "3100.50"), "es": ("12500.00", "3100.50")}
    assert money(session) == both
    run("appeal", "set", write(f"{ayuda}\ntotal: 4000", body="Por favor.\n"), "--by", "ana")
    assert money(session) == {"en": ("12500.00", "4000.00"), "es": ("12500.00", "4000.00")}
    assert listed(run, "appeal", "revisions")[-1]["saved_by"] == "ana"
    for address in ("/", "/es/"):
        assert "4" in client.get(address).text
    run("appeal", "restore", "--revision", "1")
    assert money(session) == both
    run("appeal", "set", write(f"{APPEAL.splitlines()[0]}\ntotal: none\ntarget: none"))
    assert money(session) == {"en": ("None", "None"), "es": ("None", "None")}


def test_an_ended_appeal_keeps_its_money(run: Run, write: Write, session: Session) -> None:
    run("appeal", "set", write("title: Ayúdenos\nlanguage: es\ntotal: 5", body="Por favor.\n"))
    run("appeal", "end", "--language", "es")
    run("appeal", "set", write(APPEAL))
    assert money(session) == {"en": ("12500.00", "3100.50"), "es": ("None", "5.00")}


def test_what_the_file_of_an_appeal_leaves_out_stays(
    run: Run, write: Write, session: Session
) -> None:
    factories.article(session, slug="appeal-opens")
    run(
        *("appeal", "set"),
        write(f"{APPEAL}\narticle: appeal-opens\noutcome: Soon.\nends on: 2190-01-01"),
    )
    before = run("appeal", "show").output
    run("appeal", "set", write("title: Help us", body="A paragraph.\n"))
    after = run("appeal", "show").output
    assert after == before.replace("revision: 1", "revision: 2")
    assert "article: appeal-opens" in after
    rest = "link: none\ntarget: none\ntotal: None\nends on: none\noutcome: none\narticle: none"
    run("appeal", "set", write(f"title: Help us\n{rest}"))
    found = appeal(session)
    assert (found.link, found.target, found.total, found.ends_on, found.outcome) == (
        *("", None, None, None, ""),
    )
    assert found.article_id is None


@pytest.mark.parametrize("added_since", [False, True])
def test_the_article_of_an_appeal_that_is_gone_does_not_come_back_as_another(
    run: Run, write: Write, session: Session, added_since: bool
) -> None:
    deleted = factories.article(session, slug="appeal-opens", status="draft")
    article_id = deleted.id
    run("appeal", "set", write(f"{APPEAL}\narticle: appeal-opens"))
    news.delete(session, session.get_one(Article, article_id), now=utc_now())
    session.commit()
    if added_since:  # SQLite reuses the ids of the last rows
        assert factories.article(session, slug="another").id == article_id
    shown = run("appeal", "show", "--revision", "1").output
    assert "article" not in shown
    run("appeal", "restore", "--revision", "1")
    assert appeal(session).article_id is None


def test_the_article_of_an_appeal_comes_back_under_its_new_address(
    run: Run, write: Write, session: Session
) -> None:
    found = factories.article(session, slug="appeal-opens")
    article_id = found.id
    run("appeal", "set", write(f"{APPEAL}\narticle: appeal-opens"))
    run("appeal", "set", write(f"{APPEAL}\narticle: none"))
    session.get_one(Article, article_id).slug = "the-appeal-opens"
    session.commit()
    restored = run("appeal", "restore", "--revision", "1").output
    assert "Restored as in revision 1: article\n" in restored
    assert "article: the-appeal-opens" in run("appeal", "show").output


def test_a_name_that_is_redacted_is_in_no_revision_of_an_appeal(
    run: Run, write: Write, session: Session
) -> None:
    factories.article(session, slug="maria-quispe-speaks")
    run("appeal", "set", write(f"{APPEAL}\narticle: maria-quispe-speaks"))
    snapshots = session.scalars(select(AppealRevision.snapshot)).all()
    assert "quispe" not in str(snapshots)


def test_the_file_that_appeal_show_writes_changes_nothing(
    run: Run, write: Write, session: Session, tmp_path: Path
) -> None:
    factories.article(session, slug="appeal-opens")
    run("appeal", "set", write(f"{APPEAL}\narticle: appeal-opens\nends on: 2190-01-01"))
    before = rows(session)
    again = tmp_path / "again.md"
    again.write_text(run("appeal", "show").output, encoding="utf-8")
    run("appeal", "set", str(again))
    assert rows(session) == before


def test_the_end_of_an_appeal_is_undone(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    run("appeal", "set", write(APPEAL))
    run("appeal", "set", write("title: Ayúdenos\nlanguage: es", body="Por favor.\n"))
    ended = run("appeal", "end", "--outcome", "We thank you all.").output
    assert "Still running in Spanish: flask pages appeal end --language es" in ended
    number = appeal(session).id
    assert f"To undo: flask pages appeal restore --number {number} --revision 1" in ended
    restored = run("appeal", "restore", "--number", str(number), "--revision", "1").output
    assert "ends_on, outcome" in restored
    assert appeal(session).ends_on is None
    assert "We thank you all." not in client.get("/").text


def test_an_appeal_is_withdrawn_and_the_one_before_it_is_shown(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    run("appeal", "set", write(APPEAL.replace("Help us", "The first")))
    run("appeal", "end")
    run("appeal", "set", write(APPEAL.replace("Help us", "The second")))
    run("appeal", "withdraw", "--yes")
    page = client.get("/").text
    assert "The first" in page
    assert "The second" not in page
    assert [row["state"] for row in listed(run, "appeal", "list")] == ["withdrawn", "ended"]
    assert "withdraw it instead" in run("appeal", "delete", "--yes", fails=1).output
    run("appeal", "publish")
    assert "The second" in client.get("/").text


@pytest.mark.parametrize("words", [("withdraw", "--yes"), ("end",), ("end", "and begin")])
def test_a_file_of_an_appeal_that_runs_no_more_begins_none_and_changes_none(
    run: Run, write: Write, session: Session, tmp_path: Path, words: tuple[str, ...]
) -> None:
    run("appeal", "set", write(APPEAL))
    mine = tmp_path / "mine.md"
    mine.write_text(run("appeal", "show").output, encoding="utf-8")
    version = listed(run, "appeal", "list")[0]["version"]
    run("appeal", *(word for word in words if word != "and begin"), "--by", "luis")
    if "and begin" in words:
        run("appeal", "set", write(APPEAL.replace("Help us", "The next")), "--by", "luis")
    before = rows(session)
    newest = appeal(session).id
    refused = run("appeal", "set", str(mine), fails=1).output
    assert f"the newest is number {newest}: revision " in refused
    assert "by luis" in refused
    assert "To begin another one, leave `number`, `revision` and --version out" in refused
    if "and begin" not in words:
        for file in (APPEAL, f"{APPEAL}\nrevision: 1"):
            outdated = ("--version", str(version)) if file == APPEAL else ()
            run("appeal", "set", write(file), *outdated, fails=1)
    assert rows(session) == before
    run("appeal", "set", write(APPEAL))
    assert rows(session) != before


def test_a_file_of_a_page_that_was_deleted_adds_none(
    run: Run, write: Write, session: Session, tmp_path: Path
) -> None:
    run("set", "--draft", write(PAGE))
    mine = tmp_path / "mine.md"
    mine.write_text(run("show", "aims").output, encoding="utf-8")
    run("delete", "aims", "--yes")
    assert "There is no page 'aims' in 'en' any more" in run("set", str(mine), fails=1).output
    assert rows(session) == {"pages": [], "appeals": []}


def test_a_draft_of_an_appeal_waits_beside_the_running_one(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    run("appeal", "set", write(APPEAL))
    run("appeal", "set", "--draft", write(APPEAL.replace("Help us", "The next")))
    run("appeal", "set", "--draft", write(APPEAL.replace("Help us", "The next one")))
    assert "The next" not in client.get("/").text
    states = [(row["title"], row["state"]) for row in listed(run, "appeal", "list")]
    assert states == [("The next one", "draft"), ("Help us", "running")]
    assert "'Help us' is running" in run("appeal", "publish", fails=1).output
    run("appeal", "end")
    run("appeal", "publish")
    assert "The next one" in client.get("/").text


def test_an_appeal_behind_a_newer_one_is_not_published_nor_made_to_run(
    run: Run, write: Write, session: Session, client: FlaskClient
) -> None:
    run("appeal", "set", write(APPEAL.replace("Help us", "The first")))
    first = str(appeal(session).id)
    run("appeal", "end")
    run("appeal", "set", write(APPEAL.replace("Help us", "The second")))
    second = str(appeal(session).id)
    run("appeal", "end")
    behind = f"'The second' (number {second}) is newer and public"
    before = rows(session)
    again = ("restore", "--number", first, "--revision", "1")
    assert behind in run("appeal", *again, fails=1).output
    assert rows(session) == before
    run("appeal", "withdraw", "--number", first, "--yes")
    before = rows(session)
    assert behind in run("appeal", "publish", "--number", first, fails=1).output
    assert rows(session) == before
    run("appeal", "withdraw", "--number", second, "--yes")
    run("appeal", "publish", "--number", first)
    run("appeal", *again)
    assert "The first" in client.get("/").text
    assert [row["state"] for row in listed(run, "appeal", "list")] == ["withdrawn", "running"]


def test_a_draft_of_an_appeal_takes_the_money_of_the_other_language_once_published(
    run: Run, write: Write, session: Session
) -> None:
    run("appeal", "set", write(APPEAL))
    head = "title: Ayúdenos\nlanguage: es\ntotal: 5"
    run("appeal", "set", "--draft", write(head, body="Por favor.\n"))
    assert money(session)["en"] == ("12500.00", "3100.50")
    run("appeal", "publish", "--language", "es")
    assert money(session) == {"en": ("12500.00", "3100.50"), "es": ("12500.00", "3100.50")}


def test_a_draft_of_an_appeal_is_deleted(run: Run, write: Write, session: Session) -> None:
    run("appeal", "set", "--draft", write(APPEAL))
    assert "Only a backup has it" in run("appeal", "delete", answer="n\n", fails=1).output
    assert run("appeal", "delete", "--yes").output == "Deleted: Help us\n"
    assert session.scalars(select(AppealRevision)).all() == []
    assert listed(run, "appeal", "list") == []


def test_every_table_of_revisions_is_known(session: Session) -> None:
    names = {getattr(model, "__tablename__", "") for model in revisions.tables()}
    assert names == {"revisions", "page_revisions", "appeal_revisions"}
