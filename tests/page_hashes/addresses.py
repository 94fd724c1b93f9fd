"""What is asked for beside what links lead to: searches, errors, and the addresses of old sites."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote, urlencode

ROUTES = Path(__file__).resolve().parents[1] / "route-list.json"
FRONT = ("/", "/es/", "/robots.txt", "/sitemap.xml", "/favicon.ico", "/healthz", "/readyz")
SEED, DRAWN = 1, 14
SHORTEST = 5
TOPICS = ("mining", "environment", "politics", "human-rights", "society", "psg")

# Searches that need no title of an article: fields, filters, orders, and what is odd or unreadable.
FIXED_SEARCHES: tuple[tuple[tuple[str, str], ...], ...] = (
    *(
        (("q", text),)
        for text in (
            *("mining", "minería", "peru", "water mine OR oil", "teachers -strike", "census"),
            *('"consulta previa"', '"human rights"', 'mining -"human rights"', "indigen*", "min*"),
            *("topic:mining", 'topic:"human rights"', "-topic:psg mining", "tema:minería agua"),
            *("title:census", "título:censo", "issue:134", "número:134", "lang:es agua", "lang:en"),
            *("after:2015", "before:2006", "in:2012", "in:2016-06", "desde:2018 hasta:2020 lima"),
            *("topic:mining after:2018-06 -conga", "EIA", "prior consultation", "castaneda"),
            *("quellavecco", "comunidadse", "enviroment", "quetzalcoatlus", "xyzzy plugh", "a la"),
            *("(", '"unfinished', "OR OR", "-", "title:", "*", "<b>&amp;", "ñ", "word " * 20),
        )
    ),
    *((("q", "mining"), ("sort", sort)) for sort in ("newest", "oldest", "relevance", "best")),
    *((("q", "mining"), ("topic", topic)) for topic in (*TOPICS, "no-such-topic")),
    *((("q", "agua"), ("lang", language)) for language in ("en", "es", "fr")),
    *((("q", "water"), ("from", year), ("to", year)) for year in ("2008", "2016-03", "soon")),
    *((("q", "water"), ("page", page)) for page in ("2", "3", "50", "51", "x")),
    (("q", "water"), ("from", "2019"), ("to", "2012")),
    (("q", "prior consultation"), ("words", "typed")),
    (("q", "quellavecco"), ("words", "typed")),
    (("topic", "mining"),),
    (("topic", "mining"), ("topic", "environment"), ("sort", "newest")),
    (("lang", "es"), ("sort", "oldest")),
    (),
)
SUGGESTED = ("mi", "min", "mining ", "agu", "quellav", "derechos hum", "topic:m", "", "zzzz")

# Addresses of the sites before this one, and others that lead elsewhere.
OLD = (
    *("/news", "/es", "/topics", "/search", "/index.html", "/index.php", "/about.php"),
    *("/resources.php", "/news.php", "/news.php?position=0", "/news.php?position=7"),
    *("/news.php?position=670", "/news.php?position=x", "/articles.php?position=2"),
    *("/article-75.html", "/2018/07/", "/2018/07/census-reading-the-numbers/", "/2018/13/"),
    *("/2018/07/no-such/", "/about/AIMS", "/News/", "/news//", "//news/", "/es/es/"),
    *("/members/join/you", "/updates/134", "/news/2018/7/", "/news/2018/07", "/en/"),
)
# What is refused, with what is asked beside the address: method, data, headers.
REFUSED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    *(
        ("GET", prefix + path, {})
        for prefix in ("", "/es")
        for path in (
            *("/no-such-page", "/news/no-such", "/about/none", "/topics/none", "/topics/none.atom"),
            *("/updates/999/", "/news/1700/", "/news/2018/13/", "/news.json", "/news/?before=x"),
            *("/news/?before=2018-07-15.5&before=2018-07-15.5", "/news/?after=2018-07-15.5"),
            *("/accounts/join/no-such-link", "/members/join/sent/none", "/members/join/none"),
            *("/static/0/css/site.css", "/static/0/none.js", "/robots.txt", "/sitemap.xml"),
            *(f"/media/{'0' * 64}/none.png", "/media/x/y", "/search/?q=a&q=b", "/%00", "/%ff"),
            *("/" + "a" * 2500, "/search/?q=" + "a" * 65_000),
        )
    ),
    *(("POST", path, {}) for path in ("/", "/news/", "/search/", "/es/news/", "/robots.txt")),
    *((method, "/news/", {}) for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")),
    ("POST", "/members/join/you", {}),
    ("POST", "/members/join/you", {"data": {"name": "x" * 1_100_000}}),
    ("POST", "/es/members/join/you", {"data": {"name": "x" * 1_100_000}}),
    ("POST", "/members/join/you", {"data": {f"n{number}": "x" for number in range(300)}}),
    ("POST", "/members/join/you", {"headers": {"Origin": "https://elsewhere.example"}}),
    ("POST", "/accounts/join/again", {"headers": {"Sec-Fetch-Site": "cross-site"}}),
    ("GET", "/news/", {"headers": {"Host": "elsewhere.example"}}),
    ("GET", "/es/news/", {"headers": {"Host": "elsewhere.example"}}),
)
# Ways to ask for the same page: what caches, robots and slow lines are given.
WAYS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("again", {}),
    ("br", {"headers": {"Accept-Encoding": "br, gzip"}}),
    ("gzip", {"headers": {"Accept-Encoding": "gzip"}}),
    ("HEAD", {"method": "HEAD"}),
)


def visits() -> list[str]:
    """Return the address that the route list gives for each route, in both languages."""
    routes = json.loads(ROUTES.read_text("utf-8"))
    paths = [path for route in routes.values() for path in route.get("visits", ())]
    return [prefix + path for path in paths for prefix in ("", "/es")]


def searches(titles: Sequence[str]) -> Iterator[str]:
    """Yield addresses of searches: those fixed, and others for words of the titles.

    Each is asked on the page, in English or Spanish, and some as a feed or as suggestions.
    """
    asked = [list(parameters) for parameters in FIXED_SEARCHES]
    asked += [[("q", text)] for text in _drawn(titles)]
    for number, parameters in enumerate(asked):
        query = f"?{urlencode(parameters)}" if parameters else ""
        yield f"/es/search/{query}" if number % 4 == 3 else f"/search/{query}"
        if number % 5 == 0:
            yield f"/search.json{query}"
        if number % 7 == 0:
            yield f"/es/search.atom{query}"
    for prefix in ("", "/es"):
        yield from (f"{prefix}/search/suggest?q={quote(text)}" for text in SUGGESTED)


def _drawn(titles: Sequence[str]) -> Iterator[str]:
    """Yield searches by what titles say: words, phrases, beginnings, and words misspelt."""
    chance = Random(SEED)
    telling = [title for title in titles if len(_words(title)) > 2]
    for title in chance.sample(telling, min(DRAWN, len(telling))):
        words = _words(title)
        long = max(words, key=len)
        at = chance.randrange(1, len(long) - 1)
        yield " ".join(words[:2])
        yield f'"{" ".join(title.split()[:3])}"'
        yield f"{long[:4]}*"
        yield long[:at] + long[at + 1] + long[at] + long[at + 2 :]
        yield long[:at] + "z" + long[at:]
        yield f"title:{long} OR {words[0]}"
        yield f"{words[0]} -{words[-1]}"


def _words(title: str) -> list[str]:
    return [word for word in title.split() if len(word) >= SHORTEST and word.isalpha()]
