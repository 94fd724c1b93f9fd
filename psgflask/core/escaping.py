"""Escaping of control characters in user input, for logs and the terminal."""

import re

# Characters that move a cursor, end a line or change the direction of text (C0, DEL and C1; line
# and paragraph separators; bidi controls, annotation marks, tags), and lone surrogates, which
# cannot be encoded. Joiners and no-break spaces stay: names are written with them.
CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


def one_line(text: str) -> str:
    r"""Return a text as one line without control characters: a line break becomes "\n"."""
    return CONTROLS.sub(_escaped, text)


def lines(text: str) -> str:
    """Return a text with control characters escaped, except line breaks and tabs."""
    return CONTROLS.sub(lambda match: match[0] if match[0] in "\n\t" else _escaped(match), text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
