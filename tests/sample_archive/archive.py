"""The synthetic archive: any number of articles of 1983 to 2026, the same for the same seed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import accumulate
from pathlib import Path
from random import Random

from psgflask.news.dateline import Dateline
from psgflask.news.drafts import Draft
from psgflask.news.models import EVENT, MAIN_SERIES, NEWS, PLACE, PUBLICATION, THEME, UPDATE
from psgflask.news.slugs import slugify
from psgflask.sample import content
from psgflask.sample.content import TopicEntry
from tests.sample_archive.sentences import Voice, person
from tests.sample_archive.words import lists

FIRST_YEAR, LAST_DAY, LAST_EVENT = 1983, date(2026, 10, 31), date(2026, 12, 31)
PAIRED, SPANISH_ALONE = 0.10, 0.23  # shares of works; together 30 % of the articles are Spanish
KINDS = {NEWS: 0.88, UPDATE: 0.06, PUBLICATION: 0.04, EVENT: 0.02}
MEMBERS_ONLY = 0.02
# The old site's "Update 134. June / July 2009" and "Peru News 065. 31 May 2011" fix both series.
UPDATE_MONTHS, UPDATE_KNOWN = 2, (134, 2009 * 12 + 5)
PERU_NEWS, PERU_NEWS_KNOWN = "Peru News", (65, 2011 * 12 + 4)


def topics() -> list[TopicEntry]:
    """Return the topics of the archive: those of the sample content, and its own."""
    own = content.read_topics(Path(__file__).with_name("topics.toml"))
    return [*content.topics(), *own]


def articles(count: int, seed: int = 1) -> Iterator[Draft]:
    """Give `count` synthetic articles; a smaller archive is the beginning of a larger one.

    Of a translated pair the English article comes first. Their order has nothing to do with
    their dates.
    """
    given, work = 0, 0
    while given < count:
        work += 1
        for draft in _work(work, seed)[: count - given]:
            given += 1
            yield draft


def work_of(draft: Draft) -> str:
    """Return what a synthetic article shares with its translation: the end of its slug."""
    seed, number = str(draft.slug).rsplit("-", 2)[1:]
    return f"synthetic-{seed}-{number}"


def _work(number: int, seed: int) -> list[Draft]:
    """Return one article, or two that are translations of each other."""
    # A generator of its own for each work, so that no article depends on those before it.
    rng = Random(f"{seed}/{number}")  # test data, nothing secret
    roll = rng.random()
    language = "es" if roll < SPANISH_ALONE else "en"
    kind = rng.choices(list(KINDS), weights=list(KINDS.values()))[0]
    dateline, issue = _dated(rng, kind)
    chosen = _topics(rng)
    about = Draft(
        title="",
        teaser="",
        body="",
        dateline=dateline,
        language=language,
        kind=kind,
        issue=issue,
        topics=tuple(entry.slug for entry in chosen),
        members_only=rng.random() < MEMBERS_ONLY,
        byline=person(rng) if rng.random() < 0.15 else "",
        synthetic=True,
    )
    ending = f"{seed}-{number}"
    first = _written(about, rng, ending)
    if SPANISH_ALONE <= roll < SPANISH_ALONE + PAIRED:
        twin = replace(about, language="es", translation_of=first.slug)
        return [first, _written(twin, rng, ending)]
    return [first]


def _topics(rng: Random) -> list[TopicEntry]:
    """Return one to three themes, often a place, sometimes an organisation; few are frequent."""
    chosen: list[TopicEntry] = []
    for kind, times in ((THEME, rng.choice((1, 1, 2, 3))), (PLACE, rng.random() < 0.55)):
        entries, weights = _ranked(kind)
        chosen += rng.choices(entries, cum_weights=weights, k=int(times))
    if rng.random() < 0.1:
        chosen += rng.choices(_ranked("organisation")[0], cum_weights=_ranked("organisation")[1])
    return list(dict.fromkeys(chosen))


@cache
def _ranked(kind: str) -> tuple[list[TopicEntry], list[float]]:
    entries = [entry for entry in topics() if entry.kind == kind]
    return entries, list(accumulate(1 / rank for rank in range(1, len(entries) + 1)))


def _dated(rng: Random, kind: str) -> tuple[Dateline, tuple[str, int] | None]:
    """Return a dateline in one of the old site's styles, and the issue that goes with it."""
    day = _day(rng, LAST_EVENT if kind == EVENT else LAST_DAY)
    if kind == UPDATE:
        return _of_update(day)
    roll = rng.random()
    month = (day.year, day.month)
    if kind == EVENT or roll < 0.8:
        if kind == NEWS and day.year >= 2006 and roll < 0.08:
            return Dateline.of_day(_last_of_month(day)), _peru_news(day)
        return Dateline.of_day(day), None
    if roll < 0.9:
        return Dateline.of_months(month, month), None
    if roll < 0.95:
        first = min(_months(day), _months(LAST_DAY) - 2)
        return Dateline.of_months(_month(first), _month(first + rng.randint(1, 2))), None
    return Dateline.undated(), None


def _day(rng: Random, last: date) -> date:
    """Return a day; the archive's later years hold more than its first ones."""
    years = range(FIRST_YEAR, last.year + 1)
    year = rng.choices(years, weights=[30 + 3 * n for n in range(len(years))])[0]
    day = date(year, 1, 1) + timedelta(days=rng.randrange(365))
    # What falls after the end comes down to the months before it, not all on the last day.
    return min(day, last - timedelta(days=rng.randrange(240)))


def _months(day: date) -> int:
    return day.year * 12 + day.month - 1


def _month(months: int) -> tuple[int, int]:
    return months // 12, months % 12 + 1


def _last_of_month(day: date) -> date:
    month = (day.year, day.month)
    return Dateline.of_months(month, month).last or day


def _of_update(day: date) -> tuple[Dateline, tuple[str, int] | None]:
    known, months = UPDATE_KNOWN
    latest = (_months(LAST_DAY) + 1 - months) // UPDATE_MONTHS - 1
    step = min((_months(day) - months) // UPDATE_MONTHS, latest)
    first = months + step * UPDATE_MONTHS
    dateline = Dateline.of_months(_month(first), _month(first + UPDATE_MONTHS - 1))
    number = known + step
    return dateline, (MAIN_SERIES, number) if number > 0 else None


def _peru_news(day: date) -> tuple[str, int]:
    known, months = PERU_NEWS_KNOWN
    return PERU_NEWS, known + _months(day) - months


def _written(about: Draft, rng: Random, ending: str) -> Draft:
    words = lists(about.language)
    region = next((slug for slug in about.topics if slug in lists("places")), None)
    place = rng.choice(lists("places")[region or rng.choice(list(lists("places")))])
    voice = Voice(rng, about.language, about.topics, place)
    title = voice.title(rng.choice(words["titles"]))
    teaser = voice.paragraph(22)
    if about.kind in (UPDATE, EVENT):
        teaser = words[about.kind] + teaser[0].lower() + teaser[1:]
    return replace(
        about,
        title=title,
        slug=f"{slugify(title)[:70].rstrip('-')}-{ending}",
        teaser=teaser,
        body=_body(voice, words["heading"]),
    )


def _body(voice: Voice, heading: str) -> str:
    """Return about 300 words of Markdown."""
    rng = voice.rng
    left = min(max(int(rng.gauss(285, 80)), 90), 700)
    blocks: list[str] = []
    while left > 0:
        block = _block(voice, heading)
        left -= len(re.findall(r"\w+", block))
        blocks.append(block)
    return "\n\n".join(blocks) + "\n"


def _block(voice: Voice, heading: str) -> str:
    """Return mostly a paragraph, at times one of the other things that articles hold."""
    roll = voice.rng.random()
    if roll < 0.86:
        return voice.paragraph(voice.rng.randint(35, 75))
    if roll < 0.91:
        return f"## {voice.title(heading)}\n\n{voice.paragraph(45)}"
    if roll < 0.95:
        return f"> {voice.paragraph(18)}"
    if roll < 0.99:
        return "\n".join(f"- {voice.sentence()}" for _ in range(3))
    return _table(voice)


def _table(voice: Voice) -> str:
    years: Sequence[int] = range(2, 5)
    head = f"| {voice.title('{Noun}')} | {' | '.join(voice.title('{Noun}') for _ in years)} |"
    rows = [
        f"| {voice.title('{Noun}')} | "
        + " | ".join(str(voice.rng.randrange(900)) for _ in years)
        + " |"
        for _ in range(4)
    ]
    return "\n".join([head, "| --- | ---: | ---: | ---: |", *rows])
