"""Files that tests upload: a small picture, the beginning of a PDF; and harm to stored ones."""

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from psgflask.news.media.broken_files import DAMAGED, LOST, UNREADABLE

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n"


def picture(
    path: Path, size: tuple[int, int] = (40, 30), mode: str = "RGB", **saved: object
) -> Path:
    """Write a picture whose left half is red."""
    drawn = Image.new(mode, size, "white" if mode != "P" else 0)
    drawn.paste(Image.new(mode, (size[0] // 2, size[1]), "red" if mode not in "LP" else 90))
    drawn.save(path, **saved)  # type: ignore[arg-type]  # each format has options of its own
    return path


def lose(file: Path) -> None:
    file.unlink()


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def block(file: Path) -> None:
    """Make a file that nobody can read, not even root, whom rights do not stop."""
    file.unlink()
    file.mkdir()


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def empty(file: Path) -> None:
    file.write_bytes(b"")


def lose_folder(file: Path) -> None:
    file.unlink()
    file.parent.rmdir()


HARM: dict[Callable[[Path], None], str] = {
    lose: LOST,
    lose_folder: LOST,
    flip: DAMAGED,
    truncate: DAMAGED,
    empty: DAMAGED,
    block: UNREADABLE,
}
