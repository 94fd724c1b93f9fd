"""What looks wrong about a draft, so that somebody is asked before it is saved."""

from collections.abc import Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from psgflask.core import comparison
from psgflask.core.language_names import ENGLISH_NAMES
from psgflask.news.drafts import Draft, one_line
from psgflask.news.models import DRAFT, Article

# A text of which less is in the other one is another text, or one written anew (`containment`).
REWRITTEN, REWORKED = 0.2, 0.5


def find_same(session: Session, draft: Draft) -> Article | None:
    """Return an article in the draft's language that is perhaps the same, in whatever state.

    It has the same text, or the same title and date; of several the newest.
    """
    same_title = (Article.title == draft.title) & (Article.order_date == draft.dateline.order_date)
    same = or_(Article.body == draft.body, same_title)
    query = select(Article).where(Article.language == draft.language, same)
    return session.scalar(query.order_by(Article.id.desc()).limit(1))


def about_language(draft: Draft) -> str | None:
    """Return what looks wrong where a draft is written in another language than it says."""
    read_as = comparison.other_language(draft.language, draft.title, draft.teaser, draft.body)
    if read_as is None:
        return None
    names = ENGLISH_NAMES[read_as], ENGLISH_NAMES[draft.language]
    return "The text reads as {}, and the article is in {}".format(*names)


def about_replacing(session: Session, article: Article, draft: Draft) -> Iterator[str]:
    """Yield what looks wrong where a draft would replace an article that readers know.

    It is of another article; it is written in another language.
    """
    if article.status == DRAFT:
        return
    if language := about_language(draft):
        yield language
    title = one_line(draft.title)
    changed = (title != article.title) + (draft.dateline != article.dateline)
    shared = comparison.containment(article.body, draft.body)
    if (changed and shared < REWRITTEN) or (changed > 1 and shared < REWORKED):
        yield f"It seems to be of another article: {title!r} would replace {article.title!r}"
    namesake = session.scalar(
        select(Article).where(
            Article.title == title, Article.language == article.language, Article.id != article.id
        )
    )
    if namesake is not None and title != article.title:
        yield f"{title!r} is the title of another article, {namesake.slug!r}"
