"""Stamps of forms and sealed words: what we signed is known again, anything else is not."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.members.web import form_tokens
from psgflask.members.web.form_tokens import LONGEST, SHORTEST, Sent, TooOld, TooSoon, Unknown

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECRET = "only-in-tests"
SECOND = timedelta(seconds=1)


def test_a_form_is_taken_once_a_person_could_have_filled_it_in() -> None:
    text = form_tokens.new(SECRET, now=NOW)
    with pytest.raises(TooSoon) as refused:
        form_tokens.read(SECRET, text, now=NOW + SHORTEST - SECOND)
    assert refused.value.fresh == text, "the time goes on from where it began"
    assert form_tokens.read(SECRET, text, now=NOW + SHORTEST).begun == NOW
    assert form_tokens.read(SECRET, text, now=NOW + LONGEST).begun == NOW


def test_a_form_that_lay_open_for_long_is_renewed_as_the_same_form() -> None:
    text = form_tokens.new(SECRET, now=NOW)
    was = form_tokens.read(SECRET, text, now=NOW + SHORTEST)
    later = NOW + LONGEST + SECOND
    with pytest.raises(TooOld) as refused:
        form_tokens.read(SECRET, text, now=later)
    renewed = form_tokens.read(SECRET, refused.value.fresh, now=later)
    assert renewed.nonce == was.nonce
    assert form_tokens.of_answers(renewed, {"a": 1}) == form_tokens.of_answers(was, {"a": 1})


@pytest.mark.parametrize("ahead", [timedelta(seconds=2), timedelta(hours=1), timedelta(days=100)])
def test_r14_a_form_of_a_clock_that_was_ahead_is_taken_when_it_is_sent_again(
    ahead: timedelta,
) -> None:
    text = form_tokens.new(SECRET, now=NOW + ahead)
    with pytest.raises(TooOld) as refused:
        form_tokens.read(SECRET, text, now=NOW)
    form_tokens.read(SECRET, refused.value.fresh, now=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "x.y",
        form_tokens.new("another", now=NOW),
        form_tokens.seal(SECRET, Sent("a", "b", "c")),
    ],
)
def test_what_we_have_not_signed_is_no_stamp_and_gets_a_new_one(text: str) -> None:
    with pytest.raises(Unknown) as refused:
        form_tokens.read(SECRET, text, now=NOW)
    with pytest.raises(TooSoon):
        form_tokens.read(SECRET, refused.value.fresh, now=NOW)
    form_tokens.read(SECRET, refused.value.fresh, now=NOW + SHORTEST)


@given(st.text())
def test_no_text_is_taken_for_a_stamp_or_a_sealed_word(text: str) -> None:
    with pytest.raises(Unknown):
        form_tokens.read(SECRET, text, now=NOW)
    assert form_tokens.unseal(SECRET, text) is None


def test_two_forms_and_two_answers_have_stamps_of_their_own() -> None:
    one, other = (
        form_tokens.read(SECRET, form_tokens.new(SECRET, now=NOW), now=NOW + SHORTEST)
        for _form in (1, 2)
    )
    found = {
        form_tokens.of_answers(stamp, answers)
        for stamp in (one, other)
        for answers in ({"name": "Ana"}, {"name": "Rosa"})
    }
    assert len(found) == 4
    assert form_tokens.of_form(one) != form_tokens.of_form(other)
    assert len(form_tokens.of_form(one)) == 64
    assert {len(stamp) for stamp in found} == {64}
    assert form_tokens.of_answers(one, {"a": 1, "b": 2}) == form_tokens.of_answers(
        one, {"b": 2, "a": 1}
    )


def test_a_sealed_word_tells_what_was_sealed_to_who_has_the_secret() -> None:
    sent = Sent("PSG 1042-9", "household", "cheque")
    word = form_tokens.seal(SECRET, sent)
    assert form_tokens.unseal(SECRET, word) == sent
    unmailed = Sent("PSG 1042-9", "household", "cheque", mailed=False)
    assert form_tokens.unseal(SECRET, form_tokens.seal(SECRET, unmailed)) == unmailed
    assert form_tokens.unseal("another", word) is None
    assert form_tokens.unseal(SECRET, word[:-1]) is None
    assert form_tokens.unseal(SECRET, form_tokens.new(SECRET, now=NOW)) is None
