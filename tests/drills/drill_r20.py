"""R20: media lost, damaged or unreadable; doctor and backup say so, and a backup brings them back.

`python -m tests.drills.drill_r20 [--articles 100] [--megabytes 20]`. The real `flask` commands, run
by a user whom rights stop, on an installation with pictures and PDFs of articles in every state.
Each harm is done to one of them and to all, then to each its own.
"""

import argparse
import ctypes
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

from flask import Flask
from PIL import Image
from sqlalchemy.orm import Session

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news import publishing
from psgflask.news.drafts import AttachmentDraft, PictureDraft
from psgflask.news.media import file_texts
from psgflask.news.media.pdf_text import ExtractedText
from psgflask.news.media.storage import (
    StagedFiles,
    media_folder,
    path_of,
    store_attachment,
    store_picture,
)
from psgflask.ops import backup_archive, hourly_backups
from tests import factories, pdfs
from tests.benchmarks.servers import ROOT
from tests.drills.installation import close_connections, fresh
from tests.news.media.files import flip, lose

COMMAND = [sys.executable, "-c", "from psgflask.ops.commands import main; main()"]
# linux/prctl.h and linux/capability.h: what lets root read where rights forbid it.
PR_CAPBSET_DROP, CAPABILITIES = 24, (1, 2)
STATES = ("published", "draft", "scheduled", "withdrawn", "former")
HOURS = 36  # of hourly backups: more than are all kept
FILE_SIZE = 5_000_000  # bytes of each file that only fills the media folder
Harm = Callable[[Path], None]


def forbid(file: Path) -> None:
    """Let nobody read a file."""
    file.chmod(0)


HARMS: tuple[Harm, ...] = (lose, flip, forbid)


def main() -> int:
    """Run the drill; return 0 when everything was said, saved and brought back."""
    parser = argparse.ArgumentParser(description="R20: media lost or damaged")
    parser.add_argument("--articles", type=int, default=100)
    parser.add_argument("--megabytes", type=int, default=20)
    args = parser.parse_args()
    logging.getLogger(hourly_backups.__name__).setLevel(logging.ERROR)  # they warn every hour
    with fresh(args.articles) as app:
        planted = _plant(app, args.megabytes)
        close_connections()
        return Drill(app, planted).run()


class Drill:
    """An installation, its planted files with the name of their article, and what went wrong."""

    def __init__(self, app: Flask, planted: dict[str, str]) -> None:
        self.app, self.planted, self.instance = app, planted, Path(app.instance_path)
        self.media, self.folder = media_folder(self.instance), self.instance.parent
        self.good = self.folder / "good.tar"
        self.wrong: list[str] = []
        self.times: dict[str, list[float]] = {}
        self.harmed = 0

    def run(self) -> int:
        """Do each harm and all of them; print what it took, and return 1 where something is."""
        total = sum(file.stat().st_size for file in self.media.rglob("*") if file.is_file())
        print(f"R20: {len(self.planted)} planted files, {total / 1e6:.0f} MB of media", flush=True)
        self._expect("a backup of a whole site", self._flask("backup", str(self.good))[0] == 0)
        self._expect("doctor on a whole site", self._found() == {})
        harms = HARMS if _rights_stop_us(self.folder) else HARMS[:-1]
        for harm in harms:
            self._try(f"{harm.__name__} one", dict.fromkeys(list(self.planted)[:1], harm))
            self._try(f"{harm.__name__} all", dict.fromkeys(self.planted, harm))
        every = {h: harms[number % len(harms)] for number, h in enumerate(self.planted)}
        self._try("each its own", every)
        self._restore_elsewhere()
        self._hourly()
        for name, seconds in self.times.items():
            print(f"  {name:<16} {max(seconds):5.1f} s at most, {len(seconds)} times")
        for line in self.wrong:
            print(f"  NOT AS IT SHOULD BE: {line}")
        print(f"R20: {self.harmed} harms, {len(self.wrong)} things wrong")
        return 1 if self.wrong else 0

    def _try(self, name: str, harms: dict[str, Harm]) -> None:
        """Harm files, look at what is said and saved, and put them back."""
        for file_hash, harm in harms.items():
            harm(path_of(self.media, file_hash))
        self.harmed += len(harms)
        self._expect(f"{name}: what doctor names", self._found() == self._owners(harms))
        bad = self.folder / "bad.tar"
        status, output = self._flask("backup", str(bad))
        self._expect(f"{name}: the backup fails", status == 1)
        for file_hash, owner in self._owners(harms).items():
            said = [line for line in output.splitlines() if file_hash in line and owner in line]
            self._expect(f"{name}: the backup names {file_hash[:8]} of {owner}", len(said) == 1)
        manifest = backup_archive.read(bad)
        self._expect(f"{name}: marked incomplete", not manifest.is_complete)
        whole = backup_archive.read(self.good)
        self._expect(f"{name}: the rows are saved", manifest.rows == whole.rows)
        lost = whole.files.keys() - manifest.files.keys()
        expected = {_member(h) for h, harm in harms.items() if harm is not flip}
        self._expect(f"{name}: all other media are saved", lost == expected)
        bad.replace(self.folder / "last.tar")
        self._expect(f"{name}: put back", self._flask("restore-media", str(self.good))[0] == 0)
        self._expect(f"{name}: whole again", self._found() == {})

    def _restore_elsewhere(self) -> None:
        """Restore the last incomplete backup, which says so, and put back what it lacks."""
        target, broken = self.folder / "restored", len(self.planted)
        status, output = self._flask("restore", str(self.folder / "last.tar"), instance=target)
        self._expect("an incomplete backup is restored", status == 0)
        said = output.count("Was incomplete when it was saved")
        self._expect(f"a restore says what it lacks ({said} of {broken})", said == broken)
        status, _output = self._flask("restore-media", str(self.good), instance=target)
        self._expect("a restored site gets back what it lacked", status == 0)
        shutil.rmtree(target)

    def _hourly(self) -> None:
        """Lose a file that the hourly backups have, then one that none has, for HOURS hours."""
        folder = Path(f"{self.instance}-backups")
        begin, lost = utc_now() - timedelta(hours=HOURS), next(iter(self.planted))
        self._back_up(begin)
        lose(path_of(self.media, lost))
        self._back_up(begin + timedelta(hours=1))
        both = [one.is_complete for one in hourly_backups.in_folder(folder)]
        self._expect("an hourly backup has what the site lost", both == [True, True])
        self._expect("put back without a name", self._flask("restore-media")[0] == 0)
        with self.app.app_context():
            never = AttachmentDraft("0" * 64, "never.pdf", "application/pdf", 9, "Never", "en")
            _write(db.session(), "r20-never", "published", None, never)
            db.session.commit()
        last = hourly_backups.in_folder(folder)[0]
        for hour in range(2, HOURS):
            self._back_up(begin + timedelta(hours=hour))
        left = hourly_backups.in_folder(folder)
        complete = [one for one in left if one.is_complete]
        print(f"  {HOURS} hourly backups, {len(left)} left, {len(complete)} of them complete")
        self._expect("rotation deletes some", len(left) < HOURS)
        self._expect("rotation keeps the last complete one", last in complete)
        self._expect("which is whole", backup_archive.read(last.file).is_complete)

    def _back_up(self, now: datetime) -> None:
        with mock.patch.object(hourly_backups, "utc_now", return_value=now):
            hourly_backups.run(self.app)
        with self.app.app_context():
            close_connections()

    def _owners(self, harms: dict[str, Harm]) -> dict[str, str]:
        return {file_hash: self.planted[file_hash] for file_hash in harms}

    def _found(self) -> dict[str, str]:
        """Return what `doctor` finds, and `check-media` lists: the articles by hash."""
        _status, output = self._flask("doctor", "--json")
        findings = [each for each in json.loads(output) if each["subject"] == "media"]
        bad = [each for each in findings if each["state"] != "ok"]
        self._expect("doctor says what to do", all(each["advice"] for each in bad))
        status, output = self._flask("news", "check-media", "--json")
        rows: list[dict[str, Any]] = json.loads(output)
        self._expect("check-media and doctor agree", bool(rows) == bool(bad) == bool(status))
        owners = {Path(row["file"]).name: _owner(row) for row in rows}
        for each in bad[:5]:
            named = [
                h for h, owner in owners.items() if h in each["text"] and owner in each["text"]
            ]
            self._expect(f"doctor names a file: {each['text']}", len(named) == 1)
        return owners

    def _flask(self, *words: str, instance: Path | None = None) -> tuple[int, str]:
        """Run a command as a user whom rights stop; return its exit code and output."""
        begun = time.monotonic()
        done = subprocess.run(
            [*COMMAND, *words],
            cwd=ROOT,
            env={**os.environ, "PSG_INSTANCE": str(instance or self.instance)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if "--json" not in words else subprocess.DEVNULL,
            text=True,
            check=False,
            preexec_fn=_drop_capabilities,
        )
        name = next(word for word in reversed(words) if word[0] not in "-/")
        self.times.setdefault(name, []).append(time.monotonic() - begun)
        return done.returncode, done.stdout

    def _expect(self, what: str, so: bool) -> None:
        if not so:
            self.wrong.append(what)


def _owner(row: dict[str, Any]) -> str:
    return str(next(iter(row["articles"] or row["earlier revisions of"])))


def _member(file_hash: str) -> str:
    return f"media/{file_hash[:2]}/{file_hash}"


def _drop_capabilities() -> None:
    """Let rights stop this process though it is root's; for others this does nothing."""
    for capability in CAPABILITIES:
        ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def _rights_stop_us(folder: Path) -> bool:
    """Say whether a command is refused a file that nobody may read."""
    probe = folder / "probe"
    probe.touch(mode=0)
    reading = [sys.executable, "-c", f"open({str(probe)!r})"]
    done = subprocess.run(
        reading, stderr=subprocess.DEVNULL, check=False, preexec_fn=_drop_capabilities
    )
    probe.unlink()
    if done.returncode == 0:
        print("  Skipped: unreadable files, since this user can read every file here")
    return done.returncode != 0


def _plant(app: Flask, megabytes: int) -> dict[str, str]:
    """Write articles in every state, each with a picture and a PDF; return article by hash."""
    planted: dict[str, str] = {}
    with app.app_context(), StagedFiles(media_folder(app.instance_path)) as staged:
        for state in STATES:
            picture, report = _files(staged, Path(app.instance_path).parent, state)
            slug = f"r20-{state}"
            _write(db.session(), slug, state, picture, report)
            planted |= dict.fromkeys((picture.file_hash, report.file_hash), slug)
        for number in range(megabytes * 1_000_000 // FILE_SIZE):
            data = b"%PDF-" + random.Random(number).randbytes(FILE_SIZE)
            draft = AttachmentDraft(
                staged.add(data), f"{number}.pdf", "application/pdf", len(data), "Filling", "en"
            )
            _write(db.session(), f"filling-{number}", "published", None, draft)
            staged.texts[draft.file_hash] = ExtractedText("", "")
        file_texts.save(db.session(), staged.texts)
        staged.move()
        db.session.commit()
    return planted


def _files(staged: StagedFiles, folder: Path, name: str) -> tuple[PictureDraft, AttachmentDraft]:
    drawn, written = folder / f"{name}.jpg", folder / f"{name}.pdf"
    Image.effect_noise((1200, 800), 60 + len(name)).save(drawn)
    written.write_bytes(pdfs.pdf(f"The report on {name} things"))
    picture = replace(store_picture(drawn, staged), alt="A march")
    report = store_attachment(written, staged, title="A report", language="en")
    for file in (drawn, written):
        file.unlink()
    return picture, report


def _write(
    session: Session, slug: str, state: str, picture: PictureDraft | None, file: AttachmentDraft
) -> None:
    article = factories.article(
        session,
        slug=slug,
        status="published" if state == "former" else state,
        now=utc_now(),
        commit=False,
        pictures=[picture] if picture else [],
        attachments=[file],
    )
    if state == "former":
        publishing.revise(session, article, factories.draft(), by="drill", now=utc_now())


if __name__ == "__main__":
    sys.exit(main())
