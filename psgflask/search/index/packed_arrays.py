"""NumPy arrays: several named ones packed into one file, and ragged ones in one flat array."""

import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

ALIGNED = 64
FIRST = 16  # bytes: the CRC-32 of all that follows, the length of the header
CHUNK = 1 << 20

Ints = NDArray[np.int64]


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


def content(array: NDArray[Any]) -> bytes:
    """Return the bytes that an array lies in which was read from a file, without a copy."""
    base: object = array.base
    return base if isinstance(base, bytes) else array.tobytes()


class Stored(Protocol):
    """Packed arrays that are read only where needed."""

    def part(self, name: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """Return an array from `begin` to `end`, or to its own end."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


class InMemory:
    """Arrays in memory."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._arrays = arrays

    def part(self, name: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """Return an array from `begin` to `end`."""
        return self._arrays[name][begin:end]

    def close(self) -> None:
        """Do nothing."""


class InFile:
    """The arrays of a file."""

    def __init__(self, file: Path) -> None:
        """Open it. Raises OSError; ValueError when it is no such file."""
        self._file = os.open(file, os.O_RDONLY)
        try:
            self._begin = FIRST + int.from_bytes(self._read(FIRST, 0)[4:], "little")
            self._places = json.loads(self._read(self._begin - FIRST, FIRST))
        except BaseException:
            self.close()
            raise

    def part(self, name: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """Return an array from `begin` to `end`. Raises ValueError where the file is cut short."""
        kind, length, at = self._places[name]
        size = np.dtype(kind).itemsize
        end = length if end is None else end
        found = self._read((end - begin) * size, self._begin + at + begin * size)
        return np.frombuffer(found, kind)

    def whole(self) -> dict[str, NDArray[Any]]:
        """Return all arrays, each in memory of its own. Raises ValueError for a damaged file."""
        if not self.is_sound():
            raise ValueError("The checksum does not match")
        return {name: self.part(name) for name in self._places}

    def is_sound(self) -> bool:
        """Read the file through and say whether it is as it was written."""
        right = int.from_bytes(self._read(4, 0), "little")
        at, crc = 4, 0
        while chunk := os.pread(self._file, CHUNK, at):
            at, crc = at + len(chunk), zlib.crc32(chunk, crc)
        return crc == right

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _read(self, length: int, at: int) -> bytes:
        if not 0 <= length <= os.fstat(self._file).st_size:
            raise ValueError("The file is not as it was written")
        found = os.pread(self._file, length, at)
        if len(found) != length:
            raise ValueError("The file is cut short")
        return found


def ragged(starts: Ints, lengths: Ints) -> Ints:
    """Return the indices of slices that begin at `starts`, one slice after the other."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    indices: Ints = np.arange(total) + np.repeat(starts - (ends - lengths), lengths)
    return indices
