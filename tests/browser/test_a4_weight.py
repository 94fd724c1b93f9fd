"""A4: what a page weighs: bytes as written, requests, scripts."""

import pytest
from playwright.sync_api import Response

from tests.browser.conftest import Reader
from tests.browser.states import LAYOUTS, State

# Uncompressed, in bytes: the whole page with style and fonts, pictures of an article apart.
HEAVIEST = 100_000
FIRST_FLIGHT = 14_000
MAX_REQUESTS = 10
MAX_SCRIPT = 5_000


@pytest.mark.parametrize("state", LAYOUTS, ids=lambda state: state.name)
def test_a4_a_page_is_light(reader: Reader, state: State) -> None:
    page = reader(state.site, fresh=True)
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))
    page.goto(state.path, wait_until="networkidle")
    weights = {
        answer.url: (len(answer.body()), answer.headers.get("content-type", ""))
        for answer in answers
        if "/media/" not in answer.url
    }
    assert sum(size for size, _kind in weights.values()) <= HEAVIEST, weights
    assert len(answers) <= MAX_REQUESTS, list(weights)
    assert sum(size for size, kind in weights.values() if "javascript" in kind) <= MAX_SCRIPT
    if "/search/" in state.path or state.status != 200:
        return  # made for one reader and sent as it is; pages that are kept are sent compressed
    text = [answer for answer in answers if _is_first_view(answer)]
    sent = sum(answer.request.sizes()["responseBodySize"] for answer in text)
    assert sent <= FIRST_FLIGHT, {answer.url: answer.request.sizes() for answer in text}


def _is_first_view(answer: Response) -> bool:
    return answer.headers.get("content-type", "").startswith(("text/html", "text/css"))
