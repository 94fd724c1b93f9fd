"""The texts of the sample content: what the old home page says carries over as it was."""

import re
from datetime import date

import pytest

from psgflask.news.article_files import ArticleFile
from psgflask.news.dateline import DAY
from psgflask.pages import standing_pages
from psgflask.pages.standing_pages import PageText, read_page
from psgflask.sample import content

# The old home page, newest first: headline and date.
OLD_HOME_PAGE = [
    ("UN Human Rights Commissioner lists necessary reforms", date(2018, 7, 15)),
    ("Formal launch of the ‘Responsible Mining Index’", date(2018, 7, 8)),
    ("Modern technology helps the environmental battle", date(2018, 7, 8)),
    ("PSG crowdfunding campaign", date(2018, 6, 30)),
    ("World Cup fever activates calls against racism", date(2018, 6, 30)),
    ("Census: reading the numbers", date(2018, 6, 30)),
    ("Campaign for Lima mayor gets under way", date(2018, 6, 24)),
    ("Teachers start new strike", date(2018, 6, 24)),
    ("Law to exclude Guzman and Mendoza fails, for now", date(2018, 6, 17)),
    ("Anglo sells part of its interest in Quellaveco to Mitsubishi", date(2018, 6, 17)),
]
FACTS = {
    "un-human-rights-commissioner-lists-necessary-reforms": ("37th session", "letter"),
    "formal-launch-of-the-responsible-mining-index": ("Ricardo Labo Fossa", "Thirty", "4 July"),
    "modern-technology-helps-the-environmental-battle": ("ForestLink", "RFUK", "oil spills"),
    "psg-crowdfunding-campaign": ("crowdfunding appeal",),
    "world-cup-fever-activates-calls-against-racism": ("36 years", "40,000", "Russia"),
    "census-reading-the-numbers": ("31.3 million", "INEI"),
    "campaign-for-lima-mayor-gets-under-way": ("21 candidates", "Luis Castañeda Lossio", "October"),
    "teachers-start-new-strike": ("strike", "wages", "reform"),
    "law-to-exclude-guzman-and-mendoza-fails-for-now": ("Constitutional Commission", "13 June"),
    "anglo-sells-part-of-its-interest-in-quellaveco-to-mitsubishi": (
        *("21.9%", "US$600 million", "14 June", "Moquegua"),
    ),
}


def english() -> list[ArticleFile]:
    return [file for file in content.articles() if file.draft.language == "en"]


def spanish() -> list[ArticleFile]:
    return [file for file in content.articles() if file.draft.language == "es"]


def pages() -> list[PageText]:
    files = [*content.PAGES.glob("*/*.md"), *standing_pages.TEXTS.glob("*/*.md")]
    return [read_page(file) for file in files]


def test_the_ten_items_keep_the_headlines_dates_and_order_of_the_old_home_page() -> None:
    newest_first = [file.draft for file in reversed(english())]
    assert [(draft.title, draft.dateline.first) for draft in newest_first] == OLD_HOME_PAGE
    assert {draft.dateline.precision for draft in newest_first} == {DAY}


@pytest.mark.parametrize("slug", FACTS)
def test_an_item_tells_the_facts_that_the_old_page_gave(slug: str) -> None:
    draft = next(file.draft for file in english() if file.draft.slug == slug)
    for fact in FACTS[slug]:
        assert fact in draft.body


def test_four_items_are_there_in_spanish_under_titles_and_slugs_of_their_own() -> None:
    originals = {file.draft.slug: file.draft for file in english()}
    assert len(spanish()) == 4
    for file in spanish():
        original = originals[str(file.draft.translation_of)]
        assert file.draft.dateline == original.dateline
        assert set(file.draft.topics) == set(original.topics)
        assert file.draft.slug != original.slug
        assert file.draft.title != original.title


def test_every_item_has_two_to_four_paragraphs() -> None:
    for file in content.articles():
        paragraphs = [block for block in file.draft.body.split("\n\n") if block.strip()]
        assert 2 <= len(paragraphs) <= 4, file.path.name


def test_every_topic_of_an_item_is_listed_and_every_listed_topic_is_used() -> None:
    used = {slug for file in content.articles() for slug in file.draft.topics}
    assert used == {topic.slug for topic in content.topics()}


def test_topics_have_slugs_of_their_own_and_a_name_in_each_language() -> None:
    topics = content.topics()
    assert len({topic.slug for topic in topics}) == len(topics)
    assert all(topic.english and topic.spanish for topic in topics)


def test_the_appeal_claims_no_amount_and_names_the_item_that_announced_it() -> None:
    slugs = {(file.draft.language, file.draft.slug) for file in content.articles()}
    appeals = content.appeals()
    assert {appeal.language for appeal in appeals} == {"en", "es"}
    for appeal in appeals:
        assert (appeal.language, appeal.article) in slugs
        assert not re.search(r"[£$€%\d]", appeal.text)
        assert (appeal.target, appeal.total, appeal.link) == (None, None, "")


def test_every_page_exists_in_both_languages_in_the_same_place() -> None:
    places = {(page.language, page.slug): (page.section, page.position) for page in pages()}
    slugs = {slug for _language, slug in places}
    assert slugs == {
        *("aims", "historical-overview", "human-rights", "why-join", "become-a-member"),
        *("contact", "accessibility", "privacy", "search-help"),
    }
    for slug in slugs:
        assert places["en", slug] == places["es", slug]


def test_no_two_pages_of_a_section_claim_the_same_position() -> None:
    places = [(page.language, page.section, page.position) for page in pages()]
    assert len(set(places)) == len(places)


def test_the_three_reasons_for_joining_stand_on_their_page() -> None:
    for language in ("en", "es"):
        page = next(p for p in pages() if (p.slug, p.language) == ("why-join", language))
        assert len(re.findall(r"^- ", page.body, re.MULTILINE)) == 3
        assert "/members/join)" in page.body


def test_links_within_a_page_stay_in_its_language() -> None:
    for page in pages():
        for path in re.findall(r"\]\((/[^)]*)\)", page.body):
            assert path.startswith("/es/") == (page.language == "es"), (page.slug, path)


def test_texts_are_not_the_other_languages_left_untranslated() -> None:
    by_place = {(page.slug, page.language): page for page in pages()}
    for (slug, language), page in by_place.items():
        if language == "es":
            assert page.title != by_place[slug, "en"].title
            assert page.body != by_place[slug, "en"].body


def test_quotation_marks_and_apostrophes_are_those_of_print() -> None:
    texts = {file.draft.slug: file.draft for file in content.articles()}
    written = [(slug, f"{d.title}\n{d.teaser}\n{d.body}") for slug, d in texts.items()]
    written += [(page.slug, f"{page.title}\n{page.teaser}\n{page.body}") for page in pages()]
    written += [(text.title, f"{text.title}\n{text.text}") for text in content.appeals()]
    assert len(written) > 20
    for name, text in written:
        prose = re.sub(r"`[^`]*`", "", text)  # what is typed as it stands, such as a query
        assert not re.search("['\"]", prose), name
