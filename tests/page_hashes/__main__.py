"""Hash what readers see: `python -m tests.page_hashes OUT.json`, then `--compare A.json B.json`.

To prove that a change of the code changed nothing of it: pages, feeds, files, mails, and what
commands print, of the sample site, of one with every state that a page can be in, and of a
synthetic archive.
"""

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.page_hashes import addresses, clock, commands, joining
from tests.page_hashes.record import Record, differences
from tests.page_hashes.sites import Site, crawl, installation, load_archive

ARTICLES = 2000
PUBLIC = "https://psg.example"
FACTS = {
    "CONTACT_POST": "1 Llama Street, Leeds",
    "CONTACT_PHONE": "0113 496 0000",
    "CONTACT_EMAIL": "office@psg.example",
    "CONTACT_PRESS": "press@psg.example",
    "CONTACT_CORRECTIONS": "corrections@psg.example",
    "CHARITY_NUMBER": "1234567",
    "MAIL_FROM": "site@psg.example",
    "SECRETARY_EMAIL": "secretary@psg.example",
    "BANK_NAME": "A Bank",
    "BANK_ACCOUNT_NAME": "Peru Support Group",
    "BANK_SORT_CODE": "01-02-03",
    "BANK_ACCOUNT_NUMBER": "12345678",
    "CHEQUES_PAYABLE_TO": "Peru Support Group",
}
ENVIRONMENT = {"COLUMNS": "100", "LINES": "40", "LOGNAME": "editor", "TERM": "dumb", "TZ": "UTC"}


def main() -> int:
    """Hash or compare; the exit code is 1 when something differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.page_hashes", description=__doc__)
    parser.add_argument("out", nargs="?", type=Path, help="where the hashes are written")
    parser.add_argument("--articles", type=int, default=ARTICLES, help="of the archive")
    parser.add_argument("--texts", type=Path, help="keep what was hashed in this folder, by hash")
    parser.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"))
    given = parser.parse_args()
    if given.compare:
        return compare(*given.compare)
    if given.out is None:
        parser.error("say where the hashes go, or what to compare")
    begun = time.monotonic()
    record = Record(given.texts)
    hash_everything(record, given.articles)
    given.out.write_text(json.dumps(record.hashes, indent=0, ensure_ascii=False) + "\n", "utf-8")
    for kind, count in sorted(record.counts.items()):
        print(f"{count:>6}  {kind}")
    spent, taken = sum(os.times()[:4]), time.monotonic() - begun
    print(f"{len(record.hashes):>6}  in all, in {taken:.0f} seconds, {spent:.0f} of them at work")
    return 0


def compare(before: Path, after: Path) -> int:
    """Print what differs between two files of hashes; return 1 when anything does."""
    first, second = (json.loads(file.read_text("utf-8")) for file in (before, after))
    found = list(differences(first, second))
    for line in found:
        print(line)
    equal = sum(first[name] == second.get(name) for name in first)
    print(f"{equal} equal, {len(found)} not")
    return 1 if found else 0


def hash_everything(record: Record, articles: int) -> None:
    """Make the sites, one after the other, and hash what they show."""
    for name in [name for name in os.environ if name.startswith("PSG_")]:
        del os.environ[name]
    os.environ.update(ENVIRONMENT)
    time.tzset()
    random.seed(0)
    logging.disable()
    clock.stop()
    with tempfile.TemporaryDirectory() as spare:
        folder = Path(spare).resolve()
        record.paths[str(folder)] = "[folder]"
        sample(record, folder)
        states(record, folder)
        archive(record, folder, articles)


def sample(record: Record, folder: Path) -> None:
    """Hash the sample site as it is made, then with its facts filled in, and in use."""
    instance = folder / "sample"
    with installation(record, "sample", instance) as site:
        site.run("init")
        site.run("sample-content")
        pages(site, addresses.searches(commands.titles(site)))
        commands.helps(site)
    with installation(record, "in use", instance, PUBLIC, **FACTS) as site:
        pages(site)
        joining.everything(site)
        commands.write(site, folder)
        site.work()
        commands.look_up(site, folder)
    with installation(record, "afterwards", instance, PUBLIC, **FACTS) as site:
        still(instance)
        pages(site, ("/search/?q=sediments", "/search/?q=river&sort=newest"))


def states(record: Record, folder: Path) -> None:
    """Hash the sites of the browser tests: with every state of a page, and with next to nothing."""
    from tests.browser import content, states  # read once the clock stands

    for kind in ("full", "empty"):
        instance = folder / kind
        clock.clock.now = clock.NOON
        with content.filled(instance, kind):
            still(instance)
        with installation(record, kind, instance) as site:
            pages(site)
            for state in states.STATES:
                if state.site == kind:
                    site.walk(state.path, state.steps, told=state.name)
            if kind == "empty":
                joining.one(site)


def archive(record: Record, folder: Path, articles: int) -> None:
    """Hash the site that holds a synthetic archive."""
    with installation(record, "archive", folder / "archive") as site:
        site.run("init")
        load_archive(site, articles)
        pages(site, addresses.searches(commands.titles(site)))
        site.run("doctor")
        site.run("search", "check")


def pages(site: Site, searches: Iterable[str] = ()) -> None:
    """Hash every page that can be reached, those that are refused, and some asked in other ways."""
    visits = addresses.visits()
    crawl(site, (*addresses.FRONT, *visits))
    for path in (*addresses.FRONT, *visits):
        for told, given in addresses.WAYS:
            answer = site.ask(path, told=told, **given)
        if tag := answer.headers.get("ETag"):
            site.ask(path, told="known", headers={"If-None-Match": tag})
    for path in addresses.OLD:
        site.ask(path, told="old")
    for method, path, given in addresses.REFUSED:
        told = " ".join(["refused", *(f"{name} {value}"[:60] for name, value in given.items())])
        site.ask(path, method, told=told, **given)
    for path in searches:
        site.ask(path, told="search")


def still(instance: Path) -> None:
    """Date the files of articles as of noon: their dates are told to caches."""
    for file in (instance / "media").rglob("*"):
        os.utime(file, (clock.NOON.timestamp(),) * 2)


if __name__ == "__main__":
    sys.exit(main())
