"""What commands print: the help of each, and the answers of those that look something up."""

import json
from io import BytesIO
from pathlib import Path

import click
from flask.cli import ScriptInfo
from PIL import Image

from tests import pdfs
from tests.page_hashes.sites import Site

ARTICLE = """---
title: {title}
slug: {slug}
date: 12 March 2019
topics: [mining, environment]
teaser: A report on the river, with figures.
byline: María Ñahui
pictures:
  - file: river.png
    alt: A river in a wide valley
    caption: The river, seen from the road
attachments:
  - file: figures.pdf
    title: The figures
---
The first paragraph has *words in italics*.

## What the figures say

| Region | Projects |
|---|---:|
| Áncash | 41 |
"""
ADDED = (
    *("members", "add", "--membership", "waged", "--name", "José Arguedas", "--address", "1 Llama"),
    *("--address", "Leeds", "--postcode", "LS1 4DY", "--payment", "cheque", "--agrees", "post"),
)
LOOKED_UP = (
    *(("news", "list"), ("news", "list", "--limit", "3"), ("news", "list", "--language", "es")),
    *(("news", "list", "--status", state) for state in ("draft", "published", "withdrawn")),
    *(("news", "list", "--kind", kind, "--json") for kind in ("news", "update", "event")),
    *(("news", "topic", "list"), ("news", "topic", "list", "--json"), ("news", "tidy-media")),
    *(("news", "read-attachments"), ("news", "show", "no-such"), ("pages", "list")),
    *(("pages", "list", "--json"), ("pages", "show", "aims"), ("pages", "show", "no-such")),
    ("pages", "show", "aims", "--language", "es"),
    *(("pages", "appeal", "list"), ("pages", "appeal", "list", "--json")),
    *(("members", "list"), ("members", "list", "--json"), ("members", "list", "--doubles")),
    *(("members", "list", "--state", state) for state in ("paid", "unpaid", "unpaid, paper")),
    *(("members", "find", *words) for words in (("quispe",), ("ls8", "5bd"), ("nobody",))),
    *(("members", "find", "rosa@example.org", "--json"), ("members", "show", "PSG 1-1")),
    *(("mail", "list"), ("mail", "list", "--json"), ("mail", "list", "--addresses")),
    *(("mail", "list", "--state", state) for state in ("waiting", "dead", "sent")),
    *(("mail", "retry"), ("mail", "retry", "1"), ("search", "check"), ("search", "report")),
    *(("search", "report", "--json"), ("search", "glossary", "list")),
    *(("search", "glossary", "list", "water"), ("search", "glossary", "list", "--json")),
    *(("doctor",), ("doctor", "--json"), ("db", "current"), ("db", "heads"), ("db", "history")),
    *(("init",), ("sample-content",), ("no-such-command",), ("news", "add"), ("restore",)),
)


def helps(site: Site) -> None:
    """Note the help of every command."""
    waiting: list[tuple[click.Command, tuple[str, ...]]] = [(site.commands(), ())]
    while waiting:
        command, path = waiting.pop(0)
        site.run(*path, "--help")
        if isinstance(command, click.Group):
            waiting += [(found, (*path, name)) for name, found in _within(site, command)]


def _within(site: Site, group: click.Group) -> list[tuple[str, click.Command]]:
    """Return the commands of a group by their names."""
    with click.Context(group, obj=ScriptInfo(create_app=lambda: site.app)) as context:
        found = [(name, group.get_command(context, name)) for name in group.list_commands(context)]
        return [(name, command) for name, command in found if command is not None]


def write(site: Site, folder: Path) -> None:
    """Let editors and the secretary change something: what they are told is noted too."""
    _files(folder)
    article = folder / "article.md"
    site.run("news", "add", str(article), "--publish")
    site.run("news", "add", str(article))
    site.run("news", "add", str(folder / "wrong.md"))
    site.run("news", "correct", "the-river", "--text", "The share of Áncash was wrong.")
    site.run("news", "add", str(folder / "later.md"))
    site.run("news", "schedule", "later", "2026-12-24", "09:00")
    site.run("news", "topic", "add", "rivers", "--en", "Rivers", "--es", "Ríos", "--kind", "theme")
    site.run(*ADDED)
    site.run(*ADDED)
    site.run("members", "add", "--name", "Nobody")
    number = _numbers(site)[-1]
    site.run("members", "note", number, "Wrote a letter on the river.")
    site.run("members", "consent", number, "email", "--give")
    site.run("members", "confirm-payment", number, "24", "--on", "2026-11-20")
    site.run("members", "confirm-payment", number, "24", "--on", "2026-11-20")
    site.run("members", "correct", number, "--postcode", "LS2 9JT")


def look_up(site: Site, folder: Path) -> None:
    """Run the commands that look something up: on everything, on each article and each member."""
    for arguments in LOOKED_UP:
        site.run(*arguments)
    for row in json.loads(site.run("news", "list", "--json", "--limit", "0")):
        for form in ((), ("--json",), ("--markdown",)):
            site.run("news", "show", row["slug"], *form)
    for number in _numbers(site):
        for command in ("show", "access"):
            site.run("members", command, number)
            site.run("members", command, number, "--json")
    for name, chosen in (("all", ()), ("post", ("--agreed", "post")), ("paid", ("--paid",))):
        table = folder / f"{name}.csv"
        site.run("members", "export", str(table), *chosen)
        site.record.note("file", f"{site.name}: members export {name}", table.read_bytes())


def titles(site: Site) -> list[str]:
    """Return the titles of all articles."""
    rows = json.loads(site.run("news", "list", "--json", "--limit", "0"))
    return [str(row["title"]) for row in rows]


def _numbers(site: Site) -> list[str]:
    """Return the numbers of all members, the oldest first."""
    rows = json.loads(site.run("members", "list", "--json", "--limit", "0"))
    return [str(row["number"]) for row in reversed(rows)]


def _files(folder: Path) -> None:
    written = BytesIO()
    Image.new("RGB", (1200, 675), (96, 120, 110)).save(written, "PNG")
    (folder / "river.png").write_bytes(written.getvalue())
    (folder / "figures.pdf").write_bytes(pdfs.pdf("The sediments of the Mantaro in tonnes"))
    river = ARTICLE.format(title="What the river carries", slug="the-river")
    (folder / "article.md").write_text(river, "utf-8")
    later = ARTICLE.format(title="What comes later", slug="later")
    (folder / "later.md").write_text(later, "utf-8")
    wrong = river.replace("12 March", "32 Merch").replace("mining, ", "")
    (folder / "wrong.md").write_text(wrong.replace("teaser", "summary"), "utf-8")
