"""A5: a visitor's ways through the site, the same with JavaScript and without."""

import re
from urllib.parse import unquote

from playwright.sync_api import Page, expect


def test_a5_read_the_lead_and_go_on_to_the_article_before_it(visitor: Page) -> None:
    visitor.goto("/")
    lead = visitor.locator("article.lead h2 a")
    title = lead.inner_text()
    lead.click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text(title)
    expect(visitor.locator("article.article time").first).to_be_visible()
    before = visitor.locator("a[rel=prev]")
    earlier = before.inner_text()
    before.click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text(earlier)
    visitor.locator("a[rel=next]").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text(title)


def test_a5_browse_from_a_year_to_a_month_to_an_article(visitor: Page) -> None:
    visitor.goto("/")
    visitor.get_by_role("navigation", name="Main").get_by_role("link", name="Archive").click()
    expect(visitor).to_have_url(re.compile(r"/news/\d{4}/$"))
    visitor.goto("/news/2015/")
    visitor.get_by_role("link", name="December 2015").first.click()
    expect(visitor).to_have_url(re.compile(r"/news/2015/12/$"))
    expect(visitor.get_by_role("heading", level=1)).to_have_text("December 2015")
    visitor.get_by_role("link", name=re.compile("Quechua radio broadcast")).first.click()
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("Quechua radio broadcast")


def test_a5_a_date_leads_to_its_month(visitor: Page) -> None:
    visitor.goto("/news/everything")
    visitor.locator("article.article .dateline a").first.click()
    expect(visitor).to_have_url(re.compile(r"/news/2017/03/$"))


def test_a5_page_through_the_news_and_back(visitor: Page) -> None:
    visitor.goto("/news/")
    first = visitor.locator("main article a").first.inner_text()
    visitor.get_by_role("link", name="Earlier", exact=True).click()
    assert visitor.locator("main article a").first.inner_text() != first
    visitor.get_by_role("link", name="Later", exact=True).click()
    expect(visitor.locator("main article a").first).to_have_text(first)


def test_a5_browse_a_topic(visitor: Page) -> None:
    visitor.goto("/")
    visitor.get_by_role("navigation", name="Main").get_by_role("link", name="Topics").click()
    visitor.get_by_role("main").get_by_role("link", name="Society").click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text("Society")
    visitor.get_by_role("link", name="Earlier", exact=True).click()
    expect(visitor.locator("main article").first).to_be_visible()


def test_a5_browse_the_updates(visitor: Page) -> None:
    visitor.goto("/updates/")
    visitor.get_by_role("link", name="Update 134").first.click()
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("Update 134")
    visitor.get_by_role("link", name="The valley in Update 134").click()
    expect(visitor.locator("article.article .issue a")).to_have_text("Update 134")


def test_a5_search_and_filter_and_take_the_filter_away(visitor: Page) -> None:
    visitor.goto("/about/aims")
    field = visitor.locator("input[type=search]").first
    field.fill("radio")
    field.press("Enter")
    heading = visitor.get_by_role("heading", level=1)
    expect(heading).to_have_text(re.compile(r"45 results for ‘radio’"))
    expect(visitor.locator("input[type=search]").first).to_have_value("radio")
    filters = visitor.get_by_role("form", name="Filters")
    filters.get_by_label("Politics").check()
    filters.get_by_label("From").fill("2015-01")
    filters.get_by_role("button", name="Apply filters").click()
    expect(heading).to_have_text(re.compile(r"23 results"))
    chips = visitor.get_by_role("navigation", name="Filters in force")
    chips.get_by_role("link", name=re.compile("Politics")).click()
    expect(heading).to_have_text(re.compile(r"45 results"))
    chips.get_by_role("link", name="Clear all").click()
    expect(chips).to_have_count(0)


def test_a5_nothing_found_offers_a_way_on(visitor: Page) -> None:
    visitor.goto("/search/?q=quellavecco")
    visitor.get_by_role("link", name=re.compile("quellaveco", re.IGNORECASE)).first.click()
    expect(visitor.locator("main article").first).to_be_visible()
    visitor.goto("/search/?q=quetzalcoatlus")
    expect(visitor.locator("main article")).to_have_count(0)
    visitor.get_by_role("main").locator("a[href*='/topics/']").first.click()
    expect(visitor.locator("main article").first).to_be_visible()


def test_a5_read_in_spanish_and_come_back(visitor: Page) -> None:
    visitor.goto("/")
    visitor.get_by_role("navigation", name="Main").get_by_role("link", name="Español").click()
    expect(visitor).to_have_url(re.compile(r"/es/$"))
    expect(visitor.locator("html")).to_have_attribute("lang", "es")
    visitor.locator("nav .rooms a").first.click()
    expect(visitor).to_have_url(re.compile(r"/es/news/$"))
    visitor.locator("header .other a").click()
    expect(visitor).to_have_url(re.compile(r"[^s]/news/$"))


def test_a5_an_article_leads_to_its_translation(visitor: Page) -> None:
    visitor.goto("/news/formal-launch-of-the-responsible-mining-index")
    link = visitor.locator(".counterpart a")
    title = link.inner_text()
    link.click()
    expect(visitor.get_by_role("heading", level=1)).to_have_text(title)
    expect(visitor.locator("html")).to_have_attribute("lang", "es")


def test_a5_a_missing_page_helps_to_search(visitor: Page) -> None:
    answer = visitor.goto("/no-such-page")
    assert answer is not None
    assert answer.status == 404
    again = visitor.get_by_role("main").locator("input[type=search]")
    again.fill("radio")
    visitor.get_by_role("main").get_by_role("button", name="Search").click()
    expect(visitor.get_by_role("heading", level=1)).to_contain_text("results for ‘radio’")


def test_a5_share_by_plain_links(visitor: Page) -> None:
    visitor.goto("/news/everything")
    mail = visitor.get_by_role("link", name="By e-mail").get_attribute("href") or ""
    assert mail.startswith("mailto:?subject=Everything%20an%20article%20can%20hold")
    assert "/news/everything" in unquote(mail)
    chat = visitor.get_by_role("link", name="By WhatsApp").get_attribute("href") or ""
    assert chat.startswith("https://wa.me/?text=")
    expect(visitor.locator(".own-address")).to_contain_text("/news/everything")


def test_a5_an_old_address_leads_to_its_month(visitor: Page) -> None:
    visitor.goto("/news.php?position=2")
    expect(visitor).to_have_url(re.compile(r"/news/\d{4}/\d\d/$"))
    expect(visitor.locator("main article").first).to_be_visible()


def test_a5_back_restores_the_search(visitor: Page) -> None:
    visitor.goto("/search/?q=radio&topic=politics")
    heading = visitor.get_by_role("heading", level=1).inner_text()
    visitor.locator("main article a").first.click()
    visitor.go_back()
    expect(visitor.get_by_role("heading", level=1)).to_have_text(heading)
    expect(visitor.locator("input[type=search]").first).to_have_value("radio")
    expect(visitor.get_by_label("Politics")).to_be_checked()
