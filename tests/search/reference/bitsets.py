"""Sets of documents as integers, one bit a document: and, or and not are one operation each."""

from collections.abc import Iterable

_MEMBERS = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))


def bits(numbers: Iterable[int]) -> int:
    """Return a set of document numbers as an integer."""
    listed = list(numbers)
    if not listed:
        return 0
    field = bytearray(max(listed) // 8 + 1)
    for number in listed:
        field[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(field, "little")


def members(chosen: int) -> list[int]:
    """Return the document numbers of a set, ascending."""
    found: list[int] = []
    for place, byte in enumerate(chosen.to_bytes((chosen.bit_length() + 7) // 8, "little")):
        if byte:
            base = place << 3
            found += [base + bit for bit in _MEMBERS[byte]]
    return found


def union(sets: Iterable[int]) -> int:
    """Return what is in any of the sets."""
    whole = 0
    for each in sets:
        whole |= each
    return whole
