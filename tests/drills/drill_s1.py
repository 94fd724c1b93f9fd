"""S1: hostile words in the search box, on a large index: answered 200, soon, and nothing grows.

`python -m tests.drills.drill_s1 [--articles 50000]`. Beside its own it tries the attack strings in
$PSG_CORPORA, where they are.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from tests.drills.installation import fresh

MAX_MILLISECONDS, MAX_GROWTH = 300.0, 20.0  # ms, MB
OWN = (
    *("[a TO zz]", "x~3", "*", "*a", "b*", "a*", "?", "ab?d", "[", "]", "{", "title:*", "*:*"),
    *(" OR ".join(f"w{n}" for n in range(many)) for many in (200, 2_000)),
    *("x" * 10_000, "(" * 5_000, "(" * 2_500 + ")" * 2_500, "\0" * 500, "a\0b", '"' * 999),
    *("-" * 999, "- - -", '-"', "the of and", '"the of and"', "con* de* pro*", "a " * 5_000),
    *("title:" * 500, "after:" + "9" * 300, "in:0000", "issue:" + "9" * 99, "lang:xx", "topic:"),
    *("é" * 3_000, "e\u0301" * 3_000, "\u202e" * 99, "😀" * 500, "ﬁ½²" * 99),
    *("qwrtzpsdfghjklm qwrtzpsdfghjkln qwrtzpsdfghjklo", "aaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbb"),
)


def main() -> int:
    """Run the drill; return 0 when every answer was 200 and in time, and memory stayed."""
    parser = argparse.ArgumentParser(description="S1: hostile words in the search box")
    parser.add_argument("--articles", type=int, default=50_000)
    with fresh(parser.parse_args().articles) as app:
        return drill(app)


def drill(app: Flask) -> int:
    """Ask for everything twice: once to fill what is kept, once to see that nothing grows."""
    client = app.test_client()
    strings = [*OWN, *_attacks()]
    client.get("/search/?q=mining")
    at_first = _resident()
    _asked(client, strings)
    before = _resident()
    taken, wrong = _asked(client, strings)
    grown = _resident() - before
    slowest = max(taken, key=lambda each: taken[each])
    print(
        f"S1: {len(strings)} strings, {len(wrong)} not answered 200; the slowest took"
        f" {taken[slowest]:.0f} ms ({slowest[:40]!r}); memory grew by {before - at_first:.1f} MB"
        f" the first time, by {grown:.1f} MB the second"
    )
    for each in wrong[:10]:
        print(f"  {each[:80]!r}")
    return 1 if wrong or taken[slowest] > MAX_MILLISECONDS or grown > MAX_GROWTH else 0


def _asked(client: FlaskClient, strings: list[str]) -> tuple[dict[str, float], list[str]]:
    taken: dict[str, float] = {}
    wrong = []
    for string in strings:
        begun = time.perf_counter()
        answer = client.get("/search/", query_string={"q": string})
        taken[string] = (time.perf_counter() - begun) * 1000
        if answer.status_code != 200:
            wrong.append(string)
    return taken, wrong


def _attacks() -> Iterator[str]:
    corpora = os.environ.get("PSG_CORPORA")
    if not corpora or not (folder := Path(corpora, "attack_strings")).is_dir():
        print("Set PSG_CORPORA to a folder that has attack_strings/ to try those too")
        return
    yield from json.loads((folder / "blns.json").read_text("utf-8"))
    yield from (folder / "xss_payloads.txt").read_text("utf-8", "replace").splitlines()
    for name, key in (("dompurify_expect", "payload"), ("html5lib_sanitizer", "input")):
        for row in json.loads((folder / f"{name}.json").read_text("utf-8")):
            yield row[key]


def _resident() -> float:
    """Return the most memory that the process has had, in MB: it never falls."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
