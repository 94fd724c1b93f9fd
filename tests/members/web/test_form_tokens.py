"""Form tokens and receipts: what we signed is accepted, anything else is not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.members.web import form_tokens
from psgflask.members.web.form_tokens import (
    MAX_AGE,
    MIN_AGE,
    FormExpired,
    FormTokenInvalid,
    FormTooNew,
    Receipt,
)

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECRET = "only-in-tests"
SECOND = timedelta(seconds=1)


def test_a_form_is_accepted_once_a_person_could_have_filled_it_in() -> None:
    text = form_tokens.issue(SECRET, now=NOW)
    with pytest.raises(FormTooNew) as refused:
        form_tokens.verify(SECRET, text, now=NOW + MIN_AGE - SECOND)
    assert refused.value.replacement == text, "the time goes on from where it began"
    assert form_tokens.verify(SECRET, text, now=NOW + MIN_AGE).begun == NOW
    assert form_tokens.verify(SECRET, text, now=NOW + MAX_AGE).begun == NOW


def test_an_expired_token_is_replaced_by_one_for_the_same_form() -> None:
    text = form_tokens.issue(SECRET, now=NOW)
    was = form_tokens.verify(SECRET, text, now=NOW + MIN_AGE)
    later = NOW + MAX_AGE + SECOND
    with pytest.raises(FormExpired) as refused:
        form_tokens.verify(SECRET, text, now=later)
    renewed = form_tokens.verify(SECRET, refused.value.replacement, now=later)
    assert renewed.nonce == was.nonce
    assert form_tokens.answers_hash(renewed, {"a": 1}) == form_tokens.answers_hash(was, {"a": 1})


@pytest.mark.parametrize("ahead", [timedelta(seconds=2), timedelta(hours=1), timedelta(days=100)])
def test_r14_a_form_begun_while_the_clock_was_ahead_is_accepted_when_sent_again(
    ahead: timedelta,
) -> None:
    text = form_tokens.issue(SECRET, now=NOW + ahead)
    with pytest.raises(FormExpired) as refused:
        form_tokens.verify(SECRET, text, now=NOW)
    form_tokens.verify(SECRET, refused.value.replacement, now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x.y",
        form_tokens.issue("another", now=NOW),
        form_tokens.sign_receipt(SECRET, Receipt("a", "b", "c")),
    ],
    ids=["nothing", "a word", "unsigned", "another secret", "a receipt"],
)
def test_an_unsigned_token_is_replaced_by_a_new_one(text: str) -> None:
    with pytest.raises(FormTokenInvalid) as refused:
        form_tokens.verify(SECRET, text, now=NOW)
    with pytest.raises(FormTooNew):
        form_tokens.verify(SECRET, refused.value.replacement, now=NOW)
    form_tokens.verify(SECRET, refused.value.replacement, now=NOW + MIN_AGE)


@given(st.text())
def test_arbitrary_text_is_neither_token_nor_receipt(text: str) -> None:
    with pytest.raises(FormTokenInvalid):
        form_tokens.verify(SECRET, text, now=NOW)
    assert form_tokens.load_receipt(SECRET, text) is None


def test_different_forms_and_answers_have_different_hashes() -> None:
    one, other = (
        form_tokens.verify(SECRET, form_tokens.issue(SECRET, now=NOW), now=NOW + MIN_AGE)
        for _form in (1, 2)
    )
    hashes = {
        form_tokens.answers_hash(token, answers)
        for token in (one, other)
        for answers in ({"name": "Ana"}, {"name": "Rosa"})
    }
    assert len(hashes) == 4
    assert form_tokens.form_hash(one) != form_tokens.form_hash(other)
    assert len(form_tokens.form_hash(one)) == 64
    assert {len(digest) for digest in hashes} == {64}
    assert form_tokens.answers_hash(one, {"a": 1, "b": 2}) == form_tokens.answers_hash(
        one, {"b": 2, "a": 1}
    )


def test_a_receipt_is_loaded_with_the_secret_it_was_signed_with() -> None:
    sent = Receipt("PSG 1042-9", "household", "cheque")
    word = form_tokens.sign_receipt(SECRET, sent)
    assert form_tokens.load_receipt(SECRET, word) == sent
    unmailed = Receipt("PSG 1042-9", "household", "cheque", mailed=False)
    assert form_tokens.load_receipt(SECRET, form_tokens.sign_receipt(SECRET, unmailed)) == unmailed
    assert form_tokens.load_receipt("another", word) is None
    assert form_tokens.load_receipt(SECRET, word[:-1]) is None
    assert form_tokens.load_receipt(SECRET, form_tokens.issue(SECRET, now=NOW)) is None
