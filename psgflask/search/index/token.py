"""The token of the index: what differs after every commit and rebuild, found at little cost."""

import time
from pathlib import Path

from psgflask.search.index import generations
from psgflask.search.index.checksums import toc_name
from psgflask.search.index.generations import POINTER

# Files change within one tick of the file system's clock and seem unchanged: what changed so
# lately, in nanoseconds, is looked at again.
SETTLED = 1_000_000_000


class Token:
    """Remembers the token for as long as neither the pointer nor the generation's folder changed.

    Whatever puts a commit in force renames a file in one of the two.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pointer = folder / POINTER
        # The folder of the generation, when both had changed last, and the token then.
        self._known: tuple[Path, tuple[int, ...], tuple[str, str]] | None = None

    def now(self) -> tuple[str, str]:
        """Return generation and table of contents. Raises IndexBroken."""
        known = self._known
        if known is not None and self._changed(known[0]) == known[1]:
            return known[2]
        begun = time.time_ns()
        generation = generations.current(self.folder)
        changed = self._changed(generation)
        token = generation.name, toc_name(generation)
        settled = changed and max(changed) < begun - SETTLED
        self._known = (generation, changed, token) if settled else None
        return token

    def _changed(self, generation: Path) -> tuple[int, ...]:
        try:
            return self._pointer.stat().st_mtime_ns, generation.stat().st_mtime_ns
        except OSError:
            return ()
