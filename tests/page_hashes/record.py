"""What was seen, by name: a hash of each, once what differs from run to run is blanked."""

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What is drawn at random, or is of this machine alone, and what stands in its place.
BLANKED: tuple[tuple[re.Pattern[bytes], bytes], ...] = (
    # The token of a form (Flask-WTF), and the cookie that it is compared with.
    (re.compile(rb"I[jm][\w-]{50,60}\.[\w-]{6}\.[\w-]{27}(?![\w-])"), b"[csrf]"),
    (re.compile(rb"(?m)^(Set-Cookie: (?:__Host-)?form=)[^;\r\n]+"), rb"\1[session]"),
    # The secret of a link that was mailed.
    (re.compile(rb"(?<=/accounts/join/)[\w-]{43}(?![\w-])"), b"[link]"),
    # A mail's own number, and the boundary between its parts.
    (re.compile(rb"(?m)^(Message-ID: <)[0-9a-f]{32}@"), rb"\1[id]@"),
    (re.compile(rb"={15}\d{19}=="), b"[boundary]"),
    # By what an article is known to its translation.
    (re.compile(rb'(?m)("work": ")[0-9a-f]{32}"'), rb'\1[id]"'),
    # What commands say of this machine, and of how long they took.
    (re.compile(rb"(The clock jumped from )[\d: -]{19}"), rb"\1[moment]"),
    (re.compile(rb"\d+\.\d (?=[GM]B\b)"), b"[size] "),
    (re.compile(rb"(?m)\b\d+:\d\d:\d\d(?=\s*$)"), b"[elapsed]"),
)
# The form token of joining: a signed pair of a nonce and the second when the form was begun. Other
# words are signed alike, which hold nothing random.
SIGNED = re.compile(rb"(Wy[IJ][\w-]+)\.[\w-]{27}(?![\w-])")


class Record:
    """Hashes by the name of what was seen; with a folder `texts` what was hashed is kept there."""

    def __init__(self, texts: Path | None = None) -> None:
        self.hashes: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        self.paths = {str(ROOT): "[checkout]"}
        self._names: Counter[str] = Counter()
        self._texts = texts
        if texts is not None:
            texts.mkdir(parents=True, exist_ok=True)

    def note(self, kind: str, name: str, seen: bytes) -> None:
        """Note what was seen under a name; `kind` is what it counts as."""
        blank = self.blanked(seen)
        key = f"{kind} {self.blanked(name.encode()).decode()}"
        self._names[key] += 1
        if self._names[key] > 1:
            key = f"{key} #{self._names[key]}"
        self.hashes[key] = hashlib.sha256(blank).hexdigest()
        self.counts[kind] += 1
        if self._texts is not None:
            (self._texts / self.hashes[key]).write_bytes(blank)

    def blanked(self, seen: bytes) -> bytes:
        """Return what was seen without what is random or of this machine alone."""
        for path, name in sorted(self.paths.items(), key=lambda pair: -len(pair[0])):
            seen = seen.replace(path.encode(), name.encode())
        for pattern, instead in BLANKED:
            seen = pattern.sub(instead, seen)
        return SIGNED.sub(_without_form_token, seen)


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    """Yield what is not the same in two records, in the order of the names."""
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            yield f"missing  {name}"
        elif name not in before:
            yield f"new      {name}"
        elif before[name] != after[name]:
            yield f"differs  {name}"


def _without_form_token(found: re.Match[bytes]) -> bytes:
    written = found[1] + b"=" * (-len(found[1]) % 4)
    try:
        told = json.loads(base64.urlsafe_b64decode(written))
    except ValueError:
        return found[0]
    is_token = len(told) == 2 and isinstance(told[1], int)
    return b"[form token]" if is_token else found[0]
