"""S30: whoever was erased stays erased in every older backup that is restored by the written page.

`python -m tests.drills.drill_s30 [--rounds 4]`. In each round people apply, mails to them are sent
and wait, an article names somebody, an hourly backup and one by hand are made, some of all who are
there are erased, and the name is redacted. Then
each backup is restored: out of the folder of hourly ones, with the folder of the site that was
there before, with a newer backup, and alone, where doctor has to say so until the list is there.
"""

import argparse
import json
import os
import random
import shutil
import sqlite3
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from flask import Flask

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.mail import worker_task as mail_task
from psgflask.members import audit
from psgflask.ops import backups, hourly_backups
from tests import factories
from tests.drills import restoring
from tests.drills.installation import close_connections, fresh
from tests.members.people import applied, link_of

EACH_ROUND = 4  # people who apply
GAP = "without a newer list of the erased"


def main() -> int:
    """Run the drill; return 0 when nobody came back unnoticed."""
    parser = argparse.ArgumentParser(description="S30: erased stays erased")
    parser.add_argument("--rounds", type=int, default=4)
    args = parser.parse_args()
    with fresh(10) as app:
        app.config["SECRETARY_EMAIL"] = "secretary@example.org"
        site = Site(app)
        for number in range(args.rounds):
            site.round(number, random.Random(number))
        return drill(site)


class Site:
    """The site with its people: words of each that nothing else has, and who was erased."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.instance = Path(app.instance_path)
        self.folder = Path(f"{self.instance}-backups")
        self.by_hand = self.instance.parent / "by-hand"
        self.people: dict[str, str] = {}  # their word by number
        self.erased: dict[str, str] = {}
        self.redacted: set[str] = set()  # names in articles
        # Of these the newest backup knows.
        self.erased_before_last: set[str] = set()
        self.redacted_before_last: set[str] = set()

    def round(self, number: int, chance: random.Random) -> None:
        """Let people apply, make backups, and erase two of all who are there."""
        for _each in range(EACH_ROUND):
            self._apply("".join(chance.choices("bcdfghjklmnpqrstvwxyz", k=12)))
        mail_task.run(self.app)  # becomes files
        self._apply(f"waiting{number}qzx", sent=False)
        self.erased_before_last = set(self.erased.values())
        self.redacted_before_last = set(self.redacted)
        name = f"redacted{number}qzx"
        factories.article(db.session(), slug=f"article-{number}", body=f"It was {name}.")
        hourly_backups.INTERVAL = timedelta(0)
        hourly_backups.run(self.app)
        target = self.by_hand / f"{number}.tar"
        backups.create(self.instance, target, dict(self.app.config), now=utc_now())
        close_connections()
        for one in chance.sample(sorted(self.people), 2):
            self._run("members", "erase", one, "--yes")
            self.erased[one] = self.people.pop(one)
        self._run("news", "redact", f"article-{number}", name, "--yes")
        self.redacted.add(name)
        time.sleep(1.1)  # names are seconds

    def _run(self, *words: str) -> None:
        if (done := restoring.psgflask(self.instance, *words)).returncode:
            raise RuntimeError(done.stdout)

    def _apply(self, word: str, *, sent: bool = True) -> None:
        """Add an applicant with a mail and a note; `word` is in each text of theirs."""
        session, now = db.session(), utc_now()
        name, email = f"Ana {word.capitalize()}", f"{word}@example.org"
        address = f"1 {word.capitalize()} Street\nLeeds"
        application = applied(session, name=name, email=email, address=address, now=now)
        link_of(session, application, now=now)
        audit.add_note(session, application.person, f"{word} rang", by="drill", now=now)
        self.people[application.person.number] = word
        session.commit()
        if not sent:
            db.session.remove()


def drill(site: Site) -> int:
    """Restore every backup in every way; print how many people came back and what doctor said."""
    wrong: list[str] = []
    restores = came_back = public = 0
    everything, before_last = site.redacted, site.redacted_before_last
    for way, steps, names, has_gap in (
        # What happened since the newest backup nobody knows there.
        ("hourly, in its folder", _from_folder(site), before_last, True),
        (
            "with the old site",
            _with(site, "FILE --erased /var/lib/psgflask.old"),
            everything,
            False,
        ),
        ("with newer ones", _with(site, "NEWER.tar --erased erased.txt"), before_last, True),
        ("alone, then confirmed", _alone(site), set[str](), False),
    ):
        count = 0
        for backup, target, known, said in steps:
            count += 1
            back = _traces(target, known)
            came_back += len(back)
            wrong += [f"{way}: {backup.name}: {trace}" for trace in back]
            shown = _published(target, names)
            public += len(shown)
            wrong += [f"{way}: {backup.name}: {name} is public" for name in shown]
            if (GAP in _doctor(target)) != has_gap:
                wrong.append(f"{way}: {backup.name}: doctor says {_doctor(target)!r}")
            wrong += [f"{way}: {backup.name}: {said}"] if said else []
            shutil.rmtree(target)
        restores += count
        print(f"S30: {way}: {count} restores", flush=True)
    print(
        f"S30: {len(site.erased)} people erased, {restores} restores of"
        f" {len(_all(site))} backups; {came_back} traces of them, {public} of {len(everything)}"
        f" redacted names public, {len(wrong)} wrong"
    )
    for line in wrong:
        print(f"  {line}")
    return 1 if wrong or not restores or not site.erased else 0


# A backup, where it was restored, whose words may be nowhere there, and a complaint.
Step = tuple[Path, Path, set[str], str]


def _from_folder(site: Site) -> Iterator[Step]:
    """Restore each from a copy of the folder: the newest of it says who was erased until then."""
    copied = site.instance.parent / "copied"
    shutil.copytree(site.folder, copied)
    for one in hourly_backups.in_folder(copied):
        target = site.instance.parent / "restored"
        done = restoring.restore(one.file, target)
        yield one.file, target, site.erased_before_last, _failure(done.returncode, done.stdout)


def _with(site: Site, words: str) -> Iterator[Step]:
    """Restore each with a command of the page that names something newer."""
    everybody = set(site.erased.values())
    old = site.instance.rename(site.instance.with_name("instance.old"))
    newest = hourly_backups.in_folder(site.folder)[0].file
    places = {"/var/lib/psgflask.old": old, "NEWER.tar": newest, "erased.txt": old / "erased.txt"}
    try:
        for backup in _all(site):
            target = site.instance.parent / "restored"
            done = restoring.run_line(_line(words), target, FILE=backup, **places)
            yield backup, target, everybody, _failure(done.returncode, done.stdout)
    finally:
        old.rename(site.instance)


def _alone(site: Site) -> Iterator[Step]:
    """Restore each without anything newer: doctor says so until the list is there."""
    everybody = set(site.erased.values())
    apart, target = site.instance.parent / "apart", site.instance.parent / "restored"
    for backup in _all(site):
        apart.mkdir()
        alone = Path(shutil.copy(backup, apart))
        if (media := backup.parent / "media").is_dir():
            shutil.copytree(media, apart / "media")
        done = restoring.restore(alone, target)
        shutil.rmtree(apart)
        said = _failure(done.returncode, done.stdout)
        if GAP not in done.stdout or GAP not in _doctor(target):
            said = f"nothing is said of the gap: {done.stdout}"
        erased = {"erased.txt": site.instance / "erased.txt"}
        confirmed = restoring.run_line(_line("--erased erased.txt --confirm"), target, **erased)
        yield backup, target, everybody, said or _failure(confirmed.returncode, confirmed.stdout)


def _all(site: Site) -> list[Path]:
    return [
        *(one.file for one in hourly_backups.in_folder(site.folder)),
        *sorted(site.by_hand.glob("*.tar")),
    ]


def _line(words: str) -> str:
    return restoring.lines_of_page(words)[0]


def _failure(code: int, said: str) -> str:
    return f"exit {code}: {said}" if code or "Traceback" in said else ""


def _doctor(instance: Path) -> str:
    """Return what doctor says of the list of the erased, empty when nothing."""
    findings = json.loads(restoring.psgflask(instance, "doctor", "--json").stdout)
    return " ".join(one["text"] for one in findings if one["subject"] == "erased.txt")


def _published(instance: Path, names: Collection[str]) -> list[str]:
    """Return those names that a public article has."""
    with closing(sqlite3.connect(instance / "psg.sqlite")) as opened:
        query = "SELECT body FROM articles WHERE status = 'published'"
        bodies = [body for (body,) in opened.execute(query)]
    return [name for name in names if any(name in body for body in bodies)]


def _traces(instance: Path, words: Collection[str]) -> list[str]:
    """Return where in the files of an instance, names too, one of the words is."""
    found: list[str] = []
    for file in instance.rglob("*"):
        data = (file.read_bytes() if file.is_file() else b"").lower() + os.fsencode(file).lower()
        found += [f"{word} in {file.name}" for word in words if word.encode() in data]
    return found


if __name__ == "__main__":
    sys.exit(main())
