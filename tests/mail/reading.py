"""Reads a mail's parts as its reader does."""

import re
from email.message import EmailMessage
from html.parser import HTMLParser

NOT_READ = {"style", "title", "head"}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.links: list[tuple[str, str]] = []
        self.loads: list[str] = []
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag not in {"meta", "br", "img", "link"}:
            self.inside.append(tag)
        if tag == "a":
            self.links.append((given["href"], ""))
        self.loads += [f"{tag} {name}" for name in given if name in {"src", "background", "srcset"}]
        if tag in {"link", "img", "script", "iframe", "form"}:
            self.loads.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.inside.pop() == tag

    def handle_data(self, data: str) -> None:
        if NOT_READ & set(self.inside):
            return
        self.parts.append(data)
        if "a" in self.inside:
            href, text = self.links[-1]
            self.links[-1] = (href, text + data)


def part(mail: EmailMessage, kind: str) -> str:
    """Return the text or HTML part of a mail ("plain" or "html")."""
    found = mail.get_body((kind,))
    assert isinstance(found, EmailMessage)
    content = found.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def words(text: str) -> str:
    """Return a text without its breaks."""
    return " ".join(re.sub(r"\s+", " ", text).split())


def read(html: str) -> _Reader:
    """Return what an HTML part shows, links to and loads."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.inside == []
    return reader


def shown(html: str) -> str:
    """Return what an HTML part says."""
    return words(" ".join(read(html).parts))
