"""A12: the fields of joining: labels, hints, tokens for the browser, and what each refuses."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from wtforms import EmailField, Field, RadioField, SelectMultipleField, TelField

from psgflask.members import consents
from psgflask.members.tiers import KINDS
from psgflask.members.web import forms
from psgflask.members.web.forms import FORMS, FormContext

NAMES = [name for names in forms.FIELDS.values() for name in names]
Errors = Callable[..., list[str]]
# https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#autofill
TOKENS = {
    "organisation": "organization",
    "name": "name",
    "household": "off",  # names of others: the browser knows one's own alone
    "email": "email",
    "phone": "tel",
    "address": "street-address",
    "postcode": "postal-code",
    "country": "country",
}


def context(language: str = "en", kind: str = "individual") -> FormContext:
    wordings = {what: consents.WORDINGS[what, language].text for what in consents.CHANNELS}
    tiers = {"waged": ("Waged: £30 a year", "For one person"), "life": ("Life: £500", "Once")}
    return FormContext(language, tiers, wordings, kind)


@pytest.fixture(params=["en", "es"])
def language(app: Flask, request: pytest.FixtureRequest) -> Iterator[str]:
    """A language that the forms speak."""
    with app.test_request_context(environ_base={"psg.language": request.param}):
        yield request.param


@pytest.fixture
def english(app: Flask) -> Iterator[None]:
    with app.test_request_context():
        yield


def all_fields(language: str) -> Iterator[tuple[str, Field]]:
    for page in FORMS:
        for kind in KINDS:
            form = forms.build(page, {}, context(language, kind))
            yield from ((f"{page}.{field.name} of {kind}", field) for field in form)


def test_a12_every_field_has_a_label_and_an_autocomplete_token(language: str) -> None:
    seen = set()
    for where, field in all_fields(language):
        seen.add(field.name)
        assert str(field.label.text).strip(), where
        html = field()
        if isinstance(field, RadioField | SelectMultipleField):
            continue  # its choices are labelled one by one; nothing can be filled in
        assert f'autocomplete="{TOKENS[field.name]}"' in html, where
        assert "autofocus" not in html
        assert "maxlength" not in html, "pasted text must not be cut off silently"
        assert "required" not in html, "the browser's own words would come before ours"
        if isinstance(field, EmailField):
            assert 'type="email"' in html
            assert 'inputmode="email"' in html
        if isinstance(field, TelField):
            assert 'type="tel"' in html
            assert 'inputmode="tel"' in html
        for never in ("onpaste", "readonly", "disabled"):
            assert never not in html
    assert seen == {name for names in forms.FIELDS.values() for name in names}


def test_no_choice_is_preselected(language: str) -> None:
    for where, field in all_fields(language):
        if isinstance(field, RadioField | SelectMultipleField):
            assert "checked" not in field(), where
            assert not field.data, where


def test_the_default_country_is_ours_in_english_and_none_in_spanish(app: Flask) -> None:
    with app.test_request_context():
        assert forms.build(forms.CONTACT, {}, context("en"))["country"].data == "GB"
        assert not forms.build(forms.CONTACT, {}, context("es"))["country"].data


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("individual", {"name"}),
        ("unwaged", {"name"}),
        ("life", {"name"}),
        ("household", {"name", "household"}),
        ("organisation", {"organisation", "name"}),
        ("", {"name"}),
    ],
)
def test_each_kind_of_membership_has_its_own_fields(
    english: None, kind: str, asked: set[str]
) -> None:
    assert set(forms.build(forms.YOU, {}, context(kind=kind))._fields) == asked


@pytest.fixture
def errors(english: None) -> Errors:
    """Validate a step, and return the error messages of one field."""

    def answer(page: str, field: str, kind: str = "individual", **typed: str) -> list[str]:
        given: Mapping[str, tuple[str, ...]] = {name: (value,) for name, value in typed.items()}
        form = forms.build(page, given, context(kind=kind))
        form.validate()
        return [str(error) for error in form[field].errors]

    return answer


GOOD = {"email": "a@example.org", "address": "1 Road", "postcode": "LS1 4DY", "country": "GB"}


@pytest.mark.parametrize(
    ("field", "typed", "expected"),
    [
        ("email", {"email": ""}, "Enter your e-mail address."),
        ("email", {"email": "rosa"}, "Enter an e-mail address in the correct form"),
        ("email", {"email": "a@b.example\nBcc: c@d.example"}, "in the correct form"),
        ("email", {"email": "a@b.example,c@d.example"}, "in the correct form"),
        ("phone", {"phone": "none"}, "Enter a telephone number"),
        ("phone", {"phone": "0113 496 0000 " * 4}, "Enter one telephone number."),
        ("address", {"address": " \n "}, "Enter your address."),
        ("address", {"address": "x" * 501}, "500 characters or fewer"),
        ("postcode", {"postcode": ""}, "Enter your postcode."),
        ("postcode", {"postcode": "15001"}, "such as LS1 4DY"),
        ("postcode", {"postcode": "1" * 21, "country": "PE"}, "20 characters or fewer"),
        ("country", {"country": "XX"}, "Choose a country."),
        ("country", {"country": ""}, "Choose a country."),
    ],
)
def test_an_invalid_value_has_one_error_message(
    errors: Errors, field: str, typed: dict[str, str], expected: str
) -> None:
    [message] = errors(forms.CONTACT, field, **{**GOOD, **typed})
    assert expected in message


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"phone": ""},
        {"phone": "0113 496 0000"},
        {"email": " Rosa.Quispe+psg@EXAMPLE.org "},
        {"email": "josé@ejemplo.pe"},
        {"country": "PE", "postcode": ""},
        {"country": "PE", "postcode": "Lima 1"},
        {"address": "Casa Rosada"},
        {"postcode": "ls14dy"},
    ],
)
def test_any_sensible_format_is_accepted(errors: Errors, typed: dict[str, str]) -> None:
    for field in forms.FIELDS[forms.CONTACT]:
        assert errors(forms.CONTACT, field, **{**GOOD, **typed}) == []


@pytest.mark.parametrize(
    ("field", "kind", "typed", "expected"),
    [
        ("name", "individual", "", "Enter your name."),
        ("name", "individual", "\r\n", "Enter your name."),
        ("name", "individual", "x" * 201, "200 characters or fewer"),
        ("name", "individual", "Win www.evil.example", "without a web address"),
        ("organisation", "organisation", "", "Enter the name of the organisation."),
        ("organisation", "organisation", "x" * 201, "200 characters or fewer"),
        ("organisation", "organisation", "https://evil.example", "without a web address"),
        ("household", "household", "", "at least one other person"),
        ("household", "household", "-\n;", "at least one other person"),
        ("household", "household", "A\n" * 12, "at most 11 names"),
        ("household", "household", "x" * 201, "200 characters or fewer"),
        ("household", "household", "Ana\nhttp://evil.example", "without a web address"),
    ],
)
def test_an_invalid_name_has_one_error_message(
    errors: Errors, field: str, kind: str, typed: str, expected: str
) -> None:
    [message] = errors(forms.YOU, field, kind, **{field: typed})
    assert expected in message


@pytest.mark.parametrize("page", [forms.MEMBERSHIP, forms.PAYMENT])
def test_a_choice_must_be_one_of_those_offered(errors: Errors, page: str) -> None:
    [field] = forms.FIELDS[page]
    for typed in ("", "nonsense", "WAGED"):
        [message] = errors(page, field, **{field: typed})
        assert message.startswith("Choose ")


def test_no_consent_is_valid_and_an_unknown_one_is_not(errors: Errors) -> None:
    assert errors(forms.AGREEMENTS, "consents") == []
    assert errors(forms.AGREEMENTS, "consents", consents="post") == []
    assert errors(forms.AGREEMENTS, "consents", consents="everything") == [
        "Choose from what is listed."
    ]


def test_the_wording_on_the_form_is_the_one_that_is_stored(language: str) -> None:
    form = forms.build(forms.AGREEMENTS, {}, context(language))
    field = form["consents"]
    assert isinstance(field, SelectMultipleField)
    assert {choice[1] for choice in field.iter_choices()} == {
        consents.WORDINGS[what, language].text for what in consents.CHANNELS
    }


def test_every_step_has_a_form_and_every_field_one_step() -> None:
    assert set(FORMS) == set(forms.STEPS)
    for page, names in forms.FIELDS.items():
        assert set(FORMS[page]()._fields) == set(names)
    assert len(NAMES) == len(set(NAMES))


def test_the_steps_lead_from_one_to_the_next_and_back() -> None:
    way = [forms.MEMBERSHIP]
    while way[-1] != forms.SEND:
        way.append(forms.next_step(way[-1]))
    assert tuple(way) == forms.PLACES
    assert [forms.previous_step(page) for page in way] == [None, *way[:-1]]


@given(st.sampled_from(forms.PLACES), st.sets(st.sampled_from(forms.QUESTIONS)))
def test_no_unanswered_step_can_be_skipped(wanted: str, answered: set[str]) -> None:
    shown = forms.first_unanswered(wanted, answered.__contains__)
    before = forms.PLACES[: forms.PLACES.index(shown)]
    assert set(before) - {forms.CHECK} <= answered
    assert shown == wanted or shown not in answered


def test_unknown_fields_are_dropped_and_the_others_stay_in_order() -> None:
    sent = [("name", "Ana"), ("csrf_token", "x"), ("consents", "post"), ("consents", "email")]
    assert forms.collect(sent) == {"name": ("Ana",), "consents": ("post", "email")}


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text())), st.sampled_from(forms.STEPS))
def test_every_answer_is_a_hidden_field_except_on_its_own_step(
    sent: list[tuple[str, str]], page: str
) -> None:
    carried = forms.hidden_fields(forms.collect(sent), page)
    shown = forms.FIELDS.get(page, ())
    assert sorted(carried) == sorted(pair for pair in sent if pair[0] not in shown)
