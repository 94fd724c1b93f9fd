"""The pages of the numbered issues as a reader gets them."""

import re
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from psgflask.news import publishing
from tests import factories

# What tests/browser/test_a4_weight.py measures in a browser, calculated here for many issues.
HEAVIEST = 100_000


def fill(session: Session, numbers: range, series: str = "Update") -> None:
    """Add published issues, two months apart, with headlines of the longest usual kind."""
    for number in numbers:
        day = date(1983, 1, 1) + timedelta(days=60 * number)
        title = f"{series} {number}: " + "Consultation of the communities of the Tambo valley " * 2
        draft = factories.draft(title, dated=day.strftime("%Y-%m"), issue=(series, number))
        added = publishing.create(session, draft, by="editor", now=factories.NOW)
        publishing.publish(session, added, by="editor", now=factories.NOW)
    session.commit()


def shown(page: str) -> list[str]:
    """Return the ends of the addresses of the issues in a list."""
    return re.findall(r'<li><a href="(?:/es)?/updates/([a-z0-9-]+)/"', page)


def way(page: str, rel: str) -> str | None:
    """Return where the pager leads: "next" is earlier, "prev" is later."""
    found = re.search(rf'<a class="words" rel="{rel}" href="([^"]+)"', page)
    return found[1] if found else None


def weight(client: FlaskClient, path: str) -> int:
    """Return the bytes of a page, its style and all fonts that the style knows."""
    page = client.get(path)
    style_at = re.search(r'rel="stylesheet" href="([^"]+)"', page.text)
    assert style_at
    style = client.get(style_at[1])
    fonts = [client.get(at).data for at in re.findall(r'url\("?([^")]+\.woff2)', style.text)]
    assert len(fonts) >= 3
    return len(page.data) + len(style.data) + sum(map(len, fonts))


def test_every_page_of_five_hundred_issues_is_light_and_together_they_hold_all(
    client: FlaskClient, session: Session
) -> None:
    fill(session, range(1, 501))
    for first in ("/updates/", "/es/updates/"):
        path: str | None = first
        seen: list[str] = []
        while path:
            assert weight(client, path) <= HEAVIEST
            page = client.get(path).text
            seen += shown(page)
            path = way(page, "next")
        assert seen == [str(number) for number in range(500, 0, -1)]


def test_the_first_page_has_every_series_and_each_has_its_pager(
    client: FlaskClient, session: Session
) -> None:
    fill(session, range(1, 41))
    fill(session, range(1, 31), "Peru News")
    first = client.get("/updates/").text
    assert shown(first) == [
        *map(str, range(40, 15, -1)),
        *(f"peru-news-{number}" for number in range(30, 5, -1)),
    ]
    assert "/updates/?before=16" in first
    further = client.get("/updates/?before=peru-news-6").text
    assert shown(further) == [f"peru-news-{number}" for number in range(5, 0, -1)]
    assert way(further, "next") is None
    assert way(further, "prev") == "/updates/?after=peru-news-5"
    back = client.get("/updates/?after=peru-news-5").text
    assert shown(back)[-1] == "peru-news-6"


def test_a_page_of_issues_does_not_shift_when_an_update_is_added(
    client: FlaskClient, session: Session
) -> None:
    fill(session, range(1, 91))
    second = way(client.get("/updates/").text, "next")
    assert second
    was = shown(client.get(second).text)
    fill(session, range(91, 93))
    assert shown(client.get(second).text) == was
    assert shown(client.get("/updates/").text)[0] == "92"


@pytest.mark.parametrize("place", ["before=", "before=x", "after=999", "before=peru-news-1"])
def test_a_cursor_that_is_no_issue_is_a_400_with_a_way_on(
    client: FlaskClient, session: Session, place: str
) -> None:
    fill(session, range(1, 3))
    response = client.get(f"/updates/?{place}")
    assert response.status_code == 400
    assert "Start again from its first page" in response.text
