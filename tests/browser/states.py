"""Every template in every state that it can be in: where to find each on the sites of the tests."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from psgflask.core.clock import utc_now
from psgflask.members.web import form_tokens
from tests.browser import content

if TYPE_CHECKING:  # most who read the list of states need no browser
    from playwright.sync_api import Locator, Page, Response


@dataclass(frozen=True)
class State:
    """A page to look at: a name, an address, the site that shows it and the status it answers.

    Where `steps` are given, the page is the one that comes of filling in one form after the other
    from that address on, each by (name of the field, what is typed or chosen), and pressing its
    first button.
    """

    name: str
    path: str
    site: str = "full"
    status: int = 200
    steps: tuple[tuple[tuple[str, str], ...], ...] = ()


# What somebody types into the form of joining, page by page.
MEMBERSHIP = (("tier", "household"),)
YOU = (("name", "Rosa Quispe Mamani"), ("household", "Luis Quispe\nAna Ñahui"))
CONTACT = (
    *(("email", "rosa@example.org"), ("phone", "0113 496 0000")),
    *(("address", "12 Harehills Lane\nLeeds"), ("postcode", "ls8 5bd"), ("country", "GB")),
)
PAYMENT = (("payment", "standing order"),)
AGREEMENTS = (("consents", "post"),)
JOIN = "/members/join/membership"
TO_CHECK = (MEMBERSHIP, YOU, CONTACT, PAYMENT, AGREEMENTS)
# As if it had been begun a while ago, or by nobody.
BEGUN = form_tokens.issue(content.SECRET, now=utc_now() - timedelta(hours=1))

STATES = (
    State("home", "/"),
    State("home-spanish", "/es/"),
    State("home-one-year", "/", site="young"),
    State("home-empty", "/", site="empty"),
    State("news", "/news/"),
    State("news-empty", "/news/", site="empty"),
    State("year", "/news/2015/"),
    State("year-empty", "/news/2013/"),
    State("month", "/news/2018/07/"),
    State("month-empty", "/news/2013/02/"),
    State("undated", "/news/undated/"),
    State("publications", "/publications/"),
    State("publications-empty", "/publications/", site="empty"),
    State("events", "/events/"),
    State("events-empty", "/events/", site="empty"),
    State("article", "/news/everything"),
    State("article-long-title", "/news/long-title"),
    State("article-members-only", "/news/for-members"),
    State("article-undated", "/news/without-a-date"),
    State("article-update", "/news/update-134"),
    State("article-spanish", "/es/news/agua-para-el-valle"),
    State("article-withdrawn", "/news/taken-back", status=410),
    State("updates", "/updates/"),
    State("updates-empty", "/updates/", site="empty"),
    State("update", "/updates/134/"),
    State("update-other-series", "/updates/peru-news-65/"),
    State("topics", "/topics/"),
    State("topics-empty", "/topics/", site="empty"),
    State("topic", "/topics/society"),
    State("topic-spanish", "/es/topics/mining"),
    State("about", "/about/"),
    State("peru", "/peru/"),
    State("peru-spanish", "/es/peru/"),
    State("page", "/about/aims"),
    State("page-contact", "/about/contact"),
    State("page-accessibility", "/about/accessibility"),
    State("page-privacy", "/about/privacy"),
    State("page-search-help", "/about/search-help"),
    State("page-become-a-member", "/about/become-a-member"),
    State("search-nothing-asked", "/search/"),
    State("search-many", "/search/?q=radio"),
    State("search-second-page", "/search/?q=radio&page=2"),
    State("search-filtered", "/search/?q=radio&topic=politics&from=2015-01&to=2015-12"),
    State("search-sorted", "/search/?q=radio&sort=newest"),
    State("search-one", "/search/?q=constitutional"),
    State("search-none", "/search/?q=quetzalcoatlus"),
    State("search-other-terms", "/search/?q=irrigators"),
    State("search-only-my-words", "/es/search/?q=regantes&words=typed"),
    State("search-misspelt", "/search/?q=quellavecco"),
    State("search-bad-date", "/search/?q=radio&from=yesterday-ish", status=400),
    State("search-spanish", "/es/search/?q=valle"),
    State("link", "/accounts/join/open-link-of-the-tests-not-yet-pressed"),
    State("link-spanish", "/es/accounts/join/open-link-of-the-tests-not-yet-pressed"),
    State("link-used", "/accounts/join/used-link-of-the-tests-already-pressed", status=410),
    State("link-too-old", "/accounts/join/expired-link-of-the-tests-come-too-late", status=410),
    State("link-unknown", "/es/accounts/join/no-such-link", status=404),
    State("link-confirmed", "/accounts/join/confirmed"),
    State("link-again", "/accounts/join/again"),
    State("link-again-spanish", "/es/accounts/join/again"),
    State("link-again-wrong", "/accounts/join/again", status=400, steps=((("email", "jane"),),)),
    State("link-asked", "/accounts/join/asked"),
    State("join", "/members/join"),
    State("join-spanish", "/es/members/join"),
    State("join-membership", JOIN),
    State("join-membership-wrong", JOIN, status=400, steps=((),)),
    State("join-you", JOIN, steps=TO_CHECK[:1]),
    State("join-you-wrong", JOIN, status=400, steps=(MEMBERSHIP, (("name", "www.x.example"),))),
    State("join-you-organisation", JOIN, steps=((("tier", "organisation"),),)),
    State("join-contact", JOIN, steps=TO_CHECK[:2]),
    State(
        "join-contact-wrong",
        JOIN,
        status=400,
        steps=(*TO_CHECK[:2], (("email", "rosa"), ("phone", "x"), ("postcode", "x"))),
    ),
    State("join-contact-spanish", f"/es{JOIN}", steps=TO_CHECK[:2]),
    State("join-payment", JOIN, steps=TO_CHECK[:3]),
    State("join-payment-wrong", JOIN, status=400, steps=(*TO_CHECK[:3], ())),
    State("join-agreements", JOIN, steps=TO_CHECK[:4]),
    State("join-check", JOIN, steps=TO_CHECK),
    State("join-check-spanish", f"/es{JOIN}", steps=TO_CHECK),
    State("join-not-yet", JOIN, status=400, steps=(*TO_CHECK, (("stamp", "nobody's"),))),
    State(
        "join-too-often",
        JOIN,
        status=429,
        steps=(*TO_CHECK, (("stamp", BEGUN),)),
    ),
    *(
        State(f"join-sent-{name}", f"{prefix}/members/join/sent/{content.SENT[payment]}")
        for name, prefix, payment in (
            ("standing-order", "", "standing order"),
            ("cheque", "", "cheque"),
            ("spanish", "/es", "standing order"),
        )
    ),
    State("join-sent-unmailed", f"/members/join/sent/{content.UNMAILED}"),
    State("join-sent-unmailed-spanish", f"/es/members/join/sent/{content.UNMAILED}"),
    State("join-mandate", "/members/join/mandate"),
    State("join-mandate-own", f"/members/join/mandate/{content.SENT['standing order']}"),
    State("join-on-paper", "/members/join/form"),
    State("join-on-paper-spanish", "/es/members/join/form"),
    State("rights", "/members/rights"),
    State("rights-spanish", "/es/members/rights"),
    State(
        "rights-wrong",
        "/members/rights",
        status=400,
        steps=((("right", "complaint"), ("name", "www.x.example"), ("email", "rosa")),),
    ),
    *(
        State(f"rights-sent{name}", f"{prefix}/members/rights/sent/{content.ASKED[mailed]}")
        for name, prefix, mailed in (("", "", True), ("-unmailed-spanish", "/es", False))
    ),
    State("missing", "/no-such-page", status=404),
    State("missing-spanish", "/es/no-such-page", status=404),
    State("bad-request", "/news/?before=nonsense", status=400),
)
# One of each layout, for checks that walk a page from its top to its end.
LAYOUTS = tuple(
    state
    for state in STATES
    if state.name
    in {
        *("home", "home-one-year", "news", "year", "article", "updates", "topics", "topic"),
        *("page", "page-contact", "search-many", "search-filtered", "search-none", "missing"),
        *("bad-request", "link", "link-used", "link-again-wrong"),
        *("join", "join-membership", "join-you-wrong", "join-contact-wrong", "join-agreements"),
        *("rights-wrong", "join-check", "join-too-often", "join-sent-cheque", "join-on-paper"),
    }
)


def visit(page: "Page", state: State, *, at: str = "") -> "Response":
    """Bring a browser to a page, by way of its forms if it lies behind any; return the answer.

    `at` is the address of the site, where the browser does not know it.
    """
    answer = page.goto(at + state.path)
    for step in state.steps:
        form = page.locator("form[method=post]").first
        for name, value in step:
            _fill(form, name, value)
        with page.expect_navigation() as leads:
            form.locator("button").first.click()
        answer = leads.value
    if answer is None:
        raise RuntimeError(f"{state.name}: no answer came")
    return answer


def _fill(form: "Locator", name: str, value: str) -> None:
    fields = form.locator(f"[name={name!r}]")
    kind = fields.first.evaluate("field => field.type")
    if kind in {"radio", "checkbox"}:
        form.locator(f"[name={name!r}][value={value!r}]").check()
    elif kind == "hidden":
        fields.first.evaluate("(field, value) => { field.value = value }", value)
    elif kind.startswith("select"):
        fields.first.select_option(value)
    else:
        fields.first.fill(value)
