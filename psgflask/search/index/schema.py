"""The fields of the index (docs/ranking.md, "Analysis")."""

from array import array

from whoosh import fields, formats

from psgflask.core.language_names import LANGUAGES
from psgflask.search.documents import SIDES


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
    """A field that is written by places, already analysed."""

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
