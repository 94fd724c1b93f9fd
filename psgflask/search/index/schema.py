"""The fields of the index and what a document puts into them (RELEVANCE, "Analysis")."""

from array import array
from collections.abc import Iterator
from typing import Any

from whoosh import fields, formats

from psgflask.search.index.documents import Document, content_hash
from psgflask.search.language import Word, stem, words

LANGUAGES = ("en", "es")
SIDES = ("title", "body")

# Term -> its places in one text, ascending.
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
    """A field whose text comes analysed, as `Places`."""

    def __init__(self) -> None:
        super().__init__(PlacesFormat(), analyzer=None)

    def index(self, value: Places, **options: Any) -> Iterator[tuple[bytes, int, float, bytes]]:
        """Yield term, frequency, weight and packed positions."""
        encode = self.format.encode
        for term, places in value.items():
            yield term.encode(), len(places), float(len(places)), encode(places)


def schema() -> fields.Schema:
    """Return the fields: stems by language, exact words, the id, and what is stored."""
    texts = [f"{side}_{kind}" for side in SIDES for kind in (*LANGUAGES, "exact")]
    return fields.Schema(
        id=fields.ID(stored=True, unique=True),
        data=fields.STORED(),
        **{name: PlacesField() for name in texts},
    )


def fields_of(document: Document) -> dict[str, Any]:
    """Return what is written into each field for a document."""
    title, body = words(document.title), words(document.body)
    analysed: dict[str, Any] = {}
    for side, text in zip(SIDES, (title, body), strict=True):
        exact, stems = _places(text, document.language)
        analysed[f"{side}_exact"] = exact
        analysed[f"{side}_{document.language}"] = stems
    return {"id": str(document.id), "data": _stored(document, title, body), **analysed}


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
