"""An article's life by command, seen by readers of the running site at once, without a restart.

`python -m tests.drills.drill_publishing`. The real server and its worker run. One article is
published, one is scheduled for a minute ahead, corrected and withdrawn; each time listing, feed,
sitemap and search must say so within SEEN_WITHIN seconds, the scheduled one not before its time.
"""

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks.servers import ROOT
from tests.drills.drill_r5 import site
from tests.drills.installation import fresh

SEEN_WITHIN = 5
PLACES = {
    "listing": "/news/",
    "feed": "/news.atom",
    "sitemap": "/sitemap.xml",
    "search": "/search/?q={word}",
}
TEXT = """---
title: "{word}: a drill of publishing"
date: 24 November 2026
teaser: The teaser of {word}.
topics: [mining]
---
The body of {word}.
"""


def main() -> int:
    """Run the drill; return 0 when every place told the truth in time."""
    with fresh(200), tempfile.TemporaryDirectory() as folder, site() as port:
        life = Life(port, Path(folder))
        life.published("quipucamayoc")
        life.scheduled("chaskiwasi")
        life.corrected("chaskiwasi", "The word chaskiwasi was misspelt; pututeo is meant.")
        life.withdrawn("chaskiwasi")
        print(f"Publishing: {len(life.faults)} faults {life.faults or ''}")
        return 1 if life.faults else 0


class Life:
    """What is done to articles, and what the site then shows."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.faults: list[str] = []

    def published(self, word: str) -> None:
        """Publish an article at once."""
        self.flask("news", "add", self.file(word), "--publish")
        self.follow("published", word, there=True)

    def scheduled(self, word: str) -> None:
        """Add a draft that is due in a minute; nothing shows it until then."""
        added = self.flask("news", "add", self.file(word))
        self.slug = next(line for line in added.split() if word in line and "-" in line)
        begun = time.monotonic()
        self.flask("news", "schedule", self.slug, "+1m")
        while time.monotonic() - begun < 57:
            seen = [place for place in PLACES if self.shows(place, word)]
            if seen:
                self.faults.append(f"{word} before its time in {seen}")
                break
            time.sleep(1)
        time.sleep(max(0.0, begun + 60 - time.monotonic()))
        self.follow("due", word, there=True)

    def corrected(self, word: str, note: str) -> None:
        """Correct an article; its page and the search tell the note, and it stays in the lists."""
        self.flask("news", "correct", self.slug, "--text", note)
        self.follow("corrected", word, there=True)
        self.wait("corrected", "article", lambda: note in self.read(f"/news/{self.slug}")[1])

    def withdrawn(self, word: str) -> None:
        """Withdraw an article; it goes from every list, and its address says so."""
        self.flask("news", "withdraw", self.slug, "--yes")
        self.follow("withdrawn", word, there=False)
        self.wait("withdrawn", "article", lambda: self.read(f"/news/{self.slug}")[0] == 410)

    def follow(self, step: str, word: str, *, there: bool) -> None:
        """Wait until every place shows what it should."""
        for place in PLACES:
            self.wait(step, place, partial(self.shows_as, place, word, there=there))

    def wait(self, step: str, place: str, is_so: Callable[[], bool]) -> None:
        """Look at a place until it is so; note a fault when that takes too long."""
        begun = time.monotonic()
        while not is_so():
            if time.monotonic() - begun > SEEN_WITHIN:
                self.faults.append(f"{step}: {place}")
                print(f"{step:<10} {place:<8} NOT after {SEEN_WITHIN} s")
                return
            time.sleep(0.05)
        print(f"{step:<10} {place:<8} right after {time.monotonic() - begun:.2f} s")

    def shows(self, place: str, word: str) -> bool:
        """Say whether an article of this word stands in a place, not the word of a search alone."""
        status, page = self.read(PLACES[place].format(word=word))
        # A page that is not there tells the latest news as well.
        return status == 200 and f"/news/{word}" in page

    def shows_as(self, place: str, word: str, *, there: bool) -> bool:
        """Say whether a place shows an article, or not, as it should."""
        return self.shows(place, word) == there

    def read(self, path: str) -> tuple[int, str]:
        """Ask the site for a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        page = response.read().decode()
        connection.close()
        return response.status, page

    def file(self, word: str) -> str:
        """Write the file of an article."""
        path = self.folder / f"{word}.md"
        path.write_text(TEXT.format(word=word.capitalize()), "utf-8")
        return str(path)

    @staticmethod
    def flask(*words: str) -> str:
        """Run a command as a volunteer does; return what it printed."""
        command = [sys.executable, "-m", "flask", "--app", "wsgi:app", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        print(f"$ flask {' '.join(words)}\n  {done.stdout.strip()}")
        return done.stdout


if __name__ == "__main__":
    sys.exit(main())
