"""`make bench`: what a listing, an article and a search page cost beside a bare Flask view.

Each round asks every page in turn, so that a slow moment of the machine falls on all alike.
CPU is that of the server's processes alone. "Kept" pages come from the page cache, as readers
get them; "built" pages come from a second server whose cache is off.
"""

import argparse
import os
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.servers import ROOT, Server, load, serving

LISTING_GOAL, ARTICLE_GOAL = 20, 12
WORDS = ("mining", "Cajamarca", "protesta", "human rights", "congreso", "teachers")


@dataclass
class Row:
    """One page that is measured: on which server, which addresses, how often a round."""

    name: str
    server: Server
    path: Callable[[int], str]
    requests: int
    goal: int | None = None
    cpu_ms: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)


def main() -> int:
    """Print the table; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--articles", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        instance = _instance(Path(folder), args.articles)
        slugs = _slugs(instance)
        kept = {"PSG_INSTANCE": str(instance), "PSG_WORKER": "0"}
        with (
            serving("tests.benchmarks.bare:app") as bare,
            serving("wsgi:app", **kept) as site,
            serving("wsgi:app", **kept, PSG_PAGE_CACHE_MB="0") as building,
        ):
            rows = _rows(bare, site, building, slugs)
            for row in rows:  # warm: imports, templates, caches
                load(row.server.port, [row.path(number) for number in range(50)])
            for _round in range(args.rounds):
                for row in rows:
                    _measure(row)
            return _report(rows, args.articles, site)


def _rows(bare: Server, site: Server, building: Server, slugs: list[str]) -> list[Row]:
    def slug(number: int) -> str:
        return f"/news/{slugs[number % len(slugs)]}"

    def search(number: int) -> str:
        return f"/search/?q={WORDS[number % len(WORDS)].replace(' ', '+')}"

    return [
        Row("bare view", bare, lambda number: "/", 2000),
        Row("listing, kept", site, lambda number: "/news/", 2000, LISTING_GOAL),
        Row("article, kept", site, slug, 2000, ARTICLE_GOAL),
        Row("home, kept", site, lambda number: "/", 2000),
        Row("listing, built", building, lambda number: "/news/", 60),
        Row("article, built", building, slug, 60),
        Row("search", site, search, 60),
    ]


def _measure(row: Row) -> None:
    before = row.server.cpu_seconds()
    seconds = load(row.server.port, [row.path(number) for number in range(row.requests)])
    row.cpu_ms.append((row.server.cpu_seconds() - before) * 1000 / row.requests)
    row.rate.append(row.requests / seconds)


def _report(rows: list[Row], articles: int, site: Server) -> int:
    bare = rows[0]
    print(f"\n{articles} articles, {len(bare.cpu_ms)} rounds; median (lowest to highest)")
    print(f"{'page':16}{'CPU ms a request':>26}{'requests/s':>12}{'times bare':>24}  goal")
    missed = 0
    for row in rows:
        ratios = [mine / theirs for mine, theirs in zip(row.cpu_ms, bare.cpu_ms, strict=True)]
        ratio = statistics.median(ratios)
        goal = f"at most {row.goal}" if row.goal else ""
        if row.goal and ratio > row.goal:
            missed, goal = 1, f"{goal}: MISSED"
        print(
            f"{row.name:16}{_spread(row.cpu_ms, 3):>26}{statistics.median(row.rate):>12.0f}"
            f"{_spread(ratios, 1):>24}  {goal}"
        )
    print(f"memory of the site's server: {site.rss_megabytes():.0f} MB")
    return missed


def _spread(values: list[float], digits: int) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def _instance(folder: Path, articles: int) -> Path:
    os.environ.update(PSG_INSTANCE=str(folder), PSG_SECRET_KEY=secrets.token_hex())
    fill = ["tests.sample_archive", "--articles", str(articles)]
    for module in (["flask", "--app", "psgflask", "init"], fill):
        subprocess.run([sys.executable, "-m", *module], cwd=ROOT, check=True)
    return folder


def _slugs(instance: Path) -> list[str]:
    connection = sqlite3.connect(instance / "psg.sqlite")
    rows = connection.execute(
        "SELECT slug FROM articles WHERE language = 'en' AND status = 'published'"
        " AND publish_at < datetime('now') ORDER BY id LIMIT 200"
    )
    slugs = [str(row[0]) for row in rows]
    connection.close()
    return slugs


if __name__ == "__main__":
    sys.exit(main())
