"""Two texts compared: which lines differ, whether one is a version of the other, their language."""

import difflib
import re
from collections.abc import Sequence
from itertools import islice

from psgflask.core.folding import fold

SHINGLE = 3  # words
# Words that are common in one of the languages and no word of the other.
_FUNCTION_WORDS = {
    "en": """the of and to is are was were been that this these those for with by from on at be it
        its as not have has had which who their they we our will would can could or but""",
    "es": """de la el los las y que en del al por para con una un unos unas su sus lo se es son fue
        ser como mas pero este esta estos estas nos nuestra nuestro o tambien entre""",
}
FUNCTION_WORDS = {language: set(words.split()) for language, words in _FUNCTION_WORDS.items()}
MIN_FUNCTION_WORDS = 4
DOMINANCE = 3  # so many times as often as those of any other language


def difference(before: str, after: str, *, max_lines: int) -> list[str]:
    """Return the lines that differ, as in `diff -u` without its head.

    What exceeds `max_lines` becomes a line that counts it.
    """
    found = difflib.unified_diff(before.splitlines(), after.splitlines(), n=1, lineterm="")
    lines = [line for line in islice(found, 2, None) if not line.startswith("@@")]
    if len(lines) > max_lines:
        lines[max_lines:] = [f"… and {len(lines) - max_lines} lines more"]
    return lines


def containment(one: str, other: str) -> float:
    """Return how much of the shorter text is in the longer one, 0 to 1.

    The measure is the containment of their shingles (A. Broder, "On the resemblance and
    containment of documents", 1997): unrelated texts of one language have about 0, a text and its
    edited version far more.
    """
    left, right = _shingles(one), _shingles(other)
    shorter = min(len(left), len(right))
    return len(left & right) / shorter if shorter else float(left == right)


def language_of(text: str) -> str | None:
    """Return the language whose function words a text has, None where that is not clear."""
    words = _words(text)
    counts = {
        language: sum(word in known for word in words) for language, known in FUNCTION_WORDS.items()
    }
    best = max(counts, key=lambda language: counts[language])
    others = max(count for language, count in counts.items() if language != best)
    clear = counts[best] >= MIN_FUNCTION_WORDS and counts[best] >= DOMINANCE * others
    return best if clear else None


def other_language(language: str, *texts: str) -> str | None:
    """Return another language that one of some texts, or all together, is clearly in."""
    found = (language_of(text) for text in (*texts, "\n".join(texts)))
    return next((each for each in found if each not in (None, language)), None)


def _words(text: str) -> Sequence[str]:
    return re.findall(r"\w+", fold(text))


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = _words(text)
    last = max(1, len(words) - SHINGLE + 1)
    return {tuple(words[start : start + SHINGLE]) for start in range(last if words else 0)}
