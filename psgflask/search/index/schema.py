"""The fields of the index and what a document puts into them (RELEVANCE, "Analysis")."""

from array import array
from dataclasses import dataclass
from typing import Any

from whoosh import fields, formats

from psgflask.search.index.documents import Document, content_hash
from psgflask.search.language import Word, stem, words

LANGUAGES = ("en", "es")
SIDES = ("title", "body")

# Term -> its places in one text, ascending; none in a field without places.
Places = dict[str, list[int]]


class PlacesFormat(formats.Positions):  # type: ignore[misc]  # Whoosh ships no types
    """Positions as 32-bit numbers; Whoosh's own pickles each list, thrice as slow to read."""

    def encode(self, places: list[int]) -> bytes:
        """Pack positions, ascending, in this machine's byte order."""
        return array("I", places).tobytes()

    def decode_positions(self, packed: bytes) -> list[int]:
        """Unpack positions."""
        return array("I", packed).tolist()

    def decode_frequency(self, packed: bytes) -> int:
        """Return how many positions there are."""
        return len(packed) // 4


class PlacesField(fields.FieldType):  # type: ignore[misc]  # Whoosh ships no types
    """A field that is written as `Places`, already analysed."""

    def __init__(self) -> None:
        super().__init__(PlacesFormat(), analyzer=None)


def schema() -> fields.Schema:
    """Return the fields: stems by language, exact words, the id, and what is stored."""
    texts = [f"{side}_{kind}" for side in SIDES for kind in (*LANGUAGES, "exact")]
    return fields.Schema(
        id=fields.ID(stored=True, unique=True),
        data=fields.STORED(),
        **{name: PlacesField() for name in texts},
    )


@dataclass(frozen=True)
class Analysed:
    """What is written of a document: its terms by field, and what is stored by field."""

    terms: dict[str, Places]
    stored: dict[str, Any]


def analysed(document: Document) -> Analysed:
    """Return what is written into each field for a document."""
    title, body = words(document.title), words(document.body)
    number = str(document.id)
    terms: dict[str, Places] = {"id": {number: []}}
    for side, text in zip(SIDES, (title, body), strict=True):
        exact, stems = _places(text, document.language)
        terms[f"{side}_exact"] = exact
        terms[f"{side}_{document.language}"] = stems
    return Analysed(terms, {"id": number, "data": _stored(document, title, body)})


def _places(text: list[Word], language: str) -> tuple[Places, Places]:
    exact: Places = {}
    for place, word in enumerate(text):
        exact.setdefault(word.folded, []).append(place)
    stems: Places = {}
    # By word, not by place: most words come more than once.
    for folded, places in exact.items():
        stems.setdefault(stem(folded, language), []).extend(places)
    for places in stems.values():
        places.sort()
    for place, word in enumerate(text):
        if word.accented:
            exact.setdefault(word.accented, []).append(place)
    return exact, stems


def _stored(document: Document, title: list[Word], body: list[Word]) -> dict[str, Any]:
    return {
        "id": document.id,
        "hash": content_hash(document),
        "language": document.language,
        "topics": document.topics,
        "issue": document.issue,
        "dated_from": document.dated_from.isoformat() if document.dated_from else None,
        "dated_to": document.dated_to.isoformat() if document.dated_to else None,
        "order": document.order_date.toordinal(),
        "words": len(title) + len(body),
        "title_words": len(title),
        "title": " ".join(word.folded for word in title),
    }
