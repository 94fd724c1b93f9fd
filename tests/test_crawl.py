"""A3 and A15: every page that links lead to: alive, well-formed, with its headings in order."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from flask.testing import FlaskClient

from tests.browser import content
from tests.conftest import Visitor

BASE = "http://127.0.0.1:8000"
VOID = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source"),
    *("track", "wbr", "rect", "line", "path", "circle", "use"),
}
MAX_PAGES = 900


@dataclass
class Seen:
    """What one page holds, as far as the checks ask."""

    status: int = 0
    html: str = ""
    language: str = ""
    title: str = ""
    headings: list[int] = field(default_factory=list)
    landmarks: list[tuple[str, str]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    foreign: list[tuple[str, str]] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    pictures_without_words: int = 0


class Reading(HTMLParser):
    """Reads a page into a Seen; `lang` is followed from element to element."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = Seen()
        self.open: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        values = {name: value or "" for name, value in attrs}
        language = values.get("lang") or (self.open[-1][1] if self.open else "")
        if tag == "html":
            self.seen.language = language
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.seen.headings.append(int(tag[1]))
        parents = {name for name, _language in self.open}
        sectioned = parents & {"article", "section", "aside", "nav", "main"}
        if tag in {"main", "nav"} or (tag in {"header", "footer"} and not sectioned):
            self.seen.landmarks.append((tag, values.get("aria-label", "")))
        if "id" in values:
            self.seen.ids.append(values["id"])
        if tag == "img" and "alt" not in values:
            self.seen.pictures_without_words += 1
        address = values.get("href") or values.get("src")
        if address is not None and tag not in {"use"}:
            self.seen.links.append(address)
        if tag == "a" and "hreflang" in values:
            self.seen.foreign.append((values["hreflang"], language))
        if tag not in VOID:
            self.open.append((tag, language))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close an element; what does not match is noted."""
        if self.open and self.open[-1][0] == tag:
            self.open.pop()
        elif tag not in VOID:
            self.seen.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        """Note the title."""
        if self.open and self.open[-1][0] == "title" and len(self.open) == 3:
            self.seen.title += data


def read(html: str) -> Seen:
    """Read one page."""
    reading = Reading()
    reading.feed(html)
    reading.close()
    reading.seen.html = html
    reading.seen.unbalanced += [tag for tag, _language in reading.open]
    return reading.seen


def local(page: str, link: str) -> str | None:
    """Return the path of a link that stays on the site, None for any other."""
    target = urldefrag(urljoin(BASE + page, link)).url
    if not target.startswith(BASE + "/"):
        return None
    return target.removeprefix(BASE)


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A visitor of the site that holds every state."""
    instance = tmp_path_factory.mktemp("crawl") / "full"
    with content.filled(instance, "full") as app:
        app.test_client_class = Visitor
        yield app.test_client()


def crawl(visitor: FlaskClient) -> dict[str, Seen]:
    """Return every page that can be reached from the two front pages, by its path."""
    waiting, found = ["/", "/es/"], dict[str, Seen]()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        response = visitor.get(path, base_url=BASE)
        if response.mimetype == "text/html" and response.status_code == 200:
            found[path] = read(response.text)
        else:
            found[path] = Seen()
        found[path].status = response.status_code
        if response.status_code in {301, 302, 308}:
            found[path].links.append(response.headers["Location"])
        response.close()
        assert len(found) < MAX_PAGES, "the site has no end"
        waiting += [to for link in found[path].links if (to := local(path, link)) is not None]
    return found


@pytest.fixture(scope="module")
def pages(visitor: FlaskClient) -> dict[str, Seen]:
    """Every page of the site that holds every state."""
    return crawl(visitor)


def html_pages(pages: dict[str, Seen]) -> dict[str, Seen]:
    """Return the pages that are HTML."""
    return {path: seen for path, seen in pages.items() if seen.title}


def test_a3_no_link_is_dead(pages: dict[str, Seen]) -> None:
    assert len(pages) > 150
    assert {p: s.status for p, s in pages.items() if s.status not in {200, 301, 302}} == {}


def test_a3_no_link_is_empty(pages: dict[str, Seen]) -> None:
    assert [path for path, seen in html_pages(pages).items() if "" in seen.links] == []


def test_a3_a_link_to_a_part_of_a_page_finds_it(pages: dict[str, Seen]) -> None:
    lost = []
    for path, seen in html_pages(pages).items():
        for link in seen.links:
            target, fragment = urldefrag(urljoin(BASE + path, link))
            there = pages.get(target.removeprefix(BASE))
            if fragment and there is not None and fragment not in there.ids:
                lost.append(f"{path}: {link}")
    assert lost == []


def test_a3_every_element_is_closed_and_every_id_is_unique(pages: dict[str, Seen]) -> None:
    wrong = {
        path: (seen.unbalanced, [name for name, n in Counter(seen.ids).items() if n > 1])
        for path, seen in html_pages(pages).items()
        if seen.unbalanced or len(seen.ids) != len(set(seen.ids))
    }
    assert wrong == {}


def test_a15_each_page_has_one_first_heading_and_skips_no_level(pages: dict[str, Seen]) -> None:
    wrong = {
        path: seen.headings
        for path, seen in html_pages(pages).items()
        if seen.headings.count(1) != 1
        or any(
            after > before + 1
            for before, after in zip(seen.headings, seen.headings[1:], strict=False)
        )
    }
    assert wrong == {}


def test_a15_each_page_has_its_landmarks(pages: dict[str, Seen]) -> None:
    wrong = {}
    for path, seen in html_pages(pages).items():
        counted = Counter(tag for tag, _label in seen.landmarks)
        labels = [label for tag, label in seen.landmarks if tag == "nav"]
        single = counted["main"] == counted["header"] == counted["footer"] == 1
        if not (single and labels and all(labels) and len(labels) == len(set(labels))):
            wrong[path] = seen.landmarks
    assert wrong == {}


def test_a15_each_page_says_its_language(pages: dict[str, Seen]) -> None:
    wrong = {
        path: seen.language
        for path, seen in html_pages(pages).items()
        if seen.language != ("es" if urlsplit(path).path.startswith("/es/") else "en")
    }
    assert wrong == {}


def test_a15_words_in_the_other_language_say_so(pages: dict[str, Seen]) -> None:
    wrong = {
        path: [pair for pair in seen.foreign if pair[0] != pair[1]]
        for path, seen in html_pages(pages).items()
    }
    assert {path: pairs for path, pairs in wrong.items() if pairs} == {}


def test_a15_titles_are_unique(pages: dict[str, Seen]) -> None:
    # Two pages of one list, or of one search, are the same page further down.
    titles = Counter(
        (seen.language, seen.title.casefold())
        for path, seen in html_pages(pages).items()
        if not urlsplit(path).query
    )
    assert [title for title, times in titles.items() if times > 1] == []


def test_a16_every_picture_has_words_or_says_that_it_needs_none(pages: dict[str, Seen]) -> None:
    wrong = [path for path, seen in html_pages(pages).items() if seen.pictures_without_words]
    assert wrong == []
