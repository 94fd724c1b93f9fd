"""Mails to others pass on a stranger's name if it is one, and no other word of theirs."""

import re
import unicodedata
from collections.abc import Callable

import pytest
from flask import Flask
from hypothesis import assume, given
from hypothesis import strategies as st
from jinja2 import meta
from sqlalchemy import select

from psgflask.core.database import db
from psgflask.mail import composing, greeting
from psgflask.mail.models import Message
from psgflask.members.web import views
from tests.mail.mails import KINDS
from tests.members.joining_form import HOUSEHOLD, ORGANISATION, PERSON, Applicant, Clock

NAMES = """
María José Ñañez|Rosa Quispe Mamani|José de San Martín y Matorras|Micaela Bastidas Puyucahua
Wilfredo Ñaupari Huamán|Túpac Amaru|Qoyllur Rit'i|Saúl Cantoral Huamaní|Kallpa Ch'aska
Melchora Saravia Tasayco|María de los Ángeles de la Cruz y Quispe|Mª José Pérez|M.ª José|Ñ
María del Carmen Núñez Vda. de Ríos|Ing. Julio C. Tello|Dra. Sonia Goldenberg|Sra. Quispe
Ruiz-Tagle Bulnes, Ana|rosa quispe|ROSA QUISPE MAMANI|Rosa & Luis Quispe|Rosa y Luis|Ana
Gal·la Martí|Maria da Conceição dos Santos Oliveira e Silva|D’Angelo|Jean-Luc d'Arc|Élodie d’Été
Dr. J. R. O'Neill-Pérez|Dr. J. R. Smith|St. John|J.-P. Sartre|J.R.R. Tolkien|J. R. R. Tolkien
Martin Luther King, Jr.|John Smith III|Siân Môn ap Rhys|Seán Ó hÉigeartaigh|McDonald|Anne-Marie
Johnny Cash|Dot Cotton|Will Price|Gerard 't Hooft|van der Berg|Zoë Saldaña
Prof. Dr. Hans-Jürgen von der Müller|Hubert Wolfeschlegelsteinhausenbergerdorff
Björk Guðmundsdóttir|Þórarinn|Łukasz Wałęsa|Ştefan Ţepeş|Öztürk|Ελένη Παπαδοπούλου
Иван Петрович Сидоров|ქეთევან|Արամ|عمر|محمد بن سلمان|علی رضا محمدی|יוסי כהן|צה״ל
Abdul-Aziz bin Abdullah Al Saud|अमिताभ बच्चन|சுப்பிரமணியம்|สมชาย ใจดี|བསྟན་འཛིན|ထွန်းထွန်း|Aung Win
Nguyễn Văn A|Đặng Thị Hồng Nhung|李小龙|林|김민수|Ji-sung Park|山田太郎|三郎|五十嵐 一|やまだ はなこ
ホセ・ペレス|Ng|O|Tenzin Gyatso|N'Golo Kanté|Ntozake Ṣẹ́gun|Ama Ata Aidoo|Kaʻahumanu|Fa'afafine
"""
NO_NAMES = """
You won! evil.example/prize|http://evil.example|www.evil|Call 07700900123|buy@evil.example
evil.com|ejemplo.рф|例え。テスト|evil。com|evil｡com|bit․ly|ｅｖｉｌ．ｃｏｍ|evil﹒com|evil․com|evil‧com
evil·com|evilꓸcom|evil . com|t.co/x|Ana.Quispe|a.b.c.de|A.BC|evil\u200b.com|𝐞𝐯𝐢𝐥|аpple Рay|Аmаzоn
example dot com|ejemplo punto pe|bit dot ly|rosa arroba gmail punto com|evil com|www evil
0 7 7 0 0 9|0-7-7-0-0|0.7.7.0.0|(077) 00|+44 113|٠٧٧٠٠|०७७००|〇七七〇〇九|七七八八九九|➀➁➂➃|Ⅳ Ⅴ|0
seven seven zero zero nine|siete siete cero cero|1st|Ana 2|½
You have won a prize|Please Call|Call me now|Ganaste un premio|URGENTE Banco|Visite ahora
Ana is here|come to my house tonight|CallMeNowPlease|Send money. Urgent. Now|加微信領取大獎吧朋友
Ana 🎉|🎉|Ana (Lima)|Ms Smith (Lima)|<b>Ana</b>|Ana: hi|"Ana"|Ana; Luis|ana_quispe|#win|$$$
50% off|₿itcoin|Ana/Luis|Ana\\Luis|Z̸̡̢̛̤̪a̸|Ana-|--|'|.|&|,|Ana,Luis|…|Ana…
"""
names = [name for line in NAMES.strip().splitlines() for name in line.split("|")]
no_names = [name for line in NO_NAMES.strip().splitlines() for name in line.split("|")]


@pytest.mark.parametrize("name", names)
def test_people_of_any_country_are_greeted_by_name(name: str) -> None:
    assert composing.displayed_name(name) == name
    assert composing.displayed_name(unicodedata.normalize("NFD", name)) != ""


@pytest.mark.parametrize("typed", [*no_names, "", " ", "x" * 61, "Ana " * 9, "ab" * 18])
def test_a_name_that_may_be_a_message_a_number_or_a_link_is_not_used_in_a_greeting(
    typed: str,
) -> None:
    assert composing.displayed_name(typed) == ""


@given(st.one_of(st.text(max_size=70), st.text("aA.。．․/-' 07٠七@&·", max_size=12)))
def test_no_greeting_holds_a_number_a_domain_or_an_address(typed: str) -> None:
    said = unicodedata.normalize("NFKC", composing.displayed_name(typed))
    assert not any(unicodedata.category(sign)[0] in "NSC" for sign in said)
    assert not re.search(r"[.。]\w{2}|[@/\\:<>#_!?()\"]", said)
    assert len(said.splitlines()) <= 1
    assert sum(unicodedata.numeric(sign, None) is not None for sign in said) <= 4


@given(st.lists(st.sampled_from("0123456789٣७七〇➂ⅣO.- ()/,·"), min_size=5, max_size=30))
def test_no_grouping_makes_a_telephone_number_a_name(signs: list[str]) -> None:
    number = "".join(signs)
    assume(sum(unicodedata.numeric(sign, None) is not None for sign in number) > 4)
    assert composing.displayed_name(number) == composing.displayed_name(f"Ana {number}") == ""


@pytest.mark.parametrize("signs", ["L", "LM", "L'", "L-", "L.", "L.-", "LM'", "L-'", "LLLLL."])
def test_a_long_pattern_is_judged_as_quickly_as_it_is_read(signs: str) -> None:
    assert greeting.WORD.fullmatch(signs * 20_000 + "X") is None


# Of every value of every mail: where it comes from

# Numbers, times, addresses, words of ours, what the secretary writes.
OURS = {
    *("reference", "hours", "link", "count", "since"),
    *("right", "sent", "due", "outcome", "paragraphs"),
}
GUARDED = {"name"}
MACROS = {"_", "ngettext", "main", "plain", "asked_for"}
OF_THE_FRAME = {"language", "subject", "heading", "site_address", "paper_form", "contact"}
OF_THE_FRAME |= {"rights_page", "ico"}


def test_every_value_of_every_mail_is_ours_or_guarded(app: Flask) -> None:
    templates = app.jinja_env
    assert templates.loader is not None
    for kind in (*KINDS, "bare"):
        for file in (f"mail/{kind}.txt", f"mail/{kind}.html"):
            source, _name, _fresh = templates.loader.get_source(templates, file)
            shown = meta.find_undeclared_variables(templates.parse(source)) - MACROS
            assert shown <= OURS | GUARDED | OF_THE_FRAME, file


def test_of_all_that_is_typed_the_name_alone_is_in_a_mail(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(views, "utc_now", clock)
    app = make_app(TRUSTED_PROXIES=1)
    for number, whole in enumerate((PERSON, HOUSEHOLD, ORGANISATION)):
        typed = {
            field: f"{value}\nStranger"
            if field in {"address", "household"}
            else f"{value} Stranger"
            for field, value in whole.items()
            if field in {"name", "organisation", "household", "address"}
        }
        applicant = Applicant(app.test_client(), clock)
        applicant.headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        sent = applicant.send({**whole, **typed, "email": f"rosa{number}@example.org"})
        assert sent.status_code == 303
    with app.app_context():
        for message in db.session.scalars(select(Message)):
            told = {name for name, value in message.values.items() if "Stranger" in str(value)}
            assert told <= GUARDED
            assert set(message.values) <= OURS | GUARDED
