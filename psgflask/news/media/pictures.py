"""Pictures that come in: re-encoded, and thereby rid of all else, by a program of its own."""

import json
from dataclasses import dataclass
from pathlib import Path

from psgflask.news.media import confined

PROGRAM = Path(__file__).with_name("recoding.py")
MEGABYTES, SECONDS = 1000, 25
LARGEST = 25_000_000  # bytes


class PictureRefused(ValueError):
    """The file cannot be taken as a picture; the message says what to do."""


@dataclass(frozen=True)
class Recoded:
    """A picture as the site keeps it; width and height in pixels."""

    data: bytes
    extension: str
    media_type: str
    width: int
    height: int


def recode(path: Path) -> Recoded:
    """Return a picture upright, at most 1600 pixels wide, with nothing in it but the picture.

    Camera data, places (GPS), comments, colour profiles and whatever hides behind the image in
    the file do not survive. Raises PictureRefused: no JPEG, PNG or WebP, too large, or damaged;
    OSError where that is not the file's fault.
    """
    if path.stat().st_size > LARGEST:
        raise PictureRefused(f"{path.name} has more than 25 megabytes: save it smaller")
    written = confined.run(PROGRAM, path, megabytes=MEGABYTES, seconds=SECONDS)
    if written is None:
        raise PictureRefused(
            f"{path.name} takes too long or too much memory to read: save it smaller"
        )
    line, _end, data = written.partition(b"\n")
    said = json.loads(line)
    if "refused" in said:
        raise PictureRefused(f"{path.name} {said['refused']}")
    return Recoded(data, **said)
