"""Small PDFs written by hand: pages of text, encrypted, without text, hostile."""

import zlib
from collections.abc import Sequence

from tests.deflate_bombs import deflate_bomb


def pdf(*pages: str, trailer: str = "", stream: bytes | None = None) -> bytes:
    """Return a PDF with a page for each text, or whose one page has a content stream as given."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", _FONT]
    kids = []
    for text in pages or ("",):
        number = len(objects) + 1
        kids.append(f"{number} 0 R")
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {number + 1} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        objects.append(stream if stream is not None else _stream(_shown(text)))
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _file(objects, trailer)


def bomb() -> bytes:
    """Return a PDF of a few kilobytes whose page becomes two gigabytes."""
    twice = zlib.compress(deflate_bomb(b" ", 2_000_000_000), 9)
    head = f"<< /Length {len(twice)} /Filter [/FlateDecode /FlateDecode] >>\nstream\n"
    return pdf("", stream=head.encode() + twice + b"\nendstream")


def locked() -> bytes:
    """Return a PDF that wants a password."""
    key = "(" + "x" * 32 + ")"
    return pdf(
        "Secret",
        trailer=f"/Encrypt << /Filter /Standard /V 1 /R 2 /O {key} /U {key} /P -4 >>"
        " /ID [<00> <00>]",
    )


_FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"


def _shown(text: str) -> bytes:
    lines = b"".join(
        b"(%s) Tj T*\n"
        % line.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
        for line in text.split("\n")
    )
    return b"BT /F1 10 Tf 12 TL 50 800 Td\n" + lines + b"ET"


def _stream(data: bytes) -> bytes:
    return f"<< /Length {len(data)} >>\nstream\n".encode() + data + b"\nendstream"


def _file(objects: Sequence[bytes], trailer: str) -> bytes:
    written = b"%PDF-1.4\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(written))
        written += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return (
        written
        + (
            f"xref\n0 {size}\n0000000000 65535 f \n{table}"
            f"trailer << /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{len(written)}\n%%EOF\n"
        ).encode()
    )
