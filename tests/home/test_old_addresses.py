"""The addresses of the sites before this one stay alive."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from tests import factories


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/news.php?position=0", "/news/2018/07/"),
        ("/news.php?position=1", "/news/2018/06/"),
        ("/articles.php?position=2", "/news/2009/07/"),
        ("/news.php?position=670", "/news/"),
        ("/news.php?position=abc", "/news/"),
        ("/news.php", "/news/"),
        ("/article-75.html", "/news/"),
        ("/about.php", "/about/"),
        ("/resources.php", "/publications/"),
        ("/2018/07/census/", "/news/census"),
        ("/2018/07/some-other/", "/news/2018/07/"),
        ("/2018/07/", "/news/2018/07/"),
        ("/old-page?b=2&a=1", "/news/census"),
    ],
)
def test_an_old_address_redirects_to_the_new_one(
    client: FlaskClient, session: Session, old: str, new: str
) -> None:
    factories.article(session, slug="census", dated="15 July 2018")
    factories.article(session, dated="3 June 2018")
    factories.article(session, dated="June / July 2009")
    factories.redirect(session, "/old-page?a=1&b=2", "/news/census")
    response = client.get(old)
    assert (response.status_code, response.location) == (301, new)


def test_a_method_not_allowed_stays_so(client: FlaskClient) -> None:
    assert client.post("/news/").status_code == 405
