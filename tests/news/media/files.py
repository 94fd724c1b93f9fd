"""Files that tests upload: a small picture, and the beginning of a PDF."""

from pathlib import Path

from PIL import Image

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n"


def picture(
    path: Path, size: tuple[int, int] = (40, 30), mode: str = "RGB", **saved: object
) -> Path:
    """Write a picture whose left half is red."""
    drawn = Image.new(mode, size, "white" if mode != "P" else 0)
    drawn.paste(Image.new(mode, (size[0] // 2, size[1]), "red" if mode not in "LP" else 90))
    drawn.save(path, **saved)  # type: ignore[arg-type]  # each format has options of its own
    return path
