"""The order of the pages, what travels through them, and that no question is got past."""

from hypothesis import given
from hypothesis import strategies as st

from psgflask.members.web import steps
from psgflask.members.web.forms import FORMS

FIELDS = [name for names in steps.ASKED.values() for name in names]


def test_every_page_has_its_form_and_every_field_its_page() -> None:
    assert set(FORMS) == set(steps.PAGES)
    for page, names in steps.ASKED.items():
        assert set(FORMS[page]()._fields) == set(names)
    assert len(FIELDS) == len(set(FIELDS))


def test_the_pages_lead_from_one_to_the_next_and_back() -> None:
    way = [steps.MEMBERSHIP]
    while way[-1] != steps.SEND:
        way.append(steps.after(way[-1]))
    assert tuple(way) == steps.PLACES
    assert [steps.before(page) for page in way] == [None, *way[:-1]]
    assert [steps.number(page) for page in steps.PAGES] == [1, 2, 3, 4, 5, 6]


@given(st.sampled_from(steps.PLACES), st.sets(st.sampled_from(steps.QUESTIONS)))
def test_nobody_gets_past_a_page_that_is_not_answered(wanted: str, answered: set[str]) -> None:
    shown = steps.to_show(wanted, answered.__contains__)
    before = steps.PLACES[: steps.PLACES.index(shown)]
    assert set(before) - {steps.CHECK} <= answered
    assert shown == wanted or shown not in answered


def test_what_no_question_asks_is_dropped_and_the_rest_is_kept_in_order() -> None:
    sent = [("name", "Ana"), ("csrf_token", "x"), ("consents", "post"), ("consents", "email")]
    assert steps.kept(sent) == {"name": ("Ana",), "consents": ("post", "email")}


@given(st.lists(st.tuples(st.sampled_from(FIELDS), st.text())), st.sampled_from(steps.PAGES))
def test_every_answer_travels_unless_its_own_page_shows_it(
    sent: list[tuple[str, str]], page: str
) -> None:
    carried = steps.carried(steps.kept(sent), page)
    shown = steps.ASKED.get(page, ())
    assert sorted(carried) == sorted(pair for pair in sent if pair[0] not in shown)
