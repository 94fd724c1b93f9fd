"""Control characters in what strangers wrote: escaped wherever a log or a terminal shows it."""

import re

# What moves a cursor, ends a line or turns the direction of what follows (C0, DEL and C1; line and
# paragraph separators; bidi controls, marks of annotation, tags), and halves of a character, which
# no file takes. Joiners and no-break spaces stay: names are written with them.
CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def one_line(text: str) -> str:
    r"""Return a text as one line that a terminal shows as it is: a line break becomes "\n"."""
    return CONTROLS.sub(_written, text)


def lines(text: str) -> str:
    """Return a text whose line breaks and tabs are ours, with nothing else that acts."""
    return CONTROLS.sub(lambda found: found[0] if found[0] in "\n\t" else _written(found), text)


def _written(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
