"""Migrations: the same tables as the models, up and down with data, whole or not at all."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect, select, text

from psgflask import create_app
from psgflask.core import paths
from psgflask.core.database import Model, db
from psgflask.news.models import Article
from psgflask.ops import migrations
from psgflask.pages.models import Appeal, Page
from tests import factories


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """An installation whose database has no table yet."""
    monkeypatch.setenv("PSG_INSTANCE", str(tmp_path))
    app = create_app({"SECRET_KEY": "only-in-tests", "WORKER": False})
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


def downgrade(app: Flask, *revision: str) -> None:
    """Run `flask db downgrade`: to a revision, or by one."""
    result = app.test_cli_runner().invoke(args=["db", "downgrade", *revision])
    assert result.exit_code == 0, result.output


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def test_the_revisions_create_the_tables_of_the_models(empty: Flask) -> None:
    migrations.upgrade()
    assert migrations.current_revision() == migrations.head_revision()
    assert tables() == set(Model.metadata.tables)
    assert migrations.differences() == []


def test_the_revisions_have_the_check_constraints_of_the_models(empty: Flask) -> None:
    migrations.upgrade()
    migrated = constraints()
    with db.engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        for table in reversed(Model.metadata.sorted_tables):
            table.drop(connection)
        Model.metadata.create_all(connection)
    assert migrated == constraints()


# Checks, unique constraints, foreign keys, indexes, primary key: each with its name first.
Rules = tuple[list[str], list[str], list[tuple[str, str, str]], list[tuple[str, bool | None]], str]


def constraints() -> dict[str, Rules]:
    found = inspect(db.engine)
    return {
        name: (
            sorted(str(check["name"]) for check in found.get_check_constraints(name)),
            sorted(str(unique["name"]) for unique in found.get_unique_constraints(name)),
            sorted(
                (str(key["name"]), key["referred_table"], str(key["options"]))
                for key in found.get_foreign_keys(name)
            ),
            sorted((str(index["name"]), index["unique"]) for index in found.get_indexes(name)),
            str(found.get_pk_constraint(name)["name"]),
        )
        for name in tables()
    }


def test_every_constraint_has_a_name_so_that_it_can_be_changed(empty: Flask) -> None:
    migrations.upgrade()
    for table, (checks, uniques, keys, indexes, primary) in constraints().items():
        names = [*checks, *uniques, *(key[0] for key in keys), *(index[0] for index in indexes)]
        assert "None" not in [primary, *names], table


def test_all_revisions_upgrade_downgrade_and_upgrade_with_data(empty: Flask) -> None:
    migrations.upgrade()
    session = db.session()
    factories.topic(session, "mining")
    factories.article(session, "Before the changes", topics=("mining",), issue=("Update", 134))
    factories.page(session)
    factories.redirect(session, "/old", "/new")
    db.session.remove()
    downgrade(empty, "base")
    assert tables() == set()
    migrations.upgrade()
    assert migrations.differences() == []


def test_pages_and_appeals_of_before_are_public_and_drafts_are_not_shown_by_older_code(
    empty: Flask,
) -> None:
    migrations.upgrade("0008")
    columns = "slug, language, section, position, title, teaser, body"
    with db.engine.begin() as connection:
        connection.execute(
            text(f"INSERT INTO pages ({columns}) VALUES ('aims', 'en', 'psg', 1, 'A', 'T', 'B')")
        )
        connection.execute(
            text(
                "INSERT INTO appeals (language, title, text, link, outcome)"
                " VALUES ('en', 'Help', 'Give.', '', '')"
            )
        )
    migrations.upgrade()
    page = db.session.scalars(select(Page)).one()
    appeal = db.session.scalars(select(Appeal)).one()
    assert (page.status, page.version, page.body) == ("published", 1, "B")
    assert (appeal.status, appeal.version, appeal.title) == ("published", 1, "Help")
    page.body = "Changed"
    factories.page(db.session(), "draft").status = "draft"
    db.session.commit()
    db.session.remove()
    downgrade(empty, "0008")
    with db.engine.connect() as connection:
        assert connection.execute(text("SELECT slug, body FROM pages")).all() == [
            ("aims", "Changed")
        ]
        assert connection.scalar(text("SELECT title FROM appeals")) == "Help"


def test_each_revision_can_be_downgraded(empty: Flask) -> None:
    scripts = ScriptDirectory(str(paths.migrations()))
    for script in reversed(list(scripts.walk_revisions())):
        migrations.upgrade(script.revision)
        downgrade(empty)
        migrations.upgrade(script.revision)
    assert migrations.current_revision() == migrations.head_revision()


ATTEMPT = (
    "INSERT INTO attempts (what, address, mailbox, network, wide, at)"
    " VALUES ('join', 'a', 'b', '203.0.113.7', '203.0.113.0/24', '2026-03-01 12:00:00')"
)


def test_s22_no_network_that_was_stored_in_the_clear_is_left(empty: Flask) -> None:
    migrations.upgrade("0006")
    for step in ("up", "down"):
        with db.engine.begin() as connection:
            connection.execute(text(ATTEMPT))
        if step == "up":
            migrations.upgrade("0007")
        else:
            downgrade(empty)
        with db.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM attempts")) == 0


# An application for each kind of membership, with a payment of 2025 for each.
PAID = (
    "INSERT INTO people (id, number, name, name_folded, organisation, organisation_folded,"
    " address, postcode, postcode_folded, country, phone, email, email_folded, language,"
    " created_at, version) VALUES (1, 'PSG 1001-9', 'Ana', 'ana', '', '', '', '', '', 'GB', '',"
    " '', '', 'en', '2025-03-01 12:00:00', 1)",
    "INSERT INTO applications (id, person_id, tier, payment, source, language, sent_at,"
    " perhaps_because) VALUES (1, 1, 'waged', 'cheque', 'paper', 'en', '2025-03-01 12:00:00', ''),"
    " (2, 1, 'life', 'cheque', 'paper', 'en', '2025-03-01 12:00:00', '')",
    "INSERT INTO payments (id, person_id, application_id, amount, method, received_on, noted_at,"
    " noted_by) VALUES (1, 1, 1, 24, 'cheque', '2025-03-02', '2025-03-02 12:00:00', 'ann'),"
    " (2, 1, 2, 500, 'cash', '2025-03-02', '2025-03-02 12:00:00', 'ann')",
)


def test_payments_of_before_count_for_the_year_in_which_they_arrived(empty: Flask) -> None:
    migrations.upgrade("0007")
    with db.engine.begin() as connection:
        for statement in PAID:
            connection.execute(text(statement))
    migrations.upgrade("0008")
    with db.engine.begin() as connection:
        years = connection.execute(text("SELECT year FROM payments ORDER BY id")).scalars().all()
        assert years == [2025, None]
        connection.execute(text("UPDATE applications SET payment = 'cash' WHERE id = 2"))
    downgrade(empty)
    with db.engine.connect() as connection:
        left = "SELECT payment FROM applications ORDER BY id"
        assert connection.execute(text(left)).scalars().all() == ["cheque", "cheque"]
        left = "SELECT application_id, amount, method FROM payments ORDER BY id"
        assert [tuple(row) for row in connection.execute(text(left))] == [
            (1, 24, "cheque"),
            (2, 500, "cash"),
        ]


def test_bounces_and_dismissals_come_and_go_with_their_columns(empty: Flask) -> None:
    migrations.upgrade("0009")
    with db.engine.begin() as connection:
        connection.execute(text(PAID[0]))
    migrations.upgrade("0010")
    row = "SELECT number, bounced_at, bounce_reason FROM people"
    with db.engine.begin() as connection:
        assert tuple(connection.execute(text(row)).one()) == ("PSG 1001-9", None, "")
        connection.execute(text("UPDATE people SET bounced_at = created_at, bounce_reason = 'x'"))
    downgrade(empty)
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT number FROM people")) == "PSG 1001-9"


REQUEST = (
    "INSERT INTO rights_requests (right, name, email, email_folded, text, language, form_hash,"
    " answers_hash, sent_at, due_on, answered_by, outcome, answer, empty_when_answered) VALUES"
    " ('access', 'Ana', 'a@example.org', 'a@example.org', '', 'en', 'f', 'a',"
    " '2026-07-01 12:00:00', '2026-07-31', '', '', '', 0)"
)


def test_s29_requests_go_with_their_table_and_the_rest_stays(empty: Flask) -> None:
    migrations.upgrade("0011")
    with db.engine.begin() as connection:
        connection.execute(text(REQUEST))
        connection.execute(text("INSERT INTO redirects (old, new) VALUES ('/old', '/new')"))
    downgrade(empty)
    assert "rights_requests" not in tables()
    migrations.upgrade()
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM rights_requests")) == 0
        assert connection.scalar(text("SELECT count(*) FROM redirects")) == 1


def test_who_left_or_was_joined_stays_a_person_when_the_columns_go(empty: Flask) -> None:
    migrations.upgrade("0007")
    with db.engine.begin() as connection:
        for statement in PAID:
            connection.execute(text(statement))
    migrations.upgrade("0013")
    people = "SELECT number, left_reason, left_on, joined_id, joined_rows FROM people"
    with db.engine.begin() as connection:
        assert connection.execute(text(people)).one() == ("PSG 1001-9", "", None, None, "{}")
        connection.execute(
            text("UPDATE people SET left_reason = 'died', left_on = '2026-01-01', joined_id = 1")
        )
        connection.execute(text("UPDATE applications SET duplicate_decision = 'joined'"))
    downgrade(empty, "0011")
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT number FROM people")) == "PSG 1001-9"
        assert connection.scalar(text("SELECT count(*) FROM applications")) == 2
        assert connection.scalar(text("SELECT count(*) FROM payments")) == 2


def test_there_is_one_head(empty: Flask) -> None:
    scripts = ScriptDirectory(str(paths.migrations()))
    assert len(scripts.get_heads()) == len(scripts.get_bases()) == 1


def revision(folder: Path, upgrade: str) -> None:
    """Write a revision after the newest into a copy of the migrations."""
    (folder / "versions" / "9999_test.py").write_text(
        "import sqlalchemy as sa\n"
        "from alembic import op\n"
        f"revision, down_revision = '9999', {migrations.head_revision()!r}\n"
        "branch_labels = depends_on = None\n"
        f"def upgrade():\n{upgrade}\n"
        "def downgrade():\n    pass\n"
    )


@pytest.fixture
def copied(empty: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the migrations that a test may add to, on a migrated database with an article."""
    migrations.upgrade()
    factories.topic(db.session(), "mining")
    factories.article(db.session(), "Still there", topics=("mining",))
    db.session.remove()
    folder = tmp_path / "migrations"
    shutil.copytree(paths.migrations(), folder)
    monkeypatch.setattr(paths, "migrations", lambda: folder)
    return folder


BATCH = """
    with op.batch_alter_table("articles") as batch:
        batch.add_column(sa.Column("mood", sa.String(20), nullable=False, server_default="calm"))
"""


def test_a_table_changed_in_batch_loses_no_row_that_refers_to_it(copied: Path) -> None:
    revision(copied, BATCH + "        batch.drop_column('source')\n")
    migrations.upgrade()
    with db.engine.connect() as connection:
        count = "SELECT (SELECT count(*) FROM articles), (SELECT count(*) FROM article_topics)"
        assert connection.execute(text(count)).one() == (1, 1)
        assert connection.scalar(text("SELECT count(*) FROM revisions")) == 2
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.execute(text("PRAGMA foreign_key_check")).fetchall() == []


def test_a_migration_that_fails_halfway_changes_nothing(copied: Path) -> None:
    before = migrations.current_revision()
    revision(copied, BATCH + "    op.execute('UPDATE nowhere SET x = 1')\n")
    with pytest.raises(Exception, match="nowhere"):
        migrations.upgrade()
    assert migrations.current_revision() == before
    assert "mood" not in {c["name"] for c in inspect(db.engine).get_columns("articles")}
    assert db.session.query(Article).one().title == "Still there"
    db.session.remove()


def test_a_migration_that_orphans_rows_changes_nothing(copied: Path) -> None:
    before = migrations.current_revision()
    revision(copied, "    op.execute('DELETE FROM topics')\n")
    with pytest.raises(RuntimeError, match="nothing was changed"):
        migrations.upgrade()
    assert migrations.current_revision() == before
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM topics")) == 1


def test_a_revision_of_newer_code_is_unknown(empty: Flask) -> None:
    assert migrations.is_known(str(migrations.head_revision()))
    assert not migrations.is_known("9999")


@pytest.mark.parametrize("command", ["current", "history", "check", "heads"])
def test_flask_db_works_with_our_folder(empty: Flask, command: str) -> None:
    migrations.upgrade()
    done = empty.test_cli_runner().invoke(args=["db", command])
    assert done.exit_code == 0, done.output


def test_readers_see_the_old_or_the_new_schema_only(copied: Path, tmp_path: Path) -> None:
    """Data definition is within the transaction: another connection sees all of it at once."""
    revision(copied, BATCH + "    _look()\n")
    file = copied / "versions" / "9999_test.py"
    seen = tmp_path / "seen"
    looking = (
        "\ndef _look():\n"
        "    import sqlite3, pathlib\n"
        f"    other = sqlite3.connect({str(tmp_path / 'psg.sqlite')!r}, timeout=1)\n"
        "    names = [row[1] for row in other.execute('PRAGMA table_info(articles)')]\n"
        "    other.close()\n"
        f"    pathlib.Path({str(seen)!r}).write_text(' '.join(names))\n"
    )
    file.write_text(file.read_text() + looking)
    migrations.upgrade()
    assert "title" in seen.read_text()
    assert "mood" not in seen.read_text()
    with sqlite3.connect(tmp_path / "psg.sqlite") as after:
        assert "mood" in [row[1] for row in after.execute("PRAGMA table_info(articles)")]
    after.close()
