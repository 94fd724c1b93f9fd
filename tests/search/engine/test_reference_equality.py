"""The engine answers as the plain one does: every kind of query, over every state of an index."""

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psgflask.search.documents import Document
from psgflask.search.engine.protocol import SORTS, SearchOptions, SearchResults
from psgflask.search.query.expansion import expand
from psgflask.search.query.parsing import parse
from tests.search.corpus import NOW, Index, document, glossary
from tests.search.reference.plain import PlainEngine

STEMS = [
    "min",
    "protest",
    "conga",
    "cajamar",
    "castañed",
    "huelg",
    "ley",
    "derech",
    "indígen",
    "comunidad",
    "river",
    "lago",
]
ENDINGS = ["", "e", "a", "as", "ing", "ería", "o", "s"]
COMMON = ["the", "of", "and", "la", "de", "el", "y", "que"]
WORDS = [f"{stem}{ending}" for stem in STEMS for ending in ENDINGS]
# Concepts, their terms with their languages: of one word and of several, with stop words.
CONCEPTS = [
    "en mining law | es ley minera | en law of mine",
    "en river | es lago | es ley de lago",
    "en,es conga | en protest of the river | es huelga de conga",
    "es derechos de la comunidad | en rivers",
    "en nothing here | es comunidades",
    "es ley | en protesting",
]
GLOSSARY = glossary(*CONCEPTS)
TERMS = [said.split(" ", 1)[1] for concept in CONCEPTS for said in concept.split(" | ")]
# Which state is asked: one segment, several with gaps in them, all written anew.
ONE, SEVERAL, MERGED = "one segment", "several segments", "after a merge"
# Scores are sums of 32-bit numbers here and of 64-bit numbers there.
NEAR = 1e-5


def made_up(number: int, rng: random.Random) -> Document:
    first = rng.choice([None, date(2010, 1, 1) + timedelta(days=rng.randrange(3000))])
    last = first and first + timedelta(days=rng.choice([0, 0, 30, 400]))
    return document(
        number,
        " ".join(rng.choices([*WORDS, *TERMS], k=rng.randrange(6))),
        " ".join(rng.choices([*WORDS, *COMMON * 6, *TERMS], k=rng.randrange(70))),
        language=rng.choice(["en", "es"]),
        topics=tuple(rng.sample(range(1, 6), rng.randrange(3))),
        issue=rng.choice([None, 133, 134]),
        dated=(first, last) if first else None,
    )


def in_state(folder: Path, state: str) -> Index:
    """Return an index of some 400 documents in one of the states."""
    rng = random.Random(state)
    index = Index(folder, [made_up(number, rng) for number in range(1, 401)])
    if state != ONE:
        for _commit in range(12):
            changed = [made_up(number, rng) for number in rng.sample(range(1, 450), 25)]
            index.change(changed, rng.sample(range(1, 401), 5))
    if state == MERGED:
        index.store.tidy(purge=True)
    return index


@pytest.fixture(scope="module", params=[ONE, SEVERAL, MERGED])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Index:
    """An index in one of its states."""
    return in_state(tmp_path_factory.mktemp("equal"), request.param)


def typo(word: str, rng: random.Random) -> str:
    place = rng.randrange(len(word))
    return word[:place] + rng.choice("aeiorst") + word[place + 1 :]


def several(rng: random.Random, number: int) -> list[str]:
    return rng.choices(WORDS, k=number)


KINDS: dict[str, Callable[[random.Random], str]] = {
    "common": lambda rng: rng.choice(COMMON),
    "one": lambda rng: rng.choice(WORDS),
    "two": lambda rng: " ".join(several(rng, 2)),
    "many": lambda rng: " ".join(rng.choices([*WORDS, *COMMON], k=5)),
    "title": lambda rng: made_up(1, rng).title,
    "or": lambda rng: " OR ".join(several(rng, 3)),
    "or among": lambda rng: "{} {} OR {} -{}".format(*several(rng, 4)),
    "phrase": lambda rng: '"' + " ".join(rng.choices([*WORDS, *COMMON], k=2)) + '"',
    "common phrase": lambda rng: '"' + " ".join(rng.choices(COMMON, k=2)) + '"',
    "phrase beside": lambda rng: '{} "{} {}"'.format(*several(rng, 1), *rng.choices(COMMON, k=2)),
    "not": lambda rng: "{} -{}".format(*several(rng, 2)),
    "not a phrase": lambda rng: '{} -"{} {}"'.format(*several(rng, 1), *rng.choices(COMMON, k=2)),
    "prefix": lambda rng: rng.choice(WORDS)[:3] + "*",
    "misspelt": lambda rng: typo(rng.choice(WORDS), rng),
    "misspelt among": lambda rng: f"{typo(rng.choice(WORDS), rng)} {rng.choice(WORDS)}",
    "in title": lambda rng: f"title:{rng.choice(WORDS)}",
    "title phrase": lambda rng: 'title:"{} {}"'.format(*several(rng, 2)),
    "fields": lambda rng: f"{rng.choice(WORDS)} lang:es issue:134 topic:mining",
    "dates": lambda rng: f"{rng.choice(WORDS)} after:2012 before:2016-06",
    "in a year": lambda rng: f"{rng.choice(COMMON)} in:{rng.randrange(2009, 2020)}",
    "only without": lambda rng: f"-{rng.choice(WORDS)}",
    "nothing there": lambda rng: "{} {} zzyzx".format(*several(rng, 2)),
}

GLOSSARY_KINDS: dict[str, Callable[[random.Random], str]] = {
    "a term": lambda rng: rng.choice(TERMS),
    "a term as a phrase": lambda rng: f'"{rng.choice(TERMS)}"',
    "a term in a language": lambda rng: f"{rng.choice(TERMS)} lang:{rng.choice(['en', 'es'])}",
    "a phrase in a language": lambda rng: f'"{rng.choice(TERMS)}" lang:{rng.choice(["en", "es"])}',
    "two terms": lambda rng: f"{rng.choice(TERMS)} {rng.choice(TERMS)}",
    "a term among words": lambda rng: f"la {rng.choice(TERMS)} {rng.choice(WORDS)}",
    "a term beside a phrase": lambda rng: f'"{rng.choice(WORDS)}" {rng.choice(TERMS)}',
    "a term beside common words": lambda rng: f"{rng.choice(COMMON)} {rng.choice(TERMS)} la",
    "a term without": lambda rng: f"{rng.choice(TERMS)} -{rng.choice(WORDS)}",
    "a term without another": lambda rng: f'{rng.choice(TERMS)} -"{rng.choice(TERMS)}"',
    "a term beside a choice": lambda rng: f"{rng.choice(TERMS)} {' OR '.join(several(rng, 2))}",
    "a term beside a prefix": lambda rng: f"{rng.choice(TERMS)} {rng.choice(WORDS)[:3]}*",
    "a term in a topic": lambda rng: f"{rng.choice(TERMS)} topic:mining",
    "a term beside a typo": lambda rng: f"{rng.choice(TERMS)} {typo(rng.choice(WORDS), rng)}",
    "a term and nothing": lambda rng: f"{rng.choice(TERMS)} zzyzx {rng.choice(WORDS)}",
    "a term half there": lambda rng: f"zzyzx nothing here {rng.choice(TERMS)} -{rng.choice(STEMS)}",
}


def an_ask(rng: random.Random) -> SearchOptions:
    return SearchOptions(
        now=NOW,
        topics=rng.choice([(), (), (1,), (2, 3)]),
        language=rng.choice([None, None, "en", "es"]),
        first=rng.choice([None, None, date(2012, 5, 1)]),
        last=rng.choice([None, None, date(2015, 1, 1)]),
        sort=rng.choice([SORTS[0], SORTS[0], *SORTS]),
        page=rng.choice([1, 1, 1, 2, 3]),
        named_topics={"mining": 1},
        recency=rng.random() < 0.8,
        feedback=False,
    )


def assert_same(plain: SearchResults, found: SearchResults, q: str) -> None:
    for part in [
        "total",
        "relaxation",
        "corrections",
        "dropped",
        "likelier",
        "topics",
        "languages",
        "years",
        "expansions",
    ]:
        assert getattr(found, part) == getattr(plain, part), f"{part} of {q!r}"
    assert found.scores == pytest.approx(plain.scores, rel=NEAR), q
    assert len(found.ids) == len(plain.ids)
    for place, (one, other) in enumerate(zip(plain.ids, found.ids, strict=True)):
        if one != other:  # what scores alike may have changed places, and nothing else
            around = [
                *plain.scores[max(0, place - 1) : place],
                *plain.scores[place + 1 : place + 2],
            ]
            apart = min(abs(plain.scores[place] - score) for score in around)
            assert apart <= NEAR * abs(plain.scores[place]), q


@pytest.mark.parametrize("kind", KINDS)
def test_the_engine_answers_as_the_plain_one(index: Index, kind: str) -> None:
    plain = PlainEngine(index.store)
    rng = random.Random(kind)
    for _query in range(8):
        q, ask = KINDS[kind](rng), an_ask(rng)
        query = parse(q, interface="en")
        assert_same(plain.search(query, ask), index.engine.search(query, ask), q)


@pytest.mark.parametrize("kind", GLOSSARY_KINDS)
def test_the_engine_searches_for_terms_of_the_glossary_as_the_plain_one(
    index: Index, kind: str
) -> None:
    plain = PlainEngine(index.store)
    rng = random.Random(kind)
    concepts = 0
    for _query in range(20):
        q, ask = GLOSSARY_KINDS[kind](rng), an_ask(rng)
        query = expand(parse(q, interface="en"), GLOSSARY, ask.language)
        concepts += bool(query.concepts)
        found = index.engine.search(query, ask)
        assert_same(plain.search(query, ask), found, q)
    assert concepts


SIGNS = ["OR", "-", '"', "min*", "lang:es"]
TEXT = st.lists(st.sampled_from([*WORDS[:20], *COMMON[:3], *TERMS[:5]]), max_size=8).map(" ".join)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["en", "es"])), min_size=1, max_size=12),
    gone=st.sets(st.integers(1, 12), max_size=4),
    q=st.lists(st.sampled_from([*WORDS[:20], *COMMON[:3], *SIGNS, *TERMS[:5]]), max_size=6).map(
        " ".join
    ),
)
def test_any_documents_and_any_query_answer_as_the_plain_one(
    tmp_path_factory: pytest.TempPathFactory,
    texts: list[tuple[str, str, str]],
    gone: set[int],
    q: str,
) -> None:
    documents = [
        document(number, title, body, language=language)
        for number, (title, body, language) in enumerate(texts, 1)
    ]
    half = len(documents) // 2
    index = Index(tmp_path_factory.mktemp("any"), documents[:half])
    index.change(documents[half:], sorted(gone & set(range(1, half + 1))))
    query = expand(parse(q, interface="en"), GLOSSARY)
    ask = SearchOptions(now=NOW, feedback=False)
    plain = PlainEngine(index.store).search(query, ask)
    assert_same(plain, index.engine.search(query, ask), q)
