"""The table of personal data: whole, and in both languages."""

import pytest
from flask import Flask
from flask_babel import force_locale

from psgflask.core import personal_data
from psgflask.core.database import Model
from psgflask.core.personal_data import PERSONAL_DATA, PersonalData

# Tables that hold nothing about people, or only what is published about them.
WITHOUT = frozenset(
    {
        *("appeals", "article_topics", "articles", "attachments", "content_stamp", "corrections"),
        *("file_texts", "issues", "last_member_number", "pages", "pictures", "redirects"),
        *("search_counts", "search_glossary", "search_ledger", "search_queries", "topics"),
    }
)
# Columns of the other tables that say nothing about people: keys, order, versions, bookkeeping.
TECHNICAL = {
    "accounts": {"id"},
    "applications": {"id", "person_id", "perhaps_id", "duplicate_decision"},
    "attempts": {"id"},
    "audit": {"id"},
    "consents": {"id", "person_id"},
    "household_members": {"id", "person_id", "position"},
    "notes": {"id", "person_id"},
    "outbox": {"id", "message_id", "key", "tries", "waiting_since", "due_at", "dismissed_at"},
    "payments": {"id", "person_id", "application_id", "reverses_id"},
    "people": {"id", "account_id", "version", "joined_id", "joined_rows"},
    "proofs": {"id", "account_id"},
    "page_revisions": {"id", "page_id", "number", "what", "saved_at", "snapshot"},
    "appeal_revisions": {"id", "appeal_id", "number", "what", "saved_at", "snapshot"},
    "rights_requests": {"id", "form_hash", "empty_when_answered"},
    "revisions": {"id", "article_id", "number", "what", "saved_at", "snapshot"},
}
# What a column of personal data is often called: none in a table without.
TELLTALES = {"email", "recipient", "person_id", "subject", "address", "phone", "postcode", "by"}


def named_columns() -> list[tuple[str, str]]:
    return [(table, name) for _data, table, columns in personal_data.tables() for name in columns]


def test_every_column_of_every_table_is_personal_data_or_listed_as_none() -> None:
    named = {
        (table, column) for _data, table, columns in personal_data.tables() for column in columns
    }
    missing = [
        f"{name}.{column}: name it in psgflask/core/personal_data.py (what, why, how long), or here"
        for name, table in Model.metadata.tables.items()
        for column in table.columns.keys()  # noqa: SIM118  # a collection of columns, no dict
        if name not in WITHOUT
        and (name, column) not in named
        and column not in TECHNICAL.get(name, set())
    ]
    assert missing == []


def test_no_table_that_holds_nothing_about_people_has_a_column_that_does() -> None:
    suspects = [
        f"{name}.{column}"
        for name in WITHOUT
        for column in Model.metadata.tables[name].columns.keys()  # noqa: SIM118  # as above
        if column in TELLTALES or column.endswith("_by")
    ]
    assert suspects == []


def test_every_column_that_the_table_names_exists_and_is_named_once() -> None:
    named = named_columns()
    assert len(named) == len(set(named))
    for table, column in named:
        assert column in Model.metadata.tables[table].columns, f"{table}.{column}"
        assert column not in TECHNICAL.get(table, set()), f"{table}.{column}"
    assert {tuple(name.split(".")) for name in personal_data.OUTLIVE} <= set(named)


@pytest.mark.parametrize("data", PERSONAL_DATA, ids=lambda data: str(data.key))
def test_each_kind_says_everything_in_both_languages(app: Flask, data: PersonalData) -> None:
    texts: dict[str, list[str]] = {}
    for language in ("en", "es"):
        with app.app_context(), force_locale(language):
            texts[language] = [
                *(str(data.what), str(data.why), str(data.basis), data.kept, str(data.seen_by)),
                *(str(label) for columns in data.columns.values() for label in columns.values()),
            ]
    for english, spanish in zip(texts["en"], texts["es"], strict=True):
        assert english.strip()
        assert "%(" not in english + spanish
        assert english != spanish or english == "None", english


def test_periods_are_told_exactly(app: Flask) -> None:
    with app.app_context(), force_locale("en"):
        assert "deleted after 90 days" in personal_data.PEOPLE.kept
        assert "for each month, 3 years" in personal_data.SEARCHES.kept
    with app.app_context(), force_locale("es"):
        assert "se borra a los 90 días" in personal_data.PEOPLE.kept
