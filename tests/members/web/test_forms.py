"""A12: the fields of joining: labels, hints, tokens for the browser, and what each refuses."""

from collections.abc import Callable, Iterator, Mapping

import pytest
from flask import Flask
from wtforms import EmailField, Field, RadioField, SelectMultipleField, TelField

from psgflask.members import consents
from psgflask.members.tiers import KINDS
from psgflask.members.web import forms, steps
from psgflask.members.web.fields import Asking
from psgflask.members.web.forms import FORMS

Say = Callable[..., list[str]]
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


def asking(language: str = "en", kind: str = "individual") -> Asking:
    wordings = {what: consents.WORDINGS[what, language].text for what in consents.WHAT}
    tiers = {"waged": ("Waged: £30 a year", "For one person"), "life": ("Life: £500", "Once")}
    return Asking(language, tiers, wordings, kind)


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
            form = forms.build(page, {}, asking(language, kind))
            yield from ((f"{page}.{field.name} of {kind}", field) for field in form)


def test_a12_every_field_has_a_label_and_says_what_the_browser_may_fill_in(language: str) -> None:
    seen = set()
    for where, field in all_fields(language):
        seen.add(field.name)
        assert str(field.label.text).strip(), where
        html = field()
        if isinstance(field, RadioField | SelectMultipleField):
            continue  # its choices are labelled one by one; nothing can be filled in
        assert f'autocomplete="{TOKENS[field.name]}"' in html, where
        assert "autofocus" not in html
        assert "maxlength" not in html, "a limit that cuts what is pasted is told instead"
        assert "required" not in html, "the browser's own words would come before ours"
        if isinstance(field, EmailField):
            assert 'type="email"' in html
            assert 'inputmode="email"' in html
        if isinstance(field, TelField):
            assert 'type="tel"' in html
            assert 'inputmode="tel"' in html
        for never in ("onpaste", "readonly", "disabled"):
            assert never not in html
    assert seen == {name for names in steps.ASKED.values() for name in names}


def test_no_choice_is_made_beforehand(language: str) -> None:
    for where, field in all_fields(language):
        if isinstance(field, RadioField | SelectMultipleField):
            assert "checked" not in field(), where
            assert not field.data, where


def test_who_reads_spanish_chooses_the_country_and_who_reads_english_finds_ours(app: Flask) -> None:
    with app.test_request_context():
        assert forms.build(steps.CONTACT, {}, asking("en"))["country"].data == "GB"
        assert not forms.build(steps.CONTACT, {}, asking("es"))["country"].data


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
def test_each_kind_of_membership_is_asked_what_it_needs(
    english: None, kind: str, asked: set[str]
) -> None:
    assert set(forms.build(steps.YOU, {}, asking(kind=kind))._fields) == asked


@pytest.fixture
def say(english: None) -> Say:
    """Answer a page, and hear what is said of one field."""

    def answer(page: str, field: str, kind: str = "individual", **typed: str) -> list[str]:
        given: Mapping[str, tuple[str, ...]] = {name: (value,) for name, value in typed.items()}
        form = forms.build(page, given, asking(kind=kind))
        form.validate()
        return [str(error) for error in form[field].errors]

    return answer


GOOD = {"email": "a@example.org", "address": "1 Road", "postcode": "LS1 4DY", "country": "GB"}


@pytest.mark.parametrize(
    ("field", "typed", "said"),
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
def test_what_will_not_do_is_said_in_one_sentence(
    say: Say, field: str, typed: dict[str, str], said: str
) -> None:
    [heard] = say(steps.CONTACT, field, **{**GOOD, **typed})
    assert said in heard


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
def test_any_sensible_format_will_do(say: Say, typed: dict[str, str]) -> None:
    for field in steps.ASKED[steps.CONTACT]:
        assert say(steps.CONTACT, field, **{**GOOD, **typed}) == []


@pytest.mark.parametrize(
    ("field", "kind", "typed", "said"),
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
def test_a_name_that_will_not_do_is_said_so(
    say: Say, field: str, kind: str, typed: str, said: str
) -> None:
    [heard] = say(steps.YOU, field, kind, **{field: typed})
    assert said in heard


@pytest.mark.parametrize("page", [steps.MEMBERSHIP, steps.PAYMENT])
def test_a_choice_must_be_one_that_was_offered(say: Say, page: str) -> None:
    [field] = steps.ASKED[page]
    for typed in ("", "nonsense", "WAGED"):
        [heard] = say(page, field, **{field: typed})
        assert heard.startswith("Choose ")


def test_agreeing_to_nothing_is_an_answer_and_to_anything_else_is_none(say: Say) -> None:
    assert say(steps.AGREEMENTS, "consents") == []
    assert say(steps.AGREEMENTS, "consents", consents="post") == []
    assert say(steps.AGREEMENTS, "consents", consents="everything") == [
        "Choose from what is listed."
    ]


def test_the_words_agreed_to_are_those_that_are_kept(language: str) -> None:
    form = forms.build(steps.AGREEMENTS, {}, asking(language))
    field = form["consents"]
    assert isinstance(field, SelectMultipleField)
    assert {choice[1] for choice in field.iter_choices()} == {
        consents.WORDINGS[what, language].text for what in consents.WHAT
    }
