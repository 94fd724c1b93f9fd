"""What several files of tests ask of a rebuild."""

from typing import Any

import pytest

from psgflask.search.index import rebuild, worker_pool
from psgflask.search.index.documents import Document
from psgflask.search.index.inverting import inverted


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of all documents of which a run is made in this process from now on."""
    ids: list[int] = []

    def noting(found: list[Document]) -> Any:
        ids.extend(each.id for each in found)
        return inverted(found)

    monkeypatch.setattr(worker_pool, "inverted", noting)
    monkeypatch.setattr(rebuild, "inverted", noting)
    return ids
