"""From an empty folder to an installation: config.py is there whole or not at all."""

from pathlib import Path

import pytest

from psgflask import installing
from tests import full_disk


def test_r4_settings_that_had_no_room_are_written_whole_by_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a config.py would stop every command, and is never written over."""
    with monkeypatch.context() as patched:
        full_disk.no_room_after(patched, 500)
        with pytest.raises(OSError, match="No space"):
            installing.write_config(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert installing.write_config(tmp_path) == tmp_path / "config.py"
    assert installing.write_config(tmp_path) is None
    assert list(tmp_path.iterdir()) == [tmp_path / "config.py"]
    assert (tmp_path / "config.py").stat().st_mode & 0o077 == 0
