"""Packed arrays: several named NumPy arrays in one file that is read whole and used as it lies."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALIGNED = 64
FIRST = 16  # bytes: the CRC-32 of all that follows, the length of the header


def pack(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return flat arrays as the content of a file."""
    places: dict[str, tuple[str, int, int]] = {}
    at = 0
    for name, array in arrays.items():
        places[name] = array.dtype.str, len(array), at
        at += -(-array.nbytes // ALIGNED) * ALIGNED
    header = json.dumps(places).encode()
    header += b" " * (-(FIRST + len(header)) % ALIGNED)
    parts = [len(header).to_bytes(FIRST - 4, "little"), header]
    for array in arrays.values():
        parts += [array.tobytes(), bytes(-array.nbytes % ALIGNED)]
    rest = b"".join(parts)
    return zlib.crc32(rest).to_bytes(4, "little") + rest


def unpack(packed: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file, which lie in its bytes. Raises ValueError for a harmed one."""
    if int.from_bytes(packed[:4], "little") != zlib.crc32(memoryview(packed)[4:]):
        raise ValueError("The sum is not right")
    begin = FIRST + int.from_bytes(packed[4:FIRST], "little")
    return {
        name: np.frombuffer(packed, kind, length, begin + at)
        for name, (kind, length, at) in json.loads(packed[FIRST:begin]).items()
    }
