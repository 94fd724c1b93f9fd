from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psgflask.search.language import Word, words
from psgflask.search.query.clauses import (
    Clause,
    DateRange,
    InIssue,
    InLanguage,
    InTitle,
    OnTopic,
    Phrase,
    PlainWord,
    Prefix,
    Query,
)
from psgflask.search.query.parsing import MAX_LENGTH, MAX_TERMS, parse


def shown(clause: Clause) -> str:
    """Write a clause briefly, so that a table of queries can be read."""
    match clause:
        case PlainWord(word):
            return word.folded
        case Phrase(found):
            return '"' + " ".join(word.folded for word in found) + '"'
        case Prefix(folded):
            return folded + "*"
        case InTitle(found):
            return "title:" + " ".join(word.folded for word in found)
        case OnTopic(name):
            return "topic:" + name
        case InIssue(number):
            return f"issue:{number}"
        case InLanguage(language):
            return "lang:" + language
        case DateRange(first, last):
            return f"{first or ''}..{last or ''}"


def brief(query: Query) -> str:
    groups = [" OR ".join(map(shown, group)) for group in query.groups]
    return " & ".join(groups + [f"-{shown(clause)}" for clause in query.excluded])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("mining conga", "mining & conga"),
        ("castaneda", "castaneda"),
        ("Castañeda", "castaneda"),
        ('"consulta previa"', '"consulta previa"'),
        ('"law of the sea"', '"law of the sea"'),
        ("law of the sea", "law & sea"),
        ("teachers -strike", "teachers & -strike"),
        ('mining -"human rights"', 'mining & -"human rights"'),
        ("mining -topic:psg", "mining & -topic:psg"),
        ("mining -topic:'psg", "mining & -topic:'psg"),
        ("strikes OR campaign", "strikes OR campaign"),
        ("a b OR c", "b OR c"),
        ("peru mining OR oil", "peru & mining OR oil"),
        ("mining OR oil OR gas lima", "mining OR oil OR gas & lima"),
        ('mining OR "human rights"', 'mining OR "human rights"'),
        ("mining OR well-being", 'mining OR "well being"'),
        ("well-being OR mining", '"well being" OR mining'),
        ("a well-being OR mining", '"well being" OR mining'),
        ("indigen*", "indigen*"),
        ("in*", "in"),
        ("*igen", "igen"),
        ("*", ""),
        ("anti-min*", "anti & min*"),
        ("-min*", "-min*"),
        ("topic:mining", "topic:mining"),
        ('topic:"human rights"', "topic:human rights"),
        ("topic:mining OR topic:environment", "topic:mining OR topic:environment"),
        ("title:census", "title:census"),
        ('title:"new strike"', "title:new strike"),
        ("issue:134", "issue:134"),
        ("lang:es", "lang:es"),
        ("lang:Español", "lang:es"),
        ("after:2015", "2015-01-01.."),
        ("before:2016-06", "..2016-05-31"),
        ("in:2012", "2012-01-01..2012-12-31"),
        ("in:2012-02", "2012-02-01..2012-02-29"),
        ("after:2018-06-24", "2018-06-24.."),
        ("topic:mining after:2018-06", "topic:mining & 2018-06-01.."),
        ("Peru's strike", "peru & strike"),
        ("anti-mining", "anti & mining"),
        ("-anti-mining", '-"anti mining"'),
        ("“consulta previa”", '"consulta previa"'),
        ("«consulta previa»", '"consulta previa"'),
        ('lima"consulta previa"', 'lima & "consulta previa"'),
    ],
)
def test_what_is_typed_means_what_the_table_says(typed: str, expected: str) -> None:
    assert brief(parse(typed)) == expected


@pytest.mark.parametrize(
    ("spanish", "english"),
    [
        ("tema:mining", "topic:mining"),
        ("título:censo", "title:censo"),
        ("titulo:censo", "title:censo"),
        ("ti\u0301tulo:censo", "title:censo"),
        ("TÍTULO:censo", "title:censo"),
        ("número:134", "issue:134"),
        ("numero:134", "issue:134"),
        ("idioma:es", "lang:es"),
        ("idioma:inglés", "lang:en"),
        ("desde:2015", "after:2015"),
        ("hasta:2016-06", "before:2016-06"),
        ("en:2012", "in:2012"),
    ],
)
def test_fields_have_spanish_names_on_every_page(spanish: str, english: str) -> None:
    for interface in ("en", "es"):
        assert brief(parse(spanish, interface=interface)) == brief(parse(english))


def test_o_joins_alternatives_on_spanish_pages_only() -> None:
    assert brief(parse("huelga O campaña", interface="es")) == "huelga OR campana"
    assert brief(parse("huelga O campaña", interface="en")) == "huelga & campana"
    assert brief(parse("huelga o campaña", interface="es")) == "huelga & campana"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("after:xyz", "xyz"),
        ("after:2018-13", "2018 & 13"),
        ("in:20188", "20188"),
        ("in:2018-02-30", "2018 & 02 & 30"),
        ("issue:abc", "issue & abc"),
        ("issue:²", "issue & 2"),
        ("lang:fr", "lang & fr"),
        ("colour:red", "colour & red"),
        ("https://example.org/x", "https & example & org & x"),
        ('colour:"red wine"', 'colour & "red wine"'),
        ("topic:", "topic"),
        ("title:...", "title"),
    ],
)
def test_an_unknown_field_or_unreadable_value_is_plain_text(typed: str, expected: str) -> None:
    assert brief(parse(typed)) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ('"unbalanced mining', "unbalanced & mining"),
        ('mining"', "mining"),
        ('""', ""),
        ("-", ""),
        ("--mining", "-mining"),
        ("OR", "or"),
        ("OR mining", "mining"),
        ("mining OR", "mining"),
        ("mining OR OR oil", "mining OR oil"),
        ("mining OR -oil", "mining & -oil"),
        ("mining -oil OR gas", "mining & gas & -oil"),
        ("[a TO zz]", "zz"),
        ("x~3", "x & 3"),
        ("lima\0callao", "lima & callao"),
        ("(((mining)))", "mining"),
        ("", ""),
        (" \t\n", ""),
        ("\ud800mining", "mining"),
    ],
)
def test_characters_without_meaning_are_ignored(typed: str, expected: str) -> None:
    assert brief(parse(typed)) == expected


def test_stop_words_are_kept_when_nothing_else_is_typed() -> None:
    assert brief(parse("to be or not to be")) == "to & be & or & not & to & be"
    assert brief(parse("the -strike")) == "the & -strike"


def test_the_united_nations_in_capitals_are_no_stop_word() -> None:
    assert brief(parse("UN report")) == "un & report"
    assert brief(parse("un informe")) == "informe"
    assert "un" not in parse("UN report").typed_words


def test_only_the_first_twelve_terms_count() -> None:
    query = parse(" ".join(f"word{number}" for number in range(20)))
    assert len(query.clauses) == MAX_TERMS
    assert query.clauses[-1] == PlainWord(Word("word11", ""), 11)
    assert query.truncated


def test_stop_words_are_not_counted_among_the_twelve() -> None:
    query = parse(" of ".join(f"w{number}" for number in range(12)))
    assert len(query.clauses) == MAX_TERMS
    assert not query.truncated


def test_words_of_phrases_and_excluded_words_are_counted() -> None:
    assert brief(parse('a1 -a2 "' + " ".join("bcdefghijklmnop") + '"')) == (
        'a1 & "b c d e f g h i j k" & -a2'
    )


def test_a_long_query_is_cut_at_the_last_word_within_two_hundred_characters() -> None:
    query = parse("palabra " * 100)
    assert query.truncated
    assert len(query.text) <= MAX_LENGTH
    assert query.text.endswith("palabra")
    assert not parse("x" * MAX_LENGTH).truncated
    assert parse("x" * 10_000).text == "x" * MAX_LENGTH


def test_a_query_just_within_bounds_is_not_cut() -> None:
    assert not parse(" ".join(f"w{number}" for number in range(MAX_TERMS))).truncated


def test_words_that_an_operator_parts_are_no_neighbours() -> None:
    def places(typed: str) -> list[int]:
        return [clause.position for clause in parse(typed).plain_words]

    assert places("mining in conga") == [0, 2]
    for typed in ("mining OR conga", "mining -oil conga", "mining topic:psg conga"):
        first, second = places(typed)
        assert second - first > 3


def test_every_plain_word_knows_where_it_stands() -> None:
    query = parse("Peru's  anti-minería colour:rojo (quellavecco)")
    assert [query.text[slice(*clause.span)] for clause in query.plain_words] == [
        *("Peru", "anti", "minería", "colour", "rojo", "quellavecco")
    ]


def test_plain_words_may_be_a_title_and_other_queries_may_not() -> None:
    assert parse("Census: reading the numbers").title == "census reading the numbers"
    assert parse("Censo O Census", interface="es").title == ""
    assert parse('"reading the numbers"').title == ""
    assert parse("reading the num*").title == ""
    long = "Un título de más de doce palabras que tiene también uno dos tres cuatro cinco seis"
    assert parse(long).title == " ".join(word.folded for word in words(long))


def test_every_word_typed_shows_the_language_stop_words_too() -> None:
    assert parse('la huelga "de los maestros" tema:paro').typed_words == (
        *("la", "huelga", "de", "los", "maestros"),
    )


def test_values_are_dates() -> None:
    assert parse("in:2016-02").clauses == (DateRange(date(2016, 2, 1), date(2016, 2, 29)),)


SIGNS = st.sampled_from(
    [
        *('"', "-", "*", ":", "(", ")", "[", "]", "~", "OR", "O", "\0", " ", "^", "{", "\\"),
        *("topic:", "título:", "after:", "in:2012", "lang:", "issue:", "the", "mining"),
        *("ñ", "é", "\u0301", "½"),
    ]
)


@given(st.one_of(st.text(), st.lists(SIGNS, max_size=400).map("".join)), st.sampled_from("en es"))
def test_nothing_that_is_typed_is_an_error_or_costs_more_than_twelve_terms(
    typed: str, interface: str
) -> None:
    query = parse(typed, interface=interface)
    clauses = [*query.clauses, *query.excluded]
    terms = [len(c.words) if isinstance(c, Phrase | InTitle) else 1 for c in clauses]
    assert sum(terms) <= MAX_TERMS
    assert len(query.text) <= MAX_LENGTH
    assert all(query.groups)
    for clause in clauses:
        if isinstance(clause, Phrase | InTitle):
            assert clause.words
        if isinstance(clause, Prefix):
            assert len(clause.folded) >= 3


@given(st.text())
def test_parsing_a_parsed_text_again_gives_the_same(typed: str) -> None:
    query = parse(typed)
    again = parse(query.text)
    assert (again.groups, again.excluded, again.text) == (query.groups, query.excluded, query.text)


@pytest.mark.parametrize("typed", ["(" * 5000, '"' * 10_000, "a " * 50_000, "-" * 10_000])
def test_hostile_lengths_are_parsed_in_bounded_work(typed: str) -> None:
    query = parse(typed)
    assert len(query.text) <= MAX_LENGTH
    assert len(query.clauses) <= MAX_TERMS
