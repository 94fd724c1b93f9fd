"""R11: bad backups are refused with the reason, and live data stay as they are, byte for byte.

`python -m tests.drills.drill_r11 [--cuts 20] [--flips 20] [--seed 11]`. Backups by hand and hourly
ones are cut off, changed, exchanged, encrypted with a key that the site does not have, of older and
newer schemas, and without their media. Each is restored into an empty folder, into the live site's,
named to the live site as a list of the erased, and as a source of lost media.
"""

import argparse
import random
import shutil
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Flask

from psgflask import create_app
from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.news.drafts import PictureDraft
from psgflask.news.media.storage import StagedFiles, media_folder, path_of
from psgflask.ops import backups, hourly_backups, migrations
from tests import factories
from tests.drills import restoring
from tests.drills.installation import SETTINGS, close_connections, fresh

# Words of a reason, one of which each refusal has to give.
REASONS = (
    *(
        "damaged",
        "cut off",
        "altered",
        "no backup",
        "missing",
        "newer code",
        "lost",
        "not what was",
    ),
    *("no file", "does not exist", "is a directory", "has no list", "is neither", "Behind its end"),
)
OLDER = ("0002", "0008", "0011")


@dataclass(frozen=True)
class Trial:
    """A backup, and whether a restore has to refuse it; None: only if it changes anything.

    Of one that `has_no_media` that are whole, nothing can be put back either.
    """

    what: str
    backup: Path
    refused: bool | None = True
    has_no_media: bool = True


def main() -> int:
    """Run the drill; return 0 when every bad backup was refused and nothing was touched."""
    parser = argparse.ArgumentParser(description="R11: bad backups")
    parser.add_argument("--cuts", type=int, default=20)
    parser.add_argument("--flips", type=int, default=20)
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    with fresh(30) as app:
        picture = _add_picture(app)
        folder = Path(app.instance_path).parent / "backups"
        by_hand, hourly = _make(app, folder)
        close_connections()
        chance = random.Random(args.seed)
        trials = [
            *_cut_off(by_hand, args.cuts // 2, chance),
            *_cut_off(hourly, args.cuts - args.cuts // 2, chance),
            *_flipped(by_hand, args.flips // 2, chance),
            *_flipped(hourly, args.flips - args.flips // 2, chance),
            *_other_files(folder, by_hand),
            *_without_media(hourly),
            *_other_schemas(app, folder),
        ]
        return drill(app, trials, picture)


def drill(app: Flask, trials: list[Trial], picture: Path) -> int:
    """Try each backup; print how many were refused, and what went wrong."""
    instance = Path(app.instance_path)
    picture.rename(lost := picture.with_name(".lost"))  # something for restore-media to do
    # The first command to close the database moves its journal into it.
    restoring.psgflask(instance, "news", "check-media")
    before, good = restoring.hashes(instance), restoring.table_hashes(instance / "psg.sqlite")
    wrong: list[str] = []
    refused = upgraded = same = 0
    for trial in trials:
        empty = instance.parent / "empty"
        done = restoring.restore(trial.backup, empty)
        if done.returncode:
            refused += 1
            wrong += _bad_refusal(trial, done.stdout)
            if empty.exists():
                wrong.append(f"{trial.what}: left {sorted(restoring.hashes(empty))}")
        else:
            after = restoring.table_hashes(empty / "psg.sqlite")
            if trial.refused or after["articles"][0] != good["articles"][0]:
                wrong.append(f"{trial.what}: was restored")
            upgraded += trial.refused is False
            same += trial.refused is None
        shutil.rmtree(empty, ignore_errors=True)
        live = [restoring.restore(trial.backup, instance)]
        if trial.refused:
            erase = ("members", "erase-again", "--erased", str(trial.backup), "--confirm")
            live.append(restoring.psgflask(instance, *erase))
        if trial.refused and trial.has_no_media:
            live.append(restoring.psgflask(instance, "restore-media", str(trial.backup)))
        wrong += [f"{trial.what}: exit 0: {step.stdout}" for step in live if not step.returncode]
        wrong += [f"{trial.what}: a traceback" for step in live if "Traceback" in step.stdout]
        if (after_all := restoring.hashes(instance)) != before:
            changed = sorted(dict(before.items() ^ after_all.items()))
            wrong.append(f"{trial.what}: the live site was changed: {changed}")
            before = after_all
    lost.rename(picture)
    print(
        f"R11: {len(trials)} backups, {refused} refused, {upgraded} of an older schema upgraded,"
        f" {same} whose change changed nothing restored; {len(wrong)} wrong"
    )
    for line in wrong:
        print(f"  {line}")
    return 1 if wrong or not refused or upgraded != len(OLDER) else 0


def _bad_refusal(trial: Trial, said: str) -> Iterator[str]:
    """Yield what is wrong with a refusal."""
    if trial.refused is False:
        yield f"{trial.what}: refused: {said}"
    if "Traceback" in said or not any(word in said for word in REASONS):
        yield f"{trial.what}: no reason: {said}"
    if len(list(filter(None, said.splitlines()))) > 3:
        yield f"{trial.what}: more than a sentence: {said}"


def _add_picture(app: Flask) -> Path:
    """Add an article with a picture; return its file."""
    content = random.Random(1).randbytes(20_000)
    media = media_folder(app.instance_path)
    with StagedFiles(media) as staged:
        name = staged.add(content)
        staged.move()
    picture = PictureDraft(name, "puno.jpg", "image/jpeg", len(content), 8, 8, alt="Puno")
    factories.article(db.session(), pictures=(picture,))
    db.session.remove()
    return path_of(media, name)


def _make(app: Flask, folder: Path) -> tuple[Path, Path]:
    """Make a backup by hand, and an hourly one in a folder of its own."""
    instance = Path(app.instance_path)
    by_hand = folder / "by-hand.tar"
    backups.create(instance, by_hand, dict(app.config), now=utc_now())
    hourly_backups.run(app)
    made = Path(f"{instance}-backups")
    return by_hand, hourly_backups.in_folder(made)[0].file


def _cut_off(backup: Path, count: int, chance: random.Random) -> Iterator[Trial]:
    content = backup.read_bytes()
    places = {0, 1, 511, 512, len(content) - 1, len(content) // 2}
    # The end of a tar is blocks of zeros, which say nothing.
    end = len(content.rstrip(b"\0")) if backup.suffix == ".tar" else len(content)
    while len(places) < count:
        places.add(chance.randrange(end))
    for place in sorted(places):
        whole = True if place < end else None
        yield Trial(f"{backup.name} cut off at {place}", _beside(backup, content[:place]), whole)


def _flipped(backup: Path, count: int, chance: random.Random) -> Iterator[Trial]:
    # A byte of a header or of compressed data may say the same in another way.
    for _number in range(count):
        content = bytearray(backup.read_bytes())
        place = chance.randrange(len(content))
        content[place] ^= 1 << chance.randrange(8)
        yield Trial(f"{backup.name} changed at {place}", _beside(backup, bytes(content)), None)


def _other_files(folder: Path, by_hand: Path) -> Iterator[Trial]:
    archive = folder / "x.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.write(by_hand, "by-hand.tar")
    content, key = by_hand.read_bytes(), random.Random(2)
    database = by_hand.parent.parent / "instance/psg.sqlite"
    files = {
        "empty": b"",
        "a letter": b"Dear PSG, " * 1000,
        "a page of the web": b"<!doctype html><title>404</title>" * 100,
        "a database": database.read_bytes(),
        "zeros": bytes(100_000),
        "encrypted with another key": bytes(
            byte ^ pad for byte, pad in zip(content, key.randbytes(len(content)), strict=True)
        ),
        "encrypted by gpg": b"\x8c\x0d\x04\x09\x03\x02" + key.randbytes(100_000),
        "encrypted by openssl": b"Salted__" + key.randbytes(100_000),
        "two backups in one": content + content,
    }
    yield Trial("a zip", archive)
    yield Trial("a folder", folder)
    yield Trial("a name that is not there", folder / "none.tar")
    for what, data in files.items():
        yield Trial(what, _beside(by_hand, data))


def _without_media(hourly: Path) -> Iterator[Trial]:
    """Yield hourly backups without their media, and with those media lost, cut or exchanged."""
    alone = _beside(hourly, hourly.read_bytes(), "alone")
    yield Trial("without its media", alone)
    for what in ("lost", "cut off", "changed", "a folder in the place of a file"):
        copied = hourly.parent.parent / f"media {what}"
        shutil.copytree(hourly.parent, copied)
        (file,) = (file for file in (copied / "media").rglob("*") if file.is_file())
        content = file.read_bytes()
        file.unlink()
        if what == "cut off":
            file.write_bytes(content[:-1])
        elif what == "changed":
            file.write_bytes(content[:-1] + b"?")
        elif what != "lost":
            file.mkdir()
        yield Trial(f"its media {what}", copied / hourly.name)


def _other_schemas(app: Flask, folder: Path) -> Iterator[Trial]:
    """Yield backups of older schemas, which are upgraded, and of a newer one."""
    instance, now = Path(app.instance_path), utc_now()
    for number, revision in enumerate((*OLDER, "9999")):
        old = folder / f"site of {revision}"
        shutil.copytree(instance, old, ignore=shutil.ignore_patterns("index"))
        other = create_app({**SETTINGS, "DATABASE_URL": f"sqlite:///{old}/psg.sqlite"})
        with other.app_context():
            if revision in OLDER:
                _downgrade(revision)
            else:
                with db.engine.begin() as connection:
                    connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
            close_connections()
        target = folder / f"{revision}.tar"
        backups.create(old, target, dict(app.config), now=now + timedelta(seconds=number))
        refused = revision not in OLDER
        yield Trial(f"of schema {revision}", target, refused, has_no_media=False)


def _downgrade(revision: str) -> None:
    from alembic import command

    command.downgrade(migrations._alembic_config(), revision)


def _beside(backup: Path, content: bytes, where: str = "changed") -> Path:
    """Write another content under a name of its own, an hourly one with its media beside it."""
    folder = backup.parent.parent / where / str(len(list(backup.parent.parent.rglob("*"))))
    folder.mkdir(parents=True)
    if (backup.parent / "media").is_dir() and where != "alone":
        shutil.copytree(backup.parent / "media", folder / "media")
    target = folder / backup.name
    target.write_bytes(content)
    return target


if __name__ == "__main__":
    sys.exit(main())
