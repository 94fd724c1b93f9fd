"""S11 and S12: what writers type is shown as text, and never runs; dates and links read well."""

import json
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from psgflask.core import markdown
from psgflask.news import publishing
from psgflask.news.models import Topic
from psgflask.pages.models import Page
from psgflask.web import rendering
from tests import factories

PAYLOADS = (
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    '<img """><script>alert(1)</script>">',
    "<svg onload=alert(1)>",
    "<svg><script>alert&lpar;1&rpar;</script></svg>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(1)><text x=20 y=20>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<math href=javascript:alert(1)>x</math>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=javascript:alert(1)></object>",
    "<embed src=javascript:alert(1)>",
    "<base href=//evil.example/>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>",
    "<link rel=stylesheet href=//evil.example/x.css>",
    "<style>@import '//evil.example/x.css';</style>",
    "<p style='background:url(//evil.example/x)'>x</p>",
    "<form action=//evil.example><input name=x></form>",
    "<input autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<body onload=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<template><script>alert(1)</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "'><script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    'x" autofocus onfocus="alert(1)',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](<java&Tab;script:alert(1)>)",
    "[x](&#x6A;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox(1))",
    "[x](//evil.example)",
    "[x](/\\evil.example)",
    "[x](\\\\evil.example)",
    "[x](https:evil.example 'a\" onclick=\"alert(1)')",
    "[x](<//evil.example> '\"><script>alert(1)</script>')",
    "![x](https://evil.example/x.png)",
    "![x](javascript:alert(1))",
    '![x" onerror="alert(1)](x)',
    "<javascript:alert(1)>",
    '<https://evil.example/"onmouseover="alert(1)>',
    "[x]: javascript:alert(1)\n\n[x]",
    "```\n</code></pre><script>alert(1)</script>\n```",
    "```html onmouseover=alert(1)\nx\n```",
    "`<script>alert(1)</script>`",
    "| <script>alert(1)</script> | x |\n|---|---|\n| <img src=x onerror=alert(1)> | y |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "{{ 7 * 7 }}{% if 1 %}{{ config }}{% endif %}",
    "\u202e<script>alert(1)</script>",
    "\ufeff<script>alert(1)</script>",
    "<script\x0c>alert(1)</script>",
    "<\u017fcript>alert(1)</\u017fcript>",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e",
)
ALLOWED_TAGS = markdown.TAGS | {"div"}
OURS = {"class", "scope", "start", "title", "href", "rel", "role", "tabindex", "aria-label"}


class Reading(HTMLParser):
    """Notes every element that a browser would make of a text."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def read(html: str) -> Reading:
    reading = Reading()
    reading.feed(str(html))
    reading.close()
    return reading


def dangers(html: str) -> list[str]:
    """Return what in sanitised HTML could run, fetch or lead astray."""
    reading = read(html)
    found = [f"comment {comment}" for comment in reading.comments]
    for tag, attributes in reading.elements:
        if tag not in ALLOWED_TAGS:
            found.append(f"<{tag}>")
        found += [f"{name}=" for name in attributes if name not in OURS]
        # As browsers read it: without control characters and spaces.
        href = re.sub(r"[\x00-\x20]", "", attributes.get("href", ""))
        scheme = re.match(r"([a-z][a-z0-9+.-]*):", href, re.I)
        if scheme and scheme[1].lower() not in markdown.SCHEMES:
            found.append(f"href {href}")
        if re.match(r"[/\\]{2}", href):
            found.append(f"href {href}")
    return found


@pytest.mark.parametrize("payload", PAYLOADS)
def test_s11_no_payload_survives_markdown(app: Flask, payload: str) -> None:
    with app.test_request_context():
        for text in (payload, f"Text {payload} text", f"> - {payload}", f"## {payload}\n\nx"):
            assert dangers(rendering.markdown(text)) == []


@given(
    st.lists(
        st.one_of(
            st.sampled_from(PAYLOADS),
            st.text(max_size=12),
            st.sampled_from([*"<>[]()`*_|#&\"'\\/:\n\t -!", "javascript:", "//", "href="]),
        ),
        max_size=8,
    )
)
def test_s11_no_generated_markdown_yields_unsafe_html(parts: list[str]) -> None:
    assert dangers(markdown.to_html("".join(parts))) == []


@example("//")
@example("\\/x")
@given(st.text("htpsjavcri:/\\.[]@?#&%0aA\t\n℀ⅰ", max_size=25))
def test_s11_no_generated_link_is_unsafe(address: str) -> None:
    html = markdown.to_html(f"[x](<{address}>)")
    assert dangers(html) == []
    for _tag, attributes in read(html).elements:
        if href := attributes.get("href"):
            assert not re.match(r"\s*[/\\]{2}", href)


@pytest.fixture
def attacked(session: Session) -> list[str]:
    """A site whose every text is an attack; the addresses of its pages.

    The rules refuse control characters, so none is among them here.
    """
    paths = ["/", "/news/", "/news/2018/07/", "/about/", "/topics/"]
    for number, payload in enumerate(said.replace("\x0c", " ") for said in PAYLOADS):
        draft = factories.draft(
            f"A {payload[:200]}",
            slug=f"attacked-{number}",
            teaser=payload,
            body=payload,
            byline=payload[:180],
            source=payload,
        )
        article = publishing.create(session, draft, by="x", now=factories.NOW)
        publishing.publish(session, article, by="x", now=factories.NOW)
        publishing.correct(session, article, payload, by="x", now=factories.NOW)
        texts = {"title": payload, "teaser": payload, "body": payload}
        page = Page(slug=f"p{number}", language="en", section="psg", **texts)
        topic = Topic(slug=f"t{number}", name_en=payload, name_es=payload)
        session.add_all([page, topic])
        paths += [f"/news/{article.slug}", f"/about/{page.slug}"]
    session.commit()
    return paths


def harmless(page: str) -> bool:
    """Say whether no element of a whole page runs or fetches what is not ours."""
    for tag, attributes in read(page).elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert tag not in {"iframe", "object", "embed", "base", "math", "style", "template"}
        if tag == "script":
            assert attributes.get("type") == "application/ld+json" or "src" in attributes
        for name in ("href", "src", "action", "content"):
            value = re.sub(r"[\x00-\x20]", "", attributes.get(name, "")).lower()
            assert not value.startswith(("javascript:", "data:text", "vbscript:")), value
            assert name == "content" or not re.match(r"[/\\]{2}", value), value
    return "alert(1)</script>" not in page


def data_stays_data(page: str) -> bool:
    """Say whether the block for search machines is whole JSON that no browser could end early."""
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert len(blocks) == 1
    headline: str = json.loads(blocks[0])["headline"]
    return "<" not in blocks[0] and headline.startswith("A ")


def test_s11_what_writers_type_is_shown_unchanged(client: FlaskClient, attacked: list[str]) -> None:
    for path in attacked:
        response = client.get(path)
        assert response.status_code == 200
        assert harmless(response.text), path
        if path.startswith("/news/attacked"):
            assert data_stays_data(response.text), path
    for path in ("/news.atom", "/news.rss", "/sitemap.xml"):
        ElementTree.fromstring(client.get(path).data)


def test_s12_a_query_is_shown_as_text(client: FlaskClient) -> None:
    for payload in PAYLOADS:
        response = client.get("/search/", query_string={"q": payload})
        assert response.status_code == 200
        assert harmless(response.text), payload


def test_a_table_has_headers_and_alignment_classes_and_no_style(app: Flask) -> None:
    with app.test_request_context():
        html = rendering.markdown("| a | b |\n|---|---:|\n| x | 1 |")
    assert '<th scope="col">a</th>' in html
    assert "style" not in html
    assert 'class="figure"' in html
    assert 'tabindex="0"' in html


@pytest.mark.parametrize(
    "text", ["<b>bold</b>", "a < b & c > d", "Peru&apos;s", "5 > 3", "AT&T", "x<y"]
)
def test_html_in_a_text_is_escaped(app: Flask, text: str) -> None:
    with app.test_request_context():
        html = rendering.markdown(text)

    class Words(HTMLParser):
        said = ""

        def handle_data(self, data: str) -> None:
            self.said += data

    words = Words()
    words.feed(str(html))
    assert words.said.strip() == text.replace("&apos;", "'")


@pytest.mark.parametrize(
    "nested", [">" * 5000, "[" * 5000, "(" * 5000, "*" * 5000, "- " * 2000, "`" * 5000, "<" * 5000]
)
def test_deep_nesting_does_not_fail(app: Flask, nested: str) -> None:
    with app.test_request_context():
        assert dangers(rendering.markdown(nested)) == []
    markdown.plain_text(nested)


@pytest.mark.parametrize(
    ("prefix", "value", "words"),
    [
        ("", date(2018, 7, 5), "5 July 2018"),
        ("/es", date(2018, 7, 5), "5 de julio de 2018"),
        ("", datetime(2018, 7, 5, 23, 30, tzinfo=UTC), "6 July 2018"),
        ("", datetime(2018, 1, 5, 23, 30, tzinfo=UTC), "5 January 2018"),
        ("/es", date(2018, 9, 1), "1 de septiembre de 2018"),
    ],
)
def test_a_date_is_formatted_in_full_by_london_time(
    app: Flask, prefix: str, value: date, words: str
) -> None:
    language = prefix.lstrip("/") or "en"
    with app.test_request_context("/", environ_overrides={"psg.language": language}):
        assert rendering.long_date(value) == words


def test_an_unconfirmed_fact_is_shown_as_awaited(client: FlaskClient, app: Flask) -> None:
    with app.test_request_context():
        confirmed = app.jinja_env.globals["confirmed"]
        assert confirmed("CONTACT_POST") == "to be confirmed by PSG"  # type: ignore[operator]  # a function
        app.config["CONTACT_POST"] = "1 Example Street"
        assert confirmed("CONTACT_POST") == "1 Example Street"  # type: ignore[operator]  # a function
        with pytest.raises(KeyError):
            confirmed("CONTACT_TYPO")  # type: ignore[operator]  # a function


def test_the_canonical_address_is_the_public_one(client: FlaskClient) -> None:
    page = client.get("/news/?utm_source=x").text
    found = re.search(r'<link rel="canonical" href="([^"]+)"', page)
    assert found is not None
    assert urlsplit(found[1])._replace(query="").geturl() == "http://127.0.0.1:8000/news/"
    assert "utm_source" not in page
