"""R4: the disk is full under a running site; reading goes on, nothing is lost or left half done.

`python -m tests.drills.drill_r4 [--articles 200] [--megabytes 96]`. Root alone can run it: the
instance folder lies on a small tmpfs of its own. The real server and its worker run; a visitor
reads all the time. With no room at all somebody joins and a volunteer uses every command that
writes; with a little room articles are published until there is none. Then room is made.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from flask import Flask
from sqlalchemy import func, select

from psgflask.core.clock import utc_now
from psgflask.core.database import db
from psgflask.members.models import Person
from psgflask.news import catalogue
from psgflask.search.index.protocol import IndexBroken
from psgflask.search.sync import indexer
from tests.benchmarks.servers import serving
from tests.drills.drill_s4 import SEND, Visitor
from tests.drills.installation import close_connections, fresh
from tests.search.indexes import queue_length

ROOT = Path(__file__).resolve().parents[2]
HEALED_WITHIN = 60
PATHS = ("/", "/news/", "/search/?q=mining", "/search/?q=xyzzy", "/members/join", "/healthz")
TYPED = {"email": "rosa@example.org", "name": "Rosa Quispe"}
A_LITTLE = 600_000  # bytes: a few articles, and hardly their index
ARTICLE = """---
title: Room for one more {number}
date: 2026-03-01
teaser: There was none
attachments:
  - file: report.txt
    title: A report
---

{words}
"""
# What a file is called that is not whole, or that only a process in the middle of its work has.
PARTS = (".part", ".half-restored", ".restoring")


def main() -> int:
    """Run the drill; return 0 when reading went on, words were found, and all healed in time."""
    parser = argparse.ArgumentParser(description="R4: a full disk")
    parser.add_argument("--articles", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=96)
    args = parser.parse_args()
    with small_disk(args.megabytes) as disk:
        if disk is None:
            print("R4: not run: a tmpfs can be mounted by root alone")
            return 1
        with fresh(args.articles, disk) as app:
            # A backup leaves more room free than this disk has.
            environment = {"PSG_INSTANCE": app.instance_path, "PSG_WORKER": "yes"}
            environment["PSG_BACKUP_FOLDER"] = "off"
            with serving("wsgi:app", **environment) as server, reading(server.port) as answers:
                return Drill(app, server.port, disk, answers).run()


@contextmanager
def small_disk(megabytes: int) -> Iterator[Path | None]:
    """Mount a small tmpfs in an empty folder; None where that is not allowed."""
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
        if subprocess.run(mount, check=False, stderr=subprocess.DEVNULL).returncode:
            yield None
            return
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


class Drill:
    """One run."""

    def __init__(self, app: Flask, port: int, disk: Path, answers: Counter[int]) -> None:
        self.app, self.port, self.disk, self.answers = app, port, disk, answers
        self.ballast = disk / "ballast"
        self.wrong: list[str] = []
        self.published = 0

    def run(self) -> int:
        """Fill the disk twice; print what was seen."""
        applicant = Visitor(self.port)
        applicant.fills_in_the_form()
        before = self.files()
        self.fill(0)
        self.joining(applicant)
        self.commands()
        time.sleep(12)  # so that every task of the worker has met the full disk
        told = self.doctor()
        self.expect("disk" in told, "the doctor names the full disk")
        self.expect(not self.parts() and self.files() == before, "no file came or is half there")
        self.heal("after no room at all")
        applicant.connection.close()  # the server has, meanwhile
        status = applicant.post(SEND, applicant.application.filled(TYPED))[0][0]
        self.expect(status == 303 and self.people() == 1, "the same form is taken afterwards")
        self.fill(A_LITTLE)
        self.publish_until_full()
        self.expect(bool(self.published), "with a little room something was published")
        told = self.doctor()
        print(
            "  the doctor, while the index has no room: " + told.strip().replace("\n", " | ")[:400]
        )
        self.heal("after a little room")
        failed = sum(self.answers.values()) - self.answers[200]
        self.expect(not failed and bool(self.answers[200]), "every reader was answered")
        self.expect(not self.parts(), "no partial file is left")
        print(
            f"R4: {sum(self.answers.values())} pages read, {failed} not answered"
            f" ({dict(self.answers)}); {self.published} articles published on the way;"
            f" {len(self.wrong)} things wrong"
        )
        for what in self.wrong:
            print(f"  not so: {what}")
        return 1 if self.wrong else 0

    def expect(self, so: bool, what: str) -> None:
        """Note what is not as it should be."""
        if not so:
            self.wrong.append(what)

    def fill(self, left: int) -> None:
        """Fill the disk but for so many bytes."""
        with suppress(OSError), self.ballast.open("wb", buffering=0) as file:
            while file.write(bytes(65_536)):
                pass
        if left:
            os.truncate(self.ballast, self.ballast.stat().st_size - left)

    def heal(self, when: str) -> None:
        """Make room and wait until the index is true and no task of the worker fails."""
        self.ballast.unlink()
        begun = time.monotonic()
        while not (healed := self.is_well()) and time.monotonic() - begun < 2 * HEALED_WITHIN:
            time.sleep(0.5)
        taken = time.monotonic() - begun
        print(f"  {when}: well again {taken:.1f} s after room was made")
        self.expect(healed and taken <= HEALED_WITHIN, f"{when}: well again within a minute")

    def is_well(self) -> bool:
        """Say whether the index holds what the database does, and the worker has no complaint."""
        with suppress(IndexBroken):
            waiting = queue_length(self.app)
            held = len(indexer.store(self.app).hashes())
            close_connections()
            return (
                not waiting and held == self.count_published() and "Its task" not in self.doctor()
            )
        return False

    def joining(self, applicant: Visitor) -> None:
        """Send an application: what happened is said, and all that was typed is still there."""
        (status, headers, page), _seconds = applicant.post(
            SEND, applicant.application.filled(TYPED)
        )
        self.expect(status == 503, f"joining says 503, not {status}")
        self.expect("retry-after" in headers.lower(), "joining says when to try again")
        self.expect("disk is full" in page, "joining says what is wrong")
        self.expect(all(typed in page for typed in TYPED.values()), "all that was typed is kept")

    def commands(self) -> None:
        """Use what writes: each says in a sentence that there is no room, and no traceback."""
        with tempfile.TemporaryDirectory() as elsewhere:
            file = Path(elsewhere, "article.md")
            file.write_text(ARTICLE.format(number=0, words="words " * 50))
            Path(elsewhere, "report.txt").write_text("A report\n" * 50_000)
            for command in (
                *(["news", "add", str(file), "--publish"], ["backup", str(self.disk / "b.tar")]),
                ["members", "export", str(self.disk / "members.csv")],
                *(["search", "rebuild"], ["init"]),
            ):
                status, said = self.flask(*command)
                print(f"  {' '.join(command[:2]):<16} {status}: {said.strip()[-160:]}")
                self.expect("Traceback" not in said, f"{command[0]} {command[1:2]} has words")
                told = "no room" in said or "full" in said or "free" in said
                self.expect(told or status == 0, f"{command[:2]} says why")

    def publish_until_full(self) -> None:
        """Publish until there is no room; more than the index can follow."""
        with tempfile.TemporaryDirectory() as elsewhere:
            Path(elsewhere, "report.txt").write_text("A report\n")
            file = Path(elsewhere, "article.md")
            for number in range(1, 40):
                words = " ".join(f"word{number}x{place}" for place in range(4_000))
                file.write_text(ARTICLE.format(number=number, words=words))
                status, said = self.flask("news", "add", str(file), "--publish")
                self.expect("Traceback" not in said, f"publishing has words: {said[-300:]}")
                self.published += status == 0
                if status:
                    break

    def flask(self, *command: str) -> tuple[int, str]:
        """Run a command; return its exit code and all that it said."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "psgflask", *command],
            cwd=ROOT,
            env={**os.environ, "PSG_INSTANCE": self.app.instance_path},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def doctor(self) -> str:
        """Return what the doctor complains of."""
        said = self.flask("doctor")[1].splitlines()
        return "\n".join(line for line in said if line.startswith("fault") or "Its task" in line)

    def files(self) -> set[str]:
        """Return the files of media and exports, which no failure may add to."""
        there = [*Path(self.app.instance_path, "media").rglob("*"), *self.disk.glob("*.*")]
        return {file.name for file in there if file.is_file()}

    def parts(self) -> list[Path]:
        """Return what looks half done."""
        instance = Path(self.app.instance_path)
        return [
            file
            for file in (*self.disk.iterdir(), *instance.rglob("*"))
            if file.name.endswith(PARTS) or (file.is_file() and file.name.startswith("."))
        ]

    def people(self) -> int:
        """Return how many applied."""
        count = db.session.scalar(select(func.count(Person.id))) or 0
        close_connections()
        return count

    def count_published(self) -> int:
        """Return how many articles the index has to hold."""
        published = select(func.count()).where(catalogue.published(utc_now()))
        count = db.session.scalar(published) or 0
        close_connections()
        return count


@contextmanager
def reading(port: int) -> Iterator[Counter[int]]:
    """Read all the time in a thread; count the answers by their status, 0 for none."""
    answers: Counter[int] = Counter()
    leave = threading.Event()

    def read() -> None:
        while not leave.is_set():
            for path in PATHS:
                connection = HTTPConnection("127.0.0.1", port, timeout=30)
                try:
                    connection.request("GET", path)
                    answer = connection.getresponse()
                    answer.read()
                    answers[answer.status] += 1
                except (OSError, HTTPException):
                    answers[0] += 1
                finally:
                    connection.close()
            leave.wait(0.05)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield answers
    finally:
        leave.set()
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
